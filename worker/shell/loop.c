/* The batch loop: take records, apply them, follow what is published, keep house. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/crash/crash.h"
#include "common/crypto/crypto.h"
#include "common/metrics/metrics.h"
#include "common/probe/probe.h"
#include "worker/shell/measure.h"
#include "worker/shell/worker.h"

#define IDLE_POLL_MS      100
#define FLUSH_AFTER_US    200000
#define SWEEP_EVERY_US    2000000
#define MAINTAIN_EVERY_US INT64_C(600000000)
#define COMMIT_EVERY_US   1000000
#define RESUMED_EVERY_US  1000000
#define MEASURE_EVERY_US  1000000
#define PARKED_EVERY_US   10000000
#define FIRST_BACKOFF_MS  50
#define REVOKE_FLUSH_MS   1000
#define STOP_FLUSH_MS     5000

/* Records at hand and what they decoded to; both are freed after each round. */
struct intake {
    struct tb_arena *arena;
    struct tb_kafka_message *messages;
    struct tb_item *items;
    size_t n;
    size_t max;
    size_t bytes;
    size_t max_bytes;
};

struct loop {
    struct tb_worker *w;
    struct intake in;
    const volatile sig_atomic_t *stop;
    int64_t next_commit_us;
    int64_t next_measure_us;
    int64_t next_parked_us;
    int64_t next_resumed_us;
    int64_t began_us; /* the last batch: when it was complete */
    bool fatal;       /* only a new process can go on */
};

static void stop_partition(struct tb_worker *w, struct tb_partition *part)
{
    struct tb_error err;
    part->stopped = true;
    if (tb_consumer_pause_partition(w->consumer, part->id, true, &err) != TB_OK) {
        tb_log_warn("partition %d: cannot pause: %s", part->id, err.text);
    }
}

/* The first record after a claim is the last one applied, seen again: the log must be the same. */
static void check_last(struct tb_worker *w, struct tb_partition *part,
                       const struct tb_kafka_message *m)
{
    char seen[TB_FINGERPRINT_LEN + 1];
    part->check_last = false;
    if (m->offset != part->next - 1) {
        return; /* expired meanwhile: nothing to compare with */
    }
    tb_fingerprint(m->value, seen);
    if (strcmp(seen, part->last) != 0) {
        tb_log_error(
            "partition %d of %s is not the log that was applied: the record before offset "
            "%lld differs (was the topic recreated?); the partition stops: ticketctl partition "
            "list, and \"A topic was recreated\" in docs/runbook.md",
            part->id, w->topic_commands, (long long)part->next);
        stop_partition(w, part);
    }
}

/* Keeps the message (true) or has no use for it. */
static bool take(struct loop *l, struct tb_kafka_message *m)
{
    struct tb_worker *w = l->w;
    struct tb_partition *part = tb_worker_partition(w, m->partition);
    if (!w->claimed || !part || part->stopped) {
        return false;
    }
    if (part->check_last) {
        check_last(w, part, m);
    }
    if (part->stopped || m->offset < part->next) {
        return false;
    }
    struct tb_item *item = &l->in.items[l->in.n];
    switch (tb_intake(w, m, l->in.arena, item)) {
    case TB_INTAKE_OK:
        break;
    case TB_INTAKE_NEWER_SCHEMA:
        tb_log_error(
            "partition %d, offset %lld: a command of a newer schema version; the partition "
            "waits for newer workers",
            part->id, (long long)m->offset);
        stop_partition(w, part);
        return false;
    case TB_INTAKE_NO_MEMORY:
        tb_log_error("out of memory while decoding; claiming again");
        w->claimed = false;
        return false;
    }
    l->in.messages[l->in.n++] = *m;
    l->in.bytes += m->value.len;
    return true;
}

/* What is committed is published and the positions are stored, so that the next owner has nothing
 * to publish again. Bounded, and only a kindness: the claim of the next owner is what is relied on.
 */
static void hand_over(struct tb_worker *w, int timeout_ms)
{
    struct tb_error err;
    if (!w->producer) {
        return;
    }
    if (tb_producer_flush(w->producer, timeout_ms, &err) != TB_OK) {
        tb_log_info("leaving unpublished messages to the next owner: %s", err.text);
    }
    if (w->claimed && tb_pg_alive(w->pg)) {
        tb_arena_reset(w->arena);
        if (tb_publish_flush_positions(w, &err) != TB_OK) {
            tb_log_warn("published positions not stored: %s", err.text);
        }
    }
}

