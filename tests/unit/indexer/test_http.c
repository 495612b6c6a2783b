/* The HTTP client: answers, limits, stops, what it shows of a URL. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/http/http.h"
#include "tests/unit/indexer/check.h"
#include "tests/unit/indexer/stub.h"

static struct tb_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = tb_arena_new(0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tb_arena_free(arena);
    return 0;
}

static int echo(const struct stub_request *r, tb_buf *body, char *extra, void *arg)
{
    (void)arg;
    if (strcmp(r->path, "/slow") == 0) {
        return -1;
    }
    if (strcmp(r->path, "/drop") == 0) {
        return 0;
    }
    if (strcmp(r->path, "/large") == 0) {
        for (int i = 0; i < 3000; i++) {
            tb_buf_add_c(body, "0123456789");
        }
        return 200;
    }
    if (strcmp(r->path, "/busy") == 0) {
        (void)snprintf(extra, 256, "Retry-After: 7\r\n");
        return 429;
    }
    tb_buf_printf(body, "%s %s %.*s %s", r->method, r->path, TB_ARG(r->body),
                  strstr(r->headers, "api-key: secret-1") ? "key" : "no key");
    return 200;
}

static struct tb_http *client(int64_t timeout_ms, const atomic_bool *stop)
{
    struct tb_http_options opt = {
        .timeout_ms = timeout_ms, .parallel = 3, .max_answer = 20000, .stop = stop};
    struct tb_http *http;
    assert_int_equal(tb_http_new(&opt, &http, NULL), TB_OK);
    return http;
}

static struct tb_http_answer ask(struct tb_http *http, const struct stub *s, const char *path)
{
    char url[200];
    (void)snprintf(url, sizeof url, "%s%s", stub_url(s), path);
    struct tb_http_request r = {.method = "POST",
                                .url = url,
                                .body = TB_LIT("{}"),
                                .headers = {{"api-key", "secret-1"}, {"x-none", ""}}};
    struct tb_http_answer a;
    assert_int_equal(tb_http_run(http, &r, 1, arena, &a, NULL), TB_OK);
    return a;
}

static void test_answers(void **state)
{
    (void)state;
    struct stub *s = stub_start(echo, NULL);
    struct tb_http *http = client(5000, NULL);
    struct tb_http_answer a = ask(http, s, "/x?y=1");
    assert_int_equal(a.rc, TB_OK);
    assert_int_equal(a.status, 200);
    assert_str(a.body, "POST /x?y=1 {} key");
    assert_int_equal(a.retry_after_ms, -1);
    a = ask(http, s, "/busy");
    assert_int_equal(a.status, 429);
    assert_int_equal(a.retry_after_ms, 7000);
    tb_http_free(http);
    stub_stop(s);
}

static void test_many_at_once_keep_their_places(void **state)
{
    (void)state;
    struct stub *s = stub_start(echo, NULL);
    struct tb_http *http = client(5000, NULL);
    enum { N = 20 };
    char urls[N][100];
    struct tb_http_request r[N];
    struct tb_http_answer a[N];
    for (int i = 0; i < N; i++) {
        (void)snprintf(urls[i], sizeof urls[i], "%s/%d", stub_url(s), i);
        r[i] = (struct tb_http_request){.method = "GET", .url = urls[i]};
    }
    assert_int_equal(tb_http_run(http, r, N, arena, a, NULL), TB_OK);
    for (int i = 0; i < N; i++) {
        char want[64];
        (void)snprintf(want, sizeof want, "GET /%d  no key", i);
        assert_str(a[i].body, want);
    }
    tb_http_free(http);
    stub_stop(s);
}

static void test_limits(void **state)
{
    (void)state;
    struct stub *s = stub_start(echo, NULL);
    struct tb_http *http = client(300, NULL);
    assert_int_equal(ask(http, s, "/large").rc, TB_ELIMIT);
    assert_int_equal(ask(http, s, "/drop").rc, TB_EUNAVAILABLE);
    int64_t from = tb_clock_mono_us();
    struct tb_http_answer a = ask(http, s, "/slow");
    assert_int_equal(a.rc, TB_EUNAVAILABLE);
    assert_true(tb_clock_mono_us() - from < 3000000);
    assert_null(strstr(a.error, "secret"));
    stub_stop(s);
    tb_http_free(http);
}

static void test_a_stop_ends_requests(void **state)
{
    (void)state;
    atomic_bool stop = true;
    struct stub *s = stub_start(echo, NULL);
    struct tb_http *http = client(60000, &stop);
    assert_int_equal(ask(http, s, "/slow").rc, TB_EUNAVAILABLE);
    tb_http_free(http);
    stub_stop(s);
}

static void test_bad_urls(void **state)
{
    (void)state;
    struct tb_http *http = client(1000, NULL);
    const char *const urls[] = {"file:///etc/passwd", "http://", "not a url"};
    for (size_t i = 0; i < TB_COUNT(urls); i++) {
        struct tb_http_request r = {.method = "GET", .url = urls[i]};
        struct tb_http_answer a;
        assert_int_equal(tb_http_run(http, &r, 1, arena, &a, NULL), TB_OK);
        assert_int_not_equal(a.rc, TB_OK);
        assert_int_equal(a.body.len, 0);
    }
    tb_http_free(http);
}

static void test_retry_after(void **state)
{
    (void)state;
    int64_t now = 1780000000000000; /* Thu, 28 May 2026 20:26:40 GMT */
    assert_int_equal(tb_http_retry_after(TB_LIT("3"), now), 3000);
    assert_int_equal(tb_http_retry_after(TB_LIT(" 0.5 "), now), 500);
    assert_int_equal(tb_http_retry_after(TB_LIT("Thu, 28 May 2026 20:26:50 GMT"), now), 10000);
    assert_int_equal(tb_http_retry_after(TB_LIT("Thu, 28 May 2026 20:26:30 GMT"), now), 0);
    assert_int_equal(tb_http_retry_after(TB_LIT("-4"), now), 0);
    assert_int_equal(tb_http_retry_after(TB_LIT("999999999"), now), 3600000);
    assert_int_equal(tb_http_retry_after(TB_LIT("soon"), now), -1);
    assert_int_equal(tb_http_retry_after(TB_LIT(""), now), -1);
}

static void test_shown_urls(void **state)
{
    (void)state;
    assert_str(tb_http_shown_url(TB_LIT("https://user:pass@host:1/v1?key=secret#x"), arena),
               "https://host:1/v1");
    assert_str(tb_http_shown_url(TB_LIT("http://host/a@b"), arena), "http://host/a@b");
    assert_str(tb_http_shown_url(TB_LIT("host"), arena), "host");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_at_once_keep_their_places, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_stop_ends_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_urls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retry_after, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shown_urls, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
