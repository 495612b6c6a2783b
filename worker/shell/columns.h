/* Rows for a set-based write: one array per column, filled value by value, row by row, and sent in
 * binary format. What a column holds is what the first row puts there; the statement casts to the
 * array of that type: text[], bytea[], bigint[], bool[], timestamptz[]. */
#ifndef TB_WORKER_SHELL_COLUMNS_H
#define TB_WORKER_SHELL_COLUMNS_H

#include "common/model/ticket.h"
#include "worker/shell/worker.h"

#define TB_MAX_ROW_COLUMNS 25

enum tb_array_kind {
    TB_COLUMN_TEXT,
    TB_COLUMN_BYTES,
    TB_COLUMN_INT,
    TB_COLUMN_BOOL,
    TB_COLUMN_TIME,
};

struct tb_column_array {
    enum tb_array_kind kind;
    union {
        tb_str *strs;     /* text, bytes */
        int64_t *numbers; /* the others; times in microseconds since 1970 */
    } at;
};

struct tb_columns {
    struct tb_arena *arena;
    struct tb_column_array columns[TB_MAX_ROW_COLUMNS];
    size_t ncolumns;
    size_t room;
    size_t rows;
    size_t next; /* column the next value goes to */
};

/* room: most rows. False when the arena is exhausted. */
bool tb_columns_init(struct tb_columns *c, struct tb_arena *arena, size_t ncolumns, size_t room);

/* Each puts the next value of the row; the row ends with its last column. Null values become NULL.
 */
void tb_put(struct tb_columns *c, tb_str value);
void tb_put_c(struct tb_columns *c, const char *value);
void tb_put_int(struct tb_columns *c, int64_t value);
void tb_put_bool(struct tb_columns *c, bool value);
void tb_put_time(struct tb_columns *c, int64_t time_us);
void tb_put_bytes(struct tb_columns *c, const void *data, size_t len);
void tb_put_list(struct tb_columns *c, tb_strs list); /* as a JSON array */
void tb_put_value(struct tb_columns *c, const struct tb_value *v);

/* Queues the statement with the columns as array parameters (after topic, when given), unless there
 * is no row. */
enum tb_rc tb_columns_flush(struct tb_worker *w, const struct tb_columns *c, const char *name,
                            const char *sql, const char *topic, struct tb_error *err) TB_MUST_USE;

#endif
