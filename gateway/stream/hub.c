/* Readers: coming, joining the tail, being told. */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "gateway/stream/internal.h"

static const char beginning[] = "retry: 1000\n\n";

void tb_reader_unref(struct tb_reader *reader)
{
    if (atomic_fetch_sub(&reader->refs, 1) == 1) {
        tb_httpd_stream_release(reader->stream);
        free(reader);
    }
}

static void on_closed(void *arg)
{
    struct tb_reader *reader = arg;
    atomic_store(&reader->over, true);
    tb_reader_unref(reader);
}

struct tb_reader *tb_hub_answer(struct tb_hub *hub, struct tb_httpd_request *req, tb_str body)
{
    static const struct tb_httpd_header headers[] = {
        {"Cache-Control", {"no-store", 8}},
        {"X-Content-Type-Options", {"nosniff", 7}},
        {"X-Accel-Buffering", {"no", 2}}, /* proxies pass it on at once */
    };
    struct tb_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        hub->refuse(req, 503, "busy", NULL, "out of memory");
        return NULL;
    }
    reader->refs = 2;
    /* Spread, so that those who came together do not all come back together. */
    reader->until_us = tb_clock_mono_us() + hub->life_us -
                       hub->life_us / 10 * (int64_t)(((uintptr_t)reader >> 5) % 10) / 10;
    const struct tb_httpd_response res = {.status = 200,
                                          .content_type = "text/event-stream",
                                          .body = body,
                                          .headers = headers,
                                          .nheaders = TB_COUNT(headers)};
    const struct tb_httpd_stream_options opt = {
        .max_pending = hub->max_pending, .closed = on_closed, .arg = reader};
    struct tb_httpd_stream *stream = tb_httpd_stream_begin(req, &res, &opt);
    if (!stream) {
        free(reader);
        return NULL;
    }
    reader->stream = stream;
    return reader;
}

void tb_hub_frame(const int64_t *next, size_t n, tb_str frame, tb_buf *out)
{
    tb_buf_add_c(out, "id: ");
    tb_cursor_write(next, n, out);
    tb_buf_add_char(out, '\n');
    tb_buf_add_str(out, frame);
}

bool tb_hub_recall(struct tb_hub *hub, const struct tb_filter *filter, int64_t *next, size_t max,
                   tb_buf *out, bool *ret_end)
{
    *ret_end = false;
    if (!tb_cursor_covers(next, hub->ring.low, hub->npartitions)) {
        return false;
    }
    for (uint64_t i = hub->ring.first; i < hub->ring.end; i++) {
        const struct tb_ring_entry *e = tb_ring_at(&hub->ring, i);
        if (e->offset < next[e->partition]) {
            continue;
        }
        if (out->len >= max) {
            return true;
        }
        next[e->partition] = e->offset + 1;
        if (tb_filter_match(filter, &e->note)) {
            tb_hub_frame(next, hub->npartitions, e->frame, out);
        }
    }
    *ret_end = tb_cursor_covers(hub->pos, next, hub->npartitions);
    return true;
}

static struct tb_channel *channel_of(struct tb_hub *hub, const struct tb_filter *filter)
{
    struct tb_arena *arena = tb_arena_new(0);
    struct tb_channel *channel = arena ? TB_NEW(arena, struct tb_channel) : NULL;
    tb_str key = channel ? tb_filter_key(filter, arena) : TB_STR_NULL;
    if (!key.ptr) {
        tb_arena_free(arena);
        return NULL;
    }
    for (struct tb_channel *c = hub->channels; c; c = c->next) {
        if (tb_str_eq(c->key, key)) {
            tb_arena_free(arena);
            return c;
        }
    }
    channel->arena = arena;
    channel->key = key;
    channel->filter = tb_filter_copy(filter, arena);
    tb_buf_init(&channel->fresh, TB_HUB_FRAME_MAX);
    if (tb_arena_failed(arena)) {
        tb_arena_free(arena);
        return NULL;
    }
    channel->next = hub->channels;
    hub->channels = channel;
    hub->stats.channels++;
    return channel;
}

