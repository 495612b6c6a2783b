/* Where a reader stands in the topic of events: the next offset of each partition. Pure.
 *
 * As text "0=1042,1=977": what server-sent events carry as their id. Every event with a lower
 * offset was given to the reader, or was not for it. */
#ifndef TB_STREAM_CURSOR_H
#define TB_STREAM_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

#define TB_CURSOR_PARTITIONS_MAX 1000
#define TB_CURSOR_TEXT_MAX       (TB_CURSOR_PARTITIONS_MAX * 26)

/* Fills next[0..n); a partition the text does not name stands at 0 (the topic has grown since).
 * TB_EINVAL: not of that form, or names a partition the topic does not have. */
enum tb_rc tb_cursor_parse(tb_str text, int64_t *next, size_t n, struct tb_error *err) TB_MUST_USE;
void tb_cursor_write(const int64_t *next, size_t n, tb_buf *out);
/* Every entry of a is at least that of b. */
bool tb_cursor_covers(const int64_t *a, const int64_t *b, size_t n);

#endif
