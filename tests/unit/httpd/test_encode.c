/* Compressed answers: what clients ask for, tags of both forms, and what the server sends. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "common/base/buf.h"
#include "common/httpd/encode.h"
#include "common/httpd/httpd.h"
#include "tests/unit/base/unit.h"

static void accepting(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "gzip",
        "GZip",
        "x-gzip",
        "gzip, deflate, br",
        "deflate,gzip;q=0.5",
        "gzip;q=1.0",
        "gzip ; q=0.001",
        "*",
        "*;q=0.1",
        "identity;q=0.5, gzip;q=0.5",
        "identity;q=0, *",
        "br;q=1, gzip",
        " gzip\t",
        "gzip;x=y;q=0.2",
        "*;q=0, gzip",
    };
    static const char *const no[] = {
        "",
        "identity",
        "deflate, br",
        "gzip;q=0",
        "gzip;q=0.000",
        "*;q=0",
        "gzip;q=0, *",
        "gzipped",
        "gzip;q=2",
        "gzip;q=-1",
        "gzip;q=x",
        "gzip;q=",
        "gzip;q=0.5, identity",
        ",,;;=,",
        "gzip;q=1.1",
    };
    for (size_t i = 0; i < TB_COUNT(yes); i++) {
        if (!tb_accepts_gzip(tb_str_of(yes[i]))) {
            fail_msg("\"%s\" asks for gzip", yes[i]);
        }
    }
    for (size_t i = 0; i < TB_COUNT(no); i++) {
        if (tb_accepts_gzip(tb_str_of(no[i]))) {
            fail_msg("\"%s\" does not ask for gzip", no[i]);
        }
    }
    assert_false(tb_accepts_gzip(TB_STR_NULL));
}

static void tags(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        const char *tag;
        bool matches;
    } cases[] = {
        {"\"12\"", "\"12\"", true},      {"\"12-gzip\"", "\"12\"", true},
        {"W/\"12\"", "\"12\"", true},    {"\"11\", \"12-gzip\"", "\"12\"", true},
        {"*", "\"12\"", true},           {"\"12\"", "\"12-gzip\"", true},
        {"\"1\"", "\"12\"", false},      {"12", "\"12\"", false},
        {"", "\"12\"", false},           {"\"12", "\"12\"", false},
        {"\"12-gzi\"", "\"12\"", false}, {"\"-gzip\"", "\"\"", false},
    };
    for (size_t i = 0; i < TB_COUNT(cases); i++) {
        if (tb_etag_matches(tb_str_of(cases[i].header), tb_str_of(cases[i].tag)) !=
            cases[i].matches) {
            fail_msg("%s and %s", cases[i].header, cases[i].tag);
        }
    }
    assert_false(tb_etag_matches(TB_STR_NULL, TB_LIT("\"12\"")));
    assert_true(tb_str_is_null(tb_etag_state(TB_LIT("W/\"12\""))));
    assert_true(tb_str_eq_c(tb_etag_state(TB_LIT("\"12-gzip\"")), "12"));
}

/* Bytes as gzip has them, back to what they were. */
static void unzip(const void *bytes, size_t len, char *out, size_t room)
{
    z_stream z = {.zalloc = Z_NULL};
    union {
        const void *ours;
        Bytef *theirs;
    } in = {.ours = bytes};
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_in = in.theirs;
    z.avail_in = (uInt)len;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)room;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    out[z.total_out] = '\0';
    (void)inflateEnd(&z);
}

static void bytes(void **state)
{
    (void)state;
    static const char text[] = "to be or not to be or to be or not to be";
    char back[100];
    size_t len = 0;
    void *zipped = tb_gzip(tb_str_of(text), &len);
    assert_non_null(zipped);
    unzip(zipped, len, back, sizeof back - 1);
    assert_string_equal(back, text);
    free(zipped);
    zipped = tb_gzip(TB_LIT(""), &len);
    unzip(zipped, len, back, sizeof back - 1);
    assert_string_equal(back, "");
    free(zipped);
}

/* ---- the server ---- */

enum { BODY = 3000 };
static struct tb_httpd *httpd;
static char body[BODY + 1];

static void handler(struct tb_httpd_request *req, void *arg)
{
    (void)arg;
    tb_str path = tb_httpd_path(req);
    const struct tb_httpd_header headers[] = {{"ETag", TB_LIT("\"7\"")},
                                              {"Vary", TB_LIT("Origin")}};
    const struct tb_httpd_header encoded[] = {{"Content-Encoding", TB_LIT("br")}};
    struct tb_httpd_response res = {.status = 200,
                                    .content_type = "application/json",
                                    .body = tb_str_of(body),
                                    .headers = headers,
                                    .nheaders = TB_COUNT(headers)};
    if (tb_str_eq_c(path, "/small")) {
        res.body.len = 999;
    } else if (tb_str_eq_c(path, "/edge")) {
        res.body.len = 1000;
    } else if (tb_str_eq_c(path, "/picture")) {
        res.content_type = "image/png";
    } else if (tb_str_eq_c(path, "/encoded")) {
        res.headers = encoded;
        res.nheaders = 1;
    } else if (tb_str_eq_c(path, "/static")) {
        res.body_is_static = true;
        res.content_type = "text/javascript; charset=utf-8";
    } else if (tb_etag_matches(tb_httpd_header(req, "If-None-Match"), TB_LIT("\"7\""))) {
        res.status = 304;
        res.content_type = NULL;
        res.body = TB_STR_NULL;
    }
    if (tb_str_eq_c(path, "/stream")) {
        const struct tb_httpd_stream_options opt = {.max_pending = 100000};
        res.content_type = "text/event-stream";
        struct tb_httpd_stream *s = tb_httpd_stream_begin(req, &res, &opt);
        tb_httpd_stream_end(s);
        tb_httpd_stream_release(s);
        return;
    }
    tb_httpd_respond(req, &res);
}