bool tb_hub_join(struct tb_hub *hub, struct tb_reader *reader, const struct tb_filter *filter)
{
    struct tb_channel *channel = channel_of(hub, filter);
    if (!channel) {
        return false;
    }
    /* What is fresh in the channel is behind the reader: it would get it twice. */
    if (channel->fresh.len > 0) {
        struct tb_httpd_bytes *bytes = tb_httpd_bytes_new(channel->fresh.ptr, channel->fresh.len);
        if (!bytes) {
            return false;
        }
        for (struct tb_reader *r = channel->readers; r; r = r->next) {
            (void)tb_httpd_stream_push(r->stream, bytes);
        }
        tb_httpd_bytes_unref(bytes);
        tb_buf_clear(&channel->fresh);
    }
    reader->next = channel->readers;
    channel->readers = reader;
    hub->stats.readers++;
    return true;
}

void tb_catchup_free(struct tb_catchup *c)
{
    if (!c) {
        return;
    }
    if (c->reader) {
        tb_httpd_stream_end(c->reader->stream);
        tb_reader_unref(c->reader);
    }
    tb_gate_free(c->gate);
    tb_arena_free(c->arena);
}

static bool enqueue(struct tb_hub *hub, struct tb_httpd_request *req,
                    const struct tb_filter *filter, const int64_t *next)
{
    struct tb_arena *arena = tb_arena_new(0);
    struct tb_catchup *c = arena ? TB_NEW(arena, struct tb_catchup) : NULL;
    int64_t *copy = c ? TB_NEW_N(arena, int64_t, hub->npartitions) : NULL;
    if (copy) {
        memcpy(copy, next, hub->npartitions * sizeof *copy);
        *c = (struct tb_catchup){.req = req,
                                 .arena = arena,
                                 .filter = tb_filter_copy(filter, arena),
                                 .next_offset = copy,
                                 .npartitions = hub->npartitions};
    }
    if (!copy || tb_arena_failed(arena) || hub->nqueued >= TB_HUB_QUEUE_MAX) {
        tb_arena_free(arena);
        return false;
    }
    if (hub->last) {
        hub->last->next = c;
    } else {
        hub->first = c;
    }
    hub->last = c;
    hub->nqueued++;
    hub->stats.catching_up++;
    (void)pthread_cond_signal(&hub->wake);
    return true;
}

/* From memory, if that reaches back so far and it is little. False: not answered. */
static bool serve_now(struct tb_hub *hub, struct tb_httpd_request *req,
                      const struct tb_filter *filter, int64_t *next, tb_buf *out)
{
    bool end;
    if (!tb_hub_recall(hub, filter, next, hub->max_pending / 2, out, &end) || !end) {
        return false;
    }
    tb_hub_frame(hub->pos, hub->npartitions, TB_LIT("\n"), out);
    if (out->failed) {
        return false;
    }
    struct tb_reader *reader = tb_hub_answer(hub, req, tb_buf_str(out));
    if (reader && !tb_hub_join(hub, reader, filter)) {
        tb_httpd_stream_end(reader->stream);
        tb_reader_unref(reader);
    }
    return true;
}

/* Under the lock. */
static void serve(struct tb_hub *hub, struct tb_httpd_request *req, const struct tb_filter *filter,
                  tb_str last_id)
{
    struct tb_error err = {.rc = TB_OK};
    int64_t *next = hub->ready ? TB_NEW_N(tb_httpd_arena(req), int64_t, hub->npartitions) : NULL;
    if (!next) {
        hub->refuse(req, 503, "not_ready", NULL, "events cannot be read now; try again");
        return;
    }
    memcpy(next, hub->pos, hub->npartitions * sizeof *next);
    if (last_id.len > 0 && tb_cursor_parse(last_id, next, hub->npartitions, &err) != TB_OK) {
        hub->refuse(req, 400, "validation_failed", err.field, err.text);
        return;
    }
    tb_buf out;
    tb_buf_init(&out, TB_HUB_FRAME_MAX);
    tb_buf_add_c(&out, beginning);
    int64_t *kept = TB_NEW_N(tb_httpd_arena(req), int64_t, hub->npartitions);
    if (kept) {
        memcpy(kept, next, hub->npartitions * sizeof *kept);
    }
    if (!kept) {
        hub->refuse(req, 503, "busy", NULL, "out of memory");
    } else if (serve_now(hub, req, filter, next, &out)) {
        hub->stats.resumed_memory += last_id.len > 0;
    } else if (!enqueue(hub, req, filter, kept)) {
        hub->refuse(req, 503, "busy", NULL, "too many readers are being caught up; try again");
    }
    tb_buf_dispose(&out);
}

