/* Issue, import: given fields become what they were in the other system, with the times they had
 * there. Transitions, limits and blockers do not bind it; the board's columns, types and
 * priorities, workflows and cycles do. */
#include "worker/core/checks.h"
#include "worker/core/decide.h"
#include "worker/core/edges.h"
#include "worker/core/rows.h"

#define SET(bit, member, column)                                                                   \
    {                                                                                              \
        TB_IMPORT_##bit, offsetof(struct tb_import_data, member), column                           \
    }

static const struct tb_setter setters[] = {
    SET(EXTERNAL_ID, external_id, TB_TICKET_EXTERNAL_ID),
    SET(CREATED_BY_AGENT_ID, created_by_agent_id, TB_TICKET_CREATED_BY_AGENT_ID),
    SET(ASSIGNED_AGENT_ID, assigned_agent_id, TB_TICKET_ASSIGNED_AGENT_ID),
    SET(TITLE, title, TB_TICKET_TITLE),
    SET(DESCRIPTION, description, TB_TICKET_DESCRIPTION),
    SET(TICKET_TYPE, ticket_type, TB_TICKET_TICKET_TYPE),
    SET(PRIORITY, priority, TB_TICKET_PRIORITY),
    SET(PARENT_TICKET_ID, parent_ticket_id, TB_TICKET_PARENT_TICKET_ID),
    SET(RELATED_TASK_IDS, related_task_ids, TB_TICKET_RELATED_TASK_IDS),
    SET(RELATED_TICKET_IDS, related_ticket_ids, TB_TICKET_RELATED_TICKET_IDS),
    SET(TAGS, tags, TB_TICKET_TAGS),
    SET(IS_RESOLVED, is_resolved, TB_TICKET_IS_RESOLVED),
    SET(IS_DELETED, is_deleted, TB_TICKET_IS_DELETED),
};

/* These override the times that follow from a column or a flag, so they are set last. */
static const struct tb_setter time_setters[] = {
    SET(CREATED_AT, created_at, TB_TICKET_CREATED_AT),
    SET(STARTED_AT, started_at, TB_TICKET_STARTED_AT),
    SET(COMPLETED_AT, completed_at, TB_TICKET_COMPLETED_AT),
    SET(RESOLVED_AT, resolved_at, TB_TICKET_RESOLVED_AT),
    SET(DELETED_AT, deleted_at, TB_TICKET_DELETED_AT),
};

static bool check_actor(struct tb_draft *d)
{
    tb_str type = d->cmd->actor_type;
    return tb_is_admin(d) || tb_str_eq_c(type, "system") || tb_str_eq_c(type, "orchestrator") ||
           tb_draft_reject(d, TB_RULE_IMPORT_FORBIDDEN, NULL,
                           TB_SAY(d, "%.*s is no administrator, orchestrator or system",
                                  TB_ARG(d->cmd->actor)));
}

static bool check_workflow(struct tb_draft *d, const struct tb_import_data *data)
{
    return tb_str_eq(data->workflow_id, d->board->workflow_id) ||
           tb_draft_reject(d, TB_RULE_IMPORT_WORKFLOW, "workflow_id",
                           TB_SAY(d, "%.*s is of workflow %.*s", TB_ARG(d->cmd->subject),
                                  TB_ARG(d->board->workflow_id)));
}

/* The values a new ticket gets for what the source did not say: placeholders and defaults. */
static bool set_defaults(struct tb_draft *d, const struct tb_import_data *data)
{
    tb_str type = data->ticket_type;
    if (!tb_has(&data->p, TB_IMPORT_TICKET_TYPE) && !tb_check_default_type(d, &type)) {
        return false;
    }
    bool external = tb_has(&data->p, TB_IMPORT_EXTERNAL_ID);
    bool agent = tb_has(&data->p, TB_IMPORT_AGENT_ID);
    tb_draft_set(d, TB_TICKET_WORKFLOW_ID, tb_value_str(data->workflow_id));
    tb_draft_set(d, TB_TICKET_TITLE,
                 tb_value_str(external ? data->external_id : TB_LIT("(no title)")));
    tb_draft_set(d, TB_TICKET_TICKET_TYPE, tb_value_str(type));
    tb_draft_set(d, TB_TICKET_PRIORITY, tb_value_str(tb_default_priority(d->board)));
    tb_draft_set(d, TB_TICKET_CREATED_BY_AGENT_ID,
                 tb_value_str(agent ? data->agent_id : d->cmd->actor));
    tb_draft_set(d, TB_TICKET_CREATED_AT, tb_value_time(d->at));
    return true;
}

