/* dlq replay and dlq drop: of one parked ticket, or of all that fit. */
#include "producer/ctl/flight.h"
#include "producer/ctl/parked.h"
#include "producer/ctl/verbs.h"

struct settle {
    struct ctl *ctl;
    const char *type;       /* of the commands sent */
    struct tb_pg_result *r; /* ticket ids */
    tb_buf out;             /* answers to print, gathered by the client's thread */
};

static enum tb_rc read_parked(struct settle *s, struct tb_error *err)
{
    struct ctl *ctl = s->ctl;
    struct ctl_parked_filter f;
    enum tb_rc rc = ctl_parked_filter(ctl, &f, err);
    if (rc != TB_OK) {
        return rc;
    }
    if (tb_str_is_null(f.reason)) {
        f.reason = TB_LIT("poison"); /* the others are tried again without us */
    }
    struct tb_pg_params p;
    tb_buf sql;
    tb_pg_params_init(&p, ctl->arena);
    tb_buf_init(&sql, 2000);
    tb_buf_add_c(&sql, "SELECT p.ticket_id FROM parked_tickets p");
    ctl_parked_where(&f, &sql, &p);
    tb_buf_add_c(&sql, " ORDER BY p.parked_at, p.ticket_id");
    tb_buf_add(&sql, "", 1);
    rc = sql.failed ? tb_fail(err, TB_ENOMEM, "out of memory")
                    : ctl_query(ctl, sql.ptr, &p, &s->r, err);
    tb_buf_dispose(&sql);
    return rc;
}

static void on_answer(uint64_t tag, const struct ticketbus_outcome *o, const struct tb_error *err,
                      void *arg)
{
    struct settle *s = arg;
    tb_str ticket = tb_pg_str(s->r, (int)tag, 0);
    struct tb_json w = {.buf = &s->out};
    if (!o) {
        ctl_say("%.*s: %s", TB_ARG(ticket), err->text);
    } else if (s->ctl->json) {
        struct ticketbus_outcome brief = *o;
        brief.nevents = 0;
        ctl_outcome_json(&w, &brief, false);
        tb_buf_add_char(&s->out, '\n');
    } else if (o->state != TICKETBUS_APPLIED) {
        struct ctl_term term = ctl_term_of(2);
        tb_buf line;
        tb_buf_init(&line, 100000);
        ctl_outcome_line(&term, o, &line);
        ctl_say("%.*s", TB_ARG(tb_buf_str(&line)));
        tb_buf_dispose(&line);
    }
}

static enum tb_rc send_all(struct settle *s, struct ctl_flight *f, struct tb_error *err)
{
    struct ctl_progress progress;
    enum tb_rc rc = TB_OK;
    size_t n = (size_t)tb_pg_rows(s->r);
    ctl_progress_start(&progress, s->type, n);
    for (size_t i = 0; i < n && rc == TB_OK; i++) {
        struct ticketbus_command *cmd = NULL;
        rc = ctl_bus_command(s->ctl, s->type, tb_pg_str(s->r, (int)i, 0), TB_LIT("{}"), &cmd, err);
        rc = rc != TB_OK ? rc : ctl_flight_send(f, cmd, i, err);
        ctl_progress_at(&progress, ctl_flight_counts(f).done);
    }
    ctl_flight_wait(f, &progress);
    ctl_progress_end(&progress);
    return rc;
}

static void print_summary(struct settle *s, const struct ctl_flight_counts *c, bool wait)
{
    struct ctl *ctl = s->ctl;
    tb_buf_add_str(&ctl->out, tb_buf_str(&s->out));
    if (ctl->json) {
        struct tb_json w = {.buf = &ctl->out};
        tb_json_open(&w, '{');
        ctl_flight_json(c, &w);
        tb_json_close(&w, '}');
        tb_buf_add_char(&ctl->out, '\n');
        return;
    }
    tb_buf_printf(&ctl->out, "%zu of %d parked tickets asked", c->sent, tb_pg_rows(s->r));
    const struct {
        const char *name;
        size_t n;
    } parts[] = {
        {"settled", c->applied},
        {"refused", c->rejected},
        {"without answer", c->pending},
        {"not published", c->failed},
    };
    for (size_t i = 0; i < TB_COUNT(parts); i++) {
        if (parts[i].n) {
            tb_buf_printf(&ctl->out, ", %zu %s", parts[i].n, parts[i].name);
        }
    }
    tb_buf_add_c(&ctl->out, wait ? "\n" : " (outcomes not awaited)\n");
}

