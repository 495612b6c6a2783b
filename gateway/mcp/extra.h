/* What a build offers over MCP beside tickets. The gateway proper offers nothing (extra.c); the one
 * that the MCP conformance suite is run on (tests/conformance) links the suite's test tools. */
#ifndef TB_GATEWAY_MCP_EXTRA_H
#define TB_GATEWAY_MCP_EXTRA_H

#include "common/base/json_write.h"
#include "gateway/mcp/mcp.h"

struct tb_call;

struct tb_mcp_extra {
    /* Adds to what a list method answers. */
    void (*list)(struct tb_json *w, tb_str method);
    /* Whether the message is for one of them; *ret then says what to do. */
    bool (*step)(const struct tb_mcp_message *message, struct tb_arena *arena,
                 struct tb_mcp_step *ret);
    /* Runs a step's call whose op is NULL: fills its reply and tells done, from any thread. */
    void (*run)(struct tb_call *call);
};

/* NULL: nothing. Defined by the program, not by a library. */
extern const struct tb_mcp_extra *const tb_mcp_extra;

#endif
