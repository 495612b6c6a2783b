/* Walks over the loaded edges. Private to worker/core. */
#ifndef TB_WORKER_CORE_GRAPH_H
#define TB_WORKER_CORE_GRAPH_H

#include "worker/core/facts.h"

enum tb_walk {
    TB_WALK_FREE,  /* the target is not reached */
    TB_WALK_FOUND, /* it is; the path says how */
    TB_WALK_LIMIT, /* gave up after TB_MAX_CLOSURE steps */
    TB_WALK_NOMEM,
};

/* Whether target is reached from any of the sources along blocking edges; path: the ids from a
 * source to the target, the shortest one. */
enum tb_walk tb_graph_blocks(struct tb_world *w, const tb_str *sources, size_t nsources,
                             tb_str target, tb_strs *ret_path);

/* Whether target is parent or an ancestor of it; path: the ids from parent up to target. */
enum tb_walk tb_graph_ancestor(struct tb_world *w, tb_str parent, tb_str target, tb_strs *ret_path);

#endif
