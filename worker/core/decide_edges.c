/* Edges added and taken away: block, unblock for those that block, link and unlink for the rest;
 * and the internal commands that carry a blocker's news to its dependents. */
#include "worker/core/decide.h"
#include "worker/core/edges.h"

bool tb_decide_block(struct tb_draft *d)
{
    const struct tb_block_data *data = d->cmd->data;
    for (size_t i = 0; i < data->blocked_by_ticket_ids.n; i++) {
        tb_edges_add(d, data->blocked_by_ticket_ids.items[i], TB_LIT(TB_EDGE_BLOCKS));
    }
    if (!tb_edges_check(d, "blocked_by_ticket_ids")) {
        return false;
    }
    tb_edges_emit(d, TB_STR_NULL);
    tb_edges_project(d);
    return true;
}

bool tb_decide_unblock(struct tb_draft *d)
{
    const struct tb_block_data *data = d->cmd->data;
    for (size_t i = 0; i < data->blocked_by_ticket_ids.n; i++) {
        tb_edges_remove(d, data->blocked_by_ticket_ids.items[i], TB_LIT(TB_EDGE_BLOCKS));
    }
    tb_edges_emit(d, TB_STR_NULL);
    tb_edges_project(d);
    return true;
}

static bool check_no_blocks(struct tb_draft *d, const struct tb_dependency_data *edges, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (tb_str_eq_c(edges[i].dependency_type, TB_EDGE_BLOCKS)) {
            return tb_draft_reject(
                d, TB_RULE_EDGE_BLOCKS, "dependencies",
                TB_LIT("edges of type \"blocks\" are the business of block and unblock"));
        }
    }
    return true;
}

bool tb_decide_link(struct tb_draft *d)
{
    const struct tb_link_data *data = d->cmd->data;
    const struct tb_dependency_data *edges = data->dependencies.items;
    if (!check_no_blocks(d, edges, data->dependencies.n)) {
        return false;
    }
    for (size_t i = 0; i < data->dependencies.n; i++) {
        tb_edges_add(d, edges[i].depends_on, edges[i].dependency_type);
    }
    if (!tb_edges_check(d, "dependencies")) {
        return false;
    }
    tb_edges_emit(d, TB_STR_NULL);
    tb_edges_project(d);
    return true;
}

bool tb_decide_unlink(struct tb_draft *d)
{
    const struct tb_link_data *data = d->cmd->data;
    const struct tb_dependency_data *edges = data->dependencies.items;
    if (!check_no_blocks(d, edges, data->dependencies.n)) {
        return false;
    }
    for (size_t i = 0; i < data->dependencies.n; i++) {
        tb_edges_remove(d, edges[i].depends_on, edges[i].dependency_type);
    }
    tb_edges_emit(d, TB_STR_NULL);
    tb_edges_project(d);
    return true;
}

/* "A's turn always answers with recheck to B", whether A is there or not, resolved or not. */
bool tb_decide_watch(struct tb_draft *d)
{
    const struct tb_watch_data *data = d->cmd->data;
    tb_draft_recheck(d, data->dependent_id);
    return true;
}

bool tb_decide_recheck(struct tb_draft *d)
{
    if (!tb_ticket_exists(&d->state)) {
        return true;
    }
    tb_edges_remove_foreign(d);
    tb_edges_emit(d, TB_LIT("removed: the ticket depended on is of another workflow"));
    tb_edges_project(d);
    return true;
}

/* Waiting commands are the shell's; one that reaches the rules found nothing waiting. */
bool tb_decide_parking(struct tb_draft *d)
{
    return tb_draft_reject(d, TB_RULE_PARKING_EMPTY, NULL,
                           TB_SAY(d, "no command of %.*s waits", TB_ARG(d->cmd->subject)));
}
