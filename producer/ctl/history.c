/* history: a ticket's changes, field by field. timeline: what happened, as sentences. */
#include "producer/ctl/direct.h"
#include "producer/ctl/grid.h"
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

void ctl_history_table(struct ctl *ctl, const struct ctl_rows *r)
{
    static const char *const heads[] = {"VERSION", "TIME", "AGENT", "CHANGE",
                                        "FIELD",   "OLD",  "NEW",   NULL};
    struct ctl_grid grid;
    ctl_grid_init(&grid, ctl->arena, heads);
    for (int i = 0; i < r->n; i++) {
        ctl_grid_add(&grid, ctl_text(r, i, 0), CTL_PLAIN);
        ctl_grid_add_time(&grid, ctl_time(r, i, 7));
        ctl_grid_add(&grid, ctl_text(r, i, 8), CTL_PLAIN);
        ctl_grid_add(&grid, ctl_text(r, i, 1), CTL_PLAIN);
        ctl_grid_add(&grid, ctl_text(r, i, 2), CTL_PLAIN);
        ctl_grid_add(&grid, shortened(ctl, ctl_text(r, i, 3)), CTL_RED);
        ctl_grid_add(&grid, shortened(ctl, ctl_text(r, i, 4)), CTL_GREEN);
    }
    ctl_grid_render(&grid, &ctl->term, &ctl->out);
}

int ctl_run_history(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct ctl_rows r = {0};
    tb_str id;
    enum tb_rc rc = ctl_ticket_id(ctl, ctl->args.args[0], &id, &err);
    rc = rc == TB_OK ? ctl->backend->history(ctl, id, ctl_opt(&ctl->args, "field"), &r, &err) : rc;
    if (rc == TB_OK && ctl->json) {
        struct tb_json w = {.buf = &ctl->out};
        ctl_rows_write(&w, &r);
        tb_buf_add_char(&ctl->out, '\n');
    } else if (rc == TB_OK) {
        ctl_history_table(ctl, &r);
    }
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
    return tb_str_is_null(id) ? TB_OK : ctl_direct_must_exist(ctl, id, err);
}

int ctl_run_timeline(struct ctl *ctl)
{
    static const char *const heads[] = {"TIME", "AGENT", "TICKET", "CHANGE", "WHAT", NULL};
    struct tb_error err = {0};
    struct tb_pg_params p;
    struct ctl_rows r = {0};
    enum tb_rc rc = timeline_params(ctl, &p, &err);
    rc = rc == TB_OK ? ctl_rows_query(ctl, sql_timeline, &p, "sssisssst", &r, &err) : rc;
    if (rc == TB_OK && ctl->json) {
        struct tb_json w = {.buf = &ctl->out};
        ctl_rows_write(&w, &r);
        tb_buf_add_char(&ctl->out, '\n');
    } else if (rc == TB_OK) {
        struct ctl_grid grid;
        ctl_grid_init(&grid, ctl->arena, heads);
        for (int i = 0; i < r.n; i++) {
            tb_str fields = ctl_text(&r, i, 7);
            ctl_grid_add_time(&grid, ctl_time(&r, i, 8));
            ctl_grid_add(&grid, ctl_text(&r, i, 5), CTL_PLAIN);
            ctl_grid_add(&grid, ctl_ticket_short(ctl, ctl_text(&r, i, 0), ctl_text(&r, i, 1)),
                         CTL_CYAN);
            ctl_grid_add(&grid, ctl_text(&r, i, 4), CTL_PLAIN);
            ctl_grid_add(&grid,
                         shortened(ctl, tb_str_is_null(fields) ? ctl_text(&r, i, 6) : fields),
                         CTL_PLAIN);
        }
        ctl_grid_render(&grid, &ctl->term, &ctl->out);
    }
    return rc == TB_OK ? CTL_DONE : ctl_fail(&err);
}
