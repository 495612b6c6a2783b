/* Seed 001, data flow 4: "mark resolved, link commit if provided, cascade unblock dependents", and
 * its way back. Transitions and limits of columns do not bind resolve. */
#include "worker/core/checks.h"
#include "worker/core/decide.h"
#include "worker/core/edges.h"
#include "worker/core/rows.h"

/* Where a resolved ticket belongs: it stays in a done column, else goes to the board's first. */
static const struct tb_column *done_column(const struct tb_draft *d)
{
    const struct tb_column *now =
        tb_board_column(d->board, tb_ticket_str(&d->state, TB_TICKET_STATUS));
    if (now && now->category == TB_CATEGORY_DONE) {
        return now;
    }
    for (size_t i = 0; i < d->board->ncolumns; i++) {
        if (d->board->columns[i].category == TB_CATEGORY_DONE) {
            return &d->board->columns[i];
        }
    }
    return NULL; /* no board without one passes board.put */
}

bool tb_decide_resolve(struct tb_draft *d)
{
    const struct tb_resolve_data *data = d->cmd->data;
    if (tb_ticket_bool(&d->state, TB_TICKET_IS_RESOLVED)) {
        return tb_draft_reject(d, TB_RULE_RESOLVE_RESOLVED, NULL,
                               TB_SAY(d, "%.*s is resolved already", TB_ARG(d->cmd->subject)));
    }
    if (!tb_check_not_blocked(d, TB_RULE_RESOLVE_BLOCKED, "resolve")) {
        return false;
    }
    if (tb_is_blank(data->resolution_comment)) {
        return tb_draft_reject(d, TB_RULE_RESOLVE_COMMENT, "resolution_comment",
                               TB_LIT("resolution_comment is blank"));
    }
    const struct tb_column *to = done_column(d);
    if (to) {
        tb_enter_column(d, to);
    }
    tb_draft_set(d, TB_TICKET_IS_RESOLVED, tb_value_bool(true));
    tb_draft_set(d, TB_TICKET_RESOLVED_AT, tb_value_time(d->at));
    (void)tb_draft_emit(d, TB_EVENT_RESOLVED, TB_LIT("resolved"));
    tb_emit_comment(d, data->resolution_comment, "resolution");
    if (tb_has(&data->p, TB_RESOLVE_COMMIT_SHA)) {
        tb_emit_commit(d, data->commit_sha, "resolve");
    }
    tb_draft_recheck_dependents(d, true);
    return true;
}

static const struct tb_column *reopen_column(struct tb_draft *d, const struct tb_reopen_data *data)
{
    bool given = tb_has(&data->p, TB_REOPEN_STATUS);
    const struct tb_column *to =
        tb_check_column(d, given ? data->new_status : d->board->initial_status, "new_status");
    if (to && to->category == TB_CATEGORY_DONE) {
        (void)tb_draft_reject(d, TB_RULE_REOPEN_DONE, "new_status",
                              TB_SAY(d, "column \"%.*s\" is for done tickets", TB_ARG(to->id)));
        return NULL;
    }
    return to;
}

bool tb_decide_reopen(struct tb_draft *d)
{
    const struct tb_reopen_data *data = d->cmd->data;
    if (!tb_ticket_bool(&d->state, TB_TICKET_IS_RESOLVED)) {
        return tb_draft_reject(d, TB_RULE_REOPEN_NOT_RESOLVED, NULL,
                               TB_SAY(d, "%.*s is not resolved", TB_ARG(d->cmd->subject)));
    }
    if (!d->board->allow_reopen && !tb_is_admin(d)) {
        return tb_draft_reject(d, TB_RULE_REOPEN_FORBIDDEN, NULL,
                               TB_LIT("the board leaves reopening to its administrators"));
    }
    const struct tb_column *to = reopen_column(d, data);
    if (!to) {
        return false;
    }
    bool stays = tb_str_eq(to->id, tb_ticket_str(&d->state, TB_TICKET_STATUS));
    if (!stays && !tb_check_wip(d, to, "new_status")) {
        return false;
    }
    tb_enter_column(d, to);
    tb_draft_set(d, TB_TICKET_IS_RESOLVED, tb_value_bool(false));
    tb_draft_set(d, TB_TICKET_RESOLVED_AT, tb_value_time(TB_TIME_NONE));
    (void)tb_draft_emit(d, TB_EVENT_REOPENED, TB_SAY(d, "reopened into %.*s", TB_ARG(to->id)));
    if (tb_has(&data->p, TB_REOPEN_COMMENT)) {
        tb_emit_comment(d, data->comment, "reopen");
    }
    tb_edges_project(d);
    tb_draft_recheck_dependents(d, true);
    return true;
}
