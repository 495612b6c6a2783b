/* One round of indexing: current rows in, points and state out.
 *
 * A round does not end before its tickets are indexed, or dead-lettered, or it is time to stop:
 * what is away is waited for, and what was embedded meanwhile is kept. */
#ifndef TB_INDEXER_SHELL_ROUND_H
#define TB_INDEXER_SHELL_ROUND_H

#include <stdatomic.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/config/config.h"
#include "common/kafka/producer.h"
#include "common/pg/pg.h"
#include "indexer/core/coalesce.h"
#include "indexer/core/document.h"
#include "indexer/embed/embed.h"
#include "indexer/embed/gates.h"
#include "indexer/shell/patience.h"
#include "indexer/store/store.h"

struct tb_round_stats {
    uint64_t tickets;   /* indexed */
    uint64_t skipped;   /* known already */
    uint64_t embedded;  /* chunks */
    uint64_t refreshed; /* payload only, chunks */
    uint64_t healed;    /* points that were not as expected and were written anew */
    uint64_t deleted;
    uint64_t superseded;
    uint64_t poison;  /* chunks */
    uint64_t dead;    /* whole tickets */
    uint64_t similar; /* new tickets told of others */
};

struct tb_row;

/* A ticket is dealt with: its events count as done. */
typedef void tb_round_done_fn(tb_str ticket_id, void *arg);

/* Everything a round works with; one thread. */
struct tb_indexer {
    const struct tb_config *cfg;
    struct tb_arena *model_arena;
    struct tb_embedding_model model;
    struct tb_recipe recipe;
    tb_str recipe_name;
    tb_str collection;
    tb_str price;     /* of a million tokens, a decimal number */
    struct tb_pg *pg; /* NULL: connect when needed */
    struct tb_embed_gates own_gates;
    struct tb_embed_gates *gates;
    struct tb_embed_gate *gate; /* of the model's service */
    struct tb_embedder *embedder;
    struct tb_store *store;
    bool store_ready; /* its collection is known to exist */
    bool asked;       /* by somebody, for single tickets: a refusal known already is told again */
    bool secondary;   /* not the collection that is searched: vectors only, no keywords */
    struct tb_producer *producer;
    const char *dlq_topic;
    const atomic_bool *stop;  /* end after what is under way; wait for nothing any more */
    const atomic_bool *abort; /* and give up what is under way */
    double similar_from;      /* least cosine of tickets a new one is told of; 0: none */
    size_t slice_chunks;      /* chunks that are embedded and written together */
    tb_round_done_fn *done;
    void *arg;
    struct tb_patience pg_patience;
    struct tb_patience store_patience;
    struct tb_patience embed_patience;
    struct tb_patience kafka_patience;
    struct tb_round_stats stats;
};

/* What an indexer shares with others of its program; all of it outlives the indexer. */
struct tb_indexer_ties {
    const atomic_bool *stop;
    const atomic_bool *abort;
    atomic_int *away;             /* counts parts that are waited for; NULL: nobody asks */
    struct tb_embed_gates *gates; /* NULL: of its own */
};

enum tb_rc tb_indexer_open(struct tb_indexer *ix, const struct tb_config *cfg,
                           const struct tb_indexer_ties *ties, struct tb_error *err) TB_MUST_USE;
void tb_indexer_close(struct tb_indexer *ix);
/* Has to be called before anything is indexed, and again to change: into this collection, or where
 * name is null into the one that is searched. Waits for Postgres. */
enum tb_rc tb_indexer_aim(struct tb_indexer *ix, tb_str name, struct tb_error *err) TB_MUST_USE;
/* The collection is no longer written: searches were switched over meanwhile. */
bool tb_indexer_is_retired(struct tb_indexer *ix);
/* For a program that somebody waits for: a part that is away for so long ends the call. */
void tb_indexer_give_up(struct tb_indexer *ix, int64_t after_ms);

/* Connects when there is no connection; waits for Postgres. TB_EUNAVAILABLE: stopped. */
enum tb_rc tb_indexer_connect(struct tb_indexer *ix, struct tb_error *err) TB_MUST_USE;
/* After a failed statement: TB_OK when it should be tried again (waited for, connected anew). */
enum tb_rc tb_indexer_retry_pg(struct tb_indexer *ix, enum tb_rc rc,
                               struct tb_error *err) TB_MUST_USE;
/* A statement, until Postgres answers. TB_EUNAVAILABLE: stopped. */
enum tb_rc tb_indexer_ask(struct tb_indexer *ix, const char *sql, const struct tb_pg_params *params,
                          struct tb_pg_result **ret, struct tb_error *err) TB_MUST_USE;
/* Makes the collection; waits for the store. */
enum tb_rc tb_indexer_prepare_store(struct tb_indexer *ix, struct tb_error *err) TB_MUST_USE;

/* Indexes these tickets. TB_OK: all are dealt with. TB_EUNAVAILABLE: stopped before that.
 * TB_ECONFLICT: the collection is retired; aim anew and run the same again. Other failures are the
 * program's end. */
enum tb_rc tb_round_run(struct tb_indexer *ix, const struct tb_work *work, size_t n,
                        struct tb_arena *arena, struct tb_error *err) TB_MUST_USE;

/* The same for rows that were read already, whose `hashes` say which points may stay as they are.
 * Every row is written, also at a version that is known. */
enum tb_rc tb_round_rows(struct tb_indexer *ix, const struct tb_row *rows, size_t n,
                         struct tb_error *err) TB_MUST_USE;

#endif
