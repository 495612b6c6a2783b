/* UTF-8: validation and counting. Lengths shown to users count characters (code points). */
#ifndef TB_BASE_UTF8_H
#define TB_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/str.h"

/* Well-formed UTF-8 without U+0000, which Postgres text cannot hold (Unicode 15, table 3-7). */
bool tb_utf8_valid(tb_str s);
/* Bytes before the first ill-formed sequence (or U+0000); s.len when there is none. */
size_t tb_utf8_valid_len(tb_str s);
/* Number of code points of a valid string. */
size_t tb_utf8_count(tb_str s);
/* Longest prefix of at most max_bytes that does not cut a character. */
tb_str tb_utf8_prefix(tb_str s, size_t max_bytes);

#endif
