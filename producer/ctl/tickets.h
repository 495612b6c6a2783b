/* Tickets as rows: one list of columns, filters as parameters, what stands for a ticket. */
#ifndef TB_CTL_TICKETS_H
#define TB_CTL_TICKETS_H

#include "common/model/ticket.h"
#include "producer/ctl/ctl.h"
#include "producer/ctl/grid.h"
#include "producer/ctl/rows.h"

/* Columns of `tickets t`, as CTL_COL_* counts them: id, version, then the fields of the model. */
extern const char ctl_ticket_columns[];
enum { CTL_COL_ID, CTL_COL_VERSION, CTL_COL_FIELDS };
#define CTL_COL(field) (CTL_COL_FIELDS + TB_TICKET_##field)
#define CTL_COL_NEXT   (CTL_COL_FIELDS + (int)TB_TICKET_FIELDS_)
/* Their kinds, as rows.h has them. */
extern const char ctl_ticket_kinds[];

/* Conditions on `tickets t` from the filter options; each begins with " AND ". */
void ctl_filter_sql(const struct ctl_args *args, tb_buf *sql, struct tb_pg_params *params);

/* What stands for a ticket in tables: on a terminal its external id or the end of its id (both are
 * taken as TICKET), else the whole id. */
tb_str ctl_ticket_short(const struct ctl *ctl, tb_str id, tb_str external_id);
enum ctl_color ctl_ticket_color(const struct ctl_rows *r, int row);

/* A table of rows of ticket_history, as show and history select them. */
void ctl_history_table(struct ctl *ctl, const struct ctl_rows *r);

#endif
