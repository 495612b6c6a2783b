#include "producer/ctl/bus.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "producer/ctl/backend.h"

enum tb_rc ctl_bus_error(const struct ticketbus_error *from, struct tb_error *err)
{
    static const enum tb_rc codes[] = {
        [TICKETBUS_OK] = TB_OK,
        [TICKETBUS_ENOMEM] = TB_ENOMEM,
        [TICKETBUS_ELIMIT] = TB_ELIMIT,
        [TICKETBUS_EINVAL] = TB_EINVAL,
        [TICKETBUS_ENOTFOUND] = TB_ENOTFOUND,
        [TICKETBUS_ECONFLICT] = TB_ECONFLICT,
        [TICKETBUS_ERETRY] = TB_ERETRY,
        [TICKETBUS_EUNAVAILABLE] = TB_EUNAVAILABLE,
        [TICKETBUS_EUNKNOWN] = TB_EUNKNOWN,
        [TICKETBUS_EDATA] = TB_EDATA,
        [TICKETBUS_EFATAL] = TB_EFATAL,
    };
    enum tb_rc rc = (size_t)from->rc < TB_COUNT(codes) ? codes[from->rc] : TB_EFATAL;
    (void)tb_fail(err, rc, "%s", from->text);
    (void)snprintf(err->field, sizeof err->field, "%s", from->field);
    (void)snprintf(err->code, sizeof err->code, "%s", from->code);
    return rc;
}

/* A shorter wait asked for also bounds what the client waits for by itself. */
enum tb_rc ctl_bus_client(struct ctl *ctl, struct ticketbus_client **ret, struct tb_error *err)
{
    int wait_ms = 0;
    enum tb_rc rc = ctl_wait_ms(ctl, &wait_ms, err);
    if (rc != TB_OK) {
        return rc;
    }
    struct ticketbus_error why = {0};
    int64_t set_ms = tb_config_int(ctl->cfg, TB_CFG(WAIT_MS));
    tb_str text = tb_arena_printf(ctl->arena, "%d", wait_ms < set_ms ? wait_ms : (int)set_ms);
    const struct ticketbus_setting settings[] = {{"TICKETBUS_WAIT_MS", text.ptr}};
    struct ticketbus_client_options options = {.size = sizeof options,
                                               .client_id = "ticketctl",
                                               .settings = settings,
                                               .nsettings = TB_COUNT(settings)};
    return ticketbus_client_new(&options, ret, &why) == TICKETBUS_OK ? TB_OK
                                                                     : ctl_bus_error(&why, err);
}

tb_str ctl_actor_given(struct ctl *ctl)
{
    tb_str given = ctl_opt(&ctl->args, "actor");
    const char *setting = tb_config_str(ctl->cfg, TB_CFG(ACTOR));
    return given.len ? given : tb_str_of(setting[0] ? setting : NULL);
}

tb_str ctl_actor(struct ctl *ctl)
{
    tb_str given = ctl_actor_given(ctl);
    if (given.len) {
        return given;
    }
    const struct passwd *user = getpwuid(geteuid());
    const char *name = user && user->pw_name[0] ? user->pw_name : "nobody";
    return tb_arena_str(ctl->arena, tb_str_of(name));
}

enum tb_rc ctl_wait_ms(const struct ctl *ctl, int *ret, struct tb_error *err)
{
    int64_t seconds = -1;
    enum tb_rc rc = ctl_opt_int(&ctl->args, "timeout", 0, 86400, -1, &seconds, err);
    *ret = seconds < 0 ? (int)tb_config_int(ctl->cfg, TB_CFG(WAIT_MS)) : (int)seconds * 1000;
    return rc;
}

/* ---- making a command ---- */

static enum tb_rc add_attributes(struct ctl *ctl, struct ticketbus_command *cmd,
                                 struct tb_error *err)
{
    static const char *const names[][2] = {
        {"id", "id"},
        {"source", "source"},
        {"actor-type", "actortype"},
        {"expected-version", "expectedversion"},
    };
    struct ticketbus_error why = {0};
    for (size_t i = 0; i < TB_COUNT(names); i++) {
        tb_str value = ctl_opt(&ctl->args, names[i][0]);
        if (value.ptr &&
            ticketbus_command_attribute(cmd, names[i][1], value.ptr, &why) != TICKETBUS_OK) {
            return ctl_bus_error(&why, err);
        }
    }
    /* Through a gateway the token may say who acts. */
    tb_str actor = ctl->server ? ctl_actor_given(ctl) : ctl_actor(ctl);
    if (actor.ptr && ticketbus_command_attribute(cmd, "actor", actor.ptr, &why) != TICKETBUS_OK) {
        return ctl_bus_error(&why, err);
    }
    tb_str rationale = ctl_opt(&ctl->args, "rationale");
    if (rationale.ptr &&
        ticketbus_command_set(cmd, "rationale", rationale.ptr, &why) != TICKETBUS_OK) {
        return ctl_bus_error(&why, err);
    }
    return TB_OK;
}

