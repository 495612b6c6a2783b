/* Starting and stopping: listeners, connections and their deadlines. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/httpd/internal.h"
#include "common/httpd/stream.h"

/* Of one connection, headers included; beyond that MHD answers 431. What it does not touch costs
 * nothing, so that a sleeping stream takes two or three pages. */
#define POOL_BYTES  ((size_t)16 * 1024)
#define STACK_BYTES ((size_t)512 * 1024)
#define PEM_MAX     ((size_t)1024 * 1024)

static void show_peer(const struct sockaddr *addr, char *out, size_t room)
{
    out[0] = '\0';
    if (addr && addr->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)addr;
        (void)inet_ntop(AF_INET, &v4->sin_addr, out, (socklen_t)room);
    } else if (addr && addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)addr;
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, out, (socklen_t)room);
    }
}

static void conn_open(struct tb_httpd *httpd, struct MHD_Connection *mhd, void **state)
{
    struct tb_httpd_conn *conn = calloc(1, sizeof *conn);
    if (!conn) {
        return; /* its requests are answered 503 */
    }
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *addr =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    conn->httpd = httpd;
    conn->fd = fd ? fd->connect_fd : -1;
    conn->deadline_us = tb_clock_mono_us() + (int64_t)httpd->opt.receive_timeout_s * 1000000;
    show_peer(addr ? addr->client_addr : NULL, conn->peer, sizeof conn->peer);
    (void)pthread_mutex_lock(&httpd->lock);
    conn->next = httpd->conns;
    if (conn->next) {
        conn->next->prev = conn;
    }
    httpd->conns = conn;
    (void)pthread_mutex_unlock(&httpd->lock);
    httpd->connections++;
    *state = conn;
}

static void conn_close(struct tb_httpd *httpd, struct tb_httpd_conn *conn)
{
    if (!conn) {
        return;
    }
    (void)pthread_mutex_lock(&httpd->lock);
    conn->fd = -1;
    if (conn->prev) {
        conn->prev->next = conn->next;
    } else {
        httpd->conns = conn->next;
    }
    if (conn->next) {
        conn->next->prev = conn->prev;
    }
    (void)pthread_mutex_unlock(&httpd->lock);
    httpd->connections--;
    free(conn);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    struct tb_httpd *httpd = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        conn_open(httpd, mhd, state);
    } else {
        conn_close(httpd, *state);
        *state = NULL;
    }
}

void tb_httpd_cut(struct tb_httpd_conn *conn)
{
    struct tb_httpd *httpd = conn->httpd;
    (void)pthread_mutex_lock(&httpd->lock);
    if (conn->fd >= 0) {
        (void)shutdown(conn->fd, SHUT_RDWR);
    }
    (void)pthread_mutex_unlock(&httpd->lock);
}

/* MHD's own timeout is one of inactivity, which a client that sends a byte now and then evades. */
static void *reap(void *arg)
{
    struct tb_httpd *httpd = arg;
    (void)pthread_mutex_lock(&httpd->lock);
    while (!httpd->stopping) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += 1;
        (void)pthread_cond_timedwait(&httpd->wake, &httpd->lock, &until);
        int64_t now = tb_clock_mono_us();
        for (struct tb_httpd_conn *conn = httpd->conns; conn; conn = conn->next) {
            if (conn->deadline_us && conn->deadline_us < now && conn->fd >= 0) {
                (void)shutdown(conn->fd, SHUT_RDWR);
                conn->deadline_us = 0;
                httpd->timeouts++;
            }
        }
    }
    (void)pthread_mutex_unlock(&httpd->lock);
    return NULL;
}

static size_t keep_escapes(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strlen(text);
}

static enum tb_rc read_pem(const char *path, const char *option, char **ret, struct tb_error *err)
{
    FILE *file = fopen(path, "re");
    char *text = file ? calloc(1, PEM_MAX + 1) : NULL;
    size_t n = text ? fread(text, 1, PEM_MAX, file) : 0;
    if (file) {
        (void)fclose(file);
    }
    if (n == 0) {
        free(text);
        return tb_fail_field(err, TB_EINVAL, option, "cannot read %s", path);
    }
    *ret = text;
    return TB_OK;
}

