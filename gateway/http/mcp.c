/* POST /mcp: the Model Context Protocol over Streamable HTTP, without sessions. Answers are JSON; a
 * call that wants progress is answered as a stream of server-sent events. */
#include <string.h>

#include "gateway/http/http.h"
#include "gateway/mcp/mcp.h"

#define ARENA_MAX  ((size_t)256 * 1024 * 1024)
#define STREAM_MAX ((size_t)64 * 1024 * 1024)

struct exchange {
    struct tb_call call;
    struct tb_httpd_request *req; /* NULL once it is a stream */
    struct tb_httpd_stream *stream;
    struct tb_mcp_message message;
    struct tb_mcp_step step;
};

static tb_str as_event(tb_str message, struct tb_arena *arena)
{
    return tb_arena_printf(arena, "event: message\ndata: %.*s\n\n", TB_ARG(message));
}

static void end_stream(struct exchange *x, tb_str answer)
{
    tb_str event = as_event(answer, x->call.arena);
    struct tb_httpd_bytes *bytes = tb_httpd_bytes_new(event.ptr, event.len);
    if (bytes) {
        (void)tb_httpd_stream_push(x->stream, bytes);
        tb_httpd_bytes_unref(bytes);
    }
    tb_httpd_stream_end(x->stream);
    tb_httpd_stream_release(x->stream);
    tb_arena_free(x->call.arena); /* x too */
}

static void finished(struct tb_call *call)
{
    struct exchange *x = call->arg;
    tb_str answer = tb_mcp_finish(&x->step, &call->reply, call->arena);
    if (x->stream) {
        end_stream(x, answer);
    } else {
        tb_gw_json(x->req, 200, answer);
    }
}

/* A stream outlives its request, so what the call needs moves to an arena of its own. NULL:
 * answered already. */
static struct exchange *begin_stream(const struct exchange *from)
{
    struct tb_httpd_request *req = from->req;
    struct tb_arena *arena = tb_arena_new(ARENA_MAX);
    struct exchange *x = arena ? TB_NEW(arena, struct exchange) : NULL;
    if (!x) {
        tb_arena_free(arena);
        tb_gw_problem(req, 503, "unavailable", NULL, "out of memory");
        return NULL;
    }
    *x = *from;
    tb_str *const strings[] = {&x->step.id,
                               &x->step.uri,
                               &x->step.params,
                               &x->step.progress_token,
                               &x->step.idempotency_key,
                               &x->call.secret,
                               &x->call.agent,
                               &x->call.agent_type,
                               &x->call.traceparent};
    for (size_t i = 0; i < TB_COUNT(strings); i++) {
        *strings[i] = tb_str_is_null(*strings[i]) ? TB_STR_NULL : tb_arena_str(arena, *strings[i]);
    }
    x->req = NULL;
    x->call.arena = arena;
    x->call.arg = x;
    const char *text = x->step.op->kind == TB_OP_COMMAND ? "sent; its outcome comes next" : "asked";
    const struct tb_httpd_header headers[] = {{"Cache-Control", TB_LIT("no-store")}};
    const struct tb_httpd_response res = {
        .status = 200,
        .content_type = "text/event-stream",
        .body = as_event(tb_mcp_progress(&x->step, 0, 1, text, arena), arena),
        .headers = headers,
        .nheaders = TB_COUNT(headers)};
    const struct tb_httpd_stream_options opt = {.max_pending = STREAM_MAX};
    x->stream = tb_httpd_stream_begin(req, &res, &opt);
    if (!x->stream) {
        tb_arena_free(arena);
        return NULL;
    }
    return x;
}

static bool takes_streams(tb_str accept)
{
    static const char type[] = "text/event-stream";
    return accept.len > 0 && memmem(accept.ptr, accept.len, type, sizeof type - 1) != NULL;
}

static void run_call(struct tb_gateway *gw, struct exchange *x)
{
    bool streamed =
        !tb_str_is_null(x->step.progress_token) && takes_streams(tb_httpd_header(x->req, "Accept"));
    x = streamed ? begin_stream(x) : x;
    if (!x) {
        return;
    }
    x->call.op = x->step.op;
    x->call.params = x->step.params;
    x->call.idempotency_key = x->step.idempotency_key;
    x->call.expected_version = x->step.expected_version;
    if (tb_service_submit(gw->svc, &x->call)) {
        return;
    }
    tb_str busy = tb_mcp_error(x->step.id, TB_MCP_INTERNAL, x->call.arena,
                               "too many requests are waiting; try again");
    if (x->stream) {
        end_stream(x, busy);
    } else {
        tb_gw_json(x->req, 503, busy);
    }
}

/* The caller is known, and may read. */
static void take(struct tb_gateway *gw, struct tb_httpd_request *req, struct tb_pool_thread *thread,
                 const struct tb_caller *caller, void *arg)
{
    struct exchange *x = arg;
    (void)thread;
    tb_mcp_step(&x->message, caller, x->call.arena, &x->step);
    switch (x->step.todo) {
    case TB_MCP_NOTHING:
        tb_gw_json(req, 202, TB_LIT(""));
        break;
    case TB_MCP_ANSWER:
        tb_gw_json(req, 200, x->step.answer);
        break;
    case TB_MCP_CALL:
        run_call(gw, x);
        break;
    }
}

void tb_gw_mcp(struct tb_gateway *gw, struct tb_httpd_request *req, const struct tb_route *route)
{
    (void)route;
    struct tb_arena *arena = tb_httpd_arena(req);
    struct exchange *x = arena ? TB_NEW(arena, struct exchange) : NULL;
    tb_str wrong = TB_STR_NULL;
    if (!x) {
        tb_gw_problem(req, 503, "unavailable", NULL, "out of memory");
        return;
    }
    if (!tb_gw_known_origin(req)) { /* a page of a stranger, or of a name that was rebound to us */
        tb_gw_problem(req, 403, "forbidden", "Origin", "pages of that origin may not call");
        return;
    }
    tb_str revision = tb_httpd_header(req, "MCP-Protocol-Version");
    if (!tb_mcp_speaks(revision)) {
        tb_gw_problem(req, 400, "bad_request", "MCP-Protocol-Version",
                      "a revision of the protocol that is not spoken here");
        return;
    }
    x->req = req;
    x->call = (struct tb_call){.secret = tb_gw_secret(req),
                               .agent = tb_gw_agent(req),
                               .agent_type = tb_httpd_header(req, "X-Agent-Type"),
                               .traceparent = tb_httpd_header(req, "traceparent"),
                               .wait_ms = -1,
                               .arena = arena,
                               .done = finished,
                               .arg = x};
    tb_str body = tb_httpd_body(req);
    if (!tb_mcp_parse(tb_str_is_null(body) ? TB_LIT("") : body, arena, &x->message, &wrong)) {
        tb_gw_json(req, 400, wrong);
        return;
    }
    tb_gw_run(gw, req, TB_SCOPE_READ, "mcp", take, x);
}
