#include "producer/ctl/importer.h"

#include <stdio.h>
#include <string.h>

#include "common/json/record.h"

enum tb_rc ctl_importer_init(struct ctl_importer *im, struct ctl *ctl, tb_str workflow,
                             struct tb_error *err)
{
    (void)err;
    *im = (struct ctl_importer){.ctl = ctl,
                                .workflow = workflow,
                                .actor = ctl_actor(ctl),
                                .dry_run = ctl_flag(&ctl->args, "dry-run"),
                                .board = "kept"};
    tb_buf_init(&im->refused, CTL_OUT_MAX);
    return TB_OK;
}

void ctl_importer_dispose(struct ctl_importer *im)
{
    ctl_flight_free(im->flight);
    tb_buf_dispose(&im->refused);
}

/* ---- answers ---- */

/* Calls come one at a time, on whichever thread. */
static void refuse(struct ctl_importer *im, const char *ticket, uint64_t tag, const char *code,
                   const char *field, const char *message)
{
    tb_str name = im->names ? im->names[tag] : tb_str_of(ticket);
    im->nrefused++;
    if (im->answers) {
        im->answers[tag] = true;
    }
    if (!im->ctl->json) {
        bool told = field[0] == 0 || strstr(message, field);
        ctl_say("%.*s: %s%s%s%s%s", TB_ARG(name), code, code[0] ? ": " : "", told ? "" : field,
                told ? "" : ": ", message);
        return;
    }
    struct tb_json w = {.buf = &im->refused};
    tb_json_open(&w, '{');
    tb_json_key(&w, "refused");
    tb_json_string(&w, name);
    tb_json_key(&w, "code");
    tb_json_string(&w, tb_str_of(code));
    tb_json_key(&w, "field");
    tb_json_string(&w, tb_str_of(field));
    tb_json_key(&w, "message");
    tb_json_string(&w, tb_str_of(message));
    tb_json_close(&w, '}');
    tb_buf_add_char(&im->refused, '\n');
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static void on_answer(uint64_t tag, const struct ticketbus_outcome *o, const struct tb_error *err,
                      void *arg)
{
    struct ctl_importer *im = arg;
    if (!o) {
        refuse(im, "not published", tag, err->code, err->field, err->text);
    } else if (o->state == TICKETBUS_PENDING) {
        refuse(im, or_empty(o->subject), tag, "pending", "", "no outcome in time");
    } else if (o->state == TICKETBUS_REJECTED) {
        refuse(im, or_empty(o->subject), tag, or_empty(o->code), or_empty(o->field),
               or_empty(o->message));
    }
}

/* ---- sending ---- */

static enum tb_rc make(struct ctl_importer *im, const char *type, tb_str subject, tb_str json,
                       tb_str rationale, struct ticketbus_command **ret, struct tb_error *err)
{
    struct ticketbus_error why = {0};
    struct ticketbus_command *cmd = NULL;
    const char *source = tb_config_str(im->ctl->cfg, TB_CFG(SOURCE));
    if (ticketbus_command_new(type, subject.ptr, &cmd, &why) == TICKETBUS_OK &&
        ticketbus_command_set_data(cmd, json.ptr, &why) == TICKETBUS_OK &&
        ticketbus_command_attribute(cmd, "actor", im->actor.ptr, &why) == TICKETBUS_OK &&
        ticketbus_command_attribute(cmd, "actortype", "system", &why) == TICKETBUS_OK &&
        ticketbus_command_attribute(cmd, "source", source, &why) == TICKETBUS_OK &&
        (tb_str_is_null(rationale) ||
         ticketbus_command_set(cmd, "rationale", rationale.ptr, &why) == TICKETBUS_OK)) {
        *ret = cmd;
        return TB_OK;
    }
    ticketbus_command_free(cmd);
    return ctl_bus_error(&why, err);
}

static enum tb_rc need_flight(struct ctl_importer *im, struct tb_error *err)
{
    return im->flight ? TB_OK : ctl_flight_new(im->ctl, true, on_answer, im, &im->flight, err);
}

enum tb_rc ctl_importer_send(struct ctl_importer *im, tb_str ticket_id,
                             const struct tb_import_data *data, tb_str rationale, uint64_t tag,
                             struct tb_error *err)
{
    struct ticketbus_command *cmd = NULL;
    im->sent++;
    if (im->dry_run) {
        return TB_OK;
    }
    tb_buf json;
    tb_buf_init(&json, CTL_OUT_MAX);
    struct tb_json w = {.buf = &json};
    struct tb_error why = {0};
    tb_record_write(tb_command_types[TB_CMD_IMPORT].record, data, &w);
    enum tb_rc rc = make(im, "ticket.import", ticket_id, tb_buf_str(&json), rationale, &cmd, &why);
    tb_buf_dispose(&json);
    enum tb_rc ready = need_flight(im, err);
    if (ready != TB_OK) {
        ticketbus_command_free(cmd);
        return ready;
    }
    rc = rc == TB_OK ? ctl_flight_send(im->flight, cmd, tag, &why) : rc;
    if (rc == TB_EINVAL || rc == TB_ELIMIT) {
        /* Nothing of this one is under way, but answers to others may come: wait for those first.
         */
        ctl_importer_wait(im);
        refuse(im, ticket_id.ptr, tag, rc == TB_ELIMIT ? "message_too_large" : "validation_failed",
               why.field, why.text);
        return TB_OK;
    }
    if (rc != TB_OK) {
        *err = why;
        return rc;
    }
    ctl_progress_at(&im->progress, ctl_flight_counts(im->flight).done);
    return TB_OK;
}

void ctl_importer_wait(struct ctl_importer *im)
{
    if (im->flight) {
        ctl_flight_wait(im->flight, &im->progress);
    }
}

/* ---- the board ---- */

static enum tb_rc put_board(struct ctl_importer *im, tb_str data, struct tb_error *err)
{
    struct ticketbus_command *cmd = NULL;
    struct ticketbus_client *client = NULL;
    struct ticketbus_outcome *outcome = NULL;
    struct ticketbus_error why = {0};
    int timeout_ms = 0;
    enum tb_rc rc = ctl_wait_ms(im->ctl, &timeout_ms, err);
    rc = rc == TB_OK ? make(im, "board.put", im->workflow, data, TB_STR_NULL, &cmd, err) : rc;
    rc = rc == TB_OK ? ctl_bus_client(im->ctl, &client, err) : rc;
    if (rc == TB_OK &&
        ticketbus_request(client, cmd, timeout_ms, true, &outcome, &why) != TICKETBUS_OK) {
        rc = ctl_bus_error(&why, err);
    } else if (rc == TB_OK && outcome->state == TICKETBUS_REJECTED) {
        rc = tb_fail(err, TB_ECONFLICT, "the board was refused: %s: %s", or_empty(outcome->code),
                     or_empty(outcome->message));
    }
    ticketbus_outcome_free(outcome);
    ticketbus_command_free(cmd);
    ticketbus_client_free(client);
    return rc;
}

enum tb_rc ctl_importer_board(struct ctl_importer *im, const struct ctl_state *state,
                              tb_strs statuses, tb_strs types, tb_strs priorities,
                              struct tb_error *err)
{
    if (state->has_board) {
        im->board = "kept";
        return TB_OK;
    }
    if (im->dry_run) {
        im->board = "would be created";
        return TB_OK;
    }
    tb_buf data;
    tb_buf_init(&data, CTL_OUT_MAX);
    ctl_plan_board(statuses, types, priorities, im->workflow, im->actor, &data);
    enum tb_rc rc = put_board(im, tb_buf_str(&data), err);
    tb_buf_dispose(&data);
    im->board = "created";
    return rc;
}
