#include "common/json/base64.h"

#include <stdint.h>

void tb_base64_encode(tb_str bytes, tb_buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t v = (uint32_t)p[i] << 16;
        v |= n > 1 ? (uint32_t)p[i + 1] << 8 : 0;
        v |= n > 2 ? p[i + 2] : 0;
        char four[4] = {digits[v >> 18 & 63], digits[v >> 12 & 63], '=', '='};
        if (n > 1) {
            four[2] = digits[v >> 6 & 63];
        }
        if (n > 2) {
            four[3] = digits[v & 63];
        }
        tb_buf_add(out, four, sizeof four);
    }
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool tb_base64_decode(tb_str text, void *out, size_t room, size_t *ret_len)
{
    unsigned char *to = out;
    size_t len = text.len;
    for (int i = 0; i < 2 && len && text.ptr[len - 1] == '='; i++) {
        len--;
    }
    size_t n = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < len; i++) {
        int v = value_of(text.ptr[i]);
        if (v < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)v;
        if (i % 4 != 0) {
            if (n == room) {
                return false;
            }
            to[n++] = (unsigned char)(bits >> (6 - i % 4 * 2));
        }
    }
    *ret_len = n;
    /* One digit alone holds no byte. */
    return len % 4 != 1;
}
