/* list: tickets by filter, a page at a time. */
#include <stdio.h>
#include <string.h>

#include "producer/ctl/tickets.h"
#include "producer/ctl/verbs.h"

/* Columns to sort by. A priority sorts by its place on the board, most urgent first; every key is
 * made unique by the id, so that a page can go on from a ticket. */
static const struct {
    const char *name;
    const char *sql;
} keys[] = {
    {"created_at", "t.created_at"},
    {"updated_at", "t.updated_at"},
    {"title", "t.title"},
    {"status", "COALESCE((SELECT c.n FROM jsonb_array_elements(b.columns) WITH ORDINALITY c(v, n)"
               " WHERE c.v->>'id' = t.status), 100000)"},
    {"priority", "COALESCE((SELECT p.n FROM jsonb_array_elements_text(b.settings->'priorities')"
                 " WITH ORDINALITY p(v, n) WHERE p.v = t.priority), 100000)"},
    {"id", "t.id"},
};

/* Open, unblocked and nobody's: what an orchestrator may hand out. */
static const char sql_ready[] =
    " AND NOT t.is_resolved AND NOT t.is_deleted AND NOT t.is_blocked"
    " AND t.assigned_agent_id IS NULL"
    " AND b.columns @> jsonb_build_array(jsonb_build_object('id', t.status, 'category', 'open'))"
    " AND NOT EXISTS (SELECT FROM ticket_dependencies d LEFT JOIN tickets o ON o.id = d.depends_on"
    "  WHERE d.ticket_id = t.id AND d.dependency_type = 'blocks'"
    "  AND (o.id IS NULL OR NOT (o.is_resolved OR o.is_deleted)))";

static const char sql_unfinished[] =
    " AND NOT t.is_resolved"
    " AND NOT COALESCE(b.columns @> jsonb_build_array(jsonb_build_object("
    "'id', t.status, 'category', 'done')), false)";

struct page {
    int64_t limit;
    int64_t offset;
    const char *key;
    bool descending;
};

static enum tb_rc read_page(struct ctl *ctl, struct page *p, struct tb_error *err)
{
    tb_str sort = ctl_opt(&ctl->args, "sort");
    tb_str order = ctl_opt(&ctl->args, "order");
    enum tb_rc rc = ctl_opt_int(&ctl->args, "limit", 1, 100000, 50, &p->limit, err);
    rc = rc == TB_OK ? ctl_opt_int(&ctl->args, "offset", 0, INT32_MAX, 0, &p->offset, err) : rc;
    bool ready = ctl_flag(&ctl->args, "ready");
    p->key = ready && tb_str_is_null(sort) ? "priority" : "created_at";
    for (size_t i = 0; i < TB_COUNT(keys); i++) {
        p->key = tb_str_eq_c(sort, keys[i].name) ? keys[i].name : p->key;
    }
    p->descending = tb_str_is_null(order)
                        ? strcmp(p->key, "created_at") == 0 || strcmp(p->key, "updated_at") == 0
                        : tb_str_eq_c(order, "desc");
    return rc;
}

static const char *key_sql(const char *name)
{
    for (size_t i = 0; i < TB_COUNT(keys); i++) {
        if (strcmp(keys[i].name, name) == 0) {
            return keys[i].sql;
        }
    }
    return "t.id";
}

#define FROM " FROM tickets t LEFT JOIN board_configs b ON b.workflow_id = t.workflow_id"

static void add_conditions(struct ctl *ctl, tb_buf *sql, struct tb_pg_params *params)
{
    bool ready = ctl_flag(&ctl->args, "ready");
    tb_buf_add_c(sql, FROM " WHERE true");
    ctl_filter_sql(&ctl->args, sql, params);
    if (!ctl_flag(&ctl->args, "include-deleted")) {
        tb_buf_add_c(sql, " AND NOT t.is_deleted");
    }
    bool by_status = ctl_opt_list(&ctl->args, "status", ctl->arena).n > 0;
    if (!ctl_flag(&ctl->args, "include-completed") && !by_status) {
        tb_buf_add_c(sql, sql_unfinished);
    }
    if (ready) {
        tb_buf_add_c(sql, sql_ready);
    }
}

static enum tb_rc add_page(struct ctl *ctl, const struct page *p, tb_buf *sql,
                           struct tb_pg_params *params, struct tb_error *err)
{
    const char *key = key_sql(p->key);
    const char *way = p->descending ? "DESC" : "ASC";
    tb_str after = ctl_opt(&ctl->args, "after");
    if (!tb_str_is_null(after)) {
        tb_str id;
        enum tb_rc rc = ctl_ticket_id(ctl, after, &id, err);
        if (rc != TB_OK) {
            return rc;
        }
        tb_pg_add_str(params, id);
        tb_buf_printf(sql, " AND (%s, t.id) %s (SELECT %s, t.id" FROM " WHERE t.id = $%d)", key,
                      p->descending ? "<" : ">", key, params->n);
    }
    tb_buf_printf(sql, " ORDER BY %s %s, t.id %s LIMIT %lld OFFSET %lld", key, way, way,
                  (long long)p->limit + 1, (long long)p->offset);
    return TB_OK;
}

