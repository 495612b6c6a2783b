#include "indexer/shell/usage.h"

#include <stdlib.h>

#include "common/metrics/metrics.h"

enum { PRICE_DIGITS = 6 };

/* Ordered, so that indexers that write the same workflows wait for each other and no more. */
static const char usage_sql[] =
    "INSERT INTO index_usage AS u (workflow_id, model, day, chunks, tokens, cost)"
    " SELECT w.workflow, $1, (now() AT TIME ZONE 'UTC')::date, sum(w.chunks), sum(w.tokens),"
    " sum(w.tokens) * $2::numeric / 1000000"
    " FROM unnest($3::text[], $4::bigint[], $5::bigint[]) AS w(workflow, chunks, tokens)"
    " GROUP BY w.workflow ORDER BY w.workflow"
    " ON CONFLICT (workflow_id, model, day) DO UPDATE SET chunks = u.chunks + excluded.chunks,"
    " tokens = u.tokens + excluded.tokens, cost = u.cost + excluded.cost";

enum tb_rc tb_usage_check_price(tb_str text, struct tb_error *err)
{
    size_t whole = 0;
    size_t part = 0;
    bool dot = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '.' && !dot) {
            dot = true;
        } else if (c >= '0' && c <= '9') {
            *(dot ? &part : &whole) += 1;
        } else {
            whole = 0;
            break;
        }
    }
    if (whole < 1 || whole > PRICE_DIGITS || part > PRICE_DIGITS || (dot && part == 0)) {
        return tb_fail_field(err, TB_EINVAL, "EMBEDDING_PRICE",
                             "EMBEDDING_PRICE must be a decimal number like 0.02");
    }
    return TB_OK;
}

enum tb_rc tb_usage_add(struct tb_pg *pg, const struct tb_state_into *into,
                        const struct tb_indexed *items, size_t n, struct tb_arena *arena,
                        struct tb_error *err)
{
    tb_str *workflows = TB_NEW_N(arena, tb_str, n + 1);
    int64_t *chunks = TB_NEW_N(arena, int64_t, n + 1);
    int64_t *tokens = TB_NEW_N(arena, int64_t, n + 1);
    size_t k = 0;
    if (!workflows || !chunks || !tokens) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        if (items[i].embedded) {
            workflows[k] = items[i].row->payload.workflow_id;
            chunks[k] = items[i].embedded;
            tokens[k++] = items[i].tokens;
        }
    }
    if (k == 0) {
        return TB_OK;
    }
    struct tb_pg_params p;
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, into->model->name);
    tb_pg_add_str(&p, into->price);
    tb_pg_add_strs(&p, workflows, k);
    tb_pg_add_ints(&p, chunks, k);
    tb_pg_add_ints(&p, tokens, k);
    return tb_pg_pipeline_add(pg, "ix_usage", usage_sql, &p, err);
}

void tb_usage_tell(tb_str price, const struct tb_indexed *items, size_t n, struct tb_arena *arena)
{
    /* Of a million tokens: of one in millionths. */
    double each = strtod(price.ptr, NULL) * 1000;
    for (size_t i = 0; i < n; i++) {
        tb_str workflow = tb_arena_str(arena, items[i].row->payload.workflow_id);
        if (items[i].embedded && !tb_str_is_null(workflow)) {
            tb_metric_add(TB_M(EMBED_TOKENS), workflow.ptr, items[i].tokens);
            tb_metric_add(TB_M(EMBED_COST), workflow.ptr,
                          (int64_t)((double)items[i].tokens * each + 0.5));
        }
    }
}
