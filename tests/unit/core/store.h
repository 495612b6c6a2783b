/* A database in memory for the property tests: applies decisions as the worker's SQL would, on its
 * own arithmetic (no function of the core but the types), and loads a world with just the facts a
 * command's kind asks for. */
#ifndef TB_TESTS_CORE_STORE_H
#define TB_TESTS_CORE_STORE_H

#include "tests/unit/core/kit.h"

enum { STORE_TICKETS = 12, STORE_EDGES = 500, STORE_ROWS = 200 };

struct store {
    struct tb_arena *arena;
    struct tb_ticket tickets[STORE_TICKETS]; /* 'A'…; version 0: absent */
    bool imported[STORE_TICKETS];            /* its times may be the source's */
    bool episode[STORE_TICKETS];             /* after blocked, before unblocked */
    struct tb_edge edges[STORE_EDGES];
    size_t nedges;
    struct tb_comment comments[STORE_ROWS];
    size_t ncomments;
    struct tb_commit commits[STORE_ROWS];
    size_t ncommits;
    struct tb_board boards[2]; /* of wf and wf2; version 0: none */
};

void store_open(struct store *s);
void store_close(struct store *s);
/* The same content, sharing the arena. */
void store_copy(struct store *to, const struct store *from);

size_t store_at(tb_str ticket_id);
struct tb_board *store_board(struct store *s, tb_str workflow_id); /* NULL: none */
bool store_has_edge(const struct store *s, tb_str from, tb_str to, tb_str type);
int64_t store_in_column(const struct store *s, tb_str workflow_id, tb_str status);
/* Sorted ids of the blockers open now, in the arena given. */
tb_strs store_blockers(const struct store *s, struct tb_arena *arena, tb_str ticket_id);
/* Some ticket waits for itself, or is its own ancestor. */
bool store_has_cycle(const struct store *s);

/* Applies the decision; what is wrong with it, NULL when nothing. */
const char *store_apply(struct store *s, const struct tb_command *cmd,
                        const struct tb_decision *decision);

/* Adds to the world what the command's kind needs. seen: where the state of other tickets and the
 * edges into the subject are read, which no lock protects: the same store, or an older copy of it.
 */
void store_load(struct store *s, const struct store *seen, struct tb_world *w,
                const struct tb_command *cmd, const struct tb_context *ctx);

#endif
