/* The collections there are, in Postgres: which model made each, and which one is searched.
 *
 * This table is the one truth. Whoever searches asks it for the collection and embeds the query
 * with the model written beside it, so that no answer can mix models; the store's own alias
 * follows it, for others to see. Of one alias in one store at most one collection is searched and
 * at most one is being filled; indexers write both. */
#ifndef TB_INDEXER_CATALOG_CATALOG_H
#define TB_INDEXER_CATALOG_CATALOG_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/config/config.h"
#include "common/pg/pg.h"
#include "indexer/core/model.h"

enum tb_collection_state {
    TB_COLLECTION_FILLING, /* a reindex under way: written, not searched */
    TB_COLLECTION_ACTIVE,  /* written and searched */
    TB_COLLECTION_RETIRED, /* was searched, kept as it was for a rollback */
};
extern const char *const tb_collection_states[3];

struct tb_collection {
    tb_str name; /* physical, NUL-terminated */
    enum tb_collection_state state;
    struct tb_embedding_model model;
    tb_str url; /* NUL-terminated; where the model was served when the collection was made */
    tb_str provider;
    int64_t max_tokens; /* of one chunk */
    int64_t since;      /* when it got into its state */
};

/* How a collection's model is reached. The settings win where they name the same model. */
struct tb_reach {
    const char *url;
    const char *api_key; /* of the settings: EMBEDDING_API_KEY for their own server only */
    const char *provider;
    int64_t max_tokens;
    bool configured; /* EMBEDDING_MODEL is this model */
};
struct tb_reach tb_reach_of(const struct tb_config *cfg, const struct tb_collection *c);

/* The collection that the settings name, whether it exists or not. */
struct tb_collection tb_collection_configured(const struct tb_config *cfg, struct tb_arena *arena);

/* Those of the configured store and alias: the active one first, then filling, then the retired,
 * latest first. Strings live in the arena. TB_EFATAL when a row contradicts itself. */
enum tb_rc tb_catalog_list(struct tb_pg *pg, const struct tb_config *cfg, struct tb_arena *arena,
                           struct tb_collection **ret, size_t *ret_n,
                           struct tb_error *err) TB_MUST_USE;
/* The active one; where there is none yet, the configured one becomes it. */
enum tb_rc tb_catalog_active(struct tb_pg *pg, const struct tb_config *cfg, struct tb_arena *arena,
                             struct tb_collection *ret, struct tb_error *err) TB_MUST_USE;

/* ---- a reindex ---- */

/* Writes it down as being filled, also one that was retired. TB_ECONFLICT: it is the active one, or
 * another one is being filled. */
enum tb_rc tb_catalog_fill(struct tb_pg *pg, const struct tb_config *cfg,
                           const struct tb_collection *c, struct tb_arena *arena,
                           struct tb_error *err) TB_MUST_USE;

/* The switch, one transaction: searches use `to` from here on, `from` is retired. It takes place
 * when `to` knows every ticket at the version at which `from` does, or a newer one; meanwhile
 * nothing new is written down for `from`, for at most wait_ms. *ret_behind: how many tickets stood
 * in the way, 0: done. */
enum tb_rc tb_catalog_switch(struct tb_pg *pg, const struct tb_config *cfg, tb_str from, tb_str to,
                             int64_t wait_ms, struct tb_arena *arena, int64_t *ret_behind,
                             struct tb_error *err) TB_MUST_USE;

/* Gives up a filling: indexers stop writing it within seconds. */
enum tb_rc tb_catalog_retire(struct tb_pg *pg, const struct tb_config *cfg, tb_str name,
                             struct tb_arena *arena, struct tb_error *err) TB_MUST_USE;
/* Forgets a collection that is not active, with all that was known of it. */
enum tb_rc tb_catalog_forget(struct tb_pg *pg, const struct tb_config *cfg, tb_str name,
                             struct tb_arena *arena, struct tb_error *err) TB_MUST_USE;

/* First statement of a transaction that writes down what a collection holds ($1): it waits while
 * a switch away from that collection takes place. */
extern const char tb_catalog_hold_sql[];

#endif
