#include "producer/ctl/tickets.h"

#include <string.h>

#include "common/base/uuid.h"

/* In the order of enum tb_ticket_field. */
const char ctl_ticket_columns[] =
    "t.id, t.version, t.workflow_id, t.external_id, t.created_by_agent_id, t.assigned_agent_id,"
    " t.title, t.description, t.ticket_type, t.priority, t.status, t.parent_ticket_id,"
    " t.related_task_ids, t.related_ticket_ids, t.tags, t.blocked_by_ticket_ids, t.is_blocked,"
    " t.is_resolved, t.is_deleted, t.created_at, t.updated_at, t.started_at, t.completed_at,"
    " t.resolved_at, t.deleted_at";
const char ctl_ticket_kinds[] = "si"         /* id, version */
                                "ssssssssss" /* workflow_id to parent_ticket_id */
                                "jjjj"       /* lists */
                                "bbb"        /* is_blocked, is_resolved, is_deleted */
                                "tttttt";    /* times */

static void any_of(const struct ctl_args *args, const char *option, const char *column, tb_buf *sql,
                   struct tb_pg_params *params)
{
    tb_strs list = ctl_opt_list(args, option, params->arena);
    if (list.n) {
        tb_pg_add_strs(params, list.items, list.n);
        tb_buf_printf(sql, " AND %s = ANY($%d::text[])", column, params->n);
    }
}

static void equals(const struct ctl_args *args, const char *option, const char *column, tb_buf *sql,
                   struct tb_pg_params *params)
{
    tb_str value = ctl_opt(args, option);
    if (!tb_str_is_null(value)) {
        tb_pg_add_str(params, value);
        tb_buf_printf(sql, " AND %s = $%d", column, params->n);
    }
}

void ctl_filter_sql(const struct ctl_args *args, tb_buf *sql, struct tb_pg_params *params)
{
    equals(args, "workflow", "t.workflow_id", sql, params);
    equals(args, "assignee", "t.assigned_agent_id", sql, params);
    any_of(args, "status", "t.status", sql, params);
    any_of(args, "type", "t.ticket_type", sql, params);
    any_of(args, "priority", "t.priority", sql, params);
    tb_strs tags = ctl_opt_list(args, "tag", params->arena);
    if (tags.n) {
        tb_buf json;
        tb_buf_init(&json, CTL_OUT_MAX);
        struct tb_json w = {.buf = &json};
        tb_json_strings(&w, tags);
        tb_pg_add_str(params, tb_buf_take(&json, params->arena));
        tb_buf_printf(sql, " AND t.tags @> $%d::jsonb", params->n);
        tb_buf_dispose(&json);
    }
}

tb_str ctl_ticket_short(const struct ctl *ctl, tb_str id, tb_str external_id)
{
    if (!ctl->term.tty) {
        return id;
    }
    if (!tb_str_is_null(external_id)) {
        return external_id;
    }
    return ctl_is_ticket_id(id) ? (tb_str){id.ptr + id.len - 12, 12} : id;
}

enum ctl_color ctl_ticket_color(const struct ctl_rows *r, int row)
{
    if (ctl_bool(r, row, CTL_COL(IS_DELETED))) {
        return CTL_GRAY;
    }
    if (ctl_bool(r, row, CTL_COL(IS_RESOLVED))) {
        return CTL_GREEN;
    }
    return ctl_bool(r, row, CTL_COL(IS_BLOCKED)) ? CTL_RED : CTL_PLAIN;
}
