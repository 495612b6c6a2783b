/* The topics the product needs, and what is wrong with the ones there are. */
#ifndef TB_CTL_TOPICS_H
#define TB_CTL_TOPICS_H

#include "common/kafka/admin.h"
#include "producer/ctl/ctl.h"

#define CTL_TOPICS   4
#define CTL_KAFKA_MS 10000 /* limit of one call to the broker */

struct ctl_topic {
    const char *name;
    int32_t partitions; /* wanted */
    const char *role;
};

void ctl_topics_wanted(const struct tb_config *cfg, struct ctl_topic out[CTL_TOPICS]);
/* What does not fit, one sentence in the arena; null when all is well. */
tb_str ctl_topic_trouble(const struct tb_config *cfg, const struct ctl_topic *topic,
                         const struct tb_topic_info *info, struct tb_arena *arena);
/* A millisecond setting as people say it: "7 days". */
tb_str ctl_topic_duration(tb_str milliseconds, struct tb_arena *arena);

#endif
