/* Collections, their tables, and the alias. */
#include "common/base/log.h"
#include "indexer/store/pgvector_internal.h"

/* One at a time: CREATE TABLE IF NOT EXISTS of two sessions can fail. */
static const char lock_sql[] =
    "SELECT pg_advisory_xact_lock(hashtextextended('ticketbus.vectors', 0))";

static const char register_sql[] =
    "INSERT INTO vector_collections (name, dim) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";

static const char *const tables_sql[] = {
    "CREATE TABLE IF NOT EXISTS %P ("
    " id uuid PRIMARY KEY, ticket_id text NOT NULL, version bigint NOT NULL,"
    " workflow_id text NOT NULL, status text, ticket_type text, priority text, assignee text,"
    " tags jsonb, is_blocked boolean, is_resolved boolean, is_deleted boolean NOT NULL,"
    " created_at bigint, updated_at bigint, kind text, comment_id text, chunk int, hash text)",
    "CREATE INDEX IF NOT EXISTS %P_ticket ON %P (ticket_id, version)",
    "CREATE INDEX IF NOT EXISTS %P_workflow ON %P (workflow_id, status)",
    "CREATE INDEX IF NOT EXISTS %P_assignee ON %P (assignee) WHERE assignee IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS %P_tags ON %P USING gin (tags jsonb_path_ops)",
};

static enum tb_rc create(struct tb_pgvector *p, struct tb_arena *arena, struct tb_error *err)
{
    struct tb_pg_params params;
    tb_pg_params_init(&params, arena);
    tb_pg_add_str(&params, tb_str_of(p->collection));
    tb_pg_add_int(&params, p->dim);
    enum tb_rc rc = tb_pgvector_exec(p, "BEGIN", NULL, arena, NULL, err);
    rc = rc == TB_OK ? tb_pgvector_exec(p, lock_sql, NULL, arena, NULL, err) : rc;
    rc = rc == TB_OK ? tb_pgvector_exec(p, register_sql, &params, arena, NULL, err) : rc;
    rc = rc == TB_OK ? tb_pgvector_open(p, arena, err) : rc;
    for (size_t i = 0; i < TB_COUNT(tables_sql) && rc == TB_OK; i++) {
        rc = tb_pgvector_exec(p, tables_sql[i], NULL, arena, NULL, err);
    }
    tb_str vectors = tb_arena_printf(
        arena,
        "CREATE TABLE IF NOT EXISTS %%V (id uuid PRIMARY KEY REFERENCES %%P ON DELETE CASCADE,"
        " embedding %%T(%lld) NOT NULL)",
        (long long)p->dim);
    if (rc == TB_OK) {
        rc = vectors.ptr ? tb_pgvector_exec(p, vectors.ptr, NULL, arena, NULL, err)
                         : tb_fail(err, TB_ENOMEM, "out of memory");
    }
    if (rc == TB_OK) {
        rc = tb_pgvector_exec(p,
                              "CREATE INDEX IF NOT EXISTS %V_hnsw ON %V"
                              " USING hnsw (embedding %T_cosine_ops)",
                              NULL, arena, NULL, err);
    }
    rc = rc == TB_OK ? tb_pgvector_exec(p, "COMMIT", NULL, arena, NULL, err) : rc;
    if (rc != TB_OK) { /* what was registered is rolled back with its number */
        p->number = 0;
        struct tb_error ignored;
        if (p->pg && tb_pg_rollback(p->pg, &ignored) != TB_OK) {
            tb_pg_free(p->pg);
            p->pg = NULL;
        }
    }
    return rc;
}

static enum tb_rc point_alias(struct tb_pgvector *p, bool take, struct tb_arena *arena,
                              struct tb_error *err)
{
    struct tb_pg_params params;
    tb_pg_params_init(&params, arena);
    tb_pg_add_str(&params, tb_str_of(p->alias));
    tb_pg_add_str(&params, tb_str_of(p->collection));
    return tb_pgvector_exec(
        p,
        take ? "INSERT INTO vector_aliases (alias, collection) VALUES ($1, $2)"
               " ON CONFLICT (alias) DO UPDATE SET collection = EXCLUDED.collection"
             : "INSERT INTO vector_aliases (alias, collection) VALUES ($1, $2)"
               " ON CONFLICT (alias) DO NOTHING",
        &params, arena, NULL, err);
}

enum tb_rc tb_pgvector_ensure(struct tb_store *s, bool take_alias, struct tb_error *err)
{
    struct tb_pgvector *p = (struct tb_pgvector *)s;
    struct tb_arena *arena = tb_arena_new(0);
    if (!arena) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    enum tb_rc rc = tb_pgvector_open(p, arena, err);
    if (rc == TB_OK || rc == TB_ENOTFOUND) {
        rc = create(p, arena, err);
    }
    rc = rc == TB_OK ? point_alias(p, take_alias, arena, err) : rc;
    if (rc == TB_OK && !p->told) {
        tb_log_info("vectors are kept in Postgres, pgvector %s; guard: ON CONFLICT DO UPDATE WHERE",
                    p->version);
        if (p->may_damage) {
            tb_log_warn("pgvector before 0.8.4 can damage its index while vacuuming: update it");
        }
        p->told = true;
    }
    tb_arena_free(arena);
    return rc;
}

enum tb_rc tb_pgvector_alias(struct tb_store *s, struct tb_arena *arena, tb_str *ret,
                             struct tb_error *err)
{
    struct tb_pgvector *p = (struct tb_pgvector *)s;
    struct tb_pg_params params;
    struct tb_pg_result *r = NULL;
    *ret = TB_STR_NULL;
    tb_pg_params_init(&params, arena);
    tb_pg_add_str(&params, tb_str_of(p->alias));
    enum tb_rc rc = tb_pgvector_connect(p, err);
    if (rc == TB_OK) {
        rc = tb_pgvector_exec(p, "SELECT collection FROM vector_aliases WHERE alias = $1", &params,
                              arena, &r, err);
    }
    if (rc == TB_OK && tb_pg_rows(r)) {
        *ret = tb_pg_str_in(r, 0, 0, arena);
    }
    tb_pg_result_free(r);
    return rc;
}

enum tb_rc tb_pgvector_drop(struct tb_store *s, struct tb_error *err)
{
    struct tb_pgvector *p = (struct tb_pgvector *)s;
    struct tb_arena *arena = tb_arena_new(0);
    if (!arena) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    struct tb_pg_params params;
    tb_pg_params_init(&params, arena);
    tb_pg_add_str(&params, tb_str_of(p->collection));
    enum tb_rc rc = tb_pgvector_open(p, arena, err);
    rc = rc == TB_OK ? tb_pgvector_exec(p, "BEGIN", NULL, arena, NULL, err) : rc;
    rc = rc == TB_OK ? tb_pgvector_exec(p, "DELETE FROM vector_aliases WHERE collection = $1",
                                        &params, arena, NULL, err)
                     : rc;
    rc = rc == TB_OK ? tb_pgvector_exec(p, "DELETE FROM vector_collections WHERE name = $1",
                                        &params, arena, NULL, err)
                     : rc;
    rc = rc == TB_OK ? tb_pgvector_exec(p, "DROP TABLE %V, %P", NULL, arena, NULL, err) : rc;
    rc = rc == TB_OK ? tb_pgvector_exec(p, "COMMIT", NULL, arena, NULL, err) : rc;
    p->number = 0;
    tb_arena_free(arena);
    return rc == TB_ENOTFOUND ? TB_OK : rc;
}
