/* A worker process: its connections and what it knows of its partitions. One thread. */
#ifndef TB_WORKER_SHELL_WORKER_H
#define TB_WORKER_SHELL_WORKER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/config/config.h"
#include "common/crypto/crypto.h"
#include "common/json/command.h"
#include "common/kafka/consumer.h"
#include "common/kafka/producer.h"
#include "common/pg/pg.h"
#include "worker/shell/batch.h"
#include "worker/shell/pending.h"

#define TB_REPEAT_HEADER "ticketbus-repeat"
#define TB_WORKER_SOURCE "/ticketbus/worker"

/* A partition this worker holds, as its watermark row says. */
struct tb_partition {
    int32_t id;
    int64_t next;                      /* next_offset */
    int64_t published;                 /* published_offset, as stored */
    int64_t epoch;                     /* owner_epoch of our claim */
    char last[TB_FINGERPRINT_LEN + 1]; /* fingerprint of the record before next, "" when unknown */
    bool check_last;                   /* the first record fetched must be that one */
    bool stopped; /* the log does not continue where we are: an operator must look */
    int careful;  /* so many records are tried alone, attempts counted */
};

struct tb_worker {
    const struct tb_config *cfg;
    void (*on_round)(void *arg); /* between batches; may change settings */
    void *on_round_arg;
    struct tb_pg *pg;
    struct tb_consumer *consumer;
    struct tb_producer *producer;
    struct tb_pending *pending;
    struct tb_arena *arena; /* of the current batch */

    struct tb_partition *partitions;
    size_t npartitions;
    int32_t ncommand_partitions; /* of the whole topic */
    unsigned char key[64];       /* signs internal commands */
    size_t key_len;

    bool claimed; /* partitions are ours as far as we know */
    bool producer_failed;
    int64_t backoff_ms;
    int64_t next_sweep_us;
    int64_t next_maintenance_us;
    int64_t last_flush_us;

    const char *topic_commands;
    const char *topic_events;
    const char *topic_dlq;
    size_t message_max;
    char client_id[64];
    int64_t started_us; /* with client_id: this process and no other */
};

struct tb_partition *tb_worker_partition(struct tb_worker *w, int32_t id);

/* ---- session.c: connections ---- */
enum tb_rc tb_worker_connect_pg(struct tb_worker *w, struct tb_error *err) TB_MUST_USE;
enum tb_rc tb_worker_connect_producer(struct tb_worker *w, struct tb_error *err) TB_MUST_USE;

/* ---- claim.c: the one procedure, on assignment and after any doubt ---- */
/* Takes the watermarks of the assigned partitions, publishes again what lies between published and
 * next, and starts fetching from next. */
enum tb_rc tb_worker_claim(struct tb_worker *w, struct tb_error *err) TB_MUST_USE;
/* Whether an operator has let a stopped partition of ours go on (ticketctl partition resume). */
enum tb_rc tb_worker_resumed(struct tb_worker *w, bool *ret, struct tb_error *err) TB_MUST_USE;

/* ---- load.c / decide.c / store.c: one transaction ---- */
/* Opens the transaction, locks and reads what the batch needs. TB_ECONFLICT: a watermark is not as
 * we believe, claim again. On any failure the transaction is rolled back. */
enum tb_rc tb_batch_load(struct tb_worker *w, struct tb_batch *b, struct tb_error *err) TB_MUST_USE;
/* Runs the commands in order and gathers what to write and publish. Pure but for ids. */
enum tb_rc tb_batch_decide(struct tb_worker *w, struct tb_batch *b,
                           struct tb_error *err) TB_MUST_USE;
/* Writes everything and commits. */
enum tb_rc tb_batch_store(struct tb_worker *w, struct tb_batch *b,
                          struct tb_error *err) TB_MUST_USE;

/* ---- publish.c ---- */
/* Queues the frames of one log row; waits for room in the producer's queue. */
enum tb_rc tb_publish(struct tb_worker *w, int32_t partition, int64_t next, tb_str outbox,
                      uint32_t nframes, struct tb_error *err) TB_MUST_USE;
/* Stores published positions when no batch came along to carry them. */
enum tb_rc tb_publish_flush_positions(struct tb_worker *w, struct tb_error *err) TB_MUST_USE;

/* ---- apply.c: a batch with bisection, poison and retries ---- */
enum tb_rc tb_batch_apply(struct tb_worker *w, struct tb_item *items, size_t n,
                          struct tb_error *err) TB_MUST_USE;

/* ---- intake.c: records to items ---- */
enum tb_intake { TB_INTAKE_OK, TB_INTAKE_NEWER_SCHEMA, TB_INTAKE_NO_MEMORY };
enum tb_intake tb_intake(struct tb_worker *w, const struct tb_kafka_message *m,
                         struct tb_arena *arena, struct tb_item *ret);
/* Reads what waits for the subject of a parking command (outside the transaction: only the owner of
 * the partition changes it). */
enum tb_rc tb_intake_waiting(struct tb_worker *w, struct tb_item *item, struct tb_arena *arena,
                             struct tb_error *err) TB_MUST_USE;

/* ---- internal.c: commands of ours to other tickets ---- */
/* Renders a command to a ticket's key; its id follows from the cause and from when that was
 * applied. A cause that is applied once more, after an older database was restored, must not be
 * taken for answered: what it sent the first time may come, on another partition, before its own
 * cause does.
 */
enum tb_rc tb_internal_render(const struct tb_command *cause, int64_t applied_us, int64_t now_us,
                              const struct tb_message *message, struct tb_arena *arena,
                              tb_str *ret_body) TB_MUST_USE;
void tb_internal_sign(const struct tb_worker *w, tb_str body, char hex[2 * 32 + 1]);
bool tb_internal_verify(const struct tb_worker *w, tb_str body, tb_str signature);

/* ---- housekeeping.c ---- */
/* Partitions of the command log for the coming days; drops those past retention. */
enum tb_rc tb_maintain_log(struct tb_worker *w, struct tb_error *err) TB_MUST_USE;
/* Sends ticket.expire to tickets of ours whose wait is over. */
enum tb_rc tb_sweep_waits(struct tb_worker *w, struct tb_error *err) TB_MUST_USE;
/* After a lock timeout (SQLSTATE 55P03), outside a transaction: ends sessions of workers that have
 * kept theirs waiting for longer than DB_IDLE_TIMEOUT_MS. */
void tb_end_frozen(struct tb_worker *w);
#define TB_SQLSTATE_LOCK_TIMEOUT "55P03"

/* ---- loop.c ---- */
/* Runs until *stop is set; then finishes the batch at hand and leaves. */
enum tb_rc tb_worker_run(struct tb_worker *w, const volatile sig_atomic_t *stop,
                         struct tb_error *err) TB_MUST_USE;

#endif
