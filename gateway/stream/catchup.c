/* Readers that come back from further away than memory reaches: read from Kafka, a piece at a
 * time, in turn, until the ring takes over and the tail after it. */
#include <stdlib.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "gateway/stream/internal.h"

enum { ASK_MS = 5000, POLL_MS = 100, GATE_SUBJECTS = 16 * 1024, PAUSE_US = 5000 };
#define TURN_US ((int64_t)1000 * 1000) /* before others have their turn */
#define STALL_US                                                                                   \
    ((int64_t)20 * 1000 * 1000) /* a client that takes nothing for so long is dropped */

struct catcher {
    struct tb_hub *hub;
    struct tb_consumer *consumer;
    struct tb_arena *arena;
    tb_buf out, frame;
};

enum next { AGAIN, FINISHED };

/* Not to be served: answered, or (once it streams) ended. */
static enum next refuse(struct catcher *k, struct tb_catchup *c, int status, const char *code,
                        const char *sentence)
{
    if (c->req) {
        k->hub->refuse(c->req, status, code, status == 410 ? "Last-Event-ID" : NULL, sentence);
        c->req = NULL;
    }
    return FINISHED;
}

/* What has gathered goes out; the first also answers the request. False: the stream is over. */
static bool send(struct catcher *k, struct tb_catchup *c)
{
    if (c->req) {
        tb_buf first;
        tb_buf_init(&first, TB_HUB_FRAME_MAX);
        tb_buf_add_c(&first, "retry: 1000\n\n");
        tb_buf_add_str(&first, tb_buf_str(&k->out));
        c->reader = tb_hub_answer(k->hub, c->req, tb_buf_str(&first));
        c->req = NULL;
        tb_buf_dispose(&first);
        c->moved_us = tb_clock_mono_us();
    } else if (c->reader && k->out.len > 0) {
        struct tb_httpd_bytes *bytes = tb_httpd_bytes_new(k->out.ptr, k->out.len);
        bool fine = bytes && tb_httpd_stream_push(c->reader->stream, bytes);
        tb_httpd_bytes_unref(bytes);
        if (!fine) {
            return false;
        }
    }
    tb_buf_clear(&k->out);
    return c->reader && !atomic_load(&c->reader->over);
}

/* Whether there is room for another piece; *ret_stalled: nothing was taken for too long. */
static bool has_room(struct catcher *k, struct tb_catchup *c, bool *ret_stalled)
{
    *ret_stalled = false;
    if (!c->reader) {
        return true;
    }
    int64_t now = tb_clock_mono_us();
    size_t pending = tb_httpd_stream_pending(c->reader->stream);
    if (pending < c->pending || pending == 0) {
        c->moved_us = now;
    }
    c->pending = pending;
    *ret_stalled = now - c->moved_us > STALL_US;
    return pending + TB_HUB_PIECE_BYTES < k->hub->max_pending;
}

static enum tb_rc need_consumer(struct catcher *k, struct tb_error *err)
{
    const struct tb_consumer_options opt = {.topic =
                                                tb_config_str(k->hub->cfg, TB_CFG(TOPIC_EVENTS)),
                                            .client_id = "ticketbus-gateway-catchup"};
    return k->consumer ? TB_OK : tb_consumer_new(k->hub->cfg, &opt, &k->consumer, err);
}

static enum tb_rc check(struct catcher *k, const struct tb_catchup *c, struct tb_error *err)
{
    enum tb_rc rc = need_consumer(k, err);
    for (size_t i = 0; rc == TB_OK && i < c->npartitions; i++) {
        int64_t low = 0;
        int64_t high = 0;
        rc = tb_consumer_watermarks(k->consumer, (int32_t)i, &low, &high, ASK_MS, err);
        if (rc == TB_OK && (c->next_offset[i] < low || c->next_offset[i] > high)) {
            rc = tb_fail(err, TB_ENOTFOUND,
                         "partition %zu of the log holds %lld to %lld, not %lld: read the tickets "
                         "anew (GET /tickets/get), then connect without Last-Event-ID",
                         i, (long long)low, (long long)high, (long long)c->next_offset[i]);
        }
    }
    return rc;
}

/* Whether the log holds what the cursor asks for; otherwise answered with the way on. */
static bool is_held(struct catcher *k, struct tb_catchup *c)
{
    struct tb_error err = {.rc = TB_OK};
    enum tb_rc rc = c->checked ? TB_OK : check(k, c, &err);
    c->checked = true;
    if (rc == TB_ENOTFOUND) {
        k->hub->stats.gone++;
        (void)refuse(k, c, 410, "events_gone", err.text);
    } else if (rc != TB_OK) {
        (void)refuse(k, c, 503, "unavailable", "events cannot be read now; try again");
    }
    return rc == TB_OK;
}

