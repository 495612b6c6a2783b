/* Listening and dispatching. */
#include <stdio.h>

#include "gateway/http/http.h"

/* A literal path wins over one with parameters: both tables are looked through for the best. */
static const struct tb_gw_route *find_route(const char *method, tb_str path, struct tb_route *ret,
                                            char allow[TB_ALLOW_MAX])
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    for (const struct tb_gw_route *r = tb_gw_routes; r->method; r++) {
        if (tb_route_match(r->pattern, path, ret)) {
            if (strcmp(r->method, wanted) == 0) {
                return r;
            }
            tb_allow_add(allow, r->method);
        }
    }
    return NULL;
}

static void not_allowed(struct tb_httpd_request *req, const char *allow)
{
    const struct tb_httpd_header header = {"Allow", tb_str_of(allow)};
    const struct tb_reply reply = {.code = "method_not_allowed",
                                   .detail = TB_LIT("the path takes another method")};
    tb_gw_reply(req, &reply, 405, &header, 1);
}

static void handler(struct tb_httpd_request *req, void *arg)
{
    struct tb_gateway *gw = arg;
    const char *method = tb_httpd_method(req);
    tb_str path = tb_httpd_path(req);
    struct tb_route route = {0};
    char allow[TB_ALLOW_MAX] = "";
    if (tb_gw_preflight(req)) {
        return;
    }
    const struct tb_gw_route *special = find_route(method, path, &route, allow);
    if (special) {
        tb_gw_mark_route(req, special);
        special->handler(gw, req, &route);
        return;
    }
    if (!allow[0]) {
        route = tb_route_find(method, path);
    }
    if (route.op) {
        tb_gw_mark_operation(req, route.op);
        tb_gw_operation(gw, req, &route);
    } else if (allow[0] || route.allow[0]) {
        not_allowed(req, allow[0] ? allow : route.allow);
    } else {
        tb_gw_problem(req, 404, "no_such_path", NULL, "there is nothing at this path");
    }
}

enum tb_rc tb_gateway_listen(struct tb_gateway *gw, struct tb_error *err)
{
    const struct tb_config *cfg = gw->cfg;
    const struct tb_httpd_options opt = {
        .listen = tb_config_str(cfg, TB_CFG(GATEWAY_LISTEN)),
        .threads = (unsigned)tb_config_int(cfg, TB_CFG(GATEWAY_THREADS)),
        .max_connections = (unsigned)tb_config_int(cfg, TB_CFG(GATEWAY_CONNECTIONS)),
        .max_body = (size_t)tb_config_int(cfg, TB_CFG(GATEWAY_BODY_MAX)),
        .receive_timeout_s = (unsigned)tb_config_int(cfg, TB_CFG(GATEWAY_RECEIVE_S)),
        .send_timeout_s = (unsigned)tb_config_int(cfg, TB_CFG(GATEWAY_SEND_S)),
        .gzip_min = (size_t)tb_config_int(cfg, TB_CFG(GATEWAY_GZIP_MIN)),
        .tls_cert = tb_config_str(cfg, TB_CFG(GATEWAY_TLS_CERT)),
        .tls_key = tb_config_str(cfg, TB_CFG(GATEWAY_TLS_KEY)),
        .handler = handler,
        .done = tb_gw_meter,
        .arg = gw,
    };
    tb_gw_cors_allow(tb_config_str(cfg, TB_CFG(GATEWAY_CORS)));
    return tb_httpd_start(&opt, &gw->httpd, err);
}
