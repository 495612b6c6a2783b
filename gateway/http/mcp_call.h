/* Between the files of MCP's transport. */
#ifndef TB_GATEWAY_HTTP_MCP_CALL_H
#define TB_GATEWAY_HTTP_MCP_CALL_H

#include "gateway/http/http.h"
#include "gateway/mcp/mcp.h"
#include "gateway/mcp/resume.h"

/* One message under way. Lives in its request's arena, and in one of its own once it is a stream.
 */
struct tb_mcp_exchange {
    struct tb_call call;
    struct tb_gateway *gw;
    struct tb_httpd_request *req; /* NULL once it is a stream */
    struct tb_mcp_message message;
    struct tb_mcp_step step;
    bool primes; /* the client's revision knows events without data */

    /* streams; under gw->mcp.lock */
    struct tb_httpd_stream *stream;
    struct tb_mcp_resume resume; /* command_id null: the stream cannot be resumed */
    int64_t started_us;          /* monotonic */
    struct tb_mcp_exchange *prev, *next;
};

/* Whether the request may be answered at all: page, revision. False: it was refused. */
bool tb_mcp_admit(struct tb_gateway *gw, struct tb_httpd_request *req);

/* Answers with the beginning of a stream, moves what the call needs into an arena of the stream's
 * and returns the exchange there; the old one must not be used. NULL: answered with an error. */
struct tb_mcp_exchange *tb_mcp_stream_begin(const struct tb_mcp_exchange *from);
/* The stream's last message; the exchange is gone. */
void tb_mcp_stream_end(struct tb_mcp_exchange *x, tb_str answer);

/* Appends an event of a stream. resume NULL: without an id. message null: only its id, and when to
 * come back. */
void tb_mcp_event(tb_buf *out, struct tb_mcp_resume *resume, tb_str message);

#endif
