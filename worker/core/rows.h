/* Comments and commits that come with a verb, and the times that follow a column.
 * Private to worker/core. */
#ifndef TB_WORKER_CORE_ROWS_H
#define TB_WORKER_CORE_ROWS_H

#include "worker/core/draft.h"

/* Puts the ticket in the column: status, and the times that follow its category, into the change
 * being put together. */
void tb_enter_column(struct tb_draft *d, const struct tb_column *to);

/* A commented event with its row, unless the text is blank. */
void tb_emit_comment(struct tb_draft *d, tb_str text, const char *type);
void tb_emit_comment_row(struct tb_draft *d, const struct tb_comment *comment);
/* A commit_linked event with its row, unless sha is null or linked already. */
void tb_emit_commit(struct tb_draft *d, tb_str sha, const char *method);
void tb_emit_commit_row(struct tb_draft *d, const struct tb_commit *commit);

#endif
