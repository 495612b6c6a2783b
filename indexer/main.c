/* ticketbus-indexer: keeps the search index equal to the database. One thread reads events, one
 * indexes; docs/search.md. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/daemon/daemon.h"
#include "common/http/http.h"
#include "common/metrics/metrics.h"
#include "common/probe/probe.h"
#include "indexer/catalog/catalog.h"
#include "indexer/shell/intake.h"
#include "indexer/shell/keeper.h"
#include "indexer/shell/queue.h"
#include "indexer/shell/reconcile.h"
#include "indexer/shell/round.h"
#include "indexer/shell/second.h"

enum {
    EXIT_USAGE = 2,
    FINISH_S = 8,
    SOON_S = 20,
    TELL_US = 30 * 1000 * 1000,
    LOOK_US = 1000 * 1000
};

static atomic_bool stop;
static atomic_bool give_up; /* also end what is under way */
static atomic_bool away;
static atomic_bool reconcile_now;

struct program {
    struct tb_config *cfg;
    struct tb_queue queue;
    struct tb_indexer ix;
    struct tb_second second; /* a collection that a reindex fills */
    struct tb_keeper keeper;
    pthread_t thread;
    enum tb_rc rc; /* of the indexing thread */
    struct tb_error err;
};

static void on_signal(int signal)
{
    (void)signal;
    atomic_store(&stop, true);
}

static void on_done(tb_str ticket_id, void *arg)
{
    struct program *p = arg;
    struct tb_work work = {.ticket_id = ticket_id};
    tb_queue_done(&p->queue, &work, 1);
}

/* The counts are the indexing thread's own; here they become visible to others. */
static void show_stats(struct tb_indexer *ix)
{
    const struct tb_round_stats *s = &ix->stats;
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
    const struct tb_embed_stats *e = tb_embed_stats(ix->embedder);
    const struct {
        const char *outcome;
        uint64_t n;
    } requests[] = {{"fine", e->requests - e->throttled - e->refused - e->failures},
                    {"throttled", e->throttled},
                    {"refused", e->refused},
                    {"failed", e->failures}};
    for (size_t i = 0; i < TB_COUNT(requests); i++) {
        tb_metric_set(TB_M(EMBED_REQUESTS), requests[i].outcome, (int64_t)requests[i].n);
    }
    tb_metric_set(TB_M(EMBED_WINDOW), NULL, (int64_t)tb_embed_gate_window(&ix->gate));
    for (size_t i = 0; i < TB_COUNT(counts); i++) {
        tb_metric_set(counts[i].metric, counts[i].outcome, (int64_t)counts[i].n);
    }
}

static void tell(struct program *p, int64_t *told_at, struct tb_round_stats *told)
{
    const struct tb_round_stats *s = &p->ix.stats;
    int64_t now = tb_clock_mono_us();
    if (now - *told_at < TELL_US) {
        return;
    }
    if (s->tickets != told->tickets || s->dead != told->dead) {
        tb_log_info(
            "%llu tickets indexed in the last %lld s: %llu chunks embedded, %llu refreshed, "
            "%llu tickets deleted; refused so far: %llu chunks, %llu tickets",
            (unsigned long long)(s->tickets - told->tickets),
            (long long)((now - *told_at) / 1000000),
            (unsigned long long)(s->embedded - told->embedded),
            (unsigned long long)(s->refreshed - told->refreshed),
            (unsigned long long)(s->deleted - told->deleted), (unsigned long long)s->poison,
            (unsigned long long)s->dead);
    }
    *told = *s;
    *told_at = now;
}

static enum tb_rc reconcile(struct program *p, struct tb_arena *arena, int64_t *next_us)
{
    struct tb_work *work;
    size_t n;
    enum tb_rc rc = tb_reconcile(&p->ix, arena, &work, &n, &p->err);
    if (rc != TB_OK) {
        return rc;
    }
    if (n) {
        tb_log_info("%zu tickets are behind in the index", n);
        rc = tb_queue_want(&p->queue, work, n, &p->err);
    }
    int64_t pause_s = tb_config_int(p->cfg, TB_CFG(INDEX_RECONCILE_S));
    if (n) {
        pause_s = pause_s < SOON_S ? pause_s : SOON_S; /* there may be more */
    }
    *next_us = tb_clock_mono_us() + pause_s * 1000000;
    return rc;
}

