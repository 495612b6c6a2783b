#include "gateway/compat/compat.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "gateway/compat/internal.h"

#define DEFAULT_AGENT "hephaestus-agent"

tb_str tb_compat_text(const struct tb_compat *c, const char *name)
{
    const struct tb_tree *member = tb_tree_get(c->body, name);
    return member && member->kind == TB_TREE_STRING ? member->text : TB_STR_NULL;
}

void tb_compat_copy(struct tb_json *w, const struct tb_tree *from, const char *const *names)
{
    for (; *names; names++) {
        const struct tb_tree *member = tb_tree_get(from, *names);
        if (member && member->kind != TB_TREE_NULL) {
            tb_json_key(w, *names);
            tb_json_raw(w, member->raw);
        }
    }
}

static void send_json(struct tb_compat *c, int status, tb_str body)
{
    tb_gw_json(c->req, status, body);
}

/* Errors as that client reads them. */
static void send_detail(struct tb_compat *c, int status, tb_str detail)
{
    tb_buf buf;
    tb_buf_init(&buf, 65536);
    struct tb_json w = {.buf = &buf};
    tb_json_open(&w, '{');
    tb_json_key(&w, "detail");
    tb_json_string(&w, detail.ptr ? detail : TB_LIT(""));
    tb_json_close(&w, '}');
    send_json(c, status, tb_buf_str(&buf));
    tb_buf_dispose(&buf);
}

static void answer(struct tb_compat *c)
{
    tb_buf buf;
    tb_buf_init(&buf, TB_READ_MAX);
    struct tb_json w = {.buf = &buf};
    tb_json_open(&w, '{');
    c->route->answer(c, &w);
    tb_json_close(&w, '}');
    if (buf.failed) {
        send_detail(c, 500, TB_LIT("the answer is too large"));
    } else {
        send_json(c, 200, tb_buf_str(&buf));
    }
    tb_buf_dispose(&buf);
}

static void fail(struct tb_compat *c, const struct tb_reply *reply)
{
    int status = tb_reply_status(reply, false);
    bool refused = status == 409 || status == 412 || status == 422 || status == 403;
    send_detail(c,
                reply->kind == TB_REPLY_PENDING ? 504
                : refused                       ? 400
                                                : status,
                reply->kind == TB_REPLY_PENDING
                    ? TB_LIT("the outcome is not known yet; look before trying again")
                    : reply->detail);
}

static void next(struct tb_compat *c);

static void step_done(struct tb_call *call)
{
    struct tb_compat *c = call->arg;
    int step = c->step++;
    const struct tb_reply *reply = &call->reply;
    c->replies[step] = *reply;
    if (reply->kind == TB_REPLY_DONE) {
        if (tb_tree_parse(reply->body, c->arena, &c->results[step], NULL) != TB_OK) {
            c->results[step] = NULL; /* out of memory: the answer shows less */
        }
    } else if (step <= c->route->main && !(call->op->command == TB_CMD_CHANGE_STATUS &&
                                           reply->rejection == TB_REJECT_TICKET_BLOCKED)) {
        fail(c, reply);
        return;
    }
    next(c);
}

static void next(struct tb_compat *c)
{
    if (c->step == TB_COMPAT_STEPS || c->route->steps[c->step] == TB_OP_COUNT_) {
        answer(c);
        return;
    }
    tb_buf params;
    tb_buf_init(&params, TB_READ_MAX);
    struct tb_json w = {.buf = &params};
    tb_json_open(&w, '{');
    c->route->ask(c, c->step, &w);
    tb_json_close(&w, '}');
    c->call = (struct tb_call){
        .op = &tb_operations[c->route->steps[c->step]],
        .params = tb_buf_take(&params, c->arena),
        .trusted = true,
        .caller = {.token = TB_LIT("compat"), .name = c->agent, .scopes = TB_SCOPE_WRITE},
        .expected_version = -1,
        .wait_ms = -1,
        .arena = c->arena,
        .done = step_done,
        .arg = c};
    tb_buf_dispose(&params);
    if (!tb_service_submit(c->gw->svc, &c->call)) {
        send_detail(c, 503, TB_LIT("too many requests are waiting; try again"));
    }
}

/* ---- requests ---- */

