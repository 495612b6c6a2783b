/* A command's way: checked, sent, its outcome awaited, its ticket read. */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/log.h"
#include "common/crypto/crypto.h"
#include "common/json/tree.h"
#include "gateway/core/arguments.h"
#include "gateway/service/internal.h"

static const char sql_workflow[] = "SELECT workflow_id FROM tickets WHERE id = $1";

static void refuse(struct tb_call *call, const struct ticketbus_error *e)
{
    tb_str field = e->field[0] ? tb_str_of(e->field) : TB_STR_NULL;
    switch (e->rc) {
    case TICKETBUS_EINVAL:
    case TICKETBUS_ENOTFOUND:
        tb_reply_error(&call->reply, call->arena, TB_REPLY_INVALID, "validation_failed", field,
                       "%s", e->text);
        return;
    case TICKETBUS_ELIMIT:
        tb_reply_rejected(&call->reply, call->arena, TB_LIT("message_too_large"), field,
                          tb_str_of(e->text));
        return;
    case TICKETBUS_OK:
    case TICKETBUS_ENOMEM:
    case TICKETBUS_ECONFLICT:
    case TICKETBUS_ERETRY:
    case TICKETBUS_EUNAVAILABLE:
    case TICKETBUS_EUNKNOWN:
    case TICKETBUS_EDATA:
    case TICKETBUS_EFATAL:
        tb_log_warn("%s: %s", call->op->name, e->text);
        tb_reply_error(&call->reply, call->arena, TB_REPLY_UNAVAILABLE, "unavailable", TB_STR_NULL,
                       "the command could not be sent; try again");
        return;
    }
}

static void finish(struct tb_call *call)
{
    ticketbus_command_free(call->cmd);
    call->cmd = NULL;
    tb_call_done(call);
}

/* ---- the answer ---- */

static void write_answer(struct tb_call *call, const struct tb_pg_result *ticket)
{
    tb_buf out;
    tb_buf_init(&out, TB_READ_MAX);
    struct tb_json w = {.buf = &out};
    bool board = call->op->command == TB_CMD_BOARD_PUT;
    tb_json_open(&w, '{');
    tb_json_key(&w, "command_id");
    tb_json_string(&w, call->reply.command_id);
    tb_json_key(&w, "outcome");
    tb_json_string(&w, call->outcome);
    tb_json_key(&w, board ? "workflow_id" : "ticket_id");
    tb_json_string(&w, call->reply.ticket_id);
    tb_json_key(&w, "version");
    if (call->reply.version > 0) {
        tb_json_int(&w, call->reply.version);
    } else {
        tb_json_null(&w);
    }
    tb_json_key(&w, "events");
    tb_json_raw(&w, call->events.ptr ? call->events : TB_LIT("[]"));
    if (ticket && tb_pg_rows(ticket) > 0) {
        tb_json_key(&w, "ticket");
        tb_ticket_row(&w, ticket, 0, false, TB_TICKET_ALL);
        tb_json_close(&w, '}');
    }
    tb_json_close(&w, '}');
    tb_read_done(&out, call->arena, &call->reply);
    tb_buf_dispose(&out);
}

static void answer_rows(struct tb_job *job, struct tb_pool_thread *thread, enum tb_rc rc,
                        struct tb_pg_result *const *results, const struct tb_error *err)
{
    struct tb_call *call = job->arg;
    (void)thread;
    (void)err; /* the command is done: without the ticket, then */
    write_answer(call, rc == TB_OK ? results[0] : NULL);
    tb_call_done(call);
}

static bool read_ticket(struct tb_job *job, struct tb_pool_thread *thread)
{
    struct tb_call *call = job->arg;
    (void)thread;
    struct tb_pg_params *params = tb_plan_add(&job->plan, "ticket", tb_sql_ticket, call->arena);
    tb_pg_add_str(params, call->reply.ticket_id);
    job->rows = answer_rows;
    return true;
}

