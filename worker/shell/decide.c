/* Runs a batch's commands in order against the world and turns each decision into its log row, its
 * messages and the rows to write. */
#include <stdio.h>
#include <string.h>

#include "common/base/utf8.h"
#include "common/crypto/crypto.h"
#include "common/json/event.h"
#include "worker/shell/gather.h"
#include "worker/shell/keys.h"
#include "worker/shell/outbox.h"
#include "worker/shell/worker.h"

/* Room for a message's key, headers and framing beside its value. */
#define MESSAGE_ROOM 1024
#define OUTBOX_MAX   ((size_t)256 * 1024 * 1024)

struct deciding {
    struct tb_worker *w;
    struct tb_batch *b;
    tb_buf event;  /* one message under construction */
    tb_buf frames; /* of one command */
    uint32_t nframes;
};

/* ---- rows that answer without asking the rules ---- */

/* Files the record under an id of ours: its own is taken, or it has none. */
static void log_as(struct deciding *d, struct tb_item *item, const char *kind)
{
    item->log_source = TB_LIT(TB_WORKER_SOURCE);
    item->log_id = tb_arena_printf(d->b->arena, "%s:%s/%d/%lld", kind, d->w->topic_commands,
                                   item->partition, (long long)item->offset);
    item->log_time = d->b->now_us;
}

static void add_frame(struct deciding *d, enum tb_frame_kind kind, tb_str key, tb_str body)
{
    tb_outbox_add(&d->frames, kind, key, body);
    d->nframes++;
}

static void begin_frames(struct deciding *d)
{
    tb_buf_clear(&d->frames);
    d->nframes = 0;
}

static enum tb_rc end_frames(struct deciding *d, struct tb_item *item)
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
static struct tb_event_args event_args(struct deciding *d, const struct tb_command *cmd, int64_t at)
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
static void answer_as(struct deciding *d, const struct tb_command *cmd, enum tb_event_kind kind,
                      const struct tb_decision *decision, int64_t at, const char *purpose)
{
    struct tb_event_args args = event_args(d, cmd, at);
    args.kind = kind;
    args.id = tb_command_derived_id(cmd, "evt", purpose, d->b->arena);
    args.rule = decision->rule;
    args.rejection = decision->rejection;
    args.field = decision->field;
    args.message = decision->message;
    args.waits_for = decision->waits_for;
    tb_buf_clear(&d->event);
    tb_event_render(&args, &d->event);
    add_frame(d, TB_FRAME_EVENT, cmd->subject, tb_buf_str(&d->event));
}

/* An event that carries no sequence: rejected, unchanged, parked, done. */
static void answer(struct deciding *d, const struct tb_command *cmd, enum tb_event_kind kind,
                   const struct tb_decision *decision, int64_t at)
{
    answer_as(d, cmd, kind, decision, at, tb_event_types[kind].name);
}

static void note(struct tb_item *item, enum tb_outcome outcome, const struct tb_decision *decision)
{
    item->outcome = outcome;
    item->rule = decision->rule;
    item->log_code = tb_str_of(tb_rejection_code(decision->rejection));
    item->log_message = decision->message;
}

/* Refuses without asking the rules. own_id: the refusal is the command's outcome; else its id is
 * another's, or not remembered, and the refusal is filed under one of ours: its event is that of
 * the record, not of the command, whose own answer has another id. */
static enum tb_rc refuse(struct deciding *d, struct tb_item *item, const char *rule,
                         enum tb_rejection why, tb_str field, tb_str message, bool own_id)
{
    struct tb_decision decision = tb_decision_reject(rule, why, field, message);
    note(item, TB_OUTCOME_REJECTED, &decision);
    begin_frames(d);
    if (own_id) {
        answer(d, &item->cmd, TB_EVENT_REJECTED, &decision, item->record_time);
        return end_frames(d, item);
    }
    log_as(d, item, "refused");
    if (tb_str_is_null(item->log_id)) {
        return TB_ENOMEM;
    }
    answer_as(d, &item->cmd, TB_EVENT_REJECTED, &decision, item->record_time, item->log_id.ptr);
    return end_frames(d, item);
}

