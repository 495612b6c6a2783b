/* board.put in the golden table, and what only large inputs reach. */
#include <stdio.h>

#include "common/model/limits.h"
#include "tests/unit/core/golden.h"

/* ---- boards ---- */

static const struct tb_column_data *usual_columns(struct kit *k, size_t *n)
{
    static struct tb_column_data columns[5];
    for (size_t i = 0; i < 5; i++) {
        columns[i] = (struct tb_column_data){.id = k->board.columns[i].id};
        tb_mark(&columns[i].p, TB_COL_ID);
        columns[i].category = tb_str_of(tb_column_categories[k->board.columns[i].category]);
        tb_mark(&columns[i].p, TB_COL_CATEGORY);
    }
    *n = 5;
    return columns;
}

/* The data that would make the usual board. */
static struct tb_board_put_data usual_data(struct kit *k)
{
    struct tb_board_put_data data = {.name = k->board.name};
    data.p.set = BIT(TB_BOARD_NAME) | BIT(TB_BOARD_COLUMNS) | BIT(TB_BOARD_TICKET_TYPES) |
                 BIT(TB_BOARD_DEFAULT_TICKET_TYPE) | BIT(TB_BOARD_INITIAL_STATUS) |
                 BIT(TB_BOARD_SETTINGS);
    data.columns.items = usual_columns(k, &data.columns.n);
    data.ticket_types = k->board.ticket_types;
    data.default_ticket_type = k->board.default_ticket_type;
    data.initial_status = k->board.initial_status;
    data.settings.p.set = BIT(TB_SET_ADMINS) | BIT(TB_SET_ADMIN_ON_BLOCKED);
    data.settings.admins = k->board.admins;
    data.settings.admin_on_blocked = k->board.admin_on_blocked;
    return data;
}

static void put(struct golden *g, const char *name, const char *context,
                const struct tb_board_put_data *data)
{
    struct kit k;
    kit_open(&k);
    if (strcmp(context, "first") != 0) {
        kit_add_board(&k);
    }
    if (strcmp(context, "stale") == 0) {
        k.expected_version = 99;
    }
    if (strcmp(context, "in use") == 0 &&
        (tb_world_set_count(k.w, TB_COUNT_STATUS, TB_LIT("wf"), TB_LIT("review"), 4) != TB_OK ||
         tb_world_set_count(k.w, TB_COUNT_TYPE, TB_LIT("wf"), TB_LIT("bug"), 2) != TB_OK)) {
        return;
    }
    struct tb_decision decision = kit_decide(&k, TB_CMD_BOARD_PUT, 'T', data);
    golden_note(g, &decision);
    tb_buf text;
    tb_buf_init(&text, 1 << 20);
    kit_render(&text, &decision);
    golden_line(g, name, context, text.ptr);
    tb_buf_dispose(&text);
    kit_close(&k);
}

static void put_everywhere(struct golden *g, const char *name, const struct tb_board_put_data *data)
{
    put(g, name, "plain", data);
    put(g, name, "first", data);
    put(g, name, "in use", data);
    put(g, name, "stale", data);
}

static void put_columns(struct golden *g, const char *name, const char *initial,
                        const struct tb_column_data *columns, size_t n)
{
    struct tb_board_put_data data = usual_data(g->lists);
    data.columns = (struct tb_records){columns, n};
    data.initial_status = tb_str_of(initial);
    put(g, name, "first", &data);
}

#define COLUMN(id_, ...)                                                                           \
    {                                                                                              \
        .id = TB_LIT(id_), __VA_ARGS__                                                             \
    }
#define PUT_COLUMNS(name, initial, ...)                                                            \
    do {                                                                                           \
        const struct tb_column_data columns[] = {__VA_ARGS__};                                     \
        put_columns(g, name, initial, columns, sizeof columns / sizeof columns[0]);                \
    } while (0)

