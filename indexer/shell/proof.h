/* The proof that index = database, both ways, and the repair of what is not.
 *
 * From the tickets: every live one is cut anew from its rows as they are now, and each of its
 * chunks must be a point with this version, payload and hash. From the points: each must belong to
 * a ticket that has such a chunk. What is found is looked at twice before it counts, so that
 * changes under way do not show. Repair embeds chunks whose points are missing or of another text,
 * and nothing else. Memory is bounded by a page, not by the index. */
#ifndef TB_INDEXER_SHELL_PROOF_H
#define TB_INDEXER_SHELL_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/json_write.h"
#include "common/pg/pg.h"
#include "indexer/shell/round.h"

enum tb_flaw {
    TB_FLAW_NOT_INDEXED,     /* a live ticket that index_state does not know */
    TB_FLAW_STALE,           /* index_state is at another version than the ticket */
    TB_FLAW_STATE,           /* index_state tells of other chunks than the ticket has */
    TB_FLAW_NO_KEYWORDS,     /* no row in search_documents */
    TB_FLAW_POINTS_MISSING,  /* chunks without a point */
    TB_FLAW_POINT_HASH,      /* points of another text or model */
    TB_FLAW_POINT_VERSION,   /* points at another version */
    TB_FLAW_POINT_PAYLOAD,   /* points that say something else than the ticket's row */
    TB_FLAW_POINTS_EXTRA,    /* points that are no chunk of their ticket */
    TB_FLAW_DELETED_LIVE,    /* points of a deleted ticket that can be found */
    TB_FLAW_ORPHAN,          /* points of a ticket that does not exist */
    TB_FLAW_KEYWORDS_ORPHAN, /* rows of search_documents without a live ticket */
    TB_FLAWS_
};
extern const char *const tb_flaw_names[TB_FLAWS_];

struct tb_flaw_seen {
    enum tb_flaw what;
    tb_str ticket_id;
    int64_t version; /* the ticket's, 0: there is none */
    int64_t n;       /* points or rows that show it */
};

struct tb_proof {
    struct tb_indexer *ix;
    bool repair;
    bool leave_behind; /* tickets that are only behind are left to the indexer, which finds them */
    int64_t tombstone_s; /* tombstones older than this are removed by a repair */
    void (*fn)(const struct tb_flaw_seen *seen, void *arg); /* hears of each flaw; may be NULL */
    void (*progress)(size_t done, size_t total, void *arg); /* tickets and points; may be NULL */
    void *arg;
    /* What came of it. */
    int64_t tickets;     /* live ones looked at */
    int64_t points;      /* points looked at, tombstones included */
    int64_t differences; /* tickets and points that were not as they should be, by flaw below */
    int64_t flaws[TB_FLAWS_];
    int64_t repaired;   /* tickets written anew */
    int64_t refused;    /* tickets that the store or the database does not take: dead letters */
    int64_t embedded;   /* chunks */
    int64_t removed;    /* points */
    int64_t tombstones; /* old ones removed */
    int64_t under_way;  /* tickets that were changing: not judged */
};

/* An object of the kinds that were found, and how often. */
void tb_proof_flaws_json(const struct tb_proof *p, struct tb_json *w);

/* Runs a whole pass and writes it down. TB_OK whatever was found. TB_EUNAVAILABLE: stopped. */
enum tb_rc tb_proof_run(struct tb_proof *p, struct tb_error *err) TB_MUST_USE;

/* The same for single tickets, found by their ids; `fresh`: every chunk is embedded anew. */
enum tb_rc tb_proof_tickets(struct tb_proof *p, const tb_str *ids, size_t n, bool fresh,
                            struct tb_error *err) TB_MUST_USE;

/* One pass at a time, whoever runs it: *ret holds the lock until it is freed; NULL: somebody else
 * does. */
enum tb_rc tb_proof_lock(const struct tb_config *cfg, tb_str collection, struct tb_pg **ret,
                         struct tb_error *err) TB_MUST_USE;

/* Seconds since the last pass with repair over this collection ended; INT64_MAX: never. */
enum tb_rc tb_proof_age(struct tb_pg *pg, tb_str collection, int64_t *ret_s,
                        struct tb_error *err) TB_MUST_USE;

#endif
