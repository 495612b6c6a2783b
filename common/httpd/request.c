/* A request from its first line to its answer. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/httpd/encode.h"
#include "common/httpd/internal.h"
#include "common/httpd/stream.h"

#define ARENA_MAX ((size_t)256 * 1024 * 1024)
/* Of a body that is too large this much is still read, so that the client gets to see its 413. */
#define SWALLOW_MAX ((uint64_t)4 * 1024 * 1024)

void *tb_httpd_on_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct tb_httpd *httpd = cls;
    struct tb_httpd_request *req = calloc(1, sizeof *req);
    if (!req) {
        return NULL;
    }
    const union MHD_ConnectionInfo *conn =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    req->httpd = httpd;
    req->mhd = mhd;
    req->conn = conn ? conn->socket_context : NULL;
    req->uri = strdup(uri);
    req->refs = 1;
    req->started_us = tb_clock_mono_us();
    (void)pthread_mutex_init(&req->lock, NULL);
    tb_buf_init(&req->body, httpd->opt.max_body + 1);
    if (req->uri) {
        const char *mark = strchr(req->uri, '?');
        req->path = (tb_str){req->uri, mark ? (size_t)(mark - req->uri) : strlen(req->uri)};
        req->query = tb_str_of(mark ? mark + 1 : NULL);
    }
    httpd->requests++;
    return req;
}

void tb_httpd_request_unref(struct tb_httpd_request *req)
{
    if (atomic_fetch_sub(&req->refs, 1) > 1) {
        return;
    }
    if (req->response) {
        MHD_destroy_response(req->response);
    }
    tb_buf_dispose(&req->body);
    tb_arena_free(req->arena);
    (void)pthread_mutex_destroy(&req->lock);
    free(req->uri);
    free(req);
}

void tb_httpd_on_completed(void *cls, struct MHD_Connection *mhd, void **state,
                           enum MHD_RequestTerminationCode code)
{
    struct tb_httpd *httpd = cls;
    struct tb_httpd_request *req = *state;
    (void)mhd;
    (void)code;
    if (!req) {
        return;
    }
    *state = NULL;
    httpd->busy -= req->asked ? 1 : 0;
    if (req->conn) {
        req->conn->deadline_us =
            tb_clock_mono_us() + (int64_t)httpd->opt.receive_timeout_s * 1000000;
    }
    if (req->stream) {
        tb_httpd_stream_leave(req->stream);
    }
    if (httpd->opt.done && req->status > 0) {
        httpd->opt.done(req->mark, req->status, tb_clock_mono_us() - req->started_us,
                        httpd->opt.arg);
    }
    tb_httpd_request_unref(req);
}

/* ---- waiting for the answer ---- */

/* False when the server is stopping: nobody would see to it any more. */
static bool put_waiting(struct tb_httpd_request *req)
{
    struct tb_httpd *httpd = req->httpd;
    (void)pthread_mutex_lock(&httpd->lock);
    bool fine = !httpd->stopping;
    if (fine) {
        atomic_fetch_add(&req->refs, 1); /* the answering side's */
        req->waiting = true;
        req->next = httpd->waiting;
        if (req->next) {
            req->next->prev = req;
        }
        httpd->waiting = req;
        httpd->nwaiting++;
    }
    (void)pthread_mutex_unlock(&httpd->lock);
    return fine;
}

bool tb_httpd_take(struct tb_httpd_request *req)
{
    struct tb_httpd *httpd = req->httpd;
    if (!req->waiting) {
        return false;
    }
    req->waiting = false;
    if (req->prev) {
        req->prev->next = req->next;
    } else {
        httpd->waiting = req->next;
    }
    if (req->next) {
        req->next->prev = req->prev;
    }
    req->prev = req->next = NULL;
    httpd->nwaiting--;
    return true;
}

void tb_httpd_give(struct tb_httpd_request *req, int status, struct MHD_Response *response,
                   struct tb_httpd_stream *stream)
{
    struct MHD_Connection *mhd = req->mhd;
    (void)pthread_mutex_lock(&req->lock);
    req->given = true;
    req->status = status;
    req->response = response;
    req->stream = stream;
    bool wake = req->asleep;
    req->asleep = false;
    (void)pthread_mutex_unlock(&req->lock);
    /* From here on the request may be gone; the connection is not before it is woken. */
    if (wake) {
        MHD_resume_connection(mhd);
    }
}

