/* The one reader of the topic's tail: into the ring, and to whoever is joined. */
#include <stdlib.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "gateway/stream/internal.h"

enum {
    ASK_MS = 5000,
    POLL_MS = 10,
    GATE_SUBJECTS = 512 * 1024,
    AGAIN_MS = 500,
};
#define TICK_US     ((int64_t)10 * 1000)
#define TICK_MAX_US ((int64_t)250 * 1000)
#define SWEEP_US    ((int64_t)1000 * 1000)

struct tail {
    struct tb_hub *hub;
    struct tb_consumer *consumer;
    struct tb_gate *gate;
    struct tb_arena *arena;
    tb_buf frame, id;
    int64_t *target; /* the log's end as the reading began: ready when it is reached */
    int64_t flush_at_us, tick_us, sweep_at_us, heartbeat_at_us;
    bool fresh; /* some channel has frames to push */
};

static void let_go(struct tb_hub *hub, struct tb_reader **at)
{
    struct tb_reader *reader = *at;
    *at = reader->next;
    hub->stats.readers--;
    tb_reader_unref(reader);
}

static void push_all(struct tb_hub *hub, struct tb_channel *channel, tb_str frames)
{
    struct tb_httpd_bytes *bytes = tb_httpd_bytes_new(frames.ptr, frames.len);
    for (struct tb_reader **at = &channel->readers; *at;) {
        struct tb_reader *reader = *at;
        if (bytes && tb_httpd_stream_push(reader->stream, bytes)) {
            at = &reader->next;
            continue;
        }
        if (!bytes) {
            tb_httpd_stream_end(reader->stream); /* it may come back for what it misses */
        } else if (!atomic_load(&reader->over)) {
            hub->stats.slow++;
        }
        let_go(hub, at);
    }
    tb_httpd_bytes_unref(bytes);
}

/* Under the lock. */
static void flush(struct tail *t)
{
    struct tb_hub *hub = t->hub;
    int64_t began = tb_clock_mono_us();
    for (struct tb_channel *c = hub->channels; c; c = c->next) {
        if (c->fresh.failed) { /* cannot be told: they resume from their ids */
            while (c->readers) {
                tb_httpd_stream_end(c->readers->stream);
                let_go(hub, &c->readers);
            }
        } else if (c->fresh.len > 0) {
            push_all(hub, c, tb_buf_str(&c->fresh));
        }
        tb_buf_clear(&c->fresh);
    }
    t->fresh = false;
    /* Many readers: gather more for each, so that telling them leaves time for reading. */
    int64_t now = tb_clock_mono_us();
    t->tick_us = (now - began) * 4;
    t->tick_us = t->tick_us < TICK_US       ? TICK_US
                 : t->tick_us > TICK_MAX_US ? TICK_MAX_US
                                            : t->tick_us;
}

/* Readers that left or whose time is up, channels without any; under the lock. */
static void sweep(struct tail *t, int64_t now)
{
    struct tb_hub *hub = t->hub;
    bool beat = now >= t->heartbeat_at_us;
    tb_str alive = TB_STR_NULL;
    if (beat) {
        t->heartbeat_at_us = now + hub->heartbeat_us;
        tb_buf_clear(&t->frame);
        tb_buf_add_c(&t->frame, ": \n");
        tb_hub_frame(hub->pos, hub->npartitions, TB_LIT("\n"), &t->frame);
        alive = tb_buf_str(&t->frame);
    }
    for (struct tb_channel **at = &hub->channels; *at;) {
        struct tb_channel *c = *at;
        for (struct tb_reader **r = &c->readers; *r;) {
            bool over = atomic_load(&(*r)->over);
            if (!over && now >= (*r)->until_us) {
                tb_httpd_stream_end((*r)->stream);
                over = true;
            }
            if (over) {
                let_go(hub, r);
            } else {
                r = &(*r)->next;
            }
        }
        if (alive.ptr && !t->frame.failed) {
            push_all(hub, c, alive);
        }
        if (!c->readers) {
            *at = c->next;
            tb_buf_dispose(&c->fresh);
            tb_arena_free(c->arena);
            hub->stats.channels--;
        } else {
            at = &c->next;
        }
    }
    t->sweep_at_us = now + SWEEP_US;
}

/* Everybody is sent away; those who come back are served from what is then known. */
static void send_away(struct tail *t)
{
    struct tb_hub *hub = t->hub;
    (void)pthread_mutex_lock(&hub->lock);
    hub->ready = false;
    for (struct tb_channel *c = hub->channels; c; c = c->next) {
        tb_buf_clear(&c->fresh);
        while (c->readers) {
            tb_httpd_stream_end(c->readers->stream);
            let_go(hub, &c->readers);
        }
    }
    t->fresh = false;
    (void)pthread_mutex_unlock(&hub->lock);
}

