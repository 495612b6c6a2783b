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