static void add_dead_letter(struct deciding *d, const struct tb_item *item,
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
    tb_str key = known ? item->cmd.subject : tb_utf8_valid(item->key) ? item->key : TB_STR_NULL;
    tb_buf_clear(&d->event);
    tb_dead_letter_render(&letter, d->w->message_max - MESSAGE_ROOM, &d->event);
    add_frame(d, TB_FRAME_DEAD, tb_str_is_null(key) ? TB_LIT("") : key, tb_buf_str(&d->event));
}

static enum tb_rc dead_letter(struct deciding *d, struct tb_item *item)
{
    struct tb_decision decision =
        tb_decision_reject("wire.dead_letter", item->rejection, item->field, item->message);
    note(item, TB_OUTCOME_DEAD, &decision);
    log_as(d, item, "dead");
    begin_frames(d);
    add_dead_letter(d, item, &decision);
    return end_frames(d, item);
}

static enum tb_rc forward(struct deciding *d, struct tb_item *item)
{
    item->outcome = TB_OUTCOME_FORWARDED;
    item->rule = "wire.wrong_partition";
    log_as(d, item, "forwarded");
    begin_frames(d);
    add_frame(d, item->is_signed ? TB_FRAME_INTERNAL : TB_FRAME_FORWARD, item->cmd.subject,
              item->value);
    return end_frames(d, item);
}

/* The same command again: its events again, as they were, marked as repeats. */
static enum tb_rc repeat(struct deciding *d, struct tb_item *item, const struct tb_seen *seen)
{
    item->outcome = TB_OUTCOME_REPEAT;
    item->rule = "wire.repeat";
    log_as(d, item, "repeat");
    begin_frames(d);
    struct tb_frame f;
    tb_str rest = seen->item ? seen->item->outbox : seen->outbox;
    while (!item->cmd.type->internal && tb_outbox_next(&rest, &f)) {
        if (f.kind == TB_FRAME_EVENT) {
            add_frame(d, TB_FRAME_REPEAT, f.key, f.body);
        }
    }
    return end_frames(d, item);
}

/* ---- running a command ---- */

struct run {
    enum tb_outcome outcome;
    struct tb_decision decision;
    int64_t version; /* of the subject afterwards */
    bool waiting;    /* refers to what is not there yet; nothing was done */
};

static struct tb_context context_of(struct deciding *d, const struct tb_command *cmd, int64_t at,
                                    bool last_wait)
{
    return (struct tb_context){
        .now_us = at,
        .comment_id = tb_command_comment_id(cmd, d->b->arena),
        .commit_id = tb_command_derived_id(cmd, "tc", "commit", d->b->arena),
        .board_id = tb_command_derived_id(cmd, "board", "board", d->b->arena),
        .last_wait = last_wait,
    };
}

static int64_t version_of(const struct tb_batch *b, const struct tb_command *cmd)
{
    if (cmd->type->family == TB_FAMILY_BOARD) {
        const struct tb_board *board = tb_world_board(b->world, cmd->subject);
        return board ? board->version : 0;
    }
    const struct tb_ticket *t = tb_world_ticket(b->world, cmd->subject);
    return t ? t->version : 0;
}

/* Renders the decision's events; false when one of them is too large to be published. */
static bool render_events(struct deciding *d, const struct tb_command *cmd,
                          const struct tb_decision *decision, int64_t version, int64_t at)
{
    struct tb_event_args args = event_args(d, cmd, at);
    args.count = (unsigned)decision->nchanges;
    args.rule = decision->rule;
    for (size_t i = 0; i < decision->nchanges; i++) {
        const struct tb_change *change = &decision->changes[i];
        char purpose[32];
        (void)snprintf(purpose, sizeof purpose, "event %zu", i + 1);
        args.kind = change->event;
        args.change = change;
        args.index = (unsigned)i + 1;
        args.sequence = version + (int64_t)i + 1;
        args.id = tb_command_derived_id(cmd, "evt", purpose, d->b->arena);
        tb_buf_clear(&d->event);
        tb_event_render(&args, &d->event);
        if (d->event.failed || d->event.len > d->w->message_max - MESSAGE_ROOM) {
            return false;
        }
        add_frame(d, TB_FRAME_EVENT, cmd->subject, tb_buf_str(&d->event));
    }
    return true;
}

