/* The verbs: one function per kind of command, and the table that dispatches to them.
 *
 * A verb is called after the checks common to its kind. It either makes changes in the draft or
 * refuses (and returns false, which its caller may ignore: the draft knows). Private to
 * worker/core. */
#ifndef TB_WORKER_CORE_DECIDE_H
#define TB_WORKER_CORE_DECIDE_H

#include "worker/core/draft.h"

bool tb_decide_create(struct tb_draft *d);
bool tb_decide_update(struct tb_draft *d);
bool tb_decide_change_status(struct tb_draft *d);
bool tb_decide_comment(struct tb_draft *d);
bool tb_decide_edit_comment(struct tb_draft *d);
bool tb_decide_assign(struct tb_draft *d);
bool tb_decide_unassign(struct tb_draft *d);
bool tb_decide_link_commit(struct tb_draft *d);
bool tb_decide_resolve(struct tb_draft *d);
bool tb_decide_reopen(struct tb_draft *d);
bool tb_decide_delete(struct tb_draft *d);
bool tb_decide_restore(struct tb_draft *d);
bool tb_decide_block(struct tb_draft *d);
bool tb_decide_unblock(struct tb_draft *d);
bool tb_decide_link(struct tb_draft *d);
bool tb_decide_unlink(struct tb_draft *d);
bool tb_decide_import(struct tb_draft *d);
bool tb_decide_watch(struct tb_draft *d);
bool tb_decide_recheck(struct tb_draft *d);
bool tb_decide_similar(struct tb_draft *d);
bool tb_decide_parking(struct tb_draft *d);
bool tb_decide_board_put(struct tb_draft *d);

/* The board a command would make, checked against itself; NULL: refused (or out of memory). */
const struct tb_board *tb_board_build(struct tb_draft *d, const struct tb_board *before);

/* Runs one command: common checks, then its verb. */
struct tb_decision tb_decide(struct tb_world *w, const struct tb_command *cmd,
                             const struct tb_context *ctx);

#endif