static enum tb_rc aim(struct program *p, int64_t *reconcile_at)
{
    enum tb_rc rc = tb_indexer_aim(&p->ix, TB_STR_NULL, &p->err);
    if (rc == TB_OK) {
        tb_log_info("indexing into %.*s with model %.*s (%lld dimensions)",
                    TB_ARG(p->ix.collection), TB_ARG(p->ix.model.name), (long long)p->ix.model.dim);
        *reconcile_at = 0; /* what was still to be written there is found again */
    }
    return rc;
}

/* Whether searches were switched to another collection, or one is being filled. */
static enum tb_rc look(struct program *p, struct tb_arena *arena, int64_t *look_at,
                       int64_t *reconcile_at)
{
    struct tb_collection *all;
    size_t n = 0;
    tb_str second = TB_STR_NULL;
    int64_t now = tb_clock_mono_us();
    if (now < *look_at || !p->ix.pg) {
        return TB_OK;
    }
    *look_at = now + LOOK_US;
    if (tb_catalog_list(p->ix.pg, p->cfg, arena, &all, &n, NULL) != TB_OK) {
        return TB_OK; /* the next statement will say so */
    }
    for (size_t i = 0; i < n; i++) {
        second = all[i].state == TB_COLLECTION_FILLING ? all[i].name : second;
    }
    tb_second_write(&p->second, p->cfg, second);
    bool moved =
        n && all[0].state == TB_COLLECTION_ACTIVE && !tb_str_eq(all[0].name, p->ix.collection);
    return moved ? aim(p, reconcile_at) : TB_OK;
}

/* A round, again when the collection was retired meanwhile. */
static enum tb_rc run_round(struct program *p, const struct tb_work *work, size_t n,
                            struct tb_arena *arena, int64_t *reconcile_at)
{
    enum tb_rc rc;
    do {
        rc = tb_round_run(&p->ix, work, n, arena, &p->err);
    } while (rc == TB_ECONFLICT && aim(p, reconcile_at) == TB_OK);
    return rc;
}

static enum tb_rc index_on(struct program *p, struct tb_arena *arena)
{
    int64_t wait_ms = tb_config_int(p->cfg, TB_CFG(INDEX_WAIT_MS));
    size_t most = (size_t)tb_config_int(p->cfg, TB_CFG(INDEX_BATCH_MAX));
    int64_t reconcile_at = 0;
    struct tb_round_stats told = {0};
    int64_t told_at = tb_clock_mono_us();
    int64_t look_at = 0;
    enum tb_rc rc = aim(p, &reconcile_at);
    while (rc == TB_OK && !atomic_load(&stop)) {
        tb_arena_reset(arena);
        rc = look(p, arena, &look_at, &reconcile_at);
        if (rc != TB_OK) {
            break;
        }
        if (tb_clock_mono_us() >= reconcile_at || atomic_exchange(&reconcile_now, false)) {
            rc = reconcile(p, arena, &reconcile_at);
            continue;
        }
        struct tb_work *work;
        size_t n;
        rc =
            tb_queue_take(&p->queue, wait_ms, most, reconcile_at < look_at ? reconcile_at : look_at,
                          &stop, arena, &work, &n, &p->err);
        if (rc == TB_OK && n) {
            int64_t start_us = tb_clock_mono_us();
            tb_second_feed(&p->second, work, n);
            rc = run_round(p, work, n, arena, &reconcile_at);
            tb_metric_observe(TB_M(INDEX_ROUND_SECONDS), NULL, tb_clock_mono_us() - start_us);
            tb_metric_observe(TB_M(INDEX_ROUND_TICKETS), NULL, (int64_t)n);
            show_stats(&p->ix);
        }
        tell(p, &told_at, &told);
    }
    return rc;
}

