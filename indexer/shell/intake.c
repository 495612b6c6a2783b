#include "indexer/shell/intake.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/crash/crash.h"
#include "common/json/event.h"
#include "common/kafka/consumer.h"
#include "common/probe/probe.h"
#include "indexer/shell/patience.h"

enum {
    POLL_MS = 100,
    COMMIT_US = 500 * 1000,
    COMMITTED_MS = 10000,
    LOAD_MAX = 50000, /* records held back and tickets waiting */
    PARTITIONS_MAX = 1024,
};

struct reading {
    struct tb_intake *in;
    struct tb_consumer *consumer;
    struct tb_arena *arena;
    bool paused;
    int64_t commit_at_us;
};

static enum tb_rc commit(struct reading *r, struct tb_error *err)
{
    struct tb_commit_at at[PARTITIONS_MAX];
    struct tb_position positions[PARTITIONS_MAX];
    size_t n = tb_queue_commits(r->in->queue, at, PARTITIONS_MAX);
    for (size_t i = 0; i < n; i++) {
        positions[i] = (struct tb_position){at[i].partition, at[i].offset};
    }
    if (n == 0) {
        return TB_OK;
    }
    TB_CRASH_POINT("before_offset_commit");
    enum tb_rc rc = tb_consumer_commit(r->consumer, positions, n, err);
    TB_CRASH_POINT("after_offset_commit");
    return rc;
}

/* Goes on where the group has committed; from the beginning where it has not, or where that
 * position is gone. */
