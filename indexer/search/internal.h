/* What the sources of the search library share. */
#ifndef TB_INDEXER_SEARCH_INTERNAL_H
#define TB_INDEXER_SEARCH_INTERNAL_H

#include "common/pg/pg.h"
#include "indexer/core/document.h"
#include "indexer/core/fuse.h"
#include "indexer/embed/embed.h"
#include "indexer/search/search.h"
#include "indexer/store/store.h"

struct tb_search {
    const struct tb_config *cfg;
    struct tb_arena *own; /* of model and collection */
    struct tb_embedding_model model;
    struct tb_recipe recipe;
    tb_str collection;
    enum tb_formula formula;
    struct tb_pg *pg; /* NULL: connect when needed */
    struct tb_embedder *embedder;
    struct tb_store *store;
    int64_t aimed_us; /* when the catalog was read last; 0: it has to be */
};

/* Model and collection, and the clients for them: those that the settings name. */
enum tb_rc tb_search_aim_configured(struct tb_search *s, struct tb_error *err) TB_MUST_USE;
/* Those that are to be searched by now: read again after a second, or at once. */
enum tb_rc tb_search_aim(struct tb_search *s, bool now, struct tb_error *err) TB_MUST_USE;

/* Connects, or connects anew after a failure. */
enum tb_rc tb_search_connect(struct tb_search *s, struct tb_error *err) TB_MUST_USE;
/* One statement; a connection that was lost since the last one is made again once. */
enum tb_rc tb_search_exec(struct tb_search *s, const char *sql, const struct tb_pg_params *p,
                          struct tb_pg_result **ret, struct tb_error *err) TB_MUST_USE;

/* How the legs are fused: as the board of the workflow says, else as configured. */
struct tb_fusing {
    enum tb_formula formula;
    double semantic; /* 0 to 1 */
};
enum tb_rc tb_search_fusing(struct tb_search *s, tb_str workflow_id, struct tb_arena *arena,
                            struct tb_fusing *ret, struct tb_error *err) TB_MUST_USE;

/* What one leg found, best first. */
struct tb_leg_hits {
    tb_str *ids;
    double *scores; /* descending; of one leg comparable, of two not */
    size_t n;
};

/* Parameters 2 to 7; the ticket's own row is the truth about what it is filtered by. */
#define TB_FILTER_SQL                                                                              \
    " NOT t.is_deleted AND ($2::text IS NULL OR t.workflow_id = $2)"                               \
    " AND ($3::text IS NULL OR t.status = $3) AND ($4::text IS NULL OR t.ticket_type = $4)"        \
    " AND ($5::text IS NULL OR t.priority = $5) AND ($6::text IS NULL OR t.assigned_agent_id = "   \
    "$6)"                                                                                          \
    " AND ($7::text IS NULL OR t.tags @> jsonb_build_array($7::text))"
void tb_leg_add_filter(struct tb_pg_params *p, const struct tb_search_query *q);
/* Ids from the first column; `score`: column with the score in millionths. */
enum tb_rc tb_leg_read(const struct tb_pg_result *r, int score, struct tb_arena *arena,
                       struct tb_leg_hits *ret, struct tb_error *err) TB_MUST_USE;

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

/* Leaves of a leg the tickets in which every quoted phrase of the query stands. chunks may be NULL.
 */
enum tb_rc tb_leg_with_phrases(struct tb_search *s, const struct tb_search_query *q,
                               struct tb_arena *arena, struct tb_leg_hits *leg,
                               struct tb_store_hit *chunks, struct tb_error *err) TB_MUST_USE;

/* The first line of a query of several lines: a whole ticket begins with its title. Else null. */
tb_str tb_query_title(tb_str text);
/* What stands between double quotes, in plain words; none of a long query. */
tb_strs tb_query_phrases(tb_str text, struct tb_arena *arena);
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
