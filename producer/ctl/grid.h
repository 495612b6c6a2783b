/* Tables of text: columns as wide as their contents, the last ones cut to the terminal's width. */
#ifndef TB_CTL_GRID_H
#define TB_CTL_GRID_H

#include "common/base/arena.h"
#include "producer/ctl/term.h"

#define CTL_GRID_MAX 12

struct ctl_grid {
    struct tb_arena *arena;
    const char *const *heads; /* titles, NULL-terminated */
    size_t ncolumns;
    struct ctl_cell {
        tb_str text;
        enum ctl_color color;
    } *cells;
    size_t ncells;
    size_t room;
};

void ctl_grid_init(struct ctl_grid *grid, struct tb_arena *arena, const char *const *heads);
/* Cells are added row by row, from the left; text must outlive the grid. Null shows "-". */
void ctl_grid_add(struct ctl_grid *grid, tb_str text, enum ctl_color color);
void ctl_grid_add_time(struct ctl_grid *grid, int64_t time_us);
void ctl_grid_add_int(struct ctl_grid *grid, int64_t value);
/* Nothing but the titles when there are no rows. */
void ctl_grid_render(const struct ctl_grid *grid, const struct ctl_term *term, tb_buf *out);

#endif
