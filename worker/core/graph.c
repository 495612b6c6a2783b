#include "worker/core/graph.h"

#include "common/model/limits.h"

/* A breadth-first walk: nodes are queued once, by their mark. */
struct queue {
    struct tb_node *head;
    struct tb_node *tail;
};

static void reach(struct tb_world *w, struct queue *q, struct tb_node *node, struct tb_node *from)
{
    if (!node || node->mark == w->walk) {
        return;
    }
    node->mark = w->walk;
    node->from = from;
    node->next = NULL;
    if (q->tail) {
        q->tail->next = node;
    } else {
        q->head = node;
    }
    q->tail = node;
}

static enum tb_walk path_to(struct tb_world *w, const struct tb_node *end, tb_strs *ret_path)
{
    size_t n = 0;
    for (const struct tb_node *node = end; node; node = node->from) {
        n++;
    }
    tb_str *ids = TB_NEW_N(w->arena, tb_str, n);
    if (!ids) {
        return TB_WALK_NOMEM;
    }
    *ret_path = (tb_strs){ids, n};
    for (const struct tb_node *node = end; node; node = node->from) {
        ids[--n] = node->id;
    }
    return TB_WALK_FOUND;
}

enum tb_walk tb_graph_blocks(struct tb_world *w, const tb_str *sources, size_t nsources,
                             tb_str target, tb_strs *ret_path)
{
    struct queue q = {NULL, NULL};
    w->walk++;
    for (size_t i = 0; i < nsources; i++) {
        reach(w, &q, tb_world_node(w, sources[i]), NULL);
    }
    size_t steps = 0;
    for (struct tb_node *node = q.head; node; node = node->next) {
        if (tb_str_eq(node->id, target)) {
            return path_to(w, node, ret_path);
        }
        for (size_t i = 0; i < node->out.n; i++) {
            if (++steps > TB_MAX_CLOSURE) {
                return TB_WALK_LIMIT;
            }
            if (tb_edge_blocks(&node->out.items[i])) {
                reach(w, &q, tb_world_node(w, node->out.items[i].depends_on), node);
            }
        }
    }
    return TB_WALK_FREE;
}

enum tb_walk tb_graph_ancestor(struct tb_world *w, tb_str parent, tb_str target, tb_strs *ret_path)
{
    w->walk++;
    struct tb_node *from = NULL;
    tb_str id = parent;
    for (size_t steps = 0; !tb_str_is_null(id); steps++) {
        struct tb_node *node = tb_world_node(w, id);
        if (!node || node->mark == w->walk) {
            return TB_WALK_FREE;
        }
        if (steps >= TB_MAX_CLOSURE) {
            return TB_WALK_LIMIT;
        }
        node->mark = w->walk;
        node->from = from;
        if (tb_str_eq(id, target)) {
            return path_to(w, node, ret_path);
        }
        from = node;
        id = tb_world_fact(w, id).parent_ticket_id;
    }
    return TB_WALK_FREE;
}
