/* Shared by the files that decide a batch: answers.c, run.c, parking.c, decide.c. */
#ifndef TB_WORKER_SHELL_DECIDING_H
#define TB_WORKER_SHELL_DECIDING_H

#include "common/json/event.h"
#include "worker/shell/outbox.h"
#include "worker/shell/worker.h"

/* Room for a message's key, headers and framing beside its value. */
#define TB_MESSAGE_ROOM 1024

struct tb_deciding {
    struct tb_worker *w;
    struct tb_batch *b;
    tb_buf event;  /* one message under construction */
    tb_buf frames; /* of one command */
    uint32_t nframes;
};

/* What became of one command. */
struct tb_run {
    enum tb_outcome outcome;
    struct tb_decision decision;
    int64_t version; /* of the subject afterwards */
    bool waiting;    /* refers to what is not there yet; nothing was done */
};

/* ---- answers.c: messages, and records answered without asking the rules ---- */
/* Appends one message to the frames of the command at hand. */
void tb_add_frame(struct tb_deciding *d, enum tb_frame_kind kind, tb_str key, tb_str body);
/* Frames of a record: begun empty, taken into item->outbox. */
void tb_begin_frames(struct tb_deciding *d);
enum tb_rc tb_end_frames(struct tb_deciding *d, struct tb_item *item);
/* Everything events of one command have in common. */
struct tb_event_args tb_event_args_of(struct tb_deciding *d, const struct tb_command *cmd,
                                      int64_t at);
/* Adds an event that carries no sequence: rejected, unchanged, parked, done. */
void tb_answer(struct tb_deciding *d, const struct tb_command *cmd, enum tb_event_kind kind,
               const struct tb_decision *decision, int64_t at);
/* Fills the item's log row. */
void tb_note_outcome(struct tb_item *item, enum tb_outcome outcome,
                     const struct tb_decision *decision);
/* Refuses without asking the rules. own_id: the refusal is the command's outcome; else its id is
 * taken by another and the refusal is filed under one of ours. */
enum tb_rc tb_refuse(struct tb_deciding *d, struct tb_item *item, const char *rule,
                     enum tb_rejection why, tb_str field, tb_str message, bool own_id);
void tb_add_dead_letter(struct tb_deciding *d, const struct tb_item *item,
                        const struct tb_decision *why);
enum tb_rc tb_dead_letter_item(struct tb_deciding *d, struct tb_item *item);
/* A record found on a partition that is not its ticket's. */
enum tb_rc tb_forward(struct tb_deciding *d, struct tb_item *item);
/* The same command again: its events again, as they were, marked as repeats. */
enum tb_rc tb_repeat(struct tb_deciding *d, struct tb_item *item, const struct tb_seen *seen);

/* ---- run.c: a command against the world ---- */
/* Decides and, unless the command waits, renders, evolves the world and gathers the writes. Frames
 * are appended. last_wait: reject instead of waiting for a reference. */
enum tb_rc tb_run_command(struct tb_deciding *d, const struct tb_command *cmd, int64_t at,
                          bool last_wait, struct tb_run *run);

/* ---- parking.c: commands that wait ---- */
/* NULL when the ticket was not parked in this batch or before. */
struct tb_parked *tb_parked_of(const struct tb_batch *b, tb_str ticket);
enum tb_rc tb_park_ticket(struct tb_deciding *d, const struct tb_item *item, bool poison,
                          const struct tb_decision *why, struct tb_parked **ret);
/* The command goes to the end of its ticket's queue. */
enum tb_rc tb_wait_in_line(struct tb_deciding *d, struct tb_item *item, const struct tb_parked *p);
/* Parks the ticket behind a command the database or a worker could not take. */
enum tb_rc tb_park_poison(struct tb_deciding *d, struct tb_item *item);
/* replay, drop and expire: tries the waiting commands in order, until one has to go on waiting. */
enum tb_rc tb_unpark(struct tb_deciding *d, struct tb_item *item);

#endif
