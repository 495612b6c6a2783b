/* Commands through a gateway: what libticketbus sealed is asked for by the operation of its type,
 * in the same order of events: refused here what could not be published, sent, waited for. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "gateway/core/operations.h"
#include "producer/ctl/bus.h"
#include "producer/ctl/served.h"

enum { ASK_AGAIN_MS = 200, GRACE_MS = 10000, DATA_MAX = 16 << 20 };
#define TICKET "ticket-"
#define NOBODY "nobody" /* stands in for the token's agent while a command is checked */

/* ---- an order ---- */

static const struct tb_operation *operation_of(const char *type)
{
    for (size_t i = 0; i < TB_OP_COUNT_; i++) {
        const struct tb_operation *op = &tb_operations[i];
        if (op->kind == TB_OP_COMMAND && strcmp(tb_command_types[op->command].name, type) == 0) {
            return op;
        }
    }
    return NULL;
}

/* A command is whole with a source and an actor; through a gateway both may be its own. */
static enum tb_rc seal(struct ctl *ctl, struct ticketbus_command *cmd, bool *ret_nobody,
                       struct tb_error *err)
{
    struct ticketbus_error why = {0};
    tb_str actor = ctl_actor_given(ctl);
    *ret_nobody = false;
    enum ticketbus_rc rc = ticketbus_command_seal(cmd, NULL, &why);
    if (rc != TICKETBUS_OK && strcmp(why.field, "source") == 0) {
        const char *source = tb_config_str(ctl->cfg, TB_CFG(SOURCE));
        rc = ticketbus_command_attribute(cmd, "source", source, &why);
        rc = rc == TICKETBUS_OK ? ticketbus_command_seal(cmd, NULL, &why) : rc;
    }
    if (rc != TICKETBUS_OK && strcmp(why.field, "actor") == 0) {
        *ret_nobody = actor.len == 0;
        rc = ticketbus_command_attribute(cmd, "actor", actor.len ? actor.ptr : NOBODY, &why);
        rc = rc == TICKETBUS_OK ? ticketbus_command_seal(cmd, NULL, &why) : rc;
    }
    return rc == TICKETBUS_OK ? TB_OK : ctl_bus_error(&why, err);
}

enum tb_rc ctl_order_read(struct ctl *ctl, struct ticketbus_command *cmd, struct ctl_order *ret,
                          struct tb_error *err)
{
    bool nobody = false;
    size_t len = 0;
    const char *type = ticketbus_command_type(cmd);
    const struct tb_operation *op = operation_of(type);
    if (!op) {
        (void)tb_fail_field(err, TB_EINVAL, "type", "%s cannot be sent through a gateway", type);
        return TB_EINVAL;
    }
    enum tb_rc rc = seal(ctl, cmd, &nobody, err);
    if (rc != TB_OK) {
        return rc;
    }
    const char *json = ticketbus_command_json(cmd, &len);
    int64_t most = tb_config_int(ctl->cfg, TB_CFG(MESSAGE_MAX_BYTES));
    if ((int64_t)len > most) {
        (void)tb_fail(err, TB_ELIMIT, "the command takes %zu bytes, at most %lld may be published",
                      len, (long long)most);
        (void)snprintf(err->code, sizeof err->code, "message_too_large");
        return TB_ELIMIT;
    }
    tb_str text = tb_arena_str(ctl->arena, (tb_str){json, len});
    *ret = (struct ctl_order){.op = op};
    rc = tb_tree_parse(text, ctl->arena, &ret->envelope, err);
    if (rc == TB_OK) {
        tb_str subject = ctl_told_text(ret->envelope, "subject");
        bool create = op->command == TB_CMD_CREATE;
        /* A new ticket's id follows from its command's: asked for by the ticket's, it gets that. */
        bool named = create && subject.len > strlen(TICKET) && tb_str_starts(subject, TICKET);
        tb_str id = named ? (tb_str){subject.ptr + strlen(TICKET), subject.len - strlen(TICKET)}
                          : tb_str_of(ticketbus_command_id(cmd));
        ret->id = tb_arena_str(ctl->arena, id).ptr;
        ret->subject = create ? TB_STR_NULL : subject;
        ret->agent = nobody ? TB_STR_NULL : ctl_told_text(ret->envelope, "actor");
        ret->version = ctl_told_text(ret->envelope, "expectedversion");
    }
    return rc;
}

static void text_member(struct tb_json *w, const char *name, tb_str value)
{
    if (!tb_str_is_null(value)) {
        tb_json_key(w, name);
        tb_json_string(w, value);
    }
}

