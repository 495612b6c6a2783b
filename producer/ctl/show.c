/* show: one ticket with everything that belongs to it. */
#include <stdio.h>
#include <string.h>

#include "producer/ctl/rows.h"
#include "producer/ctl/tickets.h"
#include "producer/ctl/verbs.h"

/* What belongs to a ticket, in the order shown. $1 is its id. */
static const struct part {
    const char *name;
    const char *kinds;
    const char *sql;
} parts[] = {
    {"dependencies", "ssssbbb",
     "SELECT d.depends_on, d.dependency_type, o.title, o.status, o.is_resolved, o.is_deleted,"
     "  d.dependency_type = 'blocks' AND NOT COALESCE(o.is_resolved OR o.is_deleted, false) AS "
     "blocks"
     " FROM ticket_dependencies d LEFT JOIN tickets o ON o.id = d.depends_on"
     " WHERE d.ticket_id = $1 ORDER BY d.dependency_type, d.created_at, d.depends_on"},
    {"dependents", "ssssbbb",
     "SELECT d.ticket_id, d.dependency_type, o.title, o.status, o.is_resolved, o.is_deleted,"
     "  d.dependency_type = 'blocks' AND NOT (b.is_resolved OR b.is_deleted) AS blocks"
     " FROM ticket_dependencies d JOIN tickets o ON o.id = d.ticket_id"
     " JOIN tickets b ON b.id = d.depends_on"
     " WHERE d.depends_on = $1 ORDER BY d.dependency_type, d.created_at, d.ticket_id"},
    {"children", "ssssbb",
     "SELECT o.id, 'child' AS dependency_type, o.title, o.status, o.is_resolved, o.is_deleted"
     " FROM tickets o WHERE o.parent_ticket_id = $1 ORDER BY o.created_at, o.id"},
    {"comments", "sssssjjttb",
     "SELECT id, agent_id, comment_type, comment_text, ticket_id, mentions, attachments, "
     "created_at,"
     "  updated_at, is_edited FROM ticket_comments WHERE ticket_id = $1 ORDER BY created_at, id"},
    {"commits", "ssstiiijts",
     "SELECT commit_sha, agent_id, commit_message, commit_timestamp, files_changed, insertions,"
     "  deletions, files_list, linked_at, link_method FROM ticket_commits WHERE ticket_id = $1"
     " ORDER BY linked_at, commit_sha"},
    {"parked", "sssttsi",
     "SELECT reason, code, message, parked_at, deadline, waits_for,"
     "  (SELECT count(*) FROM parked_commands c WHERE c.ticket_id = $1) AS waiting"
     " FROM parked_tickets WHERE ticket_id = $1"},
    {"history", "isssssjts",
     "SELECT version, change_type, field_name, old_value, new_value, change_description, metadata,"
     "  changed_at, agent_id FROM ticket_history WHERE ticket_id = $1 ORDER BY version, id"},
};
enum { DEPENDENCIES, DEPENDENTS, CHILDREN, COMMENTS, COMMITS, PARKED, HISTORY, PARTS };

struct view {
    struct tb_pg_result *ticket;
    struct tb_pg_result *parts[PARTS];
    size_t nparts;
};

static void view_dispose(struct view *v)
{
    tb_pg_result_free(v->ticket);
    for (size_t i = 0; i < v->nparts; i++) {
        tb_pg_result_free(v->parts[i]);
    }
}

