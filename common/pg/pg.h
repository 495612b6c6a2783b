/* Postgres, the only user of libpq: one connection, parameterised statements, pipelines.
 *
 * Errors carry the SQLSTATE in err.code and are classed by it, never by text:
 *   TB_ERETRY        40001, 40P01, 55P03 (lock timeout): run the transaction again
 *   TB_EUNAVAILABLE  08, 53, 57P0x, 25P03, lost connection: pause, reconnect, resume
 *   TB_EUNKNOWN      connection lost while a COMMIT was under way
 *   TB_EDATA         22, 23: this very data is refused
 *   TB_EFATAL        anything else (a bug or a missing privilege)
 * Not thread-safe; one handle per thread. */
#ifndef TB_PG_PG_H
#define TB_PG_PG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/config/config.h"

struct tb_pg;
struct tb_pg_result;

/* Connects with the DB_* settings, checks UTF-8 and version >= 14, sets search_path to DB_SCHEMA
 * and the session's timeouts. application_name shows in pg_stat_activity. */
enum tb_rc tb_pg_connect(const struct tb_config *cfg, const char *application_name,
                         struct tb_pg **ret, struct tb_error *err) TB_MUST_USE;
void tb_pg_free(struct tb_pg *pg);
bool tb_pg_alive(const struct tb_pg *pg);
/* For poll(2) in loops that wait for something else too; -1 when not connected. */
int tb_pg_socket(const struct tb_pg *pg);
int tb_pg_server_version(const struct tb_pg *pg); /* as 160003 */

/* ---- parameters; NULL ptr is SQL NULL ---- */

#define TB_PG_MAX_PARAMS 48

/* A list of parameters under construction. Values are copied into the arena. */
struct tb_pg_params {
    struct tb_arena *arena;
    int n;
    const char *values[TB_PG_MAX_PARAMS];
    int lengths[TB_PG_MAX_PARAMS]; /* of those in binary format */
    int formats[TB_PG_MAX_PARAMS]; /* 0: text, 1: binary */
    bool failed;                   /* one is too large, or did not fit into memory */
};
void tb_pg_params_init(struct tb_pg_params *p, struct tb_arena *arena);
/* In text format: the server converts them to whatever type the statement says. */
void tb_pg_add_str(struct tb_pg_params *p, tb_str s);
void tb_pg_add_int(struct tb_pg_params *p, int64_t v);
void tb_pg_add_bool(struct tb_pg_params *p, bool v);
void tb_pg_add_time(struct tb_pg_params *p, int64_t time_us);               /* TB_TIME_NONE: NULL */
void tb_pg_add_bytes(struct tb_pg_params *p, const void *data, size_t len); /* bytea */
/* text[]; null items become NULL. */
void tb_pg_add_strs(struct tb_pg_params *p, const tb_str *items, size_t n);
void tb_pg_add_ints(struct tb_pg_params *p, const int64_t *items, size_t n); /* bigint[] */

/* Arrays in binary format, for sets of rows: nothing is escaped here nor parsed there. The
 * statement must cast the parameter to the very type: $1::text[], bytea[], bigint[], bool[],
 * timestamptz[]. Null strings become NULL, and so does TB_TIME_NONE. */
void tb_pg_add_texts(struct tb_pg_params *p, const tb_str *items, size_t n);
void tb_pg_add_byteas(struct tb_pg_params *p, const tb_str *items, size_t n);
void tb_pg_add_bigints(struct tb_pg_params *p, const int64_t *items, size_t n);
void tb_pg_add_bools(struct tb_pg_params *p, const int64_t *items, size_t n);
void tb_pg_add_times(struct tb_pg_params *p, const int64_t *items, size_t n);

/* ---- one statement ---- */

/* Runs sql with $1.. parameters (params may be NULL). On TB_OK *ret (may be NULL) holds the rows;
 * free it with tb_pg_result_free. */
enum tb_rc tb_pg_exec(struct tb_pg *pg, const char *sql, const struct tb_pg_params *params,
                      struct tb_pg_result **ret, struct tb_error *err) TB_MUST_USE;
/* Several statements without parameters (migrations, BEGIN, COMMIT). */
enum tb_rc tb_pg_script(struct tb_pg *pg, const char *sql, struct tb_error *err) TB_MUST_USE;
/* Ends an open or failed transaction, if there is one. */
enum tb_rc tb_pg_rollback(struct tb_pg *pg, struct tb_error *err) TB_MUST_USE;

/* ---- a pipeline: many statements, one round trip ---- */

#define TB_PG_PIPELINE_MAX 64 /* statements of one pipeline */

/* Statements are prepared once per connection under `name` (static string, unique per SQL text).
 * The queue is sent and read by tb_pg_pipeline_run; on the first failure the rest is skipped and
 * the error returned. Without an explicit BEGIN each run is one implicit transaction. */
enum tb_rc tb_pg_pipeline_add(struct tb_pg *pg, const char *name, const char *sql,
                              const struct tb_pg_params *params, struct tb_error *err) TB_MUST_USE;
/* results: room for as many as were added, in their order, or NULL to drop them; on TB_OK the
 * caller owns them, on failure all are NULL and an open transaction has been rolled back.
 * committing: the queue ends with COMMIT, so a lost connection is TB_EUNKNOWN. */
enum tb_rc tb_pg_pipeline_run(struct tb_pg *pg, struct tb_pg_result **results, bool committing,
                              struct tb_error *err) TB_MUST_USE;

/* ---- results: text format ---- */

int tb_pg_rows(const struct tb_pg_result *r);
/* Rows touched by INSERT, UPDATE, DELETE. */
int64_t tb_pg_affected(const struct tb_pg_result *r);
/* Null slice for SQL NULL; valid until the result is freed. */
tb_str tb_pg_str(const struct tb_pg_result *r, int row, int col);
/* A copy in the arena. */
tb_str tb_pg_str_in(const struct tb_pg_result *r, int row, int col, struct tb_arena *arena);
int64_t tb_pg_int(const struct tb_pg_result *r, int row, int col); /* NULL and garbage: 0 */
double tb_pg_real(const struct tb_pg_result *r, int row, int col); /* NULL and garbage: 0 */
bool tb_pg_bool(const struct tb_pg_result *r, int row, int col);
/* timestamptz; NULL: TB_TIME_NONE. The session's TimeZone is UTC and DateStyle ISO. */
int64_t tb_pg_time(const struct tb_pg_result *r, int row, int col);
/* bytea decoded into the arena. */
tb_str tb_pg_bytes(const struct tb_pg_result *r, int row, int col, struct tb_arena *arena);
int tb_pg_columns(const struct tb_pg_result *r);
const char *tb_pg_column_name(const struct tb_pg_result *r, int col);
void tb_pg_result_free(struct tb_pg_result *r);

#endif
