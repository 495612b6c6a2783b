/* Rows with named columns, whoever told them: a query of ours, or a gateway's answer. What shows
 * tickets, boards and outcomes reads these, so that both ways print the same. */
#ifndef TB_CTL_ROWS_H
#define TB_CTL_ROWS_H

#include "common/json/tree.h"
#include "producer/ctl/ctl.h"

struct ctl_rows {
    int n;
    int ncolumns;
    const char
        *kinds; /* a letter for each column: s string, i integer, b boolean, t time, j JSON */
    const char *const *names;
    struct ctl_datum {
        tb_str text;    /* of s, i and j; null where there is nothing, as for all kinds */
        int64_t number; /* of i, b and t (microseconds) */
        bool given;
    } *data; /* row by row */
};

/* Runs the statement; rows live in ctl->arena. */
enum tb_rc ctl_rows_query(struct ctl *ctl, const char *sql, const struct tb_pg_params *params,
                          const char *kinds, struct ctl_rows *ret,
                          struct tb_error *err) TB_MUST_USE;

/* A column and the member of an answer's objects that it is read from. */
struct ctl_member {
    const char *name;
    char kind;
    const char *from; /* NULL: the same name */
};
/* One row for each object of a list (NULL: no row), or for one object. */
enum tb_rc ctl_rows_read(struct ctl *ctl, const struct tb_tree *list,
                         const struct ctl_member *members, size_t n, struct ctl_rows *ret,
                         struct tb_error *err) TB_MUST_USE;
/* The rows of a and then those of b, which have the same columns. */
enum tb_rc ctl_rows_join(struct ctl *ctl, const struct ctl_rows *a, const struct ctl_rows *b,
                         struct ctl_rows *ret, struct tb_error *err) TB_MUST_USE;

tb_str ctl_text(const struct ctl_rows *rows, int row, int column);
int64_t ctl_int(const struct ctl_rows *rows, int row, int column);  /* nothing: 0 */
bool ctl_bool(const struct ctl_rows *rows, int row, int column);    /* nothing: false */
int64_t ctl_time(const struct ctl_rows *rows, int row, int column); /* nothing: TB_TIME_NONE */

/* One row as an object; the first `columns` columns, all when negative; left open for more members
 * when `open`. */
void ctl_row_write(struct tb_json *w, const struct ctl_rows *rows, int row, int columns, bool open);
/* All rows as an array. */
void ctl_rows_write(struct tb_json *w, const struct ctl_rows *rows);

/* ---- of a query that only the direct way has ---- */

/* As above, straight from the result; kinds as in struct ctl_rows. */
void ctl_row_json(struct tb_json *w, const struct tb_pg_result *r, int row, const char *kinds);
void ctl_rows_json(struct tb_json *w, const struct tb_pg_result *r, const char *kinds);

#endif