/* The answer is there: to MHD with it. NO closes the connection. */
static enum MHD_Result queue(struct tb_httpd_request *req)
{
    struct MHD_Response *response = req->response;
    req->response = NULL;
    if (!response) {
        return MHD_NO;
    }
    enum MHD_Result result = MHD_queue_response(req->mhd, (unsigned)req->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct tb_httpd_request *req, int status)
{
    const struct tb_httpd_response res = {.status = status};
    req->given = true;
    req->status = status;
    req->response = tb_httpd_make_response(NULL, &res);
    return queue(req);
}

/* Calls fn; what it has answered at once is queued, else (later) the connection sleeps. */
static enum MHD_Result ask(struct tb_httpd_request *req, tb_httpd_handler *fn, bool may_wait)
{
    struct tb_httpd *httpd = req->httpd;
    enum MHD_Result result = MHD_YES;
    if (!put_waiting(req)) {
        return refuse(req, 503);
    }
    fn(req, httpd->opt.arg);
    if (!may_wait) {
        (void)pthread_mutex_lock(&httpd->lock);
        bool open = tb_httpd_take(req);
        (void)pthread_mutex_unlock(&httpd->lock);
        if (open) { /* not refused: the body is read next */
            tb_httpd_request_unref(req);
            return MHD_YES;
        }
    }
    (void)pthread_mutex_lock(&req->lock);
    if (req->given) {
        result = queue(req);
    } else {
        req->asleep = true;
        MHD_suspend_connection(req->mhd);
    }
    (void)pthread_mutex_unlock(&req->lock);
    return result;
}

/* More than would be read only to be thrown away. */
static bool announces_too_much(const struct tb_httpd_request *req)
{
    const char *length =
        MHD_lookup_connection_value(req->mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return length && strtoull(length, NULL, 10) > req->httpd->opt.max_body + SWALLOW_MAX;
}

static enum MHD_Result begin(struct tb_httpd_request *req)
{
    struct tb_httpd *httpd = req->httpd;
    if (announces_too_much(req)) {
        return refuse(req, 413);
    }
    return httpd->opt.begin ? ask(req, httpd->opt.begin, false) : MHD_YES;
}

static enum MHD_Result take_body(struct tb_httpd_request *req, const char *data, size_t *size)
{
    if (req->body.failed || req->body.len + *size > req->httpd->opt.max_body) {
        req->body.failed = true;
        req->swallowed += *size;
    } else {
        tb_buf_add(&req->body, data, *size);
    }
    *size = 0;
    return req->swallowed > SWALLOW_MAX ? MHD_NO : MHD_YES;
}

enum MHD_Result tb_httpd_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                    const char *method, const char *version, const char *data,
                                    size_t *size, void **state)
{
    struct tb_httpd *httpd = cls;
    struct tb_httpd_request *req = *state;
    (void)mhd;
    (void)url;
    (void)version;
    if (!req || !req->uri || !req->conn) {
        return MHD_NO;
    }
    if (!req->method) {
        req->method = method;
        return begin(req);
    }
    if (*size > 0) {
        return take_body(req, data, size);
    }
    if (req->given) { /* woken */
        return queue(req);
    }
    if (req->body.failed) {
        return refuse(req, req->swallowed > 0 ? 413 : 503);
    }
    if (req->asked) {
        return MHD_YES;
    }
    req->asked = true;
    if (httpd->opt.gzip_min > 0) {
        tb_str named = tb_httpd_header(req, "If-None-Match");
        req->takes_gzip = tb_accepts_gzip(tb_httpd_header(req, "Accept-Encoding"));
        req->names_gzip = named.ptr && strstr(named.ptr, TB_GZIP_TAG "\"");
    }
    httpd->busy++;
    req->conn->deadline_us = 0;
    return ask(req, httpd->opt.handler, true);
}

/* ---- what handlers see ---- */

const char *tb_httpd_method(const struct tb_httpd_request *req)
{
    return req->method;
}

tb_str tb_httpd_path(const struct tb_httpd_request *req)
{
    return req->path;
}

tb_str tb_httpd_query_text(const struct tb_httpd_request *req)
{
    return req->query;
}

tb_str tb_httpd_header(const struct tb_httpd_request *req, const char *name)
{
    return tb_str_of(MHD_lookup_connection_value(req->mhd, MHD_HEADER_KIND, name));
}

tb_str tb_httpd_cookie(const struct tb_httpd_request *req, const char *name)
{
    return tb_str_of(MHD_lookup_connection_value(req->mhd, MHD_COOKIE_KIND, name));
}

tb_str tb_httpd_body(const struct tb_httpd_request *req)
{
    return req->body.len > 0 ? tb_buf_str(&req->body) : TB_STR_NULL;
}

const char *tb_httpd_peer(const struct tb_httpd_request *req)
{
    return req->conn->peer;
}

bool tb_httpd_tls(const struct tb_httpd_request *req)
{
    return req->httpd->cert != NULL;
}

void tb_httpd_mark(struct tb_httpd_request *req, unsigned mark)
{
    req->mark = mark;
}

struct tb_arena *tb_httpd_arena(struct tb_httpd_request *req)
{
    if (!req->arena) {
        req->arena = tb_arena_new(ARENA_MAX);
    }
    return req->arena;
}
