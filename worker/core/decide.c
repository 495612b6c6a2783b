#include "worker/core/decide.h"

#include "worker/core/edges.h"

enum {
    MAY_BE_ABSENT = 1 << 0,  /* the verb deals with a ticket that is not there */
    MAY_BE_DELETED = 1 << 1, /* and with a deleted one */
    ONLY_NEW = 1 << 2,       /* the ticket must not be there */
    NO_BOARD = 1 << 3,       /* works without the workflow's board */
};

struct verb {
    bool (*decide)(struct tb_draft *d);
    unsigned flags;
    enum tb_rule applied;   /* names the decision when there are changes, */
    enum tb_rule unchanged; /* and when there are none */
};

static const struct verb verbs[TB_CMD_COUNT_] = {
    [TB_CMD_CREATE] = {tb_decide_create, ONLY_NEW, TB_RULE_CREATED, TB_RULE_CREATED},
    [TB_CMD_UPDATE] = {tb_decide_update, 0, TB_RULE_UPDATED, TB_RULE_UPDATE_UNCHANGED},
    [TB_CMD_CHANGE_STATUS] = {tb_decide_change_status, 0, TB_RULE_STATUS_MOVED,
                              TB_RULE_STATUS_UNCHANGED},
    [TB_CMD_COMMENT] = {tb_decide_comment, 0, TB_RULE_COMMENTED, TB_RULE_COMMENTED},
    [TB_CMD_EDIT_COMMENT] = {tb_decide_edit_comment, 0, TB_RULE_EDITED, TB_RULE_EDIT_UNCHANGED},
    [TB_CMD_ASSIGN] = {tb_decide_assign, 0, TB_RULE_ASSIGNED, TB_RULE_ASSIGN_UNCHANGED},
    [TB_CMD_UNASSIGN] = {tb_decide_unassign, 0, TB_RULE_UNASSIGNED, TB_RULE_UNASSIGN_UNCHANGED},
    [TB_CMD_LINK_COMMIT] = {tb_decide_link_commit, 0, TB_RULE_COMMIT_LINKED,
                            TB_RULE_COMMIT_UNCHANGED},
    [TB_CMD_RESOLVE] = {tb_decide_resolve, 0, TB_RULE_RESOLVED, TB_RULE_RESOLVED},
    [TB_CMD_REOPEN] = {tb_decide_reopen, 0, TB_RULE_REOPENED, TB_RULE_REOPENED},
    [TB_CMD_DELETE] = {tb_decide_delete, 0, TB_RULE_DELETED, TB_RULE_DELETED},
    [TB_CMD_RESTORE] = {tb_decide_restore, MAY_BE_DELETED, TB_RULE_RESTORED, TB_RULE_RESTORED},
    [TB_CMD_BLOCK] = {tb_decide_block, 0, TB_RULE_EDGES_CHANGED, TB_RULE_EDGES_UNCHANGED},
    [TB_CMD_UNBLOCK] = {tb_decide_unblock, 0, TB_RULE_EDGES_CHANGED, TB_RULE_EDGES_UNCHANGED},
    [TB_CMD_LINK] = {tb_decide_link, 0, TB_RULE_EDGES_CHANGED, TB_RULE_EDGES_UNCHANGED},
    [TB_CMD_UNLINK] = {tb_decide_unlink, 0, TB_RULE_EDGES_CHANGED, TB_RULE_EDGES_UNCHANGED},
    [TB_CMD_IMPORT] = {tb_decide_import, MAY_BE_ABSENT | MAY_BE_DELETED, TB_RULE_IMPORTED,
                       TB_RULE_IMPORT_UNCHANGED},
    [TB_CMD_WATCH] = {tb_decide_watch, MAY_BE_ABSENT | MAY_BE_DELETED | NO_BOARD,
                      TB_RULE_WATCH_ANSWERED, TB_RULE_WATCH_ANSWERED},
    [TB_CMD_RECHECK] = {tb_decide_recheck, MAY_BE_ABSENT | MAY_BE_DELETED | NO_BOARD,
                        TB_RULE_RECHECK_CHANGED, TB_RULE_RECHECK_UNCHANGED},
    [TB_CMD_REPLAY] = {tb_decide_parking, MAY_BE_ABSENT | MAY_BE_DELETED | NO_BOARD,
                       TB_RULE_PARKING_EMPTY, TB_RULE_PARKING_EMPTY},
    [TB_CMD_DROP] = {tb_decide_parking, MAY_BE_ABSENT | MAY_BE_DELETED | NO_BOARD,
                     TB_RULE_PARKING_EMPTY, TB_RULE_PARKING_EMPTY},
    [TB_CMD_EXPIRE] = {tb_decide_parking, MAY_BE_ABSENT | MAY_BE_DELETED | NO_BOARD,
                       TB_RULE_PARKING_EMPTY, TB_RULE_PARKING_EMPTY},
    [TB_CMD_SIMILAR] = {tb_decide_similar, MAY_BE_ABSENT | MAY_BE_DELETED | NO_BOARD,
                        TB_RULE_SIMILAR_FOUND, TB_RULE_SIMILAR_UNCHANGED},
    [TB_CMD_BOARD_PUT] = {tb_decide_board_put, 0, TB_RULE_BOARD_PUT, TB_RULE_BOARD_UNCHANGED},
};

