#include "worker/shell/board_json.h"

#include "common/base/json_write.h"

#define JSON_MAX ((size_t)16 * 1024 * 1024)

static void columns_json(struct tb_json *w, const struct tb_board *board)
{
    static const char *const categories[] = {"open", "active", "done"};
    tb_json_open(w, '[');
    for (size_t i = 0; i < board->ncolumns; i++) {
        const struct tb_column *col = &board->columns[i];
        tb_json_open(w, '{');
        tb_json_key(w, "id");
        tb_json_string(w, col->id);
        tb_json_key(w, "name");
        tb_json_string(w, col->name);
        tb_json_key(w, "order");
        tb_json_int(w, col->order);
        if (!tb_str_is_null(col->color)) {
            tb_json_key(w, "color");
            tb_json_string(w, col->color);
        }
        tb_json_key(w, "category");
        tb_json_string(w, tb_str_of(categories[col->category]));
        if (col->wip_limit > 0) {
            tb_json_key(w, "wip_limit");
            tb_json_int(w, col->wip_limit);
        }
        tb_json_close(w, '}');
    }
    tb_json_close(w, ']');
}

static void list_setting(struct tb_json *w, const char *name, tb_strs list)
{
    if (list.n > 0) {
        tb_json_key(w, name);
        tb_json_strings(w, list);
    }
}

static void settings_json(struct tb_json *w, const struct tb_board *board)
{
    tb_json_open(w, '{');
    if (board->transitions.n > 0) {
        tb_json_key(w, "transitions");
        tb_json_open(w, '{');
        for (size_t i = 0; i < board->transitions.n; i++) {
            tb_json_key_str(w, board->transitions.keys[i]);
            tb_json_strings(w, board->transitions.values[i]);
        }
        tb_json_close(w, '}');
    }
    list_setting(w, "priorities", board->priorities);
    if (!tb_str_is_null(board->default_priority)) {
        tb_json_key(w, "default_priority");
        tb_json_string(w, board->default_priority);
    }
    list_setting(w, "admins", board->admins);
    list_setting(w, "admin_on_blocked", board->admin_on_blocked);
    tb_json_key(w, "require_comment_on_status_change");
    tb_json_bool(w, board->require_comment_on_status_change);
    tb_json_key(w, "allow_reopen");
    tb_json_bool(w, board->allow_reopen);
    if (!tb_str_is_null(board->search_formula)) {
        tb_json_key(w, "search_formula");
        tb_json_string(w, board->search_formula);
    }
    if (board->search_weight_semantic >= 0) {
        tb_json_key(w, "search_weight_semantic");
        tb_json_int(w, board->search_weight_semantic);
    }
    if (board->similar_percent >= 0) {
        tb_json_key(w, "similar_percent");
        tb_json_int(w, board->similar_percent);
    }
    tb_json_close(w, '}');
}

static tb_str render(struct tb_arena *arena, const struct tb_board *board,
                     void (*write)(struct tb_json *, const struct tb_board *))
{
    tb_buf buf;
    tb_buf_init(&buf, JSON_MAX);
    struct tb_json w = {.buf = &buf};
    write(&w, board);
    tb_str json = tb_buf_take(&buf, arena);
    tb_buf_dispose(&buf);
    return json;
}

tb_str tb_board_columns_json(const struct tb_board *board, struct tb_arena *arena)
{
    return render(arena, board, columns_json);
}

tb_str tb_board_settings_json(const struct tb_board *board, struct tb_arena *arena)
{
    return render(arena, board, settings_json);
}
