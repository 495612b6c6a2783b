#include "indexer/embed/aside.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"

#define MARK "set-aside:"

enum { LONG = 256, REST_MAX = 1 << 28 };

/* The end of a string whose opening quote is before `at`, or NULL. *plain: without escapes. */
static const char *end_of_string(const char *at, const char *end, bool *plain)
{
    const char *from = at;
    for (;;) {
        const char *quote = memchr(at, '"', (size_t)(end - at));
        if (!quote) {
            return NULL;
        }
        size_t slashes = 0;
        while (quote - slashes > from && quote[-1 - (ptrdiff_t)slashes] == '\\') {
            slashes++;
        }
        if (slashes % 2 == 0) {
            *plain = !memchr(from, '\\', (size_t)(quote - from));
            return quote;
        }
        at = quote + 1;
    }
}

bool tb_aside_take(tb_str json, struct tb_arena *arena, struct tb_aside *ret)
{
    const char *end = json.ptr + json.len;
    const char *kept = json.ptr; /* up to here the rest is written */
    tb_str *strings = TB_NEW_N(arena, tb_str, json.len / LONG + 1);
    tb_buf rest;
    size_t n = 0;
    tb_buf_init(&rest, REST_MAX);
    tb_buf_add_c(&rest, "");
    for (const char *at = json.ptr; strings && at < end;) {
        const char *open = memchr(at, '"', (size_t)(end - at));
        bool plain = false;
        const char *close = open ? end_of_string(open + 1, end, &plain) : NULL;
        if (!close) {
            break;
        }
        if (plain && close - open > LONG) {
            tb_buf_add(&rest, kept, (size_t)(open + 1 - kept));
            tb_buf_printf(&rest, MARK "%zu", n);
            strings[n++] = (tb_str){open + 1, (size_t)(close - open) - 1};
            kept = close;
        }
        at = close + 1;
    }
    tb_buf_add(&rest, kept, (size_t)(end - kept));
    *ret = (struct tb_aside){.rest = tb_buf_take(&rest, arena), .strings = strings, .n = n};
    tb_buf_dispose(&rest);
    return strings && !tb_str_is_null(ret->rest);
}

tb_str tb_aside_string(const struct tb_aside *a, tb_str given)
{
    char digits[24];
    size_t mark = sizeof MARK - 1;
    if (!tb_str_starts(given, MARK) || given.len - mark >= sizeof digits) {
        return given;
    }
    memcpy(digits, given.ptr + mark, given.len - mark);
    digits[given.len - mark] = '\0';
    size_t i = strtoul(digits, NULL, 10);
    return i < a->n ? a->strings[i] : given;
}