/* ---- one record ---- */

static void tell(struct tail *t, const struct tb_note *note)
{
    struct tb_hub *hub = t->hub;
    bool rendered = false;
    for (struct tb_channel *c = hub->channels; c; c = c->next) {
        if (!tb_filter_match(&c->filter, note)) {
            continue;
        }
        if (!rendered) {
            tb_buf_clear(&t->id);
            tb_hub_frame(hub->pos, hub->npartitions, TB_STR_NULL, &t->id);
            rendered = true;
        }
        tb_buf_add_str(&c->fresh, tb_buf_str(&t->id));
        tb_buf_add_str(&c->fresh, tb_buf_str(&t->frame));
        c->fresh.failed = c->fresh.failed || t->id.failed || t->frame.failed;
        t->fresh = true;
    }
}

/* Under the lock. */
static void pass(struct tail *t, const struct tb_kafka_message *m, const struct tb_note *note)
{
    struct tb_hub *hub = t->hub;
    const struct tb_ring_entry entry = {.partition = m->partition,
                                        .offset = m->offset,
                                        .note = *note,
                                        .frame = tb_buf_str(&t->frame)};
    if (t->frame.failed || !tb_ring_add(&hub->ring, &entry)) {
        tb_ring_reset(&hub->ring, hub->pos); /* there is a hole: Kafka serves those before it */
    }
    hub->stats.events++;
    tell(t, note);
}

/* Under the lock. */
static void open_if_reached(struct tail *t)
{
    struct tb_hub *hub = t->hub;
    if (!hub->ready && tb_cursor_covers(hub->pos, t->target, hub->npartitions)) {
        hub->ready = true;
        tb_log_info("events are read, %llu at hand for readers that come back",
                    (unsigned long long)(hub->ring.end - hub->ring.first));
    }
}

static void take(struct tail *t, const struct tb_kafka_message *m)
{
    struct tb_hub *hub = t->hub;
    struct tb_note note;
    struct tb_error why;
    if (m->partition < 0 || (size_t)m->partition >= hub->npartitions) {
        return;
    }
    tb_arena_reset(t->arena);
    bool is_repeat = tb_kafka_message_header(m, "ticketbus-repeat").ptr != NULL;
    bool is_event = !is_repeat && tb_note_read(m->value, t->arena, &note, &why) == TB_OK;
    bool passes = is_event && tb_gate_offer(t->gate, &note, m->timestamp_us) == TB_GATE_PASS;
    if (passes) {
        tb_buf_clear(&t->frame);
        tb_frame_write(&note, m->value, &t->frame);
    }
    hub->stats.repeats += is_repeat || (is_event && !passes);
    hub->stats.malformed += !is_repeat && !is_event;
    (void)pthread_mutex_lock(&hub->lock);
    hub->pos[m->partition] = m->offset + 1;
    if (passes) {
        pass(t, m, &note);
    }
    open_if_reached(t);
    (void)pthread_mutex_unlock(&hub->lock);
}

/* ---- reading ---- */

static enum tb_rc make_room(struct tail *t, size_t n, struct tb_error *err)
{
    struct tb_hub *hub = t->hub;
    size_t bytes = (size_t)tb_config_int(hub->cfg, TB_CFG(SSE_RECENT_BYTES));
    if (n == 0 || n > TB_CURSOR_PARTITIONS_MAX) {
        return tb_fail(err, TB_ELIMIT, "the topic of events has %zu partitions", n);
    }
    (void)pthread_mutex_lock(&hub->lock);
    tb_ring_dispose(&hub->ring);
    free(hub->pos);
    free(t->target);
    hub->pos = calloc(n, sizeof *hub->pos);
    t->target = calloc(n, sizeof *t->target);
    hub->npartitions = n;
    bool fine = hub->pos && t->target && tb_ring_init(&hub->ring, bytes, n);
    (void)pthread_mutex_unlock(&hub->lock);
    return fine ? TB_OK : tb_fail(err, TB_ENOMEM, "out of memory");
}

