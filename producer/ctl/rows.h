/* Results of queries as JSON objects and arrays, by the names of their columns. */
#ifndef TB_CTL_ROWS_H
#define TB_CTL_ROWS_H

#include "producer/ctl/ctl.h"

/* One letter per column: s string, i integer, b boolean, t time, j JSON text; nulls stay null. */
void ctl_row_json(struct tb_json *w, const struct tb_pg_result *r, int row, const char *kinds);
/* The same, left open for more members. */
void ctl_row_json_open(struct tb_json *w, const struct tb_pg_result *r, int row, const char *kinds);
/* All rows as an array. */
void ctl_rows_json(struct tb_json *w, const struct tb_pg_result *r, const char *kinds);

#endif
