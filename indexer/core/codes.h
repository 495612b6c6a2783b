/* Code-like words: error codes, file names, identifiers, ids of other trackers.
 *
 * A language's parser splits or stems them, vectors blur them, and people paste them to find the
 * one ticket that has them. So they are kept whole, in lower case, in an index of their own. */
#ifndef TB_INDEXER_CORE_CODES_H
#define TB_INDEXER_CORE_CODES_H

#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

#define TB_CODES_MAX    1024 /* distinct ones of one ticket */
#define TB_CODE_MAX_LEN 120  /* bytes; longer ones are left to the other legs */

/* Distinct codes of the texts in order of appearance, with the parts by which they are also asked
 * for: of "src/db/Pool.java:42" also "pool.java:42", "src/db/pool.java" and "pool.java". */
enum tb_rc tb_codes_of(const tb_str *texts, size_t n, struct tb_arena *arena, tb_strs *ret,
                       struct tb_error *err) TB_MUST_USE;

#endif
