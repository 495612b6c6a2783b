/* Queries: from parameters to SQL, from rows to JSON. No I/O but for those that cannot be a plan of
 * statements (search, commit diffs), which run in a thread of the pool. */
#ifndef TB_GATEWAY_READ_H
#define TB_GATEWAY_READ_H

#include <stdbool.h>

#include "common/base/json_write.h"
#include "common/pg/pg.h"
#include "gateway/core/caller.h"
#include "gateway/core/operations.h"
#include "gateway/core/queries.h"
#include "gateway/core/reply.h"
#include "gateway/service/pool.h"

struct tb_read {
    const struct tb_operation *op;
    const void *params; /* of the operation's record */
    const struct tb_caller *caller;
    struct tb_arena *arena;
};

/* Most bytes of one answer. */
#define TB_READ_MAX ((size_t)32 * 1024 * 1024)

/* Whether the operation is one of statements; else tb_read_run does it. */
bool tb_read_is_plan(const struct tb_operation *op);
/* Leaves its statements in plan; on failure *ret says why. */
bool tb_read_plan(const struct tb_read *read, struct tb_plan *plan, struct tb_reply *ret);
/* results: one per statement planned. */
void tb_read_render(const struct tb_read *read, struct tb_pg_result *const *results,
                    struct tb_reply *ret);
/* Does the others at once. */
void tb_read_run(const struct tb_read *read, struct tb_pool_thread *thread, struct tb_reply *ret);

/* ---- tickets as JSON ---- */

/* Columns of `tickets t` for tb_ticket_row: all, or all but the description. */
extern const char tb_ticket_columns[];
extern const char tb_ticket_columns_brief[];
/* A set of fields to show: bit i is field i of the model. */
#define TB_TICKET_ALL (~UINT64_C(0))
/* One row as an object, left open for more members. brief: selected without description. */
void tb_ticket_row(struct tb_json *w, const struct tb_pg_result *r, int row, bool brief,
                   uint64_t fields);
/* The statement that reads one ticket whole: $1 its id. */
extern const char tb_sql_ticket[];
/* All rows as an array of objects named by their columns; one letter per column: s string,
 * i integer, b boolean, t time, j JSON. */
void tb_rows_json(struct tb_json *w, const struct tb_pg_result *r, const char *kinds);
void tb_row_members(struct tb_json *w, const struct tb_pg_result *r, int row, const char *kinds);

/* Finishes an answer: the buffer's text as body. */
void tb_read_done(tb_buf *buf, struct tb_arena *arena, struct tb_reply *ret);

#endif
