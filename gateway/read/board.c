/* get_board and list_workflows. */
#include "gateway/read/internal.h"

#define BOARD                                                                                      \
    "SELECT b.workflow_id, b.name, b.columns, b.ticket_types, b.default_ticket_type,"              \
    " b.initial_status, b.settings, b.version, b.created_at, b.updated_at, b.id AS board_id"       \
    " FROM board_configs b"
#define BOARD_KINDS "ssjjssjitts"

bool tb_plan_board(const struct tb_read *read, struct tb_plan *plan, struct tb_reply *ret)
{
    const struct tb_board_params *p = read->params;
    (void)ret;
    struct tb_pg_params *params =
        tb_plan_add(plan, "board", BOARD " WHERE b.workflow_id = $1", read->arena);
    tb_pg_add_str(params, p->workflow_id);
    params = tb_plan_add(plan, "board_counts",
                         "SELECT t.status, count(*) FROM tickets t WHERE t.workflow_id = $1"
                         " AND NOT t.is_deleted GROUP BY t.status",
                         read->arena);
    tb_pg_add_str(params, p->workflow_id);
    return true;
}

void tb_render_board(const struct tb_read *read, struct tb_pg_result *const *results, tb_buf *out,
                     struct tb_reply *ret)
{
    const struct tb_board_params *p = read->params;
    if (tb_pg_rows(results[0]) == 0 || !tb_caller_may_touch(read->caller, p->workflow_id)) {
        tb_read_missing(read, ret, "workflow_id", "board", p->workflow_id);
        ret->hidden = tb_pg_rows(results[0]) > 0;
        return;
    }
    ret->version = tb_pg_int(results[0], 0, 7);
    struct tb_json w = {.buf = out};
    tb_json_open(&w, '{');
    tb_row_members(&w, results[0], 0, BOARD_KINDS);
    tb_json_key(&w, "counts");
    tb_json_open(&w, '{');
    for (int i = 0; i < tb_pg_rows(results[1]); i++) {
        tb_json_key_str(&w, tb_pg_str(results[1], i, 0));
        tb_json_int(&w, tb_pg_int(results[1], i, 1));
    }
    tb_json_close(&w, '}');
    tb_json_close(&w, '}');
}

/* With what each holds; $1 as below. */
static const char sql_counted[] =
    "SELECT b.workflow_id, b.name, b.version, b.updated_at,"
    " (SELECT string_agg(c.v->>'id', ', ' ORDER BY c.n)"
    "  FROM jsonb_array_elements(b.columns) WITH ORDINALITY c(v, n)) AS columns,"
    " count(t.id) AS tickets, count(t.id) FILTER (WHERE t.is_resolved) AS resolved,"
    " count(t.id) FILTER (WHERE t.is_blocked) AS blocked"
    " FROM board_configs b LEFT JOIN tickets t ON t.workflow_id = b.workflow_id"
    "  AND NOT t.is_deleted WHERE $1::text[] IS NULL OR b.workflow_id = ANY($1)"
    " GROUP BY b.id ORDER BY b.workflow_id LIMIT 10000";

bool tb_plan_workflows(const struct tb_read *read, struct tb_plan *plan, struct tb_reply *ret)
{
    const struct tb_workflows_params *p = read->params;
    (void)ret;
    if (p->counts) {
        tb_add_workflows(tb_plan_add(plan, "workflows_counted", sql_counted, read->arena),
                         read->caller);
        return true;
    }
    struct tb_pg_params *params =
        tb_plan_add(plan, "workflows",
                    "SELECT b.workflow_id, b.name, b.version, b.updated_at FROM board_configs b"
                    " WHERE $1::text[] IS NULL OR b.workflow_id = ANY($1)"
                    " ORDER BY b.name, b.workflow_id LIMIT 10000",
                    read->arena);
    tb_add_workflows(params, read->caller);
    return true;
}

void tb_render_workflows(const struct tb_read *read, struct tb_pg_result *const *results,
                         tb_buf *out, struct tb_reply *ret)
{
    const struct tb_workflows_params *p = read->params;
    (void)ret;
    struct tb_json w = {.buf = out};
    tb_json_open(&w, '{');
    tb_json_key(&w, "workflows");
    tb_rows_json(&w, results[0], p->counts ? "ssitsiii" : "ssit");
    tb_json_close(&w, '}');
}
