/* A Kanban board as text: columns side by side where the width allows, else below each other. Pure.
 */
#ifndef TB_CTL_KANBAN_H
#define TB_CTL_KANBAN_H

#include <stdint.h>

#include "common/base/arena.h"
#include "producer/ctl/term.h"

struct ctl_card {
    tb_str id; /* as shown */
    tb_str title;
    tb_str priority;
    tb_str assignee; /* may be null */
    bool blocked;
};

struct ctl_lane {
    tb_str name;
    enum ctl_color color;
    int64_t count;     /* tickets in the column, shown or not */
    int64_t wip_limit; /* 0: none */
    const struct ctl_card *cards;
    size_t ncards;
};

/* term->width 0 (no terminal): one lane below the other, a line per card. */
void ctl_kanban_render(const struct ctl_lane *lanes, size_t n, const struct ctl_term *term,
                       struct tb_arena *arena, tb_buf *out);

#endif
