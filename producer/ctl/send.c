/* send: commands from JSONL, many in flight, those of one ticket in their order. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/map.h"
#include "producer/ctl/flight.h"
#include "producer/ctl/lines.h"
#include "producer/ctl/verbs.h"

struct line {
    size_t number;
    struct ticketbus_command *cmd; /* NULL once sent, or when the line is no command */
    tb_str id;                     /* in the arena, as the next two; for --once */
    tb_str source;                 /* null: the setting's */
    tb_str subject;
    bool skip;
};

struct send {
    struct ctl *ctl;
    struct line *lines;
    size_t n;
    size_t refused; /* lines that are no commands */
    size_t skipped;
    tb_buf out; /* answers to print, gathered by the client's thread */
};

/* ---- printing ---- */

static void say_line(struct send *s, size_t number, const char *outcome, const struct tb_error *err)
{
    struct tb_json w = {.buf = &s->out};
    if (s->ctl->json) {
        tb_json_open(&w, '{');
        tb_json_key(&w, "line");
        tb_json_int(&w, (int64_t)number);
        tb_json_key(&w, "outcome");
        tb_json_string(&w, tb_str_of(outcome));
        tb_json_key(&w, "code");
        tb_json_string(&w, err->code[0] ? tb_str_of(err->code) : TB_STR_NULL);
        tb_json_key(&w, "field");
        tb_json_string(&w, err->field[0] ? tb_str_of(err->field) : TB_STR_NULL);
        tb_json_key(&w, "message");
        tb_json_string(&w, tb_str_of(err->text));
        tb_json_close(&w, '}');
        tb_buf_add_char(&s->out, '\n');
    } else {
        ctl_say("line %zu: %s%s%s", number, err->field, err->field[0] ? ": " : "", err->text);
    }
}

/* Applied commands are only counted for people; scripts get a line for each. */
static void on_answer(uint64_t tag, const struct ticketbus_outcome *o, const struct tb_error *err,
                      void *arg)
{
    struct send *s = arg;
    if (!o) {
        say_line(s, tag, "failed", err);
        return;
    }
    if (s->ctl->json) {
        struct tb_json w = {.buf = &s->out};
        struct ticketbus_outcome brief = *o;
        brief.nevents = 0;
        ctl_outcome_json(&w, &brief, true);
        tb_json_key(&w, "line");
        tb_json_int(&w, (int64_t)tag);
        tb_json_close(&w, '}');
        tb_buf_add_char(&s->out, '\n');
    } else if (o->state != TICKETBUS_APPLIED && o->state != TICKETBUS_UNCHANGED) {
        tb_buf line;
        tb_buf_init(&line, 100000);
        struct ctl_term term = ctl_term_of(STDERR_FILENO);
        ctl_outcome_line(&term, o, &line);
        ctl_say("line %zu: %.*s", (size_t)tag, TB_ARG(tb_buf_str(&line)));
        tb_buf_dispose(&line);
    }
}

/* ---- reading ---- */

static enum tb_rc read_lines(struct send *s, tb_str text, struct tb_error *err)
{
    size_t room = 1;
    for (size_t i = 0; i < text.len; i++) {
        room += text.ptr[i] == '\n';
    }
    s->lines = TB_NEW_N(s->ctl->arena, struct line, room);
    if (!s->lines) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    tb_str line;
    size_t number = 0;
    while (ctl_next_line(&text, &line, &number)) {
        struct line *l = &s->lines[s->n];
        struct tb_error why = {0};
        l->number = number;
        if (ctl_line_command(line, &l->cmd, &why) != TB_OK) {
            s->refused++;
            say_line(s, number, "refused", &why);
            continue;
        }
        s->n++;
    }
    return TB_OK;
}

/* ---- --once ---- */

