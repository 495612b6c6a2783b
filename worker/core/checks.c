#include "worker/core/checks.h"

#include "worker/core/edges.h"
#include "worker/core/graph.h"

#define SHOWN_IDS 10 /* most ids a message lists */

const struct tb_column *tb_check_column(struct tb_draft *d, tb_str status, const char *field)
{
    const struct tb_column *column = tb_board_column(d->board, status);
    if (!column) {
        (void)tb_draft_reject(d, TB_RULE_COLUMN_UNKNOWN, field,
                              TB_SAY(d, "the board of %.*s has no column \"%.*s\"",
                                     TB_ARG(d->board->workflow_id), TB_ARG(status)));
    }
    return column;
}

bool tb_check_wip(struct tb_draft *d, const struct tb_column *column, const char *field)
{
    if (column->wip_limit <= 0) {
        return true;
    }
    int64_t n = tb_world_count(d->w, TB_COUNT_WIP, d->board->workflow_id, column->id);
    if (n < column->wip_limit) {
        return true;
    }
    return tb_draft_reject(d, TB_RULE_COLUMN_WIP, field,
                           TB_SAY(d, "column \"%.*s\" holds %lld tickets and its limit is %lld",
                                  TB_ARG(column->id), (long long)n, (long long)column->wip_limit));
}

bool tb_check_type(struct tb_draft *d, tb_str type)
{
    return tb_strs_has(d->board->ticket_types, type) ||
           tb_draft_reject(d, TB_RULE_TYPE_UNKNOWN, "ticket_type",
                           TB_SAY(d, "the board of %.*s has no ticket type \"%.*s\"",
                                  TB_ARG(d->board->workflow_id), TB_ARG(type)));
}

bool tb_check_priority(struct tb_draft *d, tb_str priority)
{
    return d->board->priorities.n == 0 || tb_strs_has(d->board->priorities, priority) ||
           tb_draft_reject(d, TB_RULE_PRIORITY_UNKNOWN, "priority",
                           TB_SAY(d, "the board of %.*s has no priority \"%.*s\"",
                                  TB_ARG(d->board->workflow_id), TB_ARG(priority)));
}

bool tb_check_default_type(struct tb_draft *d, tb_str *ret_type)
{
    *ret_type = d->board->default_ticket_type;
    return !tb_str_is_null(*ret_type) ||
           tb_draft_reject(d, TB_RULE_TYPE_MISSING, "ticket_type",
                           TB_SAY(d, "ticket_type is missing and the board of %.*s has no default",
                                  TB_ARG(d->board->workflow_id)));
}

tb_str tb_default_priority(const struct tb_board *board)
{
    if (!tb_str_is_null(board->default_priority)) {
        return board->default_priority;
    }
    return board->priorities.n ? board->priorities.items[board->priorities.n / 2]
                               : TB_LIT("medium");
}

static bool check_parent_chain(struct tb_draft *d, tb_str parent, const char *field)
{
    tb_strs path;
    switch (tb_graph_ancestor(d->w, parent, d->cmd->subject, &path)) {
    case TB_WALK_FREE:
    case TB_WALK_NOMEM: /* the arena remembers */
        return true;
    case TB_WALK_LIMIT:
        return tb_draft_reject(d, TB_RULE_PARENT_LIMIT, field,
                               TB_LIT("the chain of parents is too long to look through"));
    case TB_WALK_FOUND:
        break;
    }
    return tb_draft_reject(d, TB_RULE_PARENT_CYCLE, field,
                           TB_SAY(d, "%.*s would be its own ancestor: %.*s",
                                  TB_ARG(d->cmd->subject),
                                  TB_ARG(tb_say_list(d->arena, path, SHOWN_IDS, " -> "))));
}

bool tb_check_parent(struct tb_draft *d, tb_str parent, bool deleted_ok)
{
    static const char field[] = "parent_ticket_id";
    if (tb_str_is_null(parent) ||
        tb_str_eq(parent, tb_ticket_str(&d->state, TB_TICKET_PARENT_TICKET_ID))) {
        return true;
    }
    if (tb_str_eq(parent, d->cmd->subject)) {
        return tb_draft_reject(d, TB_RULE_PARENT_CYCLE, field,
                               TB_SAY(d, "%.*s would be its own parent", TB_ARG(parent)));
    }
    struct tb_fact fact = tb_world_fact(d->w, parent);
    if (!fact.exists) {
        return d->ctx->last_wait
                   ? tb_draft_reject(d, TB_RULE_PARENT_MISSING, field,
                                     TB_SAY(d, "there is no ticket %.*s", TB_ARG(parent)))
                   : tb_draft_wait(d, TB_RULE_PARENT_WAITS, field, parent);
    }
    if (!tb_str_eq(fact.workflow_id, d->board->workflow_id)) {
        return tb_draft_reject(d, TB_RULE_PARENT_WORKFLOW, field,
                               TB_SAY(d, "%.*s is of workflow %.*s, not %.*s", TB_ARG(parent),
                                      TB_ARG(fact.workflow_id), TB_ARG(d->board->workflow_id)));
    }
    if (fact.is_deleted && !deleted_ok) {
        return tb_draft_reject(d, TB_RULE_PARENT_DELETED, field,
                               TB_SAY(d, "the parent %.*s is deleted", TB_ARG(parent)));
    }
    return check_parent_chain(d, parent, field);
}

bool tb_is_admin(const struct tb_draft *d)
{
    return tb_strs_has(d->board->admins, d->cmd->actor);
}

bool tb_check_not_blocked(struct tb_draft *d, enum tb_rule rule, const char *operation)
{
    tb_strs open = tb_edges_open_blockers(d);
    if (open.n == 0 ||
        (tb_is_admin(d) && tb_strs_has(d->board->admin_on_blocked, tb_str_of(operation)))) {
        return true;
    }
    return tb_draft_reject(d, rule, NULL,
                           TB_SAY(d, "%.*s waits for %.*s", TB_ARG(d->cmd->subject),
                                  TB_ARG(tb_say_list(d->arena, open, SHOWN_IDS, ", "))));
}
