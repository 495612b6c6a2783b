/* Parameters in Postgres' text format; arrays.c has those in binary. */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/crypto/crypto.h"
#include "common/pg/internal.h"

void tb_pg_params_init(struct tb_pg_params *p, struct tb_arena *arena)
{
    p->arena = arena;
    p->n = 0;
    p->failed = false;
}

void tb_pg_add_raw(struct tb_pg_params *p, const char *value, int length, int format)
{
    if (p->n < TB_PG_MAX_PARAMS) {
        p->values[p->n] = value;
        p->lengths[p->n] = length;
        p->formats[p->n++] = format;
    }
}

static void add(struct tb_pg_params *p, const char *value)
{
    tb_pg_add_raw(p, value, 0, 0);
}

void tb_pg_add_str(struct tb_pg_params *p, tb_str s)
{
    add(p, tb_arena_str(p->arena, s).ptr);
}

void tb_pg_add_int(struct tb_pg_params *p, int64_t v)
{
    add(p, tb_arena_printf(p->arena, "%lld", (long long)v).ptr);
}

void tb_pg_add_bool(struct tb_pg_params *p, bool v)
{
    add(p, v ? "t" : "f");
}

void tb_pg_add_time(struct tb_pg_params *p, int64_t time_us)
{
    if (time_us == TB_TIME_NONE) {
        add(p, NULL);
        return;
    }
    char text[TB_TIME_TEXT_MAX];
    size_t n = tb_time_format(time_us, text);
    tb_pg_add_str(p, (tb_str){text, n});
}

void tb_pg_add_bytes(struct tb_pg_params *p, const void *data, size_t len)
{
    char *out = tb_arena_alloc(p->arena, 2 * len + 3);
    if (out) {
        out[0] = '\\';
        out[1] = 'x';
        tb_hex(data, len, out + 2);
    }
    add(p, out);
}

/* Room an array element takes when every character is escaped: quotes, comma. */
static size_t element_room(tb_str s)
{
    return tb_str_is_null(s) ? 5 : 2 * s.len + 3;
}

void tb_pg_add_strs(struct tb_pg_params *p, const tb_str *items, size_t n)
{
    size_t room = 3;
    for (size_t i = 0; i < n; i++) {
        room += element_room(items[i]);
    }
    char *out = tb_arena_alloc(p->arena, room);
    if (!out) {
        add(p, NULL);
        return;
    }
    char *w = out;
    *w++ = '{';
    for (size_t i = 0; i < n; i++) {
        if (i) {
            *w++ = ',';
        }
        if (tb_str_is_null(items[i])) {
            memcpy(w, "NULL", 4);
            w += 4;
            continue;
        }
        *w++ = '"';
        for (size_t k = 0; k < items[i].len; k++) {
            char c = items[i].ptr[k];
            if (c == '"' || c == '\\') {
                *w++ = '\\';
            }
            *w++ = c;
        }
        *w++ = '"';
    }
    *w++ = '}';
    *w = '\0';
    add(p, out);
}

void tb_pg_add_ints(struct tb_pg_params *p, const int64_t *items, size_t n)
{
    char *out = tb_arena_alloc(p->arena, 21 * n + 3);
    if (!out) {
        add(p, NULL);
        return;
    }
    char *w = out;
    *w++ = '{';
    for (size_t i = 0; i < n; i++) {
        w += sprintf(w, "%s%lld", i ? "," : "", (long long)items[i]);
    }
    *w++ = '}';
    *w = '\0';
    add(p, out);
}
