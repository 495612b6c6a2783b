/* import beads FILE: the tracker's issues as tickets. States are compared, and only what differs is
 * sent: a second import sends nothing. */
#include <string.h>

#include "producer/ctl/import_events.h"
#include "producer/ctl/importer.h"
#include "producer/ctl/lines.h"
#include "producer/ctl/verbs.h"

struct run {
    struct ctl_importer im;
    struct ctl_plan plan;
    struct ctl_state state;
    size_t invalid; /* lines that are no issues */
    size_t created;
    size_t updated;
    size_t unchanged; /* tickets with nothing to send */
    size_t comments_sent;
    bool *refused; /* by ticket */
    bool *is_new;  /* by ticket: was not there */
};

/* ---- reading ---- */

static enum tb_rc read_issues(struct ctl *ctl, const char *path, struct ctl_beads_issue **ret,
                              size_t *ret_n, size_t *ret_invalid, struct tb_error *err)
{
    tb_str text;
    enum tb_rc rc = ctl_read_file(ctl, path, &text, err);
    if (rc != TB_OK) {
        return rc;
    }
    size_t room = 1;
    for (size_t i = 0; i < text.len; i++) {
        room += text.ptr[i] == '\n';
    }
    struct ctl_beads_issue *issues = TB_NEW_N(ctl->arena, struct ctl_beads_issue, room);
    size_t n = 0;
    size_t number = 0;
    tb_str line;
    while (issues && ctl_next_line(&text, &line, &number)) {
        struct tb_error why = {0};
        if (ctl_beads_issue_parse(line, ctl->arena, &issues[n], &why) == TB_OK) {
            n++;
        } else {
            ctl_say("%s, line %zu: %s", path, number, why.text);
            (*ret_invalid)++;
        }
    }
    *ret = issues;
    *ret_n = n;
    return issues ? TB_OK : tb_fail(err, TB_ENOMEM, "out of memory");
}

/* ---- sending ---- */

static enum tb_rc send_ticket(struct run *r, size_t i, struct tb_error *err)
{
    const struct ctl_plan_ticket *t = &r->plan.tickets[i];
    const struct ctl_current *now = tb_map_get(&r->state.tickets, t->id);
    struct tb_import_data data;
    if (!ctl_import_diff(now, &t->want, &data)) {
        return TB_OK;
    }
    if (!now) { /* made by its creator, later changes by the importer */
        data.agent_id = t->want.created_by_agent_id;
        tb_mark(&data.p, TB_IMPORT_AGENT_ID);
    }
    r->is_new[i] = now == NULL;
    *(now ? &r->updated : &r->created) += 1;
    return ctl_importer_send(&r->im, t->id, &data, TB_STR_NULL, i, err);
}

/* updated_at goes along, or the comment's own time would take its place. */
static enum tb_rc send_comment(struct run *r, size_t i, const struct ctl_plan_comment *c,
                               struct tb_error *err)
{
    const struct ctl_plan_ticket *t = &r->plan.tickets[i];
    struct tb_import_data data = {.workflow_id = t->want.workflow_id,
                                  .agent_id = c->agent,
                                  .comment_key = c->key,
                                  .comment_text = c->text,
                                  .comment_type = c->type};
    tb_mark(&data.p, TB_IMPORT_WORKFLOW_ID);
    tb_mark(&data.p, TB_IMPORT_AGENT_ID);
    tb_mark(&data.p, TB_IMPORT_COMMENT_KEY);
    tb_mark(&data.p, TB_IMPORT_COMMENT_TEXT);
    tb_mark(&data.p, TB_IMPORT_COMMENT_TYPE);
    if (c->at != TB_TIME_NONE) {
        data.occurred_at = c->at;
        tb_mark(&data.p, TB_IMPORT_OCCURRED_AT);
    }
    if (tb_has(&t->want.p, TB_IMPORT_UPDATED_AT)) {
        data.updated_at = t->want.updated_at;
        tb_mark(&data.p, TB_IMPORT_UPDATED_AT);
    }
    r->comments_sent++;
    return ctl_importer_send(&r->im, t->id, &data, TB_STR_NULL, i, err);
}

static enum tb_rc send_one(struct run *r, size_t i, struct tb_error *err)
{
    const struct ctl_plan_ticket *t = &r->plan.tickets[i];
    size_t before = r->im.sent;
    enum tb_rc rc = send_ticket(r, i, err);
    for (size_t k = 0; rc == TB_OK && k < t->ncomments; k++) {
        tb_str id = ctl_import_comment_id(t->id, t->comments[k].key, r->im.ctl->arena);
        if (!tb_map_get(&r->state.comments, id)) {
            rc = send_comment(r, i, &t->comments[k], err);
        }
    }
    r->unchanged += r->im.sent == before;
    return rc;
}

