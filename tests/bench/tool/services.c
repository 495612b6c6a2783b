/* Two services that cost next to nothing, so that what is measured is the indexer: an embedding
 * service whose vectors are made from a hash, and a Qdrant that throws points away. HTTP/1.1 with
 * keep-alive, a thread per connection, until SIGTERM. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/json/base64.h"
#include "tests/bench/tool/bench.h"

enum { BODY_MAX = 256 * 1024 * 1024, HEAD_MAX = 16384, CHUNK = 1 << 20, BYTES_PER_TOKEN = 4 };

struct request {
    char method[8];
    char path[512];
    tb_str body;
};

typedef void answer_fn(const struct request *r, tb_buf *out);

static struct {
    answer_fn *answer;
    size_t dim;
    int64_t latency_ms;
    pthread_mutex_t lock; /* of what follows */
    uint64_t *seen;       /* hashes of the texts so far, open addressing, 0 for free */
    size_t room;          /* a power of two */
    size_t distinct;
    int64_t requests, inputs, tokens, distinct_tokens;
} service = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- HTTP ---- */

static bool send_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k <= 0) {
            return false;
        }
        p += k;
        n -= (size_t)k;
    }
    return true;
}

/* Reads one request into buf, which may hold the start of it; what is left over stays. */
static bool read_request(int fd, tb_buf *buf, size_t *used, struct request *r)
{
    static __thread char chunk[CHUNK];
    const char *end = NULL;
    size_t need = 0;
    for (;;) {
        if (!end && buf->len && (end = memmem(buf->ptr, buf->len, "\r\n\r\n", 4)) != NULL) {
            size_t head = (size_t)(end - buf->ptr) + 4;
            char text[HEAD_MAX];
            (void)snprintf(text, sizeof text, "%.*s", (int)head, buf->ptr);
            const char *length = strcasestr(text, "\r\ncontent-length:");
            need = head + (length ? strtoul(length + 17, NULL, 10) : 0);
            (void)sscanf(text, "%7s %511s", r->method, r->path);
            r->body = (tb_str){NULL, need - head};
        }
        if (end && buf->len >= need) {
            r->body.ptr = buf->ptr + need - r->body.len;
            *used = need;
            return true;
        }
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n <= 0) {
            return false;
        }
        tb_buf_add(buf, chunk, (size_t)n);
        if (buf->failed) {
            return false;
        }
    }
}

static void *serve(void *arg)
{
    int fd = *(int *)arg;
    free(arg);
    tb_buf in;
    tb_buf body;
    tb_buf_init(&in, BODY_MAX);
    tb_buf_init(&body, BODY_MAX);
    struct request r;
    size_t used;
    while (read_request(fd, &in, &used, &r)) {
        char head[160];
        tb_buf_clear(&body);
        service.answer(&r, &body);
        int n = snprintf(head, sizeof head,
                         "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                         "Content-Length: %zu\r\n\r\n",
                         body.len);
        if (!send_all(fd, head, (size_t)n) || !send_all(fd, body.ptr, body.len)) {
            break;
        }
        memmove(in.ptr, in.ptr + used, in.len - used);
        in.len -= used;
    }
    tb_buf_dispose(&in);
    tb_buf_dispose(&body);
    (void)close(fd);
    return NULL;
}

/* Tells its port on standard output; ends with the process. */
static enum tb_rc listen_on(int port, struct tb_error *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int one = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 128) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &len) != 0) {
        return tb_fail(err, TB_EUNAVAILABLE, "port %d cannot be listened on", port);
    }
    (void)printf("%d\n", ntohs(at.sin_port));
    (void)fflush(stdout);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        pthread_t thread;
        if (fd < 0) {
            continue;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        int *arg = malloc(sizeof *arg);
        if (arg) {
            *arg = fd;
        }
        if (arg && pthread_create(&thread, NULL, serve, arg) == 0) {
            (void)pthread_detach(thread);
        } else {
            free(arg);
            (void)close(fd);
        }
    }
}

/* ---- the embedding service ---- */

static void remember(uint64_t hash, int64_t tokens)
{
    if (service.distinct * 2 >= service.room) {
        size_t room = service.room ? service.room * 2 : 1 << 16;
        uint64_t *seen = calloc(room, sizeof *seen);
        for (size_t i = 0; i < service.room; i++) {
            if (service.seen[i]) {
                size_t at = service.seen[i] & (room - 1);
                while (seen[at]) {
                    at = (at + 1) & (room - 1);
                }
                seen[at] = service.seen[i];
            }
        }
        free(service.seen);
        service.seen = seen;
        service.room = room;
    }
    size_t at = hash & (service.room - 1);
    while (service.seen[at] && service.seen[at] != hash) {
        at = (at + 1) & (service.room - 1);
    }
    if (!service.seen[at]) {
        service.seen[at] = hash;
        service.distinct++;
        service.distinct_tokens += tokens;
    }
}

