/* export: boards and tickets as commands that `ticketctl send` restores, parents before children,
 * as of one moment. */
#include <string.h>

#include "producer/ctl/rows.h"
#include "producer/ctl/tickets.h"
#include "producer/ctl/verbs.h"

static const char sql_boards[] =
    "SELECT workflow_id, name, columns, ticket_types, default_ticket_type, initial_status, settings"
    " FROM board_configs WHERE ($1::text IS NULL OR workflow_id = $1) ORDER BY workflow_id";

static const char sql_cursor[] =
    "DECLARE export NO SCROLL CURSOR FOR WITH RECURSIVE tree AS ("
    "  SELECT id, 0 AS generation FROM tickets WHERE parent_ticket_id IS NULL"
    "   AND ($1::text IS NULL OR workflow_id = $1)"
    "  UNION ALL SELECT c.id, p.generation + 1 FROM tickets c JOIN tree p"
    "   ON c.parent_ticket_id = p.id)"
    " SELECT %s,"
    "  COALESCE((SELECT json_agg(json_build_object('depends_on', d.depends_on,"
    "    'dependency_type', d.dependency_type) ORDER BY d.depends_on, d.dependency_type)"
    "   FROM ticket_dependencies d WHERE d.ticket_id = t.id), '[]')"
    " FROM tree g JOIN tickets t ON t.id = g.id ORDER BY g.generation, t.created_at, t.id";

static const char sql_comments[] =
    "SELECT c.ticket_id, t.workflow_id, c.agent_id, c.created_at, t.updated_at, c.id,"
    "  c.comment_text, c.comment_type FROM ticket_comments c JOIN tickets t ON t.id = c.ticket_id"
    " WHERE c.ticket_id = ANY($1::text[]) ORDER BY c.ticket_id, c.created_at, c.id";

static const char sql_commits[] =
    "SELECT ticket_id, agent_id, commit_sha, commit_message, commit_timestamp, files_changed,"
    "  insertions, deletions, files_list FROM ticket_commits WHERE ticket_id = ANY($1::text[])"
    " ORDER BY ticket_id, linked_at, commit_sha";

static void open_command(struct tb_json *w, const char *type, tb_str subject)
{
    tb_json_open(w, '{');
    tb_json_key(w, "type");
    tb_json_string(w, tb_str_of(type));
    tb_json_key(w, "subject");
    tb_json_string(w, subject);
    tb_json_key(w, "actortype");
    tb_json_string(w, TB_LIT("system"));
}

static void close_command(struct tb_json *w)
{
    tb_json_close(w, '}');
    tb_json_close(w, '}');
    tb_buf_add_char(w->buf, '\n');
    w->comma = false;
}

static void string_member(struct tb_json *w, const char *name, tb_str value)
{
    if (!tb_str_is_null(value)) {
        tb_json_key(w, name);
        tb_json_string(w, value);
    }
}

static void time_member(struct tb_json *w, const char *name, int64_t time_us)
{
    if (time_us != TB_TIME_NONE) {
        tb_json_key(w, name);
        tb_json_time(w, time_us);
    }
}

static void export_ticket(struct tb_json *w, const struct tb_pg_result *r, int row)
{
    open_command(w, "ticket.import", tb_pg_str(r, row, CTL_COL_ID));
    tb_json_key(w, "data");
    tb_json_open(w, '{');
    string_member(w, "agent_id", tb_pg_str(r, row, CTL_COL(CREATED_BY_AGENT_ID)));
    for (int f = 0; f < TB_TICKET_FIELDS_; f++) {
        int col = CTL_COL_FIELDS + f;
        if (f == TB_TICKET_BLOCKED_BY_TICKET_IDS || f == TB_TICKET_IS_BLOCKED) {
            continue; /* follow from the edges */
        }
        switch (tb_ticket_fields[f].kind) {
        case TB_VALUE_STR:
            string_member(w, tb_ticket_fields[f].name, tb_pg_str(r, row, col));
            break;
        case TB_VALUE_BOOL:
            tb_json_key(w, tb_ticket_fields[f].name);
            tb_json_bool(w, tb_pg_bool(r, row, col));
            break;
        case TB_VALUE_TIME:
            time_member(w, tb_ticket_fields[f].name, tb_pg_time(r, row, col));
            break;
        case TB_VALUE_STRS:
            tb_json_key(w, tb_ticket_fields[f].name);
            tb_json_raw(w, tb_pg_str(r, row, col));
            break;
        }
    }
    tb_json_key(w, "dependencies");
    tb_json_raw(w, tb_pg_str(r, row, CTL_COL_NEXT));
    close_command(w);
}

static void export_comment(struct tb_json *w, const struct tb_pg_result *r, int row)
{
    open_command(w, "ticket.import", tb_pg_str(r, row, 0));
    tb_json_key(w, "data");
    tb_json_open(w, '{');
    string_member(w, "workflow_id", tb_pg_str(r, row, 1));
    string_member(w, "agent_id", tb_pg_str(r, row, 2));
    time_member(w, "occurred_at", tb_pg_time(r, row, 3));
    time_member(w, "updated_at", tb_pg_time(r, row, 4));
    string_member(w, "comment_key", tb_pg_str(r, row, 5));
    string_member(w, "comment_text", tb_pg_str(r, row, 6));
    string_member(w, "comment_type", tb_pg_str(r, row, 7));
    close_command(w);
}

