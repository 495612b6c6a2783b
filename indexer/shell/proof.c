/* A pass as a whole: its lock, its steps, what is kept of it. */
#include "indexer/shell/proof.h"

#include <time.h>

#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "indexer/shell/proof_internal.h"
#include "indexer/shell/refused.h"

enum { STEP_MS = 50, JSON_MAX = 1 << 16 };

const char *const tb_flaw_names[TB_FLAWS_] = {
    [TB_FLAW_NOT_INDEXED] = "not_indexed",
    [TB_FLAW_STALE] = "stale",
    [TB_FLAW_STATE] = "state",
    [TB_FLAW_NO_KEYWORDS] = "no_keywords",
    [TB_FLAW_POINTS_MISSING] = "points_missing",
    [TB_FLAW_POINT_HASH] = "point_hash",
    [TB_FLAW_POINT_VERSION] = "point_version",
    [TB_FLAW_POINT_PAYLOAD] = "point_payload",
    [TB_FLAW_POINTS_EXTRA] = "points_extra",
    [TB_FLAW_DELETED_LIVE] = "deleted_live",
    [TB_FLAW_ORPHAN] = "orphan",
    [TB_FLAW_KEYWORDS_ORPHAN] = "keywords_orphan",
};

void tb_proof_flaws_json(const struct tb_proof *p, struct tb_json *w)
{
    tb_json_open(w, '{');
    for (size_t i = 0; i < TB_FLAWS_; i++) {
        if (p->flaws[i]) {
            tb_json_key(w, tb_flaw_names[i]);
            tb_json_int(w, p->flaws[i]);
        }
    }
    tb_json_close(w, '}');
}

enum tb_rc tb_pass_retry_store(struct pass *pass, enum tb_rc rc, struct tb_error *err)
{
    struct tb_indexer *ix = pass->p->ix;
    if (rc == TB_ENOMEM || rc == TB_EDATA || rc == TB_EFATAL) {
        return rc;
    }
    ix->store_ready = ix->store_ready && rc != TB_ENOTFOUND;
    if (!tb_patience_wait(&ix->store_patience, err, ix->store->wait_ms)) {
        return tb_fail(err, TB_EUNAVAILABLE, "stopped");
    }
    return tb_indexer_prepare_store(ix, err);
}

enum tb_rc tb_pass_remove(struct pass *pass, const struct tb_uuid *ids, size_t n,
                          struct tb_error *err)
{
    enum tb_rc rc = TB_OK;
    while (n) {
        rc = tb_store_remove(pass->p->ix->store, ids, n, err);
        if (rc == TB_OK) {
            tb_patience_over(&pass->p->ix->store_patience);
            break;
        }
        rc = tb_pass_retry_store(pass, rc, err);
        if (rc != TB_OK) {
            break;
        }
    }
    return rc;
}

void tb_pass_flaw(struct pass *pass, enum tb_flaw what, tb_str ticket_id, int64_t version,
                  int64_t n)
{
    struct tb_proof *p = pass->p;
    p->flaws[what] += n;
    p->differences += n;
    if (p->fn) {
        struct tb_flaw_seen seen = {what, ticket_id, version, n};
        p->fn(&seen, p->arg);
    }
}

void tb_pass_step(struct pass *pass, size_t n)
{
    pass->done += n;
    if (pass->p->progress) {
        pass->p->progress(pass->done, pass->total > pass->done ? pass->total : pass->done,
                          pass->p->arg);
    }
}

bool tb_pass_sleep(struct pass *pass, int64_t ms)
{
    int64_t until = tb_clock_mono_us() + ms * 1000;
    while (!atomic_load(pass->p->ix->stop) && tb_clock_mono_us() < until) {
        struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
        (void)nanosleep(&step, NULL);
    }
    return !atomic_load(pass->p->ix->stop);
}

