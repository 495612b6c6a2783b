/* Streams that broke: what a client may ask for again, pure.
 *
 * The ids of a stream's events say which command the call has sent, since when, and for which
 * request. A client whose stream ends without an answer comes back with the last of them, to any
 * gateway, and gets what has become of the command from the command log. */
#ifndef TB_GATEWAY_MCP_RESUME_H
#define TB_GATEWAY_MCP_RESUME_H

#include "common/base/uuid.h"
#include "gateway/mcp/mcp.h"

/* Longer ids of requests get no ids of events. */
#define TB_MCP_RESUME_ID_MAX 100
/* How long a client is told to come back before it gets the command's id and has to ask itself. */
#define TB_MCP_RESUME_S 60

struct tb_mcp_resume {
    tb_str command_id; /* a UUID */
    int64_t since_s;   /* seconds since 1970 */
    tb_str request_id; /* as the client wrote it */
    int64_t event;     /* which of the stream */
};

/* Appends the id of an event. */
void tb_mcp_event_id(tb_buf *out, const struct tb_mcp_resume *resume);
/* False: none of ours. What *ret points to is in the arena. */
bool tb_mcp_event_id_parse(tb_str text, struct tb_arena *arena, struct tb_mcp_resume *ret);

/* What get_command replied becomes the answer to the call. Null: the outcome is not known yet, and
 * at now_s the client should still come back. */
tb_str tb_mcp_resumed(const struct tb_mcp_resume *resume, const struct tb_reply *reply,
                      int64_t now_s, struct tb_arena *arena);

#endif