/* A random direction of length about 1: every text has its own, always the same. */
static void write_vector(uint64_t hash, float *v, tb_buf *out)
{
    uint64_t x = hash | 1;
    for (size_t i = 0; i < service.dim; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        v[i] = ((float)(x >> 40) / 16777216.0F - 0.5F) * 0.108F;
    }
    tb_buf_add_char(out, '"');
    tb_base64_encode((tb_str){(const char *)v, service.dim * sizeof *v}, out);
    tb_buf_add_char(out, '"');
}

/* The strings of "input", as they are escaped. */
static void answer_embeddings(const struct request *r, tb_buf *out)
{
    static const char key[] = "\"input\":[";
    const char *at = memmem(r->body.ptr, r->body.len, key, sizeof key - 1);
    const char *end = r->body.ptr + r->body.len;
    float *v = calloc(service.dim, sizeof *v);
    int64_t inputs = 0;
    int64_t tokens = 0;
    tb_buf_add_c(out, "{\"object\":\"list\",\"data\":[");
    for (at = at ? at + sizeof key - 1 : end; v && at < end && *at != ']'; at++) {
        if (*at != '"') {
            continue;
        }
        uint64_t hash = 14695981039346656037U;
        int64_t bytes = 0;
        for (at++; at < end && *at != '"'; at++, bytes++) {
            at += *at == '\\' && at + 1 < end;
            hash = (hash ^ (unsigned char)*at) * 1099511628211U;
        }
        int64_t t = (bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
        (void)pthread_mutex_lock(&service.lock);
        remember(hash | 1, t);
        (void)pthread_mutex_unlock(&service.lock);
        tb_buf_printf(out, "%s{\"index\":%lld,\"embedding\":", inputs ? "," : "",
                      (long long)inputs);
        write_vector(hash, v, out);
        tb_buf_add_char(out, '}');
        inputs++;
        tokens += t;
    }
    free(v);
    tb_buf_printf(out, "],\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld}}",
                  (long long)tokens, (long long)tokens);
    (void)pthread_mutex_lock(&service.lock);
    service.requests++;
    service.inputs += inputs;
    service.tokens += tokens;
    (void)pthread_mutex_unlock(&service.lock);
    if (service.latency_ms) {
        struct timespec wait = {.tv_sec = service.latency_ms / 1000,
                                .tv_nsec = service.latency_ms % 1000 * 1000000};
        (void)nanosleep(&wait, NULL);
    }
}

static void embed(const struct request *r, tb_buf *out)
{
    if (strcmp(r->method, "POST") == 0) {
        answer_embeddings(r, out);
        return;
    }
    (void)pthread_mutex_lock(&service.lock);
    tb_buf_printf(out,
                  "{\"requests\":%lld,\"inputs\":%lld,\"tokens\":%lld,\"distinct_tokens\":%lld}",
                  (long long)service.requests, (long long)service.inputs, (long long)service.tokens,
                  (long long)service.distinct_tokens);
    (void)pthread_mutex_unlock(&service.lock);
}

enum tb_rc bench_embedder(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err)
{
    (void)cfg;
    (void)argc;
    service.answer = embed;
    service.dim = strtoul(argv[1], NULL, 10);
    service.latency_ms = strtol(argv[2], NULL, 10);
    return listen_on((int)strtol(argv[0], NULL, 10), err);
}

/* ---- the store that keeps nothing ---- */

static void discard(const struct request *r, tb_buf *out)
{
    static const char *const fields[] = {
        "ticket_id",         "workflow_id", "status",     "ticket_type", "priority",
        "assigned_agent_id", "tags",        "kind",       "is_blocked",  "is_resolved",
        "is_deleted",        "version",     "created_at", "updated_at"};
    if (strcmp(r->path, "/") == 0) {
        tb_buf_add_c(out, "{\"title\":\"discarding\",\"version\":\"1.19.0\"}");
    } else if (strcmp(r->path, "/aliases") == 0) {
        tb_buf_add_c(out, "{\"result\":{\"aliases\":[]},\"status\":\"ok\",\"time\":0}");
    } else if (strcmp(r->path, "/collections/aliases") == 0) {
        tb_buf_add_c(out, "{\"result\":true,\"status\":\"ok\",\"time\":0}");
    } else if (strstr(r->path, "/points") || strstr(r->path, "/index")) {
        tb_buf_add_c(out, "{\"result\":{\"operation_id\":1,\"status\":\"completed\"},"
                          "\"status\":\"ok\",\"time\":0}");
    } else {
        tb_buf_printf(out,
                      "{\"result\":{\"status\":\"green\",\"config\":{\"params\":{\"vectors\":{"
                      "\"text\":{\"size\":%zu,\"distance\":\"Cosine\"}}}},\"payload_schema\":{",
                      service.dim);
        for (size_t i = 0; i < TB_COUNT(fields); i++) {
            tb_buf_printf(out, "%s\"%s\":{\"data_type\":\"keyword\",\"points\":0}", i ? "," : "",
                          fields[i]);
        }
        tb_buf_add_c(out, "}},\"status\":\"ok\",\"time\":0}");
    }
}

enum tb_rc bench_sink(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err)
{
    (void)cfg;
    (void)argc;
    service.answer = discard;
    service.dim = strtoul(argv[1], NULL, 10);
    return listen_on((int)strtol(argv[0], NULL, 10), err);
}
