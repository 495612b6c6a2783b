/* Seed 001: add_comment and link_commit; the issue adds edit comment. */
#include "worker/core/checks.h"
#include "worker/core/decide.h"
#include "worker/core/rows.h"

bool tb_decide_comment(struct tb_draft *d)
{
    const struct tb_comment_data *data = d->cmd->data;
    tb_emit_comment_row(
        d, &(struct tb_comment){
               .id = d->ctx->comment_id,
               .ticket_id = d->cmd->subject,
               .agent_id = d->agent,
               .text = data->comment_text,
               .type = tb_has(&data->p, TB_COMMENT_TYPE) ? data->comment_type : TB_LIT("general"),
               .mentions = data->mentions,
               .attachments = data->attachments,
               .created_at = d->at,
               .updated_at = TB_TIME_NONE,
           });
    return true;
}

/* A list that was left out is kept; a null one is emptied. */
static struct tb_comment edited(const struct tb_comment *before,
                                const struct tb_edit_comment_data *data)
{
    struct tb_comment after = *before;
    after.text = data->comment_text;
    if (tb_given(&data->p, TB_EDIT_MENTIONS)) {
        after.mentions = data->mentions;
    }
    if (tb_given(&data->p, TB_EDIT_ATTACHMENTS)) {
        after.attachments = data->attachments;
    }
    return after;
}

static bool same(const struct tb_comment *a, const struct tb_comment *b)
{
    return tb_str_eq(a->text, b->text) && tb_strs_eq(a->mentions, b->mentions) &&
           tb_strs_eq(a->attachments, b->attachments);
}

bool tb_decide_edit_comment(struct tb_draft *d)
{
    const struct tb_edit_comment_data *data = d->cmd->data;
    const struct tb_comment *before = tb_world_comment(d->w, data->comment_id);
    if (!before || !tb_str_eq(before->ticket_id, d->cmd->subject)) {
        return tb_draft_reject(d, TB_RULE_EDIT_MISSING, "comment_id",
                               TB_SAY(d, "%.*s has no comment %.*s", TB_ARG(d->cmd->subject),
                                      TB_ARG(data->comment_id)));
    }
    if (!tb_str_eq(before->agent_id, d->cmd->actor) && !tb_is_admin(d)) {
        return tb_draft_reject(d, TB_RULE_EDIT_FORBIDDEN, NULL,
                               TB_SAY(d, "only its author %.*s or an administrator may edit it",
                                      TB_ARG(before->agent_id)));
    }
    struct tb_comment after = edited(before, data);
    if (same(before, &after)) {
        return true;
    }
    after.is_edited = true;
    after.updated_at = d->at;
    struct tb_comment *rows = TB_NEW_N(d->arena, struct tb_comment, 2);
    struct tb_change *change = tb_draft_emit(d, TB_EVENT_COMMENT_EDITED, TB_LIT("comment edited"));
    if (rows && change) {
        rows[0] = *before; /* the world's own may change with the next command */
        rows[1] = after;
        change->comment_before = &rows[0];
        change->comment = &rows[1];
    }
    return true;
}

bool tb_decide_link_commit(struct tb_draft *d)
{
    const struct tb_link_commit_data *data = d->cmd->data;
    const struct tb_present *p = &data->p;
    tb_emit_commit_row(
        d, &(struct tb_commit){
               .id = d->ctx->commit_id,
               .ticket_id = d->cmd->subject,
               .agent_id = d->agent,
               .sha = data->commit_sha,
               .message = tb_has(p, TB_COMMIT_MESSAGE) ? data->commit_message : TB_STR_NULL,
               .timestamp = tb_has(p, TB_COMMIT_TIMESTAMP) ? data->commit_timestamp : TB_TIME_NONE,
               .files_changed = tb_has(p, TB_COMMIT_FILES_CHANGED) ? data->files_changed : -1,
               .insertions = tb_has(p, TB_COMMIT_INSERTIONS) ? data->insertions : -1,
               .deletions = tb_has(p, TB_COMMIT_DELETIONS) ? data->deletions : -1,
               .files_list = data->files_list,
               .linked_at = d->at,
               .link_method = TB_LIT("manual"),
           });
    return true;
}
