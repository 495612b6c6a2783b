/* Rows as JSON. */
#include "common/base/attr.h"
#include "common/model/ticket.h"
#include "gateway/read/read.h"

/* In the order of enum tb_ticket_field; the description, which may be long, comes last. */
#define COLUMNS                                                                                    \
    "t.id, t.version, t.workflow_id, t.external_id, t.created_by_agent_id, t.assigned_agent_id,"   \
    " t.title, t.ticket_type, t.priority, t.status, t.parent_ticket_id, t.related_task_ids,"       \
    " t.related_ticket_ids, t.tags, t.blocked_by_ticket_ids, t.is_blocked, t.is_resolved,"         \
    " t.is_deleted, t.created_at, t.updated_at, t.started_at, t.completed_at, t.resolved_at,"      \
    " t.deleted_at"

const char tb_ticket_columns[] = COLUMNS ", t.description";
const char tb_ticket_columns_brief[] = COLUMNS;
const char tb_sql_ticket[] = "SELECT " COLUMNS ", t.description FROM tickets t WHERE t.id = $1";

enum { COL_ID, COL_VERSION, COL_FIELDS };

static void add_value(struct tb_json *w, enum tb_value_kind kind, const struct tb_pg_result *r,
                      int row, int col)
{
    switch (kind) {
    case TB_VALUE_STR:
        tb_json_string(w, tb_pg_str(r, row, col));
        return;
    case TB_VALUE_BOOL:
        tb_json_bool(w, tb_pg_bool(r, row, col));
        return;
    case TB_VALUE_TIME:
        tb_json_time(w, tb_pg_time(r, row, col));
        return;
    case TB_VALUE_STRS:
        tb_json_raw(w, tb_pg_str(r, row, col));
        return;
    }
}

void tb_ticket_row(struct tb_json *w, const struct tb_pg_result *r, int row, bool brief,
                   uint64_t fields)
{
    tb_json_open(w, '{');
    tb_json_key(w, "ticket_id");
    tb_json_string(w, tb_pg_str(r, row, COL_ID));
    tb_json_key(w, "version");
    tb_json_int(w, tb_pg_int(r, row, COL_VERSION));
    int col = COL_FIELDS;
    for (unsigned f = 0; f < TB_TICKET_FIELDS_; f++) {
        bool last = f == TB_TICKET_DESCRIPTION;
        int at = last ? COL_FIELDS + (int)TB_TICKET_FIELDS_ - 1 : col++;
        if ((last && brief) || !(fields >> f & 1)) {
            continue;
        }
        tb_json_key(w, tb_ticket_fields[f].name);
        add_value(w, tb_ticket_fields[f].kind, r, row, at);
    }
}

void tb_row_members(struct tb_json *w, const struct tb_pg_result *r, int row, const char *kinds)
{
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

void tb_rows_json(struct tb_json *w, const struct tb_pg_result *r, const char *kinds)
{
    tb_json_open(w, '[');
    for (int i = 0; i < tb_pg_rows(r); i++) {
        tb_json_open(w, '{');
        tb_row_members(w, r, i, kinds);
        tb_json_close(w, '}');
    }
    tb_json_close(w, ']');
}
