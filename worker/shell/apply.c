/* Applies records in one transaction; retries what is transient, and bisects what the database
 * refuses until the one record at fault stands alone. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/crash/crash.h"
#include "common/metrics/metrics.h"
#include "common/probe/probe.h"
#include "worker/shell/measure.h"
#include "worker/shell/worker.h"

#define MAX_TRIES 8

static void batch_init(struct tb_worker *w, struct tb_batch *b, struct tb_item *items, size_t n)
{
    tb_arena_reset(w->arena);
    *b = (struct tb_batch){.arena = w->arena, .items = items, .n = n};
    b->world = tb_world_new(w->arena);
    struct tb_map *const maps[] = {&b->seen,    &b->parked,   &b->waiters,
                                   &b->existed, &b->touched,  &b->boards_existed,
                                   &b->edges,   &b->comments, &b->boards_touched};
    for (size_t i = 0; i < TB_COUNT(maps); i++) {
        tb_map_init(maps[i], w->arena);
    }
}

/* The transaction has committed: our view of the partitions follows. */
static void advance(struct tb_worker *w, const struct tb_batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct tb_item *item = &b->items[i];
        struct tb_partition *part = tb_worker_partition(w, item->partition);
        part->next = item->offset + 1;
        part->careful -= part->careful > 0;
        if (i + 1 == b->n || b->items[i + 1].partition != item->partition) {
            tb_fingerprint(item->value, part->last);
            part->published = tb_pending_published(w->pending, part->id);
        }
    }
}

static enum tb_rc publish(struct tb_worker *w, const struct tb_batch *b, struct tb_error *err)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct tb_item *item = &b->items[i];
        enum tb_rc rc =
            tb_publish(w, item->partition, item->offset + 1, item->outbox, item->nframes, err);
        if (rc != TB_OK) {
            return rc;
        }
    }
    return TB_OK;
}

/* At the level debug each command is told of, with its trace. */
static void tell_outcomes(const struct tb_batch *b)
{
    for (size_t i = 0; i < b->n && tb_log_enabled(TB_LOG_DEBUG); i++) {
        const struct tb_item *item = &b->items[i];
        tb_log_trace(item->cmd.traceparent);
        tb_log_debug("partition %d, offset %lld: %s %.*s of %.*s: %s %.*s", item->partition,
                     (long long)item->offset, item->cmd.type ? item->cmd.type->name : "record",
                     TB_ARG(item->log_id), TB_ARG(item->cmd.subject),
                     tb_outcome_name(item->outcome), TB_ARG(item->log_code));
    }
    tb_log_trace(TB_STR_NULL);
}

static enum tb_rc apply_once(struct tb_worker *w, struct tb_item *items, size_t n,
                             struct tb_error *err)
{
    struct tb_batch b;
    batch_init(w, &b, items, n);
    if (!b.world) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    int64_t at = tb_clock_mono_us();
    enum tb_rc rc = tb_batch_load(w, &b, err);
    if (rc != TB_OK) {
        return rc;
    }
    at = tb_measure_phase("load", at);
    rc = tb_batch_decide(w, &b, err);
    if (rc != TB_OK) {
        struct tb_error ignored;
        return tb_pg_rollback(w->pg, &ignored) == TB_OK ? rc : TB_EUNAVAILABLE;
    }
    at = tb_measure_phase("decide", at);
    TB_CRASH_POINT("before_commit");
#ifdef TB_PLANT_PUBLISH_BEFORE_COMMIT
    rc = publish(w, &b, err);
    rc = rc != TB_OK ? rc : tb_batch_store(w, &b, err);
    advance(w, &b);
    return rc;
#endif
    rc = tb_batch_store(w, &b, err);
    if (rc != TB_OK) {
        return rc;
    }
    at = tb_measure_phase("store", at);
    tb_measure_batch(&b);
    tell_outcomes(&b);
    TB_CRASH_POINT("after_commit");
    advance(w, &b);
    rc = publish(w, &b, err);
    (void)tb_measure_phase("publish", at);
    TB_CRASH_POINT("after_produce");
    return rc;
}

static enum tb_rc apply_retrying(struct tb_worker *w, struct tb_item *items, size_t n,
                                 struct tb_error *err)
{
    enum tb_rc rc = TB_ERETRY;
    for (int i = 0; i < MAX_TRIES && rc == TB_ERETRY; i++) {
        tb_probe_beat();
        if (i > 0) {
            tb_metric_add(TB_M(RETRIES), NULL, 1);
            tb_log_debug("trying %zu commands again: %s (%s)", n, err->text, err->code);
            if (strcmp(err->code, TB_SQLSTATE_LOCK_TIMEOUT) == 0) {
                tb_end_frozen(w);
            }
            (void)usleep((useconds_t)(1000 << i));
        }
        rc = apply_once(w, items, n, err);
    }
    return rc == TB_ERETRY ? TB_EUNAVAILABLE : rc;
}