/* ---- from the ring ---- */

/* *ret: what then. False: the ring does not reach back so far. */
static bool from_memory(struct catcher *k, struct tb_catchup *c, enum next *ret)
{
    struct tb_hub *hub = k->hub;
    bool end = false;
    *ret = AGAIN;
    (void)pthread_mutex_lock(&hub->lock);
    bool reaches =
        hub->ready && hub->npartitions == c->npartitions &&
        tb_hub_recall(hub, &c->filter, c->next_offset, TB_HUB_PIECE_BYTES, &k->out, &end);
    if (reaches && end) {
        tb_hub_frame(hub->pos, hub->npartitions, TB_LIT("\n"), &k->out);
    }
    bool fine = !reaches || (!k->out.failed && (k->out.len == 0 || send(k, c)));
    if (reaches && !fine) {
        *ret = FINISHED;
    } else if (reaches && end) {
        *ret = FINISHED;
        if (tb_hub_join(hub, c->reader, &c->filter)) {
            c->reader = NULL; /* the channel's now */
        }
    }
    (void)pthread_mutex_unlock(&hub->lock);
    if (reaches && !end && *ret == AGAIN && k->out.len == 0) { /* ahead of our tail */
        c->not_before_us = tb_clock_mono_us() + PAUSE_US;
        *ret = is_held(k, c) ? AGAIN : FINISHED;
    }
    return reaches;
}

/* ---- from Kafka ---- */

static enum tb_rc start(struct catcher *k, struct tb_catchup *c, struct tb_error *err)
{
    size_t n = c->npartitions;
    struct tb_position *at = TB_NEW_N(k->arena, struct tb_position, n);
    int64_t back = 0;
    if (!c->gate) {
        c->gate = tb_gate_new(GATE_SUBJECTS, TB_HUB_GAP_US);
        back = TB_HUB_LOOK_BACK;
        k->hub->stats.resumed_kafka++;
    }
    if (!at || !c->gate) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    enum tb_rc rc = TB_OK;
    for (size_t i = 0; rc == TB_OK && i < n; i++) {
        at[i] = (struct tb_position){(int32_t)i, c->next_offset[i]};
        if (back > 0) {
            int64_t low = 0;
            int64_t high = 0;
            rc = tb_consumer_watermarks(k->consumer, (int32_t)i, &low, &high, ASK_MS, err);
            at[i].offset = at[i].offset - back > low ? at[i].offset - back : low;
        }
    }
    return rc == TB_OK ? tb_consumer_start(k->consumer, at, n, err) : rc;
}

static void take(struct catcher *k, struct tb_catchup *c, const struct tb_kafka_message *m)
{
    struct tb_note note;
    struct tb_error why;
    if (m->partition < 0 || (size_t)m->partition >= c->npartitions) {
        return;
    }
    tb_arena_reset(k->arena);
    bool passes = !tb_kafka_message_header(m, "ticketbus-repeat").ptr &&
                  tb_note_read(m->value, k->arena, &note, &why) == TB_OK &&
                  tb_gate_offer(c->gate, &note, m->timestamp_us) == TB_GATE_PASS;
    if (m->offset < c->next_offset[m->partition]) {
        return; /* only for the gate */
    }
    c->next_offset[m->partition] = m->offset + 1;
    if (passes && tb_filter_match(&c->filter, &note)) {
        tb_buf_clear(&k->frame);
        tb_frame_write(&note, m->value, &k->frame);
        tb_hub_frame(c->next_offset, c->npartitions, tb_buf_str(&k->frame), &k->out);
        k->out.failed = k->out.failed || k->frame.failed;
    }
}

static bool in_memory(struct tb_hub *hub, const struct tb_catchup *c)
{
    (void)pthread_mutex_lock(&hub->lock);
    bool is = !hub->ready || hub->npartitions != c->npartitions ||
              tb_cursor_covers(c->next_offset, hub->ring.low, hub->npartitions);
    (void)pthread_mutex_unlock(&hub->lock);
    return is;
}