static tb_str events_json(const struct ticketbus_outcome *outcome, struct tb_arena *arena)
{
    tb_buf buf;
    tb_buf_init(&buf, TB_READ_MAX);
    struct tb_json w = {.buf = &buf};
    tb_json_open(&w, '[');
    for (size_t i = 0; i < outcome->nevents; i++) {
        const struct ticketbus_event *e = outcome->events[i];
        tb_json_open(&w, '{');
        tb_json_key(&w, "id");
        tb_json_string(&w, tb_str_of(e->id));
        tb_json_key(&w, "type");
        tb_json_string(&w, tb_str_of(e->type));
        tb_json_key(&w, "sequence");
        tb_json_int(&w, e->sequence);
        tb_json_close(&w, '}');
    }
    tb_json_close(&w, ']');
    tb_str taken = tb_buf_take(&buf, arena);
    tb_buf_dispose(&buf);
    return taken;
}

static void pending(struct tb_call *call, const char *outcome)
{
    tb_str body;
    struct tb_json w;
    tb_buf buf;
    tb_buf_init(&buf, 4096);
    w = (struct tb_json){.buf = &buf};
    call->reply.kind = TB_REPLY_PENDING;
    call->svc->stats.pending++;
    tb_json_open(&w, '{');
    tb_json_key(&w, "command_id");
    tb_json_string(&w, call->reply.command_id);
    tb_json_key(&w, "outcome");
    tb_json_string(&w, tb_str_of(outcome));
    tb_json_key(&w, call->op->command == TB_CMD_BOARD_PUT ? "workflow_id" : "ticket_id");
    tb_json_string(&w, call->reply.ticket_id);
    tb_json_key(&w, "status_url");
    tb_json_string(&w,
                   tb_arena_printf(call->arena, "/commands/%.*s", TB_ARG(call->reply.command_id)));
    tb_json_close(&w, '}');
    body = tb_buf_take(&buf, call->arena);
    tb_buf_dispose(&buf);
    call->reply.body = body;
}

/* In a thread of the client. */
static void on_outcome(enum ticketbus_rc rc, struct ticketbus_outcome *outcome,
                       const struct ticketbus_error *err, void *arg)
{
    struct tb_call *call = arg;
    call->svc->stats.waiting--;
    if (!outcome) {
        refuse(call, err);
        finish(call);
        return;
    }
    (void)rc;
    switch (outcome->state) {
    case TICKETBUS_APPLIED:
    case TICKETBUS_UNCHANGED:
        call->outcome =
            outcome->state == TICKETBUS_APPLIED ? TB_LIT("applied") : TB_LIT("unchanged");
        call->reply.kind = TB_REPLY_DONE;
        call->reply.version = outcome->version;
        call->events = events_json(outcome, call->arena);
        break;
    case TICKETBUS_REJECTED: {
        tb_str id = call->reply.command_id;
        tb_str subject = call->reply.ticket_id;
        tb_reply_rejected(&call->reply, call->arena, tb_str_of(outcome->code),
                          tb_str_of(outcome->field), tb_str_of(outcome->message));
        call->reply.command_id = id;
        call->reply.ticket_id = subject;
        break;
    }
    case TICKETBUS_PARKED:
        pending(call, "parked");
        break;
    case TICKETBUS_PENDING:
        pending(call, "pending");
        break;
    }
    ticketbus_outcome_free(outcome);
    if (call->reply.kind != TB_REPLY_DONE) {
        finish(call);
        return;
    }
    ticketbus_command_free(call->cmd);
    call->cmd = NULL;
    if (call->brief || call->op->command == TB_CMD_BOARD_PUT) {
        write_answer(call, NULL);
        tb_call_done(call);
        return;
    }
    call->job.run = read_ticket;
    tb_pool_resubmit(call->svc->pool, &call->job);
}

static void on_delivery(const struct ticketbus_delivery *delivery, void *arg)
{
    struct tb_call *call = arg;
    call->svc->stats.waiting--;
    if (delivery->rc == TICKETBUS_OK) {
        pending(call, "pending");
    } else {
        struct ticketbus_error e = {.rc = delivery->rc};
        (void)snprintf(e.text, sizeof e.text, "%s", delivery->text);
        refuse(call, &e);
    }
    finish(call);
}

