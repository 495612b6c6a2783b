/* The one procedure, run on assignment and after any doubt: a failed test of a watermark, a lost
 * connection (also while committing), a failed producer.
 *
 * Under the watermark's row lock owner_epoch goes up, which fences whoever believed to own the
 * partition; what lies between published and next is published again from the outbox; fetching
 * starts at next. Nothing is remembered from before. */
#include <stdlib.h>

#include "common/base/log.h"
#include "common/crash/crash.h"
#include "common/metrics/metrics.h"
#include "worker/shell/outbox.h"
#include "worker/shell/worker.h"

#define CAREFUL_CLAIMS 3 /* claims without progress before records are tried alone */
#define REPUBLISH_ROWS 500
#define WATERMARKS_MS  5000

static enum tb_rc claim_rows(struct tb_worker *w, const int64_t *ids, size_t n,
                             struct tb_error *err)
{
    static const char sql_create[] =
        "INSERT INTO partition_watermarks (topic, partition)"
        " SELECT $1, u FROM unnest($2::int[]) u ON CONFLICT DO NOTHING";
    static const char sql_claim[] =
        "WITH mine AS (SELECT partition FROM partition_watermarks"
        "   WHERE topic = $1 AND partition = ANY($2::int[]) ORDER BY partition FOR UPDATE)"
        " UPDATE partition_watermarks m SET owner_epoch = m.owner_epoch + 1,"
        "   stalled_claims = m.stalled_claims + (m.partition <> ALL ($3::int[]))::int,"
        "   updated_at = clock_timestamp()"
        " FROM mine WHERE m.topic = $1 AND m.partition = mine.partition"
        " RETURNING m.partition, m.next_offset, m.published_offset, m.owner_epoch, m.last_record,"
        "   m.stalled_claims";
    /* What we held and lost to a failure did not kill us. */
    int64_t *held = TB_NEW_N(w->arena, int64_t, w->npartitions + 1);
    if (!held) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < w->npartitions; i++) {
        held[i] = w->partitions[i].id;
    }
    struct tb_pg_params p;
    tb_pg_params_init(&p, w->arena);
    tb_pg_add_str(&p, tb_str_of(w->topic_commands));
    tb_pg_add_ints(&p, ids, n);
    struct tb_pg_result *results[2] = {0};
    enum tb_rc rc = tb_pg_pipeline_add(w->pg, "claim_create", sql_create, &p, err);
    tb_pg_add_ints(&p, held, w->npartitions);
    rc = rc != TB_OK ? rc : tb_pg_pipeline_add(w->pg, "claim", sql_claim, &p, err);
    rc = rc != TB_OK ? rc : tb_pg_pipeline_run(w->pg, results, true, err);
    if (rc != TB_OK) {
        return rc;
    }
    const struct tb_pg_result *r = results[1];
    struct tb_partition *parts = calloc(n ? n : 1, sizeof *parts);
    if (!parts || (size_t)tb_pg_rows(r) != n) {
        rc = tb_fail(err, TB_ENOMEM, "cannot claim %zu partitions", n);
    }
    for (int i = 0; rc == TB_OK && parts && i < tb_pg_rows(r); i++) {
        struct tb_partition *part = &parts[i];
        part->id = (int32_t)tb_pg_int(r, i, 0);
        part->next = tb_pg_int(r, i, 1);
        part->published = tb_pg_int(r, i, 2);
        part->epoch = tb_pg_int(r, i, 3);
        tb_str last = tb_pg_str(r, i, 4);
        if (last.len == TB_FINGERPRINT_LEN) {
            memcpy(part->last, last.ptr, last.len);
        }
        bool stalled = tb_pg_int(r, i, 5) > CAREFUL_CLAIMS;
        part->careful = stalled ? (int)tb_config_int(w->cfg, TB_CFG(BATCH_MAX)) : 0;
    }
    tb_pg_result_free(results[0]);
    tb_pg_result_free(results[1]);
    if (rc != TB_OK) {
        free(parts);
        return rc;
    }
    free(w->partitions);
    w->partitions = parts;
    w->npartitions = n;
    return TB_OK;
}

