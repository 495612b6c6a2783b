/* The consumer's state, shared by its two files. */
#ifndef TICKETBUS_CONSUMER_INTERNAL_H
#define TICKETBUS_CONSUMER_INTERNAL_H

#include "common/kafka/consumer.h"
#include "producer/lib/checkpoint.h"

/* A partition being followed. */
struct ticketbus_part {
    int32_t partition;
    struct tb_sequencer *sequencer;
    struct ticketbus_progress progress; /* offset: next record to take in */
    bool changed;                       /* since the last checkpoint */
    bool gone;                          /* the log does not hold the position */
    bool releasing;                     /* held events may be due */
    int64_t told_us;                    /* when its trouble was last told */
};

struct ticketbus_consumer {
    struct tb_config *cfg;
    char *topic;
    char *group; /* NULL: none */
    char client_id[80];
    enum ticketbus_start start;
    ticketbus_load_fn *load; /* NULL: no checkpoints */
    ticketbus_save_fn *save;
    void *arg;
    char *dir; /* of the files */
    char **workflows;
    size_t nworkflows;
    char **types;
    size_t ntypes;
    size_t held_max;
    int64_t gap_timeout_us;

    struct tb_consumer *consumer;
    struct tb_arena *scratch;
    struct ticketbus_part *parts;
    size_t nparts;
    int32_t npartitions;             /* of the topic, without a group */
    bool opened;                     /* parts are there and being read */
    struct ticketbus_event *current; /* handed out last */
    struct ticketbus_event *stuck;   /* taken in, but the sequencer is full */
    int64_t checked_us;              /* when gaps were looked at */
};

/* Makes the parts for these partitions: loads their checkpoints, finds their positions, starts
 * reading. */
enum ticketbus_rc tb_lib_parts_open(struct ticketbus_consumer *c, const int32_t *partitions,
                                    size_t n, struct ticketbus_error *err);
void tb_lib_parts_close(struct ticketbus_consumer *c);

#endif
