/* String slices: pointer and length in bytes, never owned, not NUL-terminated unless said so.
 * ptr == NULL means "no value" (SQL NULL, JSON null); ptr != NULL with len 0 is the empty string.
 */
#ifndef TB_BASE_STR_H
#define TB_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct tb_str {
    const char *ptr;
    size_t len;
} tb_str;

/* A list of slices, items owned by whoever made the list (normally an arena). */
typedef struct tb_strs {
    const tb_str *items;
    size_t n;
} tb_strs;

#define TB_STR_NULL ((tb_str){NULL, 0})
/* A slice over a string literal. */
#define TB_LIT(literal) ((tb_str){"" literal, sizeof(literal) - 1})
/* For printf("%.*s", TB_ARG(s)). */
#define TB_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline tb_str tb_str_of(const char *cstr)
{
    return cstr ? (tb_str){cstr, strlen(cstr)} : TB_STR_NULL;
}

static inline bool tb_str_is_null(tb_str s)
{
    return s.ptr == NULL;
}

/* Null and empty differ; two nulls are equal. */
static inline bool tb_str_eq(tb_str a, tb_str b)
{
    if (!a.ptr || !b.ptr) {
        return a.ptr == b.ptr;
    }
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static inline bool tb_str_eq_c(tb_str a, const char *cstr)
{
    return tb_str_eq(a, tb_str_of(cstr));
}

/* Byte order; null sorts first. */
int tb_str_cmp(tb_str a, tb_str b);
bool tb_str_starts(tb_str s, const char *prefix);
bool tb_strs_eq(tb_strs a, tb_strs b);
bool tb_strs_has(tb_strs list, tb_str s);

/* For hash tables in memory only: it differs between machines. */
size_t tb_str_hash(tb_str s);

#endif