/* A ticket whose create waits is not there yet. */
static enum tb_rc not_there(struct ctl *ctl, tb_str id, const struct tb_pg_params *p,
                            struct tb_error *err)
{
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = ctl_query(ctl, parts[PARKED].sql, p, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    rc = tb_pg_rows(r) == 0
             ? tb_fail(err, TB_ENOTFOUND, "there is no ticket %.*s", TB_ARG(id))
             : tb_fail(err, TB_ENOTFOUND,
                       "there is no ticket %.*s yet, %.*s commands wait (%.*s): ticketctl dlq show "
                       "%.*s",
                       TB_ARG(id), TB_ARG(tb_pg_str(r, 0, 6)), TB_ARG(tb_pg_str(r, 0, 1)),
                       TB_ARG(id));
    tb_pg_result_free(r);
    return rc;
}

static enum tb_rc view_read(struct ctl *ctl, tb_str id, bool history, struct view *v,
                            struct tb_error *err)
{
    struct tb_pg_params p;
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_str(&p, id);
    tb_str sql =
        tb_arena_printf(ctl->arena, "SELECT %s FROM tickets t WHERE t.id = $1", ctl_ticket_columns);
    enum tb_rc rc = ctl_query(ctl, sql.ptr, &p, &v->ticket, err);
    if (rc == TB_OK && tb_pg_rows(v->ticket) == 0) {
        rc = not_there(ctl, id, &p, err);
    }
    size_t n = history ? PARTS : HISTORY;
    for (; rc == TB_OK && v->nparts < n; v->nparts++) {
        rc = ctl_query(ctl, parts[v->nparts].sql, &p, &v->parts[v->nparts], err);
        if (rc != TB_OK) {
            break;
        }
    }
    return rc;
}

static void show_json(struct ctl *ctl, const struct view *v)
{
    struct tb_json w = {.buf = &ctl->out};
    ctl_ticket_json(&w, v->ticket, 0, true);
    for (size_t i = 0; i < v->nparts; i++) {
        tb_json_key(&w, parts[i].name);
        if (i == PARKED) { /* one or none */
            if (tb_pg_rows(v->parts[i]) > 0) {
                ctl_row_json(&w, v->parts[i], 0, parts[i].kinds);
            } else {
                tb_json_string(&w, TB_STR_NULL);
            }
            continue;
        }
        ctl_rows_json(&w, v->parts[i], parts[i].kinds);
    }
    tb_json_close(&w, '}');
    tb_buf_add_char(&ctl->out, '\n');
}

/* ---- for people ---- */

static void line(struct ctl *ctl, const char *label, tb_str value, enum ctl_color color)
{
    if (tb_str_is_null(value) || value.len == 0) {
        return;
    }
    ctl_text_cell(&ctl->out, &ctl->term, CTL_DIM, tb_str_of(label), 0, 12);
    ctl_text_cell(&ctl->out, &ctl->term, color, value, 0, 0);
    tb_buf_add_char(&ctl->out, '\n');
}

static void line_time(struct ctl *ctl, const char *label, int64_t time_us)
{
    tb_buf text;
    tb_buf_init(&text, 64);
    ctl_time_add(&text, time_us);
    line(ctl, label, time_us == TB_TIME_NONE ? TB_STR_NULL : tb_buf_str(&text), CTL_PLAIN);
    tb_buf_dispose(&text);
}

/* '["a","b"]' as "a, b"; such lists hold ids and labels, so brackets and quotes are noise. */
static tb_str list_text(struct ctl *ctl, tb_str json)
{
    tb_buf text;
    tb_buf_init(&text, CTL_OUT_MAX);
    bool quoted = false;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        if (c == '\\' && quoted && i + 1 < json.len) {
            tb_buf_add_char(&text, json.ptr[++i]);
        } else if (c == '"') {
            quoted = !quoted;
        } else if (quoted || (c != '[' && c != ']')) {
            tb_buf_add_char(&text, c);
        }
    }
    tb_str taken = text.len ? tb_buf_take(&text, ctl->arena) : TB_STR_NULL;
    tb_buf_dispose(&text);
    return taken;
}

static void title(struct ctl *ctl, const char *text, int n)
{
    tb_buf_add_char(&ctl->out, '\n');
    ctl_text_cell(&ctl->out, &ctl->term, CTL_BOLD, tb_arena_printf(ctl->arena, "%s (%d)", text, n),
                  0, 0);
    tb_buf_add_char(&ctl->out, '\n');
}

