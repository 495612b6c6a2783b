#include "common/httpd/query.h"

#include "common/base/utf8.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

tb_str tb_uri_decode(tb_str text, bool plus, struct tb_arena *arena)
{
    char *out = tb_arena_alloc(arena, text.len + 1);
    if (!out) {
        return TB_STR_NULL;
    }
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return TB_STR_NULL;
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[n++] = c;
    }
    tb_str decoded = {out, n};
    return tb_utf8_valid(decoded) ? decoded : TB_STR_NULL;
}

static size_t find(tb_str text, size_t from, char c)
{
    while (from < text.len && text.ptr[from] != c) {
        from++;
    }
    return from;
}

enum tb_rc tb_query_parse(tb_str text, struct tb_arena *arena, struct tb_query *ret,
                          struct tb_error *err)
{
    struct tb_query query = {0};
    size_t room = 1;
    for (size_t i = 0; i < text.len; i++) {
        room += text.ptr[i] == '&';
    }
    if (room > TB_QUERY_MAX) {
        return tb_fail(err, TB_EINVAL, "the query has more than %d parameters", TB_QUERY_MAX);
    }
    query.params = TB_NEW_N(arena, struct tb_query_param, room);
    if (!query.params) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t at = 0; at < text.len;) {
        size_t end = find(text, at, '&');
        tb_str pair = {text.ptr + at, end - at};
        size_t equals = find(pair, 0, '=');
        at = end + 1;
        if (pair.len == 0) {
            continue;
        }
        struct tb_query_param *param = &query.params[query.n++];
        param->name = tb_uri_decode((tb_str){pair.ptr, equals}, true, arena);
        param->value =
            equals < pair.len
                ? tb_uri_decode((tb_str){pair.ptr + equals + 1, pair.len - equals - 1}, true, arena)
                : TB_LIT("");
        if (tb_str_is_null(param->name) || tb_str_is_null(param->value)) {
            return tb_fail(err, TB_EINVAL, "the query holds a broken escape or is no UTF-8");
        }
    }
    *ret = query;
    return TB_OK;
}

tb_str tb_query_get(const struct tb_query *query, const char *name)
{
    for (size_t i = 0; i < query->n; i++) {
        if (tb_str_eq_c(query->params[i].name, name)) {
            return query->params[i].value;
        }
    }
    return TB_STR_NULL;
}
