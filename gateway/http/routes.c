/* Paths beside those of the table of operations. */
#include "gateway/http/http.h"

const struct tb_gw_route tb_gw_routes[] = {
    {"GET", "/healthz", tb_gw_health},          {"GET", "/readyz", tb_gw_ready},
    {"GET", "/openapi.json", tb_gw_openapi},    {"POST", "/session", tb_gw_session_open},
    {"DELETE", "/session", tb_gw_session_end},  {"POST", "/tickets/bulk", tb_gw_bulk},
    {"GET", "/events", tb_gw_events},           {"GET", "/", tb_gw_board},
    {"GET", "/board/{file}", tb_gw_board_file}, {NULL, NULL, NULL},
};
