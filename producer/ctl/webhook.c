/* webhook create, list, show, update, pause, resume, rotate, test, deliveries, redrive, delete. */
#include <string.h>
#include <time.h>

#include "common/json/dom.h"
#include "gateway/hooks/manage.h"
#include "producer/ctl/backend.h"
#include "producer/ctl/grid.h"
#include "producer/ctl/verbs.h"

enum { TEST_STEP_MS = 100, ANSWER_MAX = 64 << 20 };

/* A call of the manager's, its answer read. */
struct asked {
    tb_buf answer;
    struct tb_dom *dom;
};

static enum tb_rc call(struct ctl *ctl, const struct ctl_hook_call *c, struct asked *a,
                       struct tb_error *err)
{
    tb_buf_clear(&a->answer);
    return ctl->backend->hook(ctl, c, &a->answer, err);
}

static tb_str webhook_arg(const struct ctl *ctl)
{
    return ctl->args.nargs ? ctl->args.args[0] : TB_STR_NULL;
}

static tb_str member(const struct tb_node *node, const char *name)
{
    return tb_node_str(tb_node_get(node, name));
}

/* ---- printing ---- */

static void add_members(tb_buf *out, const struct tb_node *list, const char *what)
{
    for (size_t i = 0; i < tb_node_size(list); i++) {
        tb_buf_printf(out, "%s%s=%.*s", out->len ? " " : "", what,
                      TB_ARG(tb_node_str(tb_node_at(list, i))));
    }
}

static tb_str filter_text(struct ctl *ctl, const struct tb_node *hook)
{
    tb_buf out;
    tb_buf_init(&out, 100000);
    add_members(&out, tb_node_get(hook, "workflow_ids"), "workflow");
    add_members(&out, tb_node_get(hook, "ticket_ids"), "ticket");
    add_members(&out, tb_node_get(hook, "event_types"), "type");
    tb_str text = out.len ? tb_buf_take(&out, ctl->arena) : TB_LIT("everything");
    tb_buf_dispose(&out);
    return text;
}

static void print_hooks(struct ctl *ctl, const struct tb_node *hooks)
{
    static const char *const heads[] = {"WEBHOOK", "STATUS", "PENDING", "DEAD",
                                        "URL",     "EVENTS", "REASON",  NULL};
    struct ctl_grid grid;
    ctl_grid_init(&grid, ctl->arena, heads);
    for (size_t i = 0; i < tb_node_size(hooks); i++) {
        const struct tb_node *h = tb_node_at(hooks, i);
        bool active = tb_str_eq_c(member(h, "status"), "active");
        ctl_grid_add(&grid, member(h, "id"), CTL_CYAN);
        ctl_grid_add(&grid, member(h, "status"), active ? CTL_GREEN : CTL_YELLOW);
        ctl_grid_add_int(&grid, tb_node_int(tb_node_get(h, "pending"), 0));
        ctl_grid_add_int(&grid, tb_node_int(tb_node_get(h, "dead"), 0));
        ctl_grid_add(&grid, member(h, "url"), CTL_PLAIN);
        ctl_grid_add(&grid, filter_text(ctl, h), CTL_PLAIN);
        ctl_grid_add(&grid, member(h, "paused_reason"), CTL_PLAIN);
    }
    ctl_grid_render(&grid, &ctl->term, &ctl->out);
}

static void print_deliveries(struct ctl *ctl, const struct tb_node *list)
{
    static const char *const heads[] = {"DELIVERY", "STATUS",  "TRIES", "LAST",
                                        "EVENT",    "SUBJECT", "ERROR", NULL};
    struct ctl_grid grid;
    ctl_grid_init(&grid, ctl->arena, heads);
    for (size_t i = 0; i < tb_node_size(list); i++) {
        const struct tb_node *d = tb_node_at(list, i);
        ctl_grid_add(&grid, member(d, "id"), CTL_CYAN);
        ctl_grid_add(&grid, member(d, "status"),
                     tb_str_eq_c(member(d, "status"), "dead") ? CTL_RED : CTL_PLAIN);
        ctl_grid_add_int(&grid, tb_node_int(tb_node_get(d, "attempts"), 0));
        ctl_grid_add_int(&grid, tb_node_int(tb_node_get(d, "last_status"), 0));
        ctl_grid_add(&grid, member(d, "event_type"), CTL_PLAIN);
        ctl_grid_add(&grid, member(d, "subject"), CTL_PLAIN);
        ctl_grid_add(&grid, member(d, "last_error"), CTL_PLAIN);
    }
    ctl_grid_render(&grid, &ctl->term, &ctl->out);
}