static void print_json(struct ctl *ctl, const struct tb_pg_result *r, int rows, bool more,
                       int64_t total)
{
    struct tb_json w = {.buf = &ctl->out};
    tb_json_open(&w, '{');
    tb_json_key(&w, "tickets");
    tb_json_open(&w, '[');
    for (int i = 0; i < rows; i++) {
        ctl_ticket_json(&w, r, i, false);
    }
    tb_json_close(&w, ']');
    tb_json_key(&w, "total");
    tb_json_int(&w, total);
    tb_json_key(&w, "has_more");
    tb_json_bool(&w, more);
    tb_json_key(&w, "next_after");
    tb_json_string(&w, more ? tb_pg_str(r, rows - 1, CTL_COL_ID) : TB_STR_NULL);
    tb_json_close(&w, '}');
    tb_buf_add_char(&ctl->out, '\n');
}

static void print_table(struct ctl *ctl, const struct tb_pg_result *r, int rows, bool more,
                        int64_t total)
{
    static const char *const heads[] = {"TICKET",   "TYPE",    "PRIORITY", "STATUS",
                                        "ASSIGNEE", "UPDATED", "TITLE",    NULL};
    struct ctl_grid grid;
    ctl_grid_init(&grid, ctl->arena, heads);
    for (int i = 0; i < rows; i++) {
        tb_str id = tb_pg_str(r, i, CTL_COL_ID);
        ctl_grid_add(&grid, ctl_ticket_short(ctl, id, tb_pg_str(r, i, CTL_COL(EXTERNAL_ID))),
                     CTL_CYAN);
        ctl_grid_add(&grid, tb_pg_str(r, i, CTL_COL(TICKET_TYPE)), CTL_PLAIN);
        ctl_grid_add(&grid, tb_pg_str(r, i, CTL_COL(PRIORITY)), CTL_PLAIN);
        ctl_grid_add(&grid, tb_pg_str(r, i, CTL_COL(STATUS)), ctl_ticket_color(r, i));
        ctl_grid_add(&grid, tb_pg_str(r, i, CTL_COL(ASSIGNED_AGENT_ID)), CTL_PLAIN);
        ctl_grid_add_time(&grid, tb_pg_time(r, i, CTL_COL(UPDATED_AT)));
        tb_str title = tb_pg_str(r, i, CTL_COL(TITLE));
        bool blocked = tb_pg_bool(r, i, CTL_COL(IS_BLOCKED));
        ctl_grid_add(&grid,
                     blocked ? tb_arena_printf(ctl->arena, "[blocked] %.*s", TB_ARG(title)) : title,
                     CTL_PLAIN);
    }
    ctl_grid_render(&grid, &ctl->term, &ctl->out);
    if (ctl->term.tty && more) {
        tb_buf_printf(&ctl->out, "%d of %lld; go on with --after %.*s\n", rows, (long long)total,
                      TB_ARG(tb_pg_str(r, rows - 1, CTL_COL_ID)));
    } else if (ctl->term.tty) {
        tb_buf_printf(&ctl->out, "%lld ticket%s\n", (long long)total, total == 1 ? "" : "s");
    }
}

/* The number of tickets the filters let through, pages aside. */
static enum tb_rc count(struct ctl *ctl, int64_t *ret, struct tb_error *err)
{
    tb_buf sql;
    tb_buf_init(&sql, 20000);
    struct tb_pg_params params;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&params, ctl->arena);
    tb_buf_add_c(&sql, "SELECT count(*)");
    add_conditions(ctl, &sql, &params);
    enum tb_rc rc = ctl_query(ctl, sql.ptr, &params, &r, err);
    *ret = rc == TB_OK ? tb_pg_int(r, 0, 0) : 0;
    tb_pg_result_free(r);
    tb_buf_dispose(&sql);
    return rc;
}

int ctl_run_list(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct page page = {0};
    struct tb_pg_params params;
    struct tb_pg_result *r = NULL;
    int64_t total = 0;
    tb_buf sql;
    tb_buf_init(&sql, 20000);
    tb_pg_params_init(&params, ctl->arena);
    enum tb_rc rc = read_page(ctl, &page, &err);
    tb_buf_printf(&sql, "SELECT %s", ctl_ticket_columns);
    add_conditions(ctl, &sql, &params);
    rc = rc == TB_OK ? add_page(ctl, &page, &sql, &params, &err) : rc;
    rc = rc == TB_OK ? ctl_query(ctl, sql.ptr, &params, &r, &err) : rc;
    rc = rc == TB_OK ? count(ctl, &total, &err) : rc;
    if (rc == TB_OK) {
        bool more = tb_pg_rows(r) > page.limit;
        int rows = more ? (int)page.limit : tb_pg_rows(r);
        if (ctl->json) {
            print_json(ctl, r, rows, more, total);
        } else {
            print_table(ctl, r, rows, more, total);
        }
    }
    tb_pg_result_free(r);
    tb_buf_dispose(&sql);
    return rc == TB_OK ? CTL_DONE : ctl_fail(&err);
}
