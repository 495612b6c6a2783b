/* POST /mcp: the Model Context Protocol over Streamable HTTP, without sessions. Answers are JSON; a
 * call that wants progress is answered as a stream of server-sent events. */
#include <string.h>

#include "gateway/http/mcp_call.h"
#include "gateway/mcp/extra.h"

static void finished(struct tb_call *call)
{
    struct tb_mcp_exchange *x = call->arg;
    tb_str answer = tb_mcp_finish(&x->step, &call->reply, call->arena);
    if (x->stream) {
        tb_mcp_stream_end(x, answer);
    } else {
        tb_gw_json(x->req, 200, answer);
    }
}

static bool takes_streams(tb_str accept)
{
    static const char type[] = "text/event-stream";
    return accept.len > 0 && memmem(accept.ptr, accept.len, type, sizeof type - 1) != NULL;
}

static void run_call(struct tb_gateway *gw, struct tb_mcp_exchange *x)
{
    bool streamed = x->step.streamed && takes_streams(tb_httpd_header(x->req, "Accept"));
    x = streamed ? tb_mcp_stream_begin(x) : x;
    if (!x) {
        return;
    }
    x->call.op = x->step.op;
    x->call.params = x->step.params;
    x->call.idempotency_key = x->step.idempotency_key;
    x->call.expected_version = x->step.expected_version;
    if (!x->step.op) {
        tb_mcp_extra->run(&x->call);
        return;
    }
    if (tb_service_submit(gw->svc, &x->call)) {
        return;
    }
    tb_str busy = tb_mcp_error(x->step.id, TB_MCP_INTERNAL, x->call.arena,
                               "too many requests are waiting; try again");
    if (x->stream) {
        tb_mcp_stream_end(x, busy);
    } else {
        tb_gw_json(x->req, 503, busy);
    }
}

/* The caller is known, and may read. */
static void take(struct tb_gateway *gw, struct tb_httpd_request *req, struct tb_pool_thread *thread,
                 const struct tb_caller *caller, void *arg)
{
    struct tb_mcp_exchange *x = arg;
    tb_str body = tb_httpd_body(req);
    tb_str wrong = TB_STR_NULL;
    (void)thread;
    if (!tb_mcp_parse(tb_str_is_null(body) ? TB_LIT("") : body, x->call.arena, &x->message,
                      &wrong)) {
        tb_gw_json(req, 400, wrong);
        return;
    }
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

bool tb_mcp_admit(struct tb_gateway *gw, struct tb_httpd_request *req)
{
    if (!tb_gw_known_origin(req)) { /* a page of a stranger, or of a name that was rebound to us */
        tb_service_denied(gw->svc, TB_DENIED_FORBIDDEN, NULL, "mcp", "a page of another origin");
        tb_gw_problem(req, 403, "forbidden", "Origin", "pages of that origin may not call");
        return false;
    }
    if (!tb_mcp_speaks(tb_httpd_header(req, "MCP-Protocol-Version"))) {
        tb_gw_problem(req, 400, "bad_request", "MCP-Protocol-Version",
                      "a revision of the protocol that is not spoken here");
        return false;
    }
    return true;
}

void tb_gw_mcp(struct tb_gateway *gw, struct tb_httpd_request *req, const struct tb_route *route)
{
    (void)route;
    struct tb_arena *arena = tb_httpd_arena(req);
    struct tb_mcp_exchange *x = arena ? TB_NEW(arena, struct tb_mcp_exchange) : NULL;
    if (!x) {
        tb_gw_problem(req, 503, "unavailable", NULL, "out of memory");
        return;
    }
    if (!tb_mcp_admit(gw, req)) {
        return;
    }
    x->gw = gw;
    x->primes = tb_str_eq_c(tb_httpd_header(req, "MCP-Protocol-Version"), "2025-11-25");
    x->req = req;
    x->call = (struct tb_call){.secret = tb_gw_secret(req),
                               .agent = tb_gw_agent(req),
                               .agent_type = tb_httpd_header(req, "X-Agent-Type"),
                               .traceparent = tb_httpd_header(req, "traceparent"),
                               .wait_ms = -1,
                               .arena = arena,
                               .done = finished,
                               .arg = x};
    tb_gw_run(gw, req, TB_SCOPE_READ, "mcp", take, x);
}
