#include "gateway/service/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "indexer/search/search.h"

#define BATCH 6 /* jobs of one round trip, at most; 6 * TB_PLAN_MAX fit into a pipeline */

struct tb_pool {
    const struct tb_config *cfg;
    void *arg;
    size_t max;
    pthread_mutex_t lock;
    pthread_cond_t some;
    struct tb_job *first;
    struct tb_job **last;
    size_t n;
    bool stopping;
    unsigned nthreads;
    unsigned idle;
    pthread_t *threads;
};

struct tb_pg_params *tb_plan_add(struct tb_plan *plan, const char *name, const char *sql,
                                 struct tb_arena *arena)
{
    if (plan->n == TB_PLAN_MAX) {
        return NULL;
    }
    plan->parts[plan->n].name = name;
    plan->parts[plan->n].sql = sql;
    tb_pg_params_init(&plan->parts[plan->n].params, arena);
    return &plan->parts[plan->n++].params;
}

enum tb_rc tb_pool_pg(struct tb_pool_thread *thread, struct tb_error *err)
{
    if (thread->pg && tb_pg_alive(thread->pg)) {
        return TB_OK;
    }
    tb_pg_free(thread->pg);
    thread->pg = NULL;
    return tb_pg_connect(thread->cfg, "ticketbus-gateway", &thread->pg, err);
}

enum tb_rc tb_pool_search(struct tb_pool_thread *thread, struct tb_search **ret,
                          struct tb_error *err)
{
    enum tb_rc rc = thread->search ? TB_OK : tb_search_open(thread->cfg, &thread->search, err);
    *ret = thread->search;
    return rc;
}

enum tb_rc tb_pool_query(struct tb_pool_thread *thread, const char *sql,
                         const struct tb_pg_params *params, struct tb_pg_result **ret,
                         struct tb_error *err)
{
    enum tb_rc rc = TB_OK;
    for (int attempt = 0; attempt < 2; attempt++) {
        rc = tb_pool_pg(thread, err);
        rc = rc == TB_OK ? tb_pg_exec(thread->pg, sql, params, ret, err) : rc;
        if (rc != TB_EUNAVAILABLE || !thread->pg) {
            return rc;
        }
        tb_pg_free(thread->pg); /* it was idle, and Postgres has restarted since */
        thread->pg = NULL;
    }
    return rc;
}

/* ---- plans ---- */

/* Several jobs' statements in one pipeline. */
static enum tb_rc run_together(struct tb_pool_thread *thread, struct tb_job **jobs, size_t n,
                               struct tb_pg_result **results, struct tb_error *err)
{
    enum tb_rc rc = tb_pool_pg(thread, err);
    for (size_t i = 0; rc == TB_OK && i < n; i++) {
        for (size_t k = 0; rc == TB_OK && k < jobs[i]->plan.n; k++) {
            rc =
                tb_pg_pipeline_add(thread->pg, jobs[i]->plan.parts[k].name,
                                   jobs[i]->plan.parts[k].sql, &jobs[i]->plan.parts[k].params, err);
        }
    }
    if (rc != TB_OK) {
        tb_pg_free(thread->pg); /* with whatever is queued on it */
        thread->pg = NULL;
        return rc;
    }
    return tb_pg_pipeline_run(thread->pg, results, false, err);
}

/* One after the other, not prepared. */
static enum tb_rc run_plainly(struct tb_pool_thread *thread, struct tb_job *job,
                              struct tb_pg_result **results, struct tb_error *err)
{
    enum tb_rc rc = TB_OK;
    for (size_t k = 0; rc == TB_OK && k < job->plan.n; k++) {
        rc = tb_pool_query(thread, job->plan.parts[k].sql, &job->plan.parts[k].params, &results[k],
                           err);
    }
    return rc;
}

static void finish(struct tb_job *job, struct tb_pool_thread *thread, enum tb_rc rc,
                   struct tb_pg_result **results, const struct tb_error *err)
{
    size_t n = job->plan.n; /* the job may be gone afterwards */
    job->rows(job, thread, rc, results, err);
    for (size_t k = 0; k < n; k++) {
        tb_pg_result_free(results[k]);
    }
}

static bool all_named(struct tb_job *const *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < jobs[i]->plan.n; k++) {
            if (!jobs[i]->plan.parts[k].name) {
                return false;
            }
        }
    }
    return true;
}

