/* list_tickets: filters, order and page become one statement, and a second that counts. */
#include <stdio.h>

#include "common/base/attr.h"
#include "common/base/uuid.h"
#include "common/model/ticket.h"
#include "common/pg/conditions.h"
#include "gateway/read/internal.h"

/* What sorts: only these texts ever stand in ORDER BY. A priority sorts by its place on the board,
 * most urgent first. */
static const struct {
    const char *name;
    const char *sql;
    bool needs_board;
    bool latest_first;
} keys[] = {
    {"created_at", "t.created_at", false, true},
    {"updated_at", "t.updated_at", false, true},
    {"title", "t.title", false, false},
    {"status",
     "COALESCE((SELECT c.n FROM jsonb_array_elements(b.columns) WITH ORDINALITY c(v, n)"
     " WHERE c.v->>'id' = t.status), 100000)",
     true, false},
    {"priority",
     "COALESCE((SELECT p.n FROM jsonb_array_elements_text(b.settings->'priorities')"
     " WITH ORDINALITY p(v, n) WHERE p.v = t.priority), 100000)",
     true, false},
};

struct query {
    const struct tb_list_params *p;
    size_t key;
    bool descending;
    bool join;
    bool unfinished;
};

static struct query understand(const struct tb_list_params *p)
{
    struct query q = {.p = p};
    for (size_t i = 0; i < TB_COUNT(keys); i++) {
        if (tb_str_eq_c(p->sort_by, keys[i].name) || (!tb_has(&p->p, TB_LIST_SORT_BY) && p->ready &&
                                                      strcmp(keys[i].name, "priority") == 0)) {
            q.key = i;
        }
    }
    q.descending = tb_has(&p->p, TB_LIST_SORT_ORDER) ? tb_str_eq_c(p->sort_order, "desc")
                                                     : keys[q.key].latest_first;
    q.unfinished = tb_has(&p->p, TB_LIST_INCLUDE_COMPLETED) && !p->include_completed;
    q.join = keys[q.key].needs_board || p->ready || q.unfinished;
    return q;
}

static void any_of(tb_buf *sql, struct tb_pg_params *params, const char *column, tb_strs list)
{
    if (list.n > 0) {
        tb_pg_add_strs(params, list.items, list.n);
        tb_buf_printf(sql, " AND %s = ANY($%d::text[])", column, params->n);
    }
}

static void equals(tb_buf *sql, struct tb_pg_params *params, const char *column, tb_str value)
{
    if (!tb_str_is_null(value)) {
        tb_pg_add_str(params, value);
        tb_buf_printf(sql, " AND %s = $%d", column, params->n);
    }
}

/* What people call a ticket: its external id, or the end of its own. */
static void add_named(tb_buf *sql, struct tb_pg_params *params, tb_str name)
{
    if (tb_str_is_null(name)) {
        return;
    }
    tb_pg_add_str(params, name);
    tb_buf_printf(sql, " AND (t.external_id = $%d", params->n);
    if (tb_uuid_is_end(name)) {
        tb_buf_printf(sql, " OR t.id LIKE '%%' || $%d", params->n);
    }
    tb_buf_add_char(sql, ')');
}

static void add_filters(const struct tb_read *read, const struct query *q, bool joined, tb_buf *sql,
                        struct tb_pg_params *params)
{
    const struct tb_list_params *p = q->p;
    tb_buf_add_c(sql, " FROM tickets t");
    if (joined) {
        tb_buf_add_c(sql, " LEFT JOIN board_configs b ON b.workflow_id = t.workflow_id");
    }
    tb_buf_add_c(sql, " WHERE true");
    equals(sql, params, "t.workflow_id", p->workflow_id);
    if (tb_str_is_null(p->workflow_id)) {
        any_of(sql, params, "t.workflow_id", read->caller->workflows);
    }
    any_of(sql, params, "t.status", p->status);
    any_of(sql, params, "t.ticket_type", p->type);
    any_of(sql, params, "t.priority", p->priority);
    equals(sql, params, "t.assigned_agent_id", p->assignee);
    equals(sql, params, "t.external_id", p->external_id);
    add_named(sql, params, p->named);
    if (p->tag.n > 0) {
        tb_pg_add_strs(params, p->tag.items, p->tag.n);
        tb_buf_printf(sql, " AND t.tags @> to_jsonb($%d::text[])", params->n);
    }
    if (!p->include_deleted) {
        tb_buf_add_c(sql, " AND NOT t.is_deleted");
    }
    tb_buf_add_c(sql, q->unfinished ? tb_sql_unfinished : "");
    tb_buf_add_c(sql, p->ready ? tb_sql_ready : "");
}

static uint64_t fields_of(const struct tb_list_params *p, struct tb_error *err)
{
    uint64_t set = 0;
    for (size_t i = 0; i < p->fields.n; i++) {
        unsigned f = 0;
        while (f < TB_TICKET_FIELDS_ &&
               !tb_str_eq_c(p->fields.items[i], tb_ticket_fields[f].name)) {
            f++;
        }
        if (f < TB_TICKET_FIELDS_) {
            set |= UINT64_C(1) << f;
        } else if (!tb_str_eq_c(p->fields.items[i], "ticket_id") &&
                   !tb_str_eq_c(p->fields.items[i], "version")) {
            (void)tb_fail_field(err, TB_EINVAL, "fields", "there is no column %.*s",
                                TB_ARG(p->fields.items[i]));
        }
    }
    return p->fields.n > 0 ? set : TB_TICKET_ALL & ~(UINT64_C(1) << TB_TICKET_DESCRIPTION);
}

