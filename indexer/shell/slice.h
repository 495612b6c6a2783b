/* What the sources of a round share: a slice is the part of a round that is embedded and written
 * together. */
#ifndef TB_INDEXER_SHELL_SLICE_H
#define TB_INDEXER_SHELL_SLICE_H

#include "indexer/shell/round.h"
#include "indexer/shell/rows.h"
#include "indexer/shell/state.h"

/* A chunk in the course of a round. */
struct piece {
    struct tb_embed_input input;
    bool embed;   /* its vector is made in this round */
    bool refresh; /* its point stands, only the payload changes */
};

struct item {
    struct tb_indexed out;
    struct tb_document doc;
    struct piece *pieces; /* by chunk of doc */
    bool *poison;
};

struct slice {
    struct tb_indexer *ix;
    struct tb_arena *arena;
    struct item *items;
    size_t n;
    size_t chunks; /* of all items */
};

static inline const struct tb_store_payload *payload(const struct item *it)
{
    return &it->out.row->payload;
}

/* Embeds every piece marked so; what the model refuses is dead-lettered. */
enum tb_rc tb_slice_embed(struct slice *s, struct tb_error *err) TB_MUST_USE;
/* New points, refreshed payloads, tombstones and purges of all items. Waits for the store. */
enum tb_rc tb_slice_write_points(struct slice *s, struct tb_error *err) TB_MUST_USE;
/* Reads refreshed points back; writes anew what is not as it was taken for. */
enum tb_rc tb_slice_confirm(struct slice *s, struct tb_error *err) TB_MUST_USE;
/* Tells new tickets of others about the same thing, by a command to each; before its state is
 * written down, so that a crash in between repeats it (and the command's id is the same). */
enum tb_rc tb_slice_tell_similar(struct slice *s, struct tb_error *err) TB_MUST_USE;
/* Somebody has written down a newer version of an item while this one was under way. What he could
 * not know of (chunks that only this version has) goes. */
enum tb_rc tb_slice_yield(struct slice *s, struct tb_error *err) TB_MUST_USE;
/* Applies a batch; waits for the store. TB_EDATA: it is refused for its data. */
enum tb_rc tb_slice_apply(struct slice *s, const struct tb_store_batch *batch,
                          struct tb_error *err) TB_MUST_USE;

#endif
