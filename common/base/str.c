#include "common/base/str.h"

#include <stdint.h>

int tb_str_cmp(tb_str a, tb_str b)
{
    if (!a.ptr || !b.ptr) {
        return (a.ptr != NULL) - (b.ptr != NULL);
    }
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool tb_str_starts(tb_str s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.ptr && s.len >= n && memcmp(s.ptr, prefix, n) == 0;
}

bool tb_strs_eq(tb_strs a, tb_strs b)
{
    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        if (!tb_str_eq(a.items[i], b.items[i])) {
            return false;
        }
    }
    return true;
}

bool tb_strs_has(tb_strs list, tb_str s)
{
    for (size_t i = 0; i < list.n; i++) {
        if (tb_str_eq(list.items[i], s)) {
            return true;
        }
    }
    return false;
}

size_t tb_str_hash(tb_str s)
{
    /* Eight bytes a step: multiply, and fold the high half back into the low one. */
    const uint64_t factor = 0x9E3779B97F4A7C15ULL;
    uint64_t h = s.len * factor;
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t part;
        memcpy(&part, s.ptr + i, sizeof part);
        h = (h ^ part) * factor;
        h ^= h >> 32;
    }
    for (; i < s.len; i++) {
        h = (h ^ (unsigned char)s.ptr[i]) * factor;
        h ^= h >> 32;
    }
    return (size_t)h;
}