enum tb_rc ctl_bus_command(struct ctl *ctl, const char *type, tb_str subject, tb_str data,
                           struct ticketbus_command **ret, struct tb_error *err)
{
    struct ticketbus_error why = {0};
    struct ticketbus_command *cmd = NULL;
    tb_str copy = tb_arena_str(ctl->arena, subject);
    if (ticketbus_command_new(type, copy.ptr, &cmd, &why) != TICKETBUS_OK ||
        ticketbus_command_set_data(cmd, data.ptr, &why) != TICKETBUS_OK) {
        ticketbus_command_free(cmd);
        return ctl_bus_error(&why, err);
    }
    enum tb_rc rc = add_attributes(ctl, cmd, err);
    if (rc != TB_OK) {
        ticketbus_command_free(cmd);
        return rc;
    }
    *ret = cmd;
    return TB_OK;
}

/* ---- telling the outcome ---- */

static const char *state_name(enum ticketbus_state state)
{
    switch (state) {
    case TICKETBUS_APPLIED:
        return "applied";
    case TICKETBUS_UNCHANGED:
        return "unchanged";
    case TICKETBUS_REJECTED:
        return "rejected";
    case TICKETBUS_PARKED:
        return "parked";
    case TICKETBUS_PENDING:
        return "pending";
    }
    return "pending";
}

int ctl_outcome_exit(const struct ticketbus_outcome *outcome)
{
    switch (outcome->state) {
    case TICKETBUS_REJECTED:
        return CTL_REJECTED;
    case TICKETBUS_PENDING:
        return CTL_UNREACHABLE;
    case TICKETBUS_APPLIED:
    case TICKETBUS_UNCHANGED:
    case TICKETBUS_PARKED:
        break;
    }
    return CTL_DONE;
}

static void member(struct tb_json *w, const char *name, const char *value)
{
    if (value && value[0]) {
        tb_json_key(w, name);
        tb_json_string(w, tb_str_of(value));
    }
}

void ctl_outcome_json(struct tb_json *w, const struct ticketbus_outcome *o, bool open)
{
    tb_json_open(w, '{');
    member(w, "outcome", state_name(o->state));
    member(w, "command_id", o->command_id);
    member(w, "source", o->source);
    member(w, "ticket_id", o->subject);
    if (o->version > 0) {
        tb_json_key(w, "version");
        tb_json_int(w, o->version);
    }
    member(w, "code", o->code);
    member(w, "field", o->field);
    member(w, "message", o->message);
    tb_json_key(w, "events");
    tb_json_open(w, '[');
    for (size_t i = 0; i < o->nevents; i++) {
        tb_json_raw(w, (tb_str){o->events[i]->json, o->events[i]->json_len});
    }
    tb_json_close(w, ']');
    if (!open) {
        tb_json_close(w, '}');
    }
}

/* "created", "status changed, commented" */
static void event_names(const struct ticketbus_outcome *o, tb_buf *out)
{
    for (size_t i = 0; i < o->nevents; i++) {
        const char *dot = strchr(o->events[i]->type, '.');
        tb_buf_add_c(out, i ? ", " : "");
        for (const char *c = dot ? dot + 1 : o->events[i]->type; *c; c++) {
            tb_buf_add_char(out, *c == '_' ? ' ' : *c);
        }
    }
}

static void add_text(tb_buf *out, const char *before, const char *text, const char *after)
{
    if (text && text[0]) {
        tb_buf_add_c(out, before);
        (void)ctl_text_add(out, tb_str_of(text), 0);
        tb_buf_add_c(out, after);
    }
}

void ctl_outcome_line(const struct ctl_term *term, const struct ticketbus_outcome *o, tb_buf *out)
{
    add_text(out, "", o->subject, ": ");
    switch (o->state) {
    case TICKETBUS_APPLIED: {
        tb_buf names;
        tb_buf_init(&names, 100000);
        event_names(o, &names);
        ctl_text_cell(out, term, CTL_GREEN, names.len ? tb_buf_str(&names) : TB_LIT("applied"), 0,
                      0);
        tb_buf_dispose(&names);
        if (o->version > 0) {
            tb_buf_printf(out, ", version %lld", (long long)o->version);
        }
        break;
    }
    case TICKETBUS_UNCHANGED:
        ctl_text_cell(out, term, CTL_GREEN, TB_LIT("nothing to change"), 0, 0);
        break;
    case TICKETBUS_REJECTED:
        ctl_text_cell(out, term, CTL_RED, TB_LIT("rejected"), 0, 0);
        add_text(out, ": ", o->code, "");
        add_text(out, " (", o->field, ")");
        add_text(out, ": ", o->message, "");
        break;
    case TICKETBUS_PARKED:
        ctl_text_cell(out, term, CTL_YELLOW, TB_LIT("waits"), 0, 0);
        add_text(out, ": ", o->message, "");
        add_text(out, "; ask later: ticketctl outcome ", o->command_id, "");
        break;
    case TICKETBUS_PENDING:
        ctl_text_cell(out, term, CTL_YELLOW, TB_LIT("no outcome in time"), 0, 0);
        add_text(out, "; it may still come: ticketctl outcome ", o->command_id, "");
        break;
    }
}