void ctl_order_members(const struct ctl_order *order, bool path, struct tb_json *w)
{
    const struct tb_tree *data = tb_tree_get(order->envelope, "data");
    bool board = tb_operation_takes(order->op, TB_ENVELOPE_WORKFLOW_ID);
    if (!path || !strchr(order->op->path, '{')) {
        text_member(w, board ? "workflow_id" : "ticket_id", order->subject);
    }
    text_member(w, "agent_id", order->agent);
    text_member(w, "agent_type", ctl_told_text(order->envelope, "actortype"));
    for (const struct tb_tree *m = data ? data->first : NULL; m; m = m->next) {
        tb_json_key_str(w, m->name);
        tb_json_raw(w, m->raw);
    }
}

/* ---- what became of it ---- */

static const char *c_text(struct ctl *ctl, tb_str s)
{
    return tb_str_is_null(s) ? NULL : tb_arena_str(ctl->arena, s).ptr;
}

static enum tb_rc read_events(struct ctl *ctl, const struct tb_tree *list,
                              struct ticketbus_outcome *ret, struct tb_error *err)
{
    size_t n = list && list->kind == TB_TREE_ARRAY ? list->n : 0;
    struct ticketbus_event *events = TB_NEW_N(ctl->arena, struct ticketbus_event, n + 1);
    const struct ticketbus_event **refs =
        TB_NEW_N(ctl->arena, const struct ticketbus_event *, n + 1);
    if (!events || !refs) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    size_t i = 0;
    for (const struct tb_tree *e = n ? list->first : NULL; e; e = e->next, i++) {
        const char *type = c_text(ctl, ctl_told_text(e, "type"));
        events[i] = (struct ticketbus_event){
            .type = type ? type : "", .json = e->raw.ptr, .json_len = e->raw.len};
        refs[i] = &events[i];
    }
    ret->events = refs;
    ret->nevents = n;
    return TB_OK;
}

enum tb_rc ctl_order_told(struct ctl *ctl, const struct ctl_told *told,
                          struct ticketbus_outcome *ret, struct tb_error *err)
{
    const struct tb_tree *root = told->root;
    tb_str outcome = ctl_told_text(root, "outcome");
    tb_str subject = ctl_told_text(root, "ticket_id");
    const struct tb_tree *version = tb_tree_get(root, "version");
    subject = tb_str_is_null(subject) ? ctl_told_text(root, "workflow_id") : subject;
    *ret = (struct ticketbus_outcome){.command_id = c_text(ctl, ctl_told_text(root, "command_id")),
                                      .source = "/ticketbus/gateway",
                                      .subject = c_text(ctl, subject)};
    if (told->status >= 400) {
        if (!ret->command_id) {
            return ctl_server_refused(told, err);
        }
        ret->state = TICKETBUS_REJECTED;
        ret->code = c_text(ctl, ctl_told_text(root, "code"));
        ret->field = c_text(ctl, ctl_told_text(root, "field"));
        ret->message = c_text(ctl, ctl_told_text(root, "detail"));
        return TB_OK;
    }
    ret->state = tb_str_eq_c(outcome, "applied")     ? TICKETBUS_APPLIED
                 : tb_str_eq_c(outcome, "unchanged") ? TICKETBUS_UNCHANGED
                 : tb_str_eq_c(outcome, "parked")    ? TICKETBUS_PARKED
                                                     : TICKETBUS_PENDING;
    ret->version = version && version->kind == TB_TREE_INT ? version->integer : 0;
    return read_events(ctl, tb_tree_get(root, "events"), ret, err);
}

/* ---- one ---- */

static enum tb_rc ask(struct ctl *ctl, const struct ctl_order *order, const char *prefer,
                      int64_t wait_ms, struct ticketbus_outcome *ret, struct tb_error *err)
{
    struct ctl_url url;
    struct ctl_told told = {0};
    tb_buf body;
    tb_buf_init(&body, DATA_MAX);
    struct tb_json w = {.buf = &body};
    tb_json_open(&w, '{');
    ctl_order_members(order, true, &w);
    tb_json_close(&w, '}');
    if (strchr(order->op->path, '{')) { /* PUT of a board: its workflow ends the path */
        ctl_url_init(&url, "/tickets/board-config");
        ctl_url_segment(&url, order->subject);
    } else {
        ctl_url_init(&url, order->op->path);
    }
    const struct ctl_asking asking = {
        .method = order->op->method,
        .url = &url,
        .body = tb_buf_str(&body),
        .key = order->id,
        .version = order->version.len
                       ? tb_arena_printf(ctl->arena, "\"%.*s\"", TB_ARG(order->version)).ptr
                       : NULL,
        .prefer = prefer,
        .timeout_ms = wait_ms + GRACE_MS,
    };
    enum tb_rc rc = body.failed ? tb_fail(err, TB_ELIMIT, "the command is too large")
                                : ctl_server_exchange(ctl, &asking, &told, err);
    rc = rc == TB_OK ? ctl_order_told(ctl, &told, ret, err) : rc;
    ctl_url_dispose(&url);
    tb_buf_dispose(&body);
    return rc;
}

