/* Text as plain words, for ranking by words.
 *
 * Postgres' parser makes compound tokens (paths, hyphenated words, host names) of what people
 * search by its parts; measured, they cost more than they give. Codes are kept whole elsewhere
 * (codes.h). */
#ifndef TB_INDEXER_CORE_PLAIN_H
#define TB_INDEXER_CORE_PLAIN_H

#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/str.h"

/* A copy of at most max_bytes in which ASCII punctuation has become blanks; cuts no character. Null
 * when the arena is exhausted. */
tb_str tb_plain_words(tb_str text, size_t max_bytes, struct tb_arena *arena);

#endif
