/* events: what happens, in order per ticket and without repeats. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/json/dom.h"
#include "producer/ctl/bus.h"
#include "producer/ctl/topics.h"
#include "producer/ctl/verbs.h"

#define POLL_MS       200
#define QUIET_US      1500000  /* without --follow: nothing for this long is the end */
#define FIRST_WAIT_US 15000000 /* and so long until the first event */
#define VALUE_WIDTH   50

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

/* Whether the topic holds anything now. */
static enum tb_rc count_events(struct ctl *ctl, int64_t *ret, struct tb_error *err)
{
    struct tb_admin *admin = NULL;
    struct tb_group_info info = {0};
    enum tb_rc rc = tb_admin_new(ctl->cfg, "ticketctl", &admin, err);
    rc = rc == TB_OK ? tb_admin_group(admin, "ticketctl-counts",
                                      tb_config_str(ctl->cfg, TB_CFG(TOPIC_EVENTS)), ctl->arena,
                                      &info, CTL_KAFKA_MS, err)
                     : rc;
    *ret = info.lag;
    tb_admin_free(admin);
    return rc;
}

/* Troubles the consumer can go on from are told and passed. */
static enum tb_rc on_trouble(struct ticketbus_consumer *c, const struct ticketbus_error *why,
                             struct tb_error *err)
{
    struct ticketbus_error ignored;
    if (why->rc == TICKETBUS_ECONFLICT && strcmp(why->code, "gap") == 0) {
        ctl_say("%s; going on without", why->text);
        (void)ticketbus_consumer_skip_gap(c, why->field, &ignored);
        return TB_OK;
    }
    if (why->rc == TICKETBUS_EUNAVAILABLE || why->rc == TICKETBUS_ERETRY ||
        why->rc == TICKETBUS_EDATA) {
        ctl_say("%s", why->text);
        return TB_OK;
    }
    return ctl_bus_error(why, err);
}

static enum tb_rc read_events(struct ctl *ctl, struct ticketbus_consumer *c, const struct filter *f,
                              bool follow, struct tb_error *err)
{
    int64_t last = tb_clock_mono_us();
    bool any = false;
    int64_t printed = 0;
    while (!g_stop && (f->limit == 0 || printed < f->limit)) {
        struct ticketbus_error why = {0};
        const struct ticketbus_event *e = NULL;
        enum ticketbus_rc rc = ticketbus_consumer_next(c, POLL_MS, &e, &why);
        int64_t now = tb_clock_mono_us();
        if (rc != TICKETBUS_OK) {
            enum tb_rc failed = on_trouble(c, &why, err);
            if (failed != TB_OK) {
                return failed;
            }
            bool away = rc == TICKETBUS_EUNAVAILABLE || rc == TICKETBUS_ERETRY;
            if (away && !follow && now - last > FIRST_WAIT_US) {
                return ctl_bus_error(&why, err);
            }
            continue;
        }
        if (!e) {
            if (!ctl_flush(ctl) || (!follow && now - last > (any ? QUIET_US : FIRST_WAIT_US))) {
                break;
            }
            continue;
        }
        last = now;
        any = true;
        if (matches(f, e)) {
            print_event(ctl, e);
            printed++;
            if (ctl->out.len > 65536 && !ctl_flush(ctl)) {
                break;
            }
        }
    }
    return TB_OK;
}

int ctl_run_events(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct filter f = {.ticket = TB_STR_NULL};
    bool follow = ctl_flag(&ctl->args, "follow");
    bool from_start = !follow || ctl_flag(&ctl->args, "from-beginning");
    tb_str ticket = ctl_opt(&ctl->args, "ticket");
    int64_t count = 1;
    enum tb_rc rc = ctl_opt_int(&ctl->args, "limit", 0, INT32_MAX, 0, &f.limit, &err);
    if (rc == TB_OK && !tb_str_is_null(ticket)) {
        rc = ctl_ticket_id(ctl, ticket, &f.ticket, &err);
    }
    f.workflow = ctl_opt(&ctl->args, "workflow");
    f.types = ctl_opt_list(&ctl->args, "type", ctl->arena);
    rc = rc == TB_OK ? count_events(ctl, &count, &err) : rc;
    if (rc != TB_OK) {
        return ctl_fail(&err);
    }
    if (!follow && count == 0) {
        return CTL_DONE;
    }
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGTERM, on_signal);
    struct ticketbus_error why = {0};
    struct ticketbus_consumer *c = NULL;
    struct ticketbus_consumer_options options = {.size = sizeof options,
                                                 .client_id = "ticketctl",
                                                 .start = from_start ? TICKETBUS_FROM_BEGINNING
                                                                     : TICKETBUS_FROM_END,
                                                 .gap_timeout_ms = 2000};
    if (ticketbus_consumer_new(&options, &c, &why) != TICKETBUS_OK) {
        (void)ctl_bus_error(&why, &err);
        return ctl_fail(&err);
    }
    rc = read_events(ctl, c, &f, follow, &err);
    ticketbus_consumer_free(c);
    return rc == TB_OK ? CTL_DONE : ctl_fail(&err);
}
