/* Tickets that cannot be indexed as they are, because a store refuses them for their data. They are
 * remembered by version: dead-lettered once, and left alone until they change, somebody asks for
 * them or a whole pass comes by. */
#ifndef TB_INDEXER_SHELL_REFUSED_H
#define TB_INDEXER_SHELL_REFUSED_H

#include "indexer/shell/round.h"
#include "indexer/shell/rows.h"

/* It was refused at this very version, and cut the same way. */
enum tb_rc tb_refused_known(struct tb_indexer *ix, const struct tb_row *row, struct tb_arena *arena,
                            bool *ret, struct tb_error *err) TB_MUST_USE;
enum tb_rc tb_refused_remember(struct tb_indexer *ix, const struct tb_row *row, const char *stage,
                               struct tb_arena *arena, struct tb_error *err) TB_MUST_USE;
/* What says nothing any more: the ticket is indexed, or gone. */
enum tb_rc tb_refused_sweep(struct tb_indexer *ix, struct tb_arena *arena,
                            struct tb_error *err) TB_MUST_USE;

#endif
