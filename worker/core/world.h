/* The rules' view of everything one batch touches, and the one way to run a command against it.
 *
 * Pure: no I/O, clock or randomness. The shell fills the world with what the batch's commands need
 * (see TB_NEED_*), then, in offset order, for each command:
 *
 *     tb_world_decide  ->  decision (a value; the world is unchanged)
 *     ... render and measure the events; a refusal for size becomes a decision of its own ...
 *     tb_world_commit  ->  the world as the next command of the batch sees it (evolve)
 *
 * Everything lives in the arena given to tb_world_new. Structs given to it are copied; the strings
 * and lists in them are referred to and must live as long. No decision depends on the order the
 * facts were added in. Not thread-safe. TB_ENOMEM is the only error; a refusal is a decision. */
#ifndef TB_WORKER_CORE_WORLD_H
#define TB_WORKER_CORE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/model/board.h"
#include "common/model/command.h"
#include "common/model/decision.h"
#include "common/model/ticket.h"

struct tb_world;

/* NULL when the arena is exhausted. */
struct tb_world *tb_world_new(struct tb_arena *arena);

/* ---- filling; each may be called in any order, repeats replace ---- */

/* A ticket the batch holds the lock of. Tickets never added are absent (version 0). */
enum tb_rc tb_world_add_ticket(struct tb_world *w, const struct tb_ticket *ticket) TB_MUST_USE;
enum tb_rc tb_world_add_board(struct tb_world *w, const struct tb_board *board) TB_MUST_USE;
/* An edge, of the subjects (TB_NEED_BLOCKERS), into them (TB_NEED_DEPENDENTS) or of the closure
 * walked for cycles (TB_NEED_REACH). Adding an edge twice is fine. */
enum tb_rc tb_world_add_edge(struct tb_world *w, const struct tb_edge *edge) TB_MUST_USE;

/* What is known of a ticket that is only referred to: as a blocker, a parent or a dependent. */
struct tb_ref {
    tb_str id;
    tb_str workflow_id;
    tb_str parent_ticket_id; /* null: none */
    bool is_resolved;
    bool is_deleted;
};
enum tb_rc tb_world_add_ref(struct tb_world *w, const struct tb_ref *ref) TB_MUST_USE;
enum tb_rc tb_world_add_comment(struct tb_world *w, const struct tb_comment *comment) TB_MUST_USE;
/* The commit is linked to the ticket already. */
enum tb_rc tb_world_add_commit(struct tb_world *w, tb_str ticket_id, tb_str sha) TB_MUST_USE;
/* Tickets of the workflow that are in the column (and not deleted: TB_NEED_WIP) or, for a change of
 * board (TB_NEED_USAGE), all that use the status or type, deleted ones included. One never set is
 * 0; a commit adjusts them. With a board.put in the batch, the counts of every column are wanted,
 * as any may have a limit afterwards. */
enum tb_count { TB_COUNT_WIP, TB_COUNT_STATUS, TB_COUNT_TYPE };
enum tb_rc tb_world_set_count(struct tb_world *w, enum tb_count what, tb_str workflow_id,
                              tb_str key, int64_t n) TB_MUST_USE;

/* ---- running ---- */

/* Everything about one command that is not in its data. */
struct tb_context {
    int64_t now_us;    /* the command's time: Kafka's record time, never later than now */
    tb_str comment_id; /* comment-<uuid> for the comment the command may add; an import's one that
                          is in the world already is not added again */
    tb_str commit_id;  /* tc-<uuid> for the commit the command may link */
    tb_str board_id;   /* board-<uuid> for a new board */
    bool last_wait;    /* waiting for a reference is over: reject instead */
};

enum tb_rc tb_world_decide(struct tb_world *w, const struct tb_command *cmd,
                           const struct tb_context *ctx, struct tb_decision *ret) TB_MUST_USE;
enum tb_rc tb_world_commit(struct tb_world *w, const struct tb_command *cmd,
                           const struct tb_decision *decision) TB_MUST_USE;

/* ---- reading back ---- */

/* The ticket as of now; NULL when it was neither added nor created. Later commits change it in
 * place. */
const struct tb_ticket *tb_world_ticket(const struct tb_world *w, tb_str id);
const struct tb_board *tb_world_board(const struct tb_world *w, tb_str workflow_id);

/* ---- evolve, on its own: what one change makes of one ticket (version advances by one) ---- */
struct tb_ticket tb_evolve(const struct tb_ticket *state, const struct tb_change *change);

/* A stored board, read back as the data of a board.put; ids, version and times are the caller's.
 * TB_EINVAL when it contradicts itself. */
enum tb_rc tb_board_from_put(const struct tb_board_put_data *data, struct tb_arena *arena,
                             struct tb_board *ret) TB_MUST_USE;

/* A rejection as a decision, for refusals decided outside the rules (size, age, repeats). */
struct tb_decision tb_decision_reject(const char *rule, enum tb_rejection rejection, tb_str field,
                                      tb_str message);

#endif
