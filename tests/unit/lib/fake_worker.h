/* Answers commands the way a test wants: a thread that reads the topic of commands and writes
 * events. What it answers is in the text of the comment, resolution or title: "reject",
 * "unchanged", "park", "park then apply", "silent", "twice", "split", anything else: applied. */
#ifndef TB_TESTS_LIB_FAKE_WORKER_H
#define TB_TESTS_LIB_FAKE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "tests/unit/kafka/rig.h"

struct fake_worker {
    const char *commands;
    const char *events;
    int32_t partitions; /* of the topic of commands */
    pthread_t thread;
    atomic_bool stop;
    atomic_int received;
};

void fake_worker_start(struct fake_worker *w, int32_t partitions);
void fake_worker_stop(struct fake_worker *w);

/* Writes one event of the subject, caused by "somebody else's" command. */
void fake_event(struct tb_producer *p, const char *topic, const char *subject, int64_t sequence,
                const char *id, const char *workflow);

#endif