static void show_head(struct ctl *ctl, const struct tb_pg_result *r)
{
    bool resolved = tb_pg_bool(r, 0, CTL_COL(IS_RESOLVED));
    bool blocked = tb_pg_bool(r, 0, CTL_COL(IS_BLOCKED));
    bool deleted = tb_pg_bool(r, 0, CTL_COL(IS_DELETED));
    ctl_text_cell(&ctl->out, &ctl->term, CTL_BOLD, tb_pg_str(r, 0, CTL_COL(TITLE)), 0, 0);
    tb_buf_add_char(&ctl->out, '\n');
    line(ctl, "ticket", tb_pg_str(r, 0, CTL_COL_ID), CTL_CYAN);
    line(ctl, "external id", tb_pg_str(r, 0, CTL_COL(EXTERNAL_ID)), CTL_PLAIN);
    line(ctl, "workflow", tb_pg_str(r, 0, CTL_COL(WORKFLOW_ID)), CTL_PLAIN);
    line(ctl, "status",
         tb_arena_printf(ctl->arena, "%.*s%s%s%s", TB_ARG(tb_pg_str(r, 0, CTL_COL(STATUS))),
                         resolved ? ", resolved" : "", blocked ? ", blocked" : "",
                         deleted ? ", deleted" : ""),
         ctl_ticket_color(r, 0));
    line(ctl, "type", tb_pg_str(r, 0, CTL_COL(TICKET_TYPE)), CTL_PLAIN);
    line(ctl, "priority", tb_pg_str(r, 0, CTL_COL(PRIORITY)), CTL_PLAIN);
    line(ctl, "assignee", tb_pg_str(r, 0, CTL_COL(ASSIGNED_AGENT_ID)), CTL_PLAIN);
    line(ctl, "created by", tb_pg_str(r, 0, CTL_COL(CREATED_BY_AGENT_ID)), CTL_PLAIN);
    line(ctl, "parent", tb_pg_str(r, 0, CTL_COL(PARENT_TICKET_ID)), CTL_PLAIN);
    line(ctl, "tags", list_text(ctl, tb_pg_str(r, 0, CTL_COL(TAGS))), CTL_PLAIN);
    line(ctl, "related", list_text(ctl, tb_pg_str(r, 0, CTL_COL(RELATED_TICKET_IDS))), CTL_PLAIN);
    line(ctl, "tasks", list_text(ctl, tb_pg_str(r, 0, CTL_COL(RELATED_TASK_IDS))), CTL_PLAIN);
    line_time(ctl, "created", tb_pg_time(r, 0, CTL_COL(CREATED_AT)));
    line_time(ctl, "started", tb_pg_time(r, 0, CTL_COL(STARTED_AT)));
    line_time(ctl, "completed", tb_pg_time(r, 0, CTL_COL(COMPLETED_AT)));
    line_time(ctl, "resolved", tb_pg_time(r, 0, CTL_COL(RESOLVED_AT)));
    line_time(ctl, "deleted", tb_pg_time(r, 0, CTL_COL(DELETED_AT)));
    line_time(ctl, "updated", tb_pg_time(r, 0, CTL_COL(UPDATED_AT)));
    line(ctl, "version", tb_pg_str(r, 0, CTL_COL_VERSION), CTL_PLAIN);
    tb_str text = tb_pg_str(r, 0, CTL_COL(DESCRIPTION));
    if (text.len) {
        tb_buf_add_char(&ctl->out, '\n');
        ctl_text_wrap(&ctl->out, text, ctl->term.width, "  ");
    }
}

static void show_parked(struct ctl *ctl, const struct tb_pg_result *r, tb_str id)
{
    if (tb_pg_rows(r) == 0) {
        return;
    }
    tb_str waits_for = tb_pg_str(r, 0, 5);
    line(ctl, "parked",
         waits_for.len ? tb_arena_printf(ctl->arena, "%.*s commands wait for %.*s",
                                         TB_ARG(tb_pg_str(r, 0, 6)), TB_ARG(waits_for))
                       : tb_arena_printf(ctl->arena, "%.*s commands wait, %.*s: %.*s",
                                         TB_ARG(tb_pg_str(r, 0, 6)), TB_ARG(tb_pg_str(r, 0, 1)),
                                         TB_ARG(tb_pg_str(r, 0, 2))),
         CTL_RED);
    line_time(ctl, "parked since", tb_pg_time(r, 0, 3));
    line(ctl, "way on", tb_arena_printf(ctl->arena, "ticketctl dlq show %.*s", TB_ARG(id)),
         CTL_PLAIN);
}

