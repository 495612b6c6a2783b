/* One reader of events for everybody who waits for an outcome.
 *
 * The events of a command lie on one partition, that of its subject. A partition is read from its
 * end as of before the first command sent; while somebody waits for anything it goes on being read,
 * so later requests find it ready. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/kafka/consumer.h"
#include "producer/lib/client.h"

enum {
    BUCKETS = 4096,
    POLL_MS = 5,
    POSITION_MS = 5000,
    EXPIRE_EVERY_US = 10000,
    REOPEN_NS = 100000000,
};
#define IDLE_US INT64_C(10000000)

struct ticketbus_waiter {
    struct ticketbus_watcher *watcher;
    struct ticketbus_waiter *next; /* in its bucket */
    int refs;                      /* the bucket's, the sending's or caller's */
    bool listed;
    struct ticketbus_gathering gathering;
    int64_t deadline_us; /* monotonic */
    int64_t timeout_ms;
    ticketbus_outcome_fn *fn;
    void *arg;
};

enum reading { READ_NOT, READ_ASKED, READ_NOW };

struct part {
    enum reading reading;
    int64_t next;
};

struct ticketbus_watcher {
    struct ticketbus_client *client;
    pthread_mutex_t lock;
    pthread_cond_t work;  /* something to do for the thread */
    pthread_cond_t ready; /* a partition is read, or that failed */
    pthread_t thread;
    bool running;
    bool stop;
    struct part *parts;
    size_t nparts;
    unsigned failures; /* of taking positions */
    struct ticketbus_error failure;
    struct ticketbus_waiter *buckets[BUCKETS];
    size_t nwaiters;
    char trouble[256];
    /* of the thread alone */
    struct tb_consumer *consumer;
    struct tb_arena *scratch;
    int64_t busy_us; /* when somebody last waited */
    int64_t expired_us;
};

/* ---- waiters ---- */

static void lock(struct ticketbus_watcher *w)
{
    (void)pthread_mutex_lock(&w->lock);
}

static void unlock(struct ticketbus_watcher *w)
{
    (void)pthread_mutex_unlock(&w->lock);
}

static struct ticketbus_waiter **bucket_of(struct ticketbus_watcher *w, tb_str subject)
{
    return &w->buckets[tb_str_hash(subject) % BUCKETS];
}

/* Drops one reference; with the lock held. */
static void put_waiter(struct ticketbus_waiter *waiter)
{
    if (--waiter->refs == 0) {
        tb_lib_gathering_dispose(&waiter->gathering);
        free(waiter);
    }
}

/* Takes it out of its bucket; the bucket's reference becomes the caller's. With the lock held. */
static void unlist(struct ticketbus_waiter *waiter)
{
    struct ticketbus_watcher *w = waiter->watcher;
    struct ticketbus_waiter **at = bucket_of(w, tb_str_of(waiter->gathering.subject));
    while (*at != waiter) {
        at = &(*at)->next;
    }
    *at = waiter->next;
    waiter->next = NULL;
    waiter->listed = false;
    w->nwaiters--;
}

/* Tells the outcome; without the lock. */
static void tell(struct ticketbus_waiter *waiter, enum ticketbus_rc rc, enum ticketbus_state state,
                 const struct ticketbus_error *err)
{
    struct ticketbus_outcome *outcome = NULL;
    struct ticketbus_error no_memory;
    if (rc == TICKETBUS_OK || rc == TICKETBUS_EUNKNOWN) {
        outcome = tb_lib_gathering_finish(&waiter->gathering, state);
        if (!outcome) {
            rc = tb_lib_no_memory(&no_memory);
            err = &no_memory;
        }
    }
    waiter->fn(rc, outcome, rc == TICKETBUS_OK ? NULL : err, waiter->arg);
}

void tb_lib_waiter_release(struct ticketbus_waiter *waiter)
{
    struct ticketbus_watcher *w = waiter->watcher;
    lock(w);
    put_waiter(waiter);
    unlock(w);
}

/* True: it was listed, and the caller now has the bucket's reference. */
static bool take(struct ticketbus_waiter *waiter)
{
    lock(waiter->watcher);
    bool listed = waiter->listed;
    if (listed) {
        unlist(waiter);
    }
    unlock(waiter->watcher);
    return listed;
}

void tb_lib_watch_cancel(struct ticketbus_waiter *waiter)
{
    if (take(waiter)) {
        tb_lib_waiter_release(waiter);
    }
}

void tb_lib_watch_fail(struct ticketbus_waiter *waiter, enum ticketbus_rc rc, const char *text)
{
    if (take(waiter)) {
        struct ticketbus_error err;
        (void)tb_lib_fail(&err, rc, "%s", text);
        tell(waiter, rc, TICKETBUS_PENDING, &err);
        tb_lib_waiter_release(waiter);
    }
}

