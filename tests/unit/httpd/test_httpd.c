/* The HTTP server against plain sockets: answers at once and later, limits, streams, stopping. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/httpd/httpd.h"
#include "tests/unit/base/unit.h"

#define MAX_BODY 20000

static struct tb_httpd *httpd;
static struct tb_httpd_request *kept;    /* by /keep */
static struct tb_httpd_stream *streamed; /* by /stream */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int closed_streams;

static void text(struct tb_httpd_request *req, int status, tb_str body)
{
    const struct tb_httpd_response res = {
        .status = status, .content_type = "text/plain", .body = body};
    tb_httpd_respond(req, &res);
}

static void *later(void *arg)
{
    (void)usleep(20000);
    text(arg, 200, TB_LIT("later"));
    return NULL;
}

static void closed(void *arg)
{
    (void)arg;
    (void)pthread_mutex_lock(&lock);
    closed_streams++;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

static void stream(struct tb_httpd_request *req)
{
    const struct tb_httpd_response res = {
        .status = 200, .content_type = "text/event-stream", .body = TB_LIT("hello\n")};
    const struct tb_httpd_stream_options opt = {.max_pending = 300000, .closed = closed};
    struct tb_httpd_stream *s = tb_httpd_stream_begin(req, &res, &opt);
    (void)pthread_mutex_lock(&lock);
    streamed = s;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

static void handler(struct tb_httpd_request *req, void *arg)
{
    (void)arg;
    tb_str path = tb_httpd_path(req);
    if (tb_str_eq_c(path, "/later")) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, later, req), 0);
        (void)pthread_detach(thread);
    } else if (tb_str_eq_c(path, "/keep")) {
        (void)pthread_mutex_lock(&lock);
        kept = req;
        (void)pthread_cond_broadcast(&changed);
        (void)pthread_mutex_unlock(&lock);
    } else if (tb_str_eq_c(path, "/stream")) {
        stream(req);
    } else if (tb_str_eq_c(path, "/inject")) {
        const struct tb_httpd_header header = {"X-Echo", TB_LIT("a\r\nSet-Cookie: b")};
        tb_httpd_respond(
            req, &(struct tb_httpd_response){.status = 200, .headers = &header, .nheaders = 1});
    } else {
        tb_str echo = tb_arena_printf(
            tb_httpd_arena(req), "%s %.*s q=%.*s h=%.*s c=%.*s b=%zu %s", tb_httpd_method(req),
            TB_ARG(path), TB_ARG(tb_httpd_query_text(req)), TB_ARG(tb_httpd_header(req, "X-In")),
            TB_ARG(tb_httpd_cookie(req, "id")), tb_httpd_body(req).len, tb_httpd_peer(req));
        text(req, 200, echo);
    }
}

static void begin(struct tb_httpd_request *req, void *arg)
{
    (void)arg;
    if (tb_str_eq_c(tb_httpd_header(req, "X-In"), "nobody")) {
        text(req, 401, TB_LIT("who?"));
    }
}

static int start(void **state)
{
    (void)state;
    const struct tb_httpd_options opt = {.listen = "127.0.0.1:0",
                                         .threads = 2,
                                         .max_connections = 1000,
                                         .max_body = MAX_BODY,
                                         .receive_timeout_s = 1,
                                         .send_timeout_s = 20,
                                         .handler = handler,
                                         .begin = begin};
    streamed = NULL;
    kept = NULL;
    closed_streams = 0;
    assert_int_equal(tb_httpd_start(&opt, &httpd, NULL), TB_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    tb_httpd_free(httpd);
    return 0;
}

static int dial(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)tb_httpd_port(httpd)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    return fd;
}

static void put(int fd, const char *bytes)
{
    (void)send(fd, bytes, strlen(bytes), MSG_NOSIGNAL);
}

static int ask(const char *bytes)
{
    int fd = dial();
    put(fd, bytes);
    return fd;
}

/* Reads until `until` was seen (NULL: the end) and checks that everything expected was. */
static void expect(int fd, const char *until, const char *expected)
{
    tb_buf got;
    tb_buf_init(&got, 4000000);
    char part[65536];
    ssize_t n;
    while (!(until && got.len > 0 && strstr(got.ptr, until)) &&
           (n = recv(fd, part, sizeof part, 0)) > 0) {
        tb_buf_add(&got, part, (size_t)n);
    }
    if (!strstr(got.len > 0 ? got.ptr : "", expected)) {
        fail_msg("no \"%s\" in \"%s\"", expected, got.len > 0 ? got.ptr : "");
    }
    tb_buf_dispose(&got);
}