/* How much there is to look at: only for the progress. */
static enum tb_rc measure(struct pass *pass, struct tb_error *err)
{
    struct tb_pg_result *r;
    enum tb_rc rc = tb_indexer_ask(pass->p->ix, "SELECT count(*) FROM tickets", NULL, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    pass->total = (size_t)tb_pg_int(r, 0, 0);
    tb_pg_result_free(r);
    for (int deleted = 0; deleted <= 1; deleted++) {
        int64_t n = 0;
        while ((rc = tb_store_count(pass->p->ix->store, deleted, &n, err)) != TB_OK) {
            rc = tb_pass_retry_store(pass, rc, err);
            if (rc != TB_OK) {
                return rc;
            }
        }
        pass->total += (size_t)n;
    }
    return TB_OK;
}

/* Rows that no ticket stands behind any more. */
static enum tb_rc sweep(struct pass *pass, struct tb_error *err)
{
    /* A deletion that is not indexed yet is under way. */
#define ORPHANS                                                                                    \
    " search_documents x LEFT JOIN tickets t ON t.id = x.ticket_id WHERE (t.id IS NULL OR"         \
    " (t.is_deleted AND EXISTS (SELECT 1 FROM index_state s WHERE s.collection = $1 AND"           \
    " s.ticket_id = t.id AND s.version = t.version)))"
    static const char count_sql[] = "SELECT count(*) FROM" ORPHANS;
    static const char delete_sql[] =
        "WITH gone AS (DELETE FROM search_documents d USING" ORPHANS
        " AND x.ticket_id = d.ticket_id RETURNING 1) SELECT count(*) FROM gone";
    static const char state_sql[] =
        "DELETE FROM index_state s WHERE s.collection = $1"
        " AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.id = s.ticket_id)";
    struct tb_pg_result *r = NULL;
    struct tb_pg_params params;
    tb_pg_params_init(&params, pass->arena);
    tb_pg_add_str(&params, pass->p->ix->collection);
    enum tb_rc rc = TB_OK;
    if (!pass->p->ix->secondary) { /* the keywords go with the collection that is searched */
        rc =
            tb_indexer_ask(pass->p->ix, pass->p->repair ? delete_sql : count_sql, &params, &r, err);
    }
    if (rc == TB_OK && r && tb_pg_int(r, 0, 0)) {
        tb_pass_flaw(pass, TB_FLAW_KEYWORDS_ORPHAN, TB_STR_NULL, 0, tb_pg_int(r, 0, 0));
    }
    tb_pg_result_free(r);
    if (rc == TB_OK && pass->p->repair) {
        tb_pg_params_init(&params, pass->arena);
        tb_pg_add_str(&params, pass->p->ix->collection);
        rc = tb_indexer_ask(pass->p->ix, state_sql, &params, NULL, err);
        rc = rc == TB_OK ? tb_refused_sweep(pass->p->ix, pass->arena, err) : rc;
    }
    return rc;
}

static enum tb_rc write_down(struct pass *pass, int64_t took_us, struct tb_error *err)
{
    static const char sql[] =
        "INSERT INTO index_passes AS i (collection, started_at, finished_at, tickets, points,"
        " differences, flaws, repaired, embedded, removed, tombstones)"
        " VALUES ($1, now() - $2::bigint * interval '1 microsecond', now(), $3, $4, $5, $6::jsonb,"
        " $7, $8, $9, $10) ON CONFLICT (collection) DO UPDATE SET"
        " started_at = excluded.started_at, finished_at = excluded.finished_at,"
        " tickets = excluded.tickets, points = excluded.points,"
        " differences = excluded.differences, flaws = excluded.flaws,"
        " repaired = excluded.repaired, embedded = excluded.embedded,"
        " removed = excluded.removed, tombstones = excluded.tombstones";
    const struct tb_proof *p = pass->p;
    tb_buf flaws;
    tb_buf_init(&flaws, JSON_MAX);
    struct tb_json w = {.buf = &flaws};
    tb_proof_flaws_json(p, &w);
    struct tb_pg_params params;
    tb_pg_params_init(&params, pass->arena);
    tb_pg_add_str(&params, p->ix->collection);
    tb_pg_add_int(&params, took_us);
    tb_pg_add_int(&params, p->tickets);
    tb_pg_add_int(&params, p->points);
    tb_pg_add_int(&params, p->differences);
    tb_pg_add_str(&params, tb_buf_str(&flaws));
    tb_pg_add_int(&params, p->repaired);
    tb_pg_add_int(&params, p->embedded);
    tb_pg_add_int(&params, p->removed);
    tb_pg_add_int(&params, p->tombstones);
    enum tb_rc rc = flaws.failed || params.failed
                        ? tb_fail(err, TB_ENOMEM, "out of memory")
                        : tb_indexer_ask(pass->p->ix, sql, &params, NULL, err);
    tb_buf_dispose(&flaws);
    return rc;
}

static enum tb_rc open_pass(struct pass *pass, struct tb_proof *p, struct tb_error *err)
{
    *pass = (struct pass){.p = p, .arena = tb_arena_new(0), .whole = tb_arena_new(0)};
    return pass->arena && pass->whole ? TB_OK : tb_fail(err, TB_ENOMEM, "out of memory");
}

static void close_pass(struct pass *pass)
{
    tb_arena_free(pass->arena);
    tb_arena_free(pass->whole);
}

enum tb_rc tb_proof_run(struct tb_proof *p, struct tb_error *err)
{
    struct pass pass;
    int64_t start = tb_clock_mono_us();
    uint64_t embedded = p->ix->stats.embedded;
    enum tb_rc rc = open_pass(&pass, p, err);
    rc = rc == TB_OK ? tb_indexer_prepare_store(p->ix, err) : rc;
    rc = rc == TB_OK ? measure(&pass, err) : rc;
    rc = rc == TB_OK ? tb_pass_tickets(&pass, err) : rc;
    rc = rc == TB_OK ? tb_pass_points(&pass, err) : rc;
    rc = rc == TB_OK ? sweep(&pass, err) : rc;
    p->embedded = (int64_t)(p->ix->stats.embedded - embedded);
    if (rc == TB_OK && p->repair) {
        rc = write_down(&pass, tb_clock_mono_us() - start, err);
    }
    close_pass(&pass);
    return rc;
}

enum tb_rc tb_proof_tickets(struct tb_proof *p, const tb_str *ids, size_t n, bool fresh,
                            struct tb_error *err)
{
    struct pass pass;
    uint64_t embedded = p->ix->stats.embedded;
    enum tb_rc rc = open_pass(&pass, p, err);
    rc = rc == TB_OK ? tb_indexer_prepare_store(p->ix, err) : rc;
    p->ix->asked = true;
    rc = rc == TB_OK ? tb_pass_these(&pass, ids, n, fresh, err) : rc;
    p->embedded = (int64_t)(p->ix->stats.embedded - embedded);
    close_pass(&pass);
    return rc;
}

enum tb_rc tb_proof_lock(const struct tb_config *cfg, tb_str collection, struct tb_pg **ret,
                         struct tb_error *err)
{
    struct tb_arena *arena = tb_arena_new(0);
    struct tb_pg_params params;
    struct tb_pg_result *r = NULL;
    *ret = NULL;
    if (!arena) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    enum tb_rc rc = tb_pg_connect(cfg, "ticketbus-reconcile", ret, err);
    if (rc == TB_OK) {
        tb_pg_params_init(&params, arena);
        tb_pg_add_str(&params, collection);
        rc = tb_pg_exec(*ret,
                        "SELECT pg_try_advisory_lock(hashtextextended('ticketbus.proof.' || $1,"
                        " 0))",
                        &params, &r, err);
    } else {
        *ret = NULL;
    }
    if (rc != TB_OK || !tb_pg_bool(r, 0, 0)) {
        tb_pg_free(*ret);
        *ret = NULL;
    }
    tb_pg_result_free(r);
    tb_arena_free(arena);
    return rc;
}

enum tb_rc tb_proof_age(struct tb_pg *pg, tb_str collection, int64_t *ret_s, struct tb_error *err)
{
    struct tb_arena *arena = tb_arena_new(0);
    struct tb_pg_params params;
    struct tb_pg_result *r = NULL;
    if (!arena) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    tb_pg_params_init(&params, arena);
    tb_pg_add_str(&params, collection);
    enum tb_rc rc = tb_pg_exec(pg,
                               "SELECT extract(epoch FROM now() - finished_at)::bigint"
                               " FROM index_passes WHERE collection = $1",
                               &params, &r, err);
    if (rc == TB_OK) {
        *ret_s = tb_pg_rows(r) ? tb_pg_int(r, 0, 0) : INT64_MAX;
    }
    tb_pg_result_free(r);
    tb_arena_free(arena);
    return rc;
}
