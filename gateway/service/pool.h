/* Threads that each own a connection to Postgres, and a bounded queue of jobs before them.
 *
 * A job first runs (checks, writes to Kafka, whatever may wait); it may then leave a plan of
 * statements, which goes to Postgres together with those of the jobs beside it, in one round trip:
 * under load a thread takes several jobs at a time. The queue is bounded: what does not fit is
 * refused, so that a slow database shows as 503 and not as memory. */
#ifndef TB_GATEWAY_POOL_H
#define TB_GATEWAY_POOL_H

#include <stdatomic.h>
#include <stddef.h>

#include "common/base/err.h"
#include "common/config/config.h"
#include "common/pg/pg.h"

struct tb_pool;
struct tb_search;

#define TB_PLAN_MAX 10 /* statements of one job */

struct tb_plan {
    size_t n;
    struct {
        const char *name; /* static, unique per SQL; NULL: not worth preparing */
        const char *sql;
        struct tb_pg_params params;
    } parts[TB_PLAN_MAX];
};
/* The next statement's parameters, to be filled; NULL when the plan is full. */
struct tb_pg_params *tb_plan_add(struct tb_plan *plan, const char *name, const char *sql,
                                 struct tb_arena *arena);

/* What a thread of the pool offers to the job it runs. */
struct tb_pool_thread {
    const struct tb_config *cfg;
    struct tb_pg *pg;         /* see tb_pool_pg */
    struct tb_search *search; /* see tb_pool_search */
    void *arg;                /* of tb_pool_start */
};
/* Connects when need be; TB_EUNAVAILABLE while Postgres is away. */
enum tb_rc tb_pool_pg(struct tb_pool_thread *thread, struct tb_error *err) TB_MUST_USE;
enum tb_rc tb_pool_search(struct tb_pool_thread *thread, struct tb_search **ret,
                          struct tb_error *err) TB_MUST_USE;
/* One statement at once, outside of the plan; reconnects once when the connection turns out to be
 * dead, so only for what may run twice. */
enum tb_rc tb_pool_query(struct tb_pool_thread *thread, const char *sql,
                         const struct tb_pg_params *params, struct tb_pg_result **ret,
                         struct tb_error *err) TB_MUST_USE;

struct tb_job {
    struct tb_job *next; /* the queue's */
    void *arg;           /* its owner's */
    /* Called once, in a thread of the pool. True: it has left statements in plan, and rows is
     * called after them. False: the pool is done with the job, which may be gone already. */
    bool (*run)(struct tb_job *job, struct tb_pool_thread *thread);
    /* results: one per statement when rc is TB_OK, freed by the pool. The job may be gone then. */
    void (*rows)(struct tb_job *job, struct tb_pool_thread *thread, enum tb_rc rc,
                 struct tb_pg_result *const *results, const struct tb_error *err);
    struct tb_plan plan;
};

enum tb_rc tb_pool_start(const struct tb_config *cfg, unsigned threads, size_t queue, void *arg,
                         struct tb_pool **ret, struct tb_error *err) TB_MUST_USE;
/* Jobs in the queue are still run. NULL-safe. */
void tb_pool_free(struct tb_pool *pool);
/* From any thread. False when the queue is full: nothing was done. */
bool tb_pool_submit(struct tb_pool *pool, struct tb_job *job) TB_MUST_USE;
/* For what has begun already, and must be finished: always taken. */
void tb_pool_resubmit(struct tb_pool *pool, struct tb_job *job);
size_t tb_pool_queued(struct tb_pool *pool);

#endif
