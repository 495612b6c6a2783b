#include "common/model/ticket.h"

const struct tb_ticket_field_info tb_ticket_fields[TB_TICKET_FIELDS_] = {
    [TB_TICKET_WORKFLOW_ID] = {"workflow_id", TB_VALUE_STR, "Workflow whose board it is on."},
    [TB_TICKET_EXTERNAL_ID] = {"external_id", TB_VALUE_STR, "Its id in another system."},
    [TB_TICKET_CREATED_BY_AGENT_ID] = {"created_by_agent_id", TB_VALUE_STR, "Who created it."},
    [TB_TICKET_ASSIGNED_AGENT_ID] = {"assigned_agent_id", TB_VALUE_STR, "Who works on it."},
    [TB_TICKET_TITLE] = {"title", TB_VALUE_STR, "One line that names the work."},
    [TB_TICKET_DESCRIPTION] = {"description", TB_VALUE_STR, "The work in full."},
    [TB_TICKET_TICKET_TYPE] = {"ticket_type", TB_VALUE_STR, "One of the board's types."},
    [TB_TICKET_PRIORITY] = {"priority", TB_VALUE_STR, "One of the board's priorities."},
    [TB_TICKET_STATUS] = {"status", TB_VALUE_STR, "Column of the board."},
    [TB_TICKET_PARENT_TICKET_ID] = {"parent_ticket_id", TB_VALUE_STR, "Parent ticket."},
    [TB_TICKET_RELATED_TASK_IDS] = {"related_task_ids", TB_VALUE_STRS, "Orchestrator's tasks."},
    [TB_TICKET_RELATED_TICKET_IDS] = {"related_ticket_ids", TB_VALUE_STRS, "Related tickets."},
    [TB_TICKET_TAGS] = {"tags", TB_VALUE_STRS, "Free labels."},
    [TB_TICKET_BLOCKED_BY_TICKET_IDS] = {"blocked_by_ticket_ids", TB_VALUE_STRS,
                                         "Blockers that are still open."},
    [TB_TICKET_IS_BLOCKED] = {"is_blocked", TB_VALUE_BOOL, "It waits for other tickets."},
    [TB_TICKET_IS_RESOLVED] = {"is_resolved", TB_VALUE_BOOL, "It is resolved."},
    [TB_TICKET_IS_DELETED] = {"is_deleted", TB_VALUE_BOOL, "It is deleted."},
    [TB_TICKET_CREATED_AT] = {"created_at", TB_VALUE_TIME, "When it was created."},
    [TB_TICKET_UPDATED_AT] = {"updated_at", TB_VALUE_TIME, "When it was last changed."},
    [TB_TICKET_STARTED_AT] = {"started_at", TB_VALUE_TIME, "First entry into an active column."},
    [TB_TICKET_COMPLETED_AT] = {"completed_at", TB_VALUE_TIME, "Entry into a done column."},
    [TB_TICKET_RESOLVED_AT] = {"resolved_at", TB_VALUE_TIME, "When it was resolved."},
    [TB_TICKET_DELETED_AT] = {"deleted_at", TB_VALUE_TIME, "When it was deleted."},
};

struct tb_ticket tb_ticket_absent(tb_str id)
{
    struct tb_ticket t = {.id = id};
    for (int f = 0; f < TB_TICKET_FIELDS_; f++) {
        t.fields[f].kind = tb_ticket_fields[f].kind;
        if (t.fields[f].kind == TB_VALUE_TIME) {
            t.fields[f].as.time = TB_TIME_NONE;
        }
    }
    return t;
}

bool tb_value_eq(struct tb_value a, struct tb_value b)
{
    if (a.kind != b.kind) {
        return false;
    }
    switch (a.kind) {
    case TB_VALUE_STR:
        return tb_str_eq(a.as.str, b.as.str);
    case TB_VALUE_BOOL:
        return a.as.boolean == b.as.boolean;
    case TB_VALUE_TIME:
        return a.as.time == b.as.time;
    case TB_VALUE_STRS:
        return tb_strs_eq(a.as.strs, b.as.strs);
    }
    return false;
}

bool tb_value_is_null(struct tb_value v)
{
    return (v.kind == TB_VALUE_STR && tb_str_is_null(v.as.str)) ||
           (v.kind == TB_VALUE_TIME && v.as.time == TB_TIME_NONE);
}
