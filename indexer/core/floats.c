#include "indexer/core/floats.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

static void print_pair(char *out, uint32_t n)
{
    memcpy(out, pairs + (size_t)n * 2, 2);
}

/* The nine digits of n, without zeros at the end; returns how many. */
static size_t print_fraction(char out[9], uint32_t n)
{
    uint32_t high = n / 10000; /* five digits */
    uint32_t low = n % 10000;
    out[0] = (char)('0' + high / 10000);
    high %= 10000;
    print_pair(out + 1, high / 100);
    print_pair(out + 3, high % 100);
    print_pair(out + 5, low / 100);
    print_pair(out + 7, low % 100);
    size_t len = 9;
    while (out[len - 1] == '0') {
        len--;
    }
    return len;
}

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
    uint32_t whole = scaled < 1000000000U ? 0 : (uint32_t)(scaled / 1000000000U);
    uint32_t rest = (uint32_t)(scaled - (uint64_t)whole * 1000000000U);
    if (whole >= 100) {
        *p++ = (char)('0' + whole / 100);
    }
    if (whole >= 10) {
        *p++ = (char)('0' + whole / 10 % 10);
    }
    *p++ = (char)('0' + whole % 10);
    if (rest) {
        *p++ = '.';
        p += print_fraction(p, rest);
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
