/* The dispatcher of webhooks: a member of a consumer group over ticket.events that turns events
 * into deliveries (in Postgres, by a stable id: read twice is delivered once) and sends those of
 * the partitions it owns. docs/webhooks.md.
 *
 * One owner for each delivery: the member that has the event's partition, and of two that believe
 * so for a moment the one that has claimed the row. */
#ifndef TB_HOOKS_HOOKS_H
#define TB_HOOKS_HOOKS_H

#include <stdatomic.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/config/config.h"

struct tb_hooks;

/* Starts its thread; Kafka and Postgres may be away. */
enum tb_rc tb_hooks_start(const struct tb_config *cfg, struct tb_hooks **ret,
                          struct tb_error *err) TB_MUST_USE;
/* What is being sent is given a moment to end, then left to the next owner. NULL-safe. */
void tb_hooks_free(struct tb_hooks *hooks);

struct tb_hooks_stats { /* since the start */
    _Atomic uint64_t events;
    _Atomic uint64_t deliveries; /* made of them */
    _Atomic uint64_t attempts;
    _Atomic uint64_t delivered;
    _Atomic uint64_t failed; /* attempts */
    _Atomic uint64_t dead;
    _Atomic uint64_t paused; /* webhooks paused by us */
    _Atomic uint64_t refused_address;
    _Atomic uint64_t sending; /* now */
};
const struct tb_hooks_stats *tb_hooks_stats(const struct tb_hooks *hooks);

#endif
