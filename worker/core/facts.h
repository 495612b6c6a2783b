/* Inside of the world: what is known of each ticket id, and lists that grow in an arena.
 * Private to worker/core. */
#ifndef TB_WORKER_CORE_FACTS_H
#define TB_WORKER_CORE_FACTS_H

#include "common/base/map.h"
#include "worker/core/world.h"

struct tb_edge_list {
    struct tb_edge *items;
    size_t n;
    size_t room;
};

/* Everything known of one ticket id. */
struct tb_node {
    tb_str id;
    struct tb_ticket *ticket; /* the world's copy; NULL: neither added nor created */
    const struct tb_ref *ref; /* NULL: not referred to, or not there */
    struct tb_edge_list out;  /* what it depends on, in order */
    struct tb_edge_list in;   /* what depends on it, as it came */
    tb_str *commits;          /* hashes known to be linked */
    size_t ncommits;
    size_t room_commits;
    /* Walks (graph.c, edges.c): reached by the walk numbered mark, from where, and the queue. */
    size_t mark;
    struct tb_node *from;
    struct tb_node *next;
};

struct tb_world {
    struct tb_arena *arena;
    struct tb_map nodes;                     /* ticket id -> struct tb_node */
    struct tb_map boards;                    /* workflow id -> struct tb_board */
    struct tb_map comments;                  /* comment id -> struct tb_comment */
    struct tb_map counts[TB_COUNT_TYPE + 1]; /* workflow id -> struct tb_map: key -> int64_t */
    size_t walk;                             /* number of the last walk */
};

/* Items with room for one more; NULL when the arena is exhausted (the list is then as before). */
void *tb_list_room(struct tb_arena *arena, void *items, size_t n, size_t *room, size_t size);
bool tb_edge_list_add(struct tb_arena *arena, struct tb_edge_list *list, struct tb_edge edge);
/* For the edges of one ticket, kept in order of depends_on and type, so that no decision depends on
 * the order they were loaded in: where the edge is, or belongs. */
size_t tb_edge_list_find(const struct tb_edge_list *list, tb_str depends_on, tb_str type,
                         bool *ret_found);
/* The same list: adds unless it is there; false when the arena is exhausted. */
bool tb_edge_list_insert(struct tb_arena *arena, struct tb_edge_list *list, struct tb_edge edge);
void tb_edge_list_remove(struct tb_edge_list *list, size_t at);
bool tb_edge_blocks(const struct tb_edge *edge);

/* NULL when nothing is known of the id. */
struct tb_node *tb_world_node(const struct tb_world *w, tb_str id);
/* Made when absent; NULL when the arena is exhausted. */
struct tb_node *tb_world_make_node(struct tb_world *w, tb_str id);

/* What the rules ask about another ticket; the batch's own state wins over what was loaded. */
struct tb_fact {
    bool exists;
    bool is_resolved;
    bool is_deleted;
    tb_str workflow_id;
    tb_str parent_ticket_id;
};
struct tb_fact tb_world_fact(const struct tb_world *w, tb_str id);

const struct tb_comment *tb_world_comment(const struct tb_world *w, tb_str id);
bool tb_node_has_commit(const struct tb_node *node, tb_str sha);
/* 0 when never set. */
int64_t tb_world_count(const struct tb_world *w, enum tb_count what, tb_str workflow_id,
                       tb_str key);
/* Adds to a count; false when the arena is exhausted. */
bool tb_world_count_add(struct tb_world *w, enum tb_count what, tb_str workflow_id, tb_str key,
                        int64_t by);

#endif
