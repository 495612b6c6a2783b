/* The gates of a program: one for each embedding service, whoever asks it. */
#ifndef TB_INDEXER_EMBED_GATES_H
#define TB_INDEXER_EMBED_GATES_H

#include <pthread.h>

#include "indexer/embed/gate.h"

struct tb_named_gate;

struct tb_embed_gates {
    pthread_mutex_t lock;
    struct tb_named_gate *first;
};

enum tb_rc tb_embed_gates_init(struct tb_embed_gates *g, struct tb_error *err) TB_MUST_USE;
/* When nobody asks any more. */
void tb_embed_gates_dispose(struct tb_embed_gates *g);

/* The gate of this service, made with these limits when it is asked for first. It lives as long as
 * the gates do: what a service has asked for holds for those who come later. Thread-safe. */
enum tb_rc tb_embed_gates_find(struct tb_embed_gates *g, const char *provider, const char *url,
                               const struct tb_pace_limits *limits, struct tb_embed_gate **ret,
                               struct tb_error *err) TB_MUST_USE;

#endif
