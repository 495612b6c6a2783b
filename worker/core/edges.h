/* The subject's edges to other tickets and what follows from them. Private to worker/core. */
#ifndef TB_WORKER_CORE_EDGES_H
#define TB_WORKER_CORE_EDGES_H

#include "worker/core/draft.h"

/* Copies the world's edges of the subject into the draft; called once, before any verb. */
void tb_edges_load(struct tb_draft *d);

/* Plans an edge or its removal; one that is there (or gone) already is no change. */
void tb_edges_add(struct tb_draft *d, tb_str depends_on, tb_str type);
void tb_edges_remove(struct tb_draft *d, tb_str depends_on, tb_str type);
/* Plans that the blocking edges are exactly these. */
void tb_edges_set_blockers(struct tb_draft *d, tb_strs blockers);
/* Plans that the edges of all types are exactly these. */
void tb_edges_set_all(struct tb_draft *d, const struct tb_records *dependencies);
/* Plans that edges to tickets of other workflows go: they were added while the target was absent.
 */
void tb_edges_remove_foreign(struct tb_draft *d);

/* The planned edges are allowed: not to itself, within the workflow, no cycle, not too many. */
bool tb_edges_check(struct tb_draft *d, const char *field);
/* dependency_removed, dependency_added; a watch to each new blocker, and to each ticket that is not
 * there as far as can be seen: it may be being created elsewhere, in another workflow. Neither
 * event carries a diff of the blockers: that is the next one's, below. description is of the
 * removal; null: the usual one. */
void tb_edges_emit(struct tb_draft *d, tb_str removal);
/* Brings blocked_by_ticket_ids and is_blocked up to date: blocked, unblocked or blockers_changed,
 * which carry the diffs. */
void tb_edges_project(struct tb_draft *d);

/* Blockers that are absent, or neither resolved nor deleted; sorted. */
tb_strs tb_edges_open_blockers(struct tb_draft *d);

#endif