/* "address:port" with the brackets of IPv6. */
static enum tb_rc resolve(tb_str text, struct sockaddr_storage *ret, struct tb_error *err)
{
    char host[128];
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':') {
        colon--;
    }
    tb_str name = {text.ptr, colon > 0 ? colon - 1 : 0};
    if (name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']') {
        name = (tb_str){name.ptr + 1, name.len - 2};
    }
    char port[8];
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (name.len == 0 || name.len >= sizeof host || text.len - colon >= sizeof port ||
        text.len == colon) {
        return tb_fail_field(err, TB_EINVAL, "listen", "%.*s is not address:port", TB_ARG(text));
    }
    (void)snprintf(host, sizeof host, "%.*s", TB_ARG(name));
    (void)snprintf(port, sizeof port, "%.*s", (int)(text.len - colon), text.ptr + colon);
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return tb_fail_field(err, TB_EINVAL, "listen", "%.*s is not a numeric address:port",
                             TB_ARG(text));
    }
    memcpy(ret, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return TB_OK;
}

static enum tb_rc listen_on(struct tb_httpd *httpd, tb_str address, struct tb_error *err)
{
    struct sockaddr_storage addr = {0};
    enum tb_rc rc = resolve(address, &addr, err);
    if (rc != TB_OK) {
        return rc;
    }
    if (httpd->ndaemons == TB_HTTPD_ADDRESSES_MAX) {
        return tb_fail_field(err, TB_EINVAL, "listen", "more than %d addresses",
                             TB_HTTPD_ADDRESSES_MAX);
    }
    const struct tb_httpd_options *opt = &httpd->opt;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO;
    if (addr.ss_family == AF_INET6) {
        flags |= MHD_USE_IPv6;
    }
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, httpd->cert},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, httpd->key},
                                   {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem pool[] = {{MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)opt->threads, NULL},
                                    {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    errno = 0;
    struct MHD_Daemon *daemon = MHD_start_daemon(
        flags | (httpd->cert ? (unsigned)MHD_USE_TLS : 0U), 0, NULL, NULL, tb_httpd_on_request,
        httpd, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&addr, MHD_OPTION_URI_LOG_CALLBACK,
        tb_httpd_on_uri, httpd, MHD_OPTION_NOTIFY_COMPLETED, tb_httpd_on_completed, httpd,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, httpd, MHD_OPTION_UNESCAPE_CALLBACK,
        keep_escapes, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        POOL_BYTES, MHD_OPTION_CONNECTION_LIMIT, opt->max_connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, opt->max_per_address, MHD_OPTION_CONNECTION_TIMEOUT,
        opt->send_timeout_s, MHD_OPTION_THREAD_STACK_SIZE, STACK_BYTES,
        MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024U, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U,
        MHD_OPTION_ARRAY, httpd->cert ? tls : none, MHD_OPTION_ARRAY,
        opt->threads > 1 ? pool : none, MHD_OPTION_END);
    if (!daemon) {
        return tb_fail_field(err, TB_EUNAVAILABLE, "listen", "cannot listen on %.*s: %s",
                             TB_ARG(address),
                             errno ? strerror(errno) : "certificate, key or resources refused");
    }
    httpd->daemons[httpd->ndaemons++] = daemon;
    const union MHD_DaemonInfo *bound = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (httpd->ndaemons == 1 && bound) {
        httpd->port = bound->port;
    }
    return TB_OK;
}

static enum tb_rc listen_all(struct tb_httpd *httpd, struct tb_error *err)
{
    enum tb_rc rc = TB_OK;
    const struct tb_httpd_options *opt = &httpd->opt;
    if (opt->tls_cert && opt->tls_cert[0]) {
        if (MHD_is_feature_supported(MHD_FEATURE_TLS) == MHD_NO) {
            return tb_fail_field(err, TB_EINVAL, "tls_cert", "libmicrohttpd was built without TLS");
        }
        rc = read_pem(opt->tls_cert, "tls_cert", &httpd->cert, err);
        rc = rc != TB_OK ? rc
                         : read_pem(opt->tls_key ? opt->tls_key : "", "tls_key", &httpd->key, err);
    }
    tb_str rest = tb_str_of(opt->listen);
    while (rc == TB_OK && rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
        rc = listen_on(httpd, (tb_str){rest.ptr, len}, err);
        size_t step = len + (comma ? 1 : 0);
        rest = (tb_str){rest.ptr + step, rest.len - step};
    }
    if (rc == TB_OK && httpd->ndaemons == 0) {
        rc = tb_fail_field(err, TB_EINVAL, "listen", "no address to listen on");
    }
    return rc;
}

enum tb_rc tb_httpd_start(const struct tb_httpd_options *opt, struct tb_httpd **ret,
                          struct tb_error *err)
{
    struct tb_httpd *httpd = calloc(1, sizeof *httpd);
    if (!httpd) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    httpd->opt = *opt;
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&httpd->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&httpd->lock, NULL);
    enum tb_rc rc = listen_all(httpd, err);
    if (rc == TB_OK) {
        httpd->has_reaper = pthread_create(&httpd->reaper, NULL, reap, httpd) == 0;
        rc = httpd->has_reaper ? TB_OK : tb_fail(err, TB_ENOMEM, "cannot start a thread");
    }
    if (rc != TB_OK) {
        tb_httpd_free(httpd);
        return rc;
    }
    *ret = httpd;
    return TB_OK;
}

