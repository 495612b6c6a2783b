/* What Postgres holds of tickets to be indexed, and what is known of their index. */
#ifndef TB_INDEXER_SHELL_ROWS_H
#define TB_INDEXER_SHELL_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/map.h"
#include "common/pg/pg.h"
#include "indexer/core/document.h"
#include "indexer/store/store.h"

/* The cheap part, enough to see that there is nothing to do. */
struct tb_head {
    tb_str id;
    int64_t version;       /* 0: there is no such ticket */
    int64_t state_version; /* 0: not indexed */
    bool same_recipe;
};
enum tb_rc tb_rows_heads(struct tb_pg *pg, tb_str collection, tb_str recipe, const tb_str *ids,
                         size_t n, struct tb_arena *arena, struct tb_head *ret,
                         struct tb_error *err) TB_MUST_USE;

/* A ticket as of one version: row and comments come from one snapshot. */
struct tb_row {
    struct tb_store_payload payload;
    struct tb_ticket_text text;
    int64_t state_version; /* 0: not indexed */
    bool state_deleted;
    bool is_new;             /* created a short while ago and in no index yet */
    int64_t similar_percent; /* its board's; -1: as configured */
    tb_str state_fingerprint;
    struct tb_map hashes; /* chunk key -> struct tb_known_chunk */
};

struct tb_known_chunk {
    tb_str hash;
    bool poison; /* the model refused it; there is no point */
};

/* The tickets that exist among ids, in any order. */
enum tb_rc tb_rows_load(struct tb_pg *pg, tb_str collection, const tb_str *ids, size_t n,
                        struct tb_arena *arena, struct tb_row **ret, size_t *ret_n,
                        struct tb_error *err) TB_MUST_USE;

#endif
