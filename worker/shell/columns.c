#include "worker/shell/columns.h"

#include "common/base/json_write.h"

#define JSON_MAX ((size_t)16 * 1024 * 1024)

bool tb_columns_init(struct tb_columns *c, struct tb_arena *arena, size_t ncolumns, size_t room)
{
    *c = (struct tb_columns){.arena = arena, .ncolumns = ncolumns, .room = room};
    for (size_t i = 0; i < ncolumns; i++) {
        c->values[i] = TB_NEW_N(arena, tb_str, room + 1);
        if (!c->values[i]) {
            return false;
        }
    }
    return true;
}

void tb_put(struct tb_columns *c, tb_str value)
{
    c->values[c->next][c->rows] = value;
    if (++c->next == c->ncolumns) {
        c->next = 0;
        c->rows++;
    }
}

void tb_put_c(struct tb_columns *c, const char *value)
{
    tb_put(c, tb_str_of(value));
}

void tb_put_int(struct tb_columns *c, int64_t value)
{
    tb_put(c, tb_arena_printf(c->arena, "%lld", (long long)value));
}

void tb_put_bool(struct tb_columns *c, bool value)
{
    tb_put(c, value ? TB_LIT("t") : TB_LIT("f"));
}

void tb_put_time(struct tb_columns *c, int64_t time_us)
{
    char when[TB_TIME_TEXT_MAX];
    size_t n = time_us == TB_TIME_NONE ? 0 : tb_time_format(time_us, when);
    tb_put(c, n ? tb_arena_str(c->arena, (tb_str){when, n}) : TB_STR_NULL);
}

static const char hex_digits[] = "0123456789abcdef";

void tb_put_bytes(struct tb_columns *c, const void *data, size_t len)
{
    const unsigned char *p = data;
    char *out = tb_arena_alloc(c->arena, 2 * len + 3);
    if (out) {
        out[0] = '\\';
        out[1] = 'x';
        for (size_t i = 0; i < len; i++) {
            out[2 + 2 * i] = hex_digits[p[i] >> 4];
            out[3 + 2 * i] = hex_digits[p[i] & 15];
        }
    }
    tb_put(c, out ? (tb_str){out, 2 * len + 2} : TB_STR_NULL);
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
    for (size_t i = 0; i < c->ncolumns; i++) {
        tb_pg_add_strs(&p, c->values[i], c->rows);
    }
    if (tb_arena_failed(c->arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
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
