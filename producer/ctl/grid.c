#include "producer/ctl/grid.h"

#include <string.h>

#define GAP       2
#define MIN_WIDTH 8 /* a column is not squeezed below this */

void ctl_grid_init(struct ctl_grid *grid, struct tb_arena *arena, const char *const *heads)
{
    *grid = (struct ctl_grid){.arena = arena, .heads = heads};
    while (heads[grid->ncolumns] && grid->ncolumns < CTL_GRID_MAX) {
        grid->ncolumns++;
    }
}

void ctl_grid_add(struct ctl_grid *grid, tb_str text, enum ctl_color color)
{
    if (grid->ncells == grid->room) {
        size_t room = grid->room ? grid->room * 2 : 64;
        struct ctl_cell *cells = TB_NEW_N(grid->arena, struct ctl_cell, room);
        if (!cells) {
            return;
        }
        if (grid->ncells) {
            memcpy(cells, grid->cells, grid->ncells * sizeof *cells);
        }
        grid->cells = cells;
        grid->room = room;
    }
    tb_str shown = tb_str_is_null(text) ? TB_LIT("-") : text;
    grid->cells[grid->ncells++] = (struct ctl_cell){shown, color};
}

void ctl_grid_add_time(struct ctl_grid *grid, int64_t time_us)
{
    tb_buf buf;
    tb_buf_init(&buf, 64);
    ctl_time_add(&buf, time_us);
    ctl_grid_add(grid, tb_buf_take(&buf, grid->arena), CTL_PLAIN);
    tb_buf_dispose(&buf);
}

void ctl_grid_add_int(struct ctl_grid *grid, int64_t value)
{
    ctl_grid_add(grid, tb_arena_printf(grid->arena, "%lld", (long long)value), CTL_PLAIN);
}

/* The widest column gives way first, until all fit. */
static void squeeze(size_t *widths, size_t n, size_t limit)
{
    for (;;) {
        size_t total = n ? GAP * (n - 1) : 0;
        size_t widest = 0;
        for (size_t i = 0; i < n; i++) {
            total += widths[i];
            widest = widths[i] > widths[widest] ? i : widest;
        }
        if (total <= limit || widths[widest] <= MIN_WIDTH) {
            return;
        }
        size_t over = total - limit;
        size_t give = widths[widest] - MIN_WIDTH;
        widths[widest] -= over < give ? over : give;
    }
}

static void render_row(const struct ctl_grid *grid, const struct ctl_term *term,
                       const struct ctl_cell *row, const size_t *widths, tb_buf *out)
{
    for (size_t c = 0; c < grid->ncolumns; c++) {
        bool last = c + 1 == grid->ncolumns;
        ctl_text_cell(out, term, row[c].color, row[c].text, term->width ? widths[c] : 0,
                      last ? 0 : widths[c] + GAP);
    }
    tb_buf_add_char(out, '\n');
}

void ctl_grid_render(const struct ctl_grid *grid, const struct ctl_term *term, tb_buf *out)
{
    size_t widths[CTL_GRID_MAX] = {0};
    struct ctl_cell heads[CTL_GRID_MAX];
    for (size_t c = 0; c < grid->ncolumns; c++) {
        heads[c] = (struct ctl_cell){tb_str_of(grid->heads[c]), CTL_DIM};
        widths[c] = strlen(grid->heads[c]);
    }
    for (size_t i = 0; grid->ncolumns && i < grid->ncells; i++) {
        size_t w = ctl_text_width(grid->cells[i].text);
        size_t c = i % grid->ncolumns;
        widths[c] = w > widths[c] ? w : widths[c];
    }
    if (term->width) {
        squeeze(widths, grid->ncolumns, term->width);
    }
    render_row(grid, term, heads, widths, out);
    for (size_t i = 0; i + grid->ncolumns <= grid->ncells; i += grid->ncolumns) {
        render_row(grid, term, grid->cells + i, widths, out);
    }
}
