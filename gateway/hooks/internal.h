/* What the dispatcher's files share. One thread does everything. */
#ifndef TB_HOOKS_INTERNAL_H
#define TB_HOOKS_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>

#include "common/base/arena.h"
#include "common/base/map.h"
#include "common/base/uuid.h"
#include "common/http/sender.h"
#include "common/kafka/consumer.h"
#include "common/pg/pg.h"
#include "gateway/hooks/address.h"
#include "gateway/hooks/hooks.h"
#include "gateway/hooks/sign.h"
#include "gateway/stream/note.h"

enum { TB_HOOKS_BATCH = 200, TB_HOOKS_PARALLEL_MAX = 256, TB_HOOKS_PARTITIONS_MAX = 1024 };

/* One webhook as this dispatcher treats it: lives as long as something of it is being sent. */
struct tb_target {
    struct tb_target *next;
    char id[84];
    bool known; /* was there when webhooks were last read */
    bool active;
    int64_t max_parallel, max_per_second;
    int64_t sending;
    double credit; /* requests that may begin now */
    int64_t credited_us;
};

/* What a webhook wants; in the arena of the last reading. */
struct tb_wish {
    tb_str id;
    struct tb_filter filter;
    int64_t since_us; /* events before that are none of its business */
};

/* A delivery under way. */
struct tb_hook_job {
    struct tb_arena *arena; /* of this job */
    struct tb_target *target;
    tb_str id;
    int64_t attempt, step;
    struct tb_sent sent; /* in the end */
};

struct tb_hooks {
    const struct tb_config *cfg;
    pthread_t thread;
    atomic_bool stop;
    struct tb_hooks_stats stats;
    struct tb_networks networks;
    struct tb_hook_schedule schedule;
    int64_t timeout_ms;
    char owner[TB_UUID_TEXT_LEN + 1]; /* of this run */

    struct tb_pg *pg; /* NULL: away */
    struct tb_consumer *consumer;
    struct tb_sender *sender;
    struct tb_arena *arena; /* of one round */

    struct tb_arena *wishes_arena;
    struct tb_wish *wishes;
    size_t nwishes;
    struct tb_target *targets;
    int64_t read_us; /* when webhooks were last read */

    int64_t owned[TB_HOOKS_PARTITIONS_MAX]; /* partitions */
    int64_t next[TB_HOOKS_PARTITIONS_MAX];  /* of each: first offset not stored yet */
    size_t nowned;
    bool moved; /* next has changed since it was committed */
    int64_t commit_us, prune_us, claim_us;

    struct tb_hook_job *ended[TB_HOOKS_PARALLEL_MAX]; /* not yet recorded */
    size_t nended;
};

/* Webhooks as they are now. */
enum tb_rc tb_hooks_read(struct tb_hooks *h, struct tb_error *err) TB_MUST_USE;
/* Takes what Kafka has, waiting up to timeout_ms for the first, and stores what follows from it.
 * *ret_n: records taken. TB_EFATAL: the consumer is of no more use. */
enum tb_rc tb_hooks_take(struct tb_hooks *h, int timeout_ms, size_t *ret_n,
                         struct tb_error *err) TB_MUST_USE;
/* Claims what is due and begins to send it. */
enum tb_rc tb_hooks_send(struct tb_hooks *h, struct tb_error *err) TB_MUST_USE;
/* Notes what has ended within timeout_ms. */
void tb_hooks_collect(struct tb_hooks *h, int timeout_ms);
/* Writes it down. */
enum tb_rc tb_hooks_record(struct tb_hooks *h, struct tb_error *err) TB_MUST_USE;
/* What is claimed and not sent is anybody's again. */
enum tb_rc tb_hooks_release(struct tb_hooks *h, struct tb_error *err) TB_MUST_USE;

#endif