static enum tb_rc render_messages(struct deciding *d, const struct tb_command *cmd,
                                  const struct tb_decision *decision, int64_t at)
{
    for (size_t i = 0; i < decision->nmessages; i++) {
        tb_str body;
        enum tb_rc rc = tb_internal_render(cmd, at, &decision->messages[i], d->b->arena, &body);
        if (rc != TB_OK) {
            return rc;
        }
        add_frame(d, TB_FRAME_INTERNAL, decision->messages[i].subject, body);
    }
    return TB_OK;
}

/* A ticket has come to be: those whose commands wait for it are told. */
static enum tb_rc wake_waiters(struct deciding *d, const struct tb_command *cmd, int64_t at)
{
    const struct tb_keyset *waiters = tb_map_get(&d->b->waiters, cmd->subject);
    for (size_t i = 0; waiters && i < waiters->n; i++) {
        const struct tb_message retry = {.kind = TB_MESSAGE_RETRY, .subject = waiters->items[i]};
        tb_str body;
        enum tb_rc rc = tb_internal_render(cmd, at, &retry, d->b->arena, &body);
        if (rc != TB_OK) {
            return rc;
        }
        add_frame(d, TB_FRAME_INTERNAL, retry.subject, body);
    }
    return TB_OK;
}

static void reject_size(struct deciding *d, const struct tb_command *cmd, struct run *run,
                        int64_t at)
{
    run->decision = tb_decision_reject(
        "wire.event_too_large", TB_REJECT_MESSAGE_TOO_LARGE, TB_STR_NULL,
        tb_arena_printf(d->b->arena, "an event of this command would be larger than %zu bytes",
                        d->w->message_max));
    run->outcome = TB_OUTCOME_REJECTED;
    answer(d, cmd, TB_EVENT_REJECTED, &run->decision, at);
}

/* Decides and, unless the command waits, renders, evolves the world and gathers the writes. Frames
 * are appended to d->frames. */
static enum tb_rc run_command(struct deciding *d, const struct tb_command *cmd, int64_t at,
                              bool last_wait, struct run *run)
{
    struct tb_batch *b = d->b;
    struct tb_context ctx = context_of(d, cmd, at, last_wait);
    *run = (struct run){.outcome = TB_OUTCOME_APPLIED};
    enum tb_rc rc = tb_world_decide(b->world, cmd, &ctx, &run->decision);
    if (rc != TB_OK) {
        return rc;
    }
    int64_t version = version_of(b, cmd);
    run->version = version;
    if (run->decision.verdict == TB_WAITING) {
        run->waiting = true;
        return TB_OK;
    }
    if (run->decision.verdict == TB_REJECTED) {
        run->outcome = cmd->type->internal ? TB_OUTCOME_INTERNAL : TB_OUTCOME_REJECTED;
        if (!cmd->type->internal) {
            answer(d, cmd, TB_EVENT_REJECTED, &run->decision, at);
        }
        return TB_OK;
    }
    size_t mark = d->frames.len;
    uint32_t nframes = d->nframes;
    if (!render_events(d, cmd, &run->decision, version, at)) {
        d->frames.len = mark;
        d->nframes = nframes;
        reject_size(d, cmd, run, at);
        return TB_OK;
    }
    if (run->decision.verdict == TB_UNCHANGED) {
        run->outcome = cmd->type->internal ? TB_OUTCOME_INTERNAL : TB_OUTCOME_UNCHANGED;
        if (!cmd->type->internal) {
            answer(d, cmd, TB_EVENT_UNCHANGED, &run->decision, at);
        }
    }
    rc = render_messages(d, cmd, &run->decision, at);
    if (rc == TB_OK && version == 0 && run->decision.nchanges > 0) {
        rc = wake_waiters(d, cmd, at);
    }
    rc = rc != TB_OK ? rc : tb_world_commit(b->world, cmd, &run->decision);
    run->version = version_of(b, cmd);
    return rc != TB_OK ? rc : tb_gather(b, cmd, &run->decision, version);
}

/* ---- parking ---- */

static struct tb_parked *parked_of(const struct tb_batch *b, tb_str ticket)
{
    return tb_map_get(&b->parked, ticket);
}

