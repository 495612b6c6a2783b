#include "common/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void tb_buf_init(tb_buf *buf, size_t max)
{
    *buf = (tb_buf){.max = max};
}

void tb_buf_dispose(tb_buf *buf)
{
    free(buf->ptr);
    *buf = (tb_buf){.max = buf->max};
}

void tb_buf_clear(tb_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->ptr) {
        buf->ptr[0] = '\0';
    }
}

static bool reserve(tb_buf *buf, size_t more)
{
    if (buf->failed) {
        return false;
    }
    if (more > buf->max - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t need = buf->len + more + 1;
    if (need <= buf->room) {
        return true;
    }
    size_t room = buf->room ? buf->room : 256;
    while (room < need) {
        room *= 2;
    }
    char *p = realloc(buf->ptr, room);
    if (!p) {
        buf->failed = true;
        return false;
    }
    buf->ptr = p;
    buf->room = room;
    return true;
}

void tb_buf_add(tb_buf *buf, const void *data, size_t len)
{
    if (!reserve(buf, len)) {
        return;
    }
    if (len) {
        memcpy(buf->ptr + buf->len, data, len);
    }
    buf->len += len;
    buf->ptr[buf->len] = '\0';
}

void tb_buf_add_str(tb_buf *buf, tb_str s)
{
    tb_buf_add(buf, s.ptr, s.len);
}

void tb_buf_add_c(tb_buf *buf, const char *cstr)
{
    tb_buf_add(buf, cstr, strlen(cstr));
}

void tb_buf_add_char(tb_buf *buf, char c)
{
    if (buf->len + 1 < buf->room && buf->len < buf->max && !buf->failed) {
        buf->ptr[buf->len++] = c;
        buf->ptr[buf->len] = '\0';
        return;
    }
    tb_buf_add(buf, &c, 1);
}

void tb_buf_add_i64(tb_buf *buf, int64_t value)
{
    char digits[24];
    char *p = digits + sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0) {
        *--p = '-';
    }
    tb_buf_add(buf, p, (size_t)(digits + sizeof digits - p));
}

void tb_buf_printf(tb_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0 || !reserve(buf, (size_t)n)) {
        buf->failed = true;
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(buf->ptr + buf->len, (size_t)n + 1, fmt, args);
    va_end(args);
    buf->len += (size_t)n;
}

tb_str tb_buf_str(const tb_buf *buf)
{
    return (tb_str){buf->ptr ? buf->ptr : "", buf->len};
}

tb_str tb_buf_take(const tb_buf *buf, struct tb_arena *arena)
{
    return buf->failed ? TB_STR_NULL : tb_arena_str(arena, tb_buf_str(buf));
}
