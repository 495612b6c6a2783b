/* board: a workflow's columns with their tickets. boards: the list of boards. */
#include <stdio.h>
#include <string.h>

#include "producer/ctl/backend.h"
#include "producer/ctl/grid.h"
#include "producer/ctl/kanban.h"
#include "producer/ctl/tickets.h"
#include "producer/ctl/verbs.h"

static bool in_column(const struct ctl_board_view *v, int card, int column)
{
    return tb_str_eq(ctl_text(&v->cards, card, CTL_COL(STATUS)), ctl_text(&v->columns, column, 0));
}

static void print_json(struct ctl *ctl, const struct ctl_board_view *v)
{
    struct tb_json w = {.buf = &ctl->out};
    tb_json_open(&w, '{');
    tb_json_key(&w, "board");
    ctl_row_write(&w, &v->board, 0, -1, false);
    tb_json_key(&w, "columns");
    tb_json_open(&w, '[');
    for (int c = 0; c < v->columns.n; c++) {
        tb_json_open(&w, '{');
        tb_json_key(&w, "id");
        tb_json_string(&w, ctl_text(&v->columns, c, 0));
        tb_json_key(&w, "count");
        tb_json_int(&w, ctl_int(&v->columns, c, 4));
        tb_json_key(&w, "tickets");
        tb_json_open(&w, '[');
        for (int i = 0; i < v->cards.n; i++) {
            if (in_column(v, i, c)) {
                ctl_row_write(&w, &v->cards, i, -1, false);
            }
        }
        tb_json_close(&w, ']');
        tb_json_close(&w, '}');
    }
    tb_json_close(&w, ']');
    tb_json_close(&w, '}');
    tb_buf_add_char(&ctl->out, '\n');
}

static void print_board(struct ctl *ctl, const struct ctl_board_view *v)
{
    size_t n = (size_t)v->columns.n;
    struct ctl_lane *lanes = TB_NEW_N(ctl->arena, struct ctl_lane, n);
    struct ctl_card *cards = TB_NEW_N(ctl->arena, struct ctl_card, (size_t)v->cards.n);
    size_t used = 0;
    for (size_t c = 0; lanes && cards && c < n; c++) {
        lanes[c] = (struct ctl_lane){.name = ctl_text(&v->columns, (int)c, 1),
                                     .color = ctl_color_named(ctl_text(&v->columns, (int)c, 2)),
                                     .wip_limit = ctl_int(&v->columns, (int)c, 3),
                                     .count = ctl_int(&v->columns, (int)c, 4),
                                     .cards = cards + used};
        for (int i = 0; i < v->cards.n; i++) {
            if (!in_column(v, i, (int)c)) {
                continue;
            }
            cards[used++] = (struct ctl_card){
                .id = ctl_ticket_short(ctl, ctl_text(&v->cards, i, CTL_COL_ID),
                                       ctl_text(&v->cards, i, CTL_COL(EXTERNAL_ID))),
                .title = ctl_text(&v->cards, i, CTL_COL(TITLE)),
                .priority = ctl_text(&v->cards, i, CTL_COL(PRIORITY)),
                .assignee = ctl_text(&v->cards, i, CTL_COL(ASSIGNED_AGENT_ID)),
                .blocked = ctl_bool(&v->cards, i, CTL_COL(IS_BLOCKED))};
            lanes[c].ncards++;
        }
    }
    ctl_text_cell(&ctl->out, &ctl->term, CTL_BOLD, ctl_text(&v->board, 0, 2), 0, 0);
    tb_buf_printf(&ctl->out, " (workflow %.*s, version %.*s)\n\n",
                  TB_ARG(ctl_text(&v->board, 0, 0)), TB_ARG(ctl_text(&v->board, 0, 3)));
    if (lanes && cards) {
        ctl_kanban_render(lanes, n, &ctl->term, ctl->arena, &ctl->out);
    }
}

static enum tb_rc pick_workflow(struct ctl *ctl, tb_str *ret, struct tb_error *err)
{
    if (ctl->args.nargs) {
        *ret = ctl->args.args[0];
        return TB_OK;
    }
    struct ctl_rows r = {0};
    enum tb_rc rc = ctl->backend->boards(ctl, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    if (r.n == 0) {
        return tb_fail(err, TB_ENOTFOUND, "there is no board yet: ticketctl board put FILE");
    }
    if (r.n > 1) {
        char all[400] = "";
        for (int i = 0; i < r.n && i < 8; i++) {
            size_t used = strlen(all);
            (void)snprintf(all + used, sizeof all - used, "%s%.*s", i ? ", " : "",
                           TB_ARG(ctl_text(&r, i, 0)));
        }
        return tb_fail(err, TB_EINVAL, "which board? ticketctl board WORKFLOW, one of: %s", all);
    }
    *ret = ctl_text(&r, 0, 0);
    return TB_OK;
}

int ctl_run_board(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct ctl_board_view v = {0};
    tb_str workflow = TB_STR_NULL;
    int64_t limit;
    enum tb_rc rc = ctl_opt_int(&ctl->args, "limit", 0, 10000, 20, &limit, &err);
    rc = rc == TB_OK ? pick_workflow(ctl, &workflow, &err) : rc;
    rc = rc == TB_OK ? ctl->backend->board(ctl, workflow, limit, &v, &err) : rc;
    if (rc == TB_OK && ctl->json) {
        print_json(ctl, &v);
    } else if (rc == TB_OK) {
        print_board(ctl, &v);
    }
    return rc == TB_OK ? CTL_DONE : ctl_fail(&err);
}

int ctl_run_boards(struct ctl *ctl)
{
    static const char *const heads[] = {"WORKFLOW", "NAME",     "VERSION", "COLUMNS",
                                        "TICKETS",  "RESOLVED", "BLOCKED", NULL};
    struct tb_error err = {0};
    struct ctl_rows r = {0};
    enum tb_rc rc = ctl->backend->boards(ctl, &r, &err);
    if (rc == TB_OK && ctl->json) {
        struct tb_json w = {.buf = &ctl->out};
        ctl_rows_write(&w, &r);
        tb_buf_add_char(&ctl->out, '\n');
    } else if (rc == TB_OK) {
        struct ctl_grid grid;
        ctl_grid_init(&grid, ctl->arena, heads);
        for (int i = 0; i < r.n; i++) {
            for (int c = 0; c < r.ncolumns; c++) {
                ctl_grid_add(&grid, ctl_text(&r, i, c), c == 0 ? CTL_CYAN : CTL_PLAIN);
            }
        }
        ctl_grid_render(&grid, &ctl->term, &ctl->out);
    }
    return rc == TB_OK ? CTL_DONE : ctl_fail(&err);
}
