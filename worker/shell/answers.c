/* Messages of a batch, and the records that are answered without asking the rules. */
#include <string.h>

#include "common/base/utf8.h"
#include "common/model/limits.h"
#include "worker/shell/deciding.h"
#include "worker/shell/keys.h"

/* Files the record under an id of ours: its own is taken, or it has none. */
static void tb_log_as(struct tb_deciding *d, struct tb_item *item, const char *kind)
{
    item->log_source = TB_LIT(TB_WORKER_SOURCE);
    item->log_id = tb_arena_printf(d->b->arena, "%s:%s/%d/%lld", kind, d->w->topic_commands,
                                   item->partition, (long long)item->offset);
    item->log_time = d->b->now_us;
}

void tb_add_frame(struct tb_deciding *d, enum tb_frame_kind kind, tb_str key, tb_str body)
{
    tb_outbox_add(&d->frames, kind, key, body);
    d->nframes++;
}

void tb_begin_frames(struct tb_deciding *d)
{
    tb_buf_clear(&d->frames);
    d->nframes = 0;
}

enum tb_rc tb_end_frames(struct tb_deciding *d, struct tb_item *item)
{
    item->outbox = tb_buf_take(&d->frames, d->b->arena);
    item->nframes = d->nframes;
    return tb_str_is_null(item->outbox) ? TB_ENOMEM : TB_OK;
}

/* The subject's workflow, or the one a command for what is not there yet names. */
static tb_str workflow_of(const struct tb_batch *b, const struct tb_command *cmd)
{
    const struct tb_ticket *t = tb_world_ticket(b->world, cmd->subject);
    return t && tb_ticket_exists(t) ? tb_ticket_str(t, TB_TICKET_WORKFLOW_ID)
                                    : tb_command_workflow(cmd);
}

/* Everything events of one command have in common. */
struct tb_event_args tb_event_args_of(struct tb_deciding *d, const struct tb_command *cmd,
                                      int64_t at)
{
    return (struct tb_event_args){
        .cmd = cmd,
        .time_us = at,
        .workflow_id = workflow_of(d->b, cmd),
        .index = 1,
        .count = 1,
    };
}

/* An event whose id follows from the command and the purpose. */
static void answer_as(struct tb_deciding *d, const struct tb_command *cmd, enum tb_event_kind kind,
                      const struct tb_decision *decision, int64_t at, const char *purpose)
{
    struct tb_event_args args = tb_event_args_of(d, cmd, at);
    args.kind = kind;
    args.id = tb_command_derived_id(cmd, "evt", purpose, d->b->arena);
    args.rule = decision->rule;
    args.rejection = decision->rejection;
    args.field = decision->field;
    args.message = decision->message;
    args.waits_for = decision->waits_for;
    tb_buf_clear(&d->event);
    tb_event_render(&args, &d->event);
    tb_add_frame(d, TB_FRAME_EVENT, cmd->subject, tb_buf_str(&d->event));
}

/* An event that carries no sequence: rejected, unchanged, parked, done. */
void tb_answer(struct tb_deciding *d, const struct tb_command *cmd, enum tb_event_kind kind,
               const struct tb_decision *decision, int64_t at)
{
    answer_as(d, cmd, kind, decision, at, tb_event_types[kind].name);
}

void tb_note_outcome(struct tb_item *item, enum tb_outcome outcome,
                     const struct tb_decision *decision)
{
    item->outcome = outcome;
    item->rule = decision->rule;
    item->log_code = tb_str_of(tb_rejection_code(decision->rejection));
    item->log_message = decision->message;
}

/* Refuses without asking the rules. own_id: the refusal is the command's outcome; else its id is
 * another's, or not remembered, and the refusal is filed under one of ours: its event is that of
 * the record, not of the command, whose own answer has another id. */
