/* Events of each subject in order and once. Pure: no I/O, no clock.
 *
 * Of a subject exactly last + 1 is the next; what is not newer is a repeat; what is further ahead
 * is held until the gap closes. A subject not seen before starts with whatever comes first (the
 * topic may have been joined in the middle). Events without a sequence are told apart by their id
 * within a window of the most recent ones. */
#ifndef TICKETBUS_SEQUENCER_H
#define TICKETBUS_SEQUENCER_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

struct tb_sequencer;

struct tb_sequencer_limits {
    size_t held_max;     /* most events held */
    size_t window;       /* ids remembered of events without sequence, at least 1 */
    size_t subjects_max; /* most subjects remembered */
};

/* drop: what to do with payloads still held when the sequencer goes. NULL: out of memory. */
struct tb_sequencer *tb_sequencer_new(const struct tb_sequencer_limits *limits,
                                      void (*drop)(void *payload));
void tb_sequencer_free(struct tb_sequencer *s);

enum tb_sequence_verdict {
    TB_SEQUENCE_NEXT,   /* hand it out, then ask tb_sequencer_release until it gives NULL */
    TB_SEQUENCE_REPEAT, /* was handed out, or is held, already */
    TB_SEQUENCE_HELD,   /* the payload is the sequencer's until its turn comes */
    TB_SEQUENCE_FULL,   /* a cap is reached; nothing was noted, offer it again later */
    TB_SEQUENCE_ENOMEM, /* nothing was noted */
};

struct tb_sequence_offer {
    tb_str subject;
    int64_t sequence; /* 0: none */
    tb_str id;
    int64_t offset; /* of its record */
    int64_t now_us; /* any clock that does not go back */
    void *payload;
};
enum tb_sequence_verdict tb_sequencer_offer(struct tb_sequencer *s,
                                            const struct tb_sequence_offer *offer);
/* The next held payload whose turn has come, NULL when there is none. */
void *tb_sequencer_release(struct tb_sequencer *s);

struct tb_sequence_gap {
    tb_str subject;
    int64_t missing;  /* sequence waited for */
    int64_t found;    /* lowest one held */
    int64_t since_us; /* as given when the first was held */
};
/* The gap open longest; false when there is none. */
bool tb_sequencer_gap(const struct tb_sequencer *s, struct tb_sequence_gap *ret);
/* Stops waiting: the held events of the subject follow by tb_sequencer_release. False when the
 * subject has no gap. */
bool tb_sequencer_skip(struct tb_sequencer *s, tb_str subject);

/* The subject was seen up to version; never goes back. False: out of memory or too many. */
bool tb_sequencer_seed(struct tb_sequencer *s, tb_str subject, int64_t version) TB_MUST_USE;
/* Last sequence handed out, 0 when the subject is not known. */
int64_t tb_sequencer_last(const struct tb_sequencer *s, tb_str subject);
/* Lowest offset of what is held, INT64_MAX when nothing is: reading must start again there. */
int64_t tb_sequencer_low(const struct tb_sequencer *s);

/* What must survive a restart (not what is held), as lines "seq NUMBER SUBJECT" and "id ID". */
void tb_sequencer_write(const struct tb_sequencer *s, tb_buf *out);
/* Takes one such line in. TB_EINVAL when it is not one, TB_ENOMEM. */
enum tb_rc tb_sequencer_read_line(struct tb_sequencer *s, tb_str line) TB_MUST_USE;

#endif
