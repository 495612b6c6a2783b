/* GET /mcp with Last-Event-ID: a stream broke before its answer. What has become of its command is
 * looked up, and when it is not known yet the client is told to come back: no connection waits. */
#include "common/base/clock.h"
#include "gateway/http/mcp_call.h"

static void answer_event(struct tb_mcp_exchange *x, tb_str message)
{
    tb_buf event;
    tb_buf_init(&event, (size_t)1024 * 1024);
    tb_mcp_event(&event, &x->resume, message);
    const struct tb_httpd_header headers[] = {{"Cache-Control", TB_LIT("no-store")}};
    const struct tb_httpd_response res = {.status = event.failed ? 503 : 200,
                                          .content_type = "text/event-stream",
                                          .body = tb_buf_str(&event),
                                          .headers = headers,
                                          .nheaders = TB_COUNT(headers)};
    tb_httpd_respond(x->req, &res);
    tb_buf_dispose(&event);
}

static void found(struct tb_call *call)
{
    struct tb_mcp_exchange *x = call->arg;
    const struct tb_reply *reply = &call->reply;
    if (reply->kind == TB_REPLY_DONE || reply->kind == TB_REPLY_NOT_FOUND) {
        answer_event(x,
                     tb_mcp_resumed(&x->resume, reply, tb_clock_wall_us() / 1000000, call->arena));
    } else {
        tb_gw_reply(x->req, reply, tb_reply_status(reply, false), NULL, 0);
    }
}

void tb_gw_mcp_resume(struct tb_gateway *gw, struct tb_httpd_request *req,
                      const struct tb_route *route)
{
    (void)route;
    tb_str last = tb_httpd_header(req, "Last-Event-ID");
    struct tb_arena *arena = tb_httpd_arena(req);
    struct tb_mcp_exchange *x = arena ? TB_NEW(arena, struct tb_mcp_exchange) : NULL;
    if (!x) {
        tb_gw_problem(req, 503, "unavailable", NULL, "out of memory");
        return;
    }
    if (!tb_mcp_admit(gw, req)) {
        return;
    }
    if (tb_str_is_null(last)) { /* nothing is sent that nobody asked for */
        const struct tb_httpd_header allow = {"Allow", TB_LIT("POST")};
        const struct tb_reply reply = {
            .code = "method_not_allowed",
            .detail =
                TB_LIT("messages are sent with POST; GET resumes a stream, by Last-Event-ID")};
        tb_gw_reply(req, &reply, 405, &allow, 1);
        return;
    }
    if (!tb_mcp_event_id_parse(last, arena, &x->resume)) {
        tb_gw_problem(req, 400, "bad_request", "Last-Event-ID", "no id of an event of ours");
        return;
    }
    x->gw = gw;
    x->req = req;
    x->call = (struct tb_call){
        .op = &tb_operations[TB_OP_GET_COMMAND],
        .params = tb_arena_printf(arena, "{\"command_id\":\"%.*s\"}", TB_ARG(x->resume.command_id)),
        .secret = tb_gw_secret(req),
        .arena = arena,
        .done = found,
        .arg = x};
    if (!tb_service_submit(gw->svc, &x->call)) {
        tb_gw_problem(req, 503, "busy", NULL, "too many requests are waiting; try again");
    }
}
