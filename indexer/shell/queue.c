#include "indexer/shell/queue.h"

#include <time.h>

#include "common/base/clock.h"

/* A stop is noticed after this at the latest; a ticket that comes while others wait longer, after
 * the shorter one. */
enum { STEP_US = 200 * 1000, BUSY_STEP_US = 25 * 1000 };

enum tb_rc tb_queue_init(struct tb_queue *q, struct tb_error *err)
{
    pthread_condattr_t attr;
    q->work = tb_coalesce_new();
    if (!q->work || pthread_condattr_init(&attr) != 0) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int bad = pthread_mutex_init(&q->lock, NULL);
    bad |= pthread_cond_init(&q->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    return bad ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}

void tb_queue_dispose(struct tb_queue *q)
{
    tb_coalesce_free(q->work);
    (void)pthread_cond_destroy(&q->wake);
    (void)pthread_mutex_destroy(&q->lock);
}

void tb_queue_assign(struct tb_queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    tb_coalesce_assign(q->work);
    (void)pthread_mutex_unlock(&q->lock);
}

enum tb_rc tb_queue_event(struct tb_queue *q, int32_t partition, int64_t offset, tb_str ticket_id,
                          int64_t sequence, struct tb_error *err)
{
    int64_t now = tb_clock_mono_us();
    (void)pthread_mutex_lock(&q->lock);
    bool idle = tb_coalesce_waiting(q->work) == 0;
    enum tb_rc rc = tb_str_is_null(ticket_id) ? tb_coalesce_skip(q->work, partition, offset, err)
                                              : tb_coalesce_event(q->work, partition, offset,
                                                                  ticket_id, sequence, now, err);
    if (idle && tb_coalesce_waiting(q->work)) {
        (void)pthread_cond_signal(&q->wake);
    }
    (void)pthread_mutex_unlock(&q->lock);
    return rc;
}

enum tb_rc tb_queue_want(struct tb_queue *q, const struct tb_work *work, size_t n,
                         struct tb_error *err)
{
    int64_t now = tb_clock_mono_us();
    enum tb_rc rc = TB_OK;
    (void)pthread_mutex_lock(&q->lock);
    for (size_t i = 0; i < n && rc == TB_OK; i++) {
        rc = tb_coalesce_want(q->work, work[i].ticket_id, work[i].sequence, now, err);
    }
    (void)pthread_cond_signal(&q->wake);
    (void)pthread_mutex_unlock(&q->lock);
    return rc;
}

enum tb_rc tb_queue_take(struct tb_queue *q, int64_t wait_ms, size_t max, int64_t deadline_us,
                         const atomic_bool *stop, struct tb_arena *arena, struct tb_work **ret,
                         size_t *ret_n, struct tb_error *err)
{
    enum tb_rc rc;
    (void)pthread_mutex_lock(&q->lock);
    for (;;) {
        int64_t now = tb_clock_mono_us();
        rc = tb_coalesce_take(q->work, now, wait_ms * 1000, max, arena, ret, ret_n, err);
        if (rc != TB_OK || *ret_n || atomic_load(stop) || now >= deadline_us) {
            break;
        }
        int64_t until = tb_coalesce_due(q->work, wait_ms * 1000);
        until = until < deadline_us ? until : deadline_us;
        int64_t step = now + (tb_coalesce_waiting(q->work) ? BUSY_STEP_US : STEP_US);
        until = until < step ? until : step;
        struct timespec at = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};
        (void)pthread_cond_timedwait(&q->wake, &q->lock, &at);
    }
    if (*ret_n && tb_coalesce_waiting(q->work)) {
        (void)pthread_cond_signal(&q->wake); /* another thread may take what is left */
    }
    (void)pthread_mutex_unlock(&q->lock);
    return rc;
}

void tb_queue_done(struct tb_queue *q, const struct tb_work *work, size_t n)
{
    (void)pthread_mutex_lock(&q->lock);
    for (size_t i = 0; i < n; i++) {
        tb_coalesce_done(q->work, work[i].ticket_id);
    }
    (void)pthread_mutex_unlock(&q->lock);
}

size_t tb_queue_commits(struct tb_queue *q, struct tb_commit_at *out, size_t room)
{
    (void)pthread_mutex_lock(&q->lock);
    size_t n = tb_coalesce_commits(q->work, out, room);
    (void)pthread_mutex_unlock(&q->lock);
    return n;
}

size_t tb_queue_load(struct tb_queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    size_t n = tb_coalesce_held(q->work) + tb_coalesce_waiting(q->work);
    (void)pthread_mutex_unlock(&q->lock);
    return n;
}

void tb_queue_wake(struct tb_queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    (void)pthread_cond_broadcast(&q->wake);
    (void)pthread_mutex_unlock(&q->lock);
}
