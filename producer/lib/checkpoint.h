/* A consumer's progress on one partition, kept as text:
 *
 *     ticketbus-checkpoint 1
 *     topic ticket.events
 *     partition 3
 *     offset 1234            next record to read
 *     last 1233 0190...      a record read before, to tell a topic made anew; may be missing
 *     seq 7 ticket-...       and id lines, see sequencer.h
 *     end 42                 number of lines before this one: nothing was cut off
 */
#ifndef TICKETBUS_CHECKPOINT_H
#define TICKETBUS_CHECKPOINT_H

#include "producer/lib/internal.h"
#include "producer/lib/sequencer.h"

struct ticketbus_progress {
    int64_t offset;      /* next to read, -1: none */
    int64_t last_offset; /* -1: none */
    char last_id[256];   /* id of the event there */
};

void tb_lib_checkpoint_write(const char *topic, int32_t partition,
                             const struct ticketbus_progress *progress,
                             const struct tb_sequencer *s, tb_buf *out);
/* Fills progress and the fresh sequencer. TICKETBUS_EINVAL: not a checkpoint of this partition. */
enum ticketbus_rc tb_lib_checkpoint_read(tb_str bytes, const char *topic, int32_t partition,
                                         struct ticketbus_progress *ret, struct tb_sequencer *s,
                                         struct ticketbus_error *err);

/* Files DIR/TOPIC-PARTITION.checkpoint; arg is the folder's name. */
ticketbus_load_fn tb_lib_checkpoint_load_file;
ticketbus_save_fn tb_lib_checkpoint_save_file;

#endif
