/* Counting what embedding costs: rows of index_usage, and metrics of this process. */
#ifndef TB_INDEXER_SHELL_USAGE_H
#define TB_INDEXER_SHELL_USAGE_H

#include "indexer/shell/state.h"

/* TB_EINVAL unless text is a decimal number, at least 0 and below a million. */
enum tb_rc tb_usage_check_price(tb_str text, struct tb_error *err) TB_MUST_USE;

/* Queues the statement that adds what was spent on these tickets, to be run with others. */
enum tb_rc tb_usage_add(struct tb_pg *pg, const struct tb_state_into *into,
                        const struct tb_indexed *items, size_t n, struct tb_arena *arena,
                        struct tb_error *err) TB_MUST_USE;

/* The same for the metrics, once it is written down. */
void tb_usage_tell(tb_str price, const struct tb_indexed *items, size_t n, struct tb_arena *arena);

#endif
