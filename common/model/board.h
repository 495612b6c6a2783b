/* A workflow's board as the rules see it: one row of `board_configs`. */
#ifndef TB_MODEL_BOARD_H
#define TB_MODEL_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/model/schema.h"

enum tb_category { TB_CATEGORY_OPEN, TB_CATEGORY_ACTIVE, TB_CATEGORY_DONE };

struct tb_column {
    tb_str id; /* = ticket status */
    tb_str name;
    int64_t order;
    tb_str color; /* may be null */
    enum tb_category category;
    int64_t wip_limit; /* 0: none */
};

struct tb_board {
    tb_str id; /* board-<uuid> */
    tb_str workflow_id;
    int64_t version; /* number of board.updated events so far; 0: there is no board */
    tb_str name;
    const struct tb_column *columns; /* sorted by order */
    size_t ncolumns;
    tb_strs ticket_types;
    tb_str default_ticket_type; /* may be null */
    tb_str initial_status;
    struct tb_strings_map transitions;
    tb_strs priorities; /* empty: any */
    tb_str default_priority;
    tb_strs admins;
    tb_strs admin_on_blocked;
    bool require_comment_on_status_change;
    bool allow_reopen;
    tb_str search_formula;          /* score or rank; null: as configured */
    int64_t search_weight_semantic; /* percent; -1: as configured */
    int64_t similar_percent;        /* of a new ticket's duplicates; -1: as configured, 0: off */
    int64_t created_at;
    int64_t updated_at;
};

/* NULL when the board has no such column. */
const struct tb_column *tb_board_column(const struct tb_board *board, tb_str status);
/* Any column has a limit. */
bool tb_board_has_wip(const struct tb_board *board);

#endif