/* The workflow a ticket is in, or is to be in. */
static tb_str workflow_of(const struct tb_draft *d)
{
    if (tb_ticket_exists(&d->state)) {
        return tb_ticket_str(&d->state, TB_TICKET_WORKFLOW_ID);
    }
    if (d->cmd->type->kind == TB_CMD_CREATE) {
        return ((const struct tb_create_data *)d->cmd->data)->workflow_id;
    }
    if (d->cmd->type->kind == TB_CMD_IMPORT) {
        return ((const struct tb_import_data *)d->cmd->data)->workflow_id;
    }
    return TB_STR_NULL;
}

/* What every command of a ticket must pass, in this order: the ticket is there (or not yet), it is
 * not deleted, it has the version expected, its workflow has a board. */
static bool check_common(struct tb_draft *d, unsigned flags)
{
    tb_str id = d->cmd->subject;
    bool exists = tb_ticket_exists(&d->state);
    if (exists && (flags & ONLY_NEW)) {
        return tb_draft_reject(d, TB_RULE_CREATE_EXISTS, NULL,
                               TB_SAY(d, "%.*s exists already", TB_ARG(id)));
    }
    if (!exists && !(flags & (ONLY_NEW | MAY_BE_ABSENT))) {
        return tb_draft_reject(d, TB_RULE_TICKET_MISSING, NULL,
                               TB_SAY(d, "there is no ticket %.*s", TB_ARG(id)));
    }
    if (tb_ticket_bool(&d->state, TB_TICKET_IS_DELETED) && !(flags & MAY_BE_DELETED)) {
        return tb_draft_reject(d, TB_RULE_TICKET_DELETED, NULL,
                               TB_SAY(d, "%.*s is deleted; restore it first", TB_ARG(id)));
    }
    if (d->cmd->expected_version != TB_EXPECTED_NONE &&
        d->cmd->expected_version != d->state.version) {
        return tb_draft_reject(d, TB_RULE_TICKET_VERSION, "expectedversion",
                               TB_SAY(d, "version %lld was expected and the ticket is at %lld",
                                      (long long)d->cmd->expected_version,
                                      (long long)d->state.version));
    }
    tb_str workflow = workflow_of(d);
    d->board = tb_world_board(d->w, workflow);
    if (!d->board && !(flags & NO_BOARD)) {
        return tb_draft_reject(d, TB_RULE_BOARD_MISSING, exists ? NULL : "workflow_id",
                               TB_SAY(d, "workflow %.*s has no board", TB_ARG(workflow)));
    }
    return true;
}

struct tb_decision tb_decide(struct tb_world *w, const struct tb_command *cmd,
                             const struct tb_context *ctx)
{
    const struct verb *verb = &verbs[cmd->type->kind];
    struct tb_draft d = {
        .w = w,
        .arena = w->arena,
        .cmd = cmd,
        .ctx = ctx,
        .agent = cmd->actor,
        .at = ctx->now_us,
        .updated_at = ctx->now_us,
    };
    if (cmd->type->family == TB_FAMILY_BOARD) {
        (void)verb->decide(&d);
        return tb_draft_finish(&d, verb->applied, verb->unchanged);
    }
    const struct tb_ticket *ticket = tb_world_ticket(w, cmd->subject);
    d.state = ticket ? *ticket : tb_ticket_absent(cmd->subject);
    tb_edges_load(&d);
    if (check_common(&d, verb->flags)) {
        (void)verb->decide(&d);
    }
    return tb_draft_finish(&d, verb->applied, verb->unchanged);
}
