#include "worker/core/rows.h"

/* Issue, ticket core: "the first entry into an active one sets started_at, done sets completed_at,
 * leaving done clears it". From one done column to another the time stays. */
void tb_enter_column(struct tb_draft *d, const struct tb_column *to)
{
    const struct tb_column *from =
        tb_board_column(d->board, tb_ticket_str(&d->state, TB_TICKET_STATUS));
    tb_draft_set(d, TB_TICKET_STATUS, tb_value_str(to->id));
    if (to->category == TB_CATEGORY_ACTIVE &&
        tb_ticket_time(&d->state, TB_TICKET_STARTED_AT) == TB_TIME_NONE) {
        tb_draft_set(d, TB_TICKET_STARTED_AT, tb_value_time(d->at));
    }
    bool stays_done = from && from->category == TB_CATEGORY_DONE &&
                      tb_ticket_time(&d->state, TB_TICKET_COMPLETED_AT) != TB_TIME_NONE;
    if (to->category != TB_CATEGORY_DONE) {
        tb_draft_set(d, TB_TICKET_COMPLETED_AT, tb_value_time(TB_TIME_NONE));
    } else if (!stays_done) {
        tb_draft_set(d, TB_TICKET_COMPLETED_AT, tb_value_time(d->at));
    }
}

void tb_emit_comment_row(struct tb_draft *d, const struct tb_comment *comment)
{
    struct tb_comment *row = TB_NEW(d->arena, struct tb_comment);
    struct tb_change *change = tb_draft_emit(
        d, TB_EVENT_COMMENTED, TB_SAY(d, "%.*s comment added", TB_ARG(comment->type)));
    if (row && change) {
        *row = *comment;
        change->comment = row;
    }
}

void tb_emit_comment(struct tb_draft *d, tb_str text, const char *type)
{
    if (tb_is_blank(text)) {
        return;
    }
    tb_emit_comment_row(d, &(struct tb_comment){
                               .id = d->ctx->comment_id,
                               .ticket_id = d->cmd->subject,
                               .agent_id = d->agent,
                               .text = text,
                               .type = tb_str_of(type),
                               .created_at = d->at,
                               .updated_at = TB_TIME_NONE,
                           });
}

/* Issue: "linking the same commit again changes nothing". */
void tb_emit_commit_row(struct tb_draft *d, const struct tb_commit *commit)
{
    const struct tb_node *node = tb_world_node(d->w, d->cmd->subject);
    if (node && tb_node_has_commit(node, commit->sha)) {
        return;
    }
    struct tb_commit *row = TB_NEW(d->arena, struct tb_commit);
    struct tb_change *change = tb_draft_emit(d, TB_EVENT_COMMIT_LINKED,
                                             TB_SAY(d, "commit %.*s linked", TB_ARG(commit->sha)));
    if (row && change) {
        *row = *commit;
        change->commit = row;
    }
}

void tb_emit_commit(struct tb_draft *d, tb_str sha, const char *method)
{
    if (tb_str_is_null(sha)) {
        return;
    }
    tb_emit_commit_row(d, &(struct tb_commit){
                              .id = d->ctx->commit_id,
                              .ticket_id = d->cmd->subject,
                              .agent_id = d->agent,
                              .sha = sha,
                              .timestamp = TB_TIME_NONE,
                              .files_changed = -1,
                              .insertions = -1,
                              .deletions = -1,
                              .linked_at = d->at,
                              .link_method = tb_str_of(method),
                          });
}