/* Counts an attempt at a record, in a transaction of its own that survives whatever it does to us.
 * once: the same words again (of the same process, which lives) are the same attempt. */
static enum tb_rc count_attempt(struct tb_worker *w, const struct tb_item *item, const char *why,
                                bool once, int64_t *ret_attempts, struct tb_error *err)
{
    static const char sql[] =
        "INSERT INTO command_attempts AS a (topic, partition, record_offset, attempts, last_error)"
        " VALUES ($1, $2, $3, 1, $4) ON CONFLICT (topic, partition, record_offset) DO UPDATE"
        " SET attempts = a.attempts + (NOT $5::bool OR a.last_error <> excluded.last_error)::int,"
        "  last_error = excluded.last_error,"
        "  updated_at = clock_timestamp() RETURNING attempts";
    struct tb_pg_params p;
    tb_pg_params_init(&p, w->arena);
    tb_pg_add_str(&p, tb_str_of(w->topic_commands));
    tb_pg_add_int(&p, item->partition);
    tb_pg_add_int(&p, item->offset);
    tb_pg_add_str(&p, tb_str_of(why));
    tb_pg_add_bool(&p, once);
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = tb_pg_exec(w->pg, sql, &p, &r, err);
    if (rc == TB_OK) {
        *ret_attempts = tb_pg_int(r, 0, 0);
    }
    tb_pg_result_free(r);
    return rc;
}

static enum tb_rc apply_poison(struct tb_worker *w, struct tb_item *item, const char *why,
                               struct tb_error *err)
{
    char message[TB_ERROR_TEXT_MAX];
    (void)snprintf(message, sizeof message, "%s", why);
    tb_log_warn("partition %d, offset %lld: poison, parking its ticket: %s", item->partition,
                (long long)item->offset, message);
    tb_metric_add(TB_M(POISON), NULL, 1);
    item->poison = true;
    item->poison_message = tb_str_of(message);
    enum tb_rc rc = apply_retrying(w, item, 1, err);
    item->poison_message = TB_LIT("");
    return rc == TB_EDATA ? TB_EFATAL : rc;
}

static enum tb_rc apply_alone(struct tb_worker *w, struct tb_item *item, struct tb_error *err)
{
    int64_t limit = tb_config_int(w->cfg, TB_CFG(POISON_ATTEMPTS));
    const struct tb_partition *part = tb_worker_partition(w, item->partition);
    int64_t attempts = 0;
    enum tb_rc rc;
    if (part->careful > 0) {
        char why[160];
        (void)snprintf(why, sizeof why, "tried alone after workers died, by %s since %lld",
                       w->client_id, (long long)w->started_us);
        rc = count_attempt(w, item, why, true, &attempts, err);
        if (rc != TB_OK) {
            return rc;
        }
        if (attempts > limit) {
            return apply_poison(w, item, "workers died while applying it", err);
        }
    }
    for (;;) {
        rc = apply_retrying(w, item, 1, err);
        if (rc != TB_EDATA) {
            return rc;
        }
        const struct tb_error refused = *err;
        rc = count_attempt(w, item, refused.text, false, &attempts, err);
        if (rc != TB_OK) {
            return rc;
        }
        if (attempts >= limit) {
            return apply_poison(w, item, refused.text, err);
        }
    }
}

enum tb_rc tb_batch_apply(struct tb_worker *w, struct tb_item *items, size_t n,
                          struct tb_error *err)
{
    if (n == 0) {
        return TB_OK;
    }
    enum tb_rc rc;
    if (n == 1) {
        tb_log_trace(items->cmd.traceparent);
        rc = apply_alone(w, items, err);
        tb_log_trace(TB_STR_NULL);
        return rc;
    }
    rc = apply_retrying(w, items, n, err);
    if (rc != TB_EDATA && rc != TB_ENOMEM) {
        return rc;
    }
    tb_metric_add(TB_M(SPLITS), NULL, 1);
    tb_log_debug("splitting %zu commands: %s (%s)", n, err->text, err->code);
    rc = tb_batch_apply(w, items, n / 2, err);
    return rc != TB_OK ? rc : tb_batch_apply(w, items + n / 2, n - n / 2, err);
}
