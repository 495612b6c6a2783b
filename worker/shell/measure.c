#include "worker/shell/measure.h"

#include <stdio.h>

#include "common/metrics/metrics.h"

int64_t tb_measure_phase(const char *phase, int64_t start_us)
{
    int64_t now = tb_clock_mono_us();
    tb_metric_observe(TB_M(BATCH_SECONDS), phase, now - start_us);
    return now;
}

void tb_measure_batch(const struct tb_batch *b)
{
    tb_metric_observe(TB_M(BATCH_COMMANDS), NULL, (int64_t)b->n);
    tb_metric_set(TB_M(BATCH_MEMORY), NULL, (int64_t)tb_arena_used(b->arena));
    for (size_t i = 0; i < b->n; i++) {
        const struct tb_item *item = &b->items[i];
        tb_metric_add(TB_M(COMMANDS), tb_outcome_name(item->outcome), 1);
        bool dead = item->outcome == TB_OUTCOME_DEAD;
        if (dead || item->outcome == TB_OUTCOME_REJECTED) {
            char code[TB_METRIC_LABEL_MAX]; /* one of our own table, never what a client sent */
            (void)snprintf(code, sizeof code, "%.*s", TB_ARG(item->log_code));
            tb_metric_add(dead ? TB_M(DEAD_LETTERS) : TB_M(REJECTED), code, 1);
        }
    }
}

void tb_measure_state(struct tb_worker *w)
{
    tb_metric_set(TB_M(PARTITIONS), NULL, w->claimed ? (int64_t)w->npartitions : 0);
    tb_metric_set(TB_M(UNACKNOWLEDGED), NULL, (int64_t)tb_pending_count(w->pending));
    tb_metric_set(TB_M(PRODUCER_QUEUE), NULL,
                  w->producer ? (int64_t)tb_producer_pending(w->producer) : 0);
    tb_metric_forget(TB_M(LAG));
    tb_metric_forget(TB_M(STOPPED));
    for (size_t i = 0; w->claimed && i < w->npartitions; i++) {
        const struct tb_partition *part = &w->partitions[i];
        char label[16];
        (void)snprintf(label, sizeof label, "%d", part->id);
        int64_t high = tb_consumer_high(w->consumer, part->id);
        if (high >= 0) {
            tb_metric_set(TB_M(LAG), label, high > part->next ? high - part->next : 0);
        }
        tb_metric_set(TB_M(STOPPED), label, part->stopped);
    }
}

enum tb_rc tb_measure_parked(struct tb_worker *w, struct tb_error *err)
{
    static const char sql[] =
        "SELECT count(*) FILTER (WHERE waits_for IS NULL), count(*) FILTER (WHERE waits_for IS NOT "
        "NULL), (SELECT count(*) FROM parked_commands) FROM parked_tickets";
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = tb_pg_exec(w->pg, sql, NULL, &r, err);
    if (rc == TB_OK) {
        tb_metric_set(TB_M(PARKED_TICKETS), "poison", tb_pg_int(r, 0, 0));
        tb_metric_set(TB_M(PARKED_TICKETS), "reference", tb_pg_int(r, 0, 1));
        tb_metric_set(TB_M(PARKED_COMMANDS), NULL, tb_pg_int(r, 0, 2));
    }
    tb_pg_result_free(r);
    return rc;
}