enum tb_rc tb_refuse(struct tb_deciding *d, struct tb_item *item, const char *rule,
                     enum tb_rejection why, tb_str field, tb_str message, bool own_id)
{
    struct tb_decision decision = tb_decision_reject(rule, why, field, message);
    tb_note_outcome(item, TB_OUTCOME_REJECTED, &decision);
    tb_begin_frames(d);
    if (own_id) {
        tb_answer(d, &item->cmd, TB_EVENT_REJECTED, &decision, item->record_time);
        return tb_end_frames(d, item);
    }
    tb_log_as(d, item, "refused");
    if (tb_str_is_null(item->log_id)) {
        return TB_ENOMEM;
    }
    answer_as(d, &item->cmd, TB_EVENT_REJECTED, &decision, item->record_time, item->log_id.ptr);
    return tb_end_frames(d, item);
}

/* A foreign key goes along where it fits: into a text column, and beside the largest letter. */
static bool may_be_key(tb_str key)
{
    return key.ptr && key.len <= TB_MAX_ID_CHARS && !memchr(key.ptr, 0, key.len) &&
           tb_utf8_valid(key);
}

void tb_add_dead_letter(struct tb_deciding *d, const struct tb_item *item,
                        const struct tb_decision *why)
{
    bool known = item->kind != TB_ITEM_DEAD;
    const struct tb_dead_letter letter = {
        .id = tb_arena_printf(d->b->arena, "dead:%s/%d/%lld", d->w->topic_commands, item->partition,
                              (long long)item->offset),
        .time_us = item->record_time,
        .subject = known ? item->cmd.subject : TB_STR_NULL,
        .rejection = why->rejection,
        .field = why->field,
        .message = why->message,
        .topic = tb_str_of(d->w->topic_commands),
        .partition = item->partition,
        .offset = item->offset,
        .key = item->key,
        .original = item->value,
    };
    tb_str key = known ? item->cmd.subject : may_be_key(item->key) ? item->key : TB_LIT("");
    tb_buf_clear(&d->event);
    tb_dead_letter_render(&letter, d->w->message_max - TB_MESSAGE_ROOM, &d->event);
    tb_add_frame(d, TB_FRAME_DEAD, key, tb_buf_str(&d->event));
}

enum tb_rc tb_dead_letter_item(struct tb_deciding *d, struct tb_item *item)
{
    struct tb_decision decision =
        tb_decision_reject("wire.dead_letter", item->rejection, item->field, item->message);
    tb_note_outcome(item, TB_OUTCOME_DEAD, &decision);
    tb_log_as(d, item, "dead");
    tb_begin_frames(d);
    tb_add_dead_letter(d, item, &decision);
    return tb_end_frames(d, item);
}

enum tb_rc tb_forward(struct tb_deciding *d, struct tb_item *item)
{
    if (item->value.len > d->w->message_max - TB_MESSAGE_ROOM) {
        return tb_refuse(d, item, "wire.wrong_partition", TB_REJECT_MESSAGE_TOO_LARGE, TB_STR_NULL,
                         TB_LIT("the message lies on a wrong partition and is too large to be "
                                "forwarded"),
                         false);
    }
    item->outcome = TB_OUTCOME_FORWARDED;
    item->rule = "wire.wrong_partition";
    tb_log_as(d, item, "forwarded");
    tb_begin_frames(d);
    tb_add_frame(d, item->is_signed ? TB_FRAME_INTERNAL : TB_FRAME_FORWARD, item->cmd.subject,
                 item->value);
    return tb_end_frames(d, item);
}

/* The same command again: its events again, as they were, marked as repeats. */
enum tb_rc tb_repeat(struct tb_deciding *d, struct tb_item *item, const struct tb_seen *seen)
{
    item->outcome = TB_OUTCOME_REPEAT;
    item->rule = "wire.repeat";
    tb_log_as(d, item, "repeat");
    tb_begin_frames(d);
    struct tb_frame f;
    tb_str rest = seen->item ? seen->item->outbox : seen->outbox;
    while (!item->cmd.type->internal && tb_outbox_next(&rest, &f)) {
        if (f.kind == TB_FRAME_EVENT) {
            tb_add_frame(d, TB_FRAME_REPEAT, f.key, f.body);
        }
    }
    return tb_end_frames(d, item);
}