static int done(struct ctl *ctl, enum tb_rc rc, struct asked *a, struct tb_error *err)
{
    if (rc == TB_OK && a->answer.len) {
        rc = tb_dom_parse(tb_buf_str(&a->answer), 0, &a->dom, err);
    }
    const struct tb_node *root = a->dom ? tb_dom_root(a->dom) : NULL;
    if (rc == TB_OK && ctl->json && root) {
        struct tb_json w = {.buf = &ctl->out};
        tb_node_write(root, &w);
        tb_buf_add_char(&ctl->out, '\n');
    } else if (rc == TB_OK && tb_node_get(root, "webhooks")) {
        print_hooks(ctl, tb_node_get(root, "webhooks"));
    } else if (rc == TB_OK && tb_node_get(root, "deliveries")) {
        print_deliveries(ctl, tb_node_get(root, "deliveries"));
    } else if (rc == TB_OK && root) {
        tb_node_pretty(root, &ctl->out);
        tb_buf_add_char(&ctl->out, '\n');
        if (tb_node_get(root, "secret")) {
            ctl_say("the secret is shown once");
        }
    }
    tb_dom_free(a->dom);
    tb_buf_dispose(&a->answer);
    return rc == TB_OK ? CTL_DONE : ctl_fail(err);
}

static struct asked ask(void)
{
    struct asked a = {.dom = NULL};
    tb_buf_init(&a.answer, ANSWER_MAX);
    return a;
}

/* ---- verbs ---- */

/* Types may be given without "ticket.". */
static tb_strs types(struct ctl *ctl)
{
    tb_strs given = ctl_opt_list(&ctl->args, "type", ctl->arena);
    tb_str *items = TB_NEW_N(ctl->arena, tb_str, given.n);
    for (size_t i = 0; items && i < given.n; i++) {
        bool whole = memchr(given.items[i].ptr, '.', given.items[i].len) != NULL;
        items[i] = whole ? given.items[i]
                         : tb_arena_printf(ctl->arena, "ticket.%.*s", TB_ARG(given.items[i]));
    }
    return (tb_strs){items, items ? given.n : 0};
}

static enum tb_rc read_fields(struct ctl *ctl, struct tb_hook_fields *f, struct tb_error *err)
{
    f->description = ctl_opt(&ctl->args, "description");
    f->workflows = ctl_opt_list(&ctl->args, "workflow", ctl->arena);
    f->tickets = ctl_opt_list(&ctl->args, "ticket", ctl->arena);
    f->types = types(ctl);
    f->has_workflows = f->workflows.n > 0;
    f->has_tickets = f->tickets.n > 0;
    f->has_types = f->types.n > 0;
    enum tb_rc rc = ctl_opt_int(&ctl->args, "parallel", 1, 64, 0, &f->max_parallel, err);
    return rc == TB_OK ? ctl_opt_int(&ctl->args, "rate", 1, 10000, 0, &f->max_per_second, err) : rc;
}

/* One call, and its answer printed. */
static int run(struct ctl *ctl, struct ctl_hook_call c)
{
    struct tb_error err = {0};
    struct asked a = ask();
    c.id = webhook_arg(ctl);
    return done(ctl, call(ctl, &c, &a, &err), &a, &err);
}

