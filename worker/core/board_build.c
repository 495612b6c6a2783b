/* From the data of a board.put to the board it describes: defaults filled in, columns in order,
 * contradictions refused. */
#include <stdlib.h>

#include "worker/core/decide.h"

static bool reject(struct tb_draft *d, enum tb_rule rule, const char *field, tb_str message)
{
    return tb_draft_reject(d, rule, field, message);
}

/* ---- columns ---- */

static enum tb_category category_of(tb_str name)
{
    for (int i = 0; tb_column_categories[i]; i++) {
        if (tb_str_eq_c(name, tb_column_categories[i])) {
            return (enum tb_category)i;
        }
    }
    return TB_CATEGORY_ACTIVE;
}

/* By place when no column names one: first open, last done. Else a missing one is active. */
static enum tb_category category_by_place(bool any_named, size_t i, size_t n)
{
    if (any_named || (i > 0 && i + 1 < n)) {
        return TB_CATEGORY_ACTIVE;
    }
    return i + 1 == n ? TB_CATEGORY_DONE : TB_CATEGORY_OPEN;
}

struct placed {
    const struct tb_column_data *data;
    int64_t order;
    size_t at; /* place in the list */
};

static int by_order(const void *a, const void *b)
{
    const struct placed *x = a;
    const struct placed *y = b;
    if (x->order != y->order) {
        return x->order < y->order ? -1 : 1;
    }
    return (x->at > y->at) - (x->at < y->at);
}

static struct tb_column column_from(const struct tb_column_data *c, bool any_named, size_t i,
                                    size_t n)
{
    return (struct tb_column){
        .id = c->id,
        .name = tb_has(&c->p, TB_COL_NAME) ? c->name : c->id,
        .order = (int64_t)i,
        .color = tb_has(&c->p, TB_COL_COLOR) ? c->color : TB_STR_NULL,
        .category = tb_has(&c->p, TB_COL_CATEGORY) ? category_of(c->category)
                                                   : category_by_place(any_named, i, n),
        .wip_limit = tb_has(&c->p, TB_COL_WIP_LIMIT) ? c->wip_limit : 0,
    };
}

/* Sorted by the order given (place in the list where none is), numbered from 0. */
static bool build_columns(struct tb_draft *d, const struct tb_records *records,
                          struct tb_board *board)
{
    const struct tb_column_data *items = records->items;
    size_t n = records->n;
    struct placed *placed = TB_NEW_N(d->arena, struct placed, n);
    struct tb_column *columns = TB_NEW_N(d->arena, struct tb_column, n);
    if (!placed || !columns) {
        return false;
    }
    bool any_named = false;
    for (size_t i = 0; i < n; i++) {
        any_named = any_named || tb_has(&items[i].p, TB_COL_CATEGORY);
        bool given = tb_has(&items[i].p, TB_COL_ORDER);
        placed[i] = (struct placed){&items[i], given ? items[i].order : (int64_t)i, i};
    }
    if (n > 1) {
        qsort(placed, n, sizeof *placed, by_order);
    }
    for (size_t i = 0; i < n; i++) {
        columns[i] = column_from(placed[i].data, any_named, i, n);
    }
    board->columns = columns;
    board->ncolumns = n;
    return true;
}

static bool check_columns(struct tb_draft *d, const struct tb_board *board)
{
    bool done = false;
    if (board->ncolumns == 0) {
        return reject(d, TB_RULE_BOARD_COLUMNS, "columns", TB_LIT("the board has no columns"));
    }
    for (size_t i = 0; i < board->ncolumns; i++) {
        const struct tb_column *c = &board->columns[i];
        done = done || c->category == TB_CATEGORY_DONE;
        if (tb_board_column(board, c->id) != c) {
            return reject(d, TB_RULE_BOARD_COLUMN_TWICE, "columns",
                          TB_SAY(d, "column \"%.*s\" is there twice", TB_ARG(c->id)));
        }
    }
    return done ||
           reject(d, TB_RULE_BOARD_NO_DONE, "columns", TB_LIT("no column is of category done"));
}

static bool check_initial(struct tb_draft *d, const struct tb_board *board)
{
    const struct tb_column *initial = tb_board_column(board, board->initial_status);
    if (!initial) {
        return reject(
            d, TB_RULE_BOARD_INITIAL, "initial_status",
            TB_SAY(d, "initial_status \"%.*s\" is no column", TB_ARG(board->initial_status)));
    }
    return initial->category != TB_CATEGORY_DONE ||
           reject(d, TB_RULE_BOARD_INITIAL_DONE, "initial_status",
                  TB_SAY(d, "initial_status \"%.*s\" is a done column", TB_ARG(initial->id)));
}

/* ---- types and settings ---- */

static bool check_types(struct tb_draft *d, const struct tb_board *board)
{
    if (board->ticket_types.n == 0) {
        return reject(d, TB_RULE_BOARD_NO_TYPES, "ticket_types",
                      TB_LIT("the board has no ticket types"));
    }
    return tb_str_is_null(board->default_ticket_type) ||
           tb_strs_has(board->ticket_types, board->default_ticket_type) ||
           reject(d, TB_RULE_BOARD_DEFAULT_TYPE, "default_ticket_type",
                  TB_SAY(d, "default_ticket_type \"%.*s\" is none of ticket_types",
                         TB_ARG(board->default_ticket_type)));
}

