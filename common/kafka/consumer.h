/* A group consumer whose positions are kept by the caller (in Postgres, beside its results), not by
 * Kafka. Eager assignment only; offsets are committed for lag figures alone. Not thread-safe. */
#ifndef TB_KAFKA_CONSUMER_H
#define TB_KAFKA_CONSUMER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/config/config.h"

struct tb_consumer;

/* A record; everything in it stays valid until tb_kafka_message_free, which must come before
 * tb_consumer_free. */
struct tb_kafka_message {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_us; /* of the record, TB_TIME_NONE when it has none */
    tb_str key;           /* may be null */
    tb_str value;         /* null: tombstone */
    void *handle;
    struct tb_consumer *owner; /* of tb_consumer_read_at: the consumer to free with it */
};
void tb_kafka_message_free(struct tb_kafka_message *m);
/* First header of this name; null slice when there is none. */
tb_str tb_kafka_message_header(const struct tb_kafka_message *m, const char *name);

enum tb_poll {
    TB_POLL_NONE, /* nothing within the timeout */
    TB_POLL_MESSAGE,
    TB_POLL_ASSIGNED, /* new whole assignment: call tb_consumer_start with positions */
    TB_POLL_REVOKED,  /* everything was taken away; already unassigned. err: TB_ECONFLICT when the
                         group had given the partitions to others before (expired session) */
    TB_POLL_OFFSET_GONE, /* a position is outside the log (message carries topic, partition) */
    TB_POLL_ERROR,       /* transient trouble, described in err */
    TB_POLL_FATAL,       /* make a new consumer */
};

struct tb_position {
    int32_t partition;
    int64_t offset; /* next to read; TB_POSITION_* */
};
enum { TB_POSITION_BEGINNING = -2, TB_POSITION_END = -1, TB_POSITION_COMMITTED = -1000 };

/* group NULL: no group; then give partitions with tb_consumer_start directly. */
struct tb_consumer_options {
    const char *group;
    const char *topic;
    const char *client_id;
    int32_t queue_kbytes; /* prefetch per partition queue, 0: default of ours (4 MiB) */
};
enum tb_rc tb_consumer_new(const struct tb_config *cfg, const struct tb_consumer_options *opt,
                           struct tb_consumer **ret, struct tb_error *err) TB_MUST_USE;
/* Leaves the group. */
void tb_consumer_free(struct tb_consumer *c);

enum tb_poll tb_consumer_poll(struct tb_consumer *c, int timeout_ms, struct tb_kafka_message *ret,
                              struct tb_error *err);
/* Partitions of the current assignment, valid until the next poll. */
const int32_t *tb_consumer_assignment(const struct tb_consumer *c, size_t *ret_n);
/* (Re)starts fetching exactly these partitions at these positions, dropping what was prefetched.
 * Also the way to rewind after any doubt. Nothing is paused afterwards. TB_ECONFLICT: one of them
 * is not in the current assignment. Positions below an earlier one are fetched again, and nothing
 * below a position is delivered after the call. */
enum tb_rc tb_consumer_start(struct tb_consumer *c, const struct tb_position *positions, size_t n,
                             struct tb_error *err) TB_MUST_USE;
/* Stops and restarts delivery of everything assigned while polling goes on (keeps membership). Only
 * what was paused is resumed. */
enum tb_rc tb_consumer_pause(struct tb_consumer *c, bool paused, struct tb_error *err) TB_MUST_USE;
/* The same for one partition. */
enum tb_rc tb_consumer_pause_partition(struct tb_consumer *c, int32_t partition, bool paused,
                                       struct tb_error *err) TB_MUST_USE;
/* Commits next positions asynchronously, for lag figures. */
enum tb_rc tb_consumer_commit(struct tb_consumer *c, const struct tb_position *positions, size_t n,
                              struct tb_error *err) TB_MUST_USE;
/* Committed positions of the group for these partitions (TB_POSITION_COMMITTED entries are filled
 * in, TB_POSITION_BEGINNING when there is none). Blocks up to timeout_ms. */
enum tb_rc tb_consumer_committed(struct tb_consumer *c, struct tb_position *positions, size_t n,
                                 int timeout_ms, struct tb_error *err) TB_MUST_USE;
/* Number of partitions of the topic, asked from the broker. */
enum tb_rc tb_consumer_partitions(struct tb_consumer *c, int32_t *ret, int timeout_ms,
                                  struct tb_error *err) TB_MUST_USE;
/* First and next offset of a partition's log. */
enum tb_rc tb_consumer_watermarks(struct tb_consumer *c, int32_t partition, int64_t *ret_low,
                                  int64_t *ret_high, int timeout_ms,
                                  struct tb_error *err) TB_MUST_USE;
/* The end of the log as the last fetch told it, without asking; -1 when not known. */
int64_t tb_consumer_high(struct tb_consumer *c, int32_t partition);
/* Reads the single record at an offset, with a consumer of its own (blocks; for checks on
 * assignment). TB_ENOTFOUND when the log does not hold it (compacted, expired, recreated). */
enum tb_rc tb_consumer_read_at(const struct tb_config *cfg, const char *topic, int32_t partition,
                               int64_t offset, int timeout_ms, struct tb_kafka_message *ret,
                               struct tb_error *err) TB_MUST_USE;

#endif