static bool check_values(struct tb_draft *d, const struct tb_import_data *data,
                         const struct tb_column **column)
{
    bool given = tb_has(&data->p, TB_IMPORT_STATUS);
    *column = NULL;
    if (given || !tb_ticket_exists(&d->state)) {
        *column = tb_check_column(d, given ? data->status : d->board->initial_status, "status");
        if (!*column) {
            return false;
        }
    }
    return (!tb_has(&data->p, TB_IMPORT_TICKET_TYPE) || tb_check_type(d, data->ticket_type)) &&
           (!tb_has(&data->p, TB_IMPORT_PRIORITY) || tb_check_priority(d, data->priority));
}

static bool check_references(struct tb_draft *d, const struct tb_import_data *data)
{
    if (tb_given(&data->p, TB_IMPORT_DEPENDENCIES)) {
        tb_edges_set_all(d, &data->dependencies);
    }
    if (!tb_edges_check(d, "dependencies")) {
        return false;
    }
    return !tb_has(&data->p, TB_IMPORT_PARENT_TICKET_ID) ||
           tb_check_parent(d, data->parent_ticket_id, true);
}

/* A flag that turns brings its time along, unless the source says another. */
static void set_time_of_flag(struct tb_draft *d, unsigned bit, bool value,
                             enum tb_ticket_field flag, enum tb_ticket_field time)
{
    const struct tb_import_data *data = d->cmd->data;
    if (tb_given(&data->p, bit) && value != tb_ticket_bool(&d->state, flag)) {
        tb_draft_set(d, time, tb_value_time(value ? d->at : TB_TIME_NONE));
    }
}

static void set_fields(struct tb_draft *d, const struct tb_import_data *data,
                       const struct tb_column *column)
{
    tb_draft_set_given(d, data, setters, TB_COUNT(setters));
    if (column && !tb_str_eq(column->id, tb_ticket_str(&d->state, TB_TICKET_STATUS))) {
        tb_enter_column(d, column);
    }
    set_time_of_flag(d, TB_IMPORT_IS_RESOLVED, data->is_resolved, TB_TICKET_IS_RESOLVED,
                     TB_TICKET_RESOLVED_AT);
    set_time_of_flag(d, TB_IMPORT_IS_DELETED, data->is_deleted, TB_TICKET_IS_DELETED,
                     TB_TICKET_DELETED_AT);
    tb_draft_set_given(d, data, time_setters, TB_COUNT(time_setters));
}

static void emit_comment(struct tb_draft *d, const struct tb_import_data *data)
{
    bool known = tb_world_comment(d->w, d->ctx->comment_id) != NULL;
    if (!tb_has(&data->p, TB_IMPORT_COMMENT_TEXT) || tb_is_blank(data->comment_text) || known) {
        return;
    }
    tb_emit_comment_row(d, &(struct tb_comment){
                               .id = d->ctx->comment_id,
                               .ticket_id = d->cmd->subject,
                               .agent_id = d->agent,
                               .text = data->comment_text,
                               .type = tb_has(&data->p, TB_IMPORT_COMMENT_TYPE) ? data->comment_type
                                                                                : TB_LIT("general"),
                               .created_at = d->at,
                               .updated_at = TB_TIME_NONE,
                           });
}

static void take_times(struct tb_draft *d, const struct tb_import_data *data)
{
    bool updated = tb_has(&data->p, TB_IMPORT_UPDATED_AT);
    if (tb_has(&data->p, TB_IMPORT_OCCURRED_AT)) {
        d->at = data->occurred_at;
    } else if (updated) {
        d->at = data->updated_at;
    }
    d->updated_at = updated ? data->updated_at : d->at;
    if (tb_has(&data->p, TB_IMPORT_AGENT_ID)) {
        d->agent = data->agent_id;
    }
}

/* updated_at alone is no change: it moves with every event, so that it may differ from the source's
 * for good. */
bool tb_decide_import(struct tb_draft *d)
{
    const struct tb_import_data *data = d->cmd->data;
    struct tb_ticket before = d->state;
    bool created = !tb_ticket_exists(&before);
    const struct tb_column *column;
    take_times(d, data);
    if (!check_actor(d) || !check_workflow(d, data) || !check_values(d, data, &column) ||
        (created && !set_defaults(d, data)) || !check_references(d, data)) {
        return false;
    }
    set_fields(d, data, column);
    if (d->ndiffs) {
        (void)tb_draft_emit(d, created ? TB_EVENT_CREATED : TB_EVENT_IMPORTED,
                            created ? TB_LIT("imported") : TB_LIT("set as in the other system"));
    }
    emit_comment(d, data);
    tb_edges_emit(d, TB_STR_NULL);
    tb_edges_project(d);
    if (created) {
        tb_draft_recheck_dependents(d, false);
    } else if (!tb_value_eq(before.fields[TB_TICKET_IS_RESOLVED],
                            d->state.fields[TB_TICKET_IS_RESOLVED]) ||
               !tb_value_eq(before.fields[TB_TICKET_IS_DELETED],
                            d->state.fields[TB_TICKET_IS_DELETED])) {
        tb_draft_recheck_dependents(d, true);
    }
    return true;
}
