/* Seed 001: assign_ticket; the issue adds exclusive assignment and unassign. */
#include "worker/core/checks.h"
#include "worker/core/decide.h"

bool tb_decide_assign(struct tb_draft *d)
{
    const struct tb_assign_data *data = d->cmd->data;
    tb_str agent = tb_has(&data->p, TB_ASSIGN_AGENT_ID) ? data->assigned_agent_id : d->cmd->actor;
    tb_str now = tb_ticket_str(&d->state, TB_TICKET_ASSIGNED_AGENT_ID);
    bool exclusive = tb_has(&data->p, TB_ASSIGN_EXCLUSIVE) && data->exclusive;
    if (exclusive && !tb_str_is_null(now) && !tb_str_eq(now, agent)) {
        return tb_draft_reject(
            d, TB_RULE_ASSIGN_TAKEN, "assigned_agent_id",
            TB_SAY(d, "%.*s is assigned to %.*s", TB_ARG(d->cmd->subject), TB_ARG(now)));
    }
    tb_draft_set(d, TB_TICKET_ASSIGNED_AGENT_ID, tb_value_str(agent));
    if (d->ndiffs) {
        (void)tb_draft_emit(d, TB_EVENT_ASSIGNED, TB_SAY(d, "assigned to %.*s", TB_ARG(agent)));
    }
    return true;
}

bool tb_decide_unassign(struct tb_draft *d)
{
    tb_str now = tb_ticket_str(&d->state, TB_TICKET_ASSIGNED_AGENT_ID);
    tb_draft_set(d, TB_TICKET_ASSIGNED_AGENT_ID, tb_value_str(TB_STR_NULL));
    if (d->ndiffs) {
        (void)tb_draft_emit(d, TB_EVENT_UNASSIGNED, TB_SAY(d, "taken off %.*s", TB_ARG(now)));
    }
    return true;
}