static void column_cases(struct golden *g)
{
    PUT_COLUMNS("no categories: by place", "a", COLUMN("a", .p.set = 1), COLUMN("b", .p.set = 1),
                COLUMN("c", .p.set = 1), COLUMN("d", .p.set = 1));
    PUT_COLUMNS("by order, then by place; limits and names", "a",
                COLUMN("z", .p.set = BIT(TB_COL_ORDER), .order = 30),
                COLUMN("b", .p.set = BIT(TB_COL_ORDER) | BIT(TB_COL_WIP_LIMIT), .order = 20,
                       .wip_limit = 3),
                COLUMN("c", .p.set = BIT(TB_COL_ORDER) | BIT(TB_COL_NAME), .order = 20,
                       .name = TB_LIT("Sea")),
                COLUMN("a", .p.set = BIT(TB_COL_ORDER), .order = 10));
    PUT_COLUMNS("one category named: the rest are active", "a", COLUMN("a", .p.set = 1),
                COLUMN("b", .p.set = BIT(TB_COL_CATEGORY), .category = TB_LIT("done")),
                COLUMN("c", .p.set = 1));
    PUT_COLUMNS("no done column", "a",
                COLUMN("a", .p.set = BIT(TB_COL_CATEGORY), .category = TB_LIT("open")),
                COLUMN("b", .p.set = 1));
    PUT_COLUMNS("a single column", "a", COLUMN("a", .p.set = 1));
    PUT_COLUMNS("a column twice", "a", COLUMN("a", .p.set = 1), COLUMN("b", .p.set = 1),
                COLUMN("a", .p.set = 1));
    PUT_COLUMNS("initial unknown", "x", COLUMN("a", .p.set = 1), COLUMN("b", .p.set = 1));
    PUT_COLUMNS("initial done", "b", COLUMN("a", .p.set = 1), COLUMN("b", .p.set = 1));
    put_columns(g, "no columns", "a", NULL, 0);
}

static void settings_cases(struct golden *g)
{
    const tb_str known[] = {TB_LIT("todo")};
    const tb_strs to_known[] = {LIST(TB_LIT("doing"))};
    const tb_str unknown[] = {TB_LIT("nowhere")};
    const tb_strs to_unknown[] = {LIST(TB_LIT("nowhere"))};
    struct tb_board_put_data data = usual_data(g->lists);
    data.settings.p.set |= BIT(TB_SET_TRANSITIONS);
    data.settings.transitions = (struct tb_strings_map){known, to_known, 1};
    put(g, "transitions", "plain", &data);
    data.settings.transitions = (struct tb_strings_map){unknown, to_known, 1};
    put(g, "transitions from an unknown column", "plain", &data);
    data.settings.transitions = (struct tb_strings_map){known, to_unknown, 1};
    put(g, "transitions to an unknown column", "plain", &data);

    data = usual_data(g->lists);
    data.settings.p.set |= BIT(TB_SET_DEFAULT_PRIORITY) | BIT(TB_SET_PRIORITIES);
    data.settings.priorities = LIST(TB_LIT("p0"), TB_LIT("p1"));
    data.settings.default_priority = TB_LIT("p1");
    put(g, "priorities with a default", "plain", &data);
    data.settings.default_priority = TB_LIT("p9");
    put(g, "default priority unknown", "plain", &data);

    data = usual_data(g->lists);
    data.settings.admin_on_blocked = LIST(TB_LIT("resolve"), TB_LIT("dance"));
    put(g, "admin operation unknown", "plain", &data);

    data = usual_data(g->lists);
    data.settings.p.set |= BIT(TB_SET_REQUIRE_COMMENT) | BIT(TB_SET_ALLOW_REOPEN);
    data.settings.require_comment_on_status_change = true;
    put(g, "comment required, no reopening", "plain", &data);

    data = usual_data(g->lists);
    data.p.set &= ~BIT(TB_BOARD_SETTINGS);
    put(g, "no settings", "first", &data);
}

