/* Lets every event pass once and in order, in bounded memory. Pure.
 *
 * A crash of a worker can repeat events on the topic, and one that failed to be sent can be
 * overtaken by later ones, which are then sent again after it (docs/consumers.md). So of each
 * subject exactly last + 1 passes: what is not newer was seen, what is further ahead will come
 * again. Events without a sequence pass once by their id.
 *
 * A subject that is not known starts with whatever comes first. Only so many are remembered; the
 * one not heard of longest gives way. A gap older than gap_us (by the times of the records) is
 * given up, so that a subject never falls silent for good. */
#ifndef TB_STREAM_GATE_H
#define TB_STREAM_GATE_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/stream/note.h"

struct tb_gate;

/* subjects: at least how many are remembered, 24 bytes each. NULL: out of memory. */
struct tb_gate *tb_gate_new(size_t subjects, int64_t gap_us);
void tb_gate_free(struct tb_gate *gate);

enum tb_gate_verdict { TB_GATE_PASS, TB_GATE_REPEAT, TB_GATE_AHEAD };
/* time_us: of the record. */
enum tb_gate_verdict tb_gate_offer(struct tb_gate *gate, const struct tb_note *note,
                                   int64_t time_us);

#endif
