/* Seed 001, data flow 1: "validate board config, status, ticket type; insert ticket, record
 * history". */
#include "worker/core/checks.h"
#include "worker/core/decide.h"
#include "worker/core/edges.h"
#include "worker/core/rows.h"

#define SET(bit, member, column)                                                                   \
    {                                                                                              \
        TB_CREATE_##bit, offsetof(struct tb_create_data, member), column                           \
    }

static const struct tb_setter setters[] = {
    SET(WORKFLOW_ID, workflow_id, TB_TICKET_WORKFLOW_ID),
    SET(EXTERNAL_ID, external_id, TB_TICKET_EXTERNAL_ID),
    SET(TITLE, title, TB_TICKET_TITLE),
    SET(DESCRIPTION, description, TB_TICKET_DESCRIPTION),
    SET(ASSIGNED_AGENT_ID, assigned_agent_id, TB_TICKET_ASSIGNED_AGENT_ID),
    SET(PARENT_TICKET_ID, parent_ticket_id, TB_TICKET_PARENT_TICKET_ID),
    SET(TAGS, tags, TB_TICKET_TAGS),
    SET(RELATED_TASK_IDS, related_task_ids, TB_TICKET_RELATED_TASK_IDS),
    SET(RELATED_TICKET_IDS, related_ticket_ids, TB_TICKET_RELATED_TICKET_IDS),
};

/* "A type left out becomes the board's default_ticket_type, a null initial status the board's." */
static bool resolve_defaults(struct tb_draft *d, const struct tb_create_data *data, tb_str *type,
                             tb_str *priority, const struct tb_column **column)
{
    *type = data->ticket_type;
    if (!tb_has(&data->p, TB_CREATE_TICKET_TYPE) ? !tb_check_default_type(d, type)
                                                 : !tb_check_type(d, *type)) {
        return false;
    }
    *priority = tb_default_priority(d->board);
    if (tb_has(&data->p, TB_CREATE_PRIORITY)) {
        *priority = data->priority;
        if (!tb_check_priority(d, *priority)) {
            return false;
        }
    }
    bool given = tb_has(&data->p, TB_CREATE_INITIAL_STATUS);
    *column = tb_check_column(d, given ? data->initial_status : d->board->initial_status,
                              "initial_status");
    return *column && tb_check_wip(d, *column, "initial_status");
}

bool tb_decide_create(struct tb_draft *d)
{
    const struct tb_create_data *data = d->cmd->data;
    tb_str type;
    tb_str priority;
    const struct tb_column *column;
    if (!resolve_defaults(d, data, &type, &priority, &column)) {
        return false;
    }
    if (tb_has(&data->p, TB_CREATE_BLOCKED_BY)) {
        tb_edges_set_blockers(d, data->blocked_by_ticket_ids);
    }
    if (!tb_edges_check(d, "blocked_by_ticket_ids")) {
        return false;
    }
    if (tb_has(&data->p, TB_CREATE_PARENT_TICKET_ID) &&
        !tb_check_parent(d, data->parent_ticket_id, false)) {
        return false;
    }
    tb_draft_set_given(d, data, setters, TB_COUNT(setters));
    tb_draft_set(d, TB_TICKET_CREATED_BY_AGENT_ID, tb_value_str(d->cmd->actor));
    tb_draft_set(d, TB_TICKET_CREATED_AT, tb_value_time(d->at));
    tb_draft_set(d, TB_TICKET_TICKET_TYPE, tb_value_str(type));
    tb_draft_set(d, TB_TICKET_PRIORITY, tb_value_str(priority));
    tb_enter_column(d, column);
    (void)tb_draft_emit(d, TB_EVENT_CREATED, TB_SAY(d, "created in %.*s", TB_ARG(column->id)));
    tb_edges_emit(d, TB_STR_NULL);
    tb_edges_project(d);
    tb_draft_recheck_dependents(d, false);
    return true;
}
