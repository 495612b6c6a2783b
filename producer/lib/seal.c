/* Checking a command as the worker will, and fixing its bytes. */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/json/command.h"
#include "common/json/event.h"
#include "common/json/record.h"
#include "common/kafka/producer.h"
#include "common/model/rejection.h"
#include "producer/lib/client.h"

static tb_str either(tb_str given, const char *otherwise)
{
    return given.ptr || !otherwise || !*otherwise ? given : tb_str_of(otherwise);
}

static enum ticketbus_rc complete(struct ticketbus_command *cmd,
                                  const struct ticketbus_client *client,
                                  struct ticketbus_error *err)
{
    if (client) {
        bool own_actor = cmd->actor.ptr != NULL;
        cmd->source = tb_arena_str(cmd->arena, either(cmd->source, client->source));
        cmd->actor = tb_arena_str(cmd->arena, either(cmd->actor, client->actor));
        if (!own_actor) { /* the type speaks of the actor it was given with */
            cmd->actor_type = tb_arena_str(cmd->arena, either(cmd->actor_type, client->actor_type));
        }
    }
    if (cmd->time_us == TB_TIME_NONE) {
        cmd->time_us = tb_clock_wall_us();
    }
    if (!tb_lib_command_derive(cmd) || tb_arena_failed(cmd->arena)) {
        return tb_lib_no_memory(err);
    }
    return TICKETBUS_OK;
}

/* The fields as the record of the model. */
static enum ticketbus_rc parse_data(const struct ticketbus_command *cmd, struct tb_arena *arena,
                                    const void **ret, struct ticketbus_error *err)
{
    tb_buf json;
    tb_buf_init(&json, TICKETBUS_JSON_MAX);
    tb_lib_fields_write(cmd, &json);
    void *data = tb_arena_alloc(arena, cmd->type->record->size);
    if (json.failed || !data) {
        tb_buf_dispose(&json);
        return tb_lib_no_memory(err);
    }
    struct tb_error e = {.rc = TB_OK};
    enum tb_rc rc = tb_record_parse(cmd->type->record, tb_buf_str(&json), arena, data, &e);
    tb_buf_dispose(&json);
    *ret = data;
    if (rc == TB_OK) {
        return TICKETBUS_OK;
    }
    (void)tb_lib_fail_with(err, (enum ticketbus_rc)rc, e.field, "validation_failed", "%s%s%s",
                           e.field, e.field[0] ? ": " : "", e.text);
    return (enum ticketbus_rc)rc;
}

static struct tb_command envelope(const struct ticketbus_command *cmd, const void *data)
{
    return (struct tb_command){
        .type = cmd->type,
        .id = cmd->id,
        .source = cmd->source,
        .subject = cmd->subject,
        .actor = cmd->actor,
        .actor_type = cmd->actor_type,
        .time_us = cmd->time_us,
        .expected_version = cmd->expected_version,
        .correlation_id = cmd->correlation_id,
        .causation_id = cmd->causation_id,
        .traceparent = cmd->traceparent,
        .tracestate = cmd->tracestate,
        .rationale = cmd->rationale,
        .extensions = cmd->extensions.len ? tb_buf_str(&cmd->extensions) : TB_STR_NULL,
        .data = data,
    };
}

/* The worker's own reading of the bytes decides. */
static enum ticketbus_rc check(tb_str bytes, struct tb_arena *arena, struct ticketbus_error *err)
{
    struct tb_command read;
    struct tb_decode_failure fail = {.kind = TB_DECODE_REJECT};
    enum tb_rc rc = tb_command_decode(bytes, NULL, arena, &read, &fail);
    if (rc == TB_OK) {
        return TICKETBUS_OK;
    }
    if (rc == TB_ENOMEM) {
        return tb_lib_no_memory(err);
    }
    char field[64];
    (void)snprintf(field, sizeof field, "%.*s", TB_ARG(fail.field));
    return tb_lib_fail_with(err, TICKETBUS_EINVAL, field, tb_rejection_code(fail.rejection), "%.*s",
                            TB_ARG(fail.message));
}

static enum ticketbus_rc seal(struct ticketbus_command *cmd, struct tb_arena *scratch, tb_buf *out,
                              struct ticketbus_error *err)
{
    const void *data = NULL;
    enum ticketbus_rc rc = parse_data(cmd, scratch, &data, err);
    if (rc != TICKETBUS_OK) {
        return rc;
    }
    struct tb_command whole = envelope(cmd, data);
    tb_command_encode(&whole, out);
    if (out->failed) {
        return tb_lib_no_memory(err);
    }
    return check(tb_buf_str(out), scratch, err);
}

enum ticketbus_rc ticketbus_command_seal(struct ticketbus_command *cmd,
                                         const struct ticketbus_client *client,
                                         struct ticketbus_error *err)
{
    if (cmd->json.ptr) {
        return TICKETBUS_OK;
    }
    enum ticketbus_rc rc = complete(cmd, client, err);
    if (rc != TICKETBUS_OK) {
        return rc;
    }
    struct tb_arena *scratch = tb_arena_new(TICKETBUS_JSON_MAX * 4);
    if (!scratch) {
        return tb_lib_no_memory(err);
    }
    tb_buf out;
    tb_buf_init(&out, TICKETBUS_JSON_MAX);
    rc = seal(cmd, scratch, &out, err);
    tb_str key = cmd->subject;
    size_t size = tb_kafka_message_size(key, tb_buf_str(&out), &tb_lib_content_type, 1);
    if (rc == TICKETBUS_OK && client && size > client->message_max) {
        rc = tb_lib_fail_with(
            err, TICKETBUS_ELIMIT, NULL, "message_too_large",
            "the command takes %zu bytes as a message, at most %zu may be published", size,
            client->message_max);
    }
    if (rc == TICKETBUS_OK) {
        tb_str json = tb_buf_take(&out, cmd->arena);
        rc = json.ptr ? TICKETBUS_OK : tb_lib_no_memory(err);
        cmd->json = json;
    }
    tb_buf_dispose(&out);
    tb_arena_free(scratch);
    return rc;
}