void golden_boards(struct golden *g)
{
    tb_buf_add_c(g->out, "\n## board.put\n");
    struct tb_board_put_data data = usual_data(g->lists);
    put_everywhere(g, "the usual board", &data);
    data.name = TB_LIT("Renamed");
    put_everywhere(g, "another name", &data);

    data = usual_data(g->lists);
    struct tb_column_data columns[4];
    const struct tb_column_data *all = data.columns.items;
    columns[0] = all[0];
    columns[1] = all[1];
    columns[2] = all[3];
    columns[3] = all[4];
    data.columns = (struct tb_records){columns, 4};
    put_everywhere(g, "without column review", &data);

    data = usual_data(g->lists);
    data.ticket_types = LIST(TB_LIT("task"));
    put_everywhere(g, "without type bug", &data);
    data.ticket_types = LIST(TB_LIT("bug"));
    put(g, "default type unknown", "first", &data);
    data.ticket_types = (tb_strs){NULL, 0};
    put(g, "no types", "first", &data);
    column_cases(g);
    settings_cases(g);
}

/* ---- limits ---- */

/* Ticket number n of a long chain. */
static tb_str nth(struct kit *k, int n)
{
    return tb_arena_printf(k->arena, "ticket-%d", n);
}

static void chain(struct kit *k, int n, bool parents)
{
    tb_str before = kit_id('X');
    for (int i = 0; i < n; i++) {
        tb_str next = nth(k, i);
        struct tb_edge edge = {before, next, TB_LIT(TB_EDGE_BLOCKS)};
        struct tb_ref ref = {.id = before, .workflow_id = TB_LIT("wf"), .parent_ticket_id = next};
        if (parents ? tb_world_add_ref(k->w, &ref) != TB_OK
                    : tb_world_add_edge(k->w, &edge) != TB_OK) {
            return;
        }
        before = next;
    }
}

static void limit_line(struct golden *g, struct kit *k, const char *name,
                       const struct tb_decision *decision)
{
    golden_note(g, decision);
    tb_buf text;
    tb_buf_init(&text, 1 << 20);
    kit_render(&text, decision);
    golden_line(g, name, "large", text.ptr);
    tb_buf_dispose(&text);
    kit_close(k);
}

static void open_large(struct kit *k)
{
    kit_open(k);
    kit_add_board(k);
    struct tb_ticket t = kit_ticket('T', "todo");
    kit_add(k, &t);
}

void golden_limits(struct golden *g)
{
    struct kit k;
    const struct tb_block_data block = {.p.set = BIT(TB_BLOCK_BY),
                                        .blocked_by_ticket_ids = kit_ids(g->lists, "X")};
    const struct tb_update_data adopt = {
        .p.set = BIT(TB_UPDATE_UPDATES),
        .updates = {.p.set = BIT(TB_UPDATES_PARENT_TICKET_ID), .parent_ticket_id = kit_id('X')}};
    struct tb_decision decision;
    tb_buf_add_c(g->out, "\n## limits\n");

    open_large(&k);
    for (int i = 0; i < TB_MAX_LIST; i++) {
        struct tb_edge edge = {kit_id('T'), nth(&k, i), TB_LIT("related")};
        if (tb_world_add_edge(k.w, &edge) != TB_OK) {
            return;
        }
    }
    decision = kit_decide(&k, TB_CMD_BLOCK, 'T', &block);
    limit_line(g, &k, "block: one edge more than a ticket may have", &decision);

    open_large(&k);
    chain(&k, TB_MAX_CLOSURE + 1, false);
    decision = kit_decide(&k, TB_CMD_BLOCK, 'T', &block);
    limit_line(g, &k, "block: a chain too long to look through", &decision);

    open_large(&k);
    chain(&k, TB_MAX_CLOSURE + 2, true);
    decision = kit_decide(&k, TB_CMD_UPDATE, 'T', &adopt);
    limit_line(g, &k, "update: ancestors too many to look through", &decision);
}
