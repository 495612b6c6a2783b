/* The board: static files under a policy that lets nothing in but them. */
#include "gateway/http/web.h"

#include "common/httpd/encode.h"
#include "gateway/http/http.h"

/* No inline script or style, no other origin, no string that becomes markup or script. */
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "            \
    "require-trusted-types-for 'script'; trusted-types 'none'"

static const struct {
    const char *ending;
    const char *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
};

static const char *type_of(tb_str name)
{
    for (size_t i = 0; i < TB_COUNT(types); i++) {
        size_t len = strlen(types[i].ending);
        if (name.len > len && memcmp(name.ptr + name.len - len, types[i].ending, len) == 0) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

static void serve(struct tb_httpd_request *req, tb_str name)
{
    const struct tb_web_file *file = NULL;
    for (size_t i = 0; i < tb_web_nfiles && !file; i++) {
        file = tb_str_eq_c(name, tb_web_files[i].name) ? &tb_web_files[i] : NULL;
    }
    if (!file) {
        tb_gw_problem(req, 404, "no_such_path", NULL, "there is nothing at this path");
        return;
    }
    /* Asked for again each time, and answered with 304 until the program is another. */
    const struct tb_httpd_header headers[] = {
        {"Cache-Control", TB_LIT("no-cache")},
        {"ETag", tb_str_of(file->etag)},
        {"Content-Security-Policy", TB_LIT(POLICY)},
        {"X-Content-Type-Options", TB_LIT("nosniff")},
        {"Referrer-Policy", TB_LIT("no-referrer")},
        {"Cross-Origin-Opener-Policy", TB_LIT("same-origin")},
    };
    bool same = tb_etag_matches(tb_httpd_header(req, "If-None-Match"), tb_str_of(file->etag));
    const struct tb_httpd_response res = {
        .status = same ? 304 : 200,
        .content_type = same ? NULL : type_of(name),
        .body = same ? TB_STR_NULL : (tb_str){.ptr = file->data, .len = file->size},
        .body_is_static = true,
        .headers = headers,
        .nheaders = TB_COUNT(headers),
    };
    tb_httpd_respond(req, &res);
}

void tb_gw_board(struct tb_gateway *gw, struct tb_httpd_request *req, const struct tb_route *route)
{
    (void)gw;
    (void)route;
    serve(req, TB_LIT("index.html"));
}

void tb_gw_board_file(struct tb_gateway *gw, struct tb_httpd_request *req,
                      const struct tb_route *route)
{
    (void)gw;
    (void)route;
    tb_str path = tb_httpd_path(req);
    size_t folder = strlen("/board/");
    serve(req, (tb_str){.ptr = path.ptr + folder, .len = path.len - folder});
}