/* Serves one poll. False when nothing more should be gathered now. */
static bool serve_poll(struct loop *l, int timeout_ms)
{
    struct tb_worker *w = l->w;
    struct tb_kafka_message m;
    struct tb_error err;
    switch (tb_consumer_poll(w->consumer, timeout_ms, &m, &err)) {
    case TB_POLL_NONE:
        return false;
    case TB_POLL_MESSAGE:
        if (!take(l, &m)) {
            tb_kafka_message_free(&m);
        }
        return w->claimed;
    case TB_POLL_REVOKED:
        hand_over(w, REVOKE_FLUSH_MS);
        w->claimed = false;
        return false;
    case TB_POLL_ASSIGNED:
    case TB_POLL_OFFSET_GONE: /* the claim finds out what is wrong and says so */
        w->claimed = false;
        return false;
    case TB_POLL_ERROR:
        tb_log_warn("Kafka: %s", err.text);
        return false;
    case TB_POLL_FATAL:
        tb_log_error("Kafka: %s", err.text);
        l->fatal = true;
        return false;
    }
    return false;
}

static size_t batch_limit(const struct tb_worker *w, const struct intake *in)
{
    for (size_t i = 0; i < w->npartitions; i++) {
        if (w->partitions[i].careful > 0) {
            return 1;
        }
    }
    return in->max;
}

/* Gathers records: waits for the first, then takes what is there. Batches begin so far apart that
 * steady commands share one, while a command that comes after a pause waits for no other; under
 * load a batch takes longer than that, and the next one is at hand when it is done. */
static void gather(struct loop *l)
{
    struct intake *in = &l->in;
    int64_t wait_us = tb_config_int(l->w->cfg, TB_CFG(BATCH_WAIT_MS)) * 1000;
    size_t limit = batch_limit(l->w, in);
    if (!serve_poll(l, tb_producer_pending(l->w->producer) > 0 ? 5 : IDLE_POLL_MS)) {
        return;
    }
    int64_t until = l->began_us + wait_us;
    while (in->n < limit && in->bytes < in->max_bytes && l->w->claimed) {
        int64_t left = until - tb_clock_mono_us();
        int timeout_ms = left > 0 ? (int)((left + 999) / 1000) : 0;
        if (!serve_poll(l, timeout_ms) && (left <= 0 || !l->w->claimed)) {
            break;
        }
    }
    l->began_us = tb_clock_mono_us();
}

static void drop_intake(struct intake *in)
{
    for (size_t i = 0; i < in->n; i++) {
        tb_kafka_message_free(&in->messages[i]);
    }
    in->n = 0;
    in->bytes = 0;
    tb_arena_reset(in->arena);
}

