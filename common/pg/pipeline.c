/* Pipelines: everything queued goes out and comes back in one round trip.
 *
 * The connection is non-blocking while the queue runs, and both directions are served at once:
 * blocking writes could deadlock against a server that blocks writing its answers. */
#include <poll.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/pg/internal.h"

static bool has(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static enum tb_rc start(struct tb_pg *pg, struct tb_error *err)
{
    if (PQpipelineStatus(pg->conn) != PQ_PIPELINE_OFF) {
        return TB_OK;
    }
    if (PQstatus(pg->conn) != CONNECTION_OK || PQsetnonblocking(pg->conn, 1) != 0 ||
        PQenterPipelineMode(pg->conn) != 1) {
        return tb_pg_fail_result(pg, NULL, err);
    }
    pg->nqueue = 0;
    pg->nqueries = 0;
    pg->nqueued_names = 0;
    return TB_OK;
}

enum tb_rc tb_pg_pipeline_add(struct tb_pg *pg, const char *name, const char *sql,
                              const struct tb_pg_params *params, struct tb_error *err)
{
    enum tb_rc rc = start(pg, err);
    if (rc != TB_OK) {
        return rc;
    }
    if (params && params->failed) {
        return tb_fail(err, TB_ELIMIT, "the parameters of statement %s are too large", name);
    }
    if (pg->nqueries == TB_PG_PIPELINE_MAX) {
        return tb_fail(err, TB_ELIMIT, "more than %d statements in a pipeline", TB_PG_PIPELINE_MAX);
    }
    if (!has(pg->prepared, pg->nprepared, name) &&
        !has(pg->queued_names, pg->nqueued_names, name)) {
        if (pg->nprepared + pg->nqueued_names >= TB_PG_STATEMENTS_MAX) {
            return tb_fail(err, TB_ELIMIT, "more than %d prepared statements",
                           TB_PG_STATEMENTS_MAX);
        }
        if (PQsendPrepare(pg->conn, name, sql, 0, NULL) != 1) {
            return tb_pg_fail_result(pg, NULL, err);
        }
        pg->queue[pg->nqueue++].prepares = pg->nqueued_names;
        pg->queued_names[pg->nqueued_names++] = name;
    }
    if (PQsendQueryPrepared(pg->conn, name, params ? params->n : 0, params ? params->values : NULL,
                            params ? params->lengths : NULL, params ? params->formats : NULL,
                            0) != 1) {
        return tb_pg_fail_result(pg, NULL, err);
    }
    pg->queue[pg->nqueue++].prepares = -1;
    pg->nqueries++;
    return TB_OK;
}

/* Waits until a result can be taken without blocking. False when the connection is gone. */
static bool await_result(struct tb_pg *pg, int64_t deadline_us)
{
    for (;;) {
        int unsent = PQflush(pg->conn);
        if (unsent < 0) {
            return false;
        }
        if (unsent == 0 && !PQisBusy(pg->conn)) {
            return true;
        }
        int64_t left_ms = (deadline_us - tb_clock_mono_us()) / 1000;
        if (left_ms <= 0) {
            return false;
        }
        struct pollfd fd = {.fd = PQsocket(pg->conn),
                            .events = (short)(POLLIN | (unsent ? POLLOUT : 0))};
        int n = poll(&fd, 1, left_ms > 60000 ? 60000 : (int)left_ms);
        if (n > 0 && (fd.revents & (POLLIN | POLLERR | POLLHUP)) && !PQconsumeInput(pg->conn)) {
            return false;
        }
    }
}

/* The next result of the connection, NULL when one query's results are complete; lost is set when
 * the connection is gone. */
static PGresult *next_result(struct tb_pg *pg, int64_t deadline_us, bool *lost)
{
    if (!await_result(pg, deadline_us)) {
        *lost = true;
        return NULL;
    }
    PGresult *res = PQgetResult(pg->conn);
    if (!res && PQstatus(pg->conn) != CONNECTION_OK) {
        *lost = true;
    }
    return res;
}

static bool is_good(const PGresult *res)
{
    ExecStatusType s = PQresultStatus(res);
    return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK;
}

struct reading {
    struct tb_pg_result **results;
    int nresults;
    enum tb_rc rc;
    bool lost;
};

/* Takes the results of one queued item; the first failure is kept, its followers are aborted. */
static void read_item(struct tb_pg *pg, const struct tb_pg_queued *item, int64_t deadline_us,
                      struct reading *r, struct tb_error *err)
{
    PGresult *res;
    while ((res = next_result(pg, deadline_us, &r->lost)) != NULL) {
        bool good = is_good(res);
        if (!good && r->rc == TB_OK && PQresultStatus(res) != PGRES_PIPELINE_ABORTED) {
            r->rc = tb_pg_fail_result(pg, res, err);
        }
        if (good && item->prepares >= 0) {
            pg->prepared[pg->nprepared++] = pg->queued_names[item->prepares];
        }
        struct tb_pg_result *kept = NULL;
        if (good && item->prepares < 0 && r->results && r->rc == TB_OK) {
            kept = calloc(1, sizeof *kept);
            if (!kept) {
                r->rc = tb_fail(err, TB_ENOMEM, "out of memory");
            }
        }
        if (kept) {
            kept->res = res;
            r->results[r->nresults++] = kept;
        } else {
            PQclear(res);
        }
    }
}

/* Reads up to the synchronisation point that ends the queue. */
static void read_sync(struct tb_pg *pg, int64_t deadline_us, struct reading *r)
{
    while (!r->lost) {
        PGresult *res = next_result(pg, deadline_us, &r->lost);
        if (!res) {
            continue;
        }
        bool done = PQresultStatus(res) == PGRES_PIPELINE_SYNC;
        PQclear(res);
        if (done) {
            return;
        }
    }
}

enum tb_rc tb_pg_pipeline_run(struct tb_pg *pg, struct tb_pg_result **results, bool committing,
                              struct tb_error *err)
{
    enum tb_rc rc = start(pg, err);
    if (rc != TB_OK) {
        return rc;
    }
    struct reading r = {.results = results, .rc = TB_OK};
    int64_t deadline_us = tb_clock_mono_us() + pg->deadline_ms * 1000;
    if (PQpipelineSync(pg->conn) != 1) {
        r.lost = true;
    }
    for (int i = 0; i < pg->nqueue && !r.lost; i++) {
        read_item(pg, &pg->queue[i], deadline_us, &r, err);
    }
    read_sync(pg, deadline_us, &r);
    pg->nqueue = 0;
    pg->nqueued_names = 0;
    if (r.lost) {
        enum tb_rc known = r.rc;
        struct tb_error scratch;
        (void)tb_pg_fail_result(pg, NULL, known == TB_OK ? err : &scratch);
        /* The handle stays dead: the caller frees it and connects anew. */
        PQfinish(pg->conn);
        pg->conn = NULL;
        r.rc = committing && known == TB_OK ? TB_EUNKNOWN : TB_EUNAVAILABLE;
        if (err) {
            err->rc = r.rc;
        }
    } else {
        (void)PQexitPipelineMode(pg->conn);
        (void)PQsetnonblocking(pg->conn, 0);
    }
    if (r.rc != TB_OK) {
        for (int i = 0; i < r.nresults; i++) {
            tb_pg_result_free(results[i]);
            results[i] = NULL;
        }
        struct tb_error ignored;
        if (!r.lost && tb_pg_rollback(pg, &ignored) != TB_OK) {
            return r.rc;
        }
    }
    return r.rc;
}
