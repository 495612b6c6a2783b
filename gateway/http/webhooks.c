/* /webhooks: managed by tokens of scope admin; one that is bound to workflows manages those whose
 * reach is within its own. */
#include "common/base/log.h"
#include "common/json/record.h"
#include "common/model/limits.h"
#include "gateway/hooks/manage.h"
#include "gateway/http/http.h"

enum { LIST_MAX = 100, TEXT_MAX = 500, URL_MAX = 2000, LIMIT_MAX = 1000, LIMIT = 50, HOURS = 24 };
#define ANSWER_MAX ((size_t)64 << 20)

struct body {
    struct tb_present p;
    tb_str url;
    tb_str description;
    tb_strs workflow_ids;
    tb_strs ticket_ids;
    tb_strs event_types;
    int64_t max_parallel;
    int64_t max_per_second;
    tb_str status;
    int64_t hours;
    tb_str delivery_id;
};

/* clang-format off */
#define FIELD(m, kind_, min_, max_, items_, doc_)                                                  \
    {.name = #m, .kind = (kind_), .offset = offsetof(struct body, m), .min = (min_), .max = (max_),\
     .max_items = (items_), .doc = (doc_)}
static const struct tb_field fields[] = {
    FIELD(url, TB_KIND_STRING, 1, URL_MAX, 0, "Where to send."),
    FIELD(description, TB_KIND_STRING, 0, TEXT_MAX, 0, "What it is for."),
    FIELD(workflow_ids, TB_KIND_STRINGS, 1, TB_MAX_ID_CHARS, LIST_MAX, "Only of these workflows."),
    FIELD(ticket_ids, TB_KIND_STRINGS, 1, TB_MAX_ID_CHARS, LIST_MAX, "Only of these tickets."),
    FIELD(event_types, TB_KIND_STRINGS, 1, TB_MAX_ID_CHARS, LIST_MAX, "Only of these types."),
    FIELD(max_parallel, TB_KIND_INT, 1, 64, 0, "Most requests at once."),
    FIELD(max_per_second, TB_KIND_INT, 1, 10000, 0, "Most requests a second."),
    FIELD(status, TB_KIND_STRING, 1, 20, 0, "active or paused."),
};
static const struct tb_field rotate_fields[] = {
    FIELD(hours, TB_KIND_INT, 0, 720, 0, "How long the old secret signs too."),
};
static const struct tb_field redrive_fields[] = {
    FIELD(delivery_id, TB_KIND_STRING, 1, 80, 0, "Only this one."),
};
#define RECORD(var, sname, table)                                                                  \
    static const struct tb_record var = {.name = sname, .size = sizeof(struct body),               \
                                         .fields = table, .nfields = TB_COUNT(table), .doc = ""}
RECORD(hook_record, "webhook", fields);
RECORD(rotate_record, "rotate", rotate_fields);
RECORD(redrive_record, "redrive", redrive_fields);
/* clang-format on */
enum { HAS_URL, HAS_DESCRIPTION, HAS_WORKFLOWS, HAS_TICKETS, HAS_TYPES };

enum verb { CREATE, LIST, SHOW, UPDATE, DELETE, ROTATE, TEST, DELIVERIES, REDRIVE };

struct call {
    enum verb verb;
    tb_str id;
    struct body body;
    tb_str status, before; /* of the query */
    int64_t limit;
};

static enum tb_rc run(const struct tb_hooks_manager *m, const struct call *c, tb_buf *out,
                      struct tb_error *err)
{
    const struct body *b = &c->body;
    const struct tb_hook_fields f = {
        .url = b->url,
        .description = b->description,
        .has_workflows = tb_has(&b->p, HAS_WORKFLOWS),
        .has_tickets = tb_has(&b->p, HAS_TICKETS),
        .has_types = tb_has(&b->p, HAS_TYPES),
        .workflows = b->workflow_ids,
        .tickets = b->ticket_ids,
        .types = b->event_types,
        .max_parallel = b->max_parallel,
        .max_per_second = b->max_per_second,
        .status = b->status,
    };
    switch (c->verb) {
    case CREATE:
        return tb_hooks_create(m, &f, out, err);
    case LIST:
        return tb_hooks_list(m, out, err);
    case SHOW:
        return tb_hooks_show(m, c->id, out, err);
    case UPDATE:
        return tb_hooks_update(m, c->id, &f, out, err);
    case DELETE:
        return tb_hooks_delete(m, c->id, err);
    case ROTATE:
        return tb_hooks_rotate(m, c->id, tb_has(&b->p, 0) ? b->hours : HOURS, out, err);
    case TEST:
        return tb_hooks_test(m, c->id, out, err);
    case DELIVERIES:
        return tb_hooks_deliveries(m, c->id, c->status, c->before, c->limit, out, err);
    case REDRIVE:
        return tb_hooks_redrive(m, c->id, b->delivery_id, out, err);
    }
    return TB_EINVAL;
}

