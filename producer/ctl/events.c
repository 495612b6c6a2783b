/* events: what happens, in order per ticket and without repeats. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/json/dom.h"
#include "producer/ctl/backend.h"
#include "producer/ctl/verbs.h"

#define VALUE_WIDTH 50

static volatile sig_atomic_t g_stop;

static void on_signal(int number)
{
    (void)number;
    g_stop = 1;
}

struct filter {
    tb_str ticket;
    tb_str workflow;
    tb_strs types;
    int64_t limit;
};

static bool type_matches(const struct filter *f, const char *type)
{
    const char *dot = strchr(type, '.');
    for (size_t i = 0; i < f->types.n; i++) {
        if (tb_str_eq_c(f->types.items[i], type) ||
            (dot && tb_str_eq_c(f->types.items[i], dot + 1))) {
            return true;
        }
    }
    return f->types.n == 0;
}

static bool matches(const struct filter *f, const struct ticketbus_event *e)
{
    return (tb_str_is_null(f->ticket) || tb_str_eq(f->ticket, tb_str_of(e->subject))) &&
           (tb_str_is_null(f->workflow) || tb_str_eq(f->workflow, tb_str_of(e->workflow_id))) &&
           type_matches(f, e->type);
}

/* ---- one line for people ---- */

static void add_value(tb_buf *out, const struct tb_node *node)
{
    tb_buf text;
    tb_buf_init(&text, CTL_OUT_MAX);
    struct tb_json w = {.buf = &text};
    tb_str plain = tb_node_str(node);
    if (tb_str_is_null(plain) && node) {
        tb_node_write(node, &w);
        plain = tb_buf_str(&text);
    }
    (void)ctl_text_add(out, tb_str_is_null(plain) ? TB_LIT("-") : plain, VALUE_WIDTH);
    tb_buf_dispose(&text);
}

/* "status: open -> done; assigned_agent_id: - -> ada"; of a new ticket its title, of a comment its
 * text. */
static void add_changes(tb_buf *out, const struct ticketbus_event *e)
{
    struct tb_dom *dom = NULL;
    struct tb_error ignored;
    if (!e->data || tb_dom_parse((tb_str){e->data, e->data_len}, 0, &dom, &ignored) != TB_OK) {
        return;
    }
    const struct tb_node *before = tb_node_get(tb_dom_root(dom), "before");
    const struct tb_node *after = tb_node_get(tb_dom_root(dom), "after");
    const struct tb_node *title = tb_node_get(after, "title");
    void *at = NULL;
    tb_str name;
    const struct tb_node *value;
    bool any = false;
    if (strcmp(e->type, "ticket.created") == 0 && title) {
        add_value(out, title);
    }
    while (strcmp(e->type, "ticket.created") != 0 && tb_node_next(after, &at, &name, &value)) {
        char key[100];
        (void)snprintf(key, sizeof key, "%.*s", TB_ARG(name));
        if (strcmp(key, "updated_at") == 0) {
            continue;
        }
        tb_buf_printf(out, "%s%s: ", any ? "; " : "", key);
        if (tb_node_get(before, key)) {
            add_value(out, tb_node_get(before, key));
            tb_buf_add_c(out, " -> ");
        }
        add_value(out, value);
        any = true;
    }
    const struct tb_node *said = tb_node_path(tb_dom_root(dom), "comment.comment_text");
    said = said ? said : tb_node_get(tb_dom_root(dom), "description");
    if (!any && said && strcmp(e->type, "ticket.created") != 0) {
        add_value(out, said);
    }
    tb_dom_free(dom);
}

static enum ctl_color color_of(const char *type)
{
    if (strcmp(type, "command.rejected") == 0 || strcmp(type, "ticket.blocked") == 0) {
        return CTL_RED;
    }
    if (strcmp(type, "ticket.resolved") == 0 || strcmp(type, "ticket.unblocked") == 0) {
        return CTL_GREEN;
    }
    return strncmp(type, "command.", 8) == 0 ? CTL_GRAY : CTL_BOLD;
}

static void print_event(struct ctl *ctl, const struct ticketbus_event *e)
{
    tb_buf *out = &ctl->out;
    if (ctl->json) {
        tb_buf_add(out, e->json, e->json_len);
        tb_buf_add_char(out, '\n');
        return;
    }
    tb_buf line;
    tb_buf_init(&line, CTL_OUT_MAX);
    if (e->code) {
        (void)ctl_text_add(&line, tb_str_of(e->code), 0);
        tb_buf_add_c(&line, ": ");
    }
    if (e->message) {
        (void)ctl_text_add(&line, tb_str_of(e->message), 0);
    } else {
        add_changes(&line, e);
    }
    ctl_time_add(out, e->time_us == INT64_MIN ? TB_TIME_NONE : e->time_us);
    tb_buf_printf(out, "  %s", e->subject ? e->subject : "-");
    if (e->sequence > 0) {
        tb_buf_printf(out, " #%lld", (long long)e->sequence);
    }
    tb_buf_add_c(out, "  ");
    ctl_text_cell(out, &ctl->term, color_of(e->type), tb_str_of(e->type), 0, 0);
    tb_buf_add_c(out, "  ");
    (void)ctl_text_add(out, tb_str_of(e->actor ? e->actor : ""), 0);
    tb_buf_add_c(out, "  ");
    (void)ctl_text_add(out, tb_buf_str(&line), 0);
    tb_buf_add_char(out, '\n');
    tb_buf_dispose(&line);
}

/* ---- reading ---- */

struct reading {
    struct ctl *ctl;
    struct filter filter;
    int64_t printed;
};

static bool on_event(const struct ticketbus_event *e, void *arg)
{
    struct reading *r = arg;
    if (!e) {
        return ctl_flush(r->ctl) && !g_stop;
    }
    if (matches(&r->filter, e)) {
        print_event(r->ctl, e);
        r->printed++;
    }
    bool enough = r->filter.limit > 0 && r->printed >= r->filter.limit;
    return !enough && !g_stop && (r->ctl->out.len <= 65536 || ctl_flush(r->ctl));
}

int ctl_run_events(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct reading r = {.ctl = ctl, .filter = {.ticket = TB_STR_NULL}};
    bool follow = ctl_flag(&ctl->args, "follow");
    tb_str ticket = ctl_opt(&ctl->args, "ticket");
    enum tb_rc rc = ctl_opt_int(&ctl->args, "limit", 0, INT32_MAX, 0, &r.filter.limit, &err);
    if (rc == TB_OK && !tb_str_is_null(ticket)) {
        rc = ctl_ticket_id(ctl, ticket, &r.filter.ticket, &err);
    }
    r.filter.workflow = ctl_opt(&ctl->args, "workflow");
    r.filter.types = ctl_opt_list(&ctl->args, "type", ctl->arena);
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGTERM, on_signal);
    const struct ctl_event_query query = {
        .ticket = r.filter.ticket,
        .workflow = r.filter.workflow,
        .follow = follow,
        .from_start = !follow || ctl_flag(&ctl->args, "from-beginning"),
    };
    rc = rc == TB_OK ? ctl->backend->events(ctl, &query, on_event, &r, &err) : rc;
    return rc == TB_OK ? CTL_DONE : ctl_fail(&err);
}
