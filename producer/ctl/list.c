/* list: tickets by filter, a page at a time. */
#include <stdio.h>
#include <string.h>

#include "producer/ctl/backend.h"
#include "producer/ctl/tickets.h"
#include "producer/ctl/verbs.h"

static const char *const keys[] = {"created_at", "updated_at", "title", "status", "priority", "id"};

static enum tb_rc read_page(struct ctl *ctl, struct ctl_page *p, struct tb_error *err)
{
    tb_str sort = ctl_opt(&ctl->args, "sort");
    tb_str order = ctl_opt(&ctl->args, "order");
    enum tb_rc rc = ctl_opt_int(&ctl->args, "limit", 1, 100000, 50, &p->limit, err);
    rc = rc == TB_OK ? ctl_opt_int(&ctl->args, "offset", 0, INT32_MAX, 0, &p->offset, err) : rc;
    p->ready = ctl_flag(&ctl->args, "ready");
    p->deleted = ctl_flag(&ctl->args, "include-deleted");
    p->unfinished = !ctl_flag(&ctl->args, "include-completed") &&
                    ctl_opt_list(&ctl->args, "status", ctl->arena).n == 0;
    p->after = ctl_opt(&ctl->args, "after");
    p->key = p->ready && tb_str_is_null(sort) ? "priority" : "created_at";
    for (size_t i = 0; i < TB_COUNT(keys); i++) {
        p->key = tb_str_eq_c(sort, keys[i]) ? keys[i] : p->key;
    }
    p->descending = tb_str_is_null(order)
                        ? strcmp(p->key, "created_at") == 0 || strcmp(p->key, "updated_at") == 0
                        : tb_str_eq_c(order, "desc");
    return rc == TB_OK && !tb_str_is_null(p->after) ? ctl_ticket_id(ctl, p->after, &p->after, err)
                                                    : rc;
}

static void print_json(struct ctl *ctl, const struct ctl_listed *l)
{
    const struct ctl_rows *r = &l->tickets;
    struct tb_json w = {.buf = &ctl->out};
    tb_json_open(&w, '{');
    tb_json_key(&w, "tickets");
    ctl_rows_write(&w, r);
    tb_json_key(&w, "total");
    tb_json_int(&w, l->total);
    tb_json_key(&w, "has_more");
    tb_json_bool(&w, l->more);
    tb_json_key(&w, "next_after");
    tb_json_string(&w, l->more ? ctl_text(r, r->n - 1, CTL_COL_ID) : TB_STR_NULL);
    tb_json_close(&w, '}');
    tb_buf_add_char(&ctl->out, '\n');
}

static void print_table(struct ctl *ctl, const struct ctl_listed *l)
{
    static const char *const heads[] = {"TICKET",   "TYPE",    "PRIORITY", "STATUS",
                                        "ASSIGNEE", "UPDATED", "TITLE",    NULL};
    const struct ctl_rows *r = &l->tickets;
    struct ctl_grid grid;
    ctl_grid_init(&grid, ctl->arena, heads);
    for (int i = 0; i < r->n; i++) {
        tb_str id = ctl_text(r, i, CTL_COL_ID);
        ctl_grid_add(&grid, ctl_ticket_short(ctl, id, ctl_text(r, i, CTL_COL(EXTERNAL_ID))),
                     CTL_CYAN);
        ctl_grid_add(&grid, ctl_text(r, i, CTL_COL(TICKET_TYPE)), CTL_PLAIN);
        ctl_grid_add(&grid, ctl_text(r, i, CTL_COL(PRIORITY)), CTL_PLAIN);
        ctl_grid_add(&grid, ctl_text(r, i, CTL_COL(STATUS)), ctl_ticket_color(r, i));
        ctl_grid_add(&grid, ctl_text(r, i, CTL_COL(ASSIGNED_AGENT_ID)), CTL_PLAIN);
        ctl_grid_add_time(&grid, ctl_time(r, i, CTL_COL(UPDATED_AT)));
        tb_str title = ctl_text(r, i, CTL_COL(TITLE));
        bool blocked = ctl_bool(r, i, CTL_COL(IS_BLOCKED));
        ctl_grid_add(&grid,
                     blocked ? tb_arena_printf(ctl->arena, "[blocked] %.*s", TB_ARG(title)) : title,
                     CTL_PLAIN);
    }
    ctl_grid_render(&grid, &ctl->term, &ctl->out);
    if (ctl->term.tty && l->more) {
        tb_buf_printf(&ctl->out, "%d of %lld; go on with --after %.*s\n", r->n, (long long)l->total,
                      TB_ARG(ctl_text(r, r->n - 1, CTL_COL_ID)));
    } else if (ctl->term.tty) {
        tb_buf_printf(&ctl->out, "%lld ticket%s\n", (long long)l->total, l->total == 1 ? "" : "s");
    }
}

int ctl_run_list(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct ctl_page page = {0};
    struct ctl_listed listed = {0};
    enum tb_rc rc = read_page(ctl, &page, &err);
    rc = rc == TB_OK ? ctl->backend->list(ctl, &page, &listed, &err) : rc;
    if (rc == TB_OK && ctl->json) {
        print_json(ctl, &listed);
    } else if (rc == TB_OK) {
        print_table(ctl, &listed);
    }
    return rc == TB_OK ? CTL_DONE : ctl_fail(&err);
}