static enum tb_rc start(struct reading *r, bool gone, struct tb_error *err)
{
    struct tb_position positions[PARTITIONS_MAX];
    size_t n;
    const int32_t *assigned = tb_consumer_assignment(r->consumer, &n);
    if (n > PARTITIONS_MAX) {
        return tb_fail(err, TB_ELIMIT, "more than %d partitions", PARTITIONS_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        positions[i] = (struct tb_position){assigned[i], TB_POSITION_COMMITTED};
    }
    enum tb_rc rc = TB_OK;
    if (!gone && n) {
        rc = tb_consumer_committed(r->consumer, positions, n, COMMITTED_MS, err);
    }
    for (size_t i = 0; i < n; i++) {
        if (gone || positions[i].offset == TB_POSITION_COMMITTED) {
            positions[i].offset = TB_POSITION_BEGINNING;
        }
    }
    if (rc == TB_OK) {
        tb_queue_assign(r->in->queue);
        r->paused = false;
        rc = tb_consumer_start(r->consumer, positions, n, err);
    }
    if (rc == TB_OK) {
        tb_log_info("reading events of %zu partitions", n);
    }
    return rc;
}

/* Ticket and sequence are all that is taken from an event. */
static enum tb_rc take(struct reading *r, const struct tb_kafka_message *m, struct tb_error *err)
{
    struct tb_event event;
    tb_str ticket = TB_STR_NULL;
    int64_t sequence = 0;
    struct tb_error why;
    tb_arena_reset(r->arena);
    if (!tb_str_is_null(m->value)) {
        enum tb_rc rc = tb_event_decode(m->value, r->arena, &event, &why);
        if (rc == TB_ENOMEM) {
            return tb_fail(err, rc, "out of memory reading an event");
        }
        if (rc != TB_OK) {
            tb_log_warn("partition %d offset %lld holds no event: %s", m->partition,
                        (long long)m->offset, why.text);
        } else if (event.sequence > 0 && tb_str_starts(event.subject, "ticket-")) {
            ticket = event.subject;
            sequence = event.sequence;
        }
    }
    return tb_queue_event(r->in->queue, m->partition, m->offset, ticket, sequence, err);
}

/* Polling goes on while paused: the group keeps its member. */
static enum tb_rc throttle(struct reading *r, struct tb_error *err)
{
    size_t load = tb_queue_load(r->in->queue);
    bool away = atomic_load(r->in->away) > 0;
    bool want = r->paused ? away || load > LOAD_MAX / 2 : away || load > LOAD_MAX;
    if (want == r->paused) {
        return TB_OK;
    }
    r->paused = want;
    tb_log_debug("%s reading, %zu at hand", want ? "paused" : "resumed", load);
    return tb_consumer_pause(r->consumer, want, err);
}

static enum tb_rc handle(struct reading *r, enum tb_poll got, struct tb_kafka_message *m,
                         struct tb_error *err)
{
    switch (got) {
    case TB_POLL_NONE:
        return TB_OK;
    case TB_POLL_MESSAGE: {
        enum tb_rc rc = take(r, m, err);
        tb_kafka_message_free(m);
        return rc;
    }
    case TB_POLL_ASSIGNED:
        return start(r, false, err);
    case TB_POLL_REVOKED:
        tb_queue_assign(r->in->queue);
        tb_log_info("partitions were taken away");
        return TB_OK;
    case TB_POLL_OFFSET_GONE:
        tb_log_warn("the group's position is no longer in the log, comparing index and database");
        atomic_store(r->in->reconcile, true);
        tb_queue_wake(r->in->queue);
        return start(r, true, err);
    case TB_POLL_ERROR:
        tb_log_warn("Kafka: %s", err->text);
        return TB_OK;
    case TB_POLL_FATAL:
        return TB_EUNAVAILABLE;
    }
    return TB_OK;
}

/* With one consumer, until stop (TB_OK) or until another one is needed (TB_EUNAVAILABLE …). */
static enum tb_rc read_on(struct reading *r, struct tb_error *err)
{
    enum tb_rc rc = TB_OK;
    while (rc == TB_OK && !atomic_load(r->in->stop)) {
        struct tb_kafka_message m;
        tb_probe_beat();
        r->in->round(r->in->arg);
        tb_probe_ready(atomic_load(r->in->away) == 0);
        rc = handle(r, tb_consumer_poll(r->consumer, POLL_MS, &m, err), &m, err);
        if (rc == TB_OK) {
            rc = throttle(r, err);
        }
        if (rc == TB_OK && tb_clock_mono_us() >= r->commit_at_us) {
            rc = commit(r, err);
            r->commit_at_us = tb_clock_mono_us() + COMMIT_US;
        }
    }
    return rc;
}

enum tb_rc tb_intake_run(struct tb_intake *in, struct tb_error *err)
{
    struct reading r = {.in = in, .arena = tb_arena_new(0)};
    struct tb_consumer_options opt = {
        .group = tb_config_str(in->cfg, TB_CFG(INDEXER_GROUP)),
        .topic = tb_config_str(in->cfg, TB_CFG(TOPIC_EVENTS)),
        .client_id = "ticketbus-indexer",
    };
    struct tb_patience patience = {.part = "Kafka",
                                   .stop = in->stop,
                                   .max_ms = tb_config_int(in->cfg, TB_CFG(BACKOFF_MAX_MS))};
    enum tb_rc rc = r.arena ? TB_OK : tb_fail(err, TB_ENOMEM, "out of memory");
    while (rc == TB_OK && !atomic_load(in->stop)) {
        rc = tb_consumer_new(in->cfg, &opt, &r.consumer, err);
        if (rc == TB_OK) {
            tb_patience_over(&patience);
            rc = read_on(&r, err);
        }
        if (rc == TB_OK) {
            break; /* r.consumer stays for the last commit */
        }
        tb_consumer_free(r.consumer);
        r.consumer = NULL;
        tb_queue_assign(in->queue);
        if (rc != TB_ENOMEM && rc != TB_EINVAL && rc != TB_ELIMIT) {
            rc = TB_OK;
            tb_probe_beat();
            in->round(in->arg);
            tb_probe_ready(false);
            (void)tb_patience_wait(&patience, err, 0);
        }
    }
    in->finish(in->arg);
    if (r.consumer && rc == TB_OK) {
        struct tb_error why;
        if (commit(&r, &why) != TB_OK) {
            tb_log_warn("the last positions were not committed: %s", why.text);
        }
    }
    tb_consumer_free(r.consumer);
    tb_arena_free(r.arena);
    return rc;
}
