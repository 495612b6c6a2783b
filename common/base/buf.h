/* A growing byte buffer with a mandatory maximum and a sticky error, checked once at the end.
 * ptr is always NUL-terminated once anything was added. Not thread-safe. */
#ifndef TB_BASE_BUF_H
#define TB_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/attr.h"
#include "common/base/str.h"

typedef struct tb_buf {
    char *ptr;
    size_t len;
    size_t room;
    size_t max;
    bool failed; /* out of memory or over max; content is then incomplete */
} tb_buf;

/* max: most bytes the buffer may hold, at least 1. */
void tb_buf_init(tb_buf *buf, size_t max);
void tb_buf_dispose(tb_buf *buf);
/* Empties the buffer and clears the error; keeps the memory. */
void tb_buf_clear(tb_buf *buf);

void tb_buf_add(tb_buf *buf, const void *data, size_t len);
void tb_buf_add_str(tb_buf *buf, tb_str s);
void tb_buf_add_c(tb_buf *buf, const char *cstr);
void tb_buf_add_char(tb_buf *buf, char c);
void tb_buf_add_i64(tb_buf *buf, int64_t value);
void tb_buf_printf(tb_buf *buf, const char *fmt, ...) TB_PRINTF(2, 3);

/* The content, valid until the buffer changes. */
tb_str tb_buf_str(const tb_buf *buf);
/* A copy in the arena; null when the buffer or the arena failed. */
tb_str tb_buf_take(const tb_buf *buf, struct tb_arena *arena);

#endif
