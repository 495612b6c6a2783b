#include "indexer/shell/reindex.h"

#include "indexer/catalog/catalog.h"

enum {
    PAGE = 256,
    FEW = 512, /* a pass that finds no more than this leaves the rest to the indexers */
    PASSES_MIN = 2,
    PASSES_MAX = 100, /* at the filling */
    PROOFS_MAX = 5,
    FREEZE_MS = 2000,
    SWITCHES_MAX = 30,
};

static const char lacking_sql[] =
    "SELECT t.id, t.version FROM tickets t LEFT JOIN index_state s ON s.ticket_id = t.id"
    " AND s.collection = $1 WHERE t.id > $2 AND ((s.ticket_id IS NULL AND NOT t.is_deleted)"
    " OR s.version < t.version OR (s.recipe <> $3 AND NOT t.is_deleted)) ORDER BY t.id LIMIT "
    "$4::int";

struct work_page {
    struct tb_work *work;
    size_t n;
};

static enum tb_rc read_page(struct tb_indexer *ix, tb_str after, struct tb_arena *arena,
                            struct work_page *page, struct tb_error *err)
{
    struct tb_pg_params p;
    struct tb_pg_result *r;
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, ix->collection);
    tb_pg_add_str(&p, after);
    tb_pg_add_str(&p, ix->recipe_name);
    tb_pg_add_int(&p, PAGE);
    enum tb_rc rc = tb_indexer_ask(ix, lacking_sql, &p, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    page->n = (size_t)tb_pg_rows(r);
    page->work = TB_NEW_N(arena, struct tb_work, page->n + 1);
    for (size_t i = 0; page->work && i < page->n; i++) {
        page->work[i] = (struct tb_work){.ticket_id = tb_pg_str_in(r, (int)i, 0, arena),
                                         .sequence = tb_pg_int(r, (int)i, 1)};
    }
    tb_pg_result_free(r);
    return tb_arena_failed(arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}

/* Once through all tickets. */
static enum tb_rc pass(struct tb_reindex *x, size_t total, size_t *ret_found, struct tb_error *err)
{
    struct tb_arena *arena = tb_arena_new(0);
    struct tb_arena *own = tb_arena_new(0);
    tb_str after = TB_LIT("");
    struct work_page page = {.n = PAGE};
    enum tb_rc rc = arena && own ? TB_OK : tb_fail(err, TB_ENOMEM, "out of memory");
    *ret_found = 0;
    while (rc == TB_OK && page.n == PAGE) {
        tb_arena_reset(arena);
        if (atomic_load(x->ix->stop)) {
            rc = tb_fail(err, TB_EUNAVAILABLE, "stopped");
            break;
        }
        rc = read_page(x->ix, after, arena, &page, err);
        if (rc != TB_OK || page.n == 0) {
            break;
        }
        rc = tb_round_run(x->ix, page.work, page.n, arena, err);
        tb_arena_reset(own);
        after = tb_arena_str(own, page.work[page.n - 1].ticket_id);
        *ret_found += page.n;
        x->indexed += (int64_t)page.n;
        if (x->progress) {
            x->progress("reindexing", (size_t)x->indexed,
                        total > (size_t)x->indexed ? total : (size_t)x->indexed, x->arg);
        }
    }
    tb_arena_free(arena);
    tb_arena_free(own);
    return rc;
}

static enum tb_rc lacking(struct tb_indexer *ix, size_t *ret, struct tb_error *err)
{
    struct tb_arena *arena = tb_arena_new(0);
    struct tb_pg_params p;
    struct tb_pg_result *r;
    if (!arena) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, ix->collection);
    enum tb_rc rc =
        tb_indexer_ask(ix,
                       "SELECT count(*) FROM tickets t LEFT JOIN index_state s ON s.ticket_id ="
                       " t.id AND s.collection = $1 WHERE (s.ticket_id IS NULL AND NOT"
                       " t.is_deleted) OR s.version < t.version",
                       &p, &r, err);
    if (rc == TB_OK) {
        *ret = (size_t)tb_pg_int(r, 0, 0);
        tb_pg_result_free(r);
    }
    tb_arena_free(arena);
    return rc;
}

/* Under steady writes a pass always finds something: once it finds hardly less than the one before,
 * what is left is what the indexers are at. */
