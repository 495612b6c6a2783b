/* The gateway offers tickets over MCP and nothing else. */
#include "gateway/mcp/extra.h"

const struct tb_mcp_extra *const tb_mcp_extra = NULL;
