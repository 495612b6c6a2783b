/* The vector store: one interface for every adapter.
 *
 * A store never lets an older version of a ticket win: a write whose ticket is known at a newer
 * version changes nothing, whoever sends it and whenever. The same version may be written again (it
 * says the same). A deleted ticket stays as points without vectors that carry its version, so that
 * a late write of an older one cannot bring it back. Not thread-safe. */
#ifndef TB_INDEXER_STORE_STORE_H
#define TB_INDEXER_STORE_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/config/config.h"

struct tb_store;

/* What a ticket's points can be filtered by; the same for all of them. */
struct tb_store_payload {
    tb_str ticket_id;
    int64_t version; /* < 2^53: the store compares as doubles */
    tb_str workflow_id;
    tb_str status;
    tb_str ticket_type;
    tb_str priority;
    tb_str assignee;  /* may be null */
    tb_str tags_json; /* a JSON array of strings */
    bool is_blocked;
    bool is_resolved;
    bool is_deleted;
    int64_t created_at; /* microseconds */
    int64_t updated_at;
};

struct tb_store_point {
    struct tb_uuid id;
    const struct tb_store_payload *ticket;
    const float *vector; /* NULL: a tombstone */
    const char *kind;    /* body, title or comment */
    tb_str comment_id;   /* null unless comment */
    int number;
    const char *hash; /* of what made the vector */
};

/* Points of one ticket whose vectors stand: their payload is brought up to date where the point has
 * this hash and is not newer. */
struct tb_store_refresh {
    const struct tb_store_payload *ticket;
    const struct tb_uuid *ids;
    const char *const *hashes;
    size_t n;
};

/* Points of this ticket with a smaller version are removed. */
struct tb_store_purge {
    tb_str ticket_id;
    int64_t before_version;
};

/* Applied in this order: points, refreshes, purges. No id may stand twice in one batch. */
struct tb_store_batch {
    const struct tb_store_point *points;
    size_t npoints;
    const struct tb_store_refresh *refreshes;
    size_t nrefreshes;
    const struct tb_store_purge *purges;
    size_t npurges;
};

/* Null members filter nothing. */
struct tb_store_filter {
    tb_str workflow_id;
    tb_str status;
    tb_str ticket_type;
    tb_str priority;
    tb_str assignee;
    tb_str tag;
    bool no_comments;
};

struct tb_store_hit {
    tb_str ticket_id;
    double score;      /* cosine similarity of its best chunk */
    tb_str kind;       /* of that chunk */
    tb_str comment_id; /* null unless comment */
    int number;
};

struct tb_store_seen {
    struct tb_uuid id;
    tb_str ticket_id;
    int64_t version;
    bool deleted;
    char hash[40];
    /* With tb_store_read only: all that the point says. tags_json is compact. */
    const struct tb_store_payload *payload;
    tb_str kind;
    tb_str comment_id;
    int number;
};
/* Returns false to end the walk. The record is valid during the call. */
typedef bool tb_store_seen_fn(const struct tb_store_seen *seen, void *arg);

/* An adapter: a table of functions, one for each of the calls below. */
struct tb_store_ops {
    const char *name;
    void (*free)(struct tb_store *s);
    enum tb_rc (*ensure)(struct tb_store *s, bool take_alias, struct tb_error *err);
    enum tb_rc (*alias)(struct tb_store *s, struct tb_arena *arena, tb_str *ret,
                        struct tb_error *err);
    enum tb_rc (*drop)(struct tb_store *s, struct tb_error *err);
    enum tb_rc (*apply)(struct tb_store *s, const struct tb_store_batch *batch,
                        struct tb_error *err);
    enum tb_rc (*seen)(struct tb_store *s, const struct tb_uuid *ids, size_t n, bool whole,
                       tb_store_seen_fn *fn, void *arg, struct tb_error *err);
    enum tb_rc (*walk)(struct tb_store *s, tb_store_seen_fn *fn, void *arg, struct tb_error *err);
    enum tb_rc (*count)(struct tb_store *s, bool deleted, int64_t *ret, struct tb_error *err);
    enum tb_rc (*remove)(struct tb_store *s, const struct tb_uuid *ids, size_t n,
                         struct tb_error *err);
    enum tb_rc (*query)(struct tb_store *s, const float *vector,
                        const struct tb_store_filter *filter, size_t limit, struct tb_arena *arena,
                        struct tb_store_hit **ret, size_t *ret_n, struct tb_error *err);
};

