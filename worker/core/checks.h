/* Checks several verbs share. Each returns true to go on; false: the draft says why not.
 * field: which field of the command to name. Private to worker/core. */
#ifndef TB_WORKER_CORE_CHECKS_H
#define TB_WORKER_CORE_CHECKS_H

#include "worker/core/draft.h"

/* The board's column of this id; NULL: refused. */
const struct tb_column *tb_check_column(struct tb_draft *d, tb_str status, const char *field);
/* The column has room for one more ticket. */
bool tb_check_wip(struct tb_draft *d, const struct tb_column *column, const char *field);
bool tb_check_type(struct tb_draft *d, tb_str type);
bool tb_check_priority(struct tb_draft *d, tb_str priority);

/* Where a value was left out. The type's default may be missing on the board. */
bool tb_check_default_type(struct tb_draft *d, tb_str *ret_type);
tb_str tb_default_priority(const struct tb_board *board);

/* The parent exists, is of the workflow, not deleted (unless deleted_ok) and no descendant. Must be
 * the last check of a verb: its answer may be to wait. */
bool tb_check_parent(struct tb_draft *d, tb_str parent, bool deleted_ok);

bool tb_is_admin(const struct tb_draft *d);
/* No open blocker, or the actor may do the operation (of tb_admin_operations) all the same. */
bool tb_check_not_blocked(struct tb_draft *d, enum tb_rule rule, const char *operation);

#endif
