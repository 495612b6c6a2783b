/* Seed 001, data flow 3: "enforce blockers, update timing (started/completed), history and
 * comment". Seed 000: "transitions validated by service layer". */
#include "worker/core/checks.h"
#include "worker/core/decide.h"
#include "worker/core/rows.h"

/* A status the board's transitions do not name may go anywhere. */
static bool check_transition(struct tb_draft *d, tb_str from, tb_str to)
{
    const struct tb_strings_map *map = &d->board->transitions;
    for (size_t i = 0; i < map->n; i++) {
        if (tb_str_eq(map->keys[i], from)) {
            return tb_strs_has(map->values[i], to) ||
                   tb_draft_reject(d, TB_RULE_STATUS_TRANSITION, "new_status",
                                   TB_SAY(d, "the board does not allow %.*s -> %.*s", TB_ARG(from),
                                          TB_ARG(to)));
        }
    }
    return true;
}

static bool check_comment(struct tb_draft *d, tb_str comment)
{
    return !d->board->require_comment_on_status_change || !tb_is_blank(comment) ||
           tb_draft_reject(d, TB_RULE_STATUS_COMMENT, "comment",
                           TB_LIT("the board requires a comment for a change of status"));
}

static bool check_move(struct tb_draft *d, const struct tb_column *to, tb_str comment)
{
    return check_transition(d, tb_ticket_str(&d->state, TB_TICKET_STATUS), to->id) &&
           tb_check_not_blocked(d, TB_RULE_STATUS_BLOCKED, "change_status") &&
           tb_check_wip(d, to, "new_status") && check_comment(d, comment);
}

bool tb_decide_change_status(struct tb_draft *d)
{
    const struct tb_change_status_data *data = d->cmd->data;
    tb_str comment = tb_has(&data->p, TB_STATUS_COMMENT) ? data->comment : TB_STR_NULL;
    const struct tb_column *to = tb_check_column(d, data->new_status, "new_status");
    if (!to) {
        return false;
    }
    if (tb_ticket_bool(&d->state, TB_TICKET_IS_RESOLVED)) {
        return tb_draft_reject(
            d, TB_RULE_STATUS_RESOLVED, NULL,
            TB_SAY(d, "%.*s is resolved; reopen it first", TB_ARG(d->cmd->subject)));
    }
    tb_str from = tb_ticket_str(&d->state, TB_TICKET_STATUS);
    if (!tb_str_eq(from, to->id)) {
        if (!check_move(d, to, comment)) {
            return false;
        }
        tb_enter_column(d, to);
        (void)tb_draft_emit(d, TB_EVENT_STATUS_CHANGED,
                            TB_SAY(d, "moved from %.*s to %.*s", TB_ARG(from), TB_ARG(to->id)));
    }
    tb_emit_comment(d, comment, "status_change");
    if (tb_has(&data->p, TB_STATUS_COMMIT_SHA)) {
        tb_emit_commit(d, data->commit_sha, "change_status");
    }
    return true;
}