/* Adapters begin with this. */
struct tb_store {
    const struct tb_store_ops *ops;
    int64_t wait_ms; /* after a failure: what the store asked for, 0 for nothing */
};

struct tb_store_options {
    const char *alias;      /* what is searched; may point to another model's collection */
    const char *collection; /* physical name, with the model's fingerprint */
    int64_t dim;
    int64_t timeout_ms;
    int64_t exact_max; /* pgvector: so few points that a filter leaves are compared one by one;
                          0: 5,000, negative: none, all go through the index */
    const atomic_bool *stop; /* NULL: never */
};

/* The store that TICKETBUS_STORE names. cfg must outlive it. Nothing is connected yet. */
enum tb_rc tb_store_open(const struct tb_config *cfg, const struct tb_store_options *opt,
                         struct tb_store **ret, struct tb_error *err) TB_MUST_USE;
/* The adapters; Qdrant at QDRANT_URL, pgvector in the database of the tickets. */
enum tb_rc tb_store_qdrant(const struct tb_config *cfg, const struct tb_store_options *opt,
                           struct tb_store **ret, struct tb_error *err) TB_MUST_USE;
enum tb_rc tb_store_pgvector(const struct tb_config *cfg, const struct tb_store_options *opt,
                             struct tb_store **ret, struct tb_error *err) TB_MUST_USE;

void tb_store_free(struct tb_store *s);

/* Failures of all calls: TB_EUNAVAILABLE (away, busy or throttled: the same call later), TB_EDATA
 * (this very request is refused), TB_ENOTFOUND (no such collection), TB_EFATAL (key refused). */

/* Makes the collection and its payload indexes where they are missing, and the alias when nothing
 * has that name yet. take_alias: points the alias here in any case, atomically. */
enum tb_rc tb_store_ensure(struct tb_store *s, bool take_alias, struct tb_error *err) TB_MUST_USE;
/* Collection behind the alias; null when there is none. */
enum tb_rc tb_store_alias(struct tb_store *s, struct tb_arena *arena, tb_str *ret,
                          struct tb_error *err) TB_MUST_USE;
/* Removes this model's collection and the alias that points to it; TB_OK when there is none. */
enum tb_rc tb_store_drop(struct tb_store *s, struct tb_error *err) TB_MUST_USE;
/* Returns when all of it is applied and durable; repeating it changes nothing. */
enum tb_rc tb_store_apply(struct tb_store *s, const struct tb_store_batch *batch,
                          struct tb_error *err) TB_MUST_USE;
/* Those of these points that exist. */
enum tb_rc tb_store_seen(struct tb_store *s, const struct tb_uuid *ids, size_t n,
                         tb_store_seen_fn *fn, void *arg, struct tb_error *err) TB_MUST_USE;
/* The same with their payloads. */
enum tb_rc tb_store_read(struct tb_store *s, const struct tb_uuid *ids, size_t n,
                         tb_store_seen_fn *fn, void *arg, struct tb_error *err) TB_MUST_USE;
/* Every point, in pages. */
enum tb_rc tb_store_walk(struct tb_store *s, tb_store_seen_fn *fn, void *arg,
                         struct tb_error *err) TB_MUST_USE;
/* Points of live tickets, or tombstones. */
enum tb_rc tb_store_count(struct tb_store *s, bool deleted, int64_t *ret,
                          struct tb_error *err) TB_MUST_USE;
/* Removes points for good, whatever their version: for what no ticket owns. */
enum tb_rc tb_store_remove(struct tb_store *s, const struct tb_uuid *ids, size_t n,
                           struct tb_error *err) TB_MUST_USE;
/* The `limit` tickets with the chunks nearest to the vector, best first, deleted ones never. */
enum tb_rc tb_store_query(struct tb_store *s, const float *vector,
                          const struct tb_store_filter *filter, size_t limit,
                          struct tb_arena *arena, struct tb_store_hit **ret, size_t *ret_n,
                          struct tb_error *err) TB_MUST_USE;

#endif
