/* outcome: what became of a command, from the command log. */
#include <string.h>

#include "producer/ctl/rows.h"
#include "producer/ctl/verbs.h"

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

static const char *sentence(tb_str outcome)
{
    static const struct {
        const char *outcome;
        const char *text;
    } all[] = {
        {"applied", "applied"},
        {"unchanged", "fine, and there was nothing to change"},
        {"rejected", "rejected"},
        {"parked", "waits"},
        {"dead", "could not be read; it is on the dead-letter topic"},
        {"internal", "an internal command, carried out"},
    };
    for (size_t i = 0; i < TB_COUNT(all); i++) {
        if (tb_str_eq_c(outcome, all[i].outcome)) {
            return all[i].text;
        }
    }
    return "known";
}

static bool is_failure(tb_str outcome)
{
    return tb_str_eq_c(outcome, "rejected") || tb_str_eq_c(outcome, "dead");
}

static void print(struct ctl *ctl, const struct tb_pg_result *r, int i)
{
    tb_str outcome = tb_pg_str(r, i, 5);
    tb_str code = tb_pg_str(r, i, 6);
    tb_str message = tb_pg_str(r, i, 8);
    tb_str because = tb_pg_str(r, i, 11);
    bool waits = tb_str_eq_c(outcome, "parked");
    tb_buf_printf(&ctl->out, "%.*s of %.*s: ", TB_ARG(tb_pg_str(r, i, 2)),
                  TB_ARG(tb_pg_str(r, i, 3)));
    ctl_text_cell(&ctl->out, &ctl->term,
                  is_failure(outcome) ? CTL_RED
                  : waits             ? CTL_YELLOW
                                      : CTL_GREEN,
                  tb_str_of(sentence(outcome)), 0, 0);
    if (!tb_str_is_null(tb_pg_str(r, i, 9))) {
        tb_buf_printf(&ctl->out, ", version %lld", (long long)tb_pg_int(r, i, 9));
    }
    if (code.len) {
        tb_buf_printf(&ctl->out, ", %.*s", TB_ARG(code));
    }
    if (message.len) {
        tb_buf_add_c(&ctl->out, ": ");
        (void)ctl_text_add(&ctl->out, message, 0);
    }
    if (waits && because.len && !tb_str_eq(because, message)) {
        tb_buf_add_c(&ctl->out, " (");
        (void)ctl_text_add(&ctl->out, because, 0);
        tb_buf_add_char(&ctl->out, ')');
    }
    tb_buf_add_c(&ctl->out, "\n  at ");
    ctl_time_add(&ctl->out, tb_pg_time(r, i, 10));
    tb_buf_printf(&ctl->out, " by %.*s, from %.*s, partition %.*s offset %.*s",
                  TB_ARG(tb_pg_str(r, i, 4)), TB_ARG(tb_pg_str(r, i, 1)),
                  TB_ARG(tb_pg_str(r, i, 12)), TB_ARG(tb_pg_str(r, i, 13)));
    tb_buf_add_char(&ctl->out, '\n');
}

/* A number of decimal digits and the blank or newline behind it, off *rest. */
static bool take_number(tb_str *rest, size_t *ret)
{
    size_t n = 0;
    size_t i = 0;
    for (; i < rest->len && i < 10 && rest->ptr[i] >= '0' && rest->ptr[i] <= '9'; i++) {
        n = n * 10 + (size_t)(rest->ptr[i] - '0');
    }
    if (i == 0 || i >= rest->len) {
        return false;
    }
    *rest = (tb_str){rest->ptr + i + 1, rest->len - i - 1};
    *ret = n;
    return true;
}

/* The events among the stored messages; the frames are those of worker/shell/outbox.h: kind, key
 * length, body length, newline, key, body, newline. */
static void events_json(struct tb_json *w, tb_str frames)
{
    tb_json_open(w, '[');
    while (frames.len > 2) {
        char kind = frames.ptr[0];
        size_t key = 0;
        size_t body = 0;
        frames = (tb_str){frames.ptr + 2, frames.len - 2};
        if (!take_number(&frames, &key) || !take_number(&frames, &body) ||
            key + body + 1 > frames.len) {
            break;
        }
        if (kind == 'E') {
            tb_json_raw(w, (tb_str){frames.ptr + key, body});
        }
        frames = (tb_str){frames.ptr + key + body + 1, frames.len - key - body - 1};
    }
    tb_json_close(w, ']');
}

static void print_json(struct ctl *ctl, const struct tb_pg_result *r, int i)
{
    struct tb_json w = {.buf = &ctl->out};
    ctl_row_json_open(&w, r, i, "sssssssssitsii");
    tb_json_key(&w, "events");
    events_json(&w, tb_pg_str(r, i, 14));
    tb_json_close(&w, '}');
    tb_buf_add_char(&ctl->out, '\n');
}

int ctl_run_outcome(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_str(&p, ctl->args.args[0]);
    tb_pg_add_str(&p, ctl_opt(&ctl->args, "source"));
    if (ctl_query(ctl, sql_outcome, &p, &r, &err) != TB_OK) {
        return ctl_fail(&err);
    }
    int code = CTL_DONE;
    if (tb_pg_rows(r) == 0) {
        ctl_say("no command with the id %.*s is known: it was not applied yet, or longer ago than "
                "outcomes are kept (%lld hours)",
                TB_ARG(ctl->args.args[0]),
                (long long)tb_config_int(ctl->cfg, TB_CFG(OUTCOME_RETENTION_H)));
        code = CTL_REJECTED;
    }
    for (int i = 0; i < tb_pg_rows(r); i++) {
        code = is_failure(tb_pg_str(r, i, 5)) ? CTL_REJECTED : code;
        if (ctl->json) {
            print_json(ctl, r, i);
        } else {
            print(ctl, r, i);
        }
    }
    tb_pg_result_free(r);
    return code;
}