/* ---- the thread ---- */

/* Positions of everything read, and of what was asked for. With the lock held. */
static size_t positions_of(const struct ticketbus_watcher *w, struct tb_position *out)
{
    size_t n = 0;
    for (size_t i = 0; i < w->nparts; i++) {
        if (w->parts[i].reading == READ_NOW) {
            out[n++] = (struct tb_position){(int32_t)i, w->parts[i].next};
        }
    }
    return n;
}

/* (Re)starts the consumer with what is marked READ_NOW. */
static enum tb_rc restart(struct ticketbus_watcher *w, struct tb_error *err)
{
    lock(w);
    struct tb_position *positions = calloc(w->nparts ? w->nparts : 1, sizeof *positions);
    size_t n = positions ? positions_of(w, positions) : 0;
    unlock(w);
    if (!positions) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    enum tb_rc rc = tb_consumer_start(w->consumer, positions, n, err);
    free(positions);
    return rc;
}

static enum tb_rc open_consumer(struct ticketbus_watcher *w, struct tb_error *err)
{
    if (w->consumer) {
        return TB_OK;
    }
    struct tb_consumer_options opt = {
        .topic = w->client->events, .client_id = w->client->client_id, .queue_kbytes = 1024};
    return tb_consumer_new(w->client->cfg, &opt, &w->consumer, err);
}

/* Takes the positions asked for: what was before does not matter to who has yet to send. */
static enum tb_rc take_positions(struct ticketbus_watcher *w, struct tb_error *err)
{
    enum tb_rc rc = open_consumer(w, err);
    lock(w);
    for (size_t i = 0; i < w->nparts && rc == TB_OK; i++) {
        if (w->parts[i].reading != READ_ASKED) {
            continue;
        }
        unlock(w);
        int64_t low = 0;
        int64_t high = 0;
        rc = tb_consumer_watermarks(w->consumer, (int32_t)i, &low, &high, POSITION_MS, err);
        lock(w);
        if (rc == TB_OK) {
            w->parts[i] = (struct part){READ_NOW, high};
        }
    }
    unlock(w);
    return rc == TB_OK ? restart(w, err) : rc;
}

static bool asked(const struct ticketbus_watcher *w)
{
    for (size_t i = 0; i < w->nparts; i++) {
        if (w->parts[i].reading == READ_ASKED) {
            return true;
        }
    }
    return false;
}

static void answer_asked(struct ticketbus_watcher *w)
{
    struct tb_error err = {.rc = TB_OK};
    enum tb_rc rc = take_positions(w, &err);
    lock(w);
    if (rc != TB_OK) {
        for (size_t i = 0; i < w->nparts; i++) {
            if (w->parts[i].reading == READ_ASKED) {
                w->parts[i].reading = READ_NOT;
            }
        }
        w->failures++;
        (void)tb_lib_fail_from(&w->failure, &err);
    }
    w->busy_us = tb_clock_mono_us();
    (void)pthread_cond_broadcast(&w->ready);
    unlock(w);
}

/* Waiters that are done, linked by next; their bucket's reference comes along. */
struct done {
    struct ticketbus_waiter *first;
};

static void tell_done(struct ticketbus_watcher *w, struct done *done, enum ticketbus_rc rc,
                      enum ticketbus_state state, const struct ticketbus_error *err)
{
    while (done->first) {
        struct ticketbus_waiter *waiter = done->first;
        done->first = waiter->next;
        tell(waiter, rc, state, err);
        lock(w);
        put_waiter(waiter);
        unlock(w);
    }
}

static bool awaited(struct ticketbus_watcher *w, tb_str subject)
{
    for (const struct ticketbus_waiter *i = *bucket_of(w, subject); i; i = i->next) {
        if (tb_str_eq_c(subject, i->gathering.subject)) {
            return true;
        }
    }
    return false;
}

/* Gives the message to who waits for it. With the lock held. */
static void match(struct ticketbus_watcher *w, const struct tb_kafka_message *m, struct done *done,
                  enum ticketbus_state *ret_state)
{
    struct ticketbus_waiter **at = bucket_of(w, m->key);
    while (*at) {
        struct ticketbus_waiter *waiter = *at;
        struct ticketbus_event *event = NULL;
        bool finished = false;
        if (tb_str_eq_c(m->key, waiter->gathering.subject) &&
            tb_lib_event_make(m->value, m->partition, m->offset, w->scratch, &event, NULL) ==
                TICKETBUS_OK) {
            if (!tb_lib_gathering_wants(&waiter->gathering, event)) {
                free(event);
            } else {
                (void)tb_lib_gathering_add(&waiter->gathering, event, &finished, ret_state);
            }
        }
        if (finished) {
            *at = waiter->next;
            waiter->listed = false;
            waiter->next = done->first;
            done->first = waiter;
            w->nwaiters--;
        } else {
            at = &waiter->next;
        }
    }
}

