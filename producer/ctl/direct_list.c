/* Lists of tickets, by SQL. */
#include <string.h>

#include "common/pg/conditions.h"
#include "producer/ctl/direct.h"
#include "producer/ctl/tickets.h"

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

static void add_conditions(const struct ctl *ctl, const struct ctl_page *p, tb_buf *sql,
                           struct tb_pg_params *params)
{
    tb_buf_add_c(sql, FROM " WHERE true");
    ctl_filter_sql(&ctl->args, sql, params);
    if (!p->deleted) {
        tb_buf_add_c(sql, " AND NOT t.is_deleted");
    }
    if (p->unfinished) {
        tb_buf_add_c(sql, tb_sql_unfinished);
    }
    if (p->ready) {
        tb_buf_add_c(sql, tb_sql_ready);
    }
}

static void add_page(const struct ctl_page *p, tb_buf *sql, struct tb_pg_params *params)
{
    const char *key = key_sql(p->key);
    const char *way = p->descending ? "DESC" : "ASC";
    if (!tb_str_is_null(p->after)) {
        tb_pg_add_str(params, p->after);
        tb_buf_printf(sql, " AND (%s, t.id) %s (SELECT %s, t.id" FROM " WHERE t.id = $%d)", key,
                      p->descending ? "<" : ">", key, params->n);
    }
    tb_buf_printf(sql, " ORDER BY %s %s, t.id %s LIMIT %lld OFFSET %lld", key, way, way,
                  (long long)p->limit + 1, (long long)p->offset);
}

enum tb_rc ctl_direct_list(struct ctl *ctl, const struct ctl_page *page, struct ctl_listed *ret,
                           struct tb_error *err)
{
    struct tb_pg_params params;
    struct ctl_rows counted = {0};
    tb_buf sql;
    tb_buf_init(&sql, 20000);
    tb_pg_params_init(&params, ctl->arena);
    tb_buf_printf(&sql, "SELECT %s", ctl_ticket_columns);
    add_conditions(ctl, page, &sql, &params);
    add_page(page, &sql, &params);
    enum tb_rc rc = ctl_rows_query(ctl, sql.ptr, &params, ctl_ticket_kinds, &ret->tickets, err);
    tb_buf_clear(&sql);
    tb_pg_params_init(&params, ctl->arena);
    tb_buf_add_c(&sql, "SELECT count(*)");
    add_conditions(ctl, page, &sql, &params);
    rc = rc == TB_OK ? ctl_rows_query(ctl, sql.ptr, &params, "i", &counted, err) : rc;
    tb_buf_dispose(&sql);
    if (rc == TB_OK) {
        ret->total = ctl_int(&counted, 0, 0);
        ret->more = ret->tickets.n > page->limit;
        ret->tickets.n = ret->more ? (int)page->limit : ret->tickets.n;
    }
    return rc;
}

static const char sql_named[] = "SELECT id FROM tickets WHERE external_id = $1"
                                " UNION SELECT id FROM tickets WHERE $2 <> '' AND id LIKE '%' || $2"
                                " ORDER BY 1 LIMIT 6";

enum tb_rc ctl_direct_named(struct ctl *ctl, tb_str name, tb_str end, struct ctl_rows *ret,
                            struct tb_error *err)
{
    struct tb_pg_params p;
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_str(&p, name);
    tb_pg_add_str(&p, end);
    return ctl_rows_query(ctl, sql_named, &p, "s", ret, err);
}
