#include "indexer/shell/lane.h"

#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/metrics/metrics.h"
#include "indexer/catalog/catalog.h"
#include "indexer/shell/reconcile.h"

enum { SOON_S = 20, LOOK_US = 1000 * 1000 };

static bool is_first(const struct tb_lane *lane)
{
    return lane->number == 0;
}

static void on_done(tb_str ticket_id, void *arg)
{
    struct tb_lane *lane = arg;
    struct tb_work work = {.ticket_id = ticket_id};
    tb_queue_done(lane->lanes->queue, &work, 1);
}

/* ---- which collection ---- */

static enum tb_rc aim(struct tb_lane *lane)
{
    struct tb_indexer *ix = &lane->ix;
    enum tb_rc rc = tb_indexer_aim(ix, TB_STR_NULL, &lane->err);
    if (rc == TB_OK && is_first(lane)) {
        tb_log_info("indexing into %.*s with model %.*s (%lld dimensions), %zu lanes",
                    TB_ARG(ix->collection), TB_ARG(ix->model.name), (long long)ix->model.dim,
                    lane->lanes->n);
    }
    return rc;
}

/* What was still to be written to the new collection is found again, also by a lane that noticed
 * the switch after the first one had compared. */
static enum tb_rc aim_anew(struct tb_lane *lane)
{
    enum tb_rc rc = aim(lane);
    if (rc == TB_OK) {
        atomic_store(lane->lanes->reconcile, true);
    }
    return rc;
}

/* Whether searches were switched to another collection, or one is being filled. */
static enum tb_rc look(struct tb_lane *lane)
{
    struct tb_lanes *l = lane->lanes;
    struct tb_collection *all;
    size_t n = 0;
    tb_str second = TB_STR_NULL;
    int64_t now = tb_clock_mono_us();
    if (now < lane->look_at_us || !lane->ix.pg) {
        return TB_OK;
    }
    lane->look_at_us = now + LOOK_US;
    if (tb_catalog_list(lane->ix.pg, l->cfg, lane->arena, &all, &n, NULL) != TB_OK) {
        return TB_OK; /* the next statement will say so */
    }
    for (size_t i = 0; i < n; i++) {
        second = all[i].state == TB_COLLECTION_FILLING ? all[i].name : second;
    }
    if (is_first(lane)) {
        tb_second_write(&l->second, second);
    }
    bool moved =
        n && all[0].state == TB_COLLECTION_ACTIVE && !tb_str_eq(all[0].name, lane->ix.collection);
    return moved ? aim_anew(lane) : TB_OK;
}

/* ---- what the first does for all ---- */

static enum tb_rc reconcile(struct tb_lane *lane)
{
    struct tb_lanes *l = lane->lanes;
    struct tb_work *work;
    size_t n;
    enum tb_rc rc = tb_reconcile(&lane->ix, lane->arena, &work, &n, &lane->err);
    if (rc != TB_OK) {
        return rc;
    }
    int64_t pause_s = tb_config_int(l->cfg, TB_CFG(INDEX_RECONCILE_S));
    if (n) {
        tb_log_info("%zu tickets are behind in the index", n);
        rc = tb_queue_want(l->queue, work, n, &lane->err);
        pause_s = pause_s < SOON_S ? pause_s : SOON_S; /* there may be more */
    }
    lane->reconcile_at_us = tb_clock_mono_us() + pause_s * 1000000;
    return rc;
}

static bool may_compare(struct tb_lane *lane)
{
    return is_first(lane) && (tb_clock_mono_us() >= lane->reconcile_at_us ||
                              atomic_exchange(lane->lanes->reconcile, false));
}

/* ---- rounds ---- */

/* A round, again when the collection was retired meanwhile. */
static enum tb_rc run_round(struct tb_lane *lane, const struct tb_work *work, size_t n)
{
    int64_t start_us = tb_clock_mono_us();
    enum tb_rc rc = TB_ECONFLICT;
    tb_second_feed(&lane->lanes->second, work, n);
    while (rc == TB_ECONFLICT) {
        rc = tb_round_run(&lane->ix, work, n, lane->arena, &lane->err);
        enum tb_rc aimed = rc == TB_ECONFLICT ? aim_anew(lane) : TB_OK;
        rc = aimed == TB_OK ? rc : aimed;
    }
    if (rc == TB_OK) {
        tb_metric_observe(TB_M(INDEX_ROUND_SECONDS), NULL, tb_clock_mono_us() - start_us);
        tb_metric_observe(TB_M(INDEX_ROUND_TICKETS), NULL, (int64_t)n);
        tb_tally_take(&lane->lanes->tally, lane->number, &lane->ix);
    }
    return rc;
}

