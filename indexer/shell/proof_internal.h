/* What the sources of the proof share. */
#ifndef TB_INDEXER_SHELL_PROOF_INTERNAL_H
#define TB_INDEXER_SHELL_PROOF_INTERNAL_H

#include "common/base/map.h"
#include "indexer/shell/proof.h"
#include "indexer/shell/rows.h"

enum {
    TB_PROOF_AGAIN_MS = 150,   /* a flaw is looked at again after this */
    TB_PROOF_SETTLE_MS = 2000, /* a ticket behind for less is being indexed */
};

/* A pass in its course. */
struct pass {
    struct tb_proof *p;
    struct tb_arena *arena; /* of a page */
    struct tb_arena *whole; /* of the pass */
    size_t done;
    size_t total;
};

/* After a failed call of the store: TB_OK when it should be tried again. */
enum tb_rc tb_pass_retry_store(struct pass *pass, enum tb_rc rc, struct tb_error *err) TB_MUST_USE;
enum tb_rc tb_pass_remove(struct pass *pass, const struct tb_uuid *ids, size_t n,
                          struct tb_error *err) TB_MUST_USE;
void tb_pass_flaw(struct pass *pass, enum tb_flaw what, tb_str ticket_id, int64_t version,
                  int64_t n);
void tb_pass_step(struct pass *pass, size_t n);
/* False: it is time to stop. */
bool tb_pass_sleep(struct pass *pass, int64_t ms);

/* From the tickets to the points. */
enum tb_rc tb_pass_tickets(struct pass *pass, struct tb_error *err) TB_MUST_USE;
/* These tickets at once; fresh as above. */
enum tb_rc tb_pass_these(struct pass *pass, const tb_str *ids, size_t n, bool fresh,
                         struct tb_error *err) TB_MUST_USE;
/* From the points to the tickets. */
enum tb_rc tb_pass_points(struct pass *pass, struct tb_error *err) TB_MUST_USE;

#endif
