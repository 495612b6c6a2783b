#include "common/base/json_write.h"

#include "common/base/clock.h"

void tb_json_str(tb_buf *buf, tb_str s)
{
    static const char hex[] = "0123456789abcdef";
    tb_buf_add_char(buf, '"');
    size_t start = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        tb_buf_add(buf, s.ptr + start, i - start);
        start = i + 1;
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
    if (s.len > start) {
        tb_buf_add(buf, s.ptr + start, s.len - start);
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
    tb_json_key_str(w, tb_str_of(name));
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
