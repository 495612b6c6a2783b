/* The switch from one collection to another, and forgetting what is no longer needed. */
#include <time.h>

#include "common/base/clock.h"
#include "indexer/catalog/catalog.h"

enum { STEP_MS = 50 };

/* A deleted ticket that `to` never knew has no points there. */
static const char behind_sql[] =
    "SELECT count(*) FROM index_state o LEFT JOIN index_state n ON n.collection = $2"
    " AND n.ticket_id = o.ticket_id WHERE o.collection = $1"
    " AND coalesce(n.version, 0) < o.version AND NOT (n.version IS NULL AND o.is_deleted)";

static const char freeze_sql[] =
    "SELECT pg_advisory_xact_lock(hashtextextended('ticketbus.switch.' || $1, 0))";

static const char retire_sql[] =
    "UPDATE index_collections SET state = 'retired', since = now()"
    " WHERE store = $1 AND alias = $2 AND name = $3 AND state = 'active'";

static const char activate_sql[] =
    "UPDATE index_collections SET state = 'active', since = now()"
    " WHERE store = $1 AND alias = $2 AND name = $3 AND state = 'filling'";

/* For pgvector the alias is a row: it goes with the same transaction. */
static const char alias_sql[] =
    "UPDATE vector_aliases SET collection = $3 WHERE $1 = 'pgvector' AND alias = $2";

static enum tb_rc behind(struct tb_pg *pg, tb_str from, tb_str to, struct tb_arena *arena,
                         int64_t *ret, struct tb_error *err)
{
    struct tb_pg_params p;
    struct tb_pg_result *r;
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, from);
    tb_pg_add_str(&p, to);
    enum tb_rc rc = tb_pg_exec(pg, behind_sql, &p, &r, err);
    if (rc == TB_OK) {
        *ret = tb_pg_int(r, 0, 0);
        tb_pg_result_free(r);
    }
    return rc;
}

static enum tb_rc move(struct tb_pg *pg, const struct tb_config *cfg, const char *sql, tb_str name,
                       bool must, struct tb_arena *arena, struct tb_error *err)
{
    struct tb_pg_params p;
    struct tb_pg_result *r;
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, tb_str_of(tb_config_str(cfg, TB_CFG(STORE))));
    tb_pg_add_str(&p, tb_str_of(tb_config_str(cfg, TB_CFG(QDRANT_COLLECTION))));
    tb_pg_add_str(&p, name);
    enum tb_rc rc = tb_pg_exec(pg, sql, &p, &r, err);
    if (rc == TB_OK && must && tb_pg_affected(r) != 1) {
        rc = tb_fail(err, TB_ECONFLICT, "%.*s is not what it was: see ticketctl index status",
                     TB_ARG(name));
    }
    tb_pg_result_free(r);
    return rc;
}

static enum tb_rc try_switch(struct tb_pg *pg, const struct tb_config *cfg, tb_str from, tb_str to,
                             int64_t wait_ms, struct tb_arena *arena, int64_t *ret_behind,
                             struct tb_error *err)
{
    struct tb_pg_params p;
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, from);
    int64_t until = tb_clock_mono_us() + wait_ms * 1000;
    enum tb_rc rc = tb_pg_exec(pg, freeze_sql, &p, NULL, err);
    while (rc == TB_OK) {
        rc = behind(pg, from, to, arena, ret_behind, err);
        if (rc != TB_OK || *ret_behind == 0 || tb_clock_mono_us() > until) {
            break;
        }
        struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
        (void)nanosleep(&step, NULL);
    }
    if (rc != TB_OK || *ret_behind) {
        return rc;
    }
    rc = move(pg, cfg, retire_sql, from, true, arena, err);
    rc = rc == TB_OK ? move(pg, cfg, activate_sql, to, true, arena, err) : rc;
    rc = rc == TB_OK ? move(pg, cfg, alias_sql, to, false, arena, err) : rc;
    return rc == TB_OK ? tb_pg_exec(pg, "COMMIT", NULL, NULL, err) : rc;
}

enum tb_rc tb_catalog_switch(struct tb_pg *pg, const struct tb_config *cfg, tb_str from, tb_str to,
                             int64_t wait_ms, struct tb_arena *arena, int64_t *ret_behind,
                             struct tb_error *err)
{
    struct tb_error ignored;
    *ret_behind = -1;
    enum tb_rc rc = tb_pg_exec(pg, "BEGIN", NULL, NULL, err);
    rc = rc == TB_OK ? try_switch(pg, cfg, from, to, wait_ms, arena, ret_behind, err) : rc;
    if (rc != TB_OK || *ret_behind) {
        enum tb_rc back = tb_pg_rollback(pg, rc == TB_OK ? err : &ignored);
        rc = rc == TB_OK ? back : rc;
    }
    return rc;
}

enum tb_rc tb_catalog_retire(struct tb_pg *pg, const struct tb_config *cfg, tb_str name,
                             struct tb_arena *arena, struct tb_error *err)
{
    return move(pg, cfg,
                "UPDATE index_collections SET state = 'retired', since = now()"
                " WHERE store = $1 AND alias = $2 AND name = $3 AND state = 'filling'",
                name, true, arena, err);
}

enum tb_rc tb_catalog_forget(struct tb_pg *pg, const struct tb_config *cfg, tb_str name,
                             struct tb_arena *arena, struct tb_error *err)
{
    static const char state_sql[] =
        "DELETE FROM index_state WHERE collection = $1 AND ticket_id IN"
        " (SELECT ticket_id FROM index_state WHERE collection = $1 LIMIT 5000)";
    enum tb_rc rc = move(pg, cfg,
                         "DELETE FROM index_collections WHERE store = $1 AND alias = $2"
                         " AND name = $3 AND state <> 'active'",
                         name, true, arena, err);
    for (int64_t n = 1; rc == TB_OK && n;) {
        struct tb_pg_params p;
        struct tb_pg_result *r;
        tb_pg_params_init(&p, arena);
        tb_pg_add_str(&p, name);
        rc = tb_pg_exec(pg, state_sql, &p, &r, err);
        n = rc == TB_OK ? tb_pg_affected(r) : 0;
        if (rc == TB_OK) {
            tb_pg_result_free(r);
        }
    }
    if (rc == TB_OK) {
        struct tb_pg_params p;
        tb_pg_params_init(&p, arena);
        tb_pg_add_str(&p, name);
        rc = tb_pg_exec(pg, "DELETE FROM index_passes WHERE collection = $1", &p, NULL, err);
        rc = rc == TB_OK
                 ? tb_pg_exec(pg, "DELETE FROM index_refused WHERE collection = $1", &p, NULL, err)
                 : rc;
    }
    return rc;
}
