#include "indexer/shell/refused.h"

static void add_row(struct tb_pg_params *p, const struct tb_indexer *ix, const struct tb_row *row,
                    struct tb_arena *arena)
{
    tb_pg_params_init(p, arena);
    tb_pg_add_str(p, ix->collection);
    tb_pg_add_str(p, row->payload.ticket_id);
    tb_pg_add_int(p, row->payload.version);
    tb_pg_add_str(p, ix->recipe_name);
}

enum tb_rc tb_refused_known(struct tb_indexer *ix, const struct tb_row *row, struct tb_arena *arena,
                            bool *ret, struct tb_error *err)
{
    struct tb_pg_params p;
    struct tb_pg_result *r;
    add_row(&p, ix, row, arena);
    enum tb_rc rc = tb_indexer_ask(ix,
                                   "SELECT 1 FROM index_refused WHERE collection = $1 AND"
                                   " ticket_id = $2 AND version = $3 AND recipe = $4",
                                   &p, &r, err);
    if (rc == TB_OK) {
        *ret = tb_pg_rows(r) > 0;
        tb_pg_result_free(r);
    }
    return rc;
}

enum tb_rc tb_refused_remember(struct tb_indexer *ix, const struct tb_row *row, const char *stage,
                               struct tb_arena *arena, struct tb_error *err)
{
    struct tb_pg_params p;
    add_row(&p, ix, row, arena);
    tb_pg_add_str(&p, tb_str_of(stage));
    return tb_indexer_ask(ix,
                          "INSERT INTO index_refused AS f (collection, ticket_id, version, recipe,"
                          " stage) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (collection, ticket_id)"
                          " DO UPDATE SET version = excluded.version, recipe = excluded.recipe,"
                          " stage = excluded.stage, refused_at = now()"
                          " WHERE f.version <= excluded.version",
                          &p, NULL, err);
}

enum tb_rc tb_refused_sweep(struct tb_indexer *ix, struct tb_arena *arena, struct tb_error *err)
{
    struct tb_pg_params p;
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, ix->collection);
    return tb_indexer_ask(ix,
                          "DELETE FROM index_refused f WHERE f.collection = $1 AND (NOT EXISTS"
                          " (SELECT 1 FROM tickets t WHERE t.id = f.ticket_id) OR EXISTS (SELECT 1"
                          " FROM index_state s WHERE s.collection = f.collection AND s.ticket_id ="
                          " f.ticket_id AND s.version >= f.version AND s.recipe = f.recipe))",
                          &p, NULL, err);
}
