/* The JSON columns of board_configs. */
#ifndef TB_WORKER_SHELL_BOARD_JSON_H
#define TB_WORKER_SHELL_BOARD_JSON_H

#include "common/base/arena.h"
#include "common/model/board.h"

/* Null when the arena is exhausted. */
tb_str tb_board_columns_json(const struct tb_board *board, struct tb_arena *arena);
tb_str tb_board_settings_json(const struct tb_board *board, struct tb_arena *arena);

#endif
