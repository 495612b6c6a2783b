/* Search: what ticketctl and the gateway ask, and how the index stands.
 *
 * Threads: a handle belongs to one thread at a time (it owns one connection to each server and
 * keeps nothing global), so a pool opens one per thread, or hands handles out under a lock. Handles
 * do not know of each other; several may share one tb_config, which is only read. Every call has
 * its own arena. A handle survives failures of its servers: the next call connects anew. */
#ifndef TB_INDEXER_SEARCH_SEARCH_H
#define TB_INDEXER_SEARCH_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/json_write.h"
#include "common/base/str.h"
#include "common/config/config.h"
#include "indexer/core/passage.h"

struct tb_search;
struct tb_collection;

#define TB_SEARCH_DEPTH       200   /* tickets each leg looks at: most that can be paged through */
#define TB_SEARCH_QUERY_BYTES 65536 /* longest query; a whole ticket may be one */

/* Reads DB_*, QDRANT_*, EMBEDDING_* and TICKETBUS_SEARCH_*; connects when first needed. cfg must
 * outlive the handle. */
enum tb_rc tb_search_open(const struct tb_config *cfg, struct tb_search **ret,
                          struct tb_error *err) TB_MUST_USE;
void tb_search_free(struct tb_search *s);

enum tb_search_mode { TB_SEARCH_HYBRID, TB_SEARCH_SEMANTIC, TB_SEARCH_KEYWORD };

struct tb_search_query {
    tb_str text; /* any text; not a query language */
    enum tb_search_mode mode;
    /* Null: any. They narrow both legs, so that `limit` results come when so many exist. */
    tb_str workflow_id;
    tb_str status;
    tb_str ticket_type;
    tb_str priority;
    tb_str assignee;
    tb_str tag;
    bool include_comments; /* search in comments too */
    tb_str but;            /* id of a ticket to leave out; null: none */
    size_t limit;          /* 1 to 100 */
    size_t offset;         /* offset + limit at most TB_SEARCH_DEPTH */
};

enum tb_search_leg { TB_LEG_SEMANTIC, TB_LEG_KEYWORD, TB_LEG_EXACT, TB_LEGS_ };
extern const char *const tb_search_leg_names[TB_LEGS_];

struct tb_search_hit {
    tb_str ticket_id;
    tb_str external_id; /* may be null */
    tb_str workflow_id;
    tb_str title;
    tb_str status;
    tb_str ticket_type;
    tb_str priority;
    tb_str assignee; /* may be null */
    bool is_blocked;
    bool is_resolved;
    int64_t updated_at;
    double score;           /* comparable within one answer only */
    size_t ranks[TB_LEGS_]; /* from 1, by leg; 0: that leg did not find it */
    double parts[TB_LEGS_]; /* what each leg gave to the score */
    double similarity;      /* cosine of the best chunk, 0 when the semantic leg did not find it */
    tb_str passage;         /* the part that matches best, plain text */
    tb_str passage_comment_id; /* null: from title or description */
    struct tb_mark *marks;     /* words of the query in the passage */
    size_t nmarks;
};

struct tb_search_degraded {
    const char *leg; /* "semantic" or "keyword" */
    char why[256];
};

struct tb_search_answer {
    struct tb_search_hit *hits;
    size_t n;
    bool more; /* there are results after these */
    /* Legs that were asked for and did not answer; the others' results stand. */
    struct tb_search_degraded degraded[2];
    size_t ndegraded;
};

/* A hit as an object; explain: with the legs' places and shares, and where the query's words stand.
 */
void tb_search_hit_json(struct tb_json *w, const struct tb_search_hit *h, bool explain);
/* The member "degraded": the legs that could not answer, and why. */
void tb_search_degraded_json(struct tb_json *w, const struct tb_search_answer *a);

/* Everything in *ret lives in the arena. TB_EINVAL names the field at fault. TB_EUNAVAILABLE when
 * no leg could answer (results need Postgres for titles, so without it there are none). */
enum tb_rc tb_search_run(struct tb_search *s, const struct tb_search_query *query,
                         struct tb_arena *arena, struct tb_search_answer *ret,
                         struct tb_error *err) TB_MUST_USE;