/* Publishes again what the log holds between published and next, in order. */
static enum tb_rc republish(struct tb_worker *w, const struct tb_partition *part,
                            struct tb_error *err)
{
    static const char sql[] =
        "SELECT record_offset, outbox FROM command_log"
        " WHERE topic_partition = $1 AND record_offset >= $2 AND record_offset < $3"
        " ORDER BY record_offset LIMIT $4";
    int64_t from = part->published;
    size_t sent = 0;
    while (from < part->next) {
        struct tb_pg_params p;
        tb_pg_params_init(&p, w->arena);
        tb_pg_add_int(&p, part->id);
        tb_pg_add_int(&p, from);
        tb_pg_add_int(&p, part->next);
        tb_pg_add_int(&p, REPUBLISH_ROWS);
        struct tb_pg_result *r = NULL;
        enum tb_rc rc = tb_pg_pipeline_add(w->pg, "republish", sql, &p, err);
        rc = rc != TB_OK ? rc : tb_pg_pipeline_run(w->pg, &r, false, err);
        if (rc != TB_OK) {
            return rc;
        }
        int rows = tb_pg_rows(r);
        bool more = rows == REPUBLISH_ROWS;
        int64_t last = rows ? tb_pg_int(r, rows - 1, 0) : 0;
        for (int i = 0; i < rows && rc == TB_OK; i++) {
            if (more && tb_pg_int(r, i, 0) == last) {
                break; /* of a topic made anew an offset may have two rows: not torn apart */
            }
            tb_str outbox = tb_pg_str(r, i, 1);
            tb_str rest = outbox;
            struct tb_frame f;
            uint32_t nframes = 0;
            while (tb_outbox_next(&rest, &f)) {
                nframes++;
            }
            from = tb_pg_int(r, i, 0) + 1;
            rc = tb_publish(w, part->id, from, outbox, nframes, err);
            sent += nframes;
        }
        tb_pg_result_free(r);
        if (rc != TB_OK) {
            return rc;
        }
        if (!more) {
            break;
        }
    }
    /* Offsets without a row (transaction markers, compacted records) leave no trace: once all rows
     * are acknowledged, everything below next is. */
    uint64_t tag;
    enum tb_rc rc = tb_pending_add(w->pending, part->id, part->next, 0, &tag);
    if (rc != TB_OK) {
        return tb_fail(err, rc, "out of memory");
    }
    if (sent > 0) {
        tb_metric_add(TB_M(REPUBLISHED), NULL, (int64_t)sent);
        tb_log_info("partition %d: published %zu messages of offsets %lld to %lld again", part->id,
                    sent, (long long)part->published, (long long)part->next - 1);
    }
    return TB_OK;
}

/* A partition never read before starts where its log does. */
static enum tb_rc begin_at(struct tb_worker *w, struct tb_partition *part, int64_t low,
                           struct tb_error *err)
{
    static const char sql[] =
        "UPDATE partition_watermarks SET next_offset = $4, published_offset = $4"
        " WHERE topic = $1 AND partition = $2 AND owner_epoch = $3";
    struct tb_pg_params p;
    tb_pg_params_init(&p, w->arena);
    tb_pg_add_str(&p, tb_str_of(w->topic_commands));
    tb_pg_add_int(&p, part->id);
    tb_pg_add_int(&p, part->epoch);
    tb_pg_add_int(&p, low);
    enum tb_rc rc = tb_pg_exec(w->pg, sql, &p, NULL, err);
    rc = rc != TB_OK ? rc : tb_pending_reset(w->pending, part->id, low);
    part->next = low;
    part->published = low;
    tb_log_warn("partition %d: first read, its log begins at offset %lld", part->id,
                (long long)low);
    return rc;
}

/* The log must still hold the position we go on from. A silent skip would lose commands. */
static enum tb_rc check_log(struct tb_worker *w, struct tb_partition *part, struct tb_error *err)
{
    int64_t low;
    int64_t high;
    enum tb_rc rc = tb_consumer_watermarks(w->consumer, part->id, &low, &high, WATERMARKS_MS, err);
    if (rc != TB_OK) {
        return rc;
    }
    if (part->next == 0 && part->last[0] == '\0' && low > 0) {
        return begin_at(w, part, low, err);
    }
    if (part->next < low || part->next > high) {
        part->stopped = true;
        tb_log_error(
            "partition %d of %s: we go on from offset %lld, the log holds %lld to %lld; the "
            "partition stops: ticketctl partition list, and docs/runbook.md, \"%s\"",
            part->id, w->topic_commands, (long long)part->next, (long long)low, (long long)high,
            part->next < low ? "Commands expired" : "A topic was recreated");
    }
    part->check_last = part->last[0] != '\0' && part->next > low;
    /* Only records that were there already can have killed anybody. */
    part->careful = part->careful < high - part->next ? part->careful : (int)(high - part->next);
    return TB_OK;
}