int ctl_run_webhook_create(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_hook_fields f = {.url = webhook_arg(ctl)};
    enum tb_rc rc = read_fields(ctl, &f, &err);
    return rc == TB_OK ? run(ctl, (struct ctl_hook_call){.verb = CTL_HOOK_CREATE, .fields = &f})
                       : ctl_fail(&err);
}

int ctl_run_webhook_list(struct ctl *ctl)
{
    return run(ctl, (struct ctl_hook_call){.verb = CTL_HOOK_LIST});
}

int ctl_run_webhook_show(struct ctl *ctl)
{
    return run(ctl, (struct ctl_hook_call){.verb = CTL_HOOK_SHOW});
}

static int set_status(struct ctl *ctl, tb_str status)
{
    const struct tb_hook_fields f = {.status = status};
    return run(ctl, (struct ctl_hook_call){.verb = CTL_HOOK_UPDATE, .fields = &f});
}

int ctl_run_webhook_pause(struct ctl *ctl)
{
    return set_status(ctl, TB_LIT("paused"));
}

int ctl_run_webhook_resume(struct ctl *ctl)
{
    return set_status(ctl, TB_LIT("active"));
}

int ctl_run_webhook_rotate(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct ctl_hook_call c = {.verb = CTL_HOOK_ROTATE};
    enum tb_rc rc = ctl_opt_int(&ctl->args, "hours", 0, 720, 24, &c.number, &err);
    return rc == TB_OK ? run(ctl, c) : ctl_fail(&err);
}

int ctl_run_webhook_deliveries(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct ctl_hook_call c = {.verb = CTL_HOOK_DELIVERIES, .text = ctl_opt(&ctl->args, "status")};
    enum tb_rc rc = ctl_opt_int(&ctl->args, "limit", 1, 1000, 20, &c.number, &err);
    return rc == TB_OK ? run(ctl, c) : ctl_fail(&err);
}

/* Until the test's first attempt is over; the wait is that of other commands. */
static enum tb_rc wait_for(struct ctl *ctl, struct asked *a, struct tb_error *err)
{
    const struct ctl_hook_call latest = {
        .verb = CTL_HOOK_DELIVERIES, .id = webhook_arg(ctl), .number = 1};
    int64_t left = tb_config_int(ctl->cfg, TB_CFG(WAIT_MS));
    bool tried = false;
    enum tb_rc rc = TB_OK;
    while (rc == TB_OK && !tried && left > 0) {
        struct tb_dom *dom = NULL;
        rc = call(ctl, &latest, a, err);
        rc = rc == TB_OK ? tb_dom_parse(tb_buf_str(&a->answer), 0, &dom, err) : rc;
        const struct tb_node *one = tb_node_at(tb_node_get(tb_dom_root(dom), "deliveries"), 0);
        tried = rc == TB_OK && tb_node_size(tb_node_get(one, "history")) > 0;
        tb_dom_free(dom);
        left -= TEST_STEP_MS;
        (void)nanosleep(&(struct timespec){.tv_nsec = TEST_STEP_MS * 1000000L}, NULL);
    }
    if (rc == TB_OK && !tried) {
        rc = tb_fail(err, TB_EUNAVAILABLE,
                     "no gateway has tried it yet (is one running, and the "
                     "webhook active?)");
    }
    return rc;
}

int ctl_run_webhook_test(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct asked a = ask();
    const struct ctl_hook_call c = {.verb = CTL_HOOK_TEST, .id = webhook_arg(ctl)};
    enum tb_rc rc = call(ctl, &c, &a, &err);
    rc = rc == TB_OK ? wait_for(ctl, &a, &err) : rc;
    return done(ctl, rc, &a, &err);
}

int ctl_run_webhook_redrive(struct ctl *ctl)
{
    return run(
        ctl, (struct ctl_hook_call){.verb = CTL_HOOK_REDRIVE,
                                    .text = ctl->args.nargs > 1 ? ctl->args.args[1] : TB_STR_NULL});
}

int ctl_run_webhook_delete(struct ctl *ctl)
{
    return run(ctl, (struct ctl_hook_call){.verb = CTL_HOOK_DELETE});
}
