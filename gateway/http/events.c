/* GET /events: server-sent events of what the token may read. */
#include "common/base/utf8.h"
#include "gateway/http/http.h"
#include "gateway/stream/hub.h"

static void refuse(struct tb_httpd_request *req, int status, const char *code, const char *field,
                   const char *sentence)
{
    tb_gw_problem(req, status, code, field, "%s", sentence);
}

enum tb_rc tb_gw_events_start(struct tb_gateway *gw, struct tb_error *err)
{
    return tb_hub_start(gw->cfg, refuse, &gw->hub, err);
}

static void add(tb_strs *list, tb_str *items, tb_str value)
{
    list->items = items;
    items[list->n++] = value;
}

/* False: answered. */
static bool read_query(struct tb_httpd_request *req, struct tb_filter *filter, tb_str *last_id)
{
    struct tb_arena *arena = tb_httpd_arena(req);
    struct tb_query query = {0};
    struct tb_error err = {.rc = TB_OK};
    if (tb_query_parse(tb_httpd_query_text(req), arena, &query, &err) != TB_OK) {
        tb_gw_problem(req, 400, "bad_request", NULL, "%s", err.text);
        return false;
    }
    tb_str *items = TB_NEW_N(arena, tb_str, 3 * query.n + 1);
    for (size_t i = 0; items && i < query.n; i++) {
        const struct tb_query_param *p = &query.params[i];
        if (tb_str_eq_c(p->name, "workflow_id")) {
            add(&filter->workflows, items, p->value);
        } else if (tb_str_eq_c(p->name, "ticket_id")) {
            add(&filter->tickets, items + query.n, p->value);
        } else if (tb_str_eq_c(p->name, "type")) {
            add(&filter->types, items + 2 * query.n, p->value);
        } else if (tb_str_eq_c(p->name, "last_event_id")) {
            *last_id = p->value; /* for pages, which cannot set the header at first */
        } else {
            tb_gw_problem(req, 422, "validation_failed",
                          tb_arena_str(arena, tb_utf8_prefix(p->name, 60)).ptr,
                          "there is no such parameter");
            return false;
        }
    }
    tb_str header = tb_httpd_header(req, "Last-Event-ID");
    *last_id = header.len > 0 ? header : *last_id;
    return true;
}

static void serve(struct tb_gateway *gw, struct tb_httpd_request *req,
                  struct tb_pool_thread *thread, const struct tb_caller *caller, void *arg)
{
    (void)thread;
    (void)arg;
    struct tb_filter filter = {.allowed = caller->workflows};
    tb_str last_id = TB_STR_NULL;
    if (!read_query(req, &filter, &last_id)) {
        return;
    }
    for (size_t i = 0; i < filter.workflows.n; i++) {
        if (!tb_caller_may_touch(caller, filter.workflows.items[i])) {
            tb_service_denied(gw->svc, TB_DENIED_FORBIDDEN, caller, "events", "another workflow");
            tb_gw_problem(req, 403, "forbidden", "workflow_id",
                          "the token does not reach this workflow");
            return;
        }
    }
    tb_hub_serve(gw->hub, req, &filter, last_id);
}

void tb_gw_events(struct tb_gateway *gw, struct tb_httpd_request *req, const struct tb_route *route)
{
    (void)route;
    tb_gw_run(gw, req, TB_SCOPE_READ, "events", serve, NULL);
}