static bool read_request(struct tb_compat *c)
{
    struct tb_error err = {.rc = TB_OK};
    tb_str body = tb_httpd_body(c->req);
    bool post = strcmp(c->route->method, "POST") == 0;
    enum tb_rc rc = tb_query_parse(tb_httpd_query_text(c->req), c->arena, &c->query, &err);
    if (rc == TB_OK && post) {
        rc = tb_str_is_null(body) ? tb_fail(&err, TB_EINVAL, "the body is missing")
                                  : tb_tree_parse(body, c->arena, &c->body, &err);
    }
    if (rc == TB_OK && post && c->body->kind != TB_TREE_OBJECT) {
        rc = tb_fail(&err, TB_EINVAL, "the body is not a JSON object");
    }
    if (rc != TB_OK) {
        send_detail(c, 422, tb_str_of(err.text));
    }
    return rc == TB_OK;
}

static void handler(struct tb_httpd_request *req, void *arg)
{
    struct tb_gateway *gw = arg;
    struct tb_arena *arena = tb_httpd_arena(req);
    tb_gw_mark_compat(req);
    struct tb_compat *c = arena ? TB_NEW(arena, struct tb_compat) : NULL;
    if (!c) {
        tb_gw_problem(req, 503, "unavailable", NULL, "out of memory");
        return;
    }
    tb_str agent = tb_gw_agent(req);
    c->gw = gw;
    c->req = req;
    c->arena = arena;
    c->agent = agent.ptr ? tb_arena_str(arena, agent) : TB_LIT(DEFAULT_AGENT);
    c->workflow = tb_str_of(tb_config_str(gw->cfg, TB_CFG(COMPAT_WORKFLOW)));
    c->started_us = tb_clock_mono_us();
    for (const struct tb_compat_route *r = tb_compat_routes; r->method; r++) {
        struct tb_route match = {0};
        if (strcmp(r->method, tb_httpd_method(req)) == 0 &&
            tb_route_match(r->pattern, tb_httpd_path(req), &match)) {
            c->route = r;
            c->path_value = match.nparams > 0 ? tb_uri_decode(match.params[0].value, false, arena)
                                              : TB_STR_NULL;
            break;
        }
    }
    if (!c->route) {
        send_detail(c, 404, TB_LIT("Not Found"));
    } else if (c->route->fixed) {
        send_json(c, c->route->fixed_status, tb_str_of(c->route->fixed));
    } else if (read_request(c)) {
        next(c);
    }
}

/* Nobody shows a token here, so nobody from elsewhere may come. */
static bool is_loopback(tb_str address)
{
    return tb_str_starts(address, "127.") || tb_str_starts(address, "[::1]:");
}

enum tb_rc tb_compat_listen(struct tb_gateway *gw, struct tb_httpd **ret, struct tb_error *err)
{
    const struct tb_config *cfg = gw->cfg;
    const char *listen = tb_config_str(cfg, TB_CFG(COMPAT_LISTEN));
    *ret = NULL;
    if (!listen[0]) {
        return TB_OK;
    }
    for (tb_str rest = tb_str_of(listen); rest.len > 0;) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t n = comma ? (size_t)(comma - rest.ptr) : rest.len;
        if (!is_loopback((tb_str){rest.ptr, n})) {
            return tb_fail_field(err, TB_EINVAL, "TICKETBUS_COMPAT_LISTEN",
                                 "%.*s is not an address of this machine alone (127.0.0.1, [::1])",
                                 (int)n, rest.ptr);
        }
        size_t step = comma ? n + 1 : n;
        rest = (tb_str){rest.ptr + step, rest.len - step};
    }
    const struct tb_httpd_options opt = {
        .listen = listen,
        .threads = 1,
        .max_connections = 1000,
        .max_body = (size_t)tb_config_int(cfg, TB_CFG(GATEWAY_BODY_MAX)),
        .receive_timeout_s = (unsigned)tb_config_int(cfg, TB_CFG(GATEWAY_RECEIVE_S)),
        .send_timeout_s = (unsigned)tb_config_int(cfg, TB_CFG(GATEWAY_SEND_S)),
        .handler = handler,
        .done = tb_gw_meter,
        .arg = gw,
    };
    return tb_httpd_start(&opt, ret, err);
}
