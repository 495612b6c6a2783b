/* Writing down what was indexed: index_state, search_documents and the tickets' cached vectors. */
#ifndef TB_INDEXER_SHELL_STATE_H
#define TB_INDEXER_SHELL_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/pg/pg.h"
#include "indexer/core/document.h"
#include "indexer/shell/rows.h"

/* A ticket whose points are in the store. */
struct tb_indexed {
    const struct tb_row *row;
    const struct tb_document *doc; /* NULL: deleted */
    const bool *poison;            /* by chunk of doc: the model refused it */
    const float *first_vector;     /* of doc's first chunk when it is new, else NULL */
    bool texts_changed;            /* search_documents has to be written */
    int64_t tokens;                /* spent now */
    int64_t embedded;              /* chunks that were embedded for it now */
    bool superseded;               /* set: a newer version is already written down */
    int64_t newer_version;         /* then: which */
};

/* Where and how they were indexed. */
struct tb_state_into {
    tb_str collection;
    tb_str recipe;
    const struct tb_embedding_model *model;
    tb_str price; /* of a million tokens, a decimal number */
};

/* Writes at most TB_STATE_BATCH of them in one short transaction. A newer version that is already
 * written down stays, and is reported in `superseded`. What was spent is counted in any case. */
#define TB_STATE_BATCH 64
enum tb_rc tb_state_write(struct tb_pg *pg, const struct tb_state_into *into,
                          struct tb_indexed *items, size_t n, struct tb_arena *arena,
                          struct tb_error *err) TB_MUST_USE;

/* Forgets tickets that no longer exist. */
enum tb_rc tb_state_forget(struct tb_pg *pg, tb_str collection, const tb_str *ids, size_t n,
                           struct tb_arena *arena, struct tb_error *err) TB_MUST_USE;

#endif
