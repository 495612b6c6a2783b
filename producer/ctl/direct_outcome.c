/* What became of a command, from the command log. */
#include "common/json/stored.h"
#include "producer/ctl/direct.h"

/* The first record of an id is the one that counted. */
static const char sql_outcome[] =
    "SELECT l.id AS command_id, l.source, l.type, l.subject AS ticket_id, l.actor, l.outcome, "
    "l.code, l.rule,"
    "  l.message, l.version, l.applied_at,"
    "  (SELECT p.message FROM parked_tickets p WHERE p.ticket_id = l.subject) AS parked_because,"
    "  l.topic_partition, l.record_offset, l.outbox"
    " FROM command_log l WHERE l.id = $1 AND ($2::text IS NULL OR l.source = $2)"
    " AND l.outcome NOT IN ('repeat', 'forwarded')"
    " ORDER BY l.applied_at";

/* The stored messages as the list of events they hold. */
static enum tb_rc unpack(struct ctl *ctl, const struct ctl_rows *stored, struct ctl_rows *ret,
                         struct tb_error *err)
{
    int last = stored->ncolumns - 1;
    size_t n = (size_t)stored->n * (size_t)stored->ncolumns;
    struct ctl_datum *data = TB_NEW_N(ctl->arena, struct ctl_datum, n + 1);
    const char **names = TB_NEW_N(ctl->arena, const char *, (size_t)stored->ncolumns);
    if (!data || !names) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (int c = 0; c <= last; c++) {
        names[c] = c == last ? "events" : stored->names[c];
    }
    for (size_t i = 0; i < n; i++) {
        data[i] = stored->data[i];
        if (i % (size_t)stored->ncolumns == (size_t)last) {
            tb_buf events;
            tb_buf_init(&events, CTL_OUT_MAX);
            struct tb_json w = {.buf = &events};
            tb_stored_events(&w, data[i].text);
            data[i].text = tb_buf_take(&events, ctl->arena);
            data[i].given = true;
            tb_buf_dispose(&events);
        }
    }
    *ret = *stored;
    ret->kinds = CTL_OUTCOME_KINDS;
    ret->names = names;
    ret->data = data;
    return TB_OK;
}

enum tb_rc ctl_direct_outcome(struct ctl *ctl, tb_str command, tb_str source, struct ctl_rows *ret,
                              struct tb_error *err)
{
    struct tb_pg_params p;
    struct ctl_rows stored = {0};
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_str(&p, command);
    tb_pg_add_str(&p, source);
    enum tb_rc rc = ctl_rows_query(ctl, sql_outcome, &p, CTL_OUTCOME_KINDS, &stored, err);
    return rc == TB_OK ? unpack(ctl, &stored, ret, err) : rc;
}
