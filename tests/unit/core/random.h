/* Random commands for the property tests. The same seed gives the same commands everywhere. */
#ifndef TB_TESTS_CORE_RANDOM_H
#define TB_TESTS_CORE_RANDOM_H

#include "tests/unit/core/store.h"

struct random {
    uint64_t state;
    struct tb_arena *arena; /* holds the commands' data */
    int64_t n;              /* commands made so far */
};

uint64_t random_below(struct random *r, uint64_t n);
bool random_chance(struct random *r, unsigned percent);

/* The board most sequences begin with, as a command. */
struct tb_command random_first_board(struct random *r, tb_str workflow_id);
/* Any command but the internal ones, with its context. */
struct tb_command random_command(struct random *r, const struct store *s, struct tb_context *ctx);
/* An internal command from a decision's message. */
struct tb_command random_internal(struct random *r, const struct tb_message *message,
                                  struct tb_context *ctx);

#endif
