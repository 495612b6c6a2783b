/* What a command leads to. A value: the shell renders, stores and publishes it. */
#ifndef TB_MODEL_DECISION_H
#define TB_MODEL_DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/model/board.h"
#include "common/model/event.h"
#include "common/model/rejection.h"
#include "common/model/ticket.h"

struct tb_diff {
    enum tb_ticket_field field;
    struct tb_value before;
    struct tb_value after;
};

/* One sequenced event: changed fields and the rows that come or go with it. */
struct tb_change {
    enum tb_event_kind event;
    const struct tb_diff *diffs;
    size_t ndiffs;
    const struct tb_comment *comment_before; /* comment_edited only */
    const struct tb_comment *comment;        /* commented, comment_edited */
    const struct tb_commit *commit;          /* commit_linked */
    const struct tb_edge *edges_added;
    size_t nedges_added;
    const struct tb_edge *edges_removed;
    size_t nedges_removed;
    const struct tb_similar *similar; /* similar_found */
    size_t nsimilar;
    const struct tb_board *board_before; /* board.updated; NULL for the first */
    const struct tb_board *board;
    tb_str agent_id;    /* who, for history: the actor, or the source's agent of an import */
    int64_t at;         /* when, for history and updated_at */
    tb_str description; /* history's change_description: a short sentence */
};

/* A command to another ticket's key, stored and published with this decision. */
struct tb_message {
    enum tb_message_kind {
        TB_MESSAGE_WATCH,
        TB_MESSAGE_RECHECK,
        TB_MESSAGE_RETRY, /* what the subject waits for has come: try its waiting commands */
    } kind;
    tb_str subject;      /* the ticket addressed */
    tb_str dependent_id; /* watch: who waits; null otherwise */
};

enum tb_verdict {
    TB_APPLIED,   /* changes, at least one */
    TB_UNCHANGED, /* nothing to change; messages may still be sent */
    TB_REJECTED,
    TB_WAITING, /* refers to a ticket that is not there yet; park for a while */
};

struct tb_decision {
    enum tb_verdict verdict;
    const char *rule; /* stable id of the rule that decided, static */
    enum tb_rejection rejection;
    tb_str field;   /* offending field, null when none */
    tb_str message; /* rejection's sentence with names and values */
    tb_str waits_for;
    const struct tb_change *changes;
    size_t nchanges;
    const struct tb_message *messages;
    size_t nmessages;
};

#endif
