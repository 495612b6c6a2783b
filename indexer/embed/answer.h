/* Reading what an embedding service answers. */
#ifndef TB_INDEXER_EMBED_ANSWER_H
#define TB_INDEXER_EMBED_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/str.h"

/* Reads n vectors of dim floats, each from an array of numbers or base64, in the order of their
 * index. False, with the reason in why, unless all are there once, of this dimension, finite and
 * not zero. tokens: usage as reported, 0 when it is not. */
bool tb_embed_read(tb_str body, size_t n, size_t dim, struct tb_arena *arena, float **vectors,
                   uint64_t *tokens, char *why, size_t why_size);

#endif
