/* One batch: the records taken from Kafka, what they decode to, and what became of each.
 *
 * The arena holds everything derived from the records and is reset when the batch is over; the
 * records themselves are kept until then. */
#ifndef TB_WORKER_SHELL_BATCH_H
#define TB_WORKER_SHELL_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/map.h"
#include "common/base/str.h"
#include "common/model/command.h"
#include "common/model/decision.h"
#include "worker/core/world.h"

/* What a record turned out to be, before any rule is asked. */
enum tb_item_kind {
    TB_ITEM_COMMAND,
    TB_ITEM_REJECT, /* envelope is fine, the content is not: answered with command.rejected */
    TB_ITEM_DEAD,   /* cannot be answered: dead letter, parks nothing */
};

enum tb_outcome {
    TB_OUTCOME_APPLIED,
    TB_OUTCOME_UNCHANGED,
    TB_OUTCOME_REJECTED,
    TB_OUTCOME_PARKED,
    TB_OUTCOME_FORWARDED,
    TB_OUTCOME_REPEAT,
    TB_OUTCOME_DEAD,
    TB_OUTCOME_INTERNAL,
};
const char *tb_outcome_name(enum tb_outcome outcome);

/* A command that waits in parked_commands, tried again by the replay, drop or expire command. */
struct tb_waiting {
    int64_t queued; /* names its row in parked_commands */
    int32_t partition;
    int64_t offset;
    tb_str source;
    tb_str id;
    int64_t record_time;
    tb_str body;
    struct tb_command cmd;
    bool decoded; /* a parked body always decodes, unless the rules of decoding changed */
    /* results */
    bool done; /* leaves parked_commands */
    enum tb_outcome outcome;
    struct tb_decision decision;
    int64_t version;
    tb_str frames; /* appended to the waiting command's own log row */
};

struct tb_item {
    int32_t partition;
    int64_t offset;
    int64_t record_time; /* microseconds */
    tb_str key;
    tb_str value;
    bool is_signed; /* carries a valid signature of ours */
    bool poison;    /* refused by the database twice, or killed workers: park it untried */
    tb_str poison_message;

    enum tb_item_kind kind;
    struct tb_command cmd;       /* COMMAND, REJECT: envelope at least */
    enum tb_rejection rejection; /* REJECT, DEAD */
    tb_str field;
    tb_str message;

    struct tb_waiting *waiting; /* parking commands: what waits for this ticket */
    size_t nwaiting;

    /* results */
    bool waits; /* goes to parked_commands */
    enum tb_outcome outcome;
    tb_str log_source; /* key of its row in the log */
    tb_str log_id;
    int64_t log_time;
    tb_str log_code;
    tb_str log_message;
    const char *rule;
    int64_t version; /* of the subject afterwards, 0 when not known */
    tb_str outbox;
    uint32_t nframes;
};

/* A ticket that waits, as loaded and as it is after the batch. */
struct tb_parked {
    tb_str ticket_id;
    bool was_parked;
    bool is_parked;
    bool poison; /* else waits for a reference */
    tb_str waits_for;
    int64_t deadline;
    tb_str code;
    tb_str message;
    int64_t parked_at;
};

/* The row in command_log of a command seen before. */
struct tb_seen {
    tb_str source;
    tb_str id;
    tb_str body_hash;
    tb_str outbox;
    const struct tb_item *item; /* seen earlier in this batch; NULL when from the log */
};

/* A change of ticket_dependencies, the last one of the batch per edge. */
struct tb_edge_write {
    struct tb_edge edge;
    bool present;
    int64_t at;
};

struct tb_comment_write {
    struct tb_comment comment;
    bool is_new;
};

/* A ticket the batch changes. */
struct tb_touched {
    uint64_t fields; /* bit per enum tb_ticket_field */
};

struct tb_history_row {
    tb_str ticket_id;
    tb_str agent_id;
    const char *change_type;
    const char *field_name; /* NULL: the change as a whole */
    tb_str old_value;
    tb_str new_value;
    tb_str description;
    tb_str metadata; /* JSON or null */
    int64_t at;
    int64_t version;
};

struct tb_batch {
    struct tb_arena *arena;
    struct tb_item *items;
    size_t n;
    int64_t now_us; /* database clock when the transaction began */

    struct tb_world *world;
    struct tb_map seen;    /* "source NUL id" -> struct tb_seen */
    struct tb_map parked;  /* ticket id -> struct tb_parked */
    struct tb_map waiters; /* ticket id -> tb_strs *: tickets that wait for it */
    struct tb_map existed; /* ids of tickets loaded (any non-NULL value) */
    struct tb_map boards_existed;

    /* writes gathered while deciding */
    struct tb_map touched;        /* ticket id -> struct tb_touched */
    struct tb_map boards_touched; /* workflow id -> const struct tb_board * */
    struct tb_map edges;          /* "ticket NUL depends NUL type" -> struct tb_edge_write */
    struct tb_map comments;       /* comment id -> struct tb_comment_write */
    const struct tb_commit **commits;
    size_t ncommits;
    size_t commits_room;
    struct tb_history_row *history;
    size_t nhistory;
    size_t history_room;
};

/* Grows an array in the arena by doubling; returns the slot for one more element, NULL when out of
 * memory. */
void *tb_grow(struct tb_arena *arena, void **array, size_t *n, size_t *room, size_t size);

#endif
