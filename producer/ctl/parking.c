/* dlq: parked tickets with the commands that wait, and the dead letters. */
#include <string.h>

#include "common/base/clock.h"
#include "common/json/dom.h"
#include "producer/ctl/bus.h"
#include "producer/ctl/grid.h"
#include "producer/ctl/letters.h"
#include "producer/ctl/parked.h"
#include "producer/ctl/rows.h"
#include "producer/ctl/verbs.h"

/* The filter goes between the two. */
static const char sql_parked[] =
    "SELECT p.ticket_id, p.reason, p.code, p.message, p.waits_for, p.deadline, p.parked_at,"
    "  (SELECT count(*) FROM parked_commands c WHERE c.ticket_id = p.ticket_id) AS waiting,"
    "  f.id AS first_command, f.topic_partition, f.record_offset, count(*) OVER () AS total"
    " FROM parked_tickets p LEFT JOIN LATERAL (SELECT c.id, c.topic_partition, c.record_offset"
    "  FROM parked_commands c WHERE c.ticket_id = p.ticket_id ORDER BY c.queued LIMIT 1)"
    "  f ON true";
static const char sql_parked_end[] = " ORDER BY p.parked_at, p.ticket_id LIMIT ";

static const char sql_waiting[] =
    "SELECT c.id, c.source, c.topic_partition, c.record_offset, c.record_time,"
    "  convert_from(c.body, 'UTF8') AS body, p.reason, p.code, p.message, p.parked_at"
    " FROM parked_commands c JOIN parked_tickets p USING (ticket_id) WHERE c.ticket_id = $1"
    " ORDER BY c.queued";

/* ---- dlq list ---- */

struct letters {
    struct ctl *ctl;
    struct ctl_grid grid;
    struct tb_json *w; /* JSON instead of the grid when not NULL */
    struct ctl_parked_filter filter;
};

static bool take_letter(const struct tb_kafka_message *m, void *arg)
{
    struct letters *l = arg;
    struct tb_arena *arena = l->ctl->arena;
    struct tb_dom *dom = NULL;
    struct tb_error ignored;
    if (!m->value.ptr || tb_dom_parse(m->value, 0, &dom, &ignored) != TB_OK) {
        return true;
    }
    const struct tb_node *root = tb_dom_root(dom);
    const struct tb_node *data = tb_node_get(root, "data");
    tb_str id = tb_node_str(tb_node_get(root, "id"));
    /* The indexer's letters tell the stage and the reason. */
    tb_str code = tb_node_str(tb_node_get(data, "code"));
    code = tb_str_is_null(code) ? tb_node_str(tb_node_get(data, "stage")) : code;
    tb_str message = tb_node_str(tb_node_get(data, "message"));
    message = tb_str_is_null(message) ? tb_node_str(tb_node_get(data, "reason")) : message;
    tb_str subject = tb_node_str(tb_node_get(root, "subject"));
    int64_t at = TB_TIME_NONE;
    (void)tb_time_parse(tb_node_str(tb_node_get(root, "time")), &at);
    bool wanted = ctl_parked_fits_letter(&l->filter, code, subject, at);
    if (wanted && l->w) {
        tb_json_raw(l->w, m->value);
    } else if (wanted) {
        int64_t offset = tb_node_int(tb_node_get(data, "offset"), -1);
        ctl_grid_add_time(&l->grid, at);
        ctl_grid_add(&l->grid, tb_arena_str(arena, id), CTL_PLAIN);
        ctl_grid_add(&l->grid, tb_arena_str(arena, code), CTL_RED);
        ctl_grid_add(
            &l->grid,
            offset < 0 ? tb_arena_str(arena, subject)
                       : tb_arena_printf(arena, "%lld/%lld",
                                         (long long)tb_node_int(tb_node_get(data, "partition"), -1),
                                         (long long)offset),
            CTL_PLAIN);
        ctl_grid_add(&l->grid, tb_arena_str(arena, message), CTL_PLAIN);
    }
    tb_dom_free(dom);
    return true;
}

static const char *const parked_heads[] = {"PARKED TICKET", "REASON", "CODE",    "SINCE", "WAITING",
                                           "FIRST COMMAND", "AT",     "MESSAGE", NULL};
static const char *const letter_heads[] = {"TIME",    "DEAD LETTER", "CODE", "PARTITION/OFFSET",
                                           "MESSAGE", NULL};
static const char *const index_heads[] = {"TIME",   "DEAD LETTER", "STAGE",
                                          "TICKET", "MESSAGE",     NULL};

