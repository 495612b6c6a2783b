#include "indexer/shell/second.h"

#include <stdio.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "indexer/shell/round.h"

enum { WAITING_MAX = 100000, STEP_MS = 100, AGAIN_US = 5 * 1000 * 1000 };

static void on_done(tb_str ticket_id, void *arg)
{
    struct tb_second *s = arg;
    struct tb_work work = {.ticket_id = ticket_id};
    tb_queue_done(&s->queue, &work, 1);
}

static enum tb_rc write_on(struct tb_second *s, struct tb_indexer *ix, struct tb_arena *arena,
                           struct tb_error *err)
{
    int64_t wait_ms = tb_config_int(s->cfg, TB_CFG(INDEX_WAIT_MS));
    size_t most = (size_t)tb_config_int(s->cfg, TB_CFG(INDEX_BATCH_MAX));
    enum tb_rc rc = TB_OK;
    while (rc == TB_OK && !atomic_load(&s->stop)) {
        struct tb_work *work;
        size_t n;
        tb_arena_reset(arena);
        rc = tb_queue_take(&s->queue, wait_ms, most, INT64_MAX, &s->stop, arena, &work, &n, err);
        if (rc == TB_OK && n) {
            rc = tb_round_run(ix, work, n, arena, err);
        }
    }
    return rc;
}

static enum tb_rc attempt(struct tb_second *s, struct tb_error *err)
{
    struct tb_indexer ix;
    struct tb_arena *arena = tb_arena_new(0);
    const struct tb_indexer_ties ties = {.stop = &s->stop, .abort = &s->stop, .gates = s->gates};
    enum tb_rc rc = tb_indexer_open(&ix, s->cfg, &ties, err);
    if (rc == TB_OK && !arena) {
        rc = tb_fail(err, TB_ENOMEM, "out of memory");
    }
    rc = rc == TB_OK ? tb_indexer_aim(&ix, tb_str_of(s->name), err) : rc;
    if (rc == TB_OK) {
        ix.done = on_done;
        ix.arg = s;
        tb_log_info("also indexing into %s with model %.*s", s->name, TB_ARG(ix.model.name));
        rc = write_on(s, &ix, arena, err);
    }
    tb_indexer_close(&ix);
    tb_arena_free(arena);
    return rc;
}

static void *run(void *arg)
{
    struct tb_second *s = arg;
    while (!atomic_load(&s->stop)) {
        struct tb_error err;
        if (attempt(s, &err) == TB_OK || atomic_load(&s->stop)) {
            continue;
        }
        tb_log_warn("%s cannot be written: %s", s->name, err.text);
        int64_t until = tb_clock_mono_us() + AGAIN_US;
        while (!atomic_load(&s->stop) && tb_clock_mono_us() < until) {
            struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
            (void)nanosleep(&step, NULL);
        }
    }
    return NULL;
}

static void end(struct tb_second *s)
{
    if (s->running) {
        atomic_store(&s->stop, true);
        tb_queue_wake(&s->queue);
        (void)pthread_join(s->thread, NULL);
        tb_queue_dispose(&s->queue);
        s->running = false;
    }
}

static void write_locked(struct tb_second *s, tb_str name)
{
    struct tb_error err;
    if (s->running && tb_str_eq_c(name, s->name)) {
        return;
    }
    end(s);
    if (tb_str_is_null(name) || name.len >= sizeof s->name) {
        return;
    }
    (void)snprintf(s->name, sizeof s->name, "%.*s", TB_ARG(name));
    atomic_store(&s->stop, false);
    if (tb_queue_init(&s->queue, &err) != TB_OK) {
        return; /* tried again in a moment */
    }
    s->running = pthread_create(&s->thread, NULL, run, s) == 0;
    if (!s->running) {
        tb_queue_dispose(&s->queue);
    }
}

enum tb_rc tb_second_init(struct tb_second *s, const struct tb_config *cfg,
                          struct tb_embed_gates *gates, struct tb_error *err)
{
    *s = (struct tb_second){.cfg = cfg, .gates = gates};
    return pthread_mutex_init(&s->lock, NULL) == 0 ? TB_OK
                                                   : tb_fail(err, TB_ENOMEM, "out of memory");
}

void tb_second_dispose(struct tb_second *s)
{
    if (s->cfg) {
        end(s);
        (void)pthread_mutex_destroy(&s->lock);
    }
}

void tb_second_write(struct tb_second *s, tb_str name)
{
    (void)pthread_mutex_lock(&s->lock);
    write_locked(s, name);
    (void)pthread_mutex_unlock(&s->lock);
}

void tb_second_feed(struct tb_second *s, const struct tb_work *work, size_t n)
{
    struct tb_error err;
    (void)pthread_mutex_lock(&s->lock);
    if (s->running && tb_queue_load(&s->queue) < WAITING_MAX &&
        tb_queue_want(&s->queue, work, n, &err) != TB_OK) {
        tb_log_warn("%s: %s", s->name, err.text);
    }
    (void)pthread_mutex_unlock(&s->lock);
}