static enum tb_rc start_fetching(struct tb_worker *w, struct tb_error *err)
{
    struct tb_position *positions = TB_NEW_N(w->arena, struct tb_position, w->npartitions + 1);
    if (!positions) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    size_t n = 0;
    for (size_t i = 0; i < w->npartitions; i++) {
        struct tb_partition *part = &w->partitions[i];
        enum tb_rc rc = check_log(w, part, err);
        if (rc != TB_OK) {
            return rc;
        }
        if (!part->stopped) {
            /* One earlier, to see that the record before next is the one we applied. */
            positions[n++] =
                (struct tb_position){part->id, part->next - (part->check_last ? 1 : 0)};
        }
    }
    return tb_consumer_start(w->consumer, positions, n, err);
}

enum tb_rc tb_worker_resumed(struct tb_worker *w, bool *ret, struct tb_error *err)
{
    static const char sql[] =
        "SELECT EXISTS (SELECT FROM partition_watermarks m"
        " JOIN unnest($2::int[], $3::bigint[]) AS u(part, epoch) ON m.partition = u.part"
        " WHERE m.topic = $1 AND m.owner_epoch <> u.epoch)";
    int64_t *rows = TB_NEW_N(w->arena, int64_t, 2 * w->npartitions + 1);
    if (!rows) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    size_t n = 0;
    for (size_t i = 0; i < w->npartitions; i++) {
        if (w->partitions[i].stopped) {
            rows[n] = w->partitions[i].id;
            rows[w->npartitions + n++] = w->partitions[i].epoch;
        }
    }
    *ret = false;
    if (n == 0) {
        return TB_OK;
    }
    struct tb_pg_params p;
    tb_pg_params_init(&p, w->arena);
    tb_pg_add_str(&p, tb_str_of(w->topic_commands));
    tb_pg_add_ints(&p, rows, n);
    tb_pg_add_ints(&p, rows + w->npartitions, n);
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = tb_pg_exec(w->pg, sql, &p, &r, err);
    *ret = rc == TB_OK && tb_pg_bool(r, 0, 0);
    tb_pg_result_free(r);
    return rc;
}

enum tb_rc tb_worker_claim(struct tb_worker *w, struct tb_error *err)
{
    w->claimed = false;
    tb_arena_reset(w->arena);
    size_t n;
    const int32_t *assigned = tb_consumer_assignment(w->consumer, &n);
    int64_t *ids = TB_NEW_N(w->arena, int64_t, n + 1);
    if (!ids) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        ids[i] = assigned[i];
    }
    if (w->producer_failed || !w->producer || tb_producer_fatal(w->producer)) {
        enum tb_rc rc = tb_worker_connect_producer(w, err);
        if (rc != TB_OK) {
            return rc;
        }
    }
    int32_t event_partitions; /* asked so that the first event need not wait for the answer */
    enum tb_rc rc = tb_topic_partitions(w->producer, w->topic_events, &event_partitions, err);
    rc = rc != TB_OK
             ? rc
             : tb_topic_partitions(w->producer, w->topic_commands, &w->ncommand_partitions, err);
    TB_CRASH_POINT("before_claim");
    rc = rc != TB_OK ? rc : claim_rows(w, ids, n, err);
    TB_CRASH_POINT("in_claim");
    for (size_t i = 0; i < n && rc == TB_OK; i++) {
        const struct tb_partition *part = &w->partitions[i];
#ifdef TB_PLANT_RELOAD_AND_GO_ON /* nothing is published again */
        if (tb_pending_published(w->pending, part->id) >= 0) {
            continue;
        }
#endif
        rc = tb_pending_reset(w->pending, part->id, part->published);
        rc = rc != TB_OK ? rc : republish(w, part, err);
    }
    rc = rc != TB_OK ? rc : start_fetching(w, err);
    TB_CRASH_POINT("after_claim");
    if (rc == TB_OK) {
        w->claimed = true;
        tb_metric_add(TB_M(CLAIMS), NULL, 1);
        tb_log_info("claimed %zu of %d partitions of %s", n, w->ncommand_partitions,
                    w->topic_commands);
    }
    return rc;
}