void tb_hub_serve(struct tb_hub *hub, struct tb_httpd_request *req, const struct tb_filter *filter,
                  tb_str last_id)
{
    (void)pthread_mutex_lock(&hub->lock);
    serve(hub, req, filter, last_id);
    (void)pthread_mutex_unlock(&hub->lock);
}

const struct tb_hub_stats *tb_hub_stats(const struct tb_hub *hub)
{
    return &hub->stats;
}

/* ---- life ---- */

static enum tb_rc start_threads(struct tb_hub *hub, struct tb_error *err)
{
    size_t wanted = (size_t)tb_config_int(hub->cfg, TB_CFG(SSE_CATCHUPS));
    hub->catchers = calloc(wanted, sizeof *hub->catchers);
    if (!hub->catchers || pthread_create(&hub->tail, NULL, tb_hub_tail, hub) != 0) {
        free(hub->catchers);
        return tb_fail(err, TB_ENOMEM, "no thread could be started");
    }
    while (hub->ncatchers < wanted &&
           pthread_create(&hub->catchers[hub->ncatchers], NULL, tb_hub_catch, hub) == 0) {
        hub->ncatchers++;
    }
    return TB_OK;
}

enum tb_rc tb_hub_start(const struct tb_config *cfg, tb_hub_refuse_fn *refuse, struct tb_hub **ret,
                        struct tb_error *err)
{
    struct tb_hub *hub = calloc(1, sizeof *hub);
    if (!hub) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    hub->cfg = cfg;
    hub->refuse = refuse;
    hub->max_pending = (size_t)tb_config_int(cfg, TB_CFG(SSE_BUFFER_BYTES));
    hub->heartbeat_us = tb_config_int(cfg, TB_CFG(SSE_HEARTBEAT_S)) * 1000000;
    hub->life_us = tb_config_int(cfg, TB_CFG(SSE_LIFE_S)) * 1000000;
    (void)pthread_mutex_init(&hub->lock, NULL);
    (void)pthread_cond_init(&hub->wake, NULL);
    enum tb_rc rc = start_threads(hub, err);
    if (rc != TB_OK) {
        free(hub);
        return rc;
    }
    *ret = hub;
    return TB_OK;
}

void tb_hub_free(struct tb_hub *hub)
{
    if (!hub) {
        return;
    }
    (void)pthread_mutex_lock(&hub->lock);
    atomic_store(&hub->stop, true);
    (void)pthread_cond_broadcast(&hub->wake);
    (void)pthread_mutex_unlock(&hub->lock);
    (void)pthread_join(hub->tail, NULL);
    for (size_t i = 0; i < hub->ncatchers; i++) {
        (void)pthread_join(hub->catchers[i], NULL);
    }
    for (struct tb_catchup *c = hub->first, *next; c; c = next) {
        next = c->next;
        if (c->req) {
            hub->refuse(c->req, 503, "stopping", NULL, "the gateway stops; try again");
        }
        tb_catchup_free(c);
    }
    tb_ring_dispose(&hub->ring);
    free(hub->pos);
    free(hub->catchers);
    (void)pthread_cond_destroy(&hub->wake);
    (void)pthread_mutex_destroy(&hub->lock);
    free(hub);
}