/* Begins a little before the end: for the gate, and for readers that were here before us. */
static enum tb_rc begin(struct tail *t, struct tb_error *err)
{
    struct tb_hub *hub = t->hub;
    int32_t n = 0;
    enum tb_rc rc = tb_consumer_partitions(t->consumer, &n, ASK_MS, err);
    rc = rc == TB_OK ? make_room(t, (size_t)n, err) : rc;
    struct tb_position *at = rc == TB_OK ? calloc((size_t)n, sizeof *at) : NULL;
    for (int32_t i = 0; rc == TB_OK && at && i < n; i++) {
        int64_t low = 0;
        rc = tb_consumer_watermarks(t->consumer, i, &low, &t->target[i], ASK_MS, err);
        int64_t from = t->target[i] - TB_HUB_LOOK_BACK;
        at[i] = (struct tb_position){i, from < low ? low : from};
        hub->pos[i] = at[i].offset; /* not ready: nobody else looks */
    }
    if (rc == TB_OK && !at) {
        rc = tb_fail(err, TB_ENOMEM, "out of memory");
    }
    rc = rc == TB_OK ? tb_consumer_start(t->consumer, at, (size_t)n, err) : rc;
    if (rc == TB_OK) {
        (void)pthread_mutex_lock(&hub->lock);
        tb_ring_reset(&hub->ring, hub->pos);
        open_if_reached(t);
        (void)pthread_mutex_unlock(&hub->lock);
    }
    free(at);
    return rc;
}

static void on_time(struct tail *t)
{
    int64_t now = tb_clock_mono_us();
    bool push = t->fresh && now >= t->flush_at_us;
    if (!push && now < t->sweep_at_us) {
        return;
    }
    (void)pthread_mutex_lock(&t->hub->lock);
    if (push) {
        flush(t);
        t->flush_at_us = tb_clock_mono_us() + t->tick_us;
    }
    if (now >= t->sweep_at_us && t->hub->ready) {
        flush(t); /* a heartbeat's id must not come before the events it covers */
        sweep(t, now);
    }
    (void)pthread_mutex_unlock(&t->hub->lock);
}

/* Until the consumer is of no more use. */
static enum tb_rc read_on(struct tail *t, struct tb_error *err)
{
    enum tb_rc rc = begin(t, err);
    while (rc == TB_OK && !atomic_load(&t->hub->stop)) {
        struct tb_kafka_message m = {0};
        switch (tb_consumer_poll(t->consumer, POLL_MS, &m, err)) {
        case TB_POLL_MESSAGE:
            take(t, &m);
            tb_kafka_message_free(&m);
            break;
        case TB_POLL_OFFSET_GONE:
            rc = tb_fail(err, TB_ECONFLICT, "the topic of events was cut or made anew");
            tb_kafka_message_free(&m);
            break;
        case TB_POLL_FATAL:
            rc = TB_EUNAVAILABLE;
            break;
        case TB_POLL_ERROR:
            tb_log_warn("events: %s", err->text);
            break;
        case TB_POLL_NONE:
        case TB_POLL_ASSIGNED:
        case TB_POLL_REVOKED:
            break;
        }
        on_time(t);
    }
    return rc;
}

static void rest(const struct tb_hub *hub)
{
    int64_t until = tb_clock_mono_us() + (int64_t)AGAIN_MS * 1000;
    while (!atomic_load(&hub->stop) && tb_clock_mono_us() < until) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 20L * 1000 * 1000}, NULL);
    }
}

void *tb_hub_tail(void *arg)
{
    struct tb_hub *hub = arg;
    struct tail t = {.hub = hub, .arena = tb_arena_new(0)};
    t.heartbeat_at_us = tb_clock_mono_us() + hub->heartbeat_us;
    tb_buf_init(&t.frame, TB_HUB_FRAME_MAX);
    tb_buf_init(&t.id, TB_CURSOR_TEXT_MAX + 16);
    const struct tb_consumer_options opt = {.topic = tb_config_str(hub->cfg, TB_CFG(TOPIC_EVENTS)),
                                            .client_id = "ticketbus-gateway-events"};
    while (!atomic_load(&hub->stop)) {
        struct tb_error err = {.rc = TB_OK};
        t.gate = tb_gate_new(GATE_SUBJECTS, TB_HUB_GAP_US);
        enum tb_rc rc = t.gate && t.arena ? tb_consumer_new(hub->cfg, &opt, &t.consumer, &err)
                                          : tb_fail(&err, TB_ENOMEM, "out of memory");
        rc = rc == TB_OK ? read_on(&t, &err) : rc;
        send_away(&t);
        tb_consumer_free(t.consumer);
        t.consumer = NULL;
        tb_gate_free(t.gate);
        if (rc != TB_OK) {
            tb_log_warn("events are not read, trying again: %s", err.text);
            rest(hub);
        }
    }
    (void)pthread_mutex_lock(&hub->lock);
    sweep(&t, tb_clock_mono_us());
    (void)pthread_mutex_unlock(&hub->lock);
    tb_buf_dispose(&t.frame);
    tb_buf_dispose(&t.id);
    free(t.target);
    tb_arena_free(t.arena);
    return NULL;
}