static enum tb_rc fill(struct tb_reindex *x, struct tb_error *err)
{
    size_t total = 0;
    size_t found = SIZE_MAX;
    enum tb_rc rc = lacking(x->ix, &total, err);
    total += (size_t)x->indexed;
    for (int i = 0; rc == TB_OK && found > FEW && i < PASSES_MAX; i++) {
        size_t before = found;
        rc = pass(x, total, &found, err);
        if (i >= PASSES_MIN && found >= before / 2) {
            break;
        }
    }
    return rc;
}

static void on_proof(size_t done, size_t total, void *arg)
{
    struct tb_reindex *x = arg;
    if (x->progress) {
        x->progress("verifying", done, total, x->arg);
    }
}

static enum tb_rc prove(struct tb_reindex *x, struct tb_error *err)
{
    for (int i = 0; i < PROOFS_MAX; i++) {
        x->proof = (struct tb_proof){
            .ix = x->ix,
            .repair = true,
            .tombstone_s = tb_config_int(x->ix->cfg, TB_CFG(INDEX_TOMBSTONE_H)) * 3600,
            .progress = on_proof,
            .arg = x};
        enum tb_rc rc = tb_proof_run(&x->proof, err);
        /* Tickets that are behind are for the indexers, and the switch looks at them again. */
        int64_t behind = x->proof.flaws[TB_FLAW_STALE] + x->proof.flaws[TB_FLAW_NOT_INDEXED];
        x->proof.differences -= behind;
        x->proof.under_way += behind;
        if (rc != TB_OK || x->proof.differences == 0) {
            return rc;
        }
    }
    return tb_fail(err, TB_ECONFLICT,
                   "%.*s differs from the database again and again: does somebody else write it?",
                   TB_ARG(x->ix->collection));
}

/* The alias of the store is for others to see; the indexers set it too, if we cannot. */
static enum tb_rc take_alias(struct tb_reindex *x, struct tb_error *err)
{
    for (;;) {
        enum tb_rc rc = tb_store_ensure(x->ix->store, true, err);
        if (rc == TB_OK || rc == TB_ENOMEM) {
            return rc;
        }
        if (!tb_patience_wait(&x->ix->store_patience, err, x->ix->store->wait_ms)) {
            return rc;
        }
    }
}

/* It took place, though its COMMIT was not heard. */
static bool is_active(struct tb_reindex *x, struct tb_arena *arena)
{
    struct tb_collection *all;
    size_t n;
    return tb_catalog_list(x->ix->pg, x->ix->cfg, arena, &all, &n, NULL) == TB_OK && n &&
           all[0].state == TB_COLLECTION_ACTIVE && tb_str_eq(all[0].name, x->ix->collection);
}

static enum tb_rc switch_over(struct tb_reindex *x, struct tb_error *err)
{
    int64_t behind = -1;
    for (x->attempts = 1; x->attempts <= SWITCHES_MAX; x->attempts++) {
        struct tb_arena *arena = tb_arena_new(0);
        enum tb_rc rc =
            arena ? tb_indexer_connect(x->ix, err) : tb_fail(err, TB_ENOMEM, "out of memory");
        if (rc == TB_OK) {
            rc = tb_catalog_switch(x->ix->pg, x->ix->cfg, x->from, x->ix->collection, FREEZE_MS,
                                   arena, &behind, err);
        }
        bool done = (rc == TB_OK && behind == 0) ||
                    (rc == TB_ECONFLICT && x->attempts > 1 && is_active(x, arena));
        tb_arena_free(arena);
        if (done) {
            return TB_OK;
        }
        if (rc == TB_ECONFLICT || rc == TB_ENOMEM) {
            return rc;
        }
        if (rc != TB_OK) { /* not known whether it took place: the next attempt says so */
            rc = tb_indexer_retry_pg(x->ix, rc, err);
        }
        rc = rc == TB_OK ? fill(x, err) : rc;
        if (rc != TB_OK) {
            return rc;
        }
    }
    return tb_fail(err, TB_ECONFLICT,
                   "%lld tickets are newer in the old collection, again and again: do all indexers"
                   " run this version?",
                   (long long)behind);
}

enum tb_rc tb_reindex_run(struct tb_reindex *x, struct tb_error *err)
{
    enum tb_rc rc = tb_indexer_prepare_store(x->ix, err);
    rc = rc == TB_OK ? fill(x, err) : rc;
    rc = rc == TB_OK ? prove(x, err) : rc;
    rc = rc == TB_OK ? switch_over(x, err) : rc;
    return rc == TB_OK ? take_alias(x, err) : rc;
}
