/* Reading results in text format. */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/crypto/crypto.h"
#include "common/pg/internal.h"

int tb_pg_rows(const struct tb_pg_result *r)
{
    return PQntuples(r->res);
}

int tb_pg_columns(const struct tb_pg_result *r)
{
    return PQnfields(r->res);
}

const char *tb_pg_column_name(const struct tb_pg_result *r, int col)
{
    return PQfname(r->res, col);
}

int64_t tb_pg_affected(const struct tb_pg_result *r)
{
    return strtoll(PQcmdTuples(r->res), NULL, 10);
}

tb_str tb_pg_str(const struct tb_pg_result *r, int row, int col)
{
    if (PQgetisnull(r->res, row, col)) {
        return TB_STR_NULL;
    }
    return (tb_str){PQgetvalue(r->res, row, col), (size_t)PQgetlength(r->res, row, col)};
}

tb_str tb_pg_str_in(const struct tb_pg_result *r, int row, int col, struct tb_arena *arena)
{
    return tb_arena_str(arena, tb_pg_str(r, row, col));
}

int64_t tb_pg_int(const struct tb_pg_result *r, int row, int col)
{
    return strtoll(PQgetvalue(r->res, row, col), NULL, 10);
}

double tb_pg_real(const struct tb_pg_result *r, int row, int col)
{
    return strtod(PQgetvalue(r->res, row, col), NULL);
}

bool tb_pg_bool(const struct tb_pg_result *r, int row, int col)
{
    return PQgetvalue(r->res, row, col)[0] == 't';
}

/* "2026-11-23 20:08:00.123456+00": RFC 3339 but for the blank and the short offset. */
int64_t tb_pg_time(const struct tb_pg_result *r, int row, int col)
{
    tb_str s = tb_pg_str(r, row, col);
    char text[TB_TIME_TEXT_MAX];
    int64_t us;
    if (tb_str_is_null(s) || s.len < 13 || s.len + 4 > sizeof text) {
        return TB_TIME_NONE;
    }
    memcpy(text, s.ptr, s.len);
    text[10] = 'T';
    size_t n = s.len;
    if (text[n - 3] == '+' || text[n - 3] == '-') {
        text[n++] = ':';
        text[n++] = '0';
        text[n++] = '0';
    }
    return tb_time_parse((tb_str){text, n}, &us) ? us : TB_TIME_NONE;
}

tb_str tb_pg_bytes(const struct tb_pg_result *r, int row, int col, struct tb_arena *arena)
{
    tb_str s = tb_pg_str(r, row, col);
    if (s.len < 2 || s.ptr[0] != '\\' || s.ptr[1] != 'x') {
        return TB_STR_NULL;
    }
    size_t len = (s.len - 2) / 2;
    char *out = tb_arena_alloc(arena, len + 1);
    if (!out || !tb_unhex((tb_str){s.ptr + 2, s.len - 2}, out, len)) {
        return TB_STR_NULL;
    }
    return (tb_str){out, len};
}

void tb_pg_result_free(struct tb_pg_result *r)
{
    if (r) {
        PQclear(r->res);
        free(r);
    }
}