/* How many commands there will be, for the progress bar: a pass in which nothing is sent. */
static enum tb_rc count_commands(struct run *r, size_t *ret, struct tb_error *err)
{
    struct run counting = *r;
    enum tb_rc rc = TB_OK;
    counting.im.dry_run = true;
    for (size_t i = 0; rc == TB_OK && i < r->plan.n; i++) {
        rc = send_one(&counting, i, err);
    }
    *ret = counting.im.sent;
    return rc;
}

static void subtract_refused(struct run *r)
{
    for (size_t i = 0; i < r->plan.n; i++) {
        if (r->refused[i] && r->is_new[i]) {
            r->created--;
        } else if (r->refused[i]) {
            r->updated -= r->updated > 0;
        }
    }
}

/* Rank by rank, so that no ticket overtakes its parent or (where ranks allow) what it waits for. */
static enum tb_rc send_all(struct run *r, struct tb_error *err)
{
    size_t waited = 0;
    size_t total = 0;
    enum tb_rc rc = count_commands(r, &total, err);
    ctl_progress_start(&r->im.progress, "importing", total);
    for (size_t i = 0; rc == TB_OK && i < r->plan.n; i++) {
        if (i && r->plan.tickets[i].rank != r->plan.tickets[i - 1].rank && r->im.sent > waited) {
            ctl_importer_wait(&r->im);
            waited = r->im.sent;
        }
        rc = send_one(r, i, err);
    }
    ctl_importer_wait(&r->im);
    ctl_progress_end(&r->im.progress);
    subtract_refused(r);
    return rc;
}

static enum tb_rc make_board(struct run *r, struct tb_error *err)
{
    struct ctl_strings statuses = {.arena = r->im.ctl->arena};
    struct ctl_strings types = {.arena = r->im.ctl->arena};
    struct ctl_strings priorities = {.arena = r->im.ctl->arena};
    ctl_strings_put(&statuses, TB_LIT("open"));
    for (size_t i = 0; i < r->plan.n; i++) {
        const struct tb_import_data *d = &r->plan.tickets[i].want;
        ctl_strings_put(&statuses, d->status);
        if (tb_has(&d->p, TB_IMPORT_TICKET_TYPE)) {
            ctl_strings_put(&types, d->ticket_type);
        }
        if (tb_has(&d->p, TB_IMPORT_PRIORITY)) {
            ctl_strings_put(&priorities, d->priority);
        }
    }
    ctl_strings_put(&statuses, TB_LIT("closed"));
    if (types.n == 0) {
        ctl_strings_put(&types, TB_LIT("task"));
    }
    return ctl_importer_board(&r->im, &r->state, ctl_strings_of(&statuses), ctl_strings_of(&types),
                              ctl_strings_of(&priorities), err);
}

/* ---- the summary ---- */

static size_t refused_tickets(const struct run *r)
{
    size_t n = 0;
    for (size_t i = 0; r->refused && i < r->plan.n; i++) {
        n += r->refused[i];
    }
    return n;
}

static void put_count(struct tb_json *w, const char *name, size_t n)
{
    tb_json_key(w, name);
    tb_json_int(w, (int64_t)n);
}

static void print_json(const struct run *r)
{
    struct tb_json w = {.buf = &r->im.ctl->out};
    tb_json_open(&w, '{');
    put_count(&w, "tickets", r->plan.n);
    put_count(&w, "rejected", refused_tickets(r));
    put_count(&w, "sent", r->im.sent);
    put_count(&w, "created", r->created);
    put_count(&w, "updated", r->updated);
    put_count(&w, "unchanged", r->unchanged);
    tb_json_key(&w, "edges");
    tb_json_open(&w, '{');
    for (size_t i = 0; i < r->plan.nedges; i++) {
        tb_json_key_str(&w, r->plan.edges[i].type);
        tb_json_int(&w, (int64_t)r->plan.edges[i].n);
    }
    tb_json_close(&w, '}');
    put_count(&w, "comments", r->plan.comments);
    put_count(&w, "reasons", r->plan.reasons);
    put_count(&w, "deleted", r->plan.deleted);
    put_count(&w, "invalid", r->invalid);
    tb_json_key(&w, "dangling");
    tb_json_strings(&w, r->plan.dangling);
    tb_json_key(&w, "cycles");
    tb_json_strings(&w, r->plan.cycles);
    tb_json_key(&w, "duplicates");
    tb_json_strings(&w, r->plan.duplicates);
    tb_json_key(&w, "workflow");
    tb_json_string(&w, r->im.workflow);
    tb_json_key(&w, "board");
    tb_json_string(&w, tb_str_of(r->im.board));
    tb_json_key(&w, "dry_run");
    tb_json_bool(&w, r->im.dry_run);
    tb_json_close(&w, '}');
    tb_buf_add_char(&r->im.ctl->out, '\n');
}

static void print_list(const char *what, tb_strs list)
{
    for (size_t i = 0; i < list.n; i++) {
        ctl_say("%s: %.*s", what, TB_ARG(list.items[i]));
    }
}