static enum tb_rc identify(struct send *s, struct tb_error *err)
{
    struct ticketbus_error why = {0};
    const char *source = tb_config_str(s->ctl->cfg, TB_CFG(SOURCE));
    for (size_t i = 0; i < s->n; i++) {
        struct line *l = &s->lines[i];
        if (ticketbus_command_seal(l->cmd, NULL, &why) != TICKETBUS_OK &&
            (ticketbus_command_attribute(l->cmd, "source", source, &why) != TICKETBUS_OK ||
             ticketbus_command_attribute(l->cmd, "actor", ctl_actor(s->ctl).ptr, &why) !=
                 TICKETBUS_OK ||
             ticketbus_command_seal(l->cmd, NULL, &why) != TICKETBUS_OK)) {
            (void)ctl_bus_error(&why, err);
            say_line(s, l->number, "refused", err);
            return err->rc;
        }
        l->id = tb_arena_str(s->ctl->arena, tb_str_of(ticketbus_command_id(l->cmd)));
        l->subject = tb_arena_str(s->ctl->arena, tb_str_of(ticketbus_command_subject(l->cmd)));
    }
    return TB_OK;
}

static enum tb_rc known(struct send *s, const char *sql, bool ids, struct tb_map *map,
                        struct tb_error *err)
{
    tb_str *values = TB_NEW_N(s->ctl->arena, tb_str, s->n);
    for (size_t i = 0; values && i < s->n; i++) {
        values[i] = ids ? s->lines[i].id : s->lines[i].subject;
    }
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&p, s->ctl->arena);
    tb_pg_add_strs(&p, values, s->n);
    enum tb_rc rc = ctl_query(s->ctl, sql, &p, &r, err);
    tb_map_init(map, s->ctl->arena);
    for (int i = 0; rc == TB_OK && i < tb_pg_rows(r); i++) {
        if (!tb_map_put(map, tb_pg_str_in(r, i, 0, s->ctl->arena), map)) {
            rc = tb_fail(err, TB_ENOMEM, "out of memory");
        }
    }
    tb_pg_result_free(r);
    return rc;
}

/* What was sent before is skipped: a command whose outcome is known; and every command of a ticket
 * or board that is there although nothing is known (any more) of the first command about it. So a
 * file cut short is completed while its outcomes are kept, and left alone for ever after. */
static enum tb_rc skip_sent(struct send *s, struct tb_error *err)
{
    struct tb_map sent;
    struct tb_map there;
    struct tb_map first; /* subject -> its first line */
    enum tb_rc rc = identify(s, err);
    rc = rc == TB_OK ? known(s, "SELECT DISTINCT id FROM command_log WHERE id = ANY($1::text[])",
                             true, &sent, err)
                     : rc;
    rc = rc == TB_OK ? known(s,
                             "SELECT id FROM tickets WHERE id = ANY($1::text[]) UNION"
                             " SELECT workflow_id FROM board_configs"
                             " WHERE workflow_id = ANY($1::text[])",
                             false, &there, err)
                     : rc;
    tb_map_init(&first, s->ctl->arena);
    for (size_t i = 0; rc == TB_OK && i < s->n; i++) {
        struct line *l = &s->lines[i];
        struct line *one = tb_map_get(&first, l->subject);
        if (!one) {
            one = l;
            if (!tb_map_put(&first, l->subject, l)) {
                rc = tb_fail(err, TB_ENOMEM, "out of memory");
            }
        }
        bool forgotten = tb_map_get(&there, l->subject) && !tb_map_get(&sent, one->id);
        l->skip = forgotten || tb_map_get(&sent, l->id);
        s->skipped += l->skip;
    }
    return rc;
}

/* ---- sending ---- */

/* A board decides about every command of its workflow: nothing overtakes it, in either direction.
 */
