/* Shared by load.c (what is asked) and load_take.c (what is made of the answers). */
#ifndef TB_WORKER_SHELL_LOAD_INTERNAL_H
#define TB_WORKER_SHELL_LOAD_INTERNAL_H

#include "worker/shell/keys.h"
#include "worker/shell/worker.h"

struct tb_loading;
/* Takes the rows of one statement into the batch. */
typedef enum tb_rc tb_take_fn(struct tb_loading *l, const struct tb_pg_result *r,
                              struct tb_error *err);

#define TB_LOAD_STEPS 20

struct tb_loading {
    struct tb_worker *w;
    struct tb_batch *b;
    struct tb_keys *keys;
    tb_take_fn *steps[TB_LOAD_STEPS];
    int nsteps;
    struct tb_map entered_shared; /* workflow ids entered under a shared lock, to non-NULL */
};

tb_take_fn tb_take_nothing;
tb_take_fn tb_take_watermarks;
tb_take_fn tb_take_board_locks;
tb_take_fn tb_take_tickets;
tb_take_fn tb_take_boards;
tb_take_fn tb_take_seen;
tb_take_fn tb_take_parked;
tb_take_fn tb_take_waiters;
tb_take_fn tb_take_refs;
tb_take_fn tb_take_edges;
tb_take_fn tb_take_closure;
tb_take_fn tb_take_comments;
tb_take_fn tb_take_commits;
tb_take_fn tb_take_wip;
tb_take_fn tb_take_usage;

#endif
