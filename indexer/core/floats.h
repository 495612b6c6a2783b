/* Vectors as text: they are most of what the indexer sends. */
#ifndef TB_INDEXER_CORE_FLOATS_H
#define TB_INDEXER_CORE_FLOATS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/str.h"

/* Appends a JSON array. Numbers below 1000 get nine decimals at most, which is finer than what a
 * 32-bit float of a normalised vector can tell apart. All must be finite. */
void tb_floats_json(tb_buf *buf, const float *v, size_t n);

/* Finite and not all zero: what has a direction. */
bool tb_floats_usable(const float *v, size_t n);

#endif
