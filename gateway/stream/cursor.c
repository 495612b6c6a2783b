#include "gateway/stream/cursor.h"

#include <string.h>

/* Digits at *at; -1 when there are none, or too many. */
static int64_t number(tb_str text, size_t *at)
{
    int64_t value = 0;
    size_t from = *at;
    while (*at < text.len && text.ptr[*at] >= '0' && text.ptr[*at] <= '9' && *at - from < 18) {
        value = value * 10 + (text.ptr[(*at)++] - '0');
    }
    return *at > from ? value : -1;
}

enum tb_rc tb_cursor_parse(tb_str text, int64_t *next, size_t n, struct tb_error *err)
{
    static const char form[] = "is of the form partition=offset,partition=offset,…";
    memset(next, 0, n * sizeof *next);
    bool named[TB_CURSOR_PARTITIONS_MAX] = {false};
    size_t at = 0;
    for (;;) {
        int64_t partition = number(text, &at);
        if (partition < 0 || at >= text.len || text.ptr[at++] != '=') {
            return tb_fail_field(err, TB_EINVAL, "Last-Event-ID", "%s", form);
        }
        int64_t offset = number(text, &at);
        if (offset < 0) {
            return tb_fail_field(err, TB_EINVAL, "Last-Event-ID", "%s", form);
        }
        if ((size_t)partition >= n || partition >= TB_CURSOR_PARTITIONS_MAX || named[partition]) {
            return tb_fail_field(err, TB_EINVAL, "Last-Event-ID",
                                 "names partition %lld twice, or the topic does not have it",
                                 (long long)partition);
        }
        named[partition] = true;
        next[partition] = offset;
        if (at == text.len) {
            return TB_OK;
        }
        if (text.ptr[at++] != ',') {
            return tb_fail_field(err, TB_EINVAL, "Last-Event-ID", "%s", form);
        }
    }
}

void tb_cursor_write(const int64_t *next, size_t n, tb_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i) {
            tb_buf_add_char(out, ',');
        }
        tb_buf_add_i64(out, (int64_t)i);
        tb_buf_add_char(out, '=');
        tb_buf_add_i64(out, next[i]);
    }
}

bool tb_cursor_covers(const int64_t *a, const int64_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i] < b[i]) {
            return false;
        }
    }
    return true;
}
