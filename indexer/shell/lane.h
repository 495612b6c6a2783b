/* The threads that index: lanes. Each takes rounds from the one queue, with a connection, a store
 * and an embedding client of its own, so that while one waits for the model another writes. All ask
 * the model through one gate. What is to be done once (comparing, a second collection, telling)
 * the first lane does. */
#ifndef TB_INDEXER_SHELL_LANE_H
#define TB_INDEXER_SHELL_LANE_H

#include <pthread.h>
#include <stdatomic.h>

#include "indexer/embed/gates.h"
#include "indexer/shell/queue.h"
#include "indexer/shell/round.h"
#include "indexer/shell/second.h"
#include "indexer/shell/tally.h"

struct tb_lanes;

struct tb_lane {
    struct tb_lanes *lanes;
    size_t number;
    struct tb_indexer ix;
    struct tb_arena *arena;
    pthread_t thread;
    bool running;
    int64_t look_at_us;
    int64_t reconcile_at_us; /* of the first */
    enum tb_rc rc;
    struct tb_error err;
};

struct tb_lanes {
    /* Given. */
    const struct tb_config *cfg;
    struct tb_queue *queue;
    struct tb_embed_gates *gates;
    atomic_bool *stop; /* end after what is under way; set by a lane that cannot go on, too */
    const atomic_bool *give_up; /* and end what is under way */
    atomic_int *away;           /* how many of a lane's parts are waited for */
    atomic_bool *reconcile;     /* events may have been missed */
    /* Their own. */
    struct tb_lane lane[TB_LANES_MAX];
    size_t n;
    struct tb_second second; /* a collection that a reindex fills */
    struct tb_tally tally;
};

/* Starts TICKETBUS_INDEX_LANES of them. */
enum tb_rc tb_lanes_start(struct tb_lanes *l, struct tb_error *err) TB_MUST_USE;
/* After stop is set: waits so long for what is under way. False: some are still at it. */
bool tb_lanes_join(struct tb_lanes *l, int64_t wait_ms);
/* After all have ended. Returns what the first that failed ended with. */
enum tb_rc tb_lanes_close(struct tb_lanes *l, struct tb_error *err) TB_MUST_USE;

#endif