static void print_parked(struct ctl *ctl, const struct tb_pg_result *r)
{
    struct ctl_grid grid;
    ctl_grid_init(&grid, ctl->arena, parked_heads);
    for (int i = 0; i < tb_pg_rows(r); i++) {
        tb_str waits_for = tb_pg_str(r, i, 4);
        ctl_grid_add(&grid, tb_pg_str(r, i, 0), CTL_CYAN);
        ctl_grid_add(&grid,
                     waits_for.len
                         ? tb_arena_printf(ctl->arena, "waits for %.*s", TB_ARG(waits_for))
                         : tb_pg_str(r, i, 1),
                     CTL_PLAIN);
        ctl_grid_add(&grid, tb_pg_str(r, i, 2), CTL_YELLOW);
        ctl_grid_add_time(&grid, tb_pg_time(r, i, 6));
        ctl_grid_add(&grid, tb_pg_str(r, i, 7), CTL_PLAIN);
        ctl_grid_add(&grid, tb_pg_str(r, i, 8), CTL_PLAIN);
        ctl_grid_add(&grid,
                     tb_arena_printf(ctl->arena, "%.*s/%.*s", TB_ARG(tb_pg_str(r, i, 9)),
                                     TB_ARG(tb_pg_str(r, i, 10))),
                     CTL_PLAIN);
        ctl_grid_add(&grid, tb_pg_str(r, i, 3), CTL_PLAIN);
    }
    ctl_grid_render(&grid, &ctl->term, &ctl->out);
    int64_t total = tb_pg_rows(r) ? tb_pg_int(r, 0, 11) : 0;
    if (total > tb_pg_rows(r)) {
        tb_buf_printf(&ctl->out, "%d of %lld; --limit shows more\n", tb_pg_rows(r),
                      (long long)total);
    }
}

static enum tb_rc read_parked(struct ctl *ctl, const struct ctl_parked_filter *f, int64_t limit,
                              struct tb_pg_result **ret, struct tb_error *err)
{
    struct tb_pg_params p;
    tb_buf sql;
    tb_pg_params_init(&p, ctl->arena);
    tb_buf_init(&sql, 4000);
    tb_buf_add_c(&sql, sql_parked);
    ctl_parked_where(f, &sql, &p);
    tb_buf_printf(&sql, "%s%lld", sql_parked_end, (long long)(limit ? limit : INT32_MAX));
    enum tb_rc rc = sql.failed ? tb_fail(err, TB_ENOMEM, "out of memory")
                               : ctl_query(ctl, sql.ptr, &p, ret, err);
    tb_buf_dispose(&sql);
    return rc;
}

int ctl_run_dlq_list(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_pg_result *r = NULL;
    struct tb_json w = {.buf = &ctl->out};
    struct letters l = {.ctl = ctl, .w = ctl->json ? &w : NULL};
    bool index = tb_str_eq_c(ctl_opt(&ctl->args, "topic"), "index");
    int64_t limit;
    enum tb_rc rc = ctl_opt_int(&ctl->args, "limit", 0, 1000000, 20, &limit, &err);
    rc = rc == TB_OK ? ctl_parked_filter(ctl, &l.filter, &err) : rc;
    rc = rc == TB_OK && !index ? read_parked(ctl, &l.filter, limit, &r, &err) : rc;
    if (rc == TB_OK && ctl->json) {
        tb_json_open(&w, '{');
        if (!index) {
            tb_json_key(&w, "parked");
            ctl_rows_json(&w, r, "sssssttisii");
            tb_json_key(&w, "parked_total");
            tb_json_int(&w, tb_pg_rows(r) ? tb_pg_int(r, 0, 11) : 0);
        }
        tb_json_key(&w, "dead_letters");
        tb_json_open(&w, '[');
    } else if (rc == TB_OK) {
        if (!index) {
            print_parked(ctl, r);
            tb_buf_add_char(&ctl->out, '\n');
        }
        ctl_grid_init(&l.grid, ctl->arena, index ? index_heads : letter_heads);
    }
    tb_pg_result_free(r);
    const char *topic =
        tb_config_str(ctl->cfg, index ? TB_CFG(TOPIC_INDEX_DLQ) : TB_CFG(TOPIC_DLQ));
    if (rc == TB_OK && limit > 0 && tb_str_is_null(l.filter.reason)) {
        rc = ctl_letters_read(ctl, topic, limit, take_letter, &l, &err);
    }
    if (rc == TB_OK && ctl->json) {
        tb_json_close(&w, ']');
        tb_json_close(&w, '}');
        tb_buf_add_char(&ctl->out, '\n');
    } else if (rc == TB_OK) {
        ctl_grid_render(&l.grid, &ctl->term, &ctl->out);
    } else {
        tb_buf_clear(&ctl->out);
    }
    if (rc != TB_OK) {
        return err.rc == TB_EINVAL ? ctl_usage(ctl, "%s", err.text) : ctl_fail(&err);
    }
    return CTL_DONE;
}

