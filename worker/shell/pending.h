/* Which published messages the broker has not acknowledged yet, and how far each partition's
 * outbox is published without a gap. Positions only ever advance contiguously: an acknowledgement
 * out of order waits for those before it. Not thread-safe. */
#ifndef TB_WORKER_SHELL_PENDING_H
#define TB_WORKER_SHELL_PENDING_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

struct tb_pending;

struct tb_pending *tb_pending_new(void);
void tb_pending_free(struct tb_pending *p);

/* Forgets everything and starts partition anew at published; late acknowledgements of what was
 * forgotten are ignored. */
enum tb_rc tb_pending_reset(struct tb_pending *p, int32_t partition, int64_t published) TB_MUST_USE;
/* The record before next led to n messages (0 is fine). Returns their tag in *ret. */
enum tb_rc tb_pending_add(struct tb_pending *p, int32_t partition, int64_t next, uint32_t n,
                          uint64_t *ret_tag) TB_MUST_USE;
void tb_pending_ack(struct tb_pending *p, uint64_t tag);
/* Offset up to which everything of the partition is acknowledged; -1 when it is not known. */
int64_t tb_pending_published(const struct tb_pending *p, int32_t partition);
/* Messages not acknowledged. */
size_t tb_pending_count(const struct tb_pending *p);

#endif
