/* board: a workflow's columns with their tickets. boards: the list of boards. */
#include <stdio.h>
#include <string.h>

#include "producer/ctl/grid.h"
#include "producer/ctl/kanban.h"
#include "producer/ctl/rows.h"
#include "producer/ctl/tickets.h"
#include "producer/ctl/verbs.h"

static enum tb_rc pick_workflow(struct ctl *ctl, tb_str *ret, struct tb_error *err)
{
    if (ctl->args.nargs) {
        *ret = ctl->args.args[0];
        return TB_OK;
    }
    struct tb_pg_result *r = NULL;
    enum tb_rc rc =
        ctl_query(ctl, "SELECT workflow_id FROM board_configs ORDER BY 1 LIMIT 8", NULL, &r, err);
    if (rc == TB_OK && tb_pg_rows(r) == 1) {
        *ret = tb_pg_str_in(r, 0, 0, ctl->arena);
    } else if (rc == TB_OK && tb_pg_rows(r) == 0) {
        rc = tb_fail(err, TB_ENOTFOUND, "there is no board yet: ticketctl board put FILE");
    } else if (rc == TB_OK) {
        char all[400] = "";
        for (int i = 0; i < tb_pg_rows(r); i++) {
            size_t used = strlen(all);
            (void)snprintf(all + used, sizeof all - used, "%s%.*s", i ? ", " : "",
                           TB_ARG(tb_pg_str(r, i, 0)));
        }
        rc = tb_fail(err, TB_EINVAL, "which board? ticketctl board WORKFLOW, one of: %s", all);
    }
    tb_pg_result_free(r);
    return rc;
}

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

struct view {
    struct tb_pg_result *board;
    struct tb_pg_result *columns;
    struct tb_pg_result *cards;
};

static enum tb_rc view_read(struct ctl *ctl, struct view *v, struct tb_error *err)
{
    tb_str workflow = TB_STR_NULL;
    int64_t limit;
    struct tb_pg_params p;
    tb_pg_params_init(&p, ctl->arena);
    enum tb_rc rc = ctl_opt_int(&ctl->args, "limit", 0, 10000, 20, &limit, err);
    rc = rc == TB_OK ? pick_workflow(ctl, &workflow, err) : rc;
    if (rc != TB_OK) {
        return rc;
    }
    tb_pg_add_str(&p, workflow);
    rc = ctl_query(ctl, sql_board, &p, &v->board, err);
    if (rc == TB_OK && tb_pg_rows(v->board) == 0) {
        rc = tb_fail(err, TB_ENOTFOUND, "the workflow %.*s has no board (ticketctl boards)",
                     TB_ARG(workflow));
    }
    rc = rc == TB_OK ? ctl_query(ctl, sql_columns, &p, &v->columns, err) : rc;
    tb_pg_add_int(&p, limit);
    tb_str sql = cards_sql(ctl, &p);
    return rc == TB_OK ? ctl_query(ctl, sql.ptr, &p, &v->cards, err) : rc;
}

static bool in_column(const struct view *v, int card, int column)
{
    return tb_str_eq(tb_pg_str(v->cards, card, CTL_COL(STATUS)), tb_pg_str(v->columns, column, 0));
}

static void print_json(struct ctl *ctl, const struct view *v)
{
    struct tb_json w = {.buf = &ctl->out};
    tb_json_open(&w, '{');
    tb_json_key(&w, "board");
    ctl_row_json(&w, v->board, 0, "sssijjssjtt");
    tb_json_key(&w, "columns");
    tb_json_open(&w, '[');
    for (int c = 0; c < tb_pg_rows(v->columns); c++) {
        tb_json_open(&w, '{');
        tb_json_key(&w, "id");
        tb_json_string(&w, tb_pg_str(v->columns, c, 0));
        tb_json_key(&w, "count");
        tb_json_int(&w, tb_pg_int(v->columns, c, 4));
        tb_json_key(&w, "tickets");
        tb_json_open(&w, '[');
        for (int i = 0; i < tb_pg_rows(v->cards); i++) {
            if (in_column(v, i, c)) {
                ctl_ticket_json(&w, v->cards, i, false);
            }
        }
        tb_json_close(&w, ']');
        tb_json_close(&w, '}');
    }
    tb_json_close(&w, ']');
    tb_json_close(&w, '}');
    tb_buf_add_char(&ctl->out, '\n');
}

