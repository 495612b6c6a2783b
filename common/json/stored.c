#include "common/json/stored.h"

/* A number of decimal digits and the blank or newline behind it, off *rest. */
static bool take_number(tb_str *rest, size_t *ret)
{
    size_t n = 0;
    size_t i = 0;
    for (; i < rest->len && i < 10 && rest->ptr[i] >= '0' && rest->ptr[i] <= '9'; i++) {
        n = n * 10 + (size_t)(rest->ptr[i] - '0');
    }
    if (i == 0 || i >= rest->len) {
        return false;
    }
    *rest = (tb_str){rest->ptr + i + 1, rest->len - i - 1};
    *ret = n;
    return true;
}

void tb_stored_events(struct tb_json *w, tb_str stored)
{
    tb_json_open(w, '[');
    while (stored.len > 2) {
        char kind = stored.ptr[0];
        size_t key = 0;
        size_t body = 0;
        stored = (tb_str){stored.ptr + 2, stored.len - 2};
        if (!take_number(&stored, &key) || !take_number(&stored, &body) ||
            key + body + 1 > stored.len) {
            break;
        }
        if (kind == 'E') {
            tb_json_raw(w, (tb_str){stored.ptr + key, body});
        }
        stored = (tb_str){stored.ptr + key + body + 1, stored.len - key - body - 1};
    }
    tb_json_close(w, ']');
}
