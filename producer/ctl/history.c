/* history: a ticket's changes, field by field. timeline: what happened, as sentences. */
#include "producer/ctl/grid.h"
#include "producer/ctl/rows.h"
#include "producer/ctl/tickets.h"
#include "producer/ctl/verbs.h"

#define VALUE_WIDTH 60 /* most columns of an old or new value outside a terminal */

static tb_str shortened(struct ctl *ctl, tb_str text)
{
    if (tb_str_is_null(text)) {
        return text;
    }
    tb_buf out;
    tb_buf_init(&out, CTL_OUT_MAX);
    (void)ctl_text_add(&out, text, VALUE_WIDTH);
    tb_str taken = out.len ? tb_buf_take(&out, ctl->arena) : TB_LIT("");
    tb_buf_dispose(&out);
    return taken;
}

void ctl_history_table(struct ctl *ctl, const struct tb_pg_result *r)
{
    static const char *const heads[] = {"VERSION", "TIME", "AGENT", "CHANGE",
                                        "FIELD",   "OLD",  "NEW",   NULL};
    struct ctl_grid grid;
    ctl_grid_init(&grid, ctl->arena, heads);
    for (int i = 0; i < tb_pg_rows(r); i++) {
        ctl_grid_add(&grid, tb_pg_str(r, i, 0), CTL_PLAIN);
        ctl_grid_add_time(&grid, tb_pg_time(r, i, 7));
        ctl_grid_add(&grid, tb_pg_str(r, i, 8), CTL_PLAIN);
        ctl_grid_add(&grid, tb_pg_str(r, i, 1), CTL_PLAIN);
        ctl_grid_add(&grid, tb_pg_str(r, i, 2), CTL_PLAIN);
        ctl_grid_add(&grid, shortened(ctl, tb_pg_str(r, i, 3)), CTL_RED);
        ctl_grid_add(&grid, shortened(ctl, tb_pg_str(r, i, 4)), CTL_GREEN);
    }
    ctl_grid_render(&grid, &ctl->term, &ctl->out);
}

static enum tb_rc must_exist(struct ctl *ctl, const struct tb_pg_params *p, tb_str id,
                             struct tb_error *err)
{
    struct tb_pg_params one = *p;
    one.n = 1;
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = ctl_query(ctl, "SELECT 1 FROM tickets WHERE id = $1", &one, &r, err);
    if (rc == TB_OK && tb_pg_rows(r) == 0) {
        rc = tb_fail(err, TB_ENOTFOUND, "there is no ticket %.*s", TB_ARG(id));
    }
    tb_pg_result_free(r);
    return rc;
}

int ctl_run_history(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    tb_str id;
    tb_str field = ctl_opt(&ctl->args, "field");
    tb_pg_params_init(&p, ctl->arena);
    enum tb_rc rc = ctl_ticket_id(ctl, ctl->args.args[0], &id, &err);
    if (rc == TB_OK) {
        tb_pg_add_str(&p, id);
        tb_pg_add_str(&p, field);
        rc = must_exist(ctl, &p, id, &err);
    }
    if (rc == TB_OK) {
        rc = ctl_query(ctl,
                       "SELECT version, change_type, field_name, old_value, new_value,"
                       "  change_description, metadata, changed_at, agent_id FROM ticket_history"
                       " WHERE ticket_id = $1 AND ($2::text IS NULL OR field_name = $2)"
                       " ORDER BY version, id",
                       &p, &r, &err);
    }
    if (rc == TB_OK && ctl->json) {
        struct tb_json w = {.buf = &ctl->out};
        ctl_rows_json(&w, r, "isssssjts");
        tb_buf_add_char(&ctl->out, '\n');
    } else if (rc == TB_OK) {
        ctl_history_table(ctl, r);
    }
    tb_pg_result_free(r);
    return rc == TB_OK ? CTL_DONE : ctl_fail(&err);
}

/* One entry per event: fields that changed together are told together. The newest, in their order.
 */
