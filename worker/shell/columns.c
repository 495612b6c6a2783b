#include "worker/shell/columns.h"

#include "common/base/json_write.h"

#define JSON_MAX ((size_t)16 * 1024 * 1024)

bool tb_columns_init(struct tb_columns *c, struct tb_arena *arena, size_t ncolumns, size_t room)
{
    *c = (struct tb_columns){.arena = arena, .ncolumns = ncolumns, .room = room};
    return true;
}

/* The column the next value goes to, its array made by the first row; NULL without memory. */
static struct tb_column_array *next_column(struct tb_columns *c, enum tb_array_kind kind)
{
    struct tb_column_array *column = &c->columns[c->next];
    if (c->rows == 0) {
        column->kind = kind;
        if (kind == TB_COLUMN_TEXT || kind == TB_COLUMN_BYTES) {
            column->at.strs = TB_NEW_N(c->arena, tb_str, c->room);
        } else {
            column->at.numbers = TB_NEW_N(c->arena, int64_t, c->room);
        }
    }
    return column;
}

static void end_value(struct tb_columns *c)
{
    if (++c->next == c->ncolumns) {
        c->next = 0;
        c->rows++;
    }
}

static void put_str(struct tb_columns *c, enum tb_array_kind kind, tb_str value)
{
    struct tb_column_array *column = next_column(c, kind);
    if (column->at.strs) {
        column->at.strs[c->rows] = value;
    }
    end_value(c);
}

static void put_number(struct tb_columns *c, enum tb_array_kind kind, int64_t value)
{
    struct tb_column_array *column = next_column(c, kind);
    if (column->at.numbers) {
        column->at.numbers[c->rows] = value;
    }
    end_value(c);
}

void tb_put(struct tb_columns *c, tb_str value)
{
    put_str(c, TB_COLUMN_TEXT, value);
}

void tb_put_c(struct tb_columns *c, const char *value)
{
    tb_put(c, tb_str_of(value));
}

void tb_put_int(struct tb_columns *c, int64_t value)
{
    put_number(c, TB_COLUMN_INT, value);
}

void tb_put_bool(struct tb_columns *c, bool value)
{
    put_number(c, TB_COLUMN_BOOL, value);
}

void tb_put_time(struct tb_columns *c, int64_t time_us)
{
    put_number(c, TB_COLUMN_TIME, time_us);
}

void tb_put_bytes(struct tb_columns *c, const void *data, size_t len)
{
    put_str(c, TB_COLUMN_BYTES, (tb_str){data, len});
}

void tb_put_list(struct tb_columns *c, tb_strs list)
{
    if (list.n == 0) {
        tb_put(c, TB_LIT("[]"));
        return;
    }
    tb_buf buf;
    tb_buf_init(&buf, JSON_MAX);
    struct tb_json w = {.buf = &buf};
    tb_json_strings(&w, list);
    tb_put(c, tb_buf_take(&buf, c->arena));
    tb_buf_dispose(&buf);
}

static void add_array(struct tb_pg_params *p, const struct tb_column_array *column, size_t rows)
{
    switch (column->kind) {
    case TB_COLUMN_TEXT:
        tb_pg_add_texts(p, column->at.strs, rows);
        break;
    case TB_COLUMN_BYTES:
        tb_pg_add_byteas(p, column->at.strs, rows);
        break;
    case TB_COLUMN_INT:
        tb_pg_add_bigints(p, column->at.numbers, rows);
        break;
    case TB_COLUMN_BOOL:
        tb_pg_add_bools(p, column->at.numbers, rows);
        break;
    case TB_COLUMN_TIME:
        tb_pg_add_times(p, column->at.numbers, rows);
        break;
    }
}

/* Adds the columns as array parameters and queues the statement, unless there is no row. */
enum tb_rc tb_columns_flush(struct tb_worker *w, const struct tb_columns *c, const char *name,
                            const char *sql, const char *topic, struct tb_error *err)
{
    if (c->rows == 0) {
        return TB_OK;
    }
    struct tb_pg_params p;
    tb_pg_params_init(&p, c->arena);
    if (topic) {
        tb_pg_add_str(&p, tb_str_of(topic));
    }
    if (tb_arena_failed(c->arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < c->ncolumns; i++) {
        add_array(&p, &c->columns[i], c->rows);
    }
    return tb_pg_pipeline_add(w->pg, name, sql, &p, err);
}

void tb_put_value(struct tb_columns *c, const struct tb_value *v)
{
    switch (v->kind) {
    case TB_VALUE_STR:
        tb_put(c, v->as.str);
        break;
    case TB_VALUE_BOOL:
        tb_put_bool(c, v->as.boolean);
        break;
    case TB_VALUE_TIME:
        tb_put_time(c, v->as.time);
        break;
    case TB_VALUE_STRS:
        tb_put_list(c, v->as.strs);
        break;
    }
}