/* Tickets about the same thing as this one (its id or external id), in its workflow unless
 * `anywhere`: a search for its text that leaves itself out. TB_ENOTFOUND: no such ticket. */
struct tb_similar_query {
    tb_str ticket_id;
    bool anywhere;
    size_t limit; /* 1 to 100 */
    size_t offset;
};
enum tb_rc tb_search_similar(struct tb_search *s, const struct tb_similar_query *query,
                             struct tb_arena *arena, struct tb_search_answer *ret,
                             struct tb_error *err) TB_MUST_USE;

/* ---- how the index stands ---- */

struct tb_index_status {
    tb_str model;
    int64_t dim;
    tb_str collection; /* of this model */
    tb_str alias;
    tb_str alias_target; /* null: no alias, or the store is away */
    bool store_reachable;
    char store_error[256];
    int64_t tickets_live;
    int64_t tickets_current; /* live ones indexed at their very version */
    int64_t tickets_stale;   /* indexed at an older version */
    int64_t tickets_missing; /* never indexed */
    int64_t tickets_refused; /* of those two, not taken by the store or the database as they are */
    int64_t tickets_deleted;
    int64_t deletes_pending; /* deleted, but still indexed as they were */
    int64_t chunks_expected; /* points that live tickets should have */
    int64_t points_live;     /* points there are; -1 when the store is away */
    int64_t tombstones;
    int64_t failed_chunks;       /* parts that the model refused: found by keywords only */
    int64_t orphans;             /* points beyond those; 0 or more while tickets are behind, too */
    int64_t tokens;              /* spent on this model so far */
    tb_str cost;                 /* the same in the currency of EMBEDDING_PRICE, a decimal number */
    tb_str oldest_stale_id;      /* null when nothing is stale */
    int64_t oldest_stale_age_us; /* since it became so */
    int64_t proved_at;           /* end of the last index reconcile, TB_TIME_NONE: never */
    int64_t proof_differences;   /* what it found, and repaired */
    const struct tb_collection *collections; /* the active one first: indexer/catalog/catalog.h */
    size_t ncollections;
};
/* Strings live in the arena. */
enum tb_rc tb_index_status(struct tb_search *s, struct tb_arena *arena, struct tb_index_status *ret,
                           struct tb_error *err) TB_MUST_USE;

/* What embedding a workflow's tickets has cost, with one model. */
struct tb_index_usage {
    tb_str workflow_id;
    tb_str model;
    int64_t chunks;
    int64_t tokens;
    tb_str cost; /* a decimal number in the currency of EMBEDDING_PRICE, six places */
};
/* Of the last `days` days, today included (0: ever), the dearest workflows first, at most max.
 * Strings live in the arena. */
enum tb_rc tb_index_usage_read(struct tb_search *s, int64_t days, size_t max,
                               struct tb_arena *arena, struct tb_index_usage **ret, size_t *ret_n,
                               struct tb_error *err) TB_MUST_USE;

/* One difference between index and database. */
struct tb_index_difference {
    const char *what; /* stable: see tb_index_verify */
    tb_str ticket_id;
    int64_t expected; /* version or count, by what */
    int64_t found;
};
typedef void tb_index_difference_fn(const struct tb_index_difference *d, void *arg);

struct tb_index_verdict {
    int64_t tickets;     /* live ones looked at */
    int64_t points;      /* points looked at, tombstones included */
    int64_t differences; /* 0: index = database */
};

/* Proves index = database for every ticket, both ways; fn (may be NULL) hears of each difference:
 *   not_indexed     a live ticket that index_state does not know (expected: its version)
 *   stale           index_state is at another version than the ticket
 *   point_version   a point carries another version than its ticket
 *   points_missing  the store has fewer points of a ticket than its chunks (expected, found:
 * counts) points_extra    more of them deleted_live    points of a deleted ticket that can still be
 * found orphan          points of a ticket that does not exist (found: how many) no_keywords     a
 * live ticket without its row in search_documents Tickets that change meanwhile may show; ask again
 * when writes rest. */
enum tb_rc tb_index_verify(struct tb_search *s, tb_index_difference_fn *fn, void *arg,
                           struct tb_index_verdict *ret, struct tb_error *err) TB_MUST_USE;

#endif
