/* Seed 001, data flow 2: "diff fields, apply changes, record per-field history". */
#include "worker/core/checks.h"
#include "worker/core/decide.h"
#include "worker/core/edges.h"
#include "worker/core/rows.h"

#define SET(bit, member, column)                                                                   \
    {                                                                                              \
        TB_UPDATES_##bit, offsetof(struct tb_updates_data, member), column                         \
    }

static const struct tb_setter setters[] = {
    SET(TITLE, title, TB_TICKET_TITLE),
    SET(DESCRIPTION, description, TB_TICKET_DESCRIPTION),
    SET(TICKET_TYPE, ticket_type, TB_TICKET_TICKET_TYPE),
    SET(PRIORITY, priority, TB_TICKET_PRIORITY),
    SET(ASSIGNED_AGENT_ID, assigned_agent_id, TB_TICKET_ASSIGNED_AGENT_ID),
    SET(PARENT_TICKET_ID, parent_ticket_id, TB_TICKET_PARENT_TICKET_ID),
    SET(TAGS, tags, TB_TICKET_TAGS),
    SET(RELATED_TASK_IDS, related_task_ids, TB_TICKET_RELATED_TASK_IDS),
    SET(RELATED_TICKET_IDS, related_ticket_ids, TB_TICKET_RELATED_TICKET_IDS),
};

static bool check_updates(struct tb_draft *d, const struct tb_updates_data *u)
{
    if (tb_has(&u->p, TB_UPDATES_TICKET_TYPE) && !tb_check_type(d, u->ticket_type)) {
        return false;
    }
    if (tb_has(&u->p, TB_UPDATES_PRIORITY) && !tb_check_priority(d, u->priority)) {
        return false;
    }
    if (tb_has(&u->p, TB_UPDATES_BLOCKED_BY)) {
        tb_edges_set_blockers(d, u->blocked_by_ticket_ids);
    }
    if (!tb_edges_check(d, "updates.blocked_by_ticket_ids")) {
        return false;
    }
    return !tb_has(&u->p, TB_UPDATES_PARENT_TICKET_ID) ||
           tb_check_parent(d, u->parent_ticket_id, false);
}

/* "title, tags": the fields of the change being put together. */
static tb_str names_of_diffs(struct tb_draft *d)
{
    tb_str names[TB_TICKET_FIELDS_];
    for (size_t i = 0; i < d->ndiffs; i++) {
        names[i] = tb_str_of(tb_ticket_fields[d->diffs[i].field].name);
    }
    return tb_say_list(d->arena, (tb_strs){names, d->ndiffs}, TB_TICKET_FIELDS_, ", ");
}

bool tb_decide_update(struct tb_draft *d)
{
    const struct tb_update_data *data = d->cmd->data;
    if (!check_updates(d, &data->updates)) {
        return false;
    }
    tb_draft_set_given(d, &data->updates, setters, TB_COUNT(setters));
    if (d->ndiffs) {
        (void)tb_draft_emit(d, TB_EVENT_UPDATED,
                            TB_SAY(d, "changed %.*s", TB_ARG(names_of_diffs(d))));
    }
    if (tb_has(&data->p, TB_UPDATE_COMMENT)) {
        tb_emit_comment(d, data->update_comment, "update");
    }
    if (tb_has(&data->p, TB_UPDATE_COMMIT_SHA)) {
        tb_emit_commit(d, data->commit_sha, "update");
    }
    tb_edges_emit(d, TB_STR_NULL);
    tb_edges_project(d);
    return true;
}
