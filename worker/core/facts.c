#include "worker/core/facts.h"

void *tb_list_room(struct tb_arena *arena, void *items, size_t n, size_t *room, size_t size)
{
    if (n < *room) {
        return items;
    }
    size_t more = *room ? *room * 2 : 4;
    void *grown = tb_arena_array(arena, more, size);
    if (!grown) {
        return NULL;
    }
    if (n) {
        memcpy(grown, items, n * size);
    }
    *room = more;
    return grown;
}

bool tb_edge_list_add(struct tb_arena *arena, struct tb_edge_list *list, struct tb_edge edge)
{
    struct tb_edge *items = tb_list_room(arena, list->items, list->n, &list->room, sizeof *items);
    if (!items) {
        return false;
    }
    items[list->n++] = edge;
    list->items = items;
    return true;
}

size_t tb_edge_list_find(const struct tb_edge_list *list, tb_str depends_on, tb_str type,
                         bool *ret_found)
{
    size_t low = 0;
    size_t high = list->n;
    *ret_found = false;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = tb_str_cmp(list->items[mid].depends_on, depends_on);
        order = order ? order : tb_str_cmp(list->items[mid].type, type);
        if (order == 0) {
            *ret_found = true;
            return mid;
        }
        low = order < 0 ? mid + 1 : low;
        high = order < 0 ? high : mid;
    }
    return low;
}

bool tb_edge_list_insert(struct tb_arena *arena, struct tb_edge_list *list, struct tb_edge edge)
{
    bool found;
    size_t at = tb_edge_list_find(list, edge.depends_on, edge.type, &found);
    if (found) {
        return true;
    }
    if (!tb_edge_list_add(arena, list, edge)) {
        return false;
    }
    memmove(list->items + at + 1, list->items + at, (list->n - 1 - at) * sizeof *list->items);
    list->items[at] = edge;
    return true;
}

void tb_edge_list_remove(struct tb_edge_list *list, size_t at)
{
    list->n--;
    memmove(list->items + at, list->items + at + 1, (list->n - at) * sizeof *list->items);
}

bool tb_edge_blocks(const struct tb_edge *edge)
{
    return tb_str_eq_c(edge->type, TB_EDGE_BLOCKS);
}

struct tb_node *tb_world_node(const struct tb_world *w, tb_str id)
{
    return tb_map_get(&w->nodes, id);
}

struct tb_node *tb_world_make_node(struct tb_world *w, tb_str id)
{
    struct tb_node *node = tb_map_get(&w->nodes, id);
    if (node) {
        return node;
    }
    node = TB_NEW(w->arena, struct tb_node);
    if (!node || !tb_map_put(&w->nodes, id, node)) {
        return NULL;
    }
    node->id = id;
    return node;
}

struct tb_fact tb_world_fact(const struct tb_world *w, tb_str id)
{
    const struct tb_node *node = tb_world_node(w, id);
    if (node && node->ticket) {
        const struct tb_ticket *t = node->ticket;
        return (struct tb_fact){
            .exists = tb_ticket_exists(t),
            .is_resolved = tb_ticket_bool(t, TB_TICKET_IS_RESOLVED),
            .is_deleted = tb_ticket_bool(t, TB_TICKET_IS_DELETED),
            .workflow_id = tb_ticket_str(t, TB_TICKET_WORKFLOW_ID),
            .parent_ticket_id = tb_ticket_str(t, TB_TICKET_PARENT_TICKET_ID),
        };
    }
    if (node && node->ref) {
        return (struct tb_fact){
            .exists = true,
            .is_resolved = node->ref->is_resolved,
            .is_deleted = node->ref->is_deleted,
            .workflow_id = node->ref->workflow_id,
            .parent_ticket_id = node->ref->parent_ticket_id,
        };
    }
    return (struct tb_fact){.exists = false};
}

const struct tb_comment *tb_world_comment(const struct tb_world *w, tb_str id)
{
    return tb_map_get(&w->comments, id);
}

bool tb_node_has_commit(const struct tb_node *node, tb_str sha)
{
    return tb_strs_has((tb_strs){node->commits, node->ncommits}, sha);
}

int64_t tb_world_count(const struct tb_world *w, enum tb_count what, tb_str workflow_id, tb_str key)
{
    const struct tb_map *keys = tb_map_get(&w->counts[what], workflow_id);
    const int64_t *n = keys ? tb_map_get(keys, key) : NULL;
    return n ? *n : 0;
}

bool tb_world_count_add(struct tb_world *w, enum tb_count what, tb_str workflow_id, tb_str key,
                        int64_t by)
{
    struct tb_map *keys = tb_map_get(&w->counts[what], workflow_id);
    if (!keys) {
        keys = TB_NEW(w->arena, struct tb_map);
        if (!keys || !tb_map_put(&w->counts[what], workflow_id, keys)) {
            return false;
        }
        tb_map_init(keys, w->arena);
    }
    int64_t *n = tb_map_get(keys, key);
    if (!n) {
        n = TB_NEW(w->arena, int64_t);
        if (!n || !tb_map_put(keys, key, n)) {
            return false;
        }
    }
    *n += by;
    return true;
}