static void send(struct tb_call *call)
{
    struct ticketbus_error e = {.rc = TICKETBUS_OK};
    struct tb_service *svc = call->svc;
    int64_t wait = call->wait_ms < 0 || call->wait_ms > svc->wait_ms ? svc->wait_ms : call->wait_ms;
    svc->stats.commands++;
    svc->stats.waiting++;
    /* After a success the call may be over already. */
    enum ticketbus_rc rc = wait == 0
                               ? ticketbus_publish(svc->client, call->cmd, on_delivery, call, &e)
                               : ticketbus_request_async(svc->client, call->cmd, (int)wait, false,
                                                         on_outcome, call, &e);
    if (rc != TICKETBUS_OK) {
        svc->stats.waiting--;
        refuse(call, &e);
        finish(call);
    }
}

/* ---- building ---- */

/* The command's id: a UUID as it is, any other key as one derived from it and who uses it. */
static bool command_id(struct tb_call *call, tb_str actor, char out[TB_UUID_TEXT_LEN + 1])
{
    struct tb_uuid id;
    tb_str key = call->idempotency_key;
    if (tb_str_is_null(key)) {
        id = tb_uuid_v7_new();
    } else if (!tb_uuid_parse(key, &id)) {
        if (key.len == 0 || key.len > 255) {
            tb_reply_error(&call->reply, call->arena, TB_REPLY_INVALID, "validation_failed",
                           TB_LIT("Idempotency-Key"), "has %zu bytes, not 1 to 255", key.len);
            return false;
        }
        tb_str name = tb_arena_printf(call->arena, "%.*s\n%.*s", TB_ARG(actor), TB_ARG(key));
        id = tb_uuid_v5(&tb_uuid_namespace, name.ptr, name.len);
    }
    tb_uuid_format(&id, out);
    return true;
}

/* Who acts: header and body must not disagree, and a token may be for one agent only. */
static bool find_actor(struct tb_call *call, const struct tb_envelope_params *envelope, tb_str *ret)
{
    bool in_body = tb_has(&envelope->p, TB_ENVELOPE_AGENT_ID);
    tb_str given = in_body ? envelope->agent_id : call->agent;
    if (in_body && call->agent.len && !tb_str_eq(call->agent, envelope->agent_id)) {
        tb_reply_error(&call->reply, call->arena, TB_REPLY_INVALID, "validation_failed",
                       TB_LIT("agent_id"), "differs from the header X-Agent-ID");
        return false;
    }
    *ret = tb_caller_actor(&call->caller, given.len ? given : TB_STR_NULL);
    if (tb_str_is_null(*ret)) {
        tb_reply_error(&call->reply, call->arena, TB_REPLY_FORBIDDEN, "agent_not_permitted",
                       TB_LIT("agent_id"), "the token is for agent %.*s only",
                       TB_ARG(call->caller.agent));
        return false;
    }
    return true;
}

static const char *c_text(struct tb_call *call, tb_str s)
{
    return tb_arena_str(call->arena, s).ptr;
}

struct attribute {
    const char *name;
    tb_str value;
};

static bool build(struct tb_call *call, const struct tb_envelope_params *envelope, tb_str data,
                  tb_str actor)
{
    struct ticketbus_error e = {.rc = TICKETBUS_OK};
    char id[TB_UUID_TEXT_LEN + 1];
    char version[24] = "";
    const struct tb_command_type *type = &tb_command_types[call->op->command];
    tb_str subject = tb_operation_takes(call->op, TB_ENVELOPE_TICKET_ID)     ? envelope->ticket_id
                     : tb_operation_takes(call->op, TB_ENVELOPE_WORKFLOW_ID) ? envelope->workflow_id
                                                                             : TB_STR_NULL;
    if (!command_id(call, actor, id)) {
        return false;
    }
    if (call->expected_version >= 0) {
        (void)snprintf(version, sizeof version, "%lld", (long long)call->expected_version);
    }
    tb_str agent_type =
        tb_has(&envelope->p, TB_ENVELOPE_AGENT_TYPE) ? envelope->agent_type : call->agent_type;
    const struct attribute attributes[] = {{"id", tb_str_of(id)},
                                           {"actor", actor},
                                           {"actortype", agent_type},
                                           {"expectedversion", tb_str_of(version)},
                                           {"traceparent", call->traceparent}};
    enum ticketbus_rc rc = ticketbus_command_new(type->name, c_text(call, subject), &call->cmd, &e);
    for (size_t i = 0; rc == TICKETBUS_OK && i < TB_COUNT(attributes); i++) {
        if (attributes[i].value.len > 0) {
            rc = ticketbus_command_attribute(call->cmd, attributes[i].name,
                                             c_text(call, attributes[i].value), &e);
        }
    }
    rc = rc == TICKETBUS_OK ? ticketbus_command_set_data(call->cmd, data.ptr, &e) : rc;
    rc = rc == TICKETBUS_OK ? ticketbus_command_seal(call->cmd, call->svc->client, &e) : rc;
    if (rc != TICKETBUS_OK) {
        refuse(call, &e);
        return false;
    }
    call->reply.command_id = tb_arena_str(call->arena, tb_str_of(id));
    call->reply.ticket_id =
        tb_arena_str(call->arena, tb_str_of(ticketbus_command_subject(call->cmd)));
    return true;
}

