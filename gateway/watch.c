#include "gateway/watch.h"

#include "common/metrics/metrics.h"
#include "common/probe/probe.h"
#include "gateway/stream/hub.h"

struct count {
    enum tb_metric metric;
    const char *label;
    uint64_t n;
};

/* The counts belong to the threads that make them; here they become visible to others. */
static void show(const struct count *counts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        tb_metric_set(counts[i].metric, counts[i].label, (int64_t)counts[i].n);
    }
}

static void show_streams(const struct tb_hub_stats *s)
{
    const struct count counts[] = {
        {TB_M(STREAM_READERS), "tail", s->readers},
        {TB_M(STREAM_READERS), "catching_up", s->catching_up},
        {TB_M(STREAM_FILTERS), NULL, s->channels},
        {TB_M(STREAM_EVENTS), "passed", s->events},
        {TB_M(STREAM_EVENTS), "repeat", s->repeats},
        {TB_M(STREAM_EVENTS), "malformed", s->malformed},
        {TB_M(STREAM_RESUMES), "memory", s->resumed_memory},
        {TB_M(STREAM_RESUMES), "kafka", s->resumed_kafka},
        {TB_M(STREAM_RESUMES), "gone", s->gone},
        {TB_M(STREAM_SLOW), NULL, s->slow},
    };
    show(counts, TB_COUNT(counts));
}

static void show_hooks(const struct tb_hooks_stats *s)
{
    const struct count counts[] = {
        {TB_M(WEBHOOK_EVENTS), NULL, s->events},
        {TB_M(WEBHOOK_DELIVERIES), "made", s->deliveries},
        {TB_M(WEBHOOK_DELIVERIES), "delivered", s->delivered},
        {TB_M(WEBHOOK_DELIVERIES), "dead", s->dead},
        {TB_M(WEBHOOK_ATTEMPTS), NULL, s->attempts},
        {TB_M(WEBHOOK_FAILURES), NULL, s->failed},
        {TB_M(WEBHOOK_REFUSED), NULL, s->refused_address},
        {TB_M(WEBHOOK_PAUSED), NULL, s->paused},
        {TB_M(WEBHOOK_SENDING), NULL, s->sending},
    };
    show(counts, TB_COUNT(counts));
}

static void show_requests(struct tb_gateway *gw)
{
    const struct tb_service_stats *s = tb_service_stats(gw->svc);
    struct tb_httpd_stats http;
    tb_httpd_stats(gw->httpd, &http);
    const struct count counts[] = {
        {TB_M(DENIED), "unauthorized", s->unauthorized},
        {TB_M(DENIED), "forbidden", s->forbidden},
        {TB_M(DENIED), "rate", s->limited},
        {TB_M(CONNECTIONS), NULL, http.connections},
        {TB_M(IN_FLIGHT), NULL, http.waiting},
        {TB_M(QUEUED), NULL, tb_pool_queued(tb_service_pool(gw->svc))},
        {TB_M(SLOW_REQUESTS), NULL, http.timeouts},
        {TB_M(AWAITED), NULL, s->waiting},
        {TB_M(UNANSWERED), NULL, s->pending},
    };
    show(counts, TB_COUNT(counts));
    tb_gw_meter_show();
}

static bool ask(struct tb_job *job, struct tb_pool_thread *thread)
{
    struct tb_watch *watch = job->arg;
    struct tb_error err = {.rc = TB_OK};
    enum tb_rc rc = tb_gw_schema_answers(thread, &err);
    tb_probe_beat(); /* away or not: requests are taken out of the queue */
    tb_probe_ready(rc == TB_OK && !watch->gw->stopping);
    atomic_store(&watch->asking, false);
    return false;
}

void tb_watch_round(struct tb_watch *watch)
{
    show_requests(watch->gw);
    show_streams(tb_hub_stats(watch->gw->hub));
    if (watch->hooks) {
        show_hooks(tb_hooks_stats(watch->hooks));
    }
    if (atomic_exchange(&watch->asking, true)) {
        return;
    }
    watch->job = (struct tb_job){.run = ask, .arg = watch};
    if (!tb_pool_submit(tb_service_pool(watch->gw->svc), &watch->job)) {
        tb_probe_ready(false);
        atomic_store(&watch->asking, false);
    }
}