unsigned tb_httpd_port(const struct tb_httpd *httpd)
{
    return httpd->port;
}

/* Waits until the count is down to none, or the time is over. */
static void wait_for_none(const _Atomic uint64_t *count, int ms)
{
    struct timespec pause = {.tv_nsec = 5000000L};
    for (int64_t until = tb_clock_mono_us() + (int64_t)ms * 1000;
         *count > 0 && tb_clock_mono_us() < until;) {
        (void)nanosleep(&pause, NULL);
    }
}

static void answer_the_rest(struct tb_httpd *httpd)
{
    static const struct tb_httpd_response gone = {.status = 503};
    for (;;) {
        (void)pthread_mutex_lock(&httpd->lock);
        struct tb_httpd_request *req = httpd->waiting;
        if (req) {
            (void)tb_httpd_take(req);
        }
        (void)pthread_mutex_unlock(&httpd->lock);
        if (!req) {
            return;
        }
        tb_httpd_give(req, gone.status, tb_httpd_make_response(NULL, &gone), NULL);
    }
}

void tb_httpd_stop(struct tb_httpd *httpd, int grace_ms)
{
    if (httpd->ndaemons == 0) {
        return;
    }
    MHD_socket listeners[TB_HTTPD_ADDRESSES_MAX] = {0};
    for (size_t i = 0; i < httpd->ndaemons; i++) {
        listeners[i] = MHD_quiesce_daemon(httpd->daemons[i]);
    }
    wait_for_none(&httpd->nwaiting, grace_ms);
    (void)pthread_mutex_lock(&httpd->lock);
    httpd->stopping = true;
    (void)pthread_cond_broadcast(&httpd->wake);
    (void)pthread_mutex_unlock(&httpd->lock);
    answer_the_rest(httpd);
    tb_httpd_end_streams(httpd, false);
    wait_for_none(&httpd->busy, 500);
    tb_httpd_end_streams(httpd, true);
    wait_for_none(&httpd->streams, 5000);
    for (size_t i = 0; i < httpd->ndaemons; i++) {
        MHD_stop_daemon(httpd->daemons[i]);
        if (listeners[i] != MHD_INVALID_SOCKET) {
            (void)close(listeners[i]);
        }
    }
    httpd->ndaemons = 0;
}

void tb_httpd_free(struct tb_httpd *httpd)
{
    if (!httpd) {
        return;
    }
    tb_httpd_stop(httpd, 0);
    (void)pthread_mutex_lock(&httpd->lock);
    httpd->stopping = true;
    (void)pthread_cond_broadcast(&httpd->wake);
    (void)pthread_mutex_unlock(&httpd->lock);
    if (httpd->has_reaper) {
        (void)pthread_join(httpd->reaper, NULL);
    }
    (void)pthread_cond_destroy(&httpd->wake);
    (void)pthread_mutex_destroy(&httpd->lock);
    free(httpd->cert);
    free(httpd->key);
    free(httpd);
}

void tb_httpd_stats(const struct tb_httpd *httpd, struct tb_httpd_stats *ret)
{
    *ret = (struct tb_httpd_stats){.connections = httpd->connections,
                                   .waiting = httpd->nwaiting,
                                   .streams = httpd->streams,
                                   .requests = httpd->requests,
                                   .timeouts = httpd->timeouts,
                                   .dropped = httpd->dropped};
}
