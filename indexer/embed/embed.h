/* Texts to vectors over an OpenAI-compatible API.
 *
 * Answers are checked before they count: as many vectors as inputs, by their index, of the right
 * dimension, finite. 429 and 5xx wait as long as the server asks; requests that hold too much are
 * halved, and smaller from then on; other refusals are bisected to the input at fault, and it is
 * told from a server that refuses everything by a harmless probe. An input that is too long for the
 * model is embedded in halves, whose mean stands for it. Not thread-safe. */
#ifndef TB_INDEXER_EMBED_EMBED_H
#define TB_INDEXER_EMBED_EMBED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/config/config.h"
#include "indexer/core/model.h"
#include "indexer/embed/gate.h"

struct tb_embedder;

struct tb_embed_options {
    const char *url; /* base; /embeddings is added */
    const char *api_key;
    const char *provider;                   /* EMBEDDING_PROVIDER, see provider.h */
    const struct tb_embedding_model *model; /* kept by reference */
    int64_t batch;                          /* inputs of one request */
    int64_t timeout_ms;
    size_t parallel;            /* requests under way at once */
    struct tb_embed_gate *gate; /* the pace, shared by threads; NULL: as fast as it goes */
    const atomic_bool *stop;    /* NULL: never */
};

enum tb_rc tb_embedder_new(const struct tb_embed_options *opt, struct tb_embedder **ret,
                           struct tb_error *err) TB_MUST_USE;
void tb_embedder_free(struct tb_embedder *e);

enum tb_input_state { TB_INPUT_OPEN, TB_INPUT_DONE, TB_INPUT_POISON };

struct tb_embed_input {
    tb_str text; /* without prefix, not empty */
    enum tb_input_state state;
    float *vector;    /* dim floats in the arena when done */
    uint64_t tokens;  /* in: estimate, 0 for none; out, when done: spent on it, the server's count
                         shared by estimate */
    char reason[160]; /* when poison: what the server said */
};

struct tb_embed_stats {
    uint64_t requests;
    uint64_t inputs;
    uint64_t throttled; /* answers of 429 */
    uint64_t refused;   /* 400, 413, 422: divided, or poison */
    uint64_t failures;  /* other answers that had to be repeated */
    uint64_t tokens;    /* as the server counted them */
};

/* Embeds every open input; `query` chooses the prefix. TB_OK: all are done or poison. Otherwise
 * some are still open and the same call goes on with them: TB_EUNAVAILABLE, not before *ret_wait_ms
 * (0: the caller's own back-off). */
enum tb_rc tb_embed_run(struct tb_embedder *e, struct tb_embed_input *inputs, size_t n, bool query,
                        struct tb_arena *arena, int64_t *ret_wait_ms,
                        struct tb_error *err) TB_MUST_USE;

/* Most inputs of one request: as configured, and as the service allows. */
int64_t tb_embedder_batch(const struct tb_embedder *e);
const struct tb_embed_stats *tb_embed_stats(const struct tb_embedder *e);

#endif