/* One turn of reading. */
static enum next from_kafka(struct catcher *k, struct tb_catchup *c)
{
    struct tb_error err = {.rc = TB_OK};
    if (!is_held(k, c)) {
        return FINISHED;
    }
    enum tb_rc rc = need_consumer(k, &err);
    rc = rc == TB_OK ? start(k, c, &err) : rc;
    int64_t until = tb_clock_mono_us() + TURN_US;
    bool more = rc == TB_OK;
    while (more && !atomic_load(&k->hub->stop) && tb_clock_mono_us() < until) {
        struct tb_kafka_message m = {0};
        enum tb_poll got = tb_consumer_poll(k->consumer, POLL_MS, &m, &err);
        if (got == TB_POLL_MESSAGE) {
            take(k, c, &m);
        }
        tb_kafka_message_free(&m);
        if (got == TB_POLL_OFFSET_GONE || got == TB_POLL_FATAL || k->out.failed) {
            rc = TB_EUNAVAILABLE; /* the client comes back and learns why */
            break;
        }
        bool stalled;
        more = k->out.len < TB_HUB_PIECE_BYTES || (send(k, c) && has_room(k, c, &stalled));
        more = more && !(got == TB_POLL_NONE && in_memory(k->hub, c));
    }
    if (rc != TB_OK) {
        tb_consumer_free(k->consumer);
        k->consumer = NULL;
        return refuse(k, c, 503, "unavailable", "events cannot be read now; try again");
    }
    struct tb_error ignored;
    (void)!tb_consumer_start(k->consumer, NULL, 0, &ignored);
    return send(k, c) ? AGAIN : FINISHED;
}

static enum next serve(struct catcher *k, struct tb_catchup *c)
{
    enum next then = AGAIN;
    bool stalled;
    tb_buf_clear(&k->out);
    tb_arena_reset(k->arena);
    (void)pthread_mutex_lock(&k->hub->lock);
    bool ready = k->hub->ready && k->hub->npartitions == c->npartitions;
    (void)pthread_mutex_unlock(&k->hub->lock);
    if (!ready) {
        return refuse(k, c, 503, "not_ready", "events cannot be read now; try again");
    }
    if (c->reader && atomic_load(&c->reader->over)) {
        return FINISHED;
    }
    if (!has_room(k, c, &stalled)) {
        c->not_before_us = tb_clock_mono_us() + PAUSE_US;
        k->hub->stats.slow += stalled;
        return stalled ? FINISHED : AGAIN;
    }
    return from_memory(k, c, &then) ? then : from_kafka(k, c);
}

/* The next one whose time has come; NULL: stop. Under the lock. */
static struct tb_catchup *next_of(struct tb_hub *hub)
{
    while (!atomic_load(&hub->stop)) {
        int64_t now = tb_clock_mono_us();
        struct tb_catchup *before = NULL;
        for (struct tb_catchup *c = hub->first; c; before = c, c = c->next) {
            if (c->not_before_us > now) {
                continue;
            }
            *(before ? &before->next : &hub->first) = c->next;
            hub->last = hub->last == c ? before : hub->last;
            hub->nqueued--;
            c->next = NULL;
            return c;
        }
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += hub->first ? PAUSE_US * 1000L : 500L * 1000 * 1000;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        (void)pthread_cond_timedwait(&hub->wake, &hub->lock, &until);
    }
    return NULL;
}

void *tb_hub_catch(void *arg)
{
    struct tb_hub *hub = arg;
    struct catcher k = {.hub = hub, .arena = tb_arena_new(0)};
    tb_buf_init(&k.out, TB_HUB_FRAME_MAX);
    tb_buf_init(&k.frame, TB_HUB_FRAME_MAX);
    (void)pthread_mutex_lock(&hub->lock);
    struct tb_catchup *c;
    while (k.arena && (c = next_of(hub))) {
        (void)pthread_mutex_unlock(&hub->lock);
        enum next then = serve(&k, c);
        if (then == FINISHED) {
            if (c->req) {
                hub->refuse(c->req, 503, "busy", NULL, "out of memory");
            }
            tb_catchup_free(c);
            hub->stats.catching_up--;
        }
        (void)pthread_mutex_lock(&hub->lock);
        if (then == AGAIN) {
            *(hub->last ? &hub->last->next : &hub->first) = c;
            hub->last = c;
            hub->nqueued++;
        }
    }
    (void)pthread_mutex_unlock(&hub->lock);
    tb_consumer_free(k.consumer);
    tb_buf_dispose(&k.out);
    tb_buf_dispose(&k.frame);
    tb_arena_free(k.arena);
    return NULL;
}
