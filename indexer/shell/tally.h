/* What all lanes have done: each counts for itself, here it becomes visible to others. */
#ifndef TB_INDEXER_SHELL_TALLY_H
#define TB_INDEXER_SHELL_TALLY_H

#include <pthread.h>

#include "indexer/shell/round.h"

#define TB_LANES_MAX 16 /* as the settings table says */

struct tb_tally {
    pthread_mutex_t lock;
    struct {
        struct tb_round_stats stats;
        struct tb_embed_stats embed;
    } lane[TB_LANES_MAX];
    struct tb_round_stats told;
    int64_t told_at_us;
};

enum tb_rc tb_tally_init(struct tb_tally *t, struct tb_error *err) TB_MUST_USE;
void tb_tally_dispose(struct tb_tally *t);
/* A lane's counts, after each of its rounds and in its own thread: sets the metrics. */
void tb_tally_take(struct tb_tally *t, size_t lane, const struct tb_indexer *ix);
/* Says in the log now and then what was done. One thread. */
void tb_tally_tell(struct tb_tally *t);
/* Tickets indexed so far. */
uint64_t tb_tally_tickets(struct tb_tally *t);

#endif
