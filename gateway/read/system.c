/* get_command, list_agents, get_status. */
#include "common/json/stored.h"
#include "gateway/read/internal.h"

enum { WORKFLOW = 9, OUTBOX = 15 }; /* columns of what follows */

bool tb_plan_command(const struct tb_read *read, struct tb_plan *plan, struct tb_reply *ret)
{
    const struct tb_command_params *p = read->params;
    (void)ret;
    struct tb_pg_params *params = tb_plan_add(
        plan, "command",
        "SELECT l.id AS command_id, l.type, l.subject, l.actor, l.outcome, l.version, l.code,"
        " l.message, l.applied_at, COALESCE(t.workflow_id, b.workflow_id) AS workflow_id, l.source,"
        " l.rule, (SELECT k.message FROM parked_tickets k WHERE k.ticket_id = l.subject)"
        "  AS parked_because, l.topic_partition, l.record_offset,"
        " CASE WHEN $4 THEN l.outbox END AS outbox"
        " FROM command_log l LEFT JOIN tickets t ON t.id = l.subject"
        " LEFT JOIN board_configs b ON b.workflow_id = l.subject"
        " WHERE l.id = $1 AND ($3::text IS NULL OR l.source = $3)"
        " AND l.outcome NOT IN ('repeat', 'forwarded')"
        " ORDER BY (l.source = $2) DESC, l.applied_at DESC LIMIT 1",
        read->arena);
    tb_pg_add_str(params, p->command_id);
    tb_pg_add_str(params, TB_LIT(TB_GATEWAY_SOURCE));
    tb_pg_add_str(params, p->source);
    tb_pg_add_bool(params, p->events);
    return true;
}

void tb_render_command(const struct tb_read *read, struct tb_pg_result *const *results, tb_buf *out,
                       struct tb_reply *ret)
{
    const struct tb_command_params *p = read->params;
    const struct tb_pg_result *r = results[0];
    tb_str workflow = tb_pg_rows(r) > 0 ? tb_pg_str(r, 0, WORKFLOW) : TB_STR_NULL;
    bool hidden = read->caller->workflows.n > 0 &&
                  (tb_str_is_null(workflow) || !tb_caller_may_touch(read->caller, workflow));
    if (tb_pg_rows(r) == 0 || hidden) {
        tb_reply_error(ret, read->arena, TB_REPLY_NOT_FOUND, "command_not_found",
                       TB_LIT("command_id"),
                       "no outcome of command %.*s is known: it has not been applied yet, or was"
                       " never sent",
                       TB_ARG(p->command_id));
        ret->hidden = hidden && tb_pg_rows(r) > 0;
        return;
    }
    struct tb_json w = {.buf = out};
    tb_json_open(&w, '{');
    tb_row_members(&w, r, 0, "sssssisstssssii");
    if (p->events) {
        tb_json_key(&w, "events");
        tb_stored_events(&w, tb_pg_str(r, 0, OUTBOX));
    }
    tb_json_close(&w, '}');
}

bool tb_plan_agents(const struct tb_read *read, struct tb_plan *plan, struct tb_reply *ret)
{
    const struct tb_board_params *p = read->params;
    if (!tb_str_is_null(p->workflow_id) && !tb_caller_may_touch(read->caller, p->workflow_id)) {
        tb_reply_error(ret, read->arena, TB_REPLY_FORBIDDEN, "workflow_not_permitted",
                       TB_LIT("workflow_id"), "the token is not for workflow %.*s",
                       TB_ARG(p->workflow_id));
        return false;
    }
    struct tb_pg_params *params = tb_plan_add(
        plan, "agents",
        "SELECT t.assigned_agent_id AS agent_id, t.id AS ticket_id, t.workflow_id, t.title,"
        " t.status, t.is_blocked, t.started_at, t.updated_at FROM tickets t"
        " WHERE t.assigned_agent_id IS NOT NULL AND NOT t.is_resolved AND NOT t.is_deleted"
        " AND ($1::text IS NULL OR t.workflow_id = $1)"
        " AND ($2::text[] IS NULL OR t.workflow_id = ANY($2))"
        " ORDER BY t.assigned_agent_id, t.updated_at DESC LIMIT 2000",
        read->arena);
    tb_pg_add_str(params, p->workflow_id);
    tb_add_workflows(params, read->caller);
    return true;
}

void tb_render_agents(const struct tb_read *read, struct tb_pg_result *const *results, tb_buf *out,
                      struct tb_reply *ret)
{
    (void)read;
    (void)ret;
    const struct tb_pg_result *r = results[0];
    struct tb_json w = {.buf = out};
    tb_json_open(&w, '{');
    tb_json_key(&w, "agents");
    tb_json_open(&w, '[');
    for (int i = 0; i < tb_pg_rows(r);) {
        tb_str agent = tb_pg_str(r, i, 0);
        tb_json_open(&w, '{');
        tb_json_key(&w, "agent_id");
        tb_json_string(&w, agent);
        tb_json_key(&w, "last_change_at");
        tb_json_time(&w, tb_pg_time(r, i, 7));
        tb_json_key(&w, "tickets");
        tb_json_open(&w, '[');
        for (; i < tb_pg_rows(r) && tb_str_eq(tb_pg_str(r, i, 0), agent); i++) {
            tb_json_open(&w, '{');
            tb_row_members(&w, r, i, "sssssbtt");
            tb_json_close(&w, '}');
        }
        tb_json_close(&w, ']');
        tb_json_close(&w, '}');
    }
    tb_json_close(&w, ']');
    tb_json_close(&w, '}');
}

bool tb_plan_status(const struct tb_read *read, struct tb_plan *plan, struct tb_reply *ret)
{
    (void)ret;
    (void)tb_plan_add(plan, "status_pipeline",
                      "SELECT now() AS now, (SELECT max(updated_at) FROM partition_watermarks) AS"
                      " last_batch_at, (SELECT COALESCE(sum(next_offset - published_offset), 0)"
                      " FROM partition_watermarks) AS unpublished,"
                      " (SELECT count(*) FROM parked_tickets) AS parked_tickets,"
                      " (SELECT count(*) FROM parked_commands) AS parked_commands",
                      read->arena);
    (void)tb_plan_add(plan, "status_index",
                      "SELECT count(*) AS stale_tickets, min(CASE WHEN i.ticket_id IS NULL THEN"
                      " t.stored_at ELSE greatest(i.indexed_at, (SELECT min(h.changed_at) FROM"
                      " ticket_history h WHERE h.ticket_id = t.id AND h.version > i.version)) END)"
                      " AS oldest_stale_at FROM tickets t LEFT JOIN index_state i ON i.ticket_id ="
                      " t.id AND i.collection = (SELECT name FROM index_collections WHERE state ="
                      " 'active' ORDER BY since DESC LIMIT 1)"
                      " WHERE NOT t.is_deleted AND (i.version IS NULL OR i.version < t.version)",
                      read->arena);
    return true;
}

void tb_render_status(const struct tb_read *read, struct tb_pg_result *const *results, tb_buf *out,
                      struct tb_reply *ret)
{
    (void)read;
    (void)ret;
    struct tb_json w = {.buf = out};
    tb_json_open(&w, '{');
    tb_json_key(&w, "pipeline");
    tb_json_open(&w, '{');
    tb_row_members(&w, results[0], 0, "ttiii");
    tb_json_close(&w, '}');
    tb_json_key(&w, "index");
    tb_json_open(&w, '{');
    tb_row_members(&w, results[1], 0, "it");
    tb_json_close(&w, '}');
    tb_json_close(&w, '}');
}
