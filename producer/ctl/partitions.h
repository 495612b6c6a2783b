/* The partitions of the commands topic: how far they are applied, and which have stopped. */
#ifndef TB_CTL_PARTITIONS_H
#define TB_CTL_PARTITIONS_H

#include "producer/ctl/ctl.h"

enum ctl_partition_state {
    CTL_PARTITION_OK,
    CTL_PARTITION_UNREAD,    /* no worker has ever claimed it */
    CTL_PARTITION_EXPIRED,   /* commands not applied yet are gone from the log */
    CTL_PARTITION_RECREATED, /* the log is not the one that was applied */
    CTL_PARTITION_NEWER,     /* the next command is of a schema newer than this program's */
    CTL_PARTITION_MISSING,   /* was applied, and the topic has no such partition */
};
const char *ctl_partition_state_name(enum ctl_partition_state state);
/* Workers have stopped there, and will not go on by themselves. */
bool ctl_partition_is_stopped(enum ctl_partition_state state);

struct ctl_partition {
    int32_t id;
    enum ctl_partition_state state;
    int64_t next;      /* next offset to apply */
    int64_t published; /* what the records below led to is on the topics */
    int64_t low;       /* first offset of the log; MISSING: 0, as high */
    int64_t high;      /* end of the log */
    tb_str last;       /* fingerprint of the record before next; null when not known */
};

/* Asks Postgres and Kafka. In the arena, by id. */
enum tb_rc ctl_partitions_look(struct ctl *ctl, struct ctl_partition **ret, size_t *ret_n,
                               struct tb_error *err) TB_MUST_USE;

#endif
