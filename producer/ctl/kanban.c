#include "producer/ctl/kanban.h"

#include <string.h>

#define GAP            2
#define LANE_MIN       22
#define LANE_MAX       44
#define TITLE_LINES    2
#define LINES_PER_CARD (TITLE_LINES + 2)

struct piece {
    tb_str text;
    enum ctl_color color;
};

static tb_str lane_title(const struct ctl_lane *lane, struct tb_arena *arena)
{
    return lane->wip_limit
               ? tb_arena_printf(arena, "%.*s %lld/%lld", TB_ARG(lane->name),
                                 (long long)lane->count, (long long)lane->wip_limit)
               : tb_arena_printf(arena, "%.*s %lld", TB_ARG(lane->name), (long long)lane->count);
}

static enum ctl_color lane_color(const struct ctl_lane *lane)
{
    bool full = lane->wip_limit && lane->count >= lane->wip_limit;
    return full ? CTL_RED : lane->color == CTL_PLAIN ? CTL_BOLD : lane->color;
}

static tb_str more_line(const struct ctl_lane *lane, struct tb_arena *arena)
{
    return tb_arena_printf(arena, "... %lld more",
                           (long long)lane->count - (long long)lane->ncards);
}

/* ---- below each other ---- */

static void render_list(const struct ctl_lane *lane, const struct ctl_term *term,
                        struct tb_arena *arena, tb_buf *out)
{
    ctl_text_cell(out, term, lane_color(lane), lane_title(lane, arena), 0, 0);
    tb_buf_add_char(out, '\n');
    for (size_t i = 0; i < lane->ncards; i++) {
        const struct ctl_card *c = &lane->cards[i];
        tb_buf_add_c(out, "  ");
        ctl_text_cell(out, term, CTL_CYAN, c->id, 0, 0);
        tb_buf_add_c(out, "  ");
        (void)ctl_text_add(out, c->priority, 0);
        tb_buf_add_c(out, c->blocked ? "  [blocked] " : "  ");
        (void)ctl_text_add(out, c->title, 0);
        if (c->assignee.len) {
            tb_buf_add_c(out, "  @");
            (void)ctl_text_add(out, c->assignee, 0);
        }
        tb_buf_add_char(out, '\n');
    }
    if (lane->count > (int64_t)lane->ncards) {
        tb_buf_add_c(out, "  ");
        tb_buf_add_str(out, more_line(lane, arena));
        tb_buf_add_char(out, '\n');
    }
}

/* ---- side by side ---- */

/* The title cut at words into at most TITLE_LINES lines; returns how many. */
static size_t title_lines(const struct ctl_card *card, size_t width, struct tb_arena *arena,
                          struct piece *lines)
{
    tb_buf wrapped;
    tb_buf_init(&wrapped, 20000);
    ctl_text_wrap(&wrapped, card->title, width, "");
    tb_str all = tb_buf_take(&wrapped, arena);
    tb_buf_dispose(&wrapped);
    size_t n = 0;
    for (size_t start = 0; start < all.len && n < TITLE_LINES; n++) {
        const char *end = memchr(all.ptr + start, '\n', all.len - start);
        size_t len = end ? (size_t)(end - all.ptr) - start : all.len - start;
        bool last = n + 1 == TITLE_LINES && start + len + 1 < all.len;
        tb_str line = {all.ptr + start, len};
        if (last) {
            line = tb_arena_printf(arena, "%.*s …", TB_ARG(line));
        }
        lines[n] = (struct piece){line, CTL_PLAIN};
        start += len + 1;
    }
    return n;
}

static size_t card_lines(const struct ctl_card *card, size_t width, struct tb_arena *arena,
                         struct piece *lines)
{
    lines[0] =
        (struct piece){tb_arena_printf(arena, "%.*s %.*s%s", TB_ARG(card->id),
                                       TB_ARG(card->priority), card->blocked ? " blocked" : ""),
                       card->blocked ? CTL_RED : CTL_CYAN};
    size_t n = 1 + title_lines(card, width, arena, lines + 1);
    if (card->assignee.len) {
        lines[n++] =
            (struct piece){tb_arena_printf(arena, "@%.*s", TB_ARG(card->assignee)), CTL_GREEN};
    }
    return n;
}

/* All lines of a lane; *ret_n of them. */
static struct piece *lane_lines(const struct ctl_lane *lane, size_t width, struct tb_arena *arena,
                                size_t *ret_n)
{
    struct piece *lines = TB_NEW_N(arena, struct piece, 3 + lane->ncards * (LINES_PER_CARD + 1));
    size_t n = 0;
    *ret_n = 0;
    if (!lines) {
        return NULL;
    }
    lines[n++] = (struct piece){lane_title(lane, arena), lane_color(lane)};
    char *rule = tb_arena_alloc(arena, width + 1);
    if (rule) {
        memset(rule, '-', width);
        lines[n++] = (struct piece){{rule, width}, CTL_DIM};
    }
    for (size_t i = 0; i < lane->ncards; i++) {
        n += card_lines(&lane->cards[i], width, arena, lines + n);
        lines[n++] = (struct piece){TB_LIT(""), CTL_PLAIN};
    }
    if (lane->count > (int64_t)lane->ncards) {
        lines[n++] = (struct piece){more_line(lane, arena), CTL_DIM};
    }
    *ret_n = n;
    return lines;
}

static void render_band(const struct ctl_lane *lanes, size_t n, size_t width,
                        const struct ctl_term *term, struct tb_arena *arena, tb_buf *out)
{
    struct piece **lines = TB_NEW_N(arena, struct piece *, n);
    size_t *counts = TB_NEW_N(arena, size_t, n);
    size_t rows = 0;
    for (size_t i = 0; lines && counts && i < n; i++) {
        lines[i] = lane_lines(&lanes[i], width, arena, &counts[i]);
        rows = counts[i] > rows ? counts[i] : rows;
    }
    for (size_t row = 0; row < rows; row++) {
        size_t behind = 0; /* blanks owed before the next text: none at a line's end */
        for (size_t i = 0; i < n; i++) {
            if (row >= counts[i] || lines[i][row].text.len == 0) {
                behind += width + GAP;
                continue;
            }
            for (; behind; behind--) {
                tb_buf_add_char(out, ' ');
            }
            size_t before = ctl_text_width(lines[i][row].text);
            ctl_text_cell(out, term, lines[i][row].color, lines[i][row].text, width, 0);
            behind = width + GAP - (before < width ? before : width);
        }
        tb_buf_add_char(out, '\n');
    }
}

void ctl_kanban_render(const struct ctl_lane *lanes, size_t n, const struct ctl_term *term,
                       struct tb_arena *arena, tb_buf *out)
{
    if (term->width < LANE_MIN) {
        for (size_t i = 0; i < n; i++) {
            render_list(&lanes[i], term, arena, out);
        }
        return;
    }
    size_t fit = (term->width + GAP) / (LANE_MIN + GAP);
    size_t bands = fit ? (n + fit - 1) / fit : n;
    size_t per_band = bands ? (n + bands - 1) / bands : 1;
    size_t width = per_band ? (term->width + GAP) / per_band - GAP : LANE_MAX;
    width = width > LANE_MAX ? LANE_MAX : width;
    for (size_t i = 0; i < n; i += per_band) {
        size_t here = n - i < per_band ? n - i : per_band;
        render_band(lanes + i, here, width, term, arena, out);
    }
}
