/* show: one ticket with everything that belongs to it. */
#include <stdio.h>
#include <string.h>

#include "producer/ctl/backend.h"
#include "producer/ctl/tickets.h"
#include "producer/ctl/verbs.h"

const char *const ctl_part_names[CTL_PARTS] = {
    [CTL_DEPENDENCIES] = "dependencies",
    [CTL_DEPENDENTS] = "dependents",
    [CTL_CHILDREN] = "children",
    [CTL_SIMILAR] = "similar",
    [CTL_COMMENTS] = "comments",
    [CTL_COMMITS] = "commits",
    [CTL_PARKED] = "parked",
    [CTL_HISTORY] = "history",
};

static void show_json(struct ctl *ctl, const struct ctl_whole_ticket *v)
{
    struct tb_json w = {.buf = &ctl->out};
    ctl_row_write(&w, &v->ticket, 0, -1, true);
    for (size_t i = 0; i < v->nparts; i++) {
        const struct ctl_rows *part = &v->parts[i];
        tb_json_key(&w, ctl_part_names[i]);
        if (i != CTL_PARKED) {
            ctl_rows_write(&w, part);
        } else if (part->n > 0) { /* one or none */
            ctl_row_write(&w, part, 0, -1, false);
        } else {
            tb_json_null(&w);
        }
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

static void show_head(struct ctl *ctl, const struct ctl_rows *r)
{
    bool resolved = ctl_bool(r, 0, CTL_COL(IS_RESOLVED));
    bool blocked = ctl_bool(r, 0, CTL_COL(IS_BLOCKED));
    bool deleted = ctl_bool(r, 0, CTL_COL(IS_DELETED));
    ctl_text_cell(&ctl->out, &ctl->term, CTL_BOLD, ctl_text(r, 0, CTL_COL(TITLE)), 0, 0);
    tb_buf_add_char(&ctl->out, '\n');
    line(ctl, "ticket", ctl_text(r, 0, CTL_COL_ID), CTL_CYAN);
    line(ctl, "external id", ctl_text(r, 0, CTL_COL(EXTERNAL_ID)), CTL_PLAIN);
    line(ctl, "workflow", ctl_text(r, 0, CTL_COL(WORKFLOW_ID)), CTL_PLAIN);
    line(ctl, "status",
         tb_arena_printf(ctl->arena, "%.*s%s%s%s", TB_ARG(ctl_text(r, 0, CTL_COL(STATUS))),
                         resolved ? ", resolved" : "", blocked ? ", blocked" : "",
                         deleted ? ", deleted" : ""),
         ctl_ticket_color(r, 0));
    line(ctl, "type", ctl_text(r, 0, CTL_COL(TICKET_TYPE)), CTL_PLAIN);
    line(ctl, "priority", ctl_text(r, 0, CTL_COL(PRIORITY)), CTL_PLAIN);
    line(ctl, "assignee", ctl_text(r, 0, CTL_COL(ASSIGNED_AGENT_ID)), CTL_PLAIN);
    line(ctl, "created by", ctl_text(r, 0, CTL_COL(CREATED_BY_AGENT_ID)), CTL_PLAIN);
    line(ctl, "parent", ctl_text(r, 0, CTL_COL(PARENT_TICKET_ID)), CTL_PLAIN);
    line(ctl, "tags", list_text(ctl, ctl_text(r, 0, CTL_COL(TAGS))), CTL_PLAIN);
    line(ctl, "related", list_text(ctl, ctl_text(r, 0, CTL_COL(RELATED_TICKET_IDS))), CTL_PLAIN);
    line(ctl, "tasks", list_text(ctl, ctl_text(r, 0, CTL_COL(RELATED_TASK_IDS))), CTL_PLAIN);
    line_time(ctl, "created", ctl_time(r, 0, CTL_COL(CREATED_AT)));
    line_time(ctl, "started", ctl_time(r, 0, CTL_COL(STARTED_AT)));
    line_time(ctl, "completed", ctl_time(r, 0, CTL_COL(COMPLETED_AT)));
    line_time(ctl, "resolved", ctl_time(r, 0, CTL_COL(RESOLVED_AT)));
    line_time(ctl, "deleted", ctl_time(r, 0, CTL_COL(DELETED_AT)));
    line_time(ctl, "updated", ctl_time(r, 0, CTL_COL(UPDATED_AT)));
    line(ctl, "version", ctl_text(r, 0, CTL_COL_VERSION), CTL_PLAIN);
    tb_str text = ctl_text(r, 0, CTL_COL(DESCRIPTION));
    if (text.len) {
        tb_buf_add_char(&ctl->out, '\n');
        ctl_text_wrap(&ctl->out, text, ctl->term.width, "  ");
    }
}

static void show_parked(struct ctl *ctl, const struct ctl_rows *r, tb_str id)
{
    if (r->n == 0) {
        return;
    }
    tb_str waits_for = ctl_text(r, 0, 5);
    line(ctl, "parked",
         waits_for.len ? tb_arena_printf(ctl->arena, "%.*s commands wait for %.*s",
                                         TB_ARG(ctl_text(r, 0, 6)), TB_ARG(waits_for))
                       : tb_arena_printf(ctl->arena, "%.*s commands wait, %.*s: %.*s",
                                         TB_ARG(ctl_text(r, 0, 6)), TB_ARG(ctl_text(r, 0, 1)),
                                         TB_ARG(ctl_text(r, 0, 2))),
         CTL_RED);
    line_time(ctl, "parked since", ctl_time(r, 0, 3));
    line(ctl, "way on", tb_arena_printf(ctl->arena, "ticketctl dlq show %.*s", TB_ARG(id)),
         CTL_PLAIN);
}

static void show_edges(struct ctl *ctl, const char *heading, const struct ctl_rows *r)
{
    if (r->n == 0) {
        return;
    }
    title(ctl, heading, r->n);
    for (int i = 0; i < r->n; i++) {
        tb_str name = ctl_text(r, i, 2);
        tb_str state = ctl_text(r, i, 3);
        bool open = r->ncolumns > 6 && ctl_bool(r, i, 6);
        tb_buf_add_c(&ctl->out, "  ");
        ctl_text_cell(&ctl->out, &ctl->term, open ? CTL_RED : CTL_PLAIN, ctl_text(r, i, 1), 0, 16);
        ctl_text_cell(&ctl->out, &ctl->term, CTL_CYAN, ctl_text(r, i, 0), 0, 45);
        ctl_text_cell(&ctl->out, &ctl->term, CTL_PLAIN,
                      tb_str_is_null(state) ? TB_LIT("not there yet") : state, 0, 14);
        (void)ctl_text_add(&ctl->out, name, ctl->term.width > 100 ? ctl->term.width - 77 : 40);
        tb_buf_add_char(&ctl->out, '\n');
    }
}

/* Told by ticket.similar_found; the score is in thousandths. */
static void show_similar(struct ctl *ctl, const struct ctl_rows *r)
{
    if (r->n == 0) {
        return;
    }
    title(ctl, "Similar when it was created", r->n);
    for (int i = 0; i < r->n; i++) {
        tb_str state = ctl_text(r, i, 3);
        tb_buf_printf(&ctl->out, "  %-16.3f", (double)ctl_int(r, i, 1) / 1000);
        ctl_text_cell(&ctl->out, &ctl->term, CTL_CYAN, ctl_text(r, i, 0), 0, 45);
        ctl_text_cell(&ctl->out, &ctl->term, CTL_PLAIN,
                      ctl_bool(r, i, 5) || tb_str_is_null(state) ? TB_LIT("deleted") : state, 0,
                      14);
        (void)ctl_text_add(&ctl->out, ctl_text(r, i, 2),
                           ctl->term.width > 100 ? ctl->term.width - 77 : 40);
        tb_buf_add_char(&ctl->out, '\n');
    }
}

static void show_comments(struct ctl *ctl, const struct ctl_rows *r)
{
    if (r->n == 0) {
        return;
    }
    title(ctl, "Comments", r->n);
    for (int i = 0; i < r->n; i++) {
        tb_buf_add_c(&ctl->out, "  ");
        ctl_time_add(&ctl->out, ctl_time(r, i, 7));
        tb_buf_add_c(&ctl->out, "  ");
        ctl_text_cell(&ctl->out, &ctl->term, CTL_BOLD, ctl_text(r, i, 1), 0, 0);
        tb_buf_printf(&ctl->out, "  %.*s%s  ", TB_ARG(ctl_text(r, i, 2)),
                      ctl_bool(r, i, 9) ? ", edited" : "");
        ctl_text_cell(&ctl->out, &ctl->term, CTL_DIM, ctl_text(r, i, 0), 0, 0);
        tb_buf_add_char(&ctl->out, '\n');
        ctl_text_wrap(&ctl->out, ctl_text(r, i, 3), ctl->term.width, "    ");
    }
}

static void show_commits(struct ctl *ctl, const struct ctl_rows *r)
{
    if (r->n == 0) {
        return;
    }
    title(ctl, "Commits", r->n);
    for (int i = 0; i < r->n; i++) {
        tb_str message = ctl_text(r, i, 2);
        const char *end = message.len ? memchr(message.ptr, '\n', message.len) : NULL;
        tb_buf_add_c(&ctl->out, "  ");
        ctl_text_cell(&ctl->out, &ctl->term, CTL_YELLOW, ctl_text(r, i, 0), 12, 14);
        ctl_text_cell(&ctl->out, &ctl->term, CTL_PLAIN, ctl_text(r, i, 1), 0, message.len ? 20 : 0);
        (void)ctl_text_add(&ctl->out,
                           end ? (tb_str){message.ptr, (size_t)(end - message.ptr)} : message,
                           ctl->term.width > 60 ? ctl->term.width - 40 : 60);
        tb_buf_add_char(&ctl->out, '\n');
    }
}

int ctl_run_show(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct ctl_whole_ticket v = {0};
    tb_str id;
    bool history = ctl_flag(&ctl->args, "history");
    enum tb_rc rc = ctl_ticket_id(ctl, ctl->args.args[0], &id, &err);
    rc = rc == TB_OK ? ctl->backend->ticket(ctl, id, history, &v, &err) : rc;
    if (rc == TB_OK && ctl->json) {
        show_json(ctl, &v);
    } else if (rc == TB_OK) {
        show_head(ctl, &v.ticket);
        show_parked(ctl, &v.parts[CTL_PARKED], id);
        show_edges(ctl, "Depends on", &v.parts[CTL_DEPENDENCIES]);
        show_edges(ctl, "Depended on by", &v.parts[CTL_DEPENDENTS]);
        show_edges(ctl, "Children", &v.parts[CTL_CHILDREN]);
        show_similar(ctl, &v.parts[CTL_SIMILAR]);
        show_comments(ctl, &v.parts[CTL_COMMENTS]);
        show_commits(ctl, &v.parts[CTL_COMMITS]);
        if (history) {
            title(ctl, "History", v.parts[CTL_HISTORY].n);
            ctl_history_table(ctl, &v.parts[CTL_HISTORY]);
        }
    }
    return rc == TB_OK ? CTL_DONE : ctl_fail(&err);
}
