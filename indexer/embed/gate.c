#include "indexer/embed/gate.h"

#include <time.h>

#include "common/base/clock.h"

enum { STEP_US = 50 * 1000, BUSY_STEP_US = 2 * 1000 };

enum tb_rc tb_embed_gate_init(struct tb_embed_gate *g, const struct tb_pace_limits *limits,
                              struct tb_error *err)
{
    g->pace = tb_pace_new(limits, tb_clock_mono_us());
    return pthread_mutex_init(&g->lock, NULL) == 0 ? TB_OK
                                                   : tb_fail(err, TB_ENOMEM, "out of memory");
}

void tb_embed_gate_dispose(struct tb_embed_gate *g)
{
    (void)pthread_mutex_destroy(&g->lock);
}

bool tb_embed_gate_begin(struct tb_embed_gate *g, int64_t tokens, bool wait,
                         const atomic_bool *stop)
{
    for (;;) {
        int64_t at = 0;
        int64_t now = tb_clock_mono_us();
        (void)pthread_mutex_lock(&g->lock);
        bool may = tb_pace_begin(&g->pace, now, tokens, &at);
        (void)pthread_mutex_unlock(&g->lock);
        if (may || !wait || (stop && atomic_load(stop))) {
            return may;
        }
        int64_t us = at == INT64_MAX ? BUSY_STEP_US : at - now < STEP_US ? at - now : STEP_US;
        struct timespec step = {.tv_nsec = (long)us * 1000};
        (void)nanosleep(&step, NULL);
    }
}

void tb_embed_gate_end(struct tb_embed_gate *g, int64_t began_us, enum tb_pace_end how,
                       int64_t wait_us)
{
    (void)pthread_mutex_lock(&g->lock);
    tb_pace_end(&g->pace, tb_clock_mono_us(), began_us, how, wait_us);
    (void)pthread_mutex_unlock(&g->lock);
}

size_t tb_embed_gate_window(struct tb_embed_gate *g)
{
    (void)pthread_mutex_lock(&g->lock);
    size_t window = tb_pace_window(&g->pace);
    (void)pthread_mutex_unlock(&g->lock);
    return window;
}
