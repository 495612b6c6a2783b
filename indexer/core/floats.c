#include "indexer/core/floats.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static size_t print_float(float value, char out[32])
{
    double v = (double)value;
    if (!(v < 1000.0 && v > -1000.0)) {
        return (size_t)snprintf(out, 32, "%.9g", v);
    }
    char *p = out;
    if (v < 0) {
        *p++ = '-';
        v = -v;
    }
    uint64_t scaled = (uint64_t)(v * 1e9 + 0.5);
    uint64_t whole = scaled / 1000000000U;
    uint32_t rest = (uint32_t)(scaled % 1000000000U);
    if (whole >= 100) {
        *p++ = (char)('0' + whole / 100);
    }
    if (whole >= 10) {
        *p++ = (char)('0' + whole / 10 % 10);
    }
    *p++ = (char)('0' + whole % 10);
    if (rest) {
        char digits[9];
        size_t n = 9;
        for (size_t i = 9; i-- > 0;) {
            digits[i] = (char)('0' + rest % 10);
            rest /= 10;
        }
        while (digits[n - 1] == '0') {
            n--;
        }
        *p++ = '.';
        memcpy(p, digits, n);
        p += n;
    }
    return (size_t)(p - out);
}

void tb_floats_json(tb_buf *buf, const float *v, size_t n)
{
    char text[64 * 32];
    size_t used = 0;
    tb_buf_add_char(buf, '[');
    for (size_t i = 0; i < n; i++) {
        if (used + 33 > sizeof text) {
            tb_buf_add(buf, text, used);
            used = 0;
        }
        if (i) {
            text[used++] = ',';
        }
        used += print_float(v[i], text + used);
    }
    tb_buf_add(buf, text, used);
    tb_buf_add_char(buf, ']');
}

static int sextet(char c)
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

bool tb_floats_base64(tb_str text, float *out, size_t n)
{
    size_t bytes = n * sizeof(float);
    while (text.len && text.ptr[text.len - 1] == '=') {
        text.len--;
    }
    if (text.len != (bytes * 4 + 2) / 3) {
        return false;
    }
    uint32_t bits = 0;
    unsigned have = 0;
    size_t at = 0;
    unsigned char word[4];
    for (size_t i = 0; i < text.len; i++) {
        int six = sextet(text.ptr[i]);
        if (six < 0) {
            return false;
        }
        bits = (bits << 6) | (uint32_t)six;
        have += 6;
        if (have >= 8) {
            have -= 8;
            word[at % 4] = (unsigned char)(bits >> have);
            if (at % 4 == 3) {
                uint32_t value = (uint32_t)word[0] | (uint32_t)word[1] << 8 |
                                 (uint32_t)word[2] << 16 | (uint32_t)word[3] << 24;
                memcpy(&out[at / 4], &value, sizeof value);
            }
            at++;
        }
    }
    return at == bytes;
}

bool tb_floats_usable(const float *v, size_t n)
{
    float norm = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(v[i])) {
            return false;
        }
        norm += v[i] * v[i];
    }
    return norm > 0 && isfinite(norm);
}
