/* Between the files of this folder. */
#ifndef TB_GATEWAY_MCP_INTERNAL_H
#define TB_GATEWAY_MCP_INTERNAL_H

#include "common/base/json_write.h"
#include "gateway/mcp/mcp.h"

/* An answer is begun with its id up to the member `result`, whose value the caller writes, and
 * ended. The buffer's cap is that of any answer. */
void tb_mcp_begin(struct tb_json *w, tb_buf *buf, tb_str id);
/* Takes what was written into the arena; an internal error when memory ran out. */
tb_str tb_mcp_end(struct tb_json *w, tb_str id, struct tb_arena *arena);

/* A member with a text. */
void tb_mcp_text(struct tb_json *w, const char *name, tb_str value);

/* The value of result for prompts/list and prompts/get. get: false when there is no such prompt or
 * an argument is missing; *ret_why says so. */
void tb_mcp_prompts(struct tb_json *w);
bool tb_mcp_prompt(struct tb_json *w, const struct tb_tree *params, const char **ret_why);
/* The name of the prompt's one argument, NULL when there is no such prompt. */
const char *tb_mcp_prompt_argument(tb_str name);

/* completion/complete: which operation knows the values, and with what parameters. NULL: *ret_why
 * says what is wrong with params. */
const struct tb_operation *tb_mcp_complete(const struct tb_tree *params, tb_str *ret_params,
                                           tb_str *ret_prefix, const char **ret_why);
/* The value of result: of what the operation answered, the ids that begin with the prefix, or whose
 * title or name holds it. */
void tb_mcp_completed(struct tb_json *w, tb_str body, tb_str prefix, struct tb_arena *arena);

/* A list method's array goes on with what this build adds. */
void tb_mcp_add_extra(struct tb_json *w, tb_str method);

#define TB_TICKET_URI "ticket://"
#define TB_BOARD_URI  "board://"

#endif
