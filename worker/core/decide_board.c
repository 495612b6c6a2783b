/* board.put: the whole board at once, with a version of its own. */
#include "worker/core/decide.h"

#define SHOWN_IDS 10 /* most ids a message lists */

static bool columns_eq(const struct tb_board *a, const struct tb_board *b)
{
    if (a->ncolumns != b->ncolumns) {
        return false;
    }
    for (size_t i = 0; i < a->ncolumns; i++) {
        const struct tb_column *x = &a->columns[i];
        const struct tb_column *y = &b->columns[i];
        if (!tb_str_eq(x->id, y->id) || !tb_str_eq(x->name, y->name) || x->order != y->order ||
            !tb_str_eq(x->color, y->color) || x->category != y->category ||
            x->wip_limit != y->wip_limit) {
            return false;
        }
    }
    return true;
}

/* An object's members have no order. */
static bool transitions_eq(const struct tb_strings_map *a, const struct tb_strings_map *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        size_t j = 0;
        while (j < b->n && !tb_str_eq(a->keys[i], b->keys[j])) {
            j++;
        }
        if (j == b->n || !tb_strs_eq(a->values[i], b->values[j])) {
            return false;
        }
    }
    return true;
}

static bool board_eq(const struct tb_board *a, const struct tb_board *b)
{
    return tb_str_eq(a->name, b->name) && columns_eq(a, b) &&
           tb_strs_eq(a->ticket_types, b->ticket_types) &&
           tb_str_eq(a->default_ticket_type, b->default_ticket_type) &&
           tb_str_eq(a->initial_status, b->initial_status) &&
           transitions_eq(&a->transitions, &b->transitions) &&
           tb_strs_eq(a->priorities, b->priorities) &&
           tb_str_eq(a->default_priority, b->default_priority) &&
           tb_strs_eq(a->admins, b->admins) &&
           tb_strs_eq(a->admin_on_blocked, b->admin_on_blocked) &&
           a->require_comment_on_status_change == b->require_comment_on_status_change &&
           tb_str_eq(a->search_formula, b->search_formula) &&
           a->search_weight_semantic == b->search_weight_semantic &&
           a->similar_percent == b->similar_percent && a->allow_reopen == b->allow_reopen;
}

/* Ids of the list that tickets use and the new board drops, each with its count. */
struct in_use {
    tb_str *texts;
    size_t n;
};

static void note_use(struct tb_draft *d, struct in_use *use, enum tb_count what, tb_str key)
{
    int64_t n = tb_world_count(d->w, what, d->cmd->subject, key);
    if (n > 0 && use->texts) {
        use->texts[use->n++] = TB_SAY(d, "%.*s (%lld)", TB_ARG(key), (long long)n);
    }
}

static bool refuse_use(struct tb_draft *d, const struct in_use *use, enum tb_rule rule,
                       const char *field)
{
    tb_str list = tb_say_list(d->arena, (tb_strs){use->texts, use->n}, SHOWN_IDS, ", ");
    return use->n == 0 ||
           tb_draft_reject(d, rule, field,
                           TB_SAY(d, "tickets use what would go: %.*s", TB_ARG(list)));
}

/* "put board that would drop an occupied column or a used type is refused with counts". */
static bool check_use(struct tb_draft *d, const struct tb_board *before,
                      const struct tb_board *board)
{
    struct in_use columns = {TB_NEW_N(d->arena, tb_str, before->ncolumns), 0};
    for (size_t i = 0; i < before->ncolumns; i++) {
        if (!tb_board_column(board, before->columns[i].id)) {
            note_use(d, &columns, TB_COUNT_STATUS, before->columns[i].id);
        }
    }
    struct in_use types = {TB_NEW_N(d->arena, tb_str, before->ticket_types.n), 0};
    for (size_t i = 0; i < before->ticket_types.n; i++) {
        if (!tb_strs_has(board->ticket_types, before->ticket_types.items[i])) {
            note_use(d, &types, TB_COUNT_TYPE, before->ticket_types.items[i]);
        }
    }
    return refuse_use(d, &columns, TB_RULE_BOARD_STATUS_IN_USE, "columns") &&
           refuse_use(d, &types, TB_RULE_BOARD_TYPE_IN_USE, "ticket_types");
}

static bool check_version(struct tb_draft *d, int64_t version)
{
    return d->cmd->expected_version == TB_EXPECTED_NONE || d->cmd->expected_version == version ||
           tb_draft_reject(d, TB_RULE_BOARD_VERSION, "expectedversion",
                           TB_SAY(d, "version %lld was expected and the board is at %lld",
                                  (long long)d->cmd->expected_version, (long long)version));
}

static void emit(struct tb_draft *d, const struct tb_board *before, const struct tb_board *board)
{
    struct tb_change *change = TB_NEW(d->arena, struct tb_change);
    if (!change) {
        return;
    }
    *change = (struct tb_change){
        .event = TB_EVENT_BOARD_PUT,
        .board_before = before,
        .board = board,
        .agent_id = d->agent,
        .at = d->at,
        .description = before ? TB_LIT("board replaced") : TB_LIT("board made"),
    };
    d->changes = change;
    d->nchanges = 1;
}

bool tb_decide_board_put(struct tb_draft *d)
{
    const struct tb_board *before = tb_world_board(d->w, d->cmd->subject);
    if (!check_version(d, before ? before->version : 0)) {
        return false;
    }
    const struct tb_board *board = tb_board_build(d, before);
    if (!board || (before && (board_eq(before, board) || !check_use(d, before, board)))) {
        return false;
    }
    emit(d, before, board);
    return true;
}
