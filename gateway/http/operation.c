/* Requests for rows of the table of operations. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "common/httpd/encode.h"
#include "gateway/core/arguments.h"
#include "gateway/http/http.h"

struct exchange {
    struct tb_call call;
    struct tb_gateway *gw;
    struct tb_httpd_request *req;
    bool created;
    tb_str if_none_match;
    const char *applied; /* Preference-Applied */
};

static void answer(struct tb_call *call)
{
    struct exchange *x = call->arg;
    const struct tb_reply *reply = &call->reply;
    struct tb_arena *arena = call->arena;
    struct tb_httpd_header headers[4];
    size_t n = 0;
    int status = tb_reply_status(reply, x->created);
    if (reply->kind == TB_REPLY_DONE && reply->version > 0) {
        tb_str tag = tb_arena_printf(arena, "\"%lld\"", (long long)reply->version);
        headers[n++] = (struct tb_httpd_header){"ETag", tag};
        if (call->op->kind == TB_OP_QUERY && tb_etag_matches(x->if_none_match, tag)) {
            const struct tb_reply unchanged = {.kind = TB_REPLY_DONE};
            tb_gw_reply(x->req, &unchanged, 304, headers, n);
            return;
        }
    }
    if (status == 201) {
        headers[n++] = (struct tb_httpd_header){
            "Location", tb_arena_printf(arena, "/tickets/%.*s", TB_ARG(reply->ticket_id))};
    } else if (status == 202) {
        headers[n++] = (struct tb_httpd_header){
            "Location", tb_arena_printf(arena, "/commands/%.*s", TB_ARG(reply->command_id))};
    }
    if (x->applied && status < 300) {
        headers[n++] = (struct tb_httpd_header){"Preference-Applied", tb_str_of(x->applied)};
    }
    tb_gw_reply(x->req, reply, status, headers, n);
}

/* "12" or "12-gzip", as ETag gives it; -1 for * or nothing. False when it is neither. */
static bool read_if_match(tb_str text, int64_t *ret)
{
    *ret = -1;
    if (tb_str_is_null(text) || tb_str_eq_c(text, "*")) {
        return true;
    }
    tb_str state = tb_etag_state(text);
    if (state.len == 0 || state.len > 18) {
        return false;
    }
    *ret = 0;
    for (size_t i = 0; i < state.len; i++) {
        if (state.ptr[i] < '0' || state.ptr[i] > '9') {
            return false;
        }
        *ret = *ret * 10 + (state.ptr[i] - '0');
    }
    return true;
}

/* Prefer (RFC 7240): respond-async, wait=SECONDS, return=minimal; others are ignored. */
static void read_prefer(struct exchange *x, tb_str prefer)
{
    while (prefer.len > 0) {
        size_t n = 0;
        while (n < prefer.len && prefer.ptr[n] != ',' && prefer.ptr[n] != ';') {
            n++;
        }
        tb_str p = {prefer.ptr, n};
        size_t step = n < prefer.len ? n + 1 : n;
        prefer = (tb_str){prefer.ptr + step, prefer.len - step};
        while (p.len > 0 && p.ptr[0] == ' ') {
            p = (tb_str){p.ptr + 1, p.len - 1};
        }
        while (p.len > 0 && p.ptr[p.len - 1] == ' ') {
            p.len--;
        }
        if (tb_str_eq_c(p, "respond-async")) {
            x->call.wait_ms = 0;
            x->applied = "respond-async";
        } else if (tb_str_eq_c(p, "return=minimal")) {
            x->call.brief = true;
            x->applied = x->applied ? x->applied : "return=minimal";
        } else if (tb_str_starts(p, "wait=") && p.len < 10 && x->call.wait_ms != 0) {
            x->call.wait_ms = strtoll(p.ptr + 5, NULL, 10) * 1000;
        }
    }
}

static bool is_json(tb_str type)
{
    static const char json[] = "application/json";
    size_t n = sizeof json - 1;
    return type.len >= n && strncasecmp(type.ptr, json, n) == 0 &&
           (type.len == n || type.ptr[n] == ';' || type.ptr[n] == ' ');
}

/* False when the request was answered already. */
static bool read_arguments(struct exchange *x, const struct tb_route *route)
{
    struct tb_httpd_request *req = x->req;
    struct tb_error err = {.rc = TB_OK};
    struct tb_query query;
    bool has_body = strcmp(route->op->method, "GET") != 0;
    tb_str body = tb_httpd_body(req);
    if (has_body && !is_json(tb_httpd_header(req, "Content-Type"))) {
        tb_gw_problem(req, 415, "not_json", "Content-Type", "the body must be application/json");
        return false;
    }
    if (!has_body && body.len > 0) {
        tb_gw_problem(req, 400, "bad_request", NULL, "a body means nothing here");
        return false;
    }
    body = has_body && tb_str_is_null(body) ? TB_LIT("") : body;
    if (tb_query_parse(tb_httpd_query_text(req), x->call.arena, &query, &err) != TB_OK ||
        tb_arguments(route->op, route, &query, body, x->call.arena, &x->call.params, &err) !=
            TB_OK) {
        tb_gw_problem(req, 400, "bad_request", err.field[0] ? err.field : NULL, "%s", err.text);
        return false;
    }
    return true;
}

void tb_gw_operation(struct tb_gateway *gw, struct tb_httpd_request *req,
                     const struct tb_route *route)
{
    struct tb_arena *arena = tb_httpd_arena(req);
    struct exchange *x = arena ? TB_NEW(arena, struct exchange) : NULL;
    if (!x) {
        tb_gw_problem(req, 503, "unavailable", NULL, "out of memory");
        return;
    }
    x->gw = gw;
    x->req = req;
    x->created = route->op->command == TB_CMD_CREATE && route->op->kind == TB_OP_COMMAND;
    x->if_none_match = tb_httpd_header(req, "If-None-Match");
    x->call = (struct tb_call){.op = route->op,
                               .secret = tb_gw_secret(req),
                               .agent = tb_gw_agent(req),
                               .agent_type = tb_httpd_header(req, "X-Agent-Type"),
                               .idempotency_key = tb_httpd_header(req, "Idempotency-Key"),
                               .traceparent = tb_httpd_header(req, "traceparent"),
                               .wait_ms = -1,
                               .arena = arena,
                               .done = answer,
                               .arg = x};
    if (!read_if_match(tb_httpd_header(req, "If-Match"), &x->call.expected_version)) {
        tb_gw_problem(req, 400, "bad_request", "If-Match", "is no ETag that was given out");
        return;
    }
    read_prefer(x, tb_httpd_header(req, "Prefer"));
    if (read_arguments(x, route) && !tb_service_submit(gw->svc, &x->call)) {
        tb_gw_problem(req, 503, "busy", NULL, "too many requests are waiting; try again");
    }
}
