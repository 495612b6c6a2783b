/* Writing a second collection while a reindex fills it: a thread of its own, so that a model that
 * is slow or away holds nothing up. What it misses the reindex finds. */
#ifndef TB_INDEXER_SHELL_SECOND_H
#define TB_INDEXER_SHELL_SECOND_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/base/err.h"
#include "common/config/config.h"
#include "indexer/embed/gates.h"
#include "indexer/shell/queue.h"

struct tb_second {
    const struct tb_config *cfg;
    struct tb_embed_gates *gates;
    pthread_mutex_t lock; /* of the whole, while its thread runs */
    struct tb_queue queue;
    atomic_bool stop;
    pthread_t thread;
    bool running;
    char name[256]; /* of the collection */
};

enum tb_rc tb_second_init(struct tb_second *s, const struct tb_config *cfg,
                          struct tb_embed_gates *gates, struct tb_error *err) TB_MUST_USE;
/* Ends the thread. Also of one that is all zero. */
void tb_second_dispose(struct tb_second *s);
/* Makes the thread write this collection, or none: name null. Thread-safe, as the next. */
void tb_second_write(struct tb_second *s, tb_str name);
/* Work that the first collection gets, too. */
void tb_second_feed(struct tb_second *s, const struct tb_work *work, size_t n);

#endif