static int settle_all(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct settle s = {.ctl = ctl, .type = tb_command_types[ctl->args.command->kind].name};
    struct ctl_flight *f = NULL;
    struct ctl_flight_counts counts = {0};
    bool wait = !ctl_flag(&ctl->args, "no-wait");
    tb_buf_init(&s.out, CTL_OUT_MAX);
    enum tb_rc rc = read_parked(&s, &err);
    if (rc == TB_OK && tb_pg_rows(s.r) > 0) {
        rc = ctl_flight_new(ctl, wait, on_answer, &s, &f, &err);
        rc = rc == TB_OK ? send_all(&s, f, &err) : rc;
    }
    counts = f ? ctl_flight_counts(f) : counts;
    ctl_flight_free(f);
    if (rc == TB_OK || counts.sent) {
        print_summary(&s, &counts, wait);
    }
    tb_pg_result_free(s.r);
    tb_buf_dispose(&s.out);
    return rc != TB_OK ? ctl_fail(&err) : ctl_flight_exit(&counts);
}

/* What was refused is forgotten, so that it is missing, and then indexed like anything missing. */
static int replay_index(struct ctl *ctl)
{
    static const char sql[] =
        "UPDATE index_state SET chunk_hashes = (SELECT coalesce(jsonb_object_agg(key, value), '{}')"
        " FROM jsonb_each(chunk_hashes) WHERE value #>> '{}' NOT LIKE '!%') WHERE ticket_id = $1";
    struct tb_error err = {0};
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    tb_str id;
    enum tb_rc rc = ctl_ticket_id(ctl, ctl->args.args[0], &id, &err);
    if (rc == TB_OK) {
        tb_pg_params_init(&p, ctl->arena);
        tb_pg_add_str(&p, id);
        rc = ctl_query(ctl, sql, &p, &r, &err);
    }
    tb_pg_result_free(r);
    return rc == TB_OK ? ctl_run_index_ticket(ctl) : ctl_fail(&err);
}

int ctl_run_dlq_settle(struct ctl *ctl)
{
    static const char *const filters[] = {"reason", "code", "ticket", "since", "until"};
    static const char *const of_one[] = {"id", "expected-version", "waiting-id", "waiting-source"};
    bool all = ctl_flag(&ctl->args, "all");
    if (tb_str_eq_c(ctl_opt(&ctl->args, "topic"), "index")) {
        if (all || ctl->args.nargs == 0 || ctl->args.command->kind != TB_CMD_REPLAY) {
            return ctl_usage(ctl, "with --topic index one ticket is replayed; nothing waits for "
                                  "the others (ticketctl index reconcile tries all)");
        }
        return replay_index(ctl);
    }
    if (all == (ctl->args.nargs > 0)) {
        return ctl_usage(ctl, all ? "with --all no ticket is named"
                                  : "name a ticket, or say --all (and filters)");
    }
    for (size_t i = 0; !all && i < TB_COUNT(filters); i++) {
        if (!tb_str_is_null(ctl_opt(&ctl->args, filters[i]))) {
            return ctl_usage(ctl, "--%s goes with --all", filters[i]);
        }
    }
    for (size_t i = 0; all && i < TB_COUNT(of_one); i++) {
        if (!tb_str_is_null(ctl_opt(&ctl->args, of_one[i]))) {
            return ctl_usage(ctl, "--%s goes with one ticket, not with --all", of_one[i]);
        }
    }
    return all ? settle_all(ctl) : ctl_run_write(ctl);
}
