#include "common/base/json_write.h"

#include "common/base/clock.h"

/* Whether one of eight bytes is below 0x20, a quote or a backslash: in a word x, the high bit of a
 * byte of (x - 0x01…) & ~x is set where the byte is 0 (and nowhere if none is). */
static bool has_special(uint64_t x)
{
    const uint64_t ones = 0x0101010101010101ULL;
    uint64_t quote = x ^ ones * '"';
    uint64_t slash = x ^ ones * '\\';
    uint64_t found =
        ((x - ones * 0x20) & ~x) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
    return (found & ones * 0x80) != 0;
}

/* Bytes from at that need no escape. */
static size_t plain(tb_str s, size_t at)
{
    size_t i = at;
    for (uint64_t x; i + sizeof x <= s.len; i += sizeof x) {
        memcpy(&x, s.ptr + i, sizeof x);
        if (has_special(x)) {
            break;
        }
    }
    while (i < s.len) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c == '"' || c == '\\') {
            break;
        }
        i++;
    }
    return i - at;
}

static void add_escaped(tb_buf *buf, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char esc[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    size_t n = 6;
    if (c == '"' || c == '\\') {
        esc[1] = (char)c;
        n = 2;
    } else if (c == '\n' || c == '\t' || c == '\r') {
        esc[1] = c == '\n' ? 'n' : c == '\t' ? 't' : 'r';
        n = 2;
    }
    tb_buf_add(buf, esc, n);
}

void tb_json_str(tb_buf *buf, tb_str s)
{
    tb_buf_add_char(buf, '"');
    for (size_t i = 0; i < s.len; i++) {
        size_t n = plain(s, i);
        tb_buf_add(buf, s.ptr + i, n);
        i += n;
        if (i < s.len) {
            add_escaped(buf, (unsigned char)s.ptr[i]);
        }
    }
    tb_buf_add_char(buf, '"');
}

static void before_value(struct tb_json *w)
{
    if (w->comma) {
        tb_buf_add_char(w->buf, ',');
    }
    w->comma = true;
}

void tb_json_open(struct tb_json *w, char bracket)
{
    before_value(w);
    tb_buf_add_char(w->buf, bracket);
    w->comma = false;
}

void tb_json_close(struct tb_json *w, char bracket)
{
    tb_buf_add_char(w->buf, bracket);
    w->comma = true;
}

void tb_json_key_str(struct tb_json *w, tb_str name)
{
    before_value(w);
    tb_json_str(w->buf, name);
    tb_buf_add_char(w->buf, ':');
    w->comma = false;
}

void tb_json_key(struct tb_json *w, const char *name)
{
    before_value(w);
    tb_buf_add_char(w->buf, '"');
    tb_buf_add_c(w->buf, name);
    tb_buf_add(w->buf, "\":", 2);
    w->comma = false;
}

void tb_json_string(struct tb_json *w, tb_str s)
{
    before_value(w);
    if (s.ptr) {
        tb_json_str(w->buf, s);
    } else {
        tb_buf_add_c(w->buf, "null");
    }
}

void tb_json_int(struct tb_json *w, int64_t value)
{
    before_value(w);
    tb_buf_add_i64(w->buf, value);
}

void tb_json_bool(struct tb_json *w, bool value)
{
    before_value(w);
    tb_buf_add_c(w->buf, value ? "true" : "false");
}

void tb_json_null(struct tb_json *w)
{
    before_value(w);
    tb_buf_add_c(w->buf, "null");
}

void tb_json_time(struct tb_json *w, int64_t time_us)
{
    if (time_us == TB_TIME_NONE) {
        tb_json_null(w);
        return;
    }
    char text[TB_TIME_TEXT_MAX];
    size_t n = tb_time_format(time_us, text);
    tb_json_string(w, (tb_str){text, n});
}

void tb_json_strings(struct tb_json *w, tb_strs list)
{
    tb_json_open(w, '[');
    for (size_t i = 0; i < list.n; i++) {
        tb_json_string(w, list.items[i]);
    }
    tb_json_close(w, ']');
}

void tb_json_raw(struct tb_json *w, tb_str json)
{
    before_value(w);
    tb_buf_add_str(w->buf, json);
}
