#include "tests/unit/indexer/stub.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY_MAX = 64 * 1024 * 1024, EXTRA = 256 };

struct stub {
    int listener;
    pthread_t thread;
    atomic_bool stop;
    atomic_int requests;
    stub_fn *fn;
    void *arg;
    char url[64];
};

static size_t content_length(const char *headers)
{
    const char *at = strcasestr(headers, "\r\ncontent-length:");
    return at ? strtoul(at + strlen("\r\ncontent-length:"), NULL, 10) : 0;
}

/* Reads one whole request into buf; the start of its body, 0 when the client went away. */
static size_t read_request(int fd, tb_buf *buf)
{
    char chunk[65536];
    size_t head = 0;
    for (;;) {
        const char *end = buf->ptr ? strstr(buf->ptr, "\r\n\r\n") : NULL;
        if (end && !head) {
            head = (size_t)(end - buf->ptr) + 4;
        }
        if (buf->ptr && head && buf->len >= head + content_length(buf->ptr)) {
            return head;
        }
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n <= 0) {
            return 0;
        }
        tb_buf_add(buf, chunk, (size_t)n);
    }
}

static void write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k <= 0) {
            return;
        }
        p += k;
        n -= (size_t)k;
    }
}

static void answer(struct stub *s, int fd, const struct stub_request *request)
{
    char extra[EXTRA] = "";
    tb_buf body;
    tb_buf head;
    tb_buf_init(&body, BODY_MAX);
    tb_buf_init(&head, 4096);
    tb_buf_add_c(&body, "");
    atomic_fetch_add(&s->requests, 1);
    int status = s->fn(request, &body, extra, s->arg);
    while (status < 0 && !atomic_load(&s->stop)) {
        (void)usleep(10000);
    }
    if (status > 0) {
        tb_buf_printf(&head,
                      "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                      "Connection: close\r\n%s\r\n",
                      status, body.len, extra);
        write_all(fd, head.ptr, head.len);
        write_all(fd, body.ptr, body.len);
    }
    tb_buf_dispose(&head);
    tb_buf_dispose(&body);
}

static void serve(struct stub *s, int fd)
{
    tb_buf buf;
    tb_buf_init(&buf, BODY_MAX);
    size_t head = read_request(fd, &buf);
    if (head) {
        struct stub_request r = {.body = {buf.ptr + head, buf.len - head}};
        (void)sscanf(buf.ptr, "%7s %255s", r.method, r.path);
        (void)snprintf(r.headers, sizeof r.headers, "%.*s", (int)head, buf.ptr);
        answer(s, fd, &r);
    }
    tb_buf_dispose(&buf);
    (void)close(fd);
}

static void *run(void *arg)
{
    struct stub *s = arg;
    while (!atomic_load(&s->stop)) {
        struct pollfd p = {.fd = s->listener, .events = POLLIN};
        if (poll(&p, 1, 20) == 1) {
            int fd = accept(s->listener, NULL, NULL);
            if (fd >= 0) {
                serve(s, fd);
            }
        }
    }
    return NULL;
}

struct stub *stub_start(stub_fn *fn, void *arg)
{
    struct stub *s = calloc(1, sizeof *s);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    s->fn = fn;
    s->arg = arg;
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(s->listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(s->listener, 64) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&at, &len) != 0 ||
        pthread_create(&s->thread, NULL, run, s) != 0) {
        perror("stub");
        abort();
    }
    (void)snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d", ntohs(at.sin_port));
    return s;
}

void stub_stop(struct stub *s)
{
    atomic_store(&s->stop, true);
    (void)pthread_join(s->thread, NULL);
    (void)close(s->listener);
    free(s);
}

const char *stub_url(const struct stub *s)
{
    return s->url;
}

int stub_requests(const struct stub *s)
{
    return atomic_load(&s->requests);
}
