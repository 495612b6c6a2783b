#include "common/httpd/encode.h"

#include <stdint.h>
#include <stdlib.h>
#include <strings.h>
#include <zlib.h>

enum { LEVEL = 4, WINDOW_GZIP = 15 + 16, MEMORY = 8 };

static tb_str trimmed(tb_str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s = (tb_str){s.ptr + 1, s.len - 1};
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

/* The text up to the separator, which is taken off *rest with it. */
static tb_str next_part(tb_str *rest, char separator)
{
    const char *end = memchr(rest->ptr, separator, rest->len);
    size_t n = end ? (size_t)(end - rest->ptr) : rest->len;
    tb_str part = {rest->ptr, n};
    size_t step = end ? n + 1 : n;
    *rest = (tb_str){rest->ptr + step, rest->len - step};
    return trimmed(part);
}

static bool same(tb_str text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

/* "0.123" in thousandths; -1 when it is no weight. */
static int weight(tb_str text)
{
    int value = 0;
    int unit = 100;
    if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1') ||
        (text.len > 1 && text.ptr[1] != '.')) {
        return -1;
    }
    value = (text.ptr[0] - '0') * 1000;
    for (size_t i = 2; i < text.len; i++, unit /= 10) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return -1;
        }
        value += (text.ptr[i] - '0') * unit;
    }
    return value <= 1000 ? value : -1;
}

/* The coding of one entry, and its weight: 0 when that cannot be read. */
static tb_str read_entry(tb_str entry, int *ret_weight)
{
    tb_str coding = next_part(&entry, ';');
    *ret_weight = 1000;
    while (entry.len > 0) {
        tb_str parameter = next_part(&entry, ';');
        tb_str name = next_part(&parameter, '=');
        if (same(name, "q")) {
            int q = weight(trimmed(parameter));
            *ret_weight = q < 0 ? 0 : q;
        }
    }
    return coding;
}

bool tb_accepts_gzip(tb_str accept_encoding)
{
    enum { NOT_SAID = -1 };
    int gzip = NOT_SAID;
    int identity = NOT_SAID;
    int others = NOT_SAID;
    while (accept_encoding.len > 0) {
        int q = 0;
        tb_str coding = read_entry(next_part(&accept_encoding, ','), &q);
        if (same(coding, "gzip") || same(coding, "x-gzip")) {
            gzip = q > gzip ? q : gzip;
        } else if (same(coding, "identity")) {
            identity = q;
        } else if (same(coding, "*")) {
            others = q;
        }
    }
    gzip = gzip == NOT_SAID ? others : gzip;
    return gzip > 0 && gzip >= identity;
}

/* ---- tags ---- */

tb_str tb_etag_state(tb_str etag)
{
    static const char mark[] = TB_GZIP_TAG;
    size_t n = sizeof mark - 1;
    if (etag.len < 2 || etag.ptr[0] != '"' || etag.ptr[etag.len - 1] != '"') {
        return TB_STR_NULL;
    }
    tb_str state = {etag.ptr + 1, etag.len - 2};
    if (memchr(state.ptr, '"', state.len)) {
        return TB_STR_NULL;
    }
    if (state.len > n && memcmp(state.ptr + state.len - n, mark, n) == 0) {
        state.len -= n;
    }
    return state;
}

bool tb_etag_matches(tb_str if_none_match, tb_str etag)
{
    tb_str state = tb_etag_state(etag);
    if (tb_str_eq_c(trimmed(if_none_match), "*")) {
        return true;
    }
    while (if_none_match.len > 0) {
        tb_str one = next_part(&if_none_match, ',');
        if (tb_str_starts(one, "W/")) { /* the weak comparison is the one that counts here */
            one = (tb_str){one.ptr + 2, one.len - 2};
        }
        if (tb_str_eq(tb_etag_state(one), state)) {
            return true;
        }
    }
    return false;
}

/* ---- bytes ---- */

void *tb_gzip(tb_str body, size_t *ret_len)
{
    z_stream z = {.zalloc = Z_NULL};
    union {
        const char *ours;
        Bytef *theirs; /* zlib does not write to it */
    } in = {.ours = body.ptr};
    if (body.len > UINT32_MAX / 2 ||
        deflateInit2(&z, LEVEL, Z_DEFLATED, WINDOW_GZIP, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        return NULL;
    }
    uLong room = deflateBound(&z, (uLong)body.len);
    void *out = malloc(room);
    z.next_in = in.theirs;
    z.avail_in = (uInt)body.len;
    z.next_out = out;
    z.avail_out = (uInt)room;
    bool done = out && deflate(&z, Z_FINISH) == Z_STREAM_END;
    *ret_len = done ? z.total_out : 0;
    (void)deflateEnd(&z);
    if (!done) {
        free(out);
        return NULL;
    }
    return out;
}
