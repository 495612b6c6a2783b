#include "indexer/shell/patience.h"

#include <stdio.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/crypto/crypto.h"

enum { FIRST_MS = 50, STEP_MS = 50, TELL_AGAIN_US = 60 * 1000 * 1000 };

static int64_t jittered(int attempts, int64_t max_ms)
{
    int64_t ms = FIRST_MS;
    for (int i = 0; i < attempts && ms < max_ms; i++) {
        ms *= 2;
    }
    ms = ms < max_ms ? ms : max_ms;
    uint32_t random;
    tb_random(&random, sizeof random);
    return ms / 2 + (int64_t)(random % (uint32_t)(ms / 2 + 1));
}

bool tb_patience_wait(struct tb_patience *p, const struct tb_error *err, int64_t wait_ms)
{
    int64_t now = tb_clock_mono_us();
    (void)snprintf(p->why, sizeof p->why, "%.*s", (int)sizeof p->why - 1, err->text);
    if (p->attempts == 0) {
        p->first_us = now;
        if (p->away) {
            atomic_fetch_add(p->away, 1);
        }
    }
    if (p->attempts == 0 || now - p->since_us > TELL_AGAIN_US) {
        tb_log_warn("%s is away, waiting: %s", p->part, err->text);
        p->since_us = now;
    }
    int64_t ms = jittered(p->attempts, p->max_ms);
    int64_t until = now + (ms > wait_ms ? ms : wait_ms) * 1000;
    p->attempts++;
    if (p->give_up_ms && now - p->first_us > p->give_up_ms * 1000) {
        return false;
    }
    while (!atomic_load(p->stop) && tb_clock_mono_us() < until) {
        struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
        (void)nanosleep(&step, NULL);
    }
    return !atomic_load(p->stop);
}

void tb_patience_over(struct tb_patience *p)
{
    if (p->attempts > 0) {
        tb_log_info("%s is back", p->part);
        tb_patience_forget(p);
    }
}

void tb_patience_forget(struct tb_patience *p)
{
    if (p->attempts > 0 && p->away) {
        atomic_fetch_sub(p->away, 1);
    }
    p->attempts = 0;
}
