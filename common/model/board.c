#include "common/model/board.h"

const struct tb_column *tb_board_column(const struct tb_board *board, tb_str status)
{
    for (size_t i = 0; i < board->ncolumns; i++) {
        if (tb_str_eq(board->columns[i].id, status)) {
            return &board->columns[i];
        }
    }
    return NULL;
}

bool tb_board_has_wip(const struct tb_board *board)
{
    for (size_t i = 0; i < board->ncolumns; i++) {
        if (board->columns[i].wip_limit > 0) {
            return true;
        }
    }
    return false;
}
