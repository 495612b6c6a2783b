#include "indexer/shell/tally.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/metrics/metrics.h"

enum { TELL_US = 30 * 1000 * 1000 };

enum tb_rc tb_tally_init(struct tb_tally *t, struct tb_error *err)
{
    *t = (struct tb_tally){.told_at_us = tb_clock_mono_us()};
    return pthread_mutex_init(&t->lock, NULL) == 0 ? TB_OK
                                                   : tb_fail(err, TB_ENOMEM, "out of memory");
}

void tb_tally_dispose(struct tb_tally *t)
{
    (void)pthread_mutex_destroy(&t->lock);
}

static struct tb_round_stats sum_rounds(const struct tb_tally *t)
{
    struct tb_round_stats sum = {0};
    for (size_t i = 0; i < TB_LANES_MAX; i++) {
        const struct tb_round_stats *s = &t->lane[i].stats;
        sum.tickets += s->tickets;
        sum.skipped += s->skipped;
        sum.embedded += s->embedded;
        sum.refreshed += s->refreshed;
        sum.healed += s->healed;
        sum.deleted += s->deleted;
        sum.superseded += s->superseded;
        sum.poison += s->poison;
        sum.dead += s->dead;
        sum.similar += s->similar;
    }
    return sum;
}

static void show_rounds(const struct tb_round_stats *s)
{
    const struct {
        enum tb_metric metric;
        const char *outcome;
        uint64_t n;
    } counts[] = {
        {TB_M(INDEX_TICKETS), "indexed", s->tickets},
        {TB_M(INDEX_TICKETS), "skipped", s->skipped},
        {TB_M(INDEX_TICKETS), "deleted", s->deleted},
        {TB_M(INDEX_TICKETS), "superseded", s->superseded},
        {TB_M(INDEX_TICKETS), "dead", s->dead},
        {TB_M(INDEX_CHUNKS), "embedded", s->embedded},
        {TB_M(INDEX_CHUNKS), "refreshed", s->refreshed},
        {TB_M(INDEX_CHUNKS), "healed", s->healed},
        {TB_M(INDEX_CHUNKS), "refused", s->poison},
    };
    for (size_t i = 0; i < TB_COUNT(counts); i++) {
        tb_metric_set(counts[i].metric, counts[i].outcome, (int64_t)counts[i].n);
    }
}

static void show_requests(const struct tb_tally *t)
{
    struct tb_embed_stats e = {0};
    for (size_t i = 0; i < TB_LANES_MAX; i++) {
        e.requests += t->lane[i].embed.requests;
        e.throttled += t->lane[i].embed.throttled;
        e.refused += t->lane[i].embed.refused;
        e.failures += t->lane[i].embed.failures;
    }
    const struct {
        const char *outcome;
        uint64_t n;
    } requests[] = {{"fine", e.requests - e.throttled - e.refused - e.failures},
                    {"throttled", e.throttled},
                    {"refused", e.refused},
                    {"failed", e.failures}};
    for (size_t i = 0; i < TB_COUNT(requests); i++) {
        tb_metric_set(TB_M(EMBED_REQUESTS), requests[i].outcome, (int64_t)requests[i].n);
    }
}

void tb_tally_take(struct tb_tally *t, size_t lane, const struct tb_indexer *ix)
{
    (void)pthread_mutex_lock(&t->lock);
    t->lane[lane].stats = ix->stats;
    t->lane[lane].embed = *tb_embed_stats(ix->embedder);
    const struct tb_round_stats sum = sum_rounds(t);
    show_rounds(&sum);
    show_requests(t);
    (void)pthread_mutex_unlock(&t->lock);
    tb_metric_set(TB_M(EMBED_WINDOW), NULL, (int64_t)tb_embed_gate_window(ix->gate));
}

void tb_tally_tell(struct tb_tally *t)
{
    int64_t now = tb_clock_mono_us();
    if (now - t->told_at_us < TELL_US) {
        return;
    }
    (void)pthread_mutex_lock(&t->lock);
    const struct tb_round_stats s = sum_rounds(t);
    (void)pthread_mutex_unlock(&t->lock);
    if (s.tickets != t->told.tickets || s.dead != t->told.dead) {
        tb_log_info(
            "%llu tickets indexed in the last %lld s: %llu chunks embedded, %llu refreshed, "
            "%llu tickets deleted; refused so far: %llu chunks, %llu tickets",
            (unsigned long long)(s.tickets - t->told.tickets),
            (long long)((now - t->told_at_us) / 1000000),
            (unsigned long long)(s.embedded - t->told.embedded),
            (unsigned long long)(s.refreshed - t->told.refreshed),
            (unsigned long long)(s.deleted - t->told.deleted), (unsigned long long)s.poison,
            (unsigned long long)s.dead);
    }
    t->told = s;
    t->told_at_us = now;
}

uint64_t tb_tally_tickets(struct tb_tally *t)
{
    (void)pthread_mutex_lock(&t->lock);
    uint64_t n = sum_rounds(t).tickets;
    (void)pthread_mutex_unlock(&t->lock);
    return n;
}
