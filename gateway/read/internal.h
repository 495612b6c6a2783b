/* The queries of this folder, as read.c's table names them. */
#ifndef TB_GATEWAY_READ_INTERNAL_H
#define TB_GATEWAY_READ_INTERNAL_H

#include "gateway/read/read.h"

typedef bool tb_plan_fn(const struct tb_read *read, struct tb_plan *plan, struct tb_reply *ret);
typedef void tb_render_fn(const struct tb_read *read, struct tb_pg_result *const *results,
                          tb_buf *out, struct tb_reply *ret);
typedef void tb_run_fn(const struct tb_read *read, struct tb_pool_thread *thread,
                       struct tb_reply *ret);

tb_plan_fn tb_plan_list, tb_plan_ticket, tb_plan_history, tb_plan_board, tb_plan_workflows,
    tb_plan_command, tb_plan_agents, tb_plan_status;
tb_render_fn tb_render_list, tb_render_ticket, tb_render_history, tb_render_board,
    tb_render_workflows, tb_render_command, tb_render_agents, tb_render_status;
tb_run_fn tb_run_search, tb_run_similar, tb_run_diff;

/* A static name for this SQL, NULL when too many are known already: prepared statements are kept
 * per connection. Thread-safe. */
const char *tb_sql_name(tb_str sql, const char **ret_sql);

/* Adds the workflows the caller may see as text[], NULL for all. */
void tb_add_workflows(struct tb_pg_params *params, const struct tb_caller *caller);
/* There is no such thing, or not for the caller. */
void tb_read_missing(const struct tb_read *read, struct tb_reply *ret, const char *field,
                     const char *what, tb_str id);

#endif
