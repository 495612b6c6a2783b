/* The Model Context Protocol, pure: what to answer to a message, or which operation to run for it.
 *
 * Tools are the rows of the table of operations, resources are tickets and boards. A message comes
 * in, tb_mcp_step says what it asks for; what needs an operation is finished by tb_mcp_finish once
 * there is a reply. No state is kept between messages, so any gateway can take any of them.
 * Protocol: modelcontextprotocol.io, revisions 2025-11-25 and 2025-06-18. */
#ifndef TB_GATEWAY_MCP_H
#define TB_GATEWAY_MCP_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/json/tree.h"
#include "gateway/core/caller.h"
#include "gateway/core/operations.h"
#include "gateway/core/reply.h"

/* JSON-RPC's codes, and one of MCP's. */
enum {
    TB_MCP_PARSE_ERROR = -32700,
    TB_MCP_INVALID_REQUEST = -32600,
    TB_MCP_NO_METHOD = -32601,
    TB_MCP_INVALID_PARAMS = -32602,
    TB_MCP_INTERNAL = -32603,
    TB_MCP_NO_RESOURCE = -32002,
};

struct tb_mcp_message {
    tb_str id;     /* as written; null: a notification, or an answer to something of ours */
    tb_str method; /* null: an answer */
    const struct tb_tree *params; /* NULL: none */
};

/* Takes one message apart (batches ended with revision 2025-06-18). Slices are of body and of the
 * arena. False: *ret_error is the JSON-RPC answer to send with status 400. */
bool tb_mcp_parse(tb_str body, struct tb_arena *arena, struct tb_mcp_message *ret,
                  tb_str *ret_error);

/* Whether we speak that revision; a null slice (no header) is fine. */
bool tb_mcp_speaks(tb_str revision);

enum tb_mcp_todo {
    TB_MCP_NOTHING, /* a notification: no answer */
    TB_MCP_ANSWER,  /* answer */
    TB_MCP_CALL,    /* run op with params, then tb_mcp_finish */
};

enum tb_mcp_shape { TB_MCP_TOOL, TB_MCP_RESOURCE, TB_MCP_RESOURCES, TB_MCP_COMPLETION };

struct tb_mcp_step {
    enum tb_mcp_todo todo;
    tb_str answer;

    const struct tb_operation *op; /* NULL: the call is the build's own (extra.h) */
    tb_str params;                 /* JSON object */
    tb_str idempotency_key;        /* params._meta["ticketbus/idempotencyKey"], null: none */
    int64_t expected_version;      /* params._meta["ticketbus/expectedVersion"], -1: any */
    tb_str progress_token;         /* as written, null: no progress is wanted */
    bool streamed;                 /* better answered by a stream, if the client takes one */
    enum tb_mcp_shape shape;
    tb_str id;
    tb_str uri;    /* of a resource */
    tb_str prefix; /* what is to be completed */
};

/* What the message asks for. Lists show what the caller's scopes reach. Everything in *ret lives in
 * the arena or the message. */
void tb_mcp_step(const struct tb_mcp_message *message, const struct tb_caller *caller,
                 struct tb_arena *arena, struct tb_mcp_step *ret);

/* The answer to a step that was TB_MCP_CALL. */
tb_str tb_mcp_finish(const struct tb_mcp_step *step, const struct tb_reply *reply,
                     struct tb_arena *arena);

/* notifications/progress for a token as the client wrote it: seconds waited of those it will wait
 * at most, and a sentence. Appended to out. */
void tb_mcp_progress(tb_buf *out, tb_str token, int64_t waited_s, int64_t total_s,
                     const char *text);

/* A whole JSON-RPC error answer. id null: not known. */
tb_str tb_mcp_error(tb_str id, int code, struct tb_arena *arena, const char *fmt, ...)
    TB_PRINTF(4, 5);

#endif
