#include "producer/ctl/rows.h"

void ctl_row_json_open(struct tb_json *w, const struct tb_pg_result *r, int row, const char *kinds)
{
    tb_json_open(w, '{');
    for (int c = 0; kinds[c]; c++) {
        tb_str text = tb_pg_str(r, row, c);
        tb_json_key(w, tb_pg_column_name(r, c));
        if (tb_str_is_null(text)) {
            tb_json_null(w);
        } else if (kinds[c] == 'i') {
            tb_json_int(w, tb_pg_int(r, row, c));
        } else if (kinds[c] == 'b') {
            tb_json_bool(w, tb_pg_bool(r, row, c));
        } else if (kinds[c] == 't') {
            tb_json_time(w, tb_pg_time(r, row, c));
        } else if (kinds[c] == 'j') {
            tb_json_raw(w, text);
        } else {
            tb_json_string(w, text);
        }
    }
}

void ctl_row_json(struct tb_json *w, const struct tb_pg_result *r, int row, const char *kinds)
{
    ctl_row_json_open(w, r, row, kinds);
    tb_json_close(w, '}');
}

void ctl_rows_json(struct tb_json *w, const struct tb_pg_result *r, const char *kinds)
{
    tb_json_open(w, '[');
    for (int i = 0; i < tb_pg_rows(r); i++) {
        ctl_row_json(w, r, i, kinds);
    }
    tb_json_close(w, ']');
}