static enum tb_rc take_and_run(struct tb_lane *lane)
{
    struct tb_lanes *l = lane->lanes;
    struct tb_work *work;
    size_t n;
    int64_t until = lane->look_at_us;
    if (is_first(lane) && lane->reconcile_at_us < until) {
        until = lane->reconcile_at_us;
    }
    enum tb_rc rc = tb_queue_take(l->queue, tb_config_int(l->cfg, TB_CFG(INDEX_WAIT_MS)),
                                  (size_t)tb_config_int(l->cfg, TB_CFG(INDEX_BATCH_MAX)), until,
                                  l->stop, lane->arena, &work, &n, &lane->err);
    return rc == TB_OK && n ? run_round(lane, work, n) : rc;
}

static enum tb_rc index_on(struct tb_lane *lane)
{
    struct tb_lanes *l = lane->lanes;
    enum tb_rc rc = aim(lane);
    while (rc == TB_OK && !atomic_load(l->stop)) {
        tb_arena_reset(lane->arena);
        rc = look(lane);
        if (rc == TB_OK) {
            rc = may_compare(lane) ? reconcile(lane) : take_and_run(lane);
        }
        if (is_first(lane)) {
            tb_tally_tell(&l->tally);
        }
    }
    return rc;
}

static void *lane_thread(void *arg)
{
    struct tb_lane *lane = arg;
    lane->rc = index_on(lane);
    if (lane->rc == TB_EUNAVAILABLE && atomic_load(lane->lanes->stop)) {
        lane->rc = TB_OK;
    }
    if (lane->rc != TB_OK) {
        tb_log_error("indexing ended: %s", lane->err.text);
    }
    atomic_store(lane->lanes->stop, true);
    tb_queue_wake(lane->lanes->queue);
    return NULL;
}

/* ---- beginning and end ---- */

static enum tb_rc start(struct tb_lane *lane, struct tb_error *err)
{
    const struct tb_lanes *l = lane->lanes;
    const struct tb_indexer_ties ties = {
        .stop = l->stop, .abort = l->give_up, .away = l->away, .gates = l->gates};
    enum tb_rc rc = tb_indexer_open(&lane->ix, l->cfg, &ties, err);
    lane->ix.done = on_done;
    lane->ix.arg = lane;
    lane->arena = tb_arena_new(0);
    if (rc == TB_OK && !lane->arena) {
        rc = tb_fail(err, TB_ENOMEM, "out of memory");
    }
    if (rc == TB_OK) {
        lane->running = pthread_create(&lane->thread, NULL, lane_thread, lane) == 0;
        rc = lane->running ? TB_OK : tb_fail(err, TB_EFATAL, "no thread could be started");
    }
    return rc;
}

enum tb_rc tb_lanes_start(struct tb_lanes *l, struct tb_error *err)
{
    l->n = (size_t)tb_config_int(l->cfg, TB_CFG(INDEX_LANES));
    enum tb_rc rc = tb_tally_init(&l->tally, err);
    rc = rc == TB_OK ? tb_second_init(&l->second, l->cfg, l->gates, err) : rc;
    for (size_t i = 0; i < l->n && rc == TB_OK; i++) {
        l->lane[i] = (struct tb_lane){.lanes = l, .number = i};
        rc = start(&l->lane[i], err);
    }
    if (rc != TB_OK) {
        atomic_store(l->stop, true);
    }
    return rc;
}

bool tb_lanes_join(struct tb_lanes *l, int64_t wait_ms)
{
    struct timespec until;
    bool all = true;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += wait_ms / 1000;
    tb_queue_wake(l->queue);
    for (size_t i = 0; i < l->n; i++) {
        struct tb_lane *lane = &l->lane[i];
        if (lane->running && pthread_timedjoin_np(lane->thread, NULL, &until) == 0) {
            lane->running = false;
        }
        all = all && !lane->running;
    }
    return all;
}

enum tb_rc tb_lanes_close(struct tb_lanes *l, struct tb_error *err)
{
    enum tb_rc rc = TB_OK;
    tb_second_dispose(&l->second);
    for (size_t i = 0; i < l->n; i++) {
        struct tb_lane *lane = &l->lane[i];
        if (rc == TB_OK && lane->rc != TB_OK) {
            rc = lane->rc;
            *err = lane->err;
        }
        tb_indexer_close(&lane->ix);
        tb_arena_free(lane->arena);
    }
    if (rc == TB_OK) {
        tb_log_info("stopped after %llu tickets", (unsigned long long)tb_tally_tickets(&l->tally));
    }
    tb_tally_dispose(&l->tally);
    return rc;
}
