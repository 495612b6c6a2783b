#include "indexer/shell/reconcile.h"

#include "common/base/log.h"

/* Fewer than these behind is what writes going on look like. */
enum { NEARLY = 256 };

/* The lock ends with the statement's transaction. */
static const char lock_sql[] =
    "SELECT pg_try_advisory_xact_lock(hashtextextended('ticketbus.reconcile.' || $1, 0))";

/* Without those that were refused as they are now: they would be again. */
static const char behind_sql[] =
    "(SELECT t.id, t.version, s.version IS NULL OR s.recipe <> $2 FROM tickets t LEFT JOIN "
    "index_state s"
    " ON s.ticket_id = t.id AND s.collection = $1"
    " WHERE ((s.ticket_id IS NULL AND NOT t.is_deleted) OR s.version < t.version"
    " OR (s.recipe <> $2 AND NOT t.is_deleted)) AND NOT EXISTS (SELECT 1 FROM index_refused f"
    " WHERE f.collection = $1 AND f.ticket_id = t.id AND f.version = t.version AND f.recipe = $2)"
    " LIMIT $3)"
    " UNION ALL"
    " (SELECT s.ticket_id, 0, false FROM index_state s LEFT JOIN tickets t ON t.id = s.ticket_id"
    " WHERE s.collection = $1 AND t.id IS NULL LIMIT $3)";

/* Left behind by an indexer that was overtaken by the deletion. */
static const char leftovers_sql[] =
    "DELETE FROM search_documents d USING tickets t WHERE t.id = d.ticket_id AND t.is_deleted";

static enum tb_rc read_behind(struct tb_indexer *ix, struct tb_arena *arena,
                              struct tb_pg_result **results, struct tb_error *err)
{
    struct tb_pg_params lock;
    struct tb_pg_params behind;
    tb_pg_params_init(&lock, arena);
    tb_pg_add_str(&lock, ix->collection);
    tb_pg_params_init(&behind, arena);
    tb_pg_add_str(&behind, ix->collection);
    tb_pg_add_str(&behind, ix->recipe_name);
    tb_pg_add_int(&behind, TB_RECONCILE_MAX);
    enum tb_rc rc = tb_pg_pipeline_add(ix->pg, "ix_begin", "BEGIN", NULL, err);
    if (rc == TB_OK) {
        rc = tb_pg_pipeline_add(ix->pg, "ix_reconcile_lock", lock_sql, &lock, err);
    }
    if (rc == TB_OK) {
        rc = tb_pg_pipeline_add(ix->pg, "ix_behind", behind_sql, &behind, err);
    }
    if (rc == TB_OK) {
        rc = tb_pg_pipeline_add(ix->pg, "ix_leftovers", leftovers_sql, NULL, err);
    }
    if (rc == TB_OK) {
        rc = tb_pg_pipeline_add(ix->pg, "ix_commit", "COMMIT", NULL, err);
    }
    return rc == TB_OK ? tb_pg_pipeline_run(ix->pg, results, false, err) : rc;
}

static enum tb_rc take_alias(struct tb_indexer *ix, struct tb_arena *arena, struct tb_error *err)
{
    tb_str target = TB_STR_NULL;
    enum tb_rc rc = tb_store_alias(ix->store, arena, &target, err);
    if (rc != TB_OK || tb_str_eq(target, ix->collection) || ix->secondary ||
        tb_indexer_is_retired(ix)) {
        return rc;
    }
    rc = tb_store_ensure(ix->store, true, err);
    if (rc == TB_OK) {
        tb_log_info("searches now use %.*s (was %.*s)", TB_ARG(ix->collection), TB_ARG(target));
    }
    return rc;
}

enum tb_rc tb_reconcile(struct tb_indexer *ix, struct tb_arena *arena, struct tb_work **ret,
                        size_t *ret_n, struct tb_error *err)
{
    struct tb_pg_result *results[5] = {NULL};
    *ret_n = 0;
    enum tb_rc rc = tb_indexer_prepare_store(ix, err);
    for (;;) {
        if (rc == TB_OK) {
            rc = tb_indexer_connect(ix, err);
        }
        if (rc != TB_OK) {
            return rc;
        }
        rc = read_behind(ix, arena, results, err);
        if (rc == TB_OK) {
            break;
        }
        rc = tb_indexer_retry_pg(ix, rc, err);
    }
    tb_patience_over(&ix->pg_patience);
    bool busy = !tb_pg_bool(results[1], 0, 0);
    size_t missing = 0;
    size_t n = busy ? 0 : (size_t)tb_pg_rows(results[2]);
    *ret = TB_NEW_N(arena, struct tb_work, n + 1);
    for (size_t i = 0; *ret && i < n; i++) {
        (*ret)[i] = (struct tb_work){.ticket_id = tb_pg_str_in(results[2], (int)i, 0, arena),
                                     .sequence = tb_pg_int(results[2], (int)i, 1)};
        missing += tb_pg_bool(results[2], (int)i, 2);
    }
    for (size_t i = 0; i < TB_COUNT(results); i++) {
        tb_pg_result_free(results[i]);
    }
    if (tb_arena_failed(arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    *ret_n = n;
    if (missing == 0 && n < NEARLY && !busy) {
        struct tb_error why;
        if (take_alias(ix, arena, &why) != TB_OK) {
            tb_log_warn("the alias could not be checked: %s", why.text);
        }
    }
    return TB_OK;
}
