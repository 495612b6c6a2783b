/* Topics and groups as the broker has them: making topics, checking them, telling lag. Calls block
 * up to timeout_ms. Not thread-safe. */
#ifndef TB_KAFKA_ADMIN_H
#define TB_KAFKA_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/config/config.h"

struct tb_admin;

enum tb_rc tb_admin_new(const struct tb_config *cfg, const char *client_id, struct tb_admin **ret,
                        struct tb_error *err) TB_MUST_USE;
void tb_admin_free(struct tb_admin *a);

/* Brokers known to the cluster; the cheapest proof that Kafka is reachable. */
enum tb_rc tb_admin_brokers(struct tb_admin *a, size_t *ret_n, int timeout_ms,
                            struct tb_error *err) TB_MUST_USE;

struct tb_topic_setting {
    const char *name; /* e.g. "retention.ms" */
    const char *value;
};

struct tb_topic_spec {
    const char *name;
    int32_t partitions;
    int16_t replication;
    const struct tb_topic_setting *settings;
    size_t nsettings;
};

/* Makes the topic when it is not there. An existing one is left as it is: TB_ECONFLICT when it has
 * another number of partitions (the text gives the reason and the way on); its settings are not
 * compared (tb_admin_describe shows them). */
enum tb_rc tb_admin_ensure(struct tb_admin *a, const struct tb_topic_spec *spec, bool *ret_created,
                           int timeout_ms, struct tb_error *err) TB_MUST_USE;

struct tb_topic_value {
    tb_str name;
    tb_str value; /* null when the broker keeps it secret */
    bool given;   /* set on this very topic */
};

struct tb_topic_info {
    int32_t partitions;
    int32_t replication;      /* the smallest of all partitions */
    int32_t under_replicated; /* partitions with replicas out of sync */
    int32_t leaderless;       /* partitions without a leader: not readable or writable now */
    const struct tb_topic_value *values; /* in the arena */
    size_t nvalues;
};
/* TB_ENOTFOUND: there is no such topic. */
enum tb_rc tb_admin_describe(struct tb_admin *a, const char *topic, struct tb_arena *arena,
                             struct tb_topic_info *ret, int timeout_ms,
                             struct tb_error *err) TB_MUST_USE;
/* Null when there is none of this name. */
tb_str tb_topic_value(const struct tb_topic_info *info, const char *name);

struct tb_lag {
    int32_t partition;
    int64_t low;       /* first offset of the log */
    int64_t high;      /* next offset to be written */
    int64_t committed; /* -1: the group has committed nothing here */
    int64_t lag;       /* records not yet read: from committed (else low) to high */
};
struct tb_group_info {
    int32_t members;
    tb_str state;              /* as the broker words it: Stable, Empty, PreparingRebalance, ... */
    const struct tb_lag *lags; /* by partition, in the arena */
    size_t nlags;
    int64_t lag; /* sum */
};
/* A group nobody ever used has no members and nothing committed; that is not an error. */
enum tb_rc tb_admin_group(struct tb_admin *a, const char *group, const char *topic,
                          struct tb_arena *arena, struct tb_group_info *ret, int timeout_ms,
                          struct tb_error *err) TB_MUST_USE;

#endif
