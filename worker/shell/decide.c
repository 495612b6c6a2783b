/* Runs a batch's commands in order against the world and turns each decision into its log row, its
 * messages and the rows to write. */
#include <string.h>

#include "worker/shell/deciding.h"
#include "worker/shell/keys.h"

#define OUTBOX_MAX ((size_t)256 * 1024 * 1024)

static enum tb_rc decide_command(struct tb_deciding *d, struct tb_item *item)
{
    struct tb_parked *p = tb_parked_of(d->b, item->cmd.subject);
    if (item->cmd.type->family == TB_FAMILY_PARKING) {
        return tb_unpark(d, item);
    }
    tb_begin_frames(d);
    if (p && p->is_parked) {
        return tb_wait_in_line(d, item, p);
    }
    bool may_wait = tb_config_int(d->w->cfg, TB_CFG(REFERENCE_WAIT_S)) > 0;
    struct tb_run run;
    enum tb_rc rc = tb_run_command(d, &item->cmd, item->record_time, !may_wait, &run);
    if (rc != TB_OK) {
        return rc;
    }
    if (run.waiting) {
        rc = tb_park_ticket(d, item, false, &run.decision, &p);
        return rc != TB_OK ? rc : tb_wait_in_line(d, item, p);
    }
    tb_note_outcome(item, run.outcome, &run.decision);
    item->version = run.version;
    return tb_end_frames(d, item);
}

/* Too old to know whether it was seen before, or from the future; TB_REJECT_NONE when neither. */
static enum tb_rejection check_age(const struct tb_deciding *d, const struct tb_item *item)
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

static enum tb_rc remember(struct tb_deciding *d, const struct tb_item *item, tb_str key)
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

static enum tb_rc decide_known(struct tb_deciding *d, struct tb_item *item)
{
    tb_str key = tb_pair(d->b->arena, item->cmd.source, item->cmd.id);
    const struct tb_seen *seen = tb_map_get(&d->b->seen, key);
    if (seen) {
        /* What is signed is our own: the indexer may say the same thing in other words after a
         * crash. */
        bool ours = item->is_signed && item->cmd.type && item->cmd.type->internal;
        if (ours || (seen->body_hash.len == sizeof item->cmd.body_hash &&
                     memcmp(seen->body_hash.ptr, item->cmd.body_hash, seen->body_hash.len) == 0)) {
            return tb_repeat(d, item, seen);
        }
        return tb_refuse(d, item, "wire.idempotency", TB_REJECT_IDEMPOTENCY_MISMATCH, TB_LIT("id"),
                         tb_arena_printf(d->b->arena,
                                         "the id \"%.*s\" was used before with another body",
                                         TB_ARG(item->cmd.id)),
                         false);
    }
    enum tb_rejection age = check_age(d, item);
    if (age != TB_REJECT_NONE) {
        return tb_refuse(d, item, "wire.age", age, TB_LIT("time"),
                         tb_str_of(tb_rejection_sentence(age)), false);
    }
    enum tb_rc rc = remember(d, item, key);
    if (rc != TB_OK) {
        return rc;
    }
    if (item->poison) {
        return tb_park_poison(d, item);
    }
    if (item->kind == TB_ITEM_REJECT) {
        return tb_refuse(d, item, "wire.invalid", item->rejection, item->field, item->message,
                         true);
    }
    return decide_command(d, item);
}

static enum tb_rc decide_item(struct tb_deciding *d, struct tb_item *item)
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
        return tb_dead_letter_item(d, item);
    }
#ifndef TB_PLANT_WRONG_PARTITION_APPLIED
    if (tb_partition_of(item->cmd.subject, d->w->ncommand_partitions) != item->partition) {
        return tb_forward(d, item);
    }
#endif
    return decide_known(d, item);
}

enum tb_rc tb_batch_decide(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct tb_deciding d = {.w = w, .b = b};
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
