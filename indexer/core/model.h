/* What is known of an embedding model: its prefixes and the fingerprint that names its collection.
 *
 * Vectors of two models must never be compared, so everything that changes the vector of a text
 * takes part in the fingerprint, and the fingerprint is part of the collection's physical name. */
#ifndef TB_INDEXER_CORE_MODEL_H
#define TB_INDEXER_CORE_MODEL_H

#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/str.h"

#define TB_MODEL_FINGERPRINT_LEN 12

struct tb_embedding_model {
    tb_str name;
    int64_t dim;
    tb_str passage_prefix;                          /* put before what is indexed, never null */
    tb_str query_prefix;                            /* put before what is searched, never null */
    char fingerprint[TB_MODEL_FINGERPRINT_LEN + 1]; /* lower-case hexadecimal */
};

/* Prefixes come from a table of model families (model cards of E5, BGE, Nomic, Qwen3). Strings are
 * copied into the arena. */
struct tb_embedding_model tb_embedding_model_of(tb_str name, int64_t dim, struct tb_arena *arena);

/* The same with prefixes of the caller's choice. */
struct tb_embedding_model tb_embedding_model_with(tb_str name, int64_t dim, tb_str passage_prefix,
                                                  tb_str query_prefix, struct tb_arena *arena);

/* Physical name of the collection of this model behind an alias; NUL-terminated, in the arena. */
tb_str tb_collection_name(tb_str alias, const struct tb_embedding_model *model,
                          struct tb_arena *arena);

#endif