/* ---- whose ticket ---- */

static void workflow_denied(struct tb_call *call, tb_str workflow)
{
    tb_reply_error(&call->reply, call->arena, TB_REPLY_FORBIDDEN, "workflow_not_permitted",
                   TB_LIT("workflow_id"), "the token is not for workflow %.*s", TB_ARG(workflow));
}

/* Read at once and not planned: commands of one caller must not pass each other. */
static bool may_touch_ticket(struct tb_call *call, struct tb_pool_thread *thread)
{
    struct tb_error err = {.rc = TB_OK};
    struct tb_pg_params params;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&params, call->arena);
    tb_pg_add_str(&params, call->reply.ticket_id);
    bool may = false;
    if (tb_pool_query(thread, sql_workflow, &params, &r, &err) != TB_OK) {
        tb_reply_from(&call->reply, call->arena, &err);
    } else if (tb_pg_rows(r) == 0 || !tb_caller_may_touch(&call->caller, tb_pg_str(r, 0, 0))) {
        tb_str id = call->reply.ticket_id;
        tb_reply_rejected(&call->reply, call->arena, TB_LIT("ticket_not_found"),
                          TB_LIT("ticket_id"), TB_STR_NULL);
        call->reply.ticket_id = id;
        call->reply.hidden = tb_pg_rows(r) > 0;
    } else {
        may = true;
    }
    tb_pg_result_free(r);
    return may;
}

static tb_str workflow_of(const struct tb_call *call, const struct tb_envelope_params *envelope,
                          tb_str data)
{
    const struct tb_tree *root = NULL;
    if (call->op->command == TB_CMD_BOARD_PUT) {
        return envelope->workflow_id;
    }
    if (tb_tree_parse(data, call->arena, &root, NULL) != TB_OK) {
        return TB_STR_NULL;
    }
    const struct tb_tree *member = tb_tree_get(root, "workflow_id");
    return member && member->kind == TB_TREE_STRING ? member->text : TB_STR_NULL;
}

static bool may_touch(struct tb_call *call, struct tb_pool_thread *thread,
                      const struct tb_envelope_params *envelope, tb_str data)
{
    if (call->caller.workflows.n == 0) {
        return true;
    }
    if (tb_operation_takes(call->op, TB_ENVELOPE_TICKET_ID)) {
        return may_touch_ticket(call, thread);
    }
    tb_str workflow = workflow_of(call, envelope, data);
    if (!tb_caller_may_touch(&call->caller, workflow)) {
        workflow_denied(call, workflow);
        return false;
    }
    return true;
}

void tb_command_run(struct tb_call *call, struct tb_pool_thread *thread)
{
    struct tb_error err = {.rc = TB_OK};
    struct tb_envelope_params envelope;
    tb_str data;
    tb_str actor;
    if (tb_arguments_split(call->op, call->params, call->arena, &envelope, &data, &err) != TB_OK) {
        tb_reply_from(&call->reply, call->arena, &err);
    } else if (find_actor(call, &envelope, &actor) && build(call, &envelope, data, actor) &&
               may_touch(call, thread, &envelope, data)) {
        send(call);
        return;
    }
    finish(call);
}