static void serve(struct tb_gateway *gw, struct tb_httpd_request *req,
                  struct tb_pool_thread *thread, const struct tb_caller *caller, void *arg)
{
    const struct call *c = arg;
    struct tb_error err = {.rc = TB_OK};
    struct tb_arena *arena = tb_httpd_arena(req);
    tb_buf out;
    tb_buf_init(&out, ANSWER_MAX);
    enum tb_rc rc = tb_pool_pg(thread, &err);
    const struct tb_hooks_manager m = {.pg = thread->pg,
                                       .cfg = gw->cfg,
                                       .arena = arena,
                                       .actor = caller->name,
                                       .workflows = caller->workflows};
    rc = rc == TB_OK ? run(&m, c, &out, &err) : rc;
    struct tb_reply reply = {.kind = TB_REPLY_DONE, .body = tb_buf_str(&out)};
    if (rc == TB_OK && out.failed) {
        rc = tb_fail(&err, TB_ENOMEM, "out of memory");
    }
    if (rc == TB_ENOTFOUND) {
        tb_gw_problem(req, 404, "webhook_not_found", "webhook_id", "%s", err.text);
    } else if (rc == TB_EINVAL) {
        if (strcmp(err.code, TB_HOOKS_NOT_PERMITTED) == 0) {
            tb_service_denied(gw->svc, TB_DENIED_FORBIDDEN, caller, "webhooks", err.code);
        }
        tb_gw_problem(req, 422, "validation_failed", err.field[0] ? err.field : NULL, "%s",
                      err.text);
    } else if (rc != TB_OK) {
        tb_log_warn("webhooks: %s", err.text);
        tb_reply_from(&reply, arena, &err);
        tb_gw_reply(req, &reply, tb_reply_status(&reply, false), NULL, 0);
    } else {
        int status = c->verb == CREATE   ? 201
                     : c->verb == TEST   ? 202
                     : c->verb == DELETE ? 204
                                         : 200;
        tb_gw_reply(req, &reply, status, NULL, 0);
    }
    tb_buf_dispose(&out);
}

/* False: answered. */
static bool read_body(struct tb_httpd_request *req, struct call *c)
{
    struct tb_error err = {.rc = TB_OK};
    tb_str body = tb_httpd_body(req);
    const struct tb_record *record = c->verb == ROTATE    ? &rotate_record
                                     : c->verb == REDRIVE ? &redrive_record
                                                          : &hook_record;
    bool optional = c->verb != CREATE && c->verb != UPDATE;
    if (body.len == 0 && optional) {
        return true;
    }
    if (tb_record_parse(record, body.len ? body : TB_LIT("{}"), tb_httpd_arena(req), &c->body,
                        &err) != TB_OK) {
        tb_gw_problem(req, err.field[0] ? 422 : 400,
                      err.field[0] ? "validation_failed" : "bad_request",
                      err.field[0] ? err.field : NULL, "%s", err.text);
        return false;
    }
    return true;
}

static bool read_query(struct tb_httpd_request *req, struct call *c)
{
    struct tb_query query = {0};
    struct tb_error err = {.rc = TB_OK};
    if (tb_query_parse(tb_httpd_query_text(req), tb_httpd_arena(req), &query, &err) != TB_OK) {
        tb_gw_problem(req, 400, "bad_request", NULL, "%s", err.text);
        return false;
    }
    tb_str limit = tb_query_get(&query, "limit");
    c->status = tb_query_get(&query, "status");
    c->before = tb_query_get(&query, "before");
    c->limit = tb_str_is_null(limit) ? LIMIT : 0;
    for (size_t i = 0; limit.ptr && i < limit.len && c->limit <= LIMIT_MAX; i++) {
        bool digit = limit.ptr[i] >= '0' && limit.ptr[i] <= '9';
        c->limit = digit ? c->limit * 10 + (limit.ptr[i] - '0') : LIMIT_MAX + 1;
    }
    if (c->limit < 1 || c->limit > LIMIT_MAX) {
        tb_gw_problem(req, 422, "validation_failed", "limit", "is from 1 to %d", LIMIT_MAX);
        return false;
    }
    return true;
}

static void begin(struct tb_gateway *gw, struct tb_httpd_request *req, const struct tb_route *route,
                  enum verb verb)
{
    struct tb_arena *arena = tb_httpd_arena(req);
    struct call *c = TB_NEW(arena, struct call);
    if (!c) {
        tb_gw_problem(req, 503, "unavailable", NULL, "out of memory");
        return;
    }
    c->verb = verb;
    if (route->nparams) {
        c->id = tb_uri_decode(route->params[0].value, false, arena);
        c->id = c->id.ptr ? c->id : TB_LIT("");
    }
    bool has_body = verb == CREATE || verb == UPDATE || verb == ROTATE || verb == REDRIVE;
    if ((!has_body || read_body(req, c)) && (verb != DELIVERIES || read_query(req, c))) {
        tb_gw_run(gw, req, TB_SCOPE_ADMIN, "webhooks", serve, c);
    }
}

#define HANDLER(name, verb)                                                                        \
    void name(struct tb_gateway *gw, struct tb_httpd_request *req, const struct tb_route *route)   \
    {                                                                                              \
        begin(gw, req, route, verb);                                                               \
    }
HANDLER(tb_gw_hook_create, CREATE)
HANDLER(tb_gw_hook_list, LIST)
HANDLER(tb_gw_hook_show, SHOW)
HANDLER(tb_gw_hook_update, UPDATE)
HANDLER(tb_gw_hook_delete, DELETE)
HANDLER(tb_gw_hook_rotate, ROTATE)
HANDLER(tb_gw_hook_test, TEST)
HANDLER(tb_gw_hook_deliveries, DELIVERIES)
HANDLER(tb_gw_hook_redrive, REDRIVE)