static void run_plans(struct tb_pool_thread *thread, struct tb_job **jobs, size_t n)
{
    struct tb_pg_result *results[BATCH * TB_PLAN_MAX] = {0};
    struct tb_error err = {.rc = TB_OK};
    if (n > 0 && all_named(jobs, n) && run_together(thread, jobs, n, results, &err) == TB_OK) {
        struct tb_pg_result **at = results;
        for (size_t i = 0; i < n; i++) {
            size_t used = jobs[i]->plan.n;
            finish(jobs[i], thread, TB_OK, at, NULL);
            at += used;
        }
        return;
    }
    /* One of them is at fault, or the connection was: each for itself. */
    for (size_t i = 0; i < n; i++) {
        struct tb_pg_result *own[TB_PLAN_MAX] = {0};
        err = (struct tb_error){.rc = TB_OK};
        enum tb_rc rc = run_plainly(thread, jobs[i], own, &err);
        finish(jobs[i], thread, rc, own, &err);
    }
}

/* ---- threads ---- */

static size_t take(struct tb_pool *pool, struct tb_job **jobs)
{
    size_t n = 0;
    (void)pthread_mutex_lock(&pool->lock);
    pool->idle++;
    while (!pool->first && !pool->stopping) {
        (void)pthread_cond_wait(&pool->some, &pool->lock);
    }
    pool->idle--;
    /* Leave some for those who have nothing to do. */
    size_t share = pool->n / (pool->idle + 1);
    share = share < 1 ? 1 : share > BATCH ? BATCH : share;
    while (n < share && pool->first) {
        struct tb_job *job = pool->first;
        pool->first = job->next;
        pool->n--;
        jobs[n++] = job;
    }
    if (!pool->first) {
        pool->last = &pool->first;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return n;
}

static void *work(void *arg)
{
    struct tb_pool *pool = arg;
    struct tb_pool_thread thread = {.cfg = pool->cfg, .arg = pool->arg};
    struct tb_job *jobs[BATCH];
    size_t n;
    while ((n = take(pool, jobs)) > 0) {
        struct tb_job *planned[BATCH];
        size_t nplanned = 0;
        for (size_t i = 0; i < n; i++) {
            jobs[i]->plan.n = 0;
            if (jobs[i]->run(jobs[i], &thread)) {
                planned[nplanned++] = jobs[i];
            }
        }
        run_plans(&thread, planned, nplanned);
    }
    tb_search_free(thread.search);
    tb_pg_free(thread.pg);
    return NULL;
}

enum tb_rc tb_pool_start(const struct tb_config *cfg, unsigned threads, size_t queue, void *arg,
                         struct tb_pool **ret, struct tb_error *err)
{
    struct tb_pool *pool = calloc(1, sizeof *pool);
    pthread_t *ids = calloc(threads, sizeof *ids);
    if (!pool || !ids) {
        free(pool);
        free(ids);
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    pool->cfg = cfg;
    pool->arg = arg;
    pool->max = queue;
    pool->last = &pool->first;
    pool->threads = ids;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->some, NULL);
    while (pool->nthreads < threads &&
           pthread_create(&ids[pool->nthreads], NULL, work, pool) == 0) {
        pool->nthreads++;
    }
    if (pool->nthreads == 0) {
        tb_pool_free(pool);
        return tb_fail(err, TB_ENOMEM, "cannot start a thread");
    }
    *ret = pool;
    return TB_OK;
}

void tb_pool_free(struct tb_pool *pool)
{
    if (!pool) {
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    (void)pthread_cond_broadcast(&pool->some);
    (void)pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->nthreads; i++) {
        (void)pthread_join(pool->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&pool->some);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
}

static bool put(struct tb_pool *pool, struct tb_job *job, bool always)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool fits = always || (pool->n < pool->max && !pool->stopping);
    if (fits) {
        job->next = NULL;
        *pool->last = job;
        pool->last = &job->next;
        pool->n++;
        (void)pthread_cond_signal(&pool->some);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return fits;
}

bool tb_pool_submit(struct tb_pool *pool, struct tb_job *job)
{
    return put(pool, job, false);
}

void tb_pool_resubmit(struct tb_pool *pool, struct tb_job *job)
{
    (void)put(pool, job, true);
}

size_t tb_pool_queued(struct tb_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    size_t n = pool->n;
    (void)pthread_mutex_unlock(&pool->lock);
    return n;
}