static int start(void **state)
{
    (void)state;
    const struct tb_httpd_options opt = {.listen = "127.0.0.1:0",
                                         .threads = 1,
                                         .max_connections = 100,
                                         .max_body = 1000,
                                         .receive_timeout_s = 20,
                                         .send_timeout_s = 20,
                                         .gzip_min = 1000,
                                         .handler = handler};
    for (size_t i = 0; i < BODY; i++) {
        body[i] = (char)('a' + i % 7);
    }
    return tb_httpd_start(&opt, &httpd, NULL) == TB_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    tb_httpd_free(httpd);
    return 0;
}

/* The whole answer; *ret_body points behind its head. */
static void get(const char *request, tb_buf *out, const char **ret_body)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)tb_httpd_port(httpd)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char part[65536];
    ssize_t n;
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    (void)send(fd, request, strlen(request), MSG_NOSIGNAL);
    tb_buf_init(out, 1000000);
    while ((n = recv(fd, part, sizeof part, 0)) > 0) {
        tb_buf_add(out, part, (size_t)n);
    }
    (void)close(fd);
    tb_buf_add(out, "", 1);
    assert_true(out->len > 1);
    *ret_body = strstr(out->ptr, "\r\n\r\n");
    assert_non_null(*ret_body);
    *ret_body += 4;
}

#define TAIL " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
#define GZIP "Accept-Encoding: gzip, br\r\n"

/* Asks, and looks for texts of the head that must and (after a NULL) must not be there. */
static void expect_head(const char *request, const char *const *texts)
{
    tb_buf out;
    const char *content;
    bool wanted = true;
    get(request, &out, &content);
    size_t head = (size_t)(content - out.ptr);
    for (int nulls = 0; nulls < 2; texts++) {
        if (!*texts) {
            nulls++;
            wanted = false;
            continue;
        }
        if ((memmem(out.ptr, head, *texts, strlen(*texts)) != NULL) != wanted) {
            fail_msg("%s: %s \"%s\" in %.*s", request, wanted ? "no" : "a", *texts, (int)head,
                     out.ptr);
        }
    }
    tb_buf_dispose(&out);
}

#define HEAD(request, ...) expect_head(request, (const char *const[]){__VA_ARGS__, NULL})

static void zips(void **state)
{
    (void)state;
    tb_buf out;
    const char *content;
    char back[BODY + 1];
    get("GET /x" TAIL GZIP "\r\n", &out, &content);
    unzip(content, out.len - 1 - (size_t)(content - out.ptr), back, BODY);
    assert_string_equal(back, body);
    tb_buf_dispose(&out);
    get("GET /static" TAIL GZIP "\r\n", &out, &content);
    unzip(content, out.len - 1 - (size_t)(content - out.ptr), back, BODY);
    assert_string_equal(back, body);
    tb_buf_dispose(&out);
    HEAD("GET /x" TAIL GZIP "\r\n", "200 OK", "Content-Encoding: gzip", "Vary: Accept-Encoding",
         "Vary: Origin", "ETag: \"7-gzip\"", NULL, "Content-Length: 3000");
    HEAD("HEAD /x" TAIL GZIP "\r\n", "Content-Encoding: gzip", "ETag: \"7-gzip\"", NULL,
         "Content-Length: 3000");
    HEAD("GET /edge" TAIL GZIP "\r\n", "Content-Encoding: gzip", NULL);
}

static void leaves_alone(void **state)
{
    (void)state;
    HEAD("GET /x" TAIL "\r\n", "Content-Length: 3000", "Vary: Accept-Encoding", "ETag: \"7\"", NULL,
         "Content-Encoding");
    HEAD("GET /x" TAIL "Accept-Encoding: gzip;q=0\r\n\r\n", "Content-Length: 3000", NULL,
         "Content-Encoding");
    HEAD("GET /small" TAIL GZIP "\r\n", "Content-Length: 999", "ETag: \"7\"", NULL,
         "Content-Encoding", "Vary: Accept");
    HEAD("GET /picture" TAIL GZIP "\r\n", "Content-Length: 3000", NULL, "Content-Encoding");
    HEAD("GET /encoded" TAIL GZIP "\r\n", "Content-Encoding: br", "Content-Length: 3000", NULL,
         "gzip");
    HEAD("GET /stream" TAIL GZIP "\r\n", "text/event-stream", NULL, "Content-Encoding");
}

static void unchanged(void **state)
{
    (void)state;
    HEAD("GET /x" TAIL GZIP "If-None-Match: \"7-gzip\"\r\n\r\n", "304", "ETag: \"7-gzip\"",
         "Vary: Accept-Encoding", NULL, "Content-Encoding");
    HEAD("GET /x" TAIL GZIP "If-None-Match: \"7\"\r\n\r\n", "304", "ETag: \"7\"", NULL, "-gzip");
    HEAD("GET /x" TAIL "If-None-Match: \"7\"\r\n\r\n", "304", "ETag: \"7\"", NULL, "-gzip");
    HEAD("GET /x" TAIL GZIP "If-None-Match: \"8-gzip\"\r\n\r\n", "200", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepting),
        cmocka_unit_test(tags),
        cmocka_unit_test(bytes),
        cmocka_unit_test_setup_teardown(zips, start, stop),
        cmocka_unit_test_setup_teardown(leaves_alone, start, stop),
        cmocka_unit_test_setup_teardown(unchanged, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
