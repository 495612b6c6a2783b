#include "indexer/embed/gate.h"

#include <time.h>

#include "common/base/clock.h"

enum { STEP_US = 50 * 1000 }; /* a stop is noticed after this at the latest */

enum tb_rc tb_embed_gate_init(struct tb_embed_gate *g, const struct tb_pace_limits *limits,
                              struct tb_error *err)
{
    pthread_condattr_t attr;
    g->pace = tb_pace_new(limits, tb_clock_mono_us());
    if (pthread_condattr_init(&attr) != 0) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int bad = pthread_mutex_init(&g->lock, NULL);
    bad |= pthread_cond_init(&g->ended, &attr);
    (void)pthread_condattr_destroy(&attr);
    return bad ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}

void tb_embed_gate_dispose(struct tb_embed_gate *g)
{
    (void)pthread_cond_destroy(&g->ended);
    (void)pthread_mutex_destroy(&g->lock);
}

bool tb_embed_gate_begin(struct tb_embed_gate *g, int64_t tokens, bool wait,
                         const atomic_bool *stop)
{
    bool may;
    (void)pthread_mutex_lock(&g->lock);
    for (;;) {
        int64_t at = 0;
        int64_t now = tb_clock_mono_us();
        may = tb_pace_begin(&g->pace, now, tokens, &at);
        if (may || !wait || (stop && atomic_load(stop))) {
            break;
        }
        int64_t until = at - now < STEP_US ? at : now + STEP_US;
        struct timespec when = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};
        (void)pthread_cond_timedwait(&g->ended, &g->lock, &when);
    }
    (void)pthread_mutex_unlock(&g->lock);
    return may;
}

void tb_embed_gate_end(struct tb_embed_gate *g, int64_t began_us, enum tb_pace_end how,
                       int64_t wait_us)
{
    (void)pthread_mutex_lock(&g->lock);
    tb_pace_end(&g->pace, tb_clock_mono_us(), began_us, how, wait_us);
    (void)pthread_cond_broadcast(&g->ended);
    (void)pthread_mutex_unlock(&g->lock);
}

size_t tb_embed_gate_window(struct tb_embed_gate *g)
{
    (void)pthread_mutex_lock(&g->lock);
    size_t window = tb_pace_window(&g->pace);
    (void)pthread_mutex_unlock(&g->lock);
    return window;
}