static enum tb_rc park_ticket(struct deciding *d, const struct tb_item *item, bool poison,
                              const struct tb_decision *why, struct tb_parked **ret)
{
    struct tb_parked *p = parked_of(d->b, item->cmd.subject);
    if (!p) {
        p = TB_NEW(d->b->arena, struct tb_parked);
        if (!p || !tb_map_put(&d->b->parked, item->cmd.subject, p)) {
            return TB_ENOMEM;
        }
        p->ticket_id = item->cmd.subject;
    }
    if (!p->is_parked) {
        p->is_parked = true;
        p->parked_at = d->b->now_us;
        p->poison = poison;
        p->waits_for = why->waits_for;
        p->deadline = d->b->now_us + tb_config_int(d->w->cfg, TB_CFG(REFERENCE_WAIT_S)) * 1000000;
        p->code = tb_str_of(poison ? tb_rejection_code(TB_REJECT_POISON)
                                   : tb_rejection_code(TB_REJECT_REFERENCE_NOT_FOUND));
        p->message = why->message;
    }
    *ret = p;
    return TB_OK;
}

/* The command goes to the end of its ticket's queue. */
static enum tb_rc wait_in_line(struct deciding *d, struct tb_item *item, const struct tb_parked *p)
{
    struct tb_decision decision = {
        .verdict = TB_WAITING,
        .rule = p->poison ? "parking.poison" : "parking.reference",
        .rejection = tb_rejection_find(p->code),
        .message = p->message,
        .waits_for = p->waits_for,
    };
    item->waits = true;
    note(item, TB_OUTCOME_PARKED, &decision);
    answer(d, &item->cmd, TB_EVENT_PARKED, &decision, item->record_time);
    return end_frames(d, item);
}

static enum tb_rc park_poison(struct deciding *d, struct tb_item *item)
{
    tb_str message =
        tb_arena_printf(d->b->arena, "the database or a worker could not take it: %.*s",
                        TB_ARG(item->poison_message));
    if (item->kind != TB_ITEM_COMMAND || item->cmd.type->family == TB_FAMILY_PARKING) {
        return refuse(d, item, "parking.poison", TB_REJECT_POISON, TB_STR_NULL, message, true);
    }
    const struct tb_decision why = {.rejection = TB_REJECT_POISON, .message = message};
    struct tb_parked *p;
    enum tb_rc rc = park_ticket(d, item, true, &why, &p);
    if (rc != TB_OK) {
        return rc;
    }
    begin_frames(d);
    add_dead_letter(d, item, &why);
    return wait_in_line(d, item, p);
}

static bool is_named(const struct tb_expire_data *named, const struct tb_waiting *wait)
{
    return (!tb_has(&named->p, TB_EXPIRE_WAITING_ID) || tb_str_eq(named->waiting_id, wait->id)) &&
           (!tb_has(&named->p, TB_EXPIRE_WAITING_SOURCE) ||
            tb_str_eq(named->waiting_source, wait->source));
}

/* One waiting command: tried again, or given up. */
static enum tb_rc settle(struct deciding *d, struct tb_waiting *wait, bool drop, bool last_wait,
                         struct run *run)
{
    size_t mark = d->frames.len;
    enum tb_rc rc = TB_OK;
    if (drop || !wait->decoded) {
        *run = (struct run){.outcome = TB_OUTCOME_REJECTED, .version = 0};
        run->decision = tb_decision_reject("parking.dropped", TB_REJECT_DROPPED, TB_STR_NULL,
                                           TB_LIT("an operator gave the command up"));
        answer(d, &wait->cmd, TB_EVENT_REJECTED, &run->decision, d->b->now_us);
    } else {
        rc = run_command(d, &wait->cmd, wait->record_time, last_wait, run);
    }
    if (rc != TB_OK || run->waiting) {
        return rc;
    }
    wait->done = true;
    wait->outcome = run->outcome;
    wait->decision = run->decision;
    wait->version = run->version;
    wait->frames = tb_arena_str(d->b->arena, (tb_str){d->frames.ptr + mark, d->frames.len - mark});
    return tb_str_is_null(wait->frames) ? TB_ENOMEM : TB_OK;
}

