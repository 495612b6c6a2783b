/* Looking for what no event told of: tickets behind in the index, and index rows without a ticket.
 */
#ifndef TB_INDEXER_SHELL_RECONCILE_H
#define TB_INDEXER_SHELL_RECONCILE_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "indexer/shell/round.h"

#define TB_RECONCILE_MAX 5000 /* tickets of one pass; the next pass finds the rest */

/* Tickets to index, in the arena. n 0: the index holds every ticket at its version, and the alias
 * is then moved to this model's collection. Several indexers do not search at the same time: one
 * that comes second finds nothing and sets *ret_busy. */
enum tb_rc tb_reconcile(struct tb_indexer *ix, struct tb_arena *arena, struct tb_work **ret,
                        size_t *ret_n, struct tb_error *err) TB_MUST_USE;

#endif