static void print_text(const struct run *r)
{
    tb_buf *out = &r->im.ctl->out;
    const struct ctl_plan *p = &r->plan;
    tb_buf_printf(
        out, "%zu tickets of workflow %.*s (board %s): %zu created, %zu updated, %zu unchanged",
        p->n, TB_ARG(r->im.workflow), r->im.board, r->created, r->updated, r->unchanged);
    if (refused_tickets(r)) {
        tb_buf_printf(out, ", %zu rejected", refused_tickets(r));
    }
    tb_buf_printf(out, "\n%zu commands %s; %zu comments, %zu reasons, %zu deleted tickets\nedges:",
                  r->im.sent, r->im.dry_run ? "would be sent" : "sent", p->comments, p->reasons,
                  p->deleted);
    for (size_t i = 0; i < p->nedges; i++) {
        tb_buf_printf(out, "%s %zu %.*s", i ? "," : "", p->edges[i].n, TB_ARG(p->edges[i].type));
    }
    tb_buf_add_c(out, p->nedges ? "\n" : " none\n");
    print_list("the file lacks the ticket depended on; the edge is kept", p->dangling);
    print_list("the edge closes a cycle and was left out", p->cycles);
    print_list("on several lines; the last counts", p->duplicates);
}

/* ---- the command ---- */

/* The workflow is named after the file where nothing else is said: "beads" for issues.jsonl. */
static tb_str default_workflow(struct ctl *ctl, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t len = strcspn(name, ".");
    if (len == 0 || strcmp(path, "-") == 0 || strncmp(name, "issues.", 7) == 0 ||
        strncmp(name, "events.", 7) == 0) {
        return TB_LIT("beads");
    }
    return tb_arena_str(ctl->arena, (tb_str){name, len});
}

static enum tb_rc run_issues(struct run *r, const char *path, struct tb_error *err)
{
    struct ctl *ctl = r->im.ctl;
    struct ctl_beads_issue *issues = NULL;
    size_t n = 0;
    enum tb_rc rc = read_issues(ctl, path, &issues, &n, &r->invalid, err);
    rc = rc == TB_OK ? ctl_plan_make(issues, n, r->im.workflow, ctl->arena, &r->plan, err) : rc;
    rc = rc == TB_OK ? ctl_state_read(ctl, r->im.workflow, NULL, &r->state, err) : rc;
    rc = rc == TB_OK ? make_board(r, err) : rc;
    r->refused = TB_NEW_N(ctl->arena, bool, r->plan.n);
    r->is_new = TB_NEW_N(ctl->arena, bool, r->plan.n);
    tb_str *names = TB_NEW_N(ctl->arena, tb_str, r->plan.n);
    if (rc == TB_OK && (!r->refused || !r->is_new || !names)) {
        rc = tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; rc == TB_OK && i < r->plan.n; i++) {
        names[i] = r->plan.tickets[i].issue->id;
    }
    r->im.answers = r->refused;
    r->im.names = names;
    return rc == TB_OK ? send_all(r, err) : rc;
}

static int import_issues(struct ctl *ctl, const char *path, tb_str workflow)
{
    struct tb_error err = {0};
    struct run r = {0};
    enum tb_rc rc = ctl_importer_init(&r.im, ctl, workflow, &err);
    rc = rc == TB_OK ? run_issues(&r, path, &err) : rc;
    int code = CTL_DONE;
    if (rc == TB_OK) {
        tb_buf_add_str(&ctl->out, tb_buf_str(&r.im.refused));
        if (ctl->json) {
            print_json(&r);
        } else {
            print_text(&r);
        }
        code = r.im.nrefused || r.invalid ? CTL_REJECTED : CTL_DONE;
    }
    ctl_importer_dispose(&r.im);
    return rc == TB_OK ? code : ctl_fail(&err);
}

int ctl_run_import_beads(struct ctl *ctl)
{
    tb_str events = ctl_opt(&ctl->args, "events");
    tb_str given = ctl_opt(&ctl->args, "workflow");
    int code = CTL_DONE;
    if (ctl->args.nargs == 0 && tb_str_is_null(events)) {
        return ctl_usage(ctl, "which file? ticketctl import beads FILE, or --events FILE");
    }
    if (ctl->args.nargs) {
        const char *path = ctl->args.args[0].ptr;
        code = import_issues(ctl, path, given.ptr ? given : default_workflow(ctl, path));
    }
    if (!tb_str_is_null(events) && code != CTL_UNREACHABLE && code != CTL_USAGE) {
        tb_str base =
            given.ptr && !ctl->args.nargs
                ? given
                : tb_arena_printf(ctl->arena, "%.*s-events",
                                  TB_ARG(given.ptr ? given : default_workflow(ctl, events.ptr)));
        int second = ctl_import_events(ctl, events.ptr, base);
        code = second > code ? second : code;
    }
    return code;
}
