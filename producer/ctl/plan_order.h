/* The graph behind an import: who is whose parent, who waits for whom; keeps both free of cycles
 * and ranks the tickets. Pure. */
#ifndef TB_CTL_PLAN_ORDER_H
#define TB_CTL_PLAN_ORDER_H

#include "common/base/map.h"

#define CTL_ORDER_NONE ((size_t)-1)

struct ctl_order_node {
    size_t parent;    /* CTL_ORDER_NONE */
    size_t *blockers; /* in the arena */
    size_t nblockers;
    size_t room;
    size_t rank;
    size_t mark;  /* of the last walk that came by */
    size_t state; /* while ranking: not seen, on the way, done */
    size_t next;  /* while ranking: blocker to look at next */
};

struct ctl_order {
    struct tb_arena *arena;
    struct ctl_order_node *nodes;
    size_t n;
    struct tb_map names;
    size_t *stack;
    size_t walk;
};

bool ctl_order_init(struct ctl_order *order, size_t n, struct tb_arena *arena) TB_MUST_USE;
bool ctl_order_name(struct ctl_order *order, size_t node, tb_str name) TB_MUST_USE;
/* CTL_ORDER_NONE when no node has the name. */
size_t ctl_order_find(const struct ctl_order *order, tb_str name);
/* False, and nothing changed, when it would close a cycle. */
bool ctl_order_parent(struct ctl_order *order, size_t node, size_t parent);
bool ctl_order_block(struct ctl_order *order, size_t node, size_t blocker);
/* Ranks: above the parent's always, above the blockers' where parents leave the choice. */
bool ctl_order_ranks(struct ctl_order *order) TB_MUST_USE;

#endif
