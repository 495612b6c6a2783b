/* Between the thread that reads Kafka and those that index: core/coalesce under a lock. */
#ifndef TB_INDEXER_SHELL_QUEUE_H
#define TB_INDEXER_SHELL_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "indexer/core/coalesce.h"

struct tb_queue {
    pthread_mutex_t lock;
    pthread_cond_t wake; /* on CLOCK_MONOTONIC */
    struct tb_coalesce *work;
};

enum tb_rc tb_queue_init(struct tb_queue *q, struct tb_error *err) TB_MUST_USE;
void tb_queue_dispose(struct tb_queue *q);

void tb_queue_assign(struct tb_queue *q);
/* ticket_id null: an event that needs no work. */
enum tb_rc tb_queue_event(struct tb_queue *q, int32_t partition, int64_t offset, tb_str ticket_id,
                          int64_t sequence, struct tb_error *err) TB_MUST_USE;
enum tb_rc tb_queue_want(struct tb_queue *q, const struct tb_work *work, size_t n,
                         struct tb_error *err) TB_MUST_USE;
/* Waits until tickets are due by wait_ms (tb_coalesce_take), or until deadline_us (monotonic), or a
 * stop. */
enum tb_rc tb_queue_take(struct tb_queue *q, int64_t wait_ms, size_t max, int64_t deadline_us,
                         const atomic_bool *stop, struct tb_arena *arena, struct tb_work **ret,
                         size_t *ret_n, struct tb_error *err) TB_MUST_USE;
void tb_queue_done(struct tb_queue *q, const struct tb_work *work, size_t n);
size_t tb_queue_commits(struct tb_queue *q, struct tb_commit_at *out, size_t room);
/* Records held back plus tickets that wait: what memory is spent on. */
size_t tb_queue_load(struct tb_queue *q);
void tb_queue_wake(struct tb_queue *q);

#endif