static void take_message(struct ticketbus_watcher *w, const struct tb_kafka_message *m)
{
    struct done done = {NULL};
    enum ticketbus_state state = TICKETBUS_APPLIED;
    lock(w);
    w->trouble[0] = '\0';
    if (m->partition >= 0 && (size_t)m->partition < w->nparts) {
        w->parts[m->partition].next = m->offset + 1;
    }
    if (m->key.ptr && awaited(w, m->key)) {
        match(w, m, &done, &state);
    }
    unlock(w);
    tell_done(w, &done, TICKETBUS_OK, state, NULL);
}

static void note_trouble(struct ticketbus_watcher *w, const char *text)
{
    lock(w);
    (void)snprintf(w->trouble, sizeof w->trouble, "%s", text);
    unlock(w);
}

static void read_some(struct ticketbus_watcher *w)
{
    struct tb_error err = {.rc = TB_OK};
    struct tb_kafka_message m;
    enum tb_poll what = tb_consumer_poll(w->consumer, POLL_MS, &m, &err);
    switch (what) {
    case TB_POLL_MESSAGE:
        take_message(w, &m);
        break;
    case TB_POLL_OFFSET_GONE:
        /* The broker dropped what we had not read yet: go on with what is left. */
        lock(w);
        w->parts[m.partition].next = TB_POSITION_BEGINNING;
        unlock(w);
        (void)restart(w, &err);
        break;
    case TB_POLL_FATAL:
        tb_consumer_free(w->consumer);
        w->consumer = NULL;
        break;
    case TB_POLL_ERROR:
        note_trouble(w, err.text);
        break;
    case TB_POLL_NONE:
    case TB_POLL_ASSIGNED:
    case TB_POLL_REVOKED:
        break;
    }
    tb_kafka_message_free(&m);
}

static void expire(struct ticketbus_watcher *w, bool all)
{
    int64_t now = tb_clock_mono_us();
    if (!all && now - w->expired_us < EXPIRE_EVERY_US) {
        return;
    }
    w->expired_us = now;
    struct done done = {NULL};
    struct ticketbus_error err;
    lock(w);
    for (size_t i = 0; i < BUCKETS && w->nwaiters > 0; i++) {
        struct ticketbus_waiter **at = &w->buckets[i];
        while (*at) {
            struct ticketbus_waiter *waiter = *at;
            if (!all && now < waiter->deadline_us) {
                at = &waiter->next;
                continue;
            }
            *at = waiter->next;
            waiter->listed = false;
            waiter->next = done.first;
            done.first = waiter;
            w->nwaiters--;
        }
    }
    (void)tb_lib_fail(&err, TICKETBUS_EUNKNOWN,
                      all ? "the client was closed before the outcome was known"
                          : "no outcome came in time; it may come later%s%s",
                      *w->trouble ? ": " : "", w->trouble);
    unlock(w);
    tell_done(w, &done, TICKETBUS_EUNKNOWN, TICKETBUS_PENDING, &err);
}

/* With the lock held. */
static bool reading_any(const struct ticketbus_watcher *w)
{
    for (size_t i = 0; i < w->nparts; i++) {
        if (w->parts[i].reading != READ_NOT) {
            return true;
        }
    }
    return false;
}

/* Stops reading when nobody waits any more. */
static void rest(struct ticketbus_watcher *w)
{
    lock(w);
    bool nobody = w->nwaiters == 0;
    for (size_t i = 0; i < w->nparts && nobody; i++) {
        if (w->parts[i].reading == READ_NOW) {
            w->parts[i].reading = READ_NOT;
        }
    }
    unlock(w);
    struct tb_error err;
    if (nobody && w->consumer) {
        (void)restart(w, &err);
    }
}

/* After a failure to make the consumer anew. */
static void reopen(struct ticketbus_watcher *w)
{
    struct tb_error err;
    (void)nanosleep(&(struct timespec){.tv_nsec = REOPEN_NS}, NULL);
    if (open_consumer(w, &err) == TB_OK) {
        (void)restart(w, &err);
    }
}

static void *watch(void *arg)
{
    struct ticketbus_watcher *w = arg;
    lock(w);
    while (!w->stop) {
        if (!reading_any(w)) {
            (void)pthread_cond_wait(&w->work, &w->lock);
            continue;
        }
        bool answering = asked(w);
        int64_t now = tb_clock_mono_us();
        w->busy_us = w->nwaiters > 0 ? now : w->busy_us;
        bool idle = now - w->busy_us > IDLE_US;
        unlock(w);
        if (answering) {
            answer_asked(w);
        } else if (idle) {
            rest(w);
        } else if (w->consumer) {
            read_some(w);
        } else {
            reopen(w);
        }
        expire(w, false);
        lock(w);
    }
    unlock(w);
    return NULL;
}