/* ---- dlq show ---- */

static enum tb_rc show_waiting(struct ctl *ctl, tb_str ticket, size_t *ret_n, struct tb_error *err)
{
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_str(&p, ticket);
    enum tb_rc rc = ctl_query(ctl, sql_waiting, &p, &r, err);
    *ret_n = rc == TB_OK ? (size_t)tb_pg_rows(r) : 0;
    struct tb_json w = {.buf = &ctl->out};
    if (*ret_n && !ctl->json) {
        tb_buf_printf(&ctl->out, "%.*s is parked since ", TB_ARG(ticket));
        ctl_time_add(&ctl->out, tb_pg_time(r, 0, 9));
        tb_buf_printf(&ctl->out, " (%.*s, %.*s): ", TB_ARG(tb_pg_str(r, 0, 6)),
                      TB_ARG(tb_pg_str(r, 0, 7)));
        (void)ctl_text_add(&ctl->out, tb_pg_str(r, 0, 8), 0);
        tb_buf_add_char(&ctl->out, '\n');
    }
    for (int i = 0; rc == TB_OK && i < tb_pg_rows(r); i++) {
        if (ctl->json) {
            ctl_row_json(&w, r, i, "ssiitjssst");
            w.comma = false;
            tb_buf_add_char(&ctl->out, '\n');
            continue;
        }
        tb_buf_printf(&ctl->out, "%.*s from %.*s, partition %.*s offset %.*s\n  ",
                      TB_ARG(tb_pg_str(r, i, 0)), TB_ARG(tb_pg_str(r, i, 1)),
                      TB_ARG(tb_pg_str(r, i, 2)), TB_ARG(tb_pg_str(r, i, 3)));
        (void)ctl_text_add(&ctl->out, tb_pg_str(r, i, 5), 0);
        tb_buf_add_char(&ctl->out, '\n');
    }
    tb_pg_result_free(r);
    return rc;
}

struct one_letter {
    struct ctl *ctl;
    tb_str wanted;
    bool found;
};

static bool show_letter(const struct tb_kafka_message *m, void *arg)
{
    struct one_letter *l = arg;
    struct tb_dom *dom = NULL;
    struct tb_error ignored;
    if (m->value.ptr && tb_dom_parse(m->value, 0, &dom, &ignored) == TB_OK) {
        const struct tb_node *root = tb_dom_root(dom);
        if (tb_str_eq(tb_node_str(tb_node_get(root, "id")), l->wanted)) {
            l->found = true;
            if (l->ctl->json) {
                tb_buf_add_str(&l->ctl->out, m->value);
            } else {
                tb_node_pretty(root, &l->ctl->out);
            }
            tb_buf_add_char(&l->ctl->out, '\n');
        }
    }
    tb_dom_free(dom);
    return !l->found;
}

int ctl_run_dlq_show(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_error ignored = {0};
    size_t n = 0;
    tb_str given = ctl->args.args[0];
    tb_str ticket = given;
    (void)!ctl_ticket_id(ctl, given, &ticket, &ignored); /* else it is the id of a letter */
    enum tb_rc rc = show_waiting(ctl, ticket, &n, &err);
    struct one_letter l = {.ctl = ctl, .wanted = given};
    if (rc == TB_OK && n == 0) {
        rc = ctl_letters_read(ctl, tb_config_str(ctl->cfg, TB_CFG(TOPIC_DLQ)), 0, show_letter, &l,
                              &err);
    }
    if (rc == TB_OK && n == 0 && !l.found) {
        rc = ctl_letters_read(ctl, tb_config_str(ctl->cfg, TB_CFG(TOPIC_INDEX_DLQ)), 0, show_letter,
                              &l, &err);
    }
    if (rc == TB_OK && n == 0 && !l.found) {
        rc = tb_fail(&err, TB_ENOTFOUND,
                     "nothing waits at %.*s, and no dead letter has this id (ticketctl dlq list)",
                     TB_ARG(given));
    }
    return rc == TB_OK ? CTL_DONE : ctl_fail(&err);
}
