/* Paths beside those of the table of operations. */
#include "gateway/http/http.h"

const struct tb_gw_route tb_gw_routes[] = {
    {"GET", "/healthz", tb_gw_health},
    {"GET", "/readyz", tb_gw_ready},
    {"GET", "/openapi.json", tb_gw_openapi},
    {"POST", "/session", tb_gw_session_open},
    {"DELETE", "/session", tb_gw_session_end},
    {"POST", "/tickets/bulk", tb_gw_bulk},
    {"GET", "/events", tb_gw_events},
    {"POST", "/webhooks", tb_gw_hook_create},
    {"GET", "/webhooks", tb_gw_hook_list},
    {"GET", "/webhooks/{webhook_id}", tb_gw_hook_show},
    {"PATCH", "/webhooks/{webhook_id}", tb_gw_hook_update},
    {"DELETE", "/webhooks/{webhook_id}", tb_gw_hook_delete},
    {"POST", "/webhooks/{webhook_id}/rotate-secret", tb_gw_hook_rotate},
    {"POST", "/webhooks/{webhook_id}/test", tb_gw_hook_test},
    {"GET", "/webhooks/{webhook_id}/deliveries", tb_gw_hook_deliveries},
    {"POST", "/webhooks/{webhook_id}/redrive", tb_gw_hook_redrive},
    {"GET", "/", tb_gw_board},
    {"GET", "/board/{file}", tb_gw_board_file},
    {"POST", "/mcp", tb_gw_mcp},
    {"GET", "/mcp", tb_gw_mcp_resume},
    {NULL, NULL, NULL},
};
