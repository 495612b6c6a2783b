/* Writing a second collection while a reindex fills it: a thread of its own, so that a model that
 * is slow or away holds nothing up. What it misses the reindex finds. */
#ifndef TB_INDEXER_SHELL_SECOND_H
#define TB_INDEXER_SHELL_SECOND_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/base/err.h"
#include "common/config/config.h"
#include "indexer/shell/queue.h"

struct tb_second {
    const struct tb_config *cfg;
    struct tb_queue queue;
    atomic_bool stop;
    pthread_t thread;
    bool running;
    char name[256]; /* of the collection */
};

/* Makes the thread write this collection, or none: name null. One thread calls these. */
void tb_second_write(struct tb_second *s, const struct tb_config *cfg, tb_str name);
/* Work that the first collection gets, too. */
void tb_second_feed(struct tb_second *s, const struct tb_work *work, size_t n);

#endif