static void print_board(struct ctl *ctl, const struct view *v)
{
    size_t n = (size_t)tb_pg_rows(v->columns);
    struct ctl_lane *lanes = TB_NEW_N(ctl->arena, struct ctl_lane, n);
    struct ctl_card *cards = TB_NEW_N(ctl->arena, struct ctl_card, (size_t)tb_pg_rows(v->cards));
    size_t used = 0;
    for (size_t c = 0; lanes && cards && c < n; c++) {
        lanes[c] = (struct ctl_lane){.name = tb_pg_str(v->columns, (int)c, 1),
                                     .color = ctl_color_named(tb_pg_str(v->columns, (int)c, 2)),
                                     .wip_limit = tb_pg_int(v->columns, (int)c, 3),
                                     .count = tb_pg_int(v->columns, (int)c, 4),
                                     .cards = cards + used};
        for (int i = 0; i < tb_pg_rows(v->cards); i++) {
            if (!in_column(v, i, (int)c)) {
                continue;
            }
            cards[used++] = (struct ctl_card){
                .id = ctl_ticket_short(ctl, tb_pg_str(v->cards, i, CTL_COL_ID),
                                       tb_pg_str(v->cards, i, CTL_COL(EXTERNAL_ID))),
                .title = tb_pg_str(v->cards, i, CTL_COL(TITLE)),
                .priority = tb_pg_str(v->cards, i, CTL_COL(PRIORITY)),
                .assignee = tb_pg_str(v->cards, i, CTL_COL(ASSIGNED_AGENT_ID)),
                .blocked = tb_pg_bool(v->cards, i, CTL_COL(IS_BLOCKED))};
            lanes[c].ncards++;
        }
    }
    ctl_text_cell(&ctl->out, &ctl->term, CTL_BOLD, tb_pg_str(v->board, 0, 2), 0, 0);
    tb_buf_printf(&ctl->out, " (workflow %.*s, version %.*s)\n\n",
                  TB_ARG(tb_pg_str(v->board, 0, 0)), TB_ARG(tb_pg_str(v->board, 0, 3)));
    if (lanes && cards) {
        ctl_kanban_render(lanes, n, &ctl->term, ctl->arena, &ctl->out);
    }
}

int ctl_run_board(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct view v = {0};
    enum tb_rc rc = view_read(ctl, &v, &err);
    if (rc == TB_OK && ctl->json) {
        print_json(ctl, &v);
    } else if (rc == TB_OK) {
        print_board(ctl, &v);
    }
    tb_pg_result_free(v.board);
    tb_pg_result_free(v.columns);
    tb_pg_result_free(v.cards);
    return rc == TB_OK ? CTL_DONE : ctl_fail(&err);
}

int ctl_run_boards(struct ctl *ctl)
{
    static const char *const heads[] = {"WORKFLOW", "NAME",     "VERSION", "COLUMNS",
                                        "TICKETS",  "RESOLVED", "BLOCKED", NULL};
    struct tb_error err = {0};
    struct tb_pg_result *r = NULL;
    enum tb_rc rc =
        ctl_query(ctl,
                  "SELECT b.workflow_id, b.name, b.version,"
                  "  (SELECT string_agg(c.v->>'id', ', ' ORDER BY c.n)"
                  "   FROM jsonb_array_elements(b.columns) WITH ORDINALITY c(v, n)) AS columns,"
                  "  count(t.id) AS tickets, count(t.id) FILTER (WHERE t.is_resolved) AS resolved,"
                  "  count(t.id) FILTER (WHERE t.is_blocked) AS blocked"
                  " FROM board_configs b LEFT JOIN tickets t ON t.workflow_id = b.workflow_id"
                  "  AND NOT t.is_deleted GROUP BY b.id ORDER BY b.workflow_id",
                  NULL, &r, &err);
    if (rc == TB_OK && ctl->json) {
        struct tb_json w = {.buf = &ctl->out};
        ctl_rows_json(&w, r, "ssisiii");
        tb_buf_add_char(&ctl->out, '\n');
    } else if (rc == TB_OK) {
        struct ctl_grid grid;
        ctl_grid_init(&grid, ctl->arena, heads);
        for (int i = 0; i < tb_pg_rows(r); i++) {
            for (int c = 0; c < tb_pg_columns(r); c++) {
                ctl_grid_add(&grid, tb_pg_str(r, i, c), c == 0 ? CTL_CYAN : CTL_PLAIN);
            }
        }
        ctl_grid_render(&grid, &ctl->term, &ctl->out);
    }
    tb_pg_result_free(r);
    return rc == TB_OK ? CTL_DONE : ctl_fail(&err);
}
