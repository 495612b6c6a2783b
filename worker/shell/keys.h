/* What a batch's commands refer to: the keys to load, found before anything is read. */
#ifndef TB_WORKER_SHELL_KEYS_H
#define TB_WORKER_SHELL_KEYS_H

#include "worker/shell/batch.h"

/* A set of strings in order of first mention. */
struct tb_keyset {
    struct tb_map map;
    tb_str *items;
    size_t n;
    size_t room;
};

struct tb_keys {
    struct tb_arena *arena;
    struct tb_keyset subjects;           /* tickets to lock */
    struct tb_keyset with_text;          /* of them, those whose description is needed */
    struct tb_keyset workflows;          /* named by commands (others follow from the tickets) */
    struct tb_keyset put_boards;         /* workflows whose board is replaced */
    struct tb_keyset entering;           /* tickets that may enter a column */
    struct tb_keyset entering_workflows; /* of those that do not exist yet */
    struct tb_keyset edge_tickets;       /* take their workflow's edge lock */
    struct tb_keyset edge_workflows;     /* the same for tickets that do not exist yet */
    struct tb_keyset blockers;           /* tickets whose edges out are needed */
    struct tb_keyset dependents;         /* tickets whose edges in are needed */
    struct tb_keyset closure;            /* both ends of new edges */
    struct tb_keyset parents;            /* parents referred to, with their ancestors */
    struct tb_keyset refs;               /* other tickets referred to */
    struct tb_keyset comments;           /* comment ids */
    struct tb_keyset commit_tickets;
    struct tb_keyset created; /* tickets that may come to be: others may wait for them */
    bool failed;
};

bool tb_keyset_add(struct tb_keyset *set, struct tb_arena *arena, tb_str s);
bool tb_keyset_has(const struct tb_keyset *set, tb_str s);
/* Gathers the keys of every command in the batch, waiting ones included. False: out of memory. */
bool tb_keys_gather(struct tb_keys *keys, const struct tb_batch *b);
/* "a NUL b", the key of maps over two strings. */
tb_str tb_pair(struct tb_arena *arena, tb_str a, tb_str b);
/* Facts a command needs, given what it says (a create without blockers adds no edge). */
unsigned tb_command_needs(const struct tb_command *cmd);
/* Id of the comment the command adds (or, for edit, changes); null when it cannot add one. */
tb_str tb_command_comment_id(const struct tb_command *cmd, struct tb_arena *arena);
/* The workflow a command names: of a new ticket, or of a board; null for the others. */
tb_str tb_command_workflow(const struct tb_command *cmd);
/* "prefix-<uuid>" that always follows from the command and the purpose. */
tb_str tb_command_derived_id(const struct tb_command *cmd, const char *prefix, const char *purpose,
                             struct tb_arena *arena);

#endif