static void answers(void **state)
{
    (void)state;
    int fd = ask("GET /a%2Fb?x=1 HTTP/1.1\r\nHost: h\r\nX-In: v\r\nCookie: a=b; id=7\r\n\r\n");
    expect(fd, "127.0.0.1", "GET /a%2Fb q=x=1 h=v c=7 b=0 127.0.0.1");
    /* the same connection again, with a body, then a deferred answer */
    put(fd, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345");
    expect(fd, "127.0.0.1", "POST /x q= h= c= b=5");
    put(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(fd, "later", "200 OK");
    put(fd, "HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    expect(fd, NULL, "Content-Length: ");
    (void)close(fd);
}

static void refuses(void **state)
{
    (void)state;
    int fd = ask("GET /inject HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    expect(fd, NULL, " 500 ");
    (void)close(fd);
    fd = ask("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n");
    expect(fd, NULL, " 413 ");
    (void)close(fd);
    fd = ask("POST /x HTTP/1.1\r\nHost: h\r\nX-In: nobody\r\nContent-Length: 9\r\n\r\n");
    expect(fd, NULL, "who?");
    (void)close(fd);
    /* a size that is not announced */
    fd = ask("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    char chunk[0x1000 + 1] = {0};
    (void)memset(chunk, 'x', 0x1000);
    for (int i = 0; i < 8; i++) {
        put(fd, "1000\r\n");
        put(fd, chunk);
        put(fd, "\r\n");
    }
    put(fd, "0\r\n\r\n");
    expect(fd, "\r\n\r\n", " 413 ");
    (void)close(fd);
}

static void cuts_off_tricklers(void **state)
{
    (void)state;
    int64_t began = tb_clock_mono_us();
    int fd = ask("GET / HTTP/1.1\r\nHost: h\r\n");
    char byte;
    for (int i = 0; i < 100 && recv(fd, &byte, 1, MSG_DONTWAIT) < 0; i++) {
        put(fd, "X: y\r\n"); /* never silent for long */
        (void)usleep(100000);
    }
    assert_in_range(tb_clock_mono_us() - began, 900000, 8000000);
    (void)close(fd);
    struct tb_httpd_stats stats;
    tb_httpd_stats(httpd, &stats);
    assert_int_equal(stats.timeouts, 1);
}

static struct tb_httpd_stream *await_stream(void)
{
    (void)pthread_mutex_lock(&lock);
    while (!streamed) {
        (void)pthread_cond_wait(&changed, &lock);
    }
    struct tb_httpd_stream *s = streamed;
    streamed = NULL;
    (void)pthread_mutex_unlock(&lock);
    return s;
}

static void await_closed(int n)
{
    (void)pthread_mutex_lock(&lock);
    while (closed_streams < n) {
        (void)pthread_cond_wait(&changed, &lock);
    }
    (void)pthread_mutex_unlock(&lock);
}

static bool push(struct tb_httpd_stream *s, const char *bytes)
{
    struct tb_httpd_bytes *b = tb_httpd_bytes_new(bytes, strlen(bytes));
    bool open = tb_httpd_stream_push(s, b);
    tb_httpd_bytes_unref(b);
    return open;
}

static const char stream_request[] = "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n";

static void streams(void **state)
{
    (void)state;
    int fd = ask(stream_request);
    struct tb_httpd_stream *s = await_stream();
    expect(fd, "hello", "hello");
    tb_buf all;
    tb_buf_init(&all, 100000);
    for (int i = 0; i < 1000; i++) {
        char line[16];
        (void)snprintf(line, sizeof line, "%d\n", i);
        assert_true(push(s, line));
        if (i % 100 == 0) {
            (void)usleep(1000);
        }
    }
    tb_httpd_stream_end(s);
    assert_false(push(s, "too late"));
    expect(fd, NULL, "999\n");
    await_closed(1);
    tb_httpd_stream_release(s);
    tb_buf_dispose(&all);
    (void)close(fd);
}

static void drops_slow_readers(void **state)
{
    (void)state;
    int slow = dial();
    int small = 4096;
    (void)setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    put(slow, stream_request);
    struct tb_httpd_stream *s = await_stream();
    char *large = calloc(1, 100001);
    (void)memset(large, 'x', 100000);
    int pushed = 0;
    while (pushed < 1000 && push(s, large)) { /* sockets of the kernel hold some megabytes */
        pushed++;
    }
    assert_true(pushed < 1000);
    await_closed(1);
    tb_httpd_stream_release(s);
    free(large);
    struct tb_httpd_stats stats;
    tb_httpd_stats(httpd, &stats);
    assert_int_equal(stats.dropped, 1);
    (void)close(slow);
    /* others are as well as before */
    int fd = ask("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(fd, "later", "200 OK");
    (void)close(fd);
}

static void notices_who_left(void **state)
{
    (void)state;
    int fd = ask(stream_request);
    struct tb_httpd_stream *s = await_stream();
    expect(fd, "hello", "hello");
    (void)close(fd);
    while (push(s, "anybody?")) {
        (void)usleep(5000);
    }
    await_closed(1);
    tb_httpd_stream_release(s);
}

static void many_streams(void **state)
{
    (void)state;
    enum { N = 200 };
    int fds[N];
    struct tb_httpd_stream *all[N];
    for (int i = 0; i < N; i++) {
        fds[i] = ask(stream_request);
        all[i] = await_stream();
    }
    struct tb_httpd_bytes *b = tb_httpd_bytes_new("to all\n", 7);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < N; i++) {
            assert_true(tb_httpd_stream_push(all[i], b));
        }
    }
    tb_httpd_bytes_unref(b);
    for (int i = 0; i < N; i++) {
        expect(fds[i], "to all", "hello");
        if (i % 2) {
            (void)close(fds[i]);
        }
    }
    tb_httpd_stop(httpd, 0); /* ends those that are asleep, too */
    await_closed(N);
    for (int i = 0; i < N; i++) {
        tb_httpd_stream_release(all[i]);
        if (i % 2 == 0) {
            (void)close(fds[i]);
        }
    }
}

static void stops_with_work_left(void **state)
{
    (void)state;
    int fd = ask("GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    (void)pthread_mutex_lock(&lock);
    while (!kept) {
        (void)pthread_cond_wait(&changed, &lock);
    }
    (void)pthread_mutex_unlock(&lock);
    tb_httpd_stop(httpd, 10);
    expect(fd, NULL, " 503 ");
    text(kept, 200, TB_LIT("too late, and harmless"));
    (void)close(fd);
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    struct tb_httpd *other = NULL;
    struct tb_error err;
    char taken[32];
    (void)snprintf(taken, sizeof taken, "127.0.0.1:%u", tb_httpd_port(httpd));
    struct tb_httpd_options opt = {.listen = "localhost",
                                   .threads = 1,
                                   .max_connections = 8,
                                   .max_body = 10,
                                   .handler = handler};
    assert_int_equal(tb_httpd_start(&opt, &other, &err), TB_EINVAL);
    assert_string_equal(err.field, "listen");
    opt.listen = "127.0.0.1:0";
    opt.tls_cert = "/nowhere";
    assert_int_equal(tb_httpd_start(&opt, &other, &err), TB_EINVAL);
    assert_string_equal(err.field, "tls_cert");
    opt.tls_cert = NULL;
    opt.listen = "127.0.0.1:0,[::1]:0";
    if (tb_httpd_start(&opt, &other, &err) == TB_OK) { /* not every machine has IPv6 */
        tb_httpd_free(other);
    }
    assert_true(taken[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers, start, stop),
        cmocka_unit_test_setup_teardown(refuses, start, stop),
        cmocka_unit_test_setup_teardown(cuts_off_tricklers, start, stop),
        cmocka_unit_test_setup_teardown(streams, start, stop),
        cmocka_unit_test_setup_teardown(drops_slow_readers, start, stop),
        cmocka_unit_test_setup_teardown(notices_who_left, start, stop),
        cmocka_unit_test_setup_teardown(many_streams, start, stop),
        cmocka_unit_test_setup_teardown(stops_with_work_left, start, stop),
        cmocka_unit_test_setup_teardown(says_what_is_wrong, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
