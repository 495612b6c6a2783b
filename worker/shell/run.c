/* Runs one command: decide, render, evolve, gather. */
#include <stdio.h>

#include "worker/shell/deciding.h"
#include "worker/shell/gather.h"
#include "worker/shell/keys.h"

static struct tb_context context_of(struct tb_deciding *d, const struct tb_command *cmd, int64_t at,
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
static bool render_events(struct tb_deciding *d, const struct tb_command *cmd,
                          const struct tb_decision *decision, int64_t version, int64_t at)
{
    struct tb_event_args args = tb_event_args_of(d, cmd, at);
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
        if (d->event.failed || d->event.len > d->w->message_max - TB_MESSAGE_ROOM) {
            return false;
        }
        tb_add_frame(d, TB_FRAME_EVENT, cmd->subject, tb_buf_str(&d->event));
    }
    return true;
}

static enum tb_rc render_messages(struct tb_deciding *d, const struct tb_command *cmd,
                                  const struct tb_decision *decision, int64_t at)
{
    for (size_t i = 0; i < decision->nmessages; i++) {
        tb_str body;
        enum tb_rc rc =
            tb_internal_render(cmd, d->b->now_us, at, &decision->messages[i], d->b->arena, &body);
        if (rc != TB_OK) {
            return rc;
        }
        tb_add_frame(d, TB_FRAME_INTERNAL, decision->messages[i].subject, body);
    }
    return TB_OK;
}

/* A ticket has come to be: those whose commands wait for it are told. */
static enum tb_rc wake_waiters(struct tb_deciding *d, const struct tb_command *cmd, int64_t at)
{
    const struct tb_keyset *waiters = tb_map_get(&d->b->waiters, cmd->subject);
    for (size_t i = 0; waiters && i < waiters->n; i++) {
        const struct tb_message retry = {.kind = TB_MESSAGE_RETRY, .subject = waiters->items[i]};
        tb_str body;
        enum tb_rc rc = tb_internal_render(cmd, d->b->now_us, at, &retry, d->b->arena, &body);
        if (rc != TB_OK) {
            return rc;
        }
        tb_add_frame(d, TB_FRAME_INTERNAL, retry.subject, body);
    }
    return TB_OK;
}

static void reject_size(struct tb_deciding *d, const struct tb_command *cmd, struct tb_run *run,
                        int64_t at)
{
    run->decision = tb_decision_reject(
        "wire.event_too_large", TB_REJECT_MESSAGE_TOO_LARGE, TB_STR_NULL,
        tb_arena_printf(d->b->arena, "an event of this command would be larger than %zu bytes",
                        d->w->message_max));
    run->outcome = TB_OUTCOME_REJECTED;
    tb_answer(d, cmd, TB_EVENT_REJECTED, &run->decision, at);
}

/* Decides and, unless the command waits, renders, evolves the world and gathers the writes. Frames
 * are appended to d->frames. */
enum tb_rc tb_run_command(struct tb_deciding *d, const struct tb_command *cmd, int64_t at,
                          bool last_wait, struct tb_run *run)
{
    struct tb_batch *b = d->b;
    struct tb_context ctx = context_of(d, cmd, at, last_wait);
    *run = (struct tb_run){.outcome = TB_OUTCOME_APPLIED};
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
            tb_answer(d, cmd, TB_EVENT_REJECTED, &run->decision, at);
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
            tb_answer(d, cmd, TB_EVENT_UNCHANGED, &run->decision, at);
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