static const char sql_timeline[] =
    "SELECT * FROM (SELECT h.ticket_id, t.external_id, t.title, h.version, h.change_type,"
    "  min(h.agent_id) AS agent_id, min(h.change_description) AS change_description,"
    "  string_agg(h.field_name || CASE WHEN h.field_name IN ('description') THEN ''"
    "    ELSE ': ' || left(COALESCE(h.old_value, '-'), 40) || ' -> '"
    "      || left(COALESCE(h.new_value, '-'), 40) END, '; ' ORDER BY h.id) AS fields,"
    "  min(h.changed_at) AS changed_at"
    " FROM ticket_history h JOIN tickets t ON t.id = h.ticket_id"
    " WHERE ($1::text IS NULL OR h.ticket_id = $1) AND ($2::text IS NULL OR t.workflow_id = $2)"
    "  AND ($3::text IS NULL OR h.agent_id = $3)"
    "  AND ($4::timestamptz IS NULL OR h.changed_at >= $4)"
    " GROUP BY h.ticket_id, t.external_id, t.title, h.version, h.change_type"
    " ORDER BY min(h.changed_at) DESC, h.ticket_id, h.version DESC LIMIT $5) e"
    " ORDER BY changed_at, ticket_id, version";

static enum tb_rc timeline_params(struct ctl *ctl, struct tb_pg_params *p, struct tb_error *err)
{
    tb_str id = TB_STR_NULL;
    tb_str since = ctl_opt(&ctl->args, "since");
    int64_t since_us = TB_TIME_NONE;
    int64_t limit;
    enum tb_rc rc = ctl_opt_int(&ctl->args, "limit", 1, 100000, 50, &limit, err);
    if (rc == TB_OK && since.ptr && !tb_time_parse(since, &since_us)) {
        rc = tb_fail(err, TB_EINVAL, "--since is a time like 2026-11-23T20:00:00Z");
    }
    if (rc == TB_OK && ctl->args.nargs) {
        rc = ctl_ticket_id(ctl, ctl->args.args[0], &id, err);
    }
    if (rc != TB_OK) {
        return rc;
    }
    tb_pg_params_init(p, ctl->arena);
    tb_pg_add_str(p, id);
    tb_pg_add_str(p, ctl_opt(&ctl->args, "workflow"));
    tb_pg_add_str(p, ctl_opt(&ctl->args, "actor"));
    tb_pg_add_time(p, since_us);
    tb_pg_add_int(p, limit);
    return tb_str_is_null(id) ? TB_OK : must_exist(ctl, p, id, err);
}

int ctl_run_timeline(struct ctl *ctl)
{
    static const char *const heads[] = {"TIME", "AGENT", "TICKET", "CHANGE", "WHAT", NULL};
    struct tb_error err = {0};
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = timeline_params(ctl, &p, &err);
    rc = rc == TB_OK ? ctl_query(ctl, sql_timeline, &p, &r, &err) : rc;
    if (rc == TB_OK && ctl->json) {
        struct tb_json w = {.buf = &ctl->out};
        ctl_rows_json(&w, r, "sssisssst");
        tb_buf_add_char(&ctl->out, '\n');
    } else if (rc == TB_OK) {
        struct ctl_grid grid;
        ctl_grid_init(&grid, ctl->arena, heads);
        for (int i = 0; i < tb_pg_rows(r); i++) {
            tb_str fields = tb_pg_str(r, i, 7);
            ctl_grid_add_time(&grid, tb_pg_time(r, i, 8));
            ctl_grid_add(&grid, tb_pg_str(r, i, 5), CTL_PLAIN);
            ctl_grid_add(&grid, ctl_ticket_short(ctl, tb_pg_str(r, i, 0), tb_pg_str(r, i, 1)),
                         CTL_CYAN);
            ctl_grid_add(&grid, tb_pg_str(r, i, 4), CTL_PLAIN);
            ctl_grid_add(&grid,
                         shortened(ctl, tb_str_is_null(fields) ? tb_pg_str(r, i, 6) : fields),
                         CTL_PLAIN);
        }
        ctl_grid_render(&grid, &ctl->term, &ctl->out);
    }
    tb_pg_result_free(r);
    return rc == TB_OK ? CTL_DONE : ctl_fail(&err);
}
