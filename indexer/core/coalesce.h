/* What is to be indexed, and which offsets may be committed.
 *
 * Events only invalidate: per ticket the greatest sequence is kept, however many events came. An
 * event's offset counts as done when its ticket was indexed at that sequence or later; per
 * partition only the contiguous done offset may be committed. Pure bookkeeping: no clock, no
 * threads. */
#ifndef TB_INDEXER_CORE_COALESCE_H
#define TB_INDEXER_CORE_COALESCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

struct tb_coalesce;

struct tb_work {
    tb_str ticket_id; /* in the arena given to take */
    int64_t sequence; /* at least this version is to be indexed; 0: whatever there is */
};

struct tb_coalesce *tb_coalesce_new(void);
void tb_coalesce_free(struct tb_coalesce *c);

/* Starts a new assignment: offsets seen before no longer count, what waits is kept. */
void tb_coalesce_assign(struct tb_coalesce *c);
/* An event that concerns a ticket. Offsets of a partition come in ascending order. */
enum tb_rc tb_coalesce_event(struct tb_coalesce *c, int32_t partition, int64_t offset,
                             tb_str ticket_id, int64_t sequence, int64_t now_us,
                             struct tb_error *err) TB_MUST_USE;
/* An event that needs no work. */
enum tb_rc tb_coalesce_skip(struct tb_coalesce *c, int32_t partition, int64_t offset,
                            struct tb_error *err) TB_MUST_USE;
/* Work that no event asked for (reconciliation). */
enum tb_rc tb_coalesce_want(struct tb_coalesce *c, tb_str ticket_id, int64_t sequence,
                            int64_t now_us, struct tb_error *err) TB_MUST_USE;

/* Hands out up to max tickets that are due, longest waiting first. A ticket is due wait_us after
 * its only event; one with several, when it has been quiet for as many times that, at most eight,
 * and in any case after TB_COALESCE_MOST times: a burst of changes is indexed once. They are under
 * way until tb_coalesce_done; events that come meanwhile make new work, which is not handed out
 * before that. */
#define TB_COALESCE_MOST 20
enum tb_rc tb_coalesce_take(struct tb_coalesce *c, int64_t now_us, int64_t wait_us, size_t max,
                            struct tb_arena *arena, struct tb_work **ret, size_t *ret_n,
                            struct tb_error *err) TB_MUST_USE;
void tb_coalesce_done(struct tb_coalesce *c, tb_str ticket_id);

/* When the next ticket is due, by the same rule; INT64_MAX when none waits. */
int64_t tb_coalesce_due(const struct tb_coalesce *c, int64_t wait_us);
size_t tb_coalesce_waiting(const struct tb_coalesce *c);
/* Offsets that are held in memory, done or not: bounds what may still be read. */
size_t tb_coalesce_held(const struct tb_coalesce *c);

struct tb_commit_at {
    int32_t partition;
    int64_t offset; /* next to read */
};
/* Partitions whose contiguous done offset has moved since it was last asked for; returns how many
 * of them were written to out. */
size_t tb_coalesce_commits(struct tb_coalesce *c, struct tb_commit_at *out, size_t room);

#endif
