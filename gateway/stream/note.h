/* What the gateway needs to know of an event to pass it on: facts beside the exact bytes. Pure. */
#ifndef TB_STREAM_NOTE_H
#define TB_STREAM_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

struct tb_note {
    tb_str id;
    tb_str type;
    tb_str subject;
    tb_str workflow;  /* null: the event does not say */
    int64_t sequence; /* 0: none */
};

/* Reads the facts of an event; they are in the arena. TB_EINVAL: the bytes are no event. */
enum tb_rc tb_note_read(tb_str bytes, struct tb_arena *arena, struct tb_note *ret,
                        struct tb_error *err) TB_MUST_USE;

/* Which events somebody wants, and may see. An empty list means any. */
struct tb_filter {
    tb_strs workflows;
    tb_strs tickets; /* subjects */
    tb_strs types;
    tb_strs allowed; /* workflows of the token; empty: all. Events that name none are then hidden */
};
bool tb_filter_match(const struct tb_filter *filter, const struct tb_note *note);
/* The same text for filters that choose the same; in the arena, null when it is exhausted. */
tb_str tb_filter_key(const struct tb_filter *filter, struct tb_arena *arena);
/* A deep copy in the arena. */
struct tb_filter tb_filter_copy(const struct tb_filter *filter, struct tb_arena *arena);

/* The event as server-sent: "event:" and "data:" lines and the empty one. Its id goes before. */
void tb_frame_write(const struct tb_note *note, tb_str bytes, tb_buf *out);

#endif
