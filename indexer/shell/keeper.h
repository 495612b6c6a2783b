/* The thread that proves, now and then, that index = database, and repairs it. */
#ifndef TB_INDEXER_SHELL_KEEPER_H
#define TB_INDEXER_SHELL_KEEPER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/base/err.h"
#include "common/config/config.h"
#include "indexer/embed/gates.h"

struct tb_keeper {
    const struct tb_config *cfg;
    struct tb_embed_gates *gates;
    const atomic_bool *stop;
    pthread_t thread;
    bool started;
};

/* Starts nothing when TICKETBUS_INDEX_PROOF_S is 0. cfg, gates and stop must outlive it. */
enum tb_rc tb_keeper_start(struct tb_keeper *k, const struct tb_config *cfg,
                           struct tb_embed_gates *gates, const atomic_bool *stop,
                           struct tb_error *err) TB_MUST_USE;
/* After stop is set. */
void tb_keeper_join(struct tb_keeper *k);

#endif
