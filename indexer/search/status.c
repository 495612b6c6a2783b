/* How the index stands: counts, and the proof that it equals the database. */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/map.h"
#include "indexer/catalog/catalog.h"
#include "indexer/search/internal.h"

static const char status_sql[] =
    "SELECT count(*) FILTER (WHERE NOT t.is_deleted),"
    " count(*) FILTER (WHERE NOT t.is_deleted AND s.version = t.version),"
    " count(*) FILTER (WHERE NOT t.is_deleted AND s.version <> t.version),"
    " count(*) FILTER (WHERE NOT t.is_deleted AND s.ticket_id IS NULL),"
    " count(*) FILTER (WHERE t.is_deleted),"
    " count(*) FILTER (WHERE t.is_deleted AND s.version <> t.version),"
    " coalesce(sum(s.chunks) FILTER (WHERE NOT t.is_deleted), 0),"
    " coalesce(sum(s.failed_chunks) FILTER (WHERE NOT t.is_deleted), 0),"
    " count(*) FILTER (WHERE f.version = t.version AND coalesce(s.version, 0) < t.version)"
    " FROM tickets t LEFT JOIN index_state s ON s.ticket_id = t.id AND s.collection = $1"
    " LEFT JOIN index_refused f ON f.ticket_id = t.id AND f.collection = $1";

/* A ticket is stale from the first change that is not indexed, but not since before it was indexed
 * last; one that never was, since it is there. Times of imports are older than either. */
static const char oldest_sql[] =
    "SELECT id, since FROM (SELECT t.id, CASE WHEN s.ticket_id IS NULL THEN t.stored_at ELSE"
    " greatest(s.indexed_at, (SELECT min(h.changed_at) FROM ticket_history h WHERE h.ticket_id ="
    " t.id AND h.version > s.version)) END AS since FROM tickets t LEFT JOIN index_state s"
    " ON s.ticket_id = t.id AND s.collection = $1"
    " WHERE s.version <> t.version OR (s.ticket_id IS NULL AND NOT t.is_deleted)) x"
    " ORDER BY since, id LIMIT 1";

static const char spent_sql[] =
    "SELECT coalesce(sum(tokens), 0), coalesce(round(sum(cost), 6), 0)::text FROM index_usage"
    " WHERE model = $1";

static const char pass_sql[] =
    "SELECT finished_at, differences, repaired + removed FROM index_passes WHERE collection = $1";

static enum tb_rc run(struct tb_search *s, const char *sql, struct tb_arena *arena,
                      struct tb_pg_result **ret, struct tb_error *err)
{
    struct tb_pg_params p;
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, s->collection);
    return tb_search_exec(s, sql, &p, ret, err);
}

static void ask_store(struct tb_search *s, struct tb_arena *arena, struct tb_index_status *ret)
{
    struct tb_error err = {.rc = TB_OK};
    enum tb_rc rc = tb_store_alias(s->store, arena, &ret->alias_target, &err);
    if (rc == TB_OK) {
        rc = tb_store_count(s->store, false, &ret->points_live, &err);
    }
    if (rc == TB_OK) {
        rc = tb_store_count(s->store, true, &ret->tombstones, &err);
    }
    /* A collection that is not there yet is an answer. */
    ret->store_reachable = rc == TB_OK || rc == TB_ENOTFOUND;
    if (rc != TB_OK) {
        ret->points_live = rc == TB_ENOTFOUND ? 0 : -1;
        ret->tombstones = ret->points_live;
        (void)snprintf(ret->store_error, sizeof ret->store_error, "%.*s",
                       (int)sizeof ret->store_error - 1, err.text);
    }
}

