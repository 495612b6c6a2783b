#include "common/base/utf8.h"

#include <stdint.h>

/* Length of the well-formed sequence at p (n bytes left), 0 when there is none. */
static size_t sequence(const unsigned char *p, size_t n)
{
    unsigned char c = p[0];
    if (c == 0) {
        return 0;
    }
    if (c < 0x80) {
        return 1;
    }
    size_t len;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (c >= 0xC2 && c <= 0xDF) {
        len = 2;
    } else if (c >= 0xE0 && c <= 0xEF) {
        len = 3;
        low = c == 0xE0 ? 0xA0 : 0x80;
        high = c == 0xED ? 0x9F : 0xBF;
    } else if (c >= 0xF0 && c <= 0xF4) {
        len = 4;
        low = c == 0xF0 ? 0x90 : 0x80;
        high = c == 0xF4 ? 0x8F : 0xBF;
    } else {
        return 0;
    }
    if (n < len || p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return len;
}

/* Eight bytes of ASCII without NUL: the common case. */
static bool plain_eight(const unsigned char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return !((w | (w - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080));
}

size_t tb_utf8_valid_len(tb_str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t i = 0;
    while (i < s.len) {
        if (s.len - i >= 8 && plain_eight(p + i)) {
            i += 8;
            continue;
        }
        size_t len = sequence(p + i, s.len - i);
        if (!len) {
            return i;
        }
        i += len;
    }
    return i;
}

bool tb_utf8_valid(tb_str s)
{
    return tb_utf8_valid_len(s) == s.len;
}

size_t tb_utf8_count(tb_str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        n += ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    }
    return n;
}

tb_str tb_utf8_prefix(tb_str s, size_t max_bytes)
{
    if (s.len <= max_bytes) {
        return s;
    }
    size_t n = max_bytes;
    while (n > 0 && ((unsigned char)s.ptr[n] & 0xC0) == 0x80) {
        n--;
    }
    return (tb_str){s.ptr, n};
}
