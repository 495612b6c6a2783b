/* The thread that reads events: it never waits for anything but Kafka. */
#ifndef TB_INDEXER_SHELL_INTAKE_H
#define TB_INDEXER_SHELL_INTAKE_H

#include <stdatomic.h>

#include "common/base/err.h"
#include "common/config/config.h"
#include "indexer/shell/queue.h"

struct tb_intake {
    const struct tb_config *cfg;
    struct tb_queue *queue;
    const atomic_bool *stop;
    const atomic_int *away;    /* how many parts that indexing needs are waited for */
    atomic_bool *reconcile;    /* set when events may have been missed */
    void (*round)(void *arg);  /* called several times a second */
    void (*finish)(void *arg); /* called after stop: returns when nothing gets done any more */
    void *arg;
};

/* Reads until stop, then calls finish and commits what is done. TB_OK or the program's end. */
enum tb_rc tb_intake_run(struct tb_intake *in, struct tb_error *err) TB_MUST_USE;

#endif
