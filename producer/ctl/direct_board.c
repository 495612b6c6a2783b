/* Boards, by SQL. */
#include "producer/ctl/direct.h"
#include "producer/ctl/tickets.h"

/* The columns in their order, with what they hold. */
static const char sql_columns[] =
    "SELECT c.v->>'id', COALESCE(c.v->>'name', c.v->>'id'), c.v->>'color',"
    "  COALESCE((c.v->>'wip_limit')::bigint, 0),"
    "  (SELECT count(*) FROM tickets t WHERE t.workflow_id = b.workflow_id AND NOT t.is_deleted"
    "    AND t.status = c.v->>'id')"
    " FROM board_configs b, jsonb_array_elements(b.columns) WITH ORDINALITY c(v, n)"
    " WHERE b.workflow_id = $1 ORDER BY COALESCE((c.v->>'order')::bigint, c.n), c.n";

static const char sql_board[] =
    "SELECT workflow_id, id, name, version, columns, ticket_types, default_ticket_type,"
    "  initial_status, settings, created_at, updated_at FROM board_configs WHERE workflow_id = $1";

/* The first tickets of each column by urgency, then by age. $2 is the number of each column. */
static tb_str cards_sql(struct ctl *ctl, struct tb_pg_params *p)
{
    tb_buf sql;
    tb_buf_init(&sql, 20000);
    tb_buf_printf(&sql,
                  "SELECT %s FROM (SELECT t.*, row_number() OVER (PARTITION BY t.status ORDER BY"
                  "  COALESCE((SELECT p.n FROM jsonb_array_elements_text(b.settings->'priorities')"
                  "   WITH ORDINALITY p(v, n) WHERE p.v = t.priority), 100000),"
                  "  t.created_at, t.id) AS place"
                  " FROM tickets t JOIN board_configs b ON b.workflow_id = t.workflow_id"
                  " WHERE t.workflow_id = $1 AND NOT t.is_deleted",
                  ctl_ticket_columns);
    ctl_filter_sql(&ctl->args, &sql, p);
    tb_buf_add_c(&sql, ") t WHERE t.place <= $2 ORDER BY t.status, t.place");
    tb_str taken = tb_buf_take(&sql, ctl->arena);
    tb_buf_dispose(&sql);
    return taken;
}

enum tb_rc ctl_direct_board(struct ctl *ctl, tb_str workflow, int64_t limit,
                            struct ctl_board_view *ret, struct tb_error *err)
{
    struct tb_pg_params p;
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_str(&p, workflow);
    enum tb_rc rc = ctl_rows_query(ctl, sql_board, &p, "sssijjssjtt", &ret->board, err);
    if (rc == TB_OK && ret->board.n == 0) {
        rc = tb_fail(err, TB_ENOTFOUND, "the workflow %.*s has no board (ticketctl boards)",
                     TB_ARG(workflow));
    }
    rc = rc == TB_OK ? ctl_rows_query(ctl, sql_columns, &p, "sssii", &ret->columns, err) : rc;
    tb_pg_add_int(&p, limit);
    tb_str sql = cards_sql(ctl, &p);
    return rc == TB_OK ? ctl_rows_query(ctl, sql.ptr, &p, ctl_ticket_kinds, &ret->cards, err) : rc;
}

static const char sql_boards[] =
    "SELECT b.workflow_id, b.name, b.version,"
    "  (SELECT string_agg(c.v->>'id', ', ' ORDER BY c.n)"
    "   FROM jsonb_array_elements(b.columns) WITH ORDINALITY c(v, n)) AS columns,"
    "  count(t.id) AS tickets, count(t.id) FILTER (WHERE t.is_resolved) AS resolved,"
    "  count(t.id) FILTER (WHERE t.is_blocked) AS blocked"
    " FROM board_configs b LEFT JOIN tickets t ON t.workflow_id = b.workflow_id"
    "  AND NOT t.is_deleted GROUP BY b.id ORDER BY b.workflow_id";

enum tb_rc ctl_direct_boards(struct ctl *ctl, struct ctl_rows *ret, struct tb_error *err)
{
    return ctl_rows_query(ctl, sql_boards, NULL, "ssisiii", ret, err);
}