/* Whether the gateway knows an outcome by now. */
static bool is_known(struct ctl *ctl, const char *id)
{
    struct ctl_rows rows = {0};
    struct tb_error ignored = {0};
    return ctl_served_outcome(ctl, tb_str_of(id), TB_STR_NULL, &rows, &ignored) == TB_OK &&
           rows.n > 0 && !tb_str_eq_c(ctl_text(&rows, 0, 5), "parked");
}

enum tb_rc ctl_order_send(struct ctl *ctl, const struct ctl_order *order, int timeout_ms,
                          bool past_parked, struct ticketbus_outcome *ret, struct tb_error *err)
{
    int64_t until = tb_clock_mono_us() + (int64_t)timeout_ms * 1000;
    for (;;) {
        int64_t left_ms = (until - tb_clock_mono_us()) / 1000;
        tb_str wait = tb_arena_printf(ctl->arena, "wait=%lld",
                                      (long long)(left_ms > 0 ? (left_ms + 999) / 1000 : 0));
        /* The same command again is answered as the first time, and does nothing twice. */
        enum tb_rc rc = ask(ctl, order, left_ms > 0 ? wait.ptr : "respond-async",
                            left_ms > 0 ? left_ms : 0, ret, err);
        bool open =
            ret->state == TICKETBUS_PENDING || (ret->state == TICKETBUS_PARKED && past_parked);
        if (rc != TB_OK || !open) {
            return rc;
        }
        do {
            if (tb_clock_mono_us() >= until) {
                return TB_OK;
            }
            (void)nanosleep(&(struct timespec){.tv_nsec = ASK_AGAIN_MS * 1000000L}, NULL);
        } while (!is_known(ctl, ret->command_id));
        until = until > tb_clock_mono_us() + 1000000 ? until : tb_clock_mono_us() + 1000000;
    }
}

/* What answers leave out, for those who look closely: whole events, why a ticket waits. */
static void complete(struct ctl *ctl, struct ticketbus_outcome *outcome)
{
    struct ctl_rows rows = {0};
    struct tb_error ignored = {0};
    const struct tb_tree *events = NULL;
    bool wanted =
        (ctl->json && outcome->state != TICKETBUS_PENDING) || outcome->state == TICKETBUS_PARKED;
    if (!wanted ||
        ctl_served_outcome(ctl, tb_str_of(outcome->command_id), TB_STR_NULL, &rows, &ignored) !=
            TB_OK ||
        rows.n == 0) {
        return;
    }
    if (tb_tree_parse(ctl_text(&rows, 0, 14), ctl->arena, &events, &ignored) == TB_OK) {
        (void)!read_events(ctl, events, outcome, &ignored);
    }
    for (const struct tb_tree *e = events ? events->first : NULL; e; e = e->next) {
        tb_str said = ctl_told_text(tb_tree_get(e, "data"), "message");
        if (!outcome->message && outcome->state == TICKETBUS_UNCHANGED && said.len) {
            outcome->message = c_text(ctl, said);
        }
    }
    tb_str because = ctl_text(&rows, 0, 11);
    if (outcome->state == TICKETBUS_PARKED && !outcome->message) {
        tb_str message = ctl_text(&rows, 0, 8);
        outcome->message = c_text(ctl, message.len ? message : because);
    }
}

enum tb_rc ctl_served_run(struct ctl *ctl, struct ticketbus_command *cmd,
                          const struct ticketbus_outcome **ret, struct tb_error *err)
{
    struct ctl_order order;
    int timeout_ms = 0;
    bool wait = !ctl_flag(&ctl->args, "no-wait");
    struct ticketbus_outcome *outcome = TB_NEW(ctl->arena, struct ticketbus_outcome);
    enum tb_rc rc =
        outcome ? ctl_wait_ms(ctl, &timeout_ms, err) : tb_fail(err, TB_ENOMEM, "out of memory");
    rc = rc == TB_OK ? ctl_order_read(ctl, cmd, &order, err) : rc;
    if (rc == TB_OK && !wait) {
        rc = ask(ctl, &order, "respond-async", 0, outcome, err);
    } else if (rc == TB_OK) {
        rc = ctl_order_send(ctl, &order, timeout_ms, false, outcome, err);
    }
    if (rc == TB_OK) {
        complete(ctl, outcome);
        *ret = outcome;
    }
    return rc;
}
