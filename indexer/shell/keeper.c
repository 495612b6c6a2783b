#include "indexer/shell/keeper.h"

#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/crypto/crypto.h"
#include "indexer/shell/proof.h"

enum { STEP_MS = 200, LOOK_MAX_S = 60, FIRST_MAX_S = 60 };

static bool sleep_s(const struct tb_keeper *k, int64_t seconds)
{
    int64_t until = tb_clock_mono_us() + seconds * 1000000;
    while (!atomic_load(k->stop) && tb_clock_mono_us() < until) {
        struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
        (void)nanosleep(&step, NULL);
    }
    return !atomic_load(k->stop);
}

static void tell(const struct tb_proof *p)
{
    if (p->differences || p->tombstones) {
        tb_log_warn("index and database differed in %lld places of %lld tickets and %lld points: "
                    "%lld tickets written anew, %lld chunks embedded, %lld points and %lld old "
                    "tombstones removed",
                    (long long)p->differences, (long long)p->tickets, (long long)p->points,
                    (long long)p->repaired, (long long)p->embedded, (long long)p->removed,
                    (long long)p->tombstones);
    } else {
        tb_log_info("index = database: %lld tickets, %lld points", (long long)p->tickets,
                    (long long)p->points);
    }
}

/* A pass, when it is time for one and nobody else runs it. */
static enum tb_rc pass(const struct tb_keeper *k, struct tb_error *err)
{
    struct tb_indexer ix;
    struct tb_pg *lock = NULL;
    int64_t age_s = 0;
    const struct tb_indexer_ties ties = {.stop = k->stop, .abort = k->stop, .gates = k->gates};
    enum tb_rc rc = tb_indexer_open(&ix, k->cfg, &ties, err);
    rc = rc == TB_OK ? tb_indexer_aim(&ix, TB_STR_NULL, err) : rc;
    if (rc == TB_OK) {
        rc = tb_proof_lock(k->cfg, ix.collection, &lock, err);
    }
    if (rc == TB_OK && lock) {
        rc = tb_proof_age(lock, ix.collection, &age_s, err);
    }
    if (rc == TB_OK && lock && age_s >= tb_config_int(k->cfg, TB_CFG(INDEX_PROOF_S))) {
        struct tb_proof p = {.ix = &ix,
                             .repair = true,
                             .leave_behind = true,
                             .tombstone_s =
                                 tb_config_int(k->cfg, TB_CFG(INDEX_TOMBSTONE_H)) * 3600};
        rc = tb_proof_run(&p, err);
        if (rc == TB_OK) {
            tell(&p);
        }
    }
    tb_pg_free(lock);
    tb_indexer_close(&ix);
    return rc;
}

static void *keep(void *arg)
{
    struct tb_keeper *k = arg;
    int64_t every_s = tb_config_int(k->cfg, TB_CFG(INDEX_PROOF_S));
    int64_t look_s = every_s < LOOK_MAX_S ? every_s : LOOK_MAX_S;
    uint32_t random;
    tb_random(&random, sizeof random);
    int64_t first_s =
        1 + (int64_t)(random % (uint32_t)(look_s < FIRST_MAX_S ? look_s : FIRST_MAX_S));
    while (sleep_s(k, first_s)) {
        struct tb_error err;
        first_s = look_s;
        if (pass(k, &err) != TB_OK && !atomic_load(k->stop)) {
            tb_log_warn("the index could not be compared with the database: %s", err.text);
        }
    }
    return NULL;
}

enum tb_rc tb_keeper_start(struct tb_keeper *k, const struct tb_config *cfg,
                           struct tb_embed_gates *gates, const atomic_bool *stop,
                           struct tb_error *err)
{
    *k = (struct tb_keeper){.cfg = cfg, .gates = gates, .stop = stop};
    if (tb_config_int(cfg, TB_CFG(INDEX_PROOF_S)) == 0) {
        return TB_OK;
    }
    k->started = pthread_create(&k->thread, NULL, keep, k) == 0;
    return k->started ? TB_OK : tb_fail(err, TB_EFATAL, "no thread could be started");
}

void tb_keeper_join(struct tb_keeper *k)
{
    if (k->started) {
        (void)pthread_join(k->thread, NULL);
        k->started = false;
    }
}