static void export_commit(struct tb_json *w, const struct tb_pg_result *r, int row)
{
    open_command(w, "ticket.link_commit", tb_pg_str(r, row, 0));
    string_member(w, "actor", tb_pg_str(r, row, 1));
    tb_json_key(w, "data");
    tb_json_open(w, '{');
    string_member(w, "commit_sha", tb_pg_str(r, row, 2));
    string_member(w, "commit_message", tb_pg_str(r, row, 3));
    time_member(w, "commit_timestamp", tb_pg_time(r, row, 4));
    static const char *const counts[] = {"files_changed", "insertions", "deletions"};
    for (int i = 0; i < 3; i++) {
        if (!tb_str_is_null(tb_pg_str(r, row, 5 + i))) {
            tb_json_key(w, counts[i]);
            tb_json_int(w, tb_pg_int(r, row, 5 + i));
        }
    }
    tb_json_key(w, "files_list");
    tb_json_raw(w, tb_pg_str(r, row, 8));
    close_command(w);
}

static void export_board(struct tb_json *w, const struct tb_pg_result *r, int row)
{
    open_command(w, "board.put", tb_pg_str(r, row, 0));
    tb_json_key(w, "data");
    tb_json_open(w, '{');
    string_member(w, "name", tb_pg_str(r, row, 1));
    tb_json_key(w, "columns");
    tb_json_raw(w, tb_pg_str(r, row, 2));
    tb_json_key(w, "ticket_types");
    tb_json_raw(w, tb_pg_str(r, row, 3));
    string_member(w, "default_ticket_type", tb_pg_str(r, row, 4));
    string_member(w, "initial_status", tb_pg_str(r, row, 5));
    tb_json_key(w, "settings");
    tb_json_raw(w, tb_pg_str(r, row, 6));
    close_command(w);
}

typedef void export_fn(struct tb_json *w, const struct tb_pg_result *r, int row);

static enum tb_rc export_rows(struct ctl *ctl, const char *sql, const struct tb_pg_params *p,
                              export_fn *fn, struct tb_error *err)
{
    struct tb_pg_result *r = NULL;
    struct tb_json w = {.buf = &ctl->out};
    enum tb_rc rc = ctl_query(ctl, sql, p, &r, err);
    for (int i = 0; rc == TB_OK && i < tb_pg_rows(r); i++) {
        fn(&w, r, i);
    }
    tb_pg_result_free(r);
    return rc;
}

/* One page of tickets with what belongs to them; *ret_n is 0 at the end. */
static enum tb_rc export_page(struct ctl *ctl, struct tb_arena *arena, int *ret_n,
                              struct tb_error *err)
{
    struct tb_pg_result *r = NULL;
    struct tb_pg_params p;
    struct tb_json w = {.buf = &ctl->out};
    enum tb_rc rc = ctl_query(ctl, "FETCH 500 FROM export", NULL, &r, err);
    *ret_n = rc == TB_OK ? tb_pg_rows(r) : 0;
    tb_str *ids = TB_NEW_N(arena, tb_str, (size_t)*ret_n);
    if (rc == TB_OK && !ids) {
        rc = tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (int i = 0; rc == TB_OK && i < *ret_n; i++) {
        ids[i] = tb_pg_str(r, i, CTL_COL_ID);
        export_ticket(&w, r, i);
    }
    tb_pg_params_init(&p, arena);
    tb_pg_add_strs(&p, ids, (size_t)*ret_n);
    /* Comments last: they carry updated_at, which linking a commit moves. */
    rc = rc == TB_OK && *ret_n ? export_rows(ctl, sql_commits, &p, export_commit, err) : rc;
    rc = rc == TB_OK && *ret_n ? export_rows(ctl, sql_comments, &p, export_comment, err) : rc;
    tb_pg_result_free(r);
    return rc;
}

static enum tb_rc begin(struct ctl *ctl, const struct tb_pg_params *p, struct tb_error *err)
{
    tb_str cursor = tb_arena_printf(ctl->arena, sql_cursor, ctl_ticket_columns);
    enum tb_rc rc = ctl_need_pg(ctl, err);
    rc = rc == TB_OK ? tb_pg_script(ctl->pg,
                                    "SET idle_in_transaction_session_timeout = 0;"
                                    "SET statement_timeout = 0;"
                                    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                                    err)
                     : rc;
    rc = rc == TB_OK ? export_rows(ctl, sql_boards, p, export_board, err) : rc;
    return rc == TB_OK ? tb_pg_exec(ctl->pg, cursor.ptr, p, NULL, err) : rc;
}

int ctl_run_export(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_pg_params p;
    struct tb_arena *page = tb_arena_new(0);
    int n = 1;
    if (!page) {
        return CTL_REJECTED;
    }
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_str(&p, ctl_opt(&ctl->args, "workflow"));
    enum tb_rc rc = begin(ctl, &p, &err);
    while (rc == TB_OK && n > 0) {
        tb_arena_reset(page);
        rc = export_page(ctl, page, &n, &err);
        if (!ctl_flush(ctl)) {
            break;
        }
    }
    tb_arena_free(page);
    return rc == TB_OK ? CTL_DONE : ctl_fail(&err);
}