static enum tb_rc send_all(struct send *s, struct ctl_flight *f, struct tb_error *err)
{
    struct ctl_progress progress;
    enum tb_rc rc = TB_OK;
    bool in_order = ctl_flag(&s->ctl->args, "in-order");
    ctl_progress_start(&progress, "sending", s->n - s->skipped);
    for (size_t i = 0; i < s->n; i++) {
        struct line *l = &s->lines[i];
        if (l->skip) {
            continue;
        }
        struct ticketbus_command *cmd = l->cmd;
        l->cmd = NULL;
        struct tb_error why = {0};
        bool alone = in_order || strcmp(ticketbus_command_type(cmd), "board.put") == 0;
        if (alone) {
            ctl_flight_wait(f, &progress);
        }
        rc = ctl_flight_send(f, cmd, l->number, &why);
        if (rc == TB_EINVAL || rc == TB_ELIMIT) { /* this line only */
            s->refused++;
            say_line(s, l->number, "refused", &why);
        } else if (rc != TB_OK) {
            *err = why;
            break;
        }
        rc = TB_OK;
        if (alone) {
            ctl_flight_wait(f, &progress);
        }
        ctl_progress_at(&progress, ctl_flight_counts(f).done);
    }
    ctl_flight_wait(f, &progress);
    ctl_progress_end(&progress);
    return rc;
}

static void print_summary(struct send *s, const struct ctl_flight_counts *c, bool wait)
{
    struct ctl *ctl = s->ctl;
    tb_buf_add_str(&ctl->out, tb_buf_str(&s->out));
    if (ctl->json) {
        struct tb_json w = {.buf = &ctl->out};
        tb_json_open(&w, '{');
        ctl_flight_json(c, &w);
        tb_json_key(&w, "refused");
        tb_json_int(&w, (int64_t)s->refused);
        tb_json_key(&w, "skipped");
        tb_json_int(&w, (int64_t)s->skipped);
        tb_json_close(&w, '}');
        tb_buf_add_char(&ctl->out, '\n');
        return;
    }
    tb_buf_printf(&ctl->out, "%zu sent", c->sent);
    const struct {
        const char *name;
        size_t n;
    } parts[] = {
        {"applied", c->applied},   {"unchanged", c->unchanged},    {"rejected", c->rejected},
        {"waiting", c->parked},    {"without answer", c->pending}, {"not published", c->failed},
        {"not valid", s->refused}, {"sent before", s->skipped},
    };
    for (size_t i = 0; i < TB_COUNT(parts); i++) {
        if (parts[i].n) {
            tb_buf_printf(&ctl->out, ", %zu %s", parts[i].n, parts[i].name);
        }
    }
    tb_buf_add_c(&ctl->out, wait ? "\n" : " (outcomes not awaited)\n");
}

int ctl_run_send(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct send s = {.ctl = ctl};
    struct ctl_flight *f = NULL;
    struct ctl_flight_counts counts = {0};
    bool wait = !ctl_flag(&ctl->args, "no-wait");
    tb_str text;
    if (ctl->server && ctl_flag(&ctl->args, "once")) { /* it looks into the command log */
        return ctl_usage(ctl, "--once cannot go through a gateway; ids make repeats harmless too");
    }
    tb_buf_init(&s.out, CTL_OUT_MAX);
    enum tb_rc rc = ctl_read_file(ctl, ctl->args.nargs ? ctl->args.args[0].ptr : "-", &text, &err);
    rc = rc == TB_OK ? read_lines(&s, text, &err) : rc;
    if (rc == TB_OK && ctl_flag(&ctl->args, "once")) {
        rc = skip_sent(&s, &err);
    }
    if (rc == TB_OK && s.n > s.skipped) {
        rc = ctl_flight_new(ctl, wait, on_answer, &s, &f, &err);
        rc = rc == TB_OK ? send_all(&s, f, &err) : rc;
    }
    counts = f ? ctl_flight_counts(f) : counts;
    ctl_flight_free(f);
    if (rc == TB_OK || counts.sent) {
        print_summary(&s, &counts, wait);
    }
    int code = rc != TB_OK ? ctl_fail(&err) : ctl_flight_exit(&counts);
    for (size_t i = 0; i < s.n; i++) {
        ticketbus_command_free(s.lines[i].cmd);
    }
    tb_buf_dispose(&s.out);
    return code == CTL_DONE && s.refused ? CTL_REJECTED : code;
}
