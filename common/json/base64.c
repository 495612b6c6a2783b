#include "common/json/base64.h"

#include <stdint.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void tb_base64_encode(tb_str bytes, tb_buf *out)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    char text[1024];
    size_t used = 0;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t v = (uint32_t)p[i] << 16;
        v |= n > 1 ? (uint32_t)p[i + 1] << 8 : 0;
        v |= n > 2 ? p[i + 2] : 0;
        text[used++] = digits[v >> 18 & 63];
        text[used++] = digits[v >> 12 & 63];
        text[used++] = '=';
        text[used++] = '=';
        if (n > 1) {
            text[used - 2] = digits[v >> 6 & 63];
        }
        if (n > 2) {
            text[used - 1] = digits[v & 63];
        }
        if (used == sizeof text) {
            tb_buf_add(out, text, used);
            used = 0;
        }
    }
    tb_buf_add(out, text, used);
}

/* 64: no digit of base64. */
static const unsigned char values[256] = {
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64, 64, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64, 64, 0,  1,  2,  3,  4,  5,  6,
    7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 64,
    64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
    49, 50, 51, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
};

bool tb_base64_decode(tb_str text, void *out, size_t room, size_t *ret_len)
{
    const unsigned char *from = (const unsigned char *)text.ptr;
    unsigned char *to = out;
    size_t len = text.len;
    for (int i = 0; i < 2 && len && text.ptr[len - 1] == '='; i++) {
        len--;
    }
    size_t n = len / 4 * 3 + (len % 4 ? len % 4 - 1 : 0);
    if (n > room || len % 4 == 1) { /* one digit alone holds no byte */
        return false;
    }
    unsigned bad = 0;
    for (; len >= 4; len -= 4, from += 4) {
        unsigned a = values[from[0]];
        unsigned b = values[from[1]];
        unsigned c = values[from[2]];
        unsigned d = values[from[3]];
        bad |= a | b | c | d;
        *to++ = (unsigned char)(a << 2 | b >> 4);
        *to++ = (unsigned char)(b << 4 | c >> 2);
        *to++ = (unsigned char)(c << 6 | d);
    }
    if (len) {
        unsigned a = values[from[0]];
        unsigned b = values[from[1]];
        unsigned c = len == 3 ? values[from[2]] : 0;
        bad |= a | b | c;
        *to++ = (unsigned char)(a << 2 | b >> 4);
        if (len == 3) {
            *to = (unsigned char)(b << 4 | c >> 2);
        }
    }
    *ret_len = n;
    return (bad & 64) == 0;
}
