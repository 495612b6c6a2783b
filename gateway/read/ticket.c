/* get_ticket and get_ticket_history. */
#include "common/base/attr.h"
#include "gateway/read/internal.h"

#define HISTORY                                                                                    \
    "SELECT h.id::text AS id, h.version, h.change_type, h.field_name, h.old_value, h.new_value,"   \
    " h.change_description, h.metadata, h.changed_at, h.agent_id FROM ticket_history h"
#define HISTORY_KINDS "sisssssjts"

/* What belongs to a ticket; $1 is its id. Each list is capped, as the page says. */
static const struct part {
    const char *member;
    const char *name;
    const char *kinds;
    const char *sql;
} parts[] = {
    {NULL, "ticket", NULL, tb_sql_ticket},
    {"comments", "ticket_comments", "ssssjjttb",
     "SELECT id AS comment_id, agent_id, comment_type, comment_text, mentions, attachments,"
     " created_at, updated_at, is_edited FROM ticket_comments WHERE ticket_id = $1"
     " ORDER BY created_at, id LIMIT 1000"},
    {"commits", "ticket_commits", "ssstiiijts",
     "SELECT commit_sha, agent_id, commit_message, commit_timestamp, files_changed, insertions,"
     " deletions, files_list, linked_at, link_method FROM ticket_commits WHERE ticket_id = $1"
     " ORDER BY linked_at, commit_sha LIMIT 1000"},
    {"history", "ticket_history", HISTORY_KINDS,
     HISTORY " WHERE h.ticket_id = $1 ORDER BY h.version DESC, h.id DESC LIMIT 200"},
    {"blocked_by", "ticket_blocked_by", "sssbbb",
     "SELECT d.depends_on AS ticket_id, o.title, o.status, COALESCE(o.is_resolved, false) AS"
     " is_resolved, COALESCE(o.is_deleted, false) AS is_deleted,"
     " NOT COALESCE(o.is_resolved OR o.is_deleted, false) AS blocks"
     " FROM ticket_dependencies d LEFT JOIN tickets o ON o.id = d.depends_on"
     " WHERE d.ticket_id = $1 AND d.dependency_type = 'blocks'"
     " ORDER BY d.created_at, d.depends_on LIMIT 1000"},
    {"blocks", "ticket_blocks", "sssbbb",
     "SELECT o.id AS ticket_id, o.title, o.status, o.is_resolved, o.is_deleted,"
     " EXISTS (SELECT FROM ticket_dependencies e LEFT JOIN tickets b ON b.id = e.depends_on"
     "  WHERE e.ticket_id = o.id AND e.dependency_type = 'blocks'"
     "  AND NOT COALESCE(b.is_resolved OR b.is_deleted, false)) AS is_blocked"
     " FROM ticket_dependencies d JOIN tickets o ON o.id = d.ticket_id"
     " WHERE d.depends_on = $1 AND d.dependency_type = 'blocks'"
     " ORDER BY d.created_at, d.ticket_id LIMIT 1000"},
    {"links", "ticket_links", "sssssbb",
     "SELECT ticket_id, dependency_type, title, status, direction, is_resolved, is_deleted FROM ("
     "SELECT d.depends_on AS ticket_id, d.dependency_type, o.title, o.status, 'out' AS direction,"
     " o.is_resolved, o.is_deleted, d.created_at"
     " FROM ticket_dependencies d LEFT JOIN tickets o ON o.id = d.depends_on"
     " WHERE d.ticket_id = $1 AND d.dependency_type <> 'blocks'"
     " UNION ALL SELECT d.ticket_id, d.dependency_type, o.title, o.status, 'in',"
     " o.is_resolved, o.is_deleted, d.created_at"
     " FROM ticket_dependencies d JOIN tickets o ON o.id = d.ticket_id"
     " WHERE d.depends_on = $1 AND d.dependency_type <> 'blocks') l"
     " ORDER BY dependency_type, created_at, ticket_id LIMIT 1000"},
    {"children", "ticket_children", "sssbb",
     "SELECT o.id AS ticket_id, o.title, o.status, o.is_resolved, o.is_deleted FROM tickets o"
     " WHERE o.parent_ticket_id = $1 ORDER BY o.created_at, o.id LIMIT 1000"},
    {"similar", "ticket_similar", "sissbb",
     "SELECT s.value->>'ticket_id' AS ticket_id, (s.value->>'score')::int AS score, o.title, "
     "o.status,"
     " o.is_resolved, o.is_deleted FROM ticket_history h,"
     " jsonb_path_query(h.metadata, '$.similar[*]') WITH ORDINALITY s(value, place)"
     " LEFT JOIN tickets o ON o.id = s.value->>'ticket_id'"
     " WHERE h.ticket_id = $1 AND h.change_type = 'similar_found'"
     " ORDER BY h.version, s.place LIMIT 10"},
    {"parked", "ticket_parked", "sssttsi",
     "SELECT reason, code, message, parked_at, deadline, waits_for,"
     " (SELECT count(*) FROM parked_commands c WHERE c.ticket_id = $1) AS waiting"
     " FROM parked_tickets WHERE ticket_id = $1"},
};
enum {
    TICKET,
    COMMENTS,
    COMMITS,
    HISTORY_PART,
    BLOCKED_BY,
    BLOCKS,
    LINKS,
    CHILDREN,
    SIMILAR,
    PARKED
};