static void show_edges(struct ctl *ctl, const char *heading, const struct tb_pg_result *r)
{
    if (tb_pg_rows(r) == 0) {
        return;
    }
    title(ctl, heading, tb_pg_rows(r));
    for (int i = 0; i < tb_pg_rows(r); i++) {
        tb_str name = tb_pg_str(r, i, 2);
        tb_str state = tb_pg_str(r, i, 3);
        bool open = tb_pg_columns(r) > 6 && tb_pg_bool(r, i, 6);
        tb_buf_add_c(&ctl->out, "  ");
        ctl_text_cell(&ctl->out, &ctl->term, open ? CTL_RED : CTL_PLAIN, tb_pg_str(r, i, 1), 0, 16);
        ctl_text_cell(&ctl->out, &ctl->term, CTL_CYAN, tb_pg_str(r, i, 0), 0, 45);
        ctl_text_cell(&ctl->out, &ctl->term, CTL_PLAIN,
                      tb_str_is_null(state) ? TB_LIT("not there yet") : state, 0, 14);
        (void)ctl_text_add(&ctl->out, name, ctl->term.width > 100 ? ctl->term.width - 77 : 40);
        tb_buf_add_char(&ctl->out, '\n');
    }
}

static void show_comments(struct ctl *ctl, const struct tb_pg_result *r)
{
    if (tb_pg_rows(r) == 0) {
        return;
    }
    title(ctl, "Comments", tb_pg_rows(r));
    for (int i = 0; i < tb_pg_rows(r); i++) {
        tb_buf_add_c(&ctl->out, "  ");
        ctl_time_add(&ctl->out, tb_pg_time(r, i, 7));
        tb_buf_add_c(&ctl->out, "  ");
        ctl_text_cell(&ctl->out, &ctl->term, CTL_BOLD, tb_pg_str(r, i, 1), 0, 0);
        tb_buf_printf(&ctl->out, "  %.*s%s  ", TB_ARG(tb_pg_str(r, i, 2)),
                      tb_pg_bool(r, i, 9) ? ", edited" : "");
        ctl_text_cell(&ctl->out, &ctl->term, CTL_DIM, tb_pg_str(r, i, 0), 0, 0);
        tb_buf_add_char(&ctl->out, '\n');
        ctl_text_wrap(&ctl->out, tb_pg_str(r, i, 3), ctl->term.width, "    ");
    }
}

static void show_commits(struct ctl *ctl, const struct tb_pg_result *r)
{
    if (tb_pg_rows(r) == 0) {
        return;
    }
    title(ctl, "Commits", tb_pg_rows(r));
    for (int i = 0; i < tb_pg_rows(r); i++) {
        tb_str message = tb_pg_str(r, i, 2);
        const char *end = message.len ? memchr(message.ptr, '\n', message.len) : NULL;
        tb_buf_add_c(&ctl->out, "  ");
        ctl_text_cell(&ctl->out, &ctl->term, CTL_YELLOW, tb_pg_str(r, i, 0), 12, 14);
        ctl_text_cell(&ctl->out, &ctl->term, CTL_PLAIN, tb_pg_str(r, i, 1), 0,
                      message.len ? 20 : 0);
        (void)ctl_text_add(&ctl->out,
                           end ? (tb_str){message.ptr, (size_t)(end - message.ptr)} : message,
                           ctl->term.width > 60 ? ctl->term.width - 40 : 60);
        tb_buf_add_char(&ctl->out, '\n');
    }
}

int ctl_run_show(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct view v = {0};
    tb_str id;
    bool history = ctl_flag(&ctl->args, "history");
    enum tb_rc rc = ctl_ticket_id(ctl, ctl->args.args[0], &id, &err);
    rc = rc == TB_OK ? view_read(ctl, id, history, &v, &err) : rc;
    if (rc == TB_OK && ctl->json) {
        show_json(ctl, &v);
    } else if (rc == TB_OK) {
        show_head(ctl, v.ticket);
        show_parked(ctl, v.parts[PARKED], id);
        show_edges(ctl, "Depends on", v.parts[DEPENDENCIES]);
        show_edges(ctl, "Depended on by", v.parts[DEPENDENTS]);
        show_edges(ctl, "Children", v.parts[CHILDREN]);
        show_comments(ctl, v.parts[COMMENTS]);
        show_commits(ctl, v.parts[COMMITS]);
        if (history) {
            title(ctl, "History", tb_pg_rows(v.parts[HISTORY]));
            ctl_history_table(ctl, v.parts[HISTORY]);
        }
    }
    view_dispose(&v);
    return rc == TB_OK ? CTL_DONE : ctl_fail(&err);
}
