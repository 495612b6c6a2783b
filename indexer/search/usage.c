/* What embedding has cost. */
#include "indexer/search/internal.h"

static const char usage_sql[] =
    "SELECT workflow_id, model, sum(chunks)::bigint, sum(tokens)::bigint, round(sum(cost), 6)::text"
    " FROM index_usage"
    " WHERE $1 = 0 OR day > (now() AT TIME ZONE 'UTC')::date - $1::int"
    " GROUP BY workflow_id, model ORDER BY sum(cost) DESC, sum(tokens) DESC, workflow_id, model"
    " LIMIT $2";

enum tb_rc tb_index_usage_read(struct tb_search *s, int64_t days, size_t max,
                               struct tb_arena *arena, struct tb_index_usage **ret, size_t *ret_n,
                               struct tb_error *err)
{
    struct tb_pg_params p;
    struct tb_pg_result *r;
    tb_pg_params_init(&p, arena);
    tb_pg_add_int(&p, days);
    tb_pg_add_int(&p, (int64_t)max);
    *ret_n = 0;
    enum tb_rc rc = tb_search_exec(s, usage_sql, &p, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    size_t n = (size_t)tb_pg_rows(r);
    *ret = TB_NEW_N(arena, struct tb_index_usage, n + 1);
    for (size_t i = 0; *ret && i < n; i++) {
        (*ret)[i] = (struct tb_index_usage){.workflow_id = tb_pg_str_in(r, (int)i, 0, arena),
                                            .model = tb_pg_str_in(r, (int)i, 1, arena),
                                            .chunks = tb_pg_int(r, (int)i, 2),
                                            .tokens = tb_pg_int(r, (int)i, 3),
                                            .cost = tb_pg_str_in(r, (int)i, 4, arena)};
    }
    tb_pg_result_free(r);
    *ret_n = n;
    return tb_arena_failed(arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}
