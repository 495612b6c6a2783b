/* Webhooks through a gateway, which answers as the manager does. */
#include "gateway/hooks/manage.h"
#include "producer/ctl/served.h"

static void strings(struct tb_json *w, const char *name, bool given, tb_strs list)
{
    if (given) {
        tb_json_key(w, name);
        tb_json_strings(w, list);
    }
}

static void text(struct tb_json *w, const char *name, tb_str value)
{
    if (!tb_str_is_null(value)) {
        tb_json_key(w, name);
        tb_json_string(w, value);
    }
}

static void number(struct tb_json *w, const char *name, int64_t value)
{
    if (value > 0) {
        tb_json_key(w, name);
        tb_json_int(w, value);
    }
}

static void fields_json(struct tb_json *w, const struct tb_hook_fields *f)
{
    text(w, "url", f->url);
    text(w, "description", f->description);
    strings(w, "workflow_ids", f->has_workflows, f->workflows);
    strings(w, "ticket_ids", f->has_tickets, f->tickets);
    strings(w, "event_types", f->has_types, f->types);
    number(w, "max_parallel", f->max_parallel);
    number(w, "max_per_second", f->max_per_second);
    text(w, "status", f->status);
}

static const struct verb {
    const char *method;
    const char *behind; /* the id, in the path */
    bool has_id;
    bool has_body;
} verbs[] = {
    [CTL_HOOK_CREATE] = {"POST", NULL, false, true},
    [CTL_HOOK_LIST] = {"GET", NULL, false, false},
    [CTL_HOOK_SHOW] = {"GET", NULL, true, false},
    [CTL_HOOK_UPDATE] = {"PATCH", NULL, true, true},
    [CTL_HOOK_ROTATE] = {"POST", "rotate-secret", true, true},
    [CTL_HOOK_TEST] = {"POST", "test", true, false},
    [CTL_HOOK_DELIVERIES] = {"GET", "deliveries", true, false},
    [CTL_HOOK_REDRIVE] = {"POST", "redrive", true, true},
    [CTL_HOOK_DELETE] = {"DELETE", NULL, true, false},
};

enum tb_rc ctl_served_hook(struct ctl *ctl, const struct ctl_hook_call *call, tb_buf *out,
                           struct tb_error *err)
{
    const struct verb *verb = &verbs[call->verb];
    struct ctl_url url;
    struct ctl_told told = {0};
    tb_buf body;
    tb_buf_init(&body, 1 << 20);
    struct tb_json w = {.buf = &body};
    ctl_url_init(&url, "/webhooks");
    if (verb->has_id) {
        ctl_url_segment(&url, call->id);
    }
    if (verb->behind) {
        ctl_url_segment(&url, tb_str_of(verb->behind));
    }
    if (call->verb == CTL_HOOK_DELIVERIES) {
        ctl_url_add(&url, "status", call->text);
        ctl_url_add_int(&url, "limit", call->number);
    }
    tb_json_open(&w, '{');
    if (call->fields) {
        fields_json(&w, call->fields);
    } else if (call->verb == CTL_HOOK_ROTATE) {
        tb_json_key(&w, "hours");
        tb_json_int(&w, call->number);
    } else {
        text(&w, "delivery_id", call->text);
    }
    tb_json_close(&w, '}');
    const struct ctl_asking asking = {.method = verb->method,
                                      .url = &url,
                                      .body = verb->has_body ? tb_buf_str(&body) : TB_STR_NULL,
                                      .once = verb->method[0] == 'P'};
    enum tb_rc rc = ctl_server_ask(ctl, &asking, &told, err);
    if (rc == TB_OK) {
        tb_buf_add_str(out, told.body);
    }
    ctl_url_dispose(&url);
    tb_buf_dispose(&body);
    return rc;
}