static int by_position(const void *a, const void *b)
{
    const struct tb_item *x = a;
    const struct tb_item *y = b;
    if (x->partition != y->partition) {
        return x->partition < y->partition ? -1 : 1;
    }
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static bool is_parking(const struct tb_item *item)
{
    return item->kind == TB_ITEM_COMMAND && item->cmd.type->family == TB_FAMILY_PARKING;
}

/* Applies everything gathered. A command that tries waiting ones again stands alone: what it needs
 * is known only once they are read. */
static enum tb_rc apply_all(struct loop *l, struct tb_error *err)
{
    struct intake *in = &l->in;
    qsort(in->items, in->n, sizeof *in->items, by_position);
    size_t start = 0;
    for (size_t i = 0; i < in->n; i++) {
        if (!is_parking(&in->items[i])) {
            continue;
        }
        enum tb_rc rc = tb_batch_apply(l->w, in->items + start, i - start, err);
        rc = rc != TB_OK ? rc : tb_intake_waiting(l->w, &in->items[i], in->arena, err);
        rc = rc != TB_OK ? rc : tb_batch_apply(l->w, in->items + i, 1, err);
        if (rc != TB_OK) {
            return rc;
        }
        start = i + 1;
    }
    return tb_batch_apply(l->w, in->items + start, in->n - start, err);
}

/* Once a second, whatever state the worker is in. */
static void measure(struct loop *l)
{
    int64_t now = tb_clock_mono_us();
    tb_probe_beat();
    l->w->on_round(l->w->on_round_arg);
    if (now >= l->next_measure_us) {
        l->next_measure_us = now + MEASURE_EVERY_US;
        tb_measure_state(l->w);
    }
}

static void back_off(struct loop *l)
{
    struct tb_worker *w = l->w;
    int64_t max_ms = tb_config_int(w->cfg, TB_CFG(BACKOFF_MAX_MS));
    w->backoff_ms = w->backoff_ms ? w->backoff_ms * 2 : FIRST_BACKOFF_MS;
    w->backoff_ms = w->backoff_ms > max_ms ? max_ms : w->backoff_ms;
    /* Jitter of a quarter, so that workers do not return in step. */
    uint16_t dice;
    tb_random(&dice, sizeof dice);
    int64_t span_ms = w->backoff_ms - w->backoff_ms / 4 * dice / UINT16_MAX;
    int64_t until = tb_clock_mono_us() + span_ms * 1000;
    while (!*l->stop && !l->fatal && tb_clock_mono_us() < until) {
        (void)serve_poll(l, 20); /* stays in the group */
        if (w->producer) {
            (void)tb_producer_poll(w->producer, 0);
        }
        measure(l);
        drop_intake(&l->in);
    }
}

static void lost(struct loop *l, const struct tb_error *err, enum tb_rc rc)
{
    struct tb_worker *w = l->w;
    struct tb_error pause_err;
    w->claimed = false;
    if (rc == TB_ECONFLICT) {
        tb_metric_add(TB_M(FENCES_LOST), NULL, 1);
        tb_log_info("%s; claiming again", err->text);
#ifdef TB_PLANT_STOP_WHEN_FENCED
        for (size_t i = 0; i < w->npartitions; i++) {
            stop_partition(w, &w->partitions[i]);
        }
        w->claimed = true;
#endif
        (void)serve_poll(l, 0); /* learn of a rebalance before claiming */
        drop_intake(&l->in);
        return;
    }
    tb_metric_add(TB_M(PAUSES), NULL, 1);
    tb_probe_ready(false);
    tb_log_warn("%s%s%s (%s); pausing", err->text, err->code[0] ? " " : "", err->code,
                tb_rc_name(rc));
    if (strcmp(err->code, TB_SQLSTATE_LOCK_TIMEOUT) == 0 && tb_pg_alive(w->pg)) {
        tb_end_frozen(w);
    }
    if (tb_consumer_pause(w->consumer, true, &pause_err) != TB_OK) {
        tb_log_warn("cannot pause: %s", pause_err.text);
    }
    back_off(l);
}

/* Connections and claim are as they should be; false after a failure (already backed off). */
static bool ready(struct loop *l)
{
    struct tb_worker *w = l->w;
    struct tb_error err = {.rc = TB_OK};
    if (w->producer && (w->producer_failed || tb_producer_fatal(w->producer))) {
        tb_log_warn("the producer has failed; making a new one and claiming again");
        w->claimed = false;
    }
    size_t n;
    (void)tb_consumer_assignment(w->consumer, &n);
    if (w->claimed || n == 0) {
        if (n == 0) {
            tb_probe_ready(true); /* nothing to do is no trouble: others own the partitions */
        }
        return w->claimed;
    }
    enum tb_rc rc = tb_pg_alive(w->pg) ? TB_OK : tb_worker_connect_pg(w, &err);
    rc = rc != TB_OK ? rc : tb_consumer_pause(w->consumer, false, &err);
    rc = rc != TB_OK ? rc : tb_worker_claim(w, &err);
    if (rc != TB_OK) {
        lost(l, &err, rc);
        return false;
    }
    w->backoff_ms = 0;
    tb_probe_ready(true);
    w->next_maintenance_us = w->next_maintenance_us ? w->next_maintenance_us : 1;
    return true;
}

static enum tb_rc keep_house(struct loop *l, struct tb_error *err)
{
    struct tb_worker *w = l->w;
    int64_t now = tb_clock_mono_us();
    enum tb_rc rc = TB_OK;
    tb_arena_reset(w->arena);
    if (now >= w->next_maintenance_us) {
        w->next_maintenance_us = now + MAINTAIN_EVERY_US;
        rc = tb_maintain_log(w, err);
    }
    if (rc == TB_OK && now >= w->next_sweep_us) {
        w->next_sweep_us = now + SWEEP_EVERY_US;
        rc = tb_sweep_waits(w, err);
    }
    if (rc == TB_OK && l->in.n == 0 && now - w->last_flush_us >= FLUSH_AFTER_US) {
        w->last_flush_us = now;
        rc = tb_publish_flush_positions(w, err);
    }
    if (rc == TB_OK && now >= l->next_parked_us) {
        l->next_parked_us = now + PARKED_EVERY_US;
        rc = tb_measure_parked(w, err);
    }
    if (rc == TB_OK && now >= l->next_resumed_us) {
        bool resumed = false;
        l->next_resumed_us = now + RESUMED_EVERY_US;
        rc = tb_worker_resumed(w, &resumed, err);
        if (resumed) {
            tb_log_info("a stopped partition may go on; claiming again");
            w->claimed = false;
            return rc;
        }
    }
    if (rc == TB_OK && now >= l->next_commit_us && w->npartitions > 0) {
        l->next_commit_us = now + COMMIT_EVERY_US;
        struct tb_position *at = TB_NEW_N(w->arena, struct tb_position, w->npartitions);
        for (size_t i = 0; at && i < w->npartitions; i++) {
            at[i] = (struct tb_position){w->partitions[i].id, w->partitions[i].next};
        }
        TB_CRASH_POINT("before_offset_commit");
        struct tb_error ignored; /* lag figures only */
        if (at && tb_consumer_commit(w->consumer, at, w->npartitions, &ignored) != TB_OK) {
            tb_log_debug("offsets not committed: %s", ignored.text);
        }
    }
    return rc;
}

/* Not more unacknowledged messages than allowed: a slow broker slows us, not our memory. */
static void hold_back(struct tb_worker *w, const volatile sig_atomic_t *stop)
{
    size_t max = (size_t)tb_config_int(w->cfg, TB_CFG(INFLIGHT_MAX));
    (void)tb_producer_poll(w->producer, 0);
    while (tb_pending_count(w->pending) > max && !*stop && !w->producer_failed &&
           !tb_producer_fatal(w->producer)) {
        (void)tb_producer_poll(w->producer, 50);
    }
}

static void round_trip(struct loop *l)
{
    struct tb_worker *w = l->w;
    struct tb_error err = {.rc = TB_OK};
    if (!ready(l)) {
        if (!w->claimed) {
            (void)serve_poll(l, IDLE_POLL_MS);
            drop_intake(&l->in);
        }
        return;
    }
    gather(l);
    enum tb_rc rc = TB_OK;
    if (w->claimed && l->in.n > 0) {
        rc = apply_all(l, &err);
    }
    hold_back(w, l->stop);
    if (rc == TB_OK && w->claimed) {
        rc = keep_house(l, &err);
    }
    drop_intake(&l->in);
    if (rc != TB_OK) {
        lost(l, &err, rc);
    }
}

enum tb_rc tb_worker_run(struct tb_worker *w, const volatile sig_atomic_t *stop,
                         struct tb_error *err)
{
    struct loop l = {.w = w, .stop = stop};
    l.in.max = (size_t)tb_config_int(w->cfg, TB_CFG(BATCH_MAX));
    l.in.max_bytes = (size_t)tb_config_int(w->cfg, TB_CFG(BATCH_BYTES));
    l.in.arena = tb_arena_new(0);
    l.in.messages = calloc(l.in.max, sizeof *l.in.messages);
    l.in.items = calloc(l.in.max, sizeof *l.in.items);
    enum tb_rc rc = TB_OK;
    if (!l.in.arena || !l.in.messages || !l.in.items) {
        rc = tb_fail(err, TB_ENOMEM, "out of memory");
    }
    while (rc == TB_OK && !*stop && !l.fatal) {
        measure(&l);
        round_trip(&l);
    }
    hand_over(w, STOP_FLUSH_MS);
    if (l.fatal) {
        rc = tb_fail(err, TB_EFATAL, "the consumer has failed");
    }
    if (l.in.arena) {
        drop_intake(&l.in);
    }
    tb_arena_free(l.in.arena);
    free(l.in.messages);
    free(l.in.items);
    return rc;
}
