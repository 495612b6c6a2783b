/* Soft delete and its way back. A deleted ticket blocks nobody, so dependents look again. */
#include "worker/core/checks.h"
#include "worker/core/decide.h"
#include "worker/core/edges.h"

bool tb_decide_delete(struct tb_draft *d)
{
    tb_draft_set(d, TB_TICKET_IS_DELETED, tb_value_bool(true));
    tb_draft_set(d, TB_TICKET_DELETED_AT, tb_value_time(d->at));
    (void)tb_draft_emit(d, TB_EVENT_DELETED, TB_LIT("deleted"));
    tb_draft_recheck_dependents(d, true);
    return true;
}

/* The column may have gone, or filled up, meanwhile. */
bool tb_decide_restore(struct tb_draft *d)
{
    if (!tb_ticket_bool(&d->state, TB_TICKET_IS_DELETED)) {
        return tb_draft_reject(d, TB_RULE_RESTORE_NOT_DELETED, NULL,
                               TB_SAY(d, "%.*s is not deleted", TB_ARG(d->cmd->subject)));
    }
    const struct tb_column *column =
        tb_check_column(d, tb_ticket_str(&d->state, TB_TICKET_STATUS), NULL);
    if (!column || !tb_check_wip(d, column, NULL)) {
        return false;
    }
    tb_draft_set(d, TB_TICKET_IS_DELETED, tb_value_bool(false));
    tb_draft_set(d, TB_TICKET_DELETED_AT, tb_value_time(TB_TIME_NONE));
    (void)tb_draft_emit(d, TB_EVENT_RESTORED, TB_LIT("restored"));
    tb_edges_project(d);
    tb_draft_recheck_dependents(d, true);
    return true;
}
