/* Commands that wait: behind poison, or for a ticket they refer to. */
#include "worker/shell/deciding.h"

struct tb_parked *tb_parked_of(const struct tb_batch *b, tb_str ticket)
{
    return tb_map_get(&b->parked, ticket);
}

enum tb_rc tb_park_ticket(struct tb_deciding *d, const struct tb_item *item, bool poison,
                          const struct tb_decision *why, struct tb_parked **ret)
{
    struct tb_parked *p = tb_parked_of(d->b, item->cmd.subject);
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
enum tb_rc tb_wait_in_line(struct tb_deciding *d, struct tb_item *item, const struct tb_parked *p)
{
    struct tb_decision decision = {
        .verdict = TB_WAITING,
        .rule = p->poison ? "parking.poison" : "parking.reference",
        .rejection = tb_rejection_find(p->code),
        .message = p->message,
        .waits_for = p->waits_for,
    };
    item->waits = true;
    tb_note_outcome(item, TB_OUTCOME_PARKED, &decision);
    tb_answer(d, &item->cmd, TB_EVENT_PARKED, &decision, item->record_time);
    return tb_end_frames(d, item);
}

static bool is_named(const struct tb_expire_data *named, const struct tb_waiting *wait)
{
    return (!tb_has(&named->p, TB_EXPIRE_WAITING_ID) || tb_str_eq(named->waiting_id, wait->id)) &&
           (!tb_has(&named->p, TB_EXPIRE_WAITING_SOURCE) ||
            tb_str_eq(named->waiting_source, wait->source));
}

/* A drop that gives up a command which does wait. */
static bool names_waiting(const struct tb_deciding *d, const struct tb_item *item)
{
    const struct tb_parked *p = tb_parked_of(d->b, item->cmd.subject);
    if (item->cmd.type->kind != TB_CMD_DROP || !p || !p->is_parked) {
        return false;
    }
    for (size_t i = 0; i < item->nwaiting; i++) {
        if (is_named(item->cmd.data, &item->waiting[i])) {
            return true;
        }
    }
    return false;
}

/* The wait for a reference is over and something in the queue is poison. Nobody would ever try
 * again (the sweep sends one command per wait): from now on the ticket waits for an operator. */
static enum tb_rc park_queue(struct tb_deciding *d, struct tb_item *item, tb_str message)
{
    struct tb_parked *p = tb_parked_of(d->b, item->cmd.subject);
    if (p && p->is_parked) {
        p->poison = true;
        p->waits_for = TB_STR_NULL;
        p->code = tb_str_of(tb_rejection_code(TB_REJECT_POISON));
        p->message = message;
    }
    item->outcome = TB_OUTCOME_INTERNAL;
    item->rule = "parking.poison";
    tb_begin_frames(d);
    return tb_end_frames(d, item);
}

enum tb_rc tb_park_poison(struct tb_deciding *d, struct tb_item *item)
{
    tb_str message =
        tb_arena_printf(d->b->arena, "the database or a worker could not take it: %.*s",
                        TB_ARG(item->poison_message));
    if (item->kind == TB_ITEM_COMMAND && item->cmd.type->kind == TB_CMD_EXPIRE) {
        return park_queue(d, item, message);
    }
    if (item->kind == TB_ITEM_COMMAND && names_waiting(d, item)) {
        return tb_unpark(d, item);
    }
    if (item->kind != TB_ITEM_COMMAND || item->cmd.type->family == TB_FAMILY_PARKING) {
        return tb_refuse(d, item, "parking.poison", TB_REJECT_POISON, TB_STR_NULL, message, true);
    }
    const struct tb_decision why = {.rejection = TB_REJECT_POISON, .message = message};
    struct tb_parked *p;
    enum tb_rc rc = tb_park_ticket(d, item, true, &why, &p);
    if (rc != TB_OK) {
        return rc;
    }
    tb_begin_frames(d);
    tb_add_dead_letter(d, item, &why);
    return tb_wait_in_line(d, item, p);
}

/* One waiting command: tried again, or given up. */
static enum tb_rc settle(struct tb_deciding *d, struct tb_waiting *wait, bool drop, bool last_wait,
                         struct tb_run *run)
{
    size_t mark = d->frames.len;
    enum tb_rc rc = TB_OK;
    if (drop || !wait->decoded) {
        *run = (struct tb_run){.outcome = TB_OUTCOME_REJECTED, .version = 0};
        run->decision = tb_decision_reject("parking.dropped", TB_REJECT_DROPPED, TB_STR_NULL,
                                           TB_LIT("an operator gave the command up"));
        tb_answer(d, &wait->cmd, TB_EVENT_REJECTED, &run->decision, d->b->now_us);
    } else {
        rc = tb_run_command(d, &wait->cmd, wait->record_time, last_wait, run);
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
 * on waiting. When something in the queue is poison, a drop gives up its command and tries no other
 * (or of two that are poison neither could ever be dropped). */
enum tb_rc tb_unpark(struct tb_deciding *d, struct tb_item *item)
{
    static const struct tb_expire_data any = {.waiting_id = {NULL, 0}};
    struct tb_parked *p = tb_parked_of(d->b, item->cmd.subject);
    enum tb_command_kind kind = item->cmd.type->kind;
    const struct tb_expire_data *named = kind == TB_CMD_DROP ? item->cmd.data : &any;
    tb_begin_frames(d);
    if (!p || !p->is_parked || (kind == TB_CMD_EXPIRE && p->poison)) {
        if (kind == TB_CMD_EXPIRE) {
            item->outcome = TB_OUTCOME_INTERNAL;
            item->rule = "parking.nothing_waits";
            return tb_end_frames(d, item);
        }
        return tb_refuse(d, item, "parking.nothing_waits", TB_REJECT_TICKET_NOT_PARKED, TB_STR_NULL,
                         TB_LIT("no command of this ticket waits"), true);
    }
    bool last_wait = kind == TB_CMD_EXPIRE && d->b->now_us >= p->deadline;
    bool dropped = kind != TB_CMD_DROP;
    size_t settled = 0;
    for (size_t i = 0; i < item->nwaiting; i++) {
        struct tb_waiting *wait = &item->waiting[i];
        bool drop = !dropped && is_named(named, wait);
        if (item->poison && !drop) {
            continue;
        }
        struct tb_run run;
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
        tb_answer(d, &item->cmd, TB_EVENT_DONE, &done, item->record_time);
    }
    return tb_end_frames(d, item);
}
