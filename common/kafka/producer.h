/* The idempotent producer. Messages of one key go to one partition, chosen as Java's client does
 * (murmur2_random), so that every client agrees where a ticket lives. tb_producer_send and
 * tb_producer_pending may be called from any thread, the rest from one. Topics are never made by
 * publishing to them (common/kafka/admin.h does that). */
#ifndef TB_KAFKA_PRODUCER_H
#define TB_KAFKA_PRODUCER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/config/config.h"

struct tb_producer;

struct tb_header {
    const char *name;
    tb_str value;
};

/* Outcome of one message, in the order the broker acknowledged; called from tb_producer_poll. */
struct tb_delivery {
    uint64_t tag;  /* as given to tb_producer_send */
    enum tb_rc rc; /* TB_OK, TB_EDATA (too large), else the producer has failed: TB_EUNKNOWN when
                      the message may be on the topic all the same */
    int32_t partition;
    int64_t offset;
};
typedef void tb_delivery_fn(const struct tb_delivery *delivery, void *arg);

/* client_id: shown to the broker, unique per process. forever: message.timeout.ms=0, never give up
 * by itself (worker); otherwise messages fail after timeout_ms. on_delivery may be NULL. */
struct tb_producer_options {
    const char *client_id;
    int64_t timeout_ms; /* 0: forever; questions about topics take 5 s at most all the same */
    tb_delivery_fn *on_delivery;
    void *arg;
};
enum tb_rc tb_producer_new(const struct tb_config *cfg, const struct tb_producer_options *opt,
                           struct tb_producer **ret, struct tb_error *err) TB_MUST_USE;
/* Drops what is not sent; call tb_producer_flush first to keep it. */
void tb_producer_free(struct tb_producer *p);

/* Most bytes the message takes on the broker: what is held against TICKETBUS_MESSAGE_MAX_BYTES. */
size_t tb_kafka_message_size(tb_str key, tb_str value, const struct tb_header *headers,
                             size_t nheaders);
/* Copies key, value and headers into the queue. TB_ERETRY: the local queue is full, poll and try
 * again; TB_ELIMIT: larger than TICKETBUS_MESSAGE_MAX_BYTES (nothing was queued). */
enum tb_rc tb_producer_send(struct tb_producer *p, const char *topic, tb_str key, tb_str value,
                            const struct tb_header *headers, size_t nheaders, uint64_t tag,
                            struct tb_error *err) TB_MUST_USE;
/* Serves callbacks; waits up to timeout_ms for the first. Returns how many were served. */
int tb_producer_poll(struct tb_producer *p, int timeout_ms);
/* TB_EUNAVAILABLE when messages are still queued after timeout_ms. */
enum tb_rc tb_producer_flush(struct tb_producer *p, int timeout_ms,
                             struct tb_error *err) TB_MUST_USE;
/* A fatal error was raised (fencing, lost sequence): make a new producer. NULL when healthy. */
const char *tb_producer_fatal(struct tb_producer *p);
/* Last trouble with brokers since a message was acknowledged, as of the last poll; NULL when there
 * was none. librdkafka retries by itself: this is for telling people why nothing moves. */
const char *tb_producer_trouble(const struct tb_producer *p);
/* Messages queued or in flight, with reports not yet served by polling. */
size_t tb_producer_pending(const struct tb_producer *p);

/* Partition of a key among n, as murmur2_random computes it; -1 for a null key (any partition). */
int32_t tb_partition_of(tb_str key, int32_t n);
/* Number of partitions of a topic, asked from the broker (cached for a minute). */
enum tb_rc tb_topic_partitions(struct tb_producer *p, const char *topic, int32_t *ret,
                               struct tb_error *err) TB_MUST_USE;

#endif
