#include "producer/ctl/plan_order.h"

#include <string.h>

bool ctl_order_init(struct ctl_order *order, size_t n, struct tb_arena *arena)
{
    *order = (struct ctl_order){.arena = arena, .n = n};
    tb_map_init(&order->names, arena);
    order->nodes = TB_NEW_N(arena, struct ctl_order_node, n);
    order->stack = TB_NEW_N(arena, size_t, n + 1);
    for (size_t i = 0; order->nodes && i < n; i++) {
        order->nodes[i].parent = CTL_ORDER_NONE;
    }
    return order->nodes && order->stack;
}

bool ctl_order_name(struct ctl_order *order, size_t node, tb_str name)
{
    return tb_map_put(&order->names, name, &order->nodes[node]);
}

size_t ctl_order_find(const struct ctl_order *order, tb_str name)
{
    const struct ctl_order_node *node = tb_map_get(&order->names, name);
    return node ? (size_t)(node - order->nodes) : CTL_ORDER_NONE;
}

bool ctl_order_parent(struct ctl_order *order, size_t node, size_t parent)
{
    for (size_t at = parent; at != CTL_ORDER_NONE; at = order->nodes[at].parent) {
        if (at == node) {
            return false;
        }
    }
    order->nodes[node].parent = parent;
    return true;
}

/* Whether from can be reached from start along blockers. */
static bool reaches(struct ctl_order *order, size_t start, size_t from)
{
    size_t depth = 0;
    order->walk++;
    order->stack[depth++] = start;
    order->nodes[start].mark = order->walk;
    while (depth) {
        size_t at = order->stack[--depth];
        if (at == from) {
            return true;
        }
        for (size_t i = 0; i < order->nodes[at].nblockers; i++) {
            size_t next = order->nodes[at].blockers[i];
            if (order->nodes[next].mark != order->walk) {
                order->nodes[next].mark = order->walk;
                order->stack[depth++] = next;
            }
        }
    }
    return false;
}

bool ctl_order_block(struct ctl_order *order, size_t node, size_t blocker)
{
    if (node == blocker || reaches(order, blocker, node)) {
        return false;
    }
    struct ctl_order_node *o = &order->nodes[node];
    if (o->nblockers == o->room) {
        size_t room = o->room ? o->room * 2 : 4;
        size_t *blockers = TB_NEW_N(order->arena, size_t, room);
        if (!blockers) {
            return true; /* the arena remembers */
        }
        if (o->nblockers) {
            memcpy(blockers, o->blockers, o->nblockers * sizeof *blockers);
        }
        o->blockers = blockers;
        o->room = room;
    }
    o->blockers[o->nblockers++] = blocker;
    return true;
}

/* What must come before a node: its parent at index 0, then its blockers. */
static size_t before(const struct ctl_order *order, size_t node, size_t index)
{
    const struct ctl_order_node *o = &order->nodes[node];
    return index == 0 ? o->parent : index <= o->nblockers ? o->blockers[index - 1] : CTL_ORDER_NONE;
}

enum { FRESH, ON_THE_WAY, DONE };

/* Depth first. Parents and blockers together may form a ring (an epic that waits for its child): an
 * edge back into the way is passed over here and the parents put right afterwards. */
static void rank_from(struct ctl_order *order, size_t start)
{
    size_t depth = 0;
    order->stack[depth++] = start;
    order->nodes[start].state = ON_THE_WAY;
    while (depth) {
        size_t at = order->stack[depth - 1];
        struct ctl_order_node *o = &order->nodes[at];
        if (o->next > o->nblockers) {
            o->state = DONE;
            depth--;
            continue;
        }
        size_t other = before(order, at, o->next);
        if (other == CTL_ORDER_NONE || order->nodes[other].state == ON_THE_WAY) {
            o->next++;
        } else if (order->nodes[other].state == FRESH) {
            order->nodes[other].state = ON_THE_WAY;
            order->stack[depth++] = other;
        } else {
            size_t rank = order->nodes[other].rank + 1;
            o->rank = rank > o->rank ? rank : o->rank;
            o->next++;
        }
    }
}

static size_t generation(const struct ctl_order *order, size_t node)
{
    size_t n = 0;
    for (size_t at = order->nodes[node].parent; at != CTL_ORDER_NONE;
         at = order->nodes[at].parent) {
        n++;
    }
    return n;
}

bool ctl_order_ranks(struct ctl_order *order)
{
    size_t *generations = TB_NEW_N(order->arena, size_t, order->n);
    size_t oldest = 0;
    for (size_t i = 0; generations && i < order->n; i++) {
        if (order->nodes[i].state == FRESH) {
            rank_from(order, i);
        }
        generations[i] = generation(order, i);
        oldest = generations[i] > oldest ? generations[i] : oldest;
    }
    for (size_t g = 1; generations && g <= oldest; g++) {
        for (size_t i = 0; i < order->n; i++) {
            struct ctl_order_node *o = &order->nodes[i];
            if (generations[i] == g && o->rank <= order->nodes[o->parent].rank) {
                o->rank = order->nodes[o->parent].rank + 1;
            }
        }
    }
    return generations != NULL;
}