bool tb_plan_ticket(const struct tb_read *read, struct tb_plan *plan, struct tb_reply *ret)
{
    const struct tb_ticket_params *p = read->params;
    (void)ret;
    for (size_t i = 0; i < TB_COUNT(parts); i++) {
        struct tb_pg_params *params = tb_plan_add(plan, parts[i].name, parts[i].sql, read->arena);
        tb_pg_add_str(params, p->ticket_id);
    }
    return true;
}

/* workflow_id is the third column of a ticket's row. */
static bool visible(const struct tb_read *read, const struct tb_pg_result *r, int column)
{
    return tb_pg_rows(r) > 0 && tb_caller_may_touch(read->caller, tb_pg_str(r, 0, column));
}

void tb_render_ticket(const struct tb_read *read, struct tb_pg_result *const *results, tb_buf *out,
                      struct tb_reply *ret)
{
    const struct tb_ticket_params *p = read->params;
    struct tb_json w = {.buf = out};
    if (!visible(read, results[TICKET], 2)) {
        tb_read_missing(read, ret, "ticket_id", "ticket", p->ticket_id);
        ret->hidden = tb_pg_rows(results[TICKET]) > 0;
        return;
    }
    ret->ticket_id = p->ticket_id;
    ret->version = tb_pg_int(results[TICKET], 0, 1);
    tb_json_open(&w, '{');
    tb_json_key(&w, "ticket");
    tb_ticket_row(&w, results[TICKET], 0, false, TB_TICKET_ALL);
    tb_json_close(&w, '}');
    for (size_t i = COMMENTS; i < PARKED; i++) {
        tb_json_key(&w, parts[i].member);
        tb_rows_json(&w, results[i], parts[i].kinds);
    }
    tb_json_key(&w, "parked");
    if (tb_pg_rows(results[PARKED]) > 0) {
        tb_json_open(&w, '{');
        tb_row_members(&w, results[PARKED], 0, parts[PARKED].kinds);
        tb_json_close(&w, '}');
    } else {
        tb_json_null(&w);
    }
    tb_json_close(&w, '}');
}

/* ---- history ---- */

static int64_t history_limit(const struct tb_ticket_params *p)
{
    return p->limit > 0 ? p->limit : 100;
}

bool tb_plan_history(const struct tb_read *read, struct tb_plan *plan, struct tb_reply *ret)
{
    const struct tb_ticket_params *p = read->params;
    for (size_t i = 0; i < p->cursor.len; i++) {
        if (p->cursor.len > 18 || p->cursor.ptr[i] < '0' || p->cursor.ptr[i] > '9') {
            tb_reply_error(ret, read->arena, TB_REPLY_INVALID, "validation_failed",
                           TB_LIT("cursor"), "is none that was given out");
            return false;
        }
    }
    struct tb_pg_params *params =
        tb_plan_add(plan, "history_ticket",
                    "SELECT workflow_id, version FROM tickets WHERE id = $1", read->arena);
    tb_pg_add_str(params, p->ticket_id);
    params = tb_plan_add(plan, "history_page",
                         HISTORY " WHERE h.ticket_id = $1 AND ($2::bigint IS NULL OR h.id < $2)"
                                 " ORDER BY h.id DESC LIMIT $3",
                         read->arena);
    tb_pg_add_str(params, p->ticket_id);
    tb_pg_add_str(params, p->cursor);
    tb_pg_add_int(params, history_limit(p) + 1);
    return true;
}

void tb_render_history(const struct tb_read *read, struct tb_pg_result *const *results, tb_buf *out,
                       struct tb_reply *ret)
{
    const struct tb_ticket_params *p = read->params;
    if (!visible(read, results[0], 0)) {
        tb_read_missing(read, ret, "ticket_id", "ticket", p->ticket_id);
        ret->hidden = tb_pg_rows(results[0]) > 0;
        return;
    }
    int limit = (int)history_limit(p);
    bool more = tb_pg_rows(results[1]) > limit;
    int rows = more ? limit : tb_pg_rows(results[1]);
    struct tb_json w = {.buf = out};
    tb_json_open(&w, '{');
    tb_json_key(&w, "ticket_id");
    tb_json_string(&w, p->ticket_id);
    tb_json_key(&w, "history");
    tb_json_open(&w, '[');
    for (int i = 0; i < rows; i++) {
        tb_json_open(&w, '{');
        tb_row_members(&w, results[1], i, HISTORY_KINDS);
        tb_json_close(&w, '}');
    }
    tb_json_close(&w, ']');
    tb_json_key(&w, "next_cursor");
    tb_json_string(&w, more ? tb_pg_str(results[1], rows - 1, 0) : TB_STR_NULL);
    tb_json_close(&w, '}');
}
