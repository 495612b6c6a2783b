/* outcome: what became of a command. */
#include <string.h>

#include "producer/ctl/backend.h"
#include "producer/ctl/verbs.h"

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

static void print(struct ctl *ctl, const struct ctl_rows *r, int i)
{
    tb_str outcome = ctl_text(r, i, 5);
    tb_str code = ctl_text(r, i, 6);
    tb_str message = ctl_text(r, i, 8);
    tb_str because = ctl_text(r, i, 11);
    bool waits = tb_str_eq_c(outcome, "parked");
    tb_buf_printf(&ctl->out, "%.*s of %.*s: ", TB_ARG(ctl_text(r, i, 2)),
                  TB_ARG(ctl_text(r, i, 3)));
    ctl_text_cell(&ctl->out, &ctl->term,
                  is_failure(outcome) ? CTL_RED
                  : waits             ? CTL_YELLOW
                                      : CTL_GREEN,
                  tb_str_of(sentence(outcome)), 0, 0);
    if (!tb_str_is_null(ctl_text(r, i, 9))) {
        tb_buf_printf(&ctl->out, ", version %lld", (long long)ctl_int(r, i, 9));
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
    ctl_time_add(&ctl->out, ctl_time(r, i, 10));
    tb_buf_printf(&ctl->out, " by %.*s, from %.*s, partition %.*s offset %.*s",
                  TB_ARG(ctl_text(r, i, 4)), TB_ARG(ctl_text(r, i, 1)), TB_ARG(ctl_text(r, i, 12)),
                  TB_ARG(ctl_text(r, i, 13)));
    tb_buf_add_char(&ctl->out, '\n');
}

int ctl_run_outcome(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct ctl_rows r = {0};
    enum tb_rc rc =
        ctl->backend->outcome(ctl, ctl->args.args[0], ctl_opt(&ctl->args, "source"), &r, &err);
    if (rc != TB_OK) {
        return ctl_fail(&err);
    }
    int code = CTL_DONE;
    if (r.n == 0) {
        ctl_say("no command with the id %.*s is known: it was not applied yet, or longer ago than "
                "outcomes are kept (%lld hours)",
                TB_ARG(ctl->args.args[0]),
                (long long)tb_config_int(ctl->cfg, TB_CFG(OUTCOME_RETENTION_H)));
        code = CTL_REJECTED;
    }
    for (int i = 0; i < r.n; i++) {
        code = is_failure(ctl_text(&r, i, 5)) ? CTL_REJECTED : code;
        if (ctl->json) {
            struct tb_json w = {.buf = &ctl->out};
            ctl_row_write(&w, &r, i, -1, false);
            tb_buf_add_char(&ctl->out, '\n');
        } else {
            print(ctl, &r, i);
        }
    }
    return code;
}
