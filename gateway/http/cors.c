/* Pages of other origins: only those the settings name. Cookies are never theirs. */
#include "gateway/http/http.h"

static const char *allowed_origins = "";

void tb_gw_cors_allow(const char *origins)
{
    allowed_origins = origins;
}

static bool is_allowed(tb_str origin)
{
    tb_str rest = tb_str_of(allowed_origins);
    while (rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t n = comma ? (size_t)(comma - rest.ptr) : rest.len;
        if (tb_str_eq((tb_str){rest.ptr, n}, origin)) {
            return true;
        }
        size_t step = comma ? n + 1 : n;
        rest = (tb_str){rest.ptr + step, rest.len - step};
    }
    return false;
}

size_t tb_gw_cors(const struct tb_httpd_request *req, struct tb_httpd_header *ret)
{
    tb_str origin = allowed_origins[0] ? tb_httpd_header(req, "Origin") : TB_STR_NULL;
    if (tb_str_is_null(origin) || !is_allowed(origin)) {
        return 0;
    }
    ret[0] = (struct tb_httpd_header){"Access-Control-Allow-Origin", origin};
    ret[1] = (struct tb_httpd_header){
        "Access-Control-Expose-Headers",
        TB_LIT("ETag, Location, Retry-After, Preference-Applied, Mcp-Session-Id")};
    return 2;
}

bool tb_gw_preflight(struct tb_httpd_request *req)
{
    tb_str origin = tb_httpd_header(req, "Origin");
    if (strcmp(tb_httpd_method(req), "OPTIONS") != 0 || tb_str_is_null(origin) ||
        tb_str_is_null(tb_httpd_header(req, "Access-Control-Request-Method")) ||
        !is_allowed(origin)) {
        return false;
    }
    const struct tb_httpd_header headers[] = {
        {"Access-Control-Allow-Origin", origin},
        {"Access-Control-Allow-Methods", TB_LIT("GET, POST, PUT, PATCH, DELETE")},
        {"Access-Control-Allow-Headers",
         TB_LIT("Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, "
                "X-Agent-ID, X-Agent-Type, traceparent, Last-Event-ID, Mcp-Session-Id, "
                "MCP-Protocol-Version")},
        {"Access-Control-Max-Age", TB_LIT("600")},
        {"Vary", TB_LIT("Origin")},
    };
    const struct tb_httpd_response res = {
        .status = 204, .headers = headers, .nheaders = TB_COUNT(headers)};
    tb_httpd_respond(req, &res);
    return true;
}