static void *index_thread(void *arg)
{
    struct program *p = arg;
    struct tb_arena *arena = tb_arena_new(0);
    p->rc = arena ? index_on(p, arena) : tb_fail(&p->err, TB_ENOMEM, "out of memory");
    if (p->rc == TB_EUNAVAILABLE && atomic_load(&stop)) {
        p->rc = TB_OK;
    }
    if (p->rc != TB_OK) {
        tb_log_error("indexing ended: %s", p->err.text);
    }
    atomic_store(&stop, true);
    tb_second_write(&p->second, p->cfg, TB_STR_NULL);
    tb_arena_free(arena);
    return NULL;
}

static void on_round(void *arg)
{
    struct program *p = arg;
    (void)tb_daemon_round(p->cfg, 'I');
}

/* What is under way may end well; what waits for a part that is away has ended by itself. */
static void finish(void *arg)
{
    struct program *p = arg;
    struct timespec until;
    atomic_store(&stop, true);
    tb_queue_wake(&p->queue);
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += FINISH_S;
    if (pthread_timedjoin_np(p->thread, NULL, &until) != 0) {
        atomic_store(&give_up, true);
        (void)pthread_join(p->thread, NULL);
    }
}

static enum tb_rc run(struct program *p)
{
    struct tb_error err;
    enum tb_rc rc = tb_queue_init(&p->queue, &err);
    struct tb_probe *probe = NULL;
    if (rc == TB_OK) {
        rc = tb_probe_start(tb_config_str(p->cfg, TB_CFG(ADMIN_LISTEN)), 'I', &probe, &err);
    }
    if (rc == TB_OK) {
        rc = tb_indexer_open(&p->ix, p->cfg, &stop, &give_up, &away, &err);
    }
    p->ix.done = on_done;
    p->ix.arg = p;
    if (rc == TB_OK) {
        if (pthread_create(&p->thread, NULL, index_thread, p) != 0) {
            rc = tb_fail(&err, TB_EFATAL, "no thread could be started");
        }
    }
    if (rc == TB_OK) {
        rc = tb_keeper_start(&p->keeper, p->cfg, &stop, &err);
    }
    if (rc == TB_OK) {
        struct tb_intake in = {.cfg = p->cfg,
                               .queue = &p->queue,
                               .stop = &stop,
                               .away = &away,
                               .reconcile = &reconcile_now,
                               .round = on_round,
                               .finish = finish,
                               .arg = p};
        rc = tb_intake_run(&in, &err);
        rc = rc == TB_OK ? p->rc : rc;
        err = p->rc == TB_OK ? err : p->err;
    }
    if (rc != TB_OK) {
        tb_log_error("%s", err.text);
    } else {
        tb_log_info("stopped after %llu tickets", (unsigned long long)p->ix.stats.tickets);
    }
    atomic_store(&stop, true);
    tb_keeper_join(&p->keeper);
    tb_probe_free(probe);
    tb_indexer_close(&p->ix);
    tb_queue_dispose(&p->queue);
    return rc;
}

static int usage(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("ticketbus-indexer %s\n", TB_VERSION);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        tb_buf text;
        tb_buf_init(&text, 1 << 20);
        tb_config_help('I', &text);
        (void)printf(
            "Usage: ticketbus-indexer [--help | --version]\n\n"
            "Keeps the search index equal to the database. Settings, from the environment\n"
            "or the file named by TICKETBUS_CONFIG:\n\n%s",
            text.ptr ? text.ptr : "");
        tb_buf_dispose(&text);
        return 0;
    }
    (void)fprintf(stderr, "ticketbus-indexer: unknown argument. Try: ticketbus-indexer --help\n");
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        return usage(argc, argv);
    }
    struct tb_error err;
    struct tb_config *cfg;
    if (tb_config_load('I', &cfg, &err) != TB_OK) {
        (void)fprintf(stderr, "ticketbus-indexer: %s\n", err.text);
        return EXIT_USAGE;
    }
    tb_daemon_begin("ticketbus-indexer", cfg);
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    static struct program program;
    program.cfg = cfg;
    enum tb_rc rc = tb_http_global_init(&err) == TB_OK ? run(&program) : TB_EFATAL;
    tb_log_tell_repeats(true);
    tb_config_free(cfg);
    return rc == TB_OK ? 0 : 1;
}