static bool check_status_known(struct tb_draft *d, const struct tb_board *board, tb_str status)
{
    return tb_board_column(board, status) ||
           reject(d, TB_RULE_BOARD_TRANSITIONS, "settings.transitions",
                  TB_SAY(d, "transitions name \"%.*s\", which is no column", TB_ARG(status)));
}

static bool check_transitions(struct tb_draft *d, const struct tb_board *board)
{
    const struct tb_strings_map *map = &board->transitions;
    for (size_t i = 0; i < map->n; i++) {
        if (!check_status_known(d, board, map->keys[i])) {
            return false;
        }
        for (size_t j = 0; j < map->values[i].n; j++) {
            if (!check_status_known(d, board, map->values[i].items[j])) {
                return false;
            }
        }
    }
    return true;
}

static bool check_priorities(struct tb_draft *d, const struct tb_board *board)
{
    return tb_str_is_null(board->default_priority) || board->priorities.n == 0 ||
           tb_strs_has(board->priorities, board->default_priority) ||
           reject(d, TB_RULE_BOARD_PRIORITY, "settings.default_priority",
                  TB_SAY(d, "default_priority \"%.*s\" is none of priorities",
                         TB_ARG(board->default_priority)));
}

static bool is_admin_operation(tb_str name)
{
    for (int i = 0; tb_admin_operations[i]; i++) {
        if (tb_str_eq_c(name, tb_admin_operations[i])) {
            return true;
        }
    }
    return false;
}

static bool check_admin_operations(struct tb_draft *d, const struct tb_board *board)
{
    for (size_t i = 0; i < board->admin_on_blocked.n; i++) {
        tb_str name = board->admin_on_blocked.items[i];
        if (!is_admin_operation(name)) {
            return reject(d, TB_RULE_BOARD_ADMIN_OPERATION, "settings.admin_on_blocked",
                          TB_SAY(d, "\"%.*s\" is neither change_status nor resolve", TB_ARG(name)));
        }
    }
    return true;
}

static void take_settings(struct tb_board *board, const struct tb_settings_data *s)
{
    board->allow_reopen = !tb_has(&s->p, TB_SET_ALLOW_REOPEN) || s->allow_reopen;
    board->require_comment_on_status_change =
        tb_has(&s->p, TB_SET_REQUIRE_COMMENT) && s->require_comment_on_status_change;
    if (tb_has(&s->p, TB_SET_SEARCH_FORMULA)) {
        board->search_formula = s->search_formula;
    }
    board->search_weight_semantic =
        tb_has(&s->p, TB_SET_SEARCH_WEIGHT) ? s->search_weight_semantic : -1;
    board->similar_percent = tb_has(&s->p, TB_SET_SIMILAR) ? s->similar_percent : -1;
    if (tb_has(&s->p, TB_SET_TRANSITIONS)) {
        board->transitions = s->transitions;
    }
    if (tb_has(&s->p, TB_SET_PRIORITIES)) {
        board->priorities = s->priorities;
    }
    if (tb_has(&s->p, TB_SET_DEFAULT_PRIORITY)) {
        board->default_priority = s->default_priority;
    }
    if (tb_has(&s->p, TB_SET_ADMINS)) {
        board->admins = s->admins;
    }
    if (tb_has(&s->p, TB_SET_ADMIN_ON_BLOCKED)) {
        board->admin_on_blocked = s->admin_on_blocked;
    }
}

const struct tb_board *tb_board_build(struct tb_draft *d, const struct tb_board *before)
{
    static const struct tb_settings_data none = {.allow_reopen = true};
    const struct tb_board_put_data *data = d->cmd->data;
    struct tb_board *board = TB_NEW(d->arena, struct tb_board);
    if (!board || !build_columns(d, &data->columns, board)) {
        return NULL;
    }
    board->id = before ? before->id : d->ctx->board_id;
    board->workflow_id = d->cmd->subject;
    board->version = (before ? before->version : 0) + 1;
    board->name = data->name;
    board->ticket_types = data->ticket_types;
    board->default_ticket_type =
        tb_has(&data->p, TB_BOARD_DEFAULT_TICKET_TYPE) ? data->default_ticket_type : TB_STR_NULL;
    board->initial_status = data->initial_status;
    board->created_at = before ? before->created_at : d->at;
    board->updated_at = d->at;
    take_settings(board, tb_has(&data->p, TB_BOARD_SETTINGS) ? &data->settings : &none);
    bool good = check_columns(d, board) && check_initial(d, board) && check_types(d, board) &&
                check_transitions(d, board) && check_priorities(d, board) &&
                check_admin_operations(d, board);
    return good ? board : NULL;
}

enum tb_rc tb_board_from_put(const struct tb_board_put_data *data, struct tb_arena *arena,
                             struct tb_board *ret)
{
    const struct tb_command cmd = {.data = data};
    const struct tb_context ctx = {.now_us = 0};
    struct tb_draft d = {.arena = arena, .cmd = &cmd, .ctx = &ctx};
    const struct tb_board *board = tb_board_build(&d, NULL);
    if (!board) {
        return tb_arena_failed(arena) ? TB_ENOMEM : TB_EINVAL;
    }
    *ret = *board;
    return TB_OK;
}
