#include "worker/shell/outbox.h"

void tb_outbox_add(tb_buf *out, enum tb_frame_kind kind, tb_str key, tb_str body)
{
    tb_buf_add_char(out, (char)kind);
    tb_buf_add_char(out, ' ');
    tb_buf_add_i64(out, (int64_t)key.len);
    tb_buf_add_char(out, ' ');
    tb_buf_add_i64(out, (int64_t)body.len);
    tb_buf_add_char(out, '\n');
    tb_buf_add_str(out, key);
    tb_buf_add_str(out, body);
    tb_buf_add_char(out, '\n');
}

static bool number(tb_str s, size_t *at, char end, size_t *ret)
{
    size_t value = 0;
    size_t start = *at;
    while (*at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9') {
        value = value * 10 + (size_t)(s.ptr[(*at)++] - '0');
        if (value > s.len) {
            return false;
        }
    }
    if (*at == start || *at >= s.len || s.ptr[*at] != end) {
        return false;
    }
    (*at)++;
    *ret = value;
    return true;
}

bool tb_outbox_next(tb_str *rest, struct tb_frame *ret)
{
    tb_str s = *rest;
    size_t at = 2;
    size_t key;
    size_t body;
    if (s.len < 2 || s.ptr[1] != ' ' || !strchr("ERICD", s.ptr[0]) || !number(s, &at, ' ', &key) ||
        !number(s, &at, '\n', &body) || s.len - at < key + body + 1) {
        return false;
    }
    ret->kind = (enum tb_frame_kind)s.ptr[0];
    ret->key = (tb_str){s.ptr + at, key};
    ret->body = (tb_str){s.ptr + at + key, body};
    *rest = (tb_str){s.ptr + at + key + body + 1, s.len - at - key - body - 1};
    return true;
}
