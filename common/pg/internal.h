/* Shared by the files of common/pg only. */
#ifndef TB_PG_INTERNAL_H
#define TB_PG_INTERNAL_H

#include <libpq-fe.h>

#include "common/pg/pg.h"

#define TB_PG_STATEMENTS_MAX 128

struct tb_pg_result {
    PGresult *res;
};

/* A statement queued in the pipeline; prepares: index of the statement it prepares, -1 for a query.
 */
struct tb_pg_queued {
    int prepares;
};

struct tb_pg {
    PGconn *conn;
    int64_t deadline_ms; /* longest wait for an answer before the server counts as lost */
    const char *prepared[TB_PG_STATEMENTS_MAX];
    int nprepared;
    const char *queued_names[TB_PG_PIPELINE_MAX]; /* statements whose PREPARE is in the queue */
    int nqueued_names;
    struct tb_pg_queued queue[2 * TB_PG_PIPELINE_MAX];
    int nqueue;
    int nqueries;
};

/* format: 0 text, 1 binary of `length` bytes; value NULL is SQL NULL. */
void tb_pg_add_raw(struct tb_pg_params *p, const char *value, int length, int format);

/* Class of an SQLSTATE. NULL or "": the connection. */
enum tb_rc tb_pg_classify(const char *sqlstate);
/* Fills err from a failed result, or from the connection when res is NULL. */
enum tb_rc tb_pg_fail_result(struct tb_pg *pg, const PGresult *res, struct tb_error *err);

#endif
