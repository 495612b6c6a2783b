/* Streams: a queue of shared bytes between any thread and a connection that sleeps while it is
 * empty. */
#include "common/httpd/stream.h"

#include <stdlib.h>

#include "common/httpd/internal.h"

/* What MHD takes at a time, and keeps for each stream. */
#define BLOCK_BYTES ((size_t)2048)

struct tb_httpd_bytes {
    atomic_int refs;
    size_t len;
    char data[];
};

struct tb_httpd_stream {
    struct tb_httpd *httpd;
    struct tb_httpd_stream_options opt;
    atomic_int refs;                     /* the user's and MHD's */
    struct tb_httpd_stream *prev, *next; /* under httpd->lock */
    bool listed;                         /* it was ever open */

    pthread_mutex_t lock; /* guards what follows */
    struct MHD_Connection *mhd;
    struct tb_httpd_conn *conn; /* NULL once the request is over */
    struct tb_httpd_bytes **ring;
    size_t room, head, n; /* of the ring, a power of two */
    size_t taken;         /* of the first bytes */
    size_t pending;
    bool ended;
    bool dropped;
    bool asleep;
};

struct tb_httpd_bytes *tb_httpd_bytes_new(const void *data, size_t len)
{
    struct tb_httpd_bytes *bytes = malloc(sizeof *bytes + len);
    if (bytes) {
        bytes->refs = 1;
        bytes->len = len;
        if (len > 0) {
            memcpy(bytes->data, data, len);
        }
    }
    return bytes;
}

void tb_httpd_bytes_unref(struct tb_httpd_bytes *bytes)
{
    if (bytes && atomic_fetch_sub(&bytes->refs, 1) == 1) {
        free(bytes);
    }
}

static void clear(struct tb_httpd_stream *stream)
{
    for (; stream->n > 0; stream->n--, stream->head++) {
        tb_httpd_bytes_unref(stream->ring[stream->head & (stream->room - 1)]);
    }
    stream->pending = 0;
    stream->taken = 0;
}

void tb_httpd_stream_release(struct tb_httpd_stream *stream)
{
    if (!stream || atomic_fetch_sub(&stream->refs, 1) > 1) {
        return;
    }
    clear(stream);
    (void)pthread_mutex_destroy(&stream->lock);
    free(stream->ring);
    free(stream);
}

static bool append(struct tb_httpd_stream *stream, struct tb_httpd_bytes *bytes)
{
    if (stream->n == stream->room) {
        size_t room = stream->room ? stream->room * 2 : 4;
        struct tb_httpd_bytes **ring = calloc(room, sizeof(struct tb_httpd_bytes *));
        if (!ring) {
            return false;
        }
        for (size_t i = 0; i < stream->n; i++) {
            ring[i] = stream->ring[(stream->head + i) & (stream->room - 1)];
        }
        free(stream->ring);
        stream->ring = ring;
        stream->room = room;
        stream->head = 0;
    }
    atomic_fetch_add(&bytes->refs, 1);
    stream->ring[(stream->head + stream->n++) & (stream->room - 1)] = bytes;
    stream->pending += bytes->len;
    return true;
}

/* Under the lock: whether the caller has to wake the connection, after unlocking. */
static bool rouse(struct tb_httpd_stream *stream)
{
    bool wake = stream->asleep;
    stream->asleep = false;
    return wake;
}