static bool is_brief(uint64_t fields)
{
    return !(fields >> TB_TICKET_DESCRIPTION & 1);
}

static int64_t limit_of(const struct tb_list_params *p)
{
    return p->limit > 0 ? p->limit : TB_LIST_LIMIT_DEFAULT;
}

static bool wants_total(const struct tb_list_params *p)
{
    return !tb_has(&p->p, TB_LIST_TOTAL) || p->total;
}

static bool add_statement(const struct tb_read *read, struct tb_plan *plan, tb_buf *sql,
                          const struct tb_pg_params *params)
{
    const char *text = NULL;
    const char *name = tb_sql_name(tb_buf_str(sql), &text);
    text = name ? text : tb_buf_take(sql, read->arena).ptr;
    struct tb_pg_params *own = text ? tb_plan_add(plan, name, text, read->arena) : NULL;
    if (own) {
        *own = *params;
    }
    return own && !sql->failed;
}

static void add_page(const struct query *q, tb_buf *sql, struct tb_pg_params *params)
{
    const char *way = q->descending ? "DESC" : "ASC";
    if (!tb_str_is_null(q->p->cursor)) {
        tb_pg_add_str(params, q->p->cursor);
        tb_buf_printf(sql, " AND (%s, t.id) %s (SELECT %s, t.id FROM tickets t%s WHERE t.id = $%d)",
                      keys[q->key].sql, q->descending ? "<" : ">", keys[q->key].sql,
                      q->join ? " LEFT JOIN board_configs b ON b.workflow_id = t.workflow_id" : "",
                      params->n);
    }
    tb_pg_add_int(params, limit_of(q->p) + 1);
    tb_buf_printf(sql, " ORDER BY %s %s, t.id %s LIMIT $%d", keys[q->key].sql, way, way, params->n);
    if (q->p->offset > 0) {
        tb_pg_add_int(params, q->p->offset);
        tb_buf_printf(sql, " OFFSET $%d", params->n);
    }
}

bool tb_plan_list(const struct tb_read *read, struct tb_plan *plan, struct tb_reply *ret)
{
    const struct tb_list_params *p = read->params;
    struct query q = understand(p);
    struct tb_error err = {.rc = TB_OK};
    uint64_t fields = fields_of(p, &err);
    if (err.rc == TB_OK && p->cursor.len && !tb_str_starts(p->cursor, "ticket-")) {
        (void)tb_fail_field(&err, TB_EINVAL, "cursor", "is none that was given out");
    }
    if (err.rc == TB_OK && !tb_str_is_null(p->workflow_id) &&
        !tb_caller_may_touch(read->caller, p->workflow_id)) {
        tb_reply_error(ret, read->arena, TB_REPLY_FORBIDDEN, "workflow_not_permitted",
                       TB_LIT("workflow_id"), "the token is not for workflow %.*s",
                       TB_ARG(p->workflow_id));
        return false;
    }
    struct tb_pg_params params;
    tb_buf sql;
    tb_buf_init(&sql, 20000);
    tb_pg_params_init(&params, read->arena);
    tb_buf_printf(&sql, "SELECT %s",
                  is_brief(fields) ? tb_ticket_columns_brief : tb_ticket_columns);
    add_filters(read, &q, q.join, &sql, &params);
    add_page(&q, &sql, &params);
    bool fine = add_statement(read, plan, &sql, &params);
    if (wants_total(p)) {
        tb_buf_clear(&sql);
        tb_pg_params_init(&params, read->arena);
        tb_buf_add_c(&sql, "SELECT count(*)");
        add_filters(read, &q, p->ready || q.unfinished, &sql, &params);
        fine = fine && add_statement(read, plan, &sql, &params);
    }
    tb_buf_dispose(&sql);
    if (err.rc == TB_OK && !fine) {
        (void)tb_fail(&err, TB_ENOMEM, "out of memory");
    }
    if (err.rc != TB_OK) {
        tb_reply_from(ret, read->arena, &err);
    }
    return err.rc == TB_OK;
}

void tb_render_list(const struct tb_read *read, struct tb_pg_result *const *results, tb_buf *out,
                    struct tb_reply *ret)
{
    (void)ret;
    const struct tb_list_params *p = read->params;
    uint64_t fields = fields_of(p, NULL);
    int limit = (int)limit_of(p);
    int rows = tb_pg_rows(results[0]);
    bool more = rows > limit;
    rows = more ? limit : rows;
    struct tb_json w = {.buf = out};
    tb_json_open(&w, '{');
    tb_json_key(&w, "tickets");
    tb_json_open(&w, '[');
    for (int i = 0; i < rows; i++) {
        tb_ticket_row(&w, results[0], i, is_brief(fields), fields);
        tb_json_close(&w, '}');
    }
    tb_json_close(&w, ']');
    if (wants_total(p)) {
        tb_json_key(&w, "total");
        tb_json_int(&w, tb_pg_int(results[1], 0, 0));
    }
    tb_json_key(&w, "has_more");
    tb_json_bool(&w, more);
    tb_json_key(&w, "next_cursor");
    tb_json_string(&w, more ? tb_pg_str(results[0], rows - 1, 0) : TB_STR_NULL);
    tb_json_close(&w, '}');
}
