#include "producer/ctl/rows.h"

#include <string.h>

#include "common/base/clock.h"

static struct ctl_datum *make(struct ctl *ctl, int rows, int columns, struct ctl_rows *ret)
{
    struct ctl_datum *data =
        TB_NEW_N(ctl->arena, struct ctl_datum, (size_t)rows * (size_t)columns + 1);
    ret->n = rows;
    ret->ncolumns = columns;
    ret->data = data;
    return data;
}

/* A value as it stands in the result. */
static struct ctl_datum read_datum(const struct tb_pg_result *r, int row, int column, char kind)
{
    struct ctl_datum d = {.text = tb_pg_str(r, row, column)};
    d.given = !tb_str_is_null(d.text);
    switch (d.given ? kind : 0) {
    case 'b':
        d.number = tb_pg_bool(r, row, column);
        break;
    case 't':
        d.number = tb_pg_time(r, row, column);
        break;
    case 'i':
        d.number = tb_pg_int(r, row, column);
        break;
    default:
        break;
    }
    return d;
}

enum tb_rc ctl_rows_query(struct ctl *ctl, const char *sql, const struct tb_pg_params *params,
                          const char *kinds, struct ctl_rows *ret, struct tb_error *err)
{
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = ctl_query(ctl, sql, params, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    int columns = (int)strlen(kinds);
    const char **names = TB_NEW_N(ctl->arena, const char *, (size_t)columns + 1);
    struct ctl_datum *data = make(ctl, tb_pg_rows(r), columns, ret);
    for (int c = 0; names && c < columns; c++) {
        names[c] = tb_arena_str(ctl->arena, tb_str_of(tb_pg_column_name(r, c))).ptr;
    }
    for (int i = 0; data && i < ret->n * columns; i++) {
        data[i] = read_datum(r, i / columns, i % columns, kinds[i % columns]);
        data[i].text = tb_arena_str(ctl->arena, data[i].text);
    }
    ret->kinds = kinds;
    ret->names = names;
    tb_pg_result_free(r);
    return tb_arena_failed(ctl->arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}

/* ---- answers ---- */

static bool fits(const struct tb_tree *value, char kind)
{
    switch (kind) {
    case 's':
    case 't':
        return value->kind == TB_TREE_STRING;
    case 'i':
        return value->kind == TB_TREE_INT;
    case 'b':
        return value->kind == TB_TREE_BOOL;
    default:
        return true;
    }
}

static bool datum_read(const struct tb_tree *value, char kind, struct ctl_datum *ret)
{
    if (!value || value->kind == TB_TREE_NULL) {
        return true;
    }
    ret->given = true;
    ret->text = kind == 's' || kind == 't' ? value->text : value->raw;
    ret->number = kind == 'b' ? value->boolean : value->integer;
    return fits(value, kind) && (kind != 't' || tb_time_parse(value->text, &ret->number));
}

enum tb_rc ctl_rows_read(struct ctl *ctl, const struct tb_tree *list,
                         const struct ctl_member *members, size_t n, struct ctl_rows *ret,
                         struct tb_error *err)
{
    bool one = list && list->kind == TB_TREE_OBJECT;
    const struct tb_tree *item = one || !list ? list : list->first;
    int rows = one ? 1 : list && list->kind == TB_TREE_ARRAY ? (int)list->n : 0;
    char *kinds = tb_arena_alloc(ctl->arena, n + 1);
    const char **names = TB_NEW_N(ctl->arena, const char *, n + 1);
    struct ctl_datum *data = make(ctl, rows, (int)n, ret);
    if (!kinds || !names || !data) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t c = 0; c < n; c++) {
        kinds[c] = members[c].kind;
        names[c] = members[c].name;
    }
    ret->kinds = kinds;
    ret->names = names;
    for (int i = 0; i < rows; i++, item = item->next) {
        for (size_t c = 0; c < n; c++) {
            const char *from = members[c].from ? members[c].from : members[c].name;
            if (!datum_read(tb_tree_get(item, from), kinds[c], &data[(size_t)i * n + c])) {
                return tb_fail(err, TB_EFATAL, "the gateway's answer has an odd member %s", from);
            }
        }
    }
    return TB_OK;
}

enum tb_rc ctl_rows_join(struct ctl *ctl, const struct ctl_rows *a, const struct ctl_rows *b,
                         struct ctl_rows *ret, struct tb_error *err)
{
    struct ctl_rows both = *a;
    size_t na = (size_t)a->n * (size_t)a->ncolumns;
    size_t nb = (size_t)b->n * (size_t)b->ncolumns;
    struct ctl_datum *data = make(ctl, a->n + b->n, a->ncolumns, &both);
    if (!data) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < na + nb; i++) {
        data[i] = i < na ? a->data[i] : b->data[i - na];
    }
    *ret = both;
    return TB_OK;
}

/* ---- reading ---- */

static const struct ctl_datum *at(const struct ctl_rows *rows, int row, int column)
{
    return &rows->data[row * rows->ncolumns + column];
}

tb_str ctl_text(const struct ctl_rows *rows, int row, int column)
{
    return at(rows, row, column)->text;
}

int64_t ctl_int(const struct ctl_rows *rows, int row, int column)
{
    return at(rows, row, column)->number;
}

bool ctl_bool(const struct ctl_rows *rows, int row, int column)
{
    return at(rows, row, column)->number != 0;
}

int64_t ctl_time(const struct ctl_rows *rows, int row, int column)
{
    const struct ctl_datum *d = at(rows, row, column);
    return d->given ? d->number : TB_TIME_NONE;
}

static void write_datum(struct tb_json *w, const char *name, char kind, const struct ctl_datum *d)
{
    tb_json_key(w, name);
    if (!d->given) {
        tb_json_null(w);
        return;
    }
    switch (kind) {
    case 'i':
        tb_json_int(w, d->number);
        break;
    case 'b':
        tb_json_bool(w, d->number != 0);
        break;
    case 't':
        tb_json_time(w, d->number);
        break;
    case 'j':
        tb_json_raw(w, d->text);
        break;
    default:
        tb_json_string(w, d->text);
        break;
    }
}

void ctl_row_write(struct tb_json *w, const struct ctl_rows *rows, int row, int columns, bool open)
{
    int n = columns < 0 ? rows->ncolumns : columns;
    tb_json_open(w, '{');
    for (int c = 0; c < n; c++) {
        write_datum(w, rows->names[c], rows->kinds[c], at(rows, row, c));
    }
    if (!open) {
        tb_json_close(w, '}');
    }
}

void ctl_rows_write(struct tb_json *w, const struct ctl_rows *rows)
{
    tb_json_open(w, '[');
    for (int i = 0; i < rows->n; i++) {
        ctl_row_write(w, rows, i, -1, false);
    }
    tb_json_close(w, ']');
}

void ctl_row_json(struct tb_json *w, const struct tb_pg_result *r, int row, const char *kinds)
{
    tb_json_open(w, '{');
    for (int c = 0; kinds[c]; c++) {
        struct ctl_datum d = read_datum(r, row, c, kinds[c]);
        write_datum(w, tb_pg_column_name(r, c), kinds[c], &d);
    }
    tb_json_close(w, '}');
}

void ctl_rows_json(struct tb_json *w, const struct tb_pg_result *r, const char *kinds)
{
    tb_json_open(w, '[');
    for (int i = 0; i < tb_pg_rows(r); i++) {
        ctl_row_json(w, r, i, kinds);
    }
    tb_json_close(w, ']');
}
