/* What the verbs share that do an indexer's work here and now. */
#ifndef TB_CTL_INDEX_H
#define TB_CTL_INDEX_H

#include <stdatomic.h>

#include "indexer/shell/round.h"
#include "producer/ctl/ctl.h"

/* Set by SIGINT and SIGTERM once ctl_index_open was called: what is under way ends soon. */
extern atomic_bool ctl_index_stop;

/* An indexer that gives up on parts that stay away. collection null: the one that is searched. */
enum tb_rc ctl_index_open(struct ctl *ctl, struct tb_indexer *ix, tb_str collection,
                          struct tb_error *err) TB_MUST_USE;
/* ctl_fail, with the name of the part that was waited for when that is why it ended. */
int ctl_index_fail(const struct tb_indexer *ix, struct tb_error *err);

#endif