/* ---- one command ---- */

static int print_outcome(struct ctl *ctl, const struct ticketbus_outcome *o)
{
    int code = ctl_outcome_exit(o);
    struct tb_json w = {.buf = &ctl->out};
    if (ctl->json) {
        ctl_outcome_json(&w, o, false);
        tb_buf_add_char(&ctl->out, '\n');
        return code;
    }
    tb_buf line;
    tb_buf_init(&line, 100000);
    struct ctl_term term = ctl_term_of(code == CTL_DONE ? STDOUT_FILENO : STDERR_FILENO);
    ctl_outcome_line(&term, o, &line);
    if (code == CTL_DONE) {
        tb_buf_add_str(&ctl->out, tb_buf_str(&line));
        tb_buf_add_char(&ctl->out, '\n');
    } else {
        ctl_say("%.*s", TB_ARG(tb_buf_str(&line)));
    }
    tb_buf_dispose(&line);
    return code;
}

static void print_sent(struct ctl *ctl, const char *id, const char *subject)
{
    struct tb_json w = {.buf = &ctl->out};
    if (ctl->json) {
        tb_json_open(&w, '{');
        member(&w, "outcome", "sent");
        member(&w, "command_id", id);
        member(&w, "ticket_id", subject);
        tb_json_close(&w, '}');
        tb_buf_add_char(&ctl->out, '\n');
    } else {
        tb_buf_printf(&ctl->out, "%s: sent; ticketctl outcome %s\n", subject ? subject : "", id);
    }
}

int ctl_send_one(struct ctl *ctl, struct ticketbus_command *cmd)
{
    struct tb_error err = {0};
    const struct ticketbus_outcome *outcome = NULL;
    bool wait = !ctl_flag(&ctl->args, "no-wait");
    enum tb_rc rc = ctl->backend->run(ctl, cmd, &outcome, &err);
    int code = CTL_DONE;
    if (outcome && wait) {
        code = print_outcome(ctl, outcome);
        if (rc != TB_OK && !ctl->json) {
            ctl_say("%s", err.text);
        }
    } else if (outcome) {
        print_sent(ctl, outcome->command_id, outcome->subject);
    } else {
        code = ctl_fail(&err);
    }
    ticketbus_command_free(cmd);
    return code;
}

/* ---- through libticketbus ---- */

/* What a client's outcome says, kept until the run ends. */
static const struct ticketbus_outcome *keep(struct ctl *ctl, struct ticketbus_outcome *outcome)
{
    ctl->outcome = outcome;
    return outcome;
}

static enum tb_rc send_only(struct ctl *ctl, struct ticketbus_client *client,
                            struct ticketbus_command *cmd, const struct ticketbus_outcome **ret,
                            struct tb_error *err)
{
    struct ticketbus_error why = {0};
    struct ticketbus_outcome *sent = TB_NEW(ctl->arena, struct ticketbus_outcome);
    if (!sent) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    if (ticketbus_send(client, cmd, &why) != TICKETBUS_OK) {
        return ctl_bus_error(&why, err);
    }
    *sent = (struct ticketbus_outcome){.state = TICKETBUS_PENDING,
                                       .command_id = ticketbus_command_id(cmd),
                                       .subject = ticketbus_command_subject(cmd)};
    *ret = sent;
    return TB_OK;
}

enum tb_rc ctl_bus_run(struct ctl *ctl, struct ticketbus_command *cmd,
                       const struct ticketbus_outcome **ret, struct tb_error *err)
{
    struct ticketbus_client *client = NULL;
    struct ticketbus_error why = {0};
    int timeout_ms = 0;
    enum tb_rc rc = ctl_wait_ms(ctl, &timeout_ms, err);
    rc = rc == TB_OK ? ctl_bus_client(ctl, &client, err) : rc;
    if (rc == TB_OK && ctl_flag(&ctl->args, "no-wait")) {
        rc = send_only(ctl, client, cmd, ret, err);
    } else if (rc == TB_OK) {
        struct ticketbus_outcome *outcome = NULL;
        if (ticketbus_request(client, cmd, timeout_ms, false, &outcome, &why) != TICKETBUS_OK) {
            rc = ctl_bus_error(&why, err);
        }
        *ret = keep(ctl, outcome);
    }
    ticketbus_client_free(client);
    return rc;
}
