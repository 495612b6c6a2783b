/* The one pace at which all threads of a program ask an embedding service. Thread-safe. */
#ifndef TB_INDEXER_EMBED_GATE_H
#define TB_INDEXER_EMBED_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/base/err.h"
#include "indexer/core/pace.h"

struct tb_embed_gate {
    pthread_mutex_t lock;
    pthread_cond_t ended; /* a request has; on CLOCK_MONOTONIC */
    struct tb_pace pace;
};

enum tb_rc tb_embed_gate_init(struct tb_embed_gate *g, const struct tb_pace_limits *limits,
                              struct tb_error *err) TB_MUST_USE;
void tb_embed_gate_dispose(struct tb_embed_gate *g);

/* Whether a request of so many tokens may begin; with `wait`, as soon as it may. False: not now, or
 * stopped. */
bool tb_embed_gate_begin(struct tb_embed_gate *g, int64_t tokens, bool wait,
                         const atomic_bool *stop);
void tb_embed_gate_end(struct tb_embed_gate *g, int64_t began_us, enum tb_pace_end how,
                       int64_t wait_us);
/* Requests at once that it allows now. */
size_t tb_embed_gate_window(struct tb_embed_gate *g);

#endif
