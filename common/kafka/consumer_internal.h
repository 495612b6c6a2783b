/* The consumer's state, shared by its two files. */
#ifndef TB_KAFKA_CONSUMER_INTERNAL_H
#define TB_KAFKA_CONSUMER_INTERNAL_H

#include "common/kafka/consumer.h"
#include "common/kafka/internal.h"

/* One partition being fetched. */
struct slot {
    bool started;
    bool paused;  /* by us: only these may be resumed, or 2.0.2 steps back */
    int64_t next; /* lowest offset to deliver */
};

struct tb_consumer {
    rd_kafka_t *rk;
    char *topic;
    bool grouped;
    int32_t *assigned; /* by the group, sorted */
    size_t nassigned;
    struct slot *slots; /* indexed by partition */
    size_t nslots;
    bool assigned_pending; /* to be told by the next poll */
    bool revoked_pending;
    bool lost;
    bool out_of_memory;
    bool at_end; /* a partition's end was reached (only with report_end) */
    bool stop_at_end;
    struct tb_error trouble; /* rc TB_OK: none */
};

enum tb_rc tb_consumer_make(const struct tb_config *cfg, const struct tb_consumer_options *opt,
                            bool report_end, struct tb_consumer **ret,
                            struct tb_error *err) TB_MUST_USE;

#endif