/* What was spent on the model, what the last pass found, which collections there are. */
static enum tb_rc ask_history(struct tb_search *s, struct tb_arena *arena,
                              struct tb_index_status *ret, struct tb_error *err)
{
    struct tb_pg_params p;
    struct tb_pg_result *r;
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, s->model.name);
    enum tb_rc rc = tb_search_exec(s, spent_sql, &p, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    ret->tokens = tb_pg_int(r, 0, 0);
    ret->cost = tb_pg_str_in(r, 0, 1, arena);
    tb_pg_result_free(r);
    rc = run(s, pass_sql, arena, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    ret->proved_at = tb_pg_rows(r) ? tb_pg_time(r, 0, 0) : TB_TIME_NONE;
    ret->proof_differences = tb_pg_rows(r) ? tb_pg_int(r, 0, 1) : 0;
    tb_pg_result_free(r);
    struct tb_collection *all;
    rc = tb_catalog_list(s->pg, s->cfg, arena, &all, &ret->ncollections, err);
    ret->collections = all;
    return rc == TB_OK && tb_arena_failed(arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : rc;
}

enum tb_rc tb_index_status(struct tb_search *s, struct tb_arena *arena, struct tb_index_status *ret,
                           struct tb_error *err)
{
    struct tb_pg_result *r;
    enum tb_rc rc = tb_search_aim(s, true, err);
    if (rc != TB_OK) {
        *ret = (struct tb_index_status){.dim = 0};
        return rc;
    }
    *ret = (struct tb_index_status){
        .model = tb_arena_str(arena, s->model.name),
        .dim = s->model.dim,
        .collection = tb_arena_str(arena, s->collection),
        .alias = tb_str_of(tb_config_str(s->cfg, TB_CFG(QDRANT_COLLECTION))),
    };
    rc = run(s, status_sql, arena, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    int64_t *const counts[] = {&ret->tickets_live,    &ret->tickets_current, &ret->tickets_stale,
                               &ret->tickets_missing, &ret->tickets_deleted, &ret->deletes_pending,
                               &ret->chunks_expected, &ret->failed_chunks,   &ret->tickets_refused};
    for (size_t i = 0; i < TB_COUNT(counts); i++) {
        *counts[i] = tb_pg_int(r, 0, (int)i);
    }
    tb_pg_result_free(r);
    rc = run(s, oldest_sql, arena, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    if (tb_pg_rows(r)) {
        ret->oldest_stale_id = tb_pg_str_in(r, 0, 0, arena);
        ret->oldest_stale_age_us = tb_clock_wall_us() - tb_pg_time(r, 0, 1);
    }
    tb_pg_result_free(r);
    ask_store(s, arena, ret);
    ret->orphans =
        ret->points_live > ret->chunks_expected ? ret->points_live - ret->chunks_expected : 0;
    return ask_history(s, arena, ret, err);
}

/* ---- the proof ---- */

/* A ticket and what was seen of it in the store. */
struct known {
    int64_t version;
    int64_t state_version; /* 0: not indexed */
    int64_t chunks;
    int64_t points; /* live ones, at the right version */
    int64_t wrong;  /* a version that is not the ticket's, -1 for none */
    int64_t undead; /* live points of a deleted ticket */
    bool deleted;
    bool keywords;
    bool orphan;
};

struct proof {
    struct tb_arena *arena;
    struct tb_map tickets;
    tb_index_difference_fn *fn;
    void *arg;
    struct tb_index_verdict verdict;
    bool failed;
};

static void differ(struct proof *p, const char *what, tb_str id, int64_t expected, int64_t found)
{
    struct tb_index_difference d = {what, id, expected, found};
    p->verdict.differences++;
    if (p->fn) {
        p->fn(&d, p->arg);
    }
}

static enum tb_rc load(struct tb_search *s, struct proof *p, struct tb_error *err)
{
    static const char sql[] =
        "SELECT t.id, t.version, t.is_deleted, coalesce(s.version, 0), coalesce(s.chunks, 0),"
        " d.ticket_id IS NOT NULL FROM tickets t"
        " LEFT JOIN index_state s ON s.ticket_id = t.id AND s.collection = $1"
        " LEFT JOIN search_documents d ON d.ticket_id = t.id";
    struct tb_pg_result *r;
    enum tb_rc rc = run(s, sql, p->arena, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    for (int i = 0; i < tb_pg_rows(r) && !p->failed; i++) {
        struct known *k = TB_NEW(p->arena, struct known);
        tb_str id = tb_pg_str_in(r, i, 0, p->arena);
        if (!k || tb_str_is_null(id) || !tb_map_put(&p->tickets, id, k)) {
            p->failed = true;
            break;
        }
        *k = (struct known){.version = tb_pg_int(r, i, 1),
                            .deleted = tb_pg_bool(r, i, 2),
                            .state_version = tb_pg_int(r, i, 3),
                            .chunks = tb_pg_int(r, i, 4),
                            .keywords = tb_pg_bool(r, i, 5),
                            .wrong = -1};
        p->verdict.tickets += !k->deleted;
    }
    tb_pg_result_free(r);
    return p->failed ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}

static bool on_point(const struct tb_store_seen *seen, void *arg)
{
    struct proof *p = arg;
    p->verdict.points++;
    struct known *k = tb_map_get(&p->tickets, seen->ticket_id);
    if (!k) {
        tb_str id = tb_arena_str(p->arena, seen->ticket_id);
        k = TB_NEW(p->arena, struct known);
        if (!k || tb_str_is_null(id) || !tb_map_put(&p->tickets, id, k)) {
            p->failed = true;
            return false;
        }
        *k = (struct known){.orphan = true};
    }
    bool live = !seen->deleted && seen->version == k->version;
    k->points += k->orphan || live;
    k->undead += k->deleted && !seen->deleted;
    /* An older tombstone of a ticket that was restored is left to purging. */
    if (!k->orphan && !k->deleted && !seen->deleted && !live) {
        k->wrong = seen->version;
    }
    return true;
}

static void judge(struct proof *p, tb_str id, const struct known *k)
{
    if (k->orphan) {
        differ(p, "orphan", id, 0, k->points);
        return;
    }
    if (k->deleted) {
        if (k->undead) {
            differ(p, "deleted_live", id, 0, k->undead);
        }
        return;
    }
    if (k->state_version == 0) {
        differ(p, "not_indexed", id, k->version, 0);
        return;
    }
    if (k->state_version != k->version) {
        differ(p, "stale", id, k->version, k->state_version);
        return;
    }
    if (k->wrong >= 0) {
        differ(p, "point_version", id, k->version, k->wrong);
    } else if (k->points < k->chunks) {
        differ(p, "points_missing", id, k->chunks, k->points);
    } else if (k->points > k->chunks) {
        differ(p, "points_extra", id, k->chunks, k->points);
    }
    if (!k->keywords) {
        differ(p, "no_keywords", id, k->version, 0);
    }
}

enum tb_rc tb_index_verify(struct tb_search *s, tb_index_difference_fn *fn, void *arg,
                           struct tb_index_verdict *ret, struct tb_error *err)
{
    struct proof p = {.arena = tb_arena_new(0), .fn = fn, .arg = arg};
    *ret = (struct tb_index_verdict){0};
    if (!p.arena) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    tb_map_init(&p.tickets, p.arena);
    enum tb_rc rc = tb_search_aim(s, true, err);
    rc = rc == TB_OK ? load(s, &p, err) : rc;
    if (rc == TB_OK) {
        rc = tb_store_walk(s->store, on_point, &p, err);
        rc = rc == TB_ENOTFOUND ? TB_OK : rc; /* no collection: no points */
    }
    if (rc == TB_OK && p.failed) {
        rc = tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < p.tickets.n && rc == TB_OK; i++) {
        judge(&p, p.tickets.entries[i].key, p.tickets.entries[i].value);
    }
    *ret = p.verdict;
    tb_arena_free(p.arena);
    return rc;
}
