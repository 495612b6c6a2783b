/* A decision being made: the rules write into it, the dispatcher turns it into a value.
 * Private to worker/core. The arena remembers exhaustion; it is looked at once, at the end. */
#ifndef TB_WORKER_CORE_DRAFT_H
#define TB_WORKER_CORE_DRAFT_H

#include "worker/core/facts.h"
#include "worker/core/rules.h"

struct tb_draft {
    struct tb_world *w;
    struct tb_arena *arena;
    const struct tb_command *cmd;
    const struct tb_context *ctx;
    const struct tb_board *board; /* of the ticket's workflow; NULL only where none is needed */
    struct tb_ticket state;       /* the subject as after the changes so far */
    tb_str agent;                 /* goes to the changes' agent_id */
    int64_t at;                   /* to their time */
    int64_t updated_at;           /* to the ticket */

    struct tb_diff diffs[TB_TICKET_FIELDS_]; /* of the change being put together */
    size_t ndiffs;
    struct tb_change *changes;
    size_t nchanges;
    size_t room_changes;
    struct tb_message *messages;
    size_t nmessages;
    size_t room_messages;

    struct tb_edge_list edges;   /* the subject's edges as after the command (edges.h) */
    struct tb_edge_list added;   /* by this command */
    struct tb_edge_list removed; /* by this command */

    bool decided; /* refused or waiting: out says how */
    struct tb_decision out;
};

/* A sentence in the draft's arena. */
#define TB_SAY(d, ...) tb_arena_printf((d)->arena, __VA_ARGS__)

/* Both return false, so that a check can end with them. field: static text or NULL. */
bool tb_draft_reject(struct tb_draft *d, enum tb_rule rule, const char *field, tb_str message);
bool tb_draft_wait(struct tb_draft *d, enum tb_rule rule, const char *field, tb_str waits_for);

/* Sets a field in the change being put together; a value equal to the present one is no diff. */
void tb_draft_set(struct tb_draft *d, enum tb_ticket_field field, struct tb_value value);

/* Which field of a command's record sets which field of the ticket. */
struct tb_setter {
    unsigned given; /* bit of the record's tb_present */
    size_t offset;  /* in the record */
    enum tb_ticket_field field;
};
/* Sets every field the record gives; a null clears it. */
void tb_draft_set_given(struct tb_draft *d, const void *record, const struct tb_setter *setters,
                        size_t n);

/* Ends the change being put together as one event and applies it to state. The result is valid
 * until the next call, for the caller to attach rows; NULL when the arena is exhausted. */
struct tb_change *tb_draft_emit(struct tb_draft *d, enum tb_event_kind event, tb_str description);

/* Messages: the blocker is to tell the dependent; the dependent is to look again. */
void tb_draft_watch(struct tb_draft *d, tb_str blocker, tb_str dependent);
void tb_draft_recheck(struct tb_draft *d, tb_str dependent);
/* Recheck to each ticket that depends on the subject, once each; blocks_only: by blocking edges. */
void tb_draft_recheck_dependents(struct tb_draft *d, bool blocks_only);

/* The draft as a value: applied when there are changes, else unchanged. */
struct tb_decision tb_draft_finish(const struct tb_draft *d, enum tb_rule applied,
                                   enum tb_rule unchanged);

/* "a, b and 3 more": at most max of the list. */
tb_str tb_say_list(struct tb_arena *arena, tb_strs list, size_t max, const char *separator);
/* Null, empty or white space. */
bool tb_is_blank(tb_str s);

#endif