/* replay, drop and expire: the waiting commands of a parked ticket, in order, until one has to go
 * on waiting. */
static enum tb_rc unpark(struct deciding *d, struct tb_item *item)
{
    static const struct tb_expire_data any = {.waiting_id = {NULL, 0}};
    struct tb_parked *p = parked_of(d->b, item->cmd.subject);
    enum tb_command_kind kind = item->cmd.type->kind;
    const struct tb_expire_data *named = kind == TB_CMD_DROP ? item->cmd.data : &any;
    begin_frames(d);
    if (!p || !p->is_parked || (kind == TB_CMD_EXPIRE && p->poison)) {
        if (kind == TB_CMD_EXPIRE) {
            item->outcome = TB_OUTCOME_INTERNAL;
            item->rule = "parking.nothing_waits";
            return end_frames(d, item);
        }
        return refuse(d, item, "parking.nothing_waits", TB_REJECT_TICKET_NOT_PARKED, TB_STR_NULL,
                      TB_LIT("no command of this ticket waits"), true);
    }
    bool last_wait = kind == TB_CMD_EXPIRE && d->b->now_us >= p->deadline;
    bool dropped = kind != TB_CMD_DROP;
    size_t settled = 0;
    for (size_t i = 0; i < item->nwaiting; i++) {
        struct tb_waiting *wait = &item->waiting[i];
        bool drop = !dropped && is_named(named, wait);
        struct run run;
        enum tb_rc rc = settle(d, wait, drop, last_wait, &run);
        if (rc != TB_OK) {
            return rc;
        }
        dropped = dropped || drop;
        if (run.waiting) {
            p->poison = false;
            p->waits_for = run.decision.waits_for;
            p->message = run.decision.message;
            p->code = tb_str_of(tb_rejection_code(TB_REJECT_REFERENCE_NOT_FOUND));
            p->deadline =
                p->deadline > d->b->now_us
                    ? p->deadline
                    : d->b->now_us + tb_config_int(d->w->cfg, TB_CFG(REFERENCE_WAIT_S)) * 1000000;
            break;
        }
        settled++;
    }
    p->is_parked = settled < item->nwaiting;
    item->outcome = kind == TB_CMD_EXPIRE ? TB_OUTCOME_INTERNAL : TB_OUTCOME_APPLIED;
    item->rule = "parking.settled";
    if (kind != TB_CMD_EXPIRE) {
        const struct tb_decision done = {
            .rule = item->rule,
            .message = tb_arena_printf(d->b->arena, "%zu of %zu waiting commands were settled",
                                       settled, item->nwaiting),
        };
        answer(d, &item->cmd, TB_EVENT_DONE, &done, item->record_time);
    }
    return end_frames(d, item);
}

/* ---- one record ---- */

static enum tb_rc decide_command(struct deciding *d, struct tb_item *item)
{
    struct tb_parked *p = parked_of(d->b, item->cmd.subject);
    if (item->cmd.type->family == TB_FAMILY_PARKING) {
        return unpark(d, item);
    }
    begin_frames(d);
    if (p && p->is_parked) {
        return wait_in_line(d, item, p);
    }
    bool may_wait = tb_config_int(d->w->cfg, TB_CFG(REFERENCE_WAIT_S)) > 0;
    struct run run;
    enum tb_rc rc = run_command(d, &item->cmd, item->record_time, !may_wait, &run);
    if (rc != TB_OK) {
        return rc;
    }
    if (run.waiting) {
        rc = park_ticket(d, item, false, &run.decision, &p);
        return rc != TB_OK ? rc : wait_in_line(d, item, p);
    }
    note(item, run.outcome, &run.decision);
    item->version = run.version;
    return end_frames(d, item);
}

/* Too old to know whether it was seen before, or from the future; TB_REJECT_NONE when neither. */
static enum tb_rejection check_age(const struct deciding *d, const struct tb_item *item)
{
    if (item->cmd.type && item->cmd.type->internal) {
        return TB_REJECT_NONE;
    }
    int64_t retention = tb_config_int(d->w->cfg, TB_CFG(OUTCOME_RETENTION_H)) * 3600 * 1000000;
    int64_t skew = tb_config_int(d->w->cfg, TB_CFG(CLOCK_SKEW_S)) * 1000000;
    if (item->cmd.stable_time < d->b->now_us - retention) {
        return TB_REJECT_STALE_COMMAND;
    }
    return item->cmd.stable_time > d->b->now_us + skew ? TB_REJECT_FUTURE_COMMAND : TB_REJECT_NONE;
}