static ssize_t take(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct tb_httpd_stream *stream = cls;
    (void)pos;
    size_t n = 0;
    (void)pthread_mutex_lock(&stream->lock);
    while (!stream->dropped && stream->n > 0 && n < max) {
        struct tb_httpd_bytes *bytes = stream->ring[stream->head & (stream->room - 1)];
        size_t part = bytes->len - stream->taken;
        part = part < max - n ? part : max - n;
        memcpy(buf + n, bytes->data + stream->taken, part);
        n += part;
        stream->taken += part;
        stream->pending -= part;
        if (stream->taken == bytes->len) {
            tb_httpd_bytes_unref(bytes);
            stream->head++;
            stream->n--;
            stream->taken = 0;
        }
    }
    ssize_t result = (ssize_t)n;
    if (stream->dropped) {
        result = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (n == 0 && stream->ended) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (n == 0) {
        stream->asleep = true;
        MHD_suspend_connection(stream->mhd);
    }
    (void)pthread_mutex_unlock(&stream->lock);
    return result;
}

/* MHD lets go of the stream: the connection is over, or never got it. */
static void over(void *cls)
{
    struct tb_httpd_stream *stream = cls;
    struct tb_httpd *httpd = stream->httpd;
    (void)pthread_mutex_lock(&stream->lock);
    stream->ended = true;
    stream->conn = NULL;
    clear(stream);
    (void)pthread_mutex_unlock(&stream->lock);
    if (!stream->listed) {
        tb_httpd_stream_release(stream);
        return;
    }
    (void)pthread_mutex_lock(&httpd->lock);
    if (stream->prev) {
        stream->prev->next = stream->next;
    } else {
        httpd->open = stream->next;
    }
    if (stream->next) {
        stream->next->prev = stream->prev;
    }
    (void)pthread_mutex_unlock(&httpd->lock);
    if (stream->opt.closed) {
        stream->opt.closed(stream->opt.arg);
    }
    httpd->streams--;
    tb_httpd_stream_release(stream);
}

void tb_httpd_stream_leave(struct tb_httpd_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    stream->ended = true;
    stream->conn = NULL;
    (void)pthread_mutex_unlock(&stream->lock);
}

static struct tb_httpd_stream *stream_new(struct tb_httpd_request *req,
                                          const struct tb_httpd_stream_options *opt)
{
    struct tb_httpd_stream *stream = calloc(1, sizeof *stream);
    if (stream) {
        stream->httpd = req->httpd;
        stream->opt = *opt;
        stream->refs = 2;
        stream->mhd = req->mhd;
        stream->conn = req->conn;
        (void)pthread_mutex_init(&stream->lock, NULL);
    }
    return stream;
}

struct tb_httpd_stream *tb_httpd_stream_begin(struct tb_httpd_request *req,
                                              const struct tb_httpd_response *res,
                                              const struct tb_httpd_stream_options *opt)
{
    static const struct tb_httpd_response unavailable = {.status = 503};
    struct tb_httpd *httpd = req->httpd;
    struct tb_httpd_stream *stream = stream_new(req, opt);
    struct tb_httpd_bytes *first =
        res->body.len > 0 ? tb_httpd_bytes_new(res->body.ptr, res->body.len) : NULL;
    struct MHD_Response *response =
        stream && (first || res->body.len == 0) && (!first || append(stream, first))
            ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, take, stream, over)
            : NULL;
    tb_httpd_bytes_unref(first);
    bool sendable = response && tb_httpd_add_headers(response, res, false);
    (void)pthread_mutex_lock(&httpd->lock);
    bool fine = sendable && !httpd->stopping && tb_httpd_take(req);
    if (fine) {
        stream->next = httpd->open;
        if (stream->next) {
            stream->next->prev = stream;
        }
        httpd->open = stream;
        stream->listed = true;
        httpd->streams++;
    }
    (void)pthread_mutex_unlock(&httpd->lock);
    if (!fine) {
        if (response) {
            MHD_destroy_response(response); /* releases its part of the stream */
        } else if (stream) {
            stream->refs = 1;
        }
        tb_httpd_stream_release(stream);
        tb_httpd_respond(req, &unavailable);
        return NULL;
    }
    tb_httpd_give(req, res->status, response, stream);
    tb_httpd_request_unref(req);
    return stream;
}

bool tb_httpd_stream_push(struct tb_httpd_stream *stream, struct tb_httpd_bytes *bytes)
{
    (void)pthread_mutex_lock(&stream->lock);
    bool open = !stream->ended && !stream->dropped;
    if (open &&
        (stream->pending + bytes->len > stream->opt.max_pending || !append(stream, bytes))) {
        open = false;
        stream->dropped = true;
        stream->httpd->dropped++;
        clear(stream);
        if (stream->conn) {
            tb_httpd_cut(stream->conn);
        }
    }
    bool wake = rouse(stream);
    struct MHD_Connection *mhd = stream->mhd;
    (void)pthread_mutex_unlock(&stream->lock);
    if (wake) {
        MHD_resume_connection(mhd);
    }
    return open;
}

size_t tb_httpd_stream_pending(struct tb_httpd_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    size_t pending = stream->pending;
    (void)pthread_mutex_unlock(&stream->lock);
    return pending;
}

static void end(struct tb_httpd_stream *stream, bool cut)
{
    (void)pthread_mutex_lock(&stream->lock);
    stream->ended = true;
    if (cut && stream->conn) {
        tb_httpd_cut(stream->conn);
    }
    bool wake = rouse(stream);
    struct MHD_Connection *mhd = stream->mhd;
    (void)pthread_mutex_unlock(&stream->lock);
    if (wake) {
        MHD_resume_connection(mhd);
    }
}

void tb_httpd_stream_end(struct tb_httpd_stream *stream)
{
    end(stream, false);
}

void tb_httpd_end_streams(struct tb_httpd *httpd, bool cut)
{
    (void)pthread_mutex_lock(&httpd->lock);
    size_t n = 0;
    for (struct tb_httpd_stream *s = httpd->open; s; s = s->next) {
        n++;
    }
    struct tb_httpd_stream **all = calloc(n + 1, sizeof(struct tb_httpd_stream *));
    n = 0;
    for (struct tb_httpd_stream *s = httpd->open; s && all; s = s->next) {
        atomic_fetch_add(&s->refs, 1);
        all[n++] = s;
    }
    (void)pthread_mutex_unlock(&httpd->lock);
    for (size_t i = 0; i < n; i++) {
        end(all[i], cut);
        tb_httpd_stream_release(all[i]);
    }
    free(all);
}
