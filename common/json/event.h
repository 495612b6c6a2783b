/* Events as they travel: rendering by the worker, reading by consumers, and dead letters.
 * docs/wire-contract.md is the contract. Thread-safe: there is no shared state. */
#ifndef TB_JSON_EVENT_H
#define TB_JSON_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/model/command.h"
#include "common/model/decision.h"
#include "common/model/event.h"

#define TB_EVENT_SOURCE "/ticketbus/worker"
#define TB_CONTENT_TYPE "application/cloudevents+json" /* Kafka header content-type */

/* Everything one event is made of. */
struct tb_event_args {
    enum tb_event_kind kind;
    tb_str id; /* derived: the same command gives the same event id */
    int64_t time_us;
    const struct tb_command *cmd; /* the cause; after a failed decode what was read of it */
    unsigned index;               /* place among the command's events, from 1 */
    unsigned count;               /* number of the command's events */
    const char *rule;             /* id of the rule that decided */
    tb_str workflow_id;           /* null: taken from the change or the command, if they say */
    /* sequenced events */
    int64_t sequence; /* version of the subject after the event */
    const struct tb_change *change;
    /* the others */
    enum tb_rejection rejection; /* rejected, and parked when there is a code; else NONE */
    tb_str field;                /* offending field, null or empty when none */
    tb_str message;              /* null: the rejection's general sentence, or the event's */
    tb_str waits_for;            /* parked: the ticket referred to, null when none */
};

/* Appends the event's exact bytes; look at out->failed. */
void tb_event_render(const struct tb_event_args *args, tb_buf *out);

/* An event as read. Attributes that are not there are null. */
struct tb_event {
    const struct tb_event_type *type; /* NULL: a type this program does not know */
    tb_str type_name;
    tb_str id;
    tb_str source;
    tb_str subject;
    int64_t time_us;  /* TB_TIME_NONE when absent */
    int64_t sequence; /* 0 when it carries none */
    tb_str actor;
    tb_str actor_type;
    tb_str correlation_id;
    tb_str causation_id;
    tb_str causation_source;
    int64_t causation_index; /* 0 when absent, as the next */
    int64_t causation_count;
    tb_str traceparent;
    tb_str tracestate;
    tb_str data; /* the JSON text of data, a slice of the bytes given */
};

/* Reads an event. Unknown types and attributes are fine (they may come from a later version);
 * TB_EINVAL with err->field when the envelope is not usable. Strings but data are in the arena. */
enum tb_rc tb_event_decode(tb_str bytes, struct tb_arena *arena, struct tb_event *ret,
                           struct tb_error *err) TB_MUST_USE;

/* A message nobody can answer, as kept on the dead-letter topic. */
struct tb_dead_letter {
    tb_str id; /* derived from topic, partition and offset: the same record, the same id */
    int64_t time_us;
    tb_str subject; /* null when not known */
    enum tb_rejection rejection;
    tb_str field;
    tb_str message;
    tb_str topic;
    int32_t partition;
    int64_t offset;
    tb_str key;      /* any bytes; null when the record has none */
    tb_str original; /* any bytes: the record's value */
};

/* Appends the letter, which takes at most max_bytes (but never less than the reason does): the
 * original is cut to fit, and says so.
 * Look at out->failed. */
void tb_dead_letter_render(const struct tb_dead_letter *letter, size_t max_bytes, tb_buf *out);

#endif