static enum tb_rc remember(struct deciding *d, const struct tb_item *item, tb_str key)
{
    struct tb_seen *seen = TB_NEW(d->b->arena, struct tb_seen);
    if (!seen) {
        return TB_ENOMEM;
    }
    *seen = (struct tb_seen){
        .source = item->cmd.source,
        .id = item->cmd.id,
        .body_hash = {(const char *)item->cmd.body_hash, sizeof item->cmd.body_hash},
        .item = item,
    };
    return tb_map_put(&d->b->seen, key, seen) ? TB_OK : TB_ENOMEM;
}

static enum tb_rc decide_known(struct deciding *d, struct tb_item *item)
{
    tb_str key = tb_pair(d->b->arena, item->cmd.source, item->cmd.id);
    const struct tb_seen *seen = tb_map_get(&d->b->seen, key);
    if (seen) {
        if (seen->body_hash.len == sizeof item->cmd.body_hash &&
            memcmp(seen->body_hash.ptr, item->cmd.body_hash, seen->body_hash.len) == 0) {
            return repeat(d, item, seen);
        }
        return refuse(d, item, "wire.idempotency", TB_REJECT_IDEMPOTENCY_MISMATCH, TB_LIT("id"),
                      tb_arena_printf(d->b->arena,
                                      "the id \"%.*s\" was used before with another body",
                                      TB_ARG(item->cmd.id)),
                      false);
    }
    enum tb_rejection age = check_age(d, item);
    if (age != TB_REJECT_NONE) {
        return refuse(d, item, "wire.age", age, TB_LIT("time"),
                      tb_str_of(tb_rejection_sentence(age)), false);
    }
    enum tb_rc rc = remember(d, item, key);
    if (rc != TB_OK) {
        return rc;
    }
    if (item->poison) {
        return park_poison(d, item);
    }
    if (item->kind == TB_ITEM_REJECT) {
        return refuse(d, item, "wire.invalid", item->rejection, item->field, item->message, true);
    }
    return decide_command(d, item);
}

static enum tb_rc decide_item(struct deciding *d, struct tb_item *item)
{
    /* A batch may be tried again: results of the last try are void. */
    item->waits = false;
    item->rule = NULL;
    item->version = 0;
    item->log_code = TB_LIT("");
    item->log_message = TB_STR_NULL;
    item->log_source = item->cmd.source;
    item->log_id = item->cmd.id;
    item->log_time = item->cmd.stable_time;
    for (size_t i = 0; i < item->nwaiting; i++) {
        item->waiting[i].done = false;
    }
    if (item->kind == TB_ITEM_DEAD) {
        return dead_letter(d, item);
    }
    if (tb_partition_of(item->cmd.subject, d->w->ncommand_partitions) != item->partition) {
        return forward(d, item);
    }
    return decide_known(d, item);
}

enum tb_rc tb_batch_decide(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct deciding d = {.w = w, .b = b};
    tb_buf_init(&d.event, w->message_max + (size_t)1024 * 1024);
    tb_buf_init(&d.frames, OUTBOX_MAX);
    enum tb_rc rc = TB_OK;
    for (size_t i = 0; i < b->n && rc == TB_OK; i++) {
        struct tb_item *item = &b->items[i];
        if (item->record_time > b->now_us || item->record_time == TB_TIME_NONE) {
            item->record_time = b->now_us;
        }
        if (item->cmd.stable_time == TB_TIME_NONE) {
            item->cmd.stable_time = item->record_time;
        }
        rc = decide_item(&d, item);
    }
    tb_buf_dispose(&d.event);
    tb_buf_dispose(&d.frames);
    if (rc == TB_OK && tb_arena_failed(b->arena)) {
        rc = TB_ENOMEM;
    }
    return rc == TB_OK ? TB_OK : tb_fail(err, rc, "the batch does not fit into memory");
}