/* ---- for callers ---- */

enum ticketbus_rc tb_lib_watcher_new(struct ticketbus_client *client,
                                     struct ticketbus_watcher **ret, struct ticketbus_error *err)
{
    struct ticketbus_watcher *w = calloc(1, sizeof *w);
    if (!w || !(w->scratch = tb_arena_new(TICKETBUS_JSON_MAX))) {
        free(w);
        return tb_lib_no_memory(err);
    }
    w->client = client;
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->work, NULL);
    (void)pthread_cond_init(&w->ready, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    *ret = w;
    return TICKETBUS_OK;
}

void tb_lib_watcher_free(struct ticketbus_watcher *w)
{
    if (!w) {
        return;
    }
    lock(w);
    w->stop = true;
    (void)pthread_cond_signal(&w->work);
    unlock(w);
    if (w->running) {
        (void)pthread_join(w->thread, NULL);
    }
    expire(w, true);
    tb_consumer_free(w->consumer);
    tb_arena_free(w->scratch);
    free(w->parts);
    (void)pthread_mutex_destroy(&w->lock);
    (void)pthread_cond_destroy(&w->work);
    (void)pthread_cond_destroy(&w->ready);
    free(w);
}

/* With the lock held. */
static bool reserve(struct ticketbus_watcher *w, size_t nparts)
{
    if (nparts > w->nparts) {
        struct part *parts = realloc(w->parts, nparts * sizeof *parts);
        if (!parts) {
            return false;
        }
        memset(parts + w->nparts, 0, (nparts - w->nparts) * sizeof *parts);
        w->parts = parts;
        w->nparts = nparts;
    }
    if (!w->running) {
        w->running = pthread_create(&w->thread, NULL, watch, w) == 0;
    }
    return w->running;
}

/* Has the partition read, from a position taken now or earlier. With the lock held. */
static enum ticketbus_rc await_reading(struct ticketbus_watcher *w, int32_t partition,
                                       int64_t deadline_us, struct ticketbus_error *err)
{
    struct timespec until = {.tv_sec = deadline_us / 1000000,
                             .tv_nsec = deadline_us % 1000000 * 1000};
    unsigned failures = w->failures;
    while (w->parts[partition].reading != READ_NOW) {
        w->parts[partition].reading = READ_ASKED;
        (void)pthread_cond_signal(&w->work);
        if (pthread_cond_timedwait(&w->ready, &w->lock, &until) != 0) {
            return tb_lib_fail(err, TICKETBUS_EUNAVAILABLE,
                               "the topic of events could not be reached in time");
        }
        if (w->failures != failures) {
            if (err) {
                *err = w->failure;
            }
            return w->failure.rc;
        }
    }
    return TICKETBUS_OK;
}

enum ticketbus_rc tb_lib_watch(struct ticketbus_watcher *w, const struct ticketbus_command *cmd,
                               int64_t timeout_ms, bool past_parked, ticketbus_outcome_fn *fn,
                               void *arg, struct ticketbus_waiter **ret,
                               struct ticketbus_error *err)
{
    *ret = NULL;
    int64_t deadline = tb_clock_mono_us() + timeout_ms * 1000;
    int32_t partition = 0;
    int32_t count = 0;
    enum ticketbus_rc rc = tb_lib_client_partition(w->client, w->client->events, cmd->subject,
                                                   &partition, &count, err);
    if (rc != TICKETBUS_OK) {
        return rc;
    }
    struct ticketbus_waiter *waiter = calloc(1, sizeof *waiter);
    if (!waiter || !tb_lib_gathering_init(&waiter->gathering, cmd, past_parked)) {
        free(waiter);
        return tb_lib_no_memory(err);
    }
    waiter->watcher = w;
    waiter->refs = 2;
    waiter->deadline_us = deadline;
    waiter->timeout_ms = timeout_ms;
    waiter->fn = fn;
    waiter->arg = arg;
    lock(w);
    rc = reserve(w, (size_t)count) ? await_reading(w, partition, deadline, err)
                                   : tb_lib_no_memory(err);
    if (rc == TICKETBUS_OK) {
        struct ticketbus_waiter **bucket = bucket_of(w, cmd->subject);
        waiter->next = *bucket;
        *bucket = waiter;
        waiter->listed = true;
        w->nwaiters++;
        *ret = waiter;
    }
    unlock(w);
    if (rc != TICKETBUS_OK) {
        tb_lib_gathering_dispose(&waiter->gathering);
        free(waiter);
    }
    return rc;
}
