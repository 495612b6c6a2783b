/* What the sources of the search library share. */
#ifndef TB_INDEXER_SEARCH_INTERNAL_H
#define TB_INDEXER_SEARCH_INTERNAL_H

#include "common/pg/pg.h"
#include "indexer/core/document.h"
#include "indexer/embed/embed.h"
#include "indexer/search/search.h"
#include "indexer/store/store.h"

struct tb_search {
    const struct tb_config *cfg;
    struct tb_arena *own; /* lives as long as the handle */
    struct tb_embedding_model model;
    struct tb_recipe recipe;
    tb_str collection;
    struct tb_pg *pg; /* NULL: connect when needed */
    struct tb_embedder *embedder;
    struct tb_store *store;
    int64_t alias_checked_us; /* when the alias last pointed to our collection; 0: never */
};

/* Connects, or connects anew after a failure. */
enum tb_rc tb_search_connect(struct tb_search *s, struct tb_error *err) TB_MUST_USE;
/* One statement; a connection that was lost since the last one is made again once. */
enum tb_rc tb_search_exec(struct tb_search *s, const char *sql, const struct tb_pg_params *p,
                          struct tb_pg_result **ret, struct tb_error *err) TB_MUST_USE;

/* What one leg found, best first. */
struct tb_leg_hits {
    tb_str *ids;
    size_t n;
};

/* By similarity; hits gives the chunk of each. */
enum tb_rc tb_leg_semantic(struct tb_search *s, const struct tb_search_query *q,
                           struct tb_arena *arena, struct tb_leg_hits *ret,
                           struct tb_store_hit **hits, struct tb_error *err) TB_MUST_USE;
/* By words: the one place that ranks texts. */
enum tb_rc tb_leg_keyword(struct tb_search *s, const struct tb_search_query *q,
                          struct tb_arena *arena, struct tb_leg_hits *ret,
                          struct tb_error *err) TB_MUST_USE;
/* By ids and code-like words. nids: how many of the first are named by their id. */
enum tb_rc tb_leg_exact(struct tb_search *s, const struct tb_search_query *q,
                        struct tb_arena *arena, struct tb_leg_hits *ret, size_t *nids,
                        struct tb_error *err) TB_MUST_USE;

/* Words of a query, as they stand between blanks. */
size_t tb_query_words(tb_str text);

/* Fills in titles, states and passages of hits whose ids are set; drops those that are gone. Hits
 * of the semantic leg bring the chunk that was found (chunks[i].number -1: none). */
struct tb_hit_chunk {
    tb_str kind;
    tb_str comment_id;
    int number;
};
enum tb_rc tb_search_hydrate(struct tb_search *s, const struct tb_search_query *q,
                             struct tb_search_hit *hits, struct tb_hit_chunk *chunks, size_t *n,
                             struct tb_arena *arena, struct tb_error *err) TB_MUST_USE;

#endif
