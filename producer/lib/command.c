/* A command before it is sent: identity and envelope. */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/uuid.h"
#include "common/crypto/crypto.h"
#include "common/json/attributes.h"
#include "common/json/command.h"
#include "producer/lib/internal.h"

enum ticketbus_rc tb_lib_command_open(const struct ticketbus_command *cmd,
                                      struct ticketbus_error *err)
{
    if (cmd->json.ptr) {
        return tb_lib_fail(err, TICKETBUS_ECONFLICT,
                           "the command was sealed; make a new one to send something else");
    }
    return TICKETBUS_OK;
}

bool tb_lib_command_derive(struct ticketbus_command *cmd)
{
    if (cmd->subject_given) {
        return true;
    }
    struct tb_uuid uuid;
    cmd->subject = TB_STR_NULL;
    if (cmd->type->kind == TB_CMD_CREATE && (tb_uuid_parse(cmd->id, &uuid) || cmd->source.ptr)) {
        /* A UUID needs no source to be told apart. */
        tb_str source = cmd->source.ptr ? cmd->source : TB_LIT("");
        cmd->subject = tb_command_derived_subject(source, cmd->id, cmd->arena);
        return cmd->subject.ptr != NULL;
    }
    return true;
}

/* NULL with err filled: none that may be sent. */
static const struct tb_command_type *find_type(const char *name, struct ticketbus_error *err)
{
    const struct tb_command_type *type = name ? tb_command_type_find(tb_str_of(name)) : NULL;
    if (!type) {
        (void)tb_lib_fail_with(err, TICKETBUS_EINVAL, "type", "unknown_command",
                               "there is no command of type \"%s\"", name ? name : "");
    } else if (type->internal) {
        (void)tb_lib_fail_with(err, TICKETBUS_EINVAL, "type", "bad_signature",
                               "%s is internal to the workers", name);
        type = NULL;
    }
    return type;
}

enum ticketbus_rc ticketbus_command_new(const char *type, const char *subject,
                                        struct ticketbus_command **ret, struct ticketbus_error *err)
{
    *ret = NULL;
    const struct tb_command_type *found = find_type(type, err);
    if (!found) {
        return TICKETBUS_EINVAL;
    }
    if (!subject && found->kind != TB_CMD_CREATE) {
        return tb_lib_fail_with(err, TICKETBUS_EINVAL, "subject", "validation_failed",
                                "%s needs the id of what it is about", type);
    }
    struct ticketbus_command *cmd = calloc(1, sizeof *cmd);
    if (!cmd || !(cmd->arena = tb_arena_new(TICKETBUS_JSON_MAX * 4))) {
        free(cmd);
        return tb_lib_no_memory(err);
    }
    cmd->type = found;
    cmd->time_us = TB_TIME_NONE;
    cmd->expected_version = TB_EXPECTED_NONE;
    tb_buf_init(&cmd->extensions, TB_MAX_EXTENSION_BYTES);
    struct tb_uuid uuid = tb_uuid_v7_new();
    char text[TB_UUID_TEXT_LEN + 1];
    tb_uuid_format(&uuid, text);
    cmd->id = tb_arena_str(cmd->arena, tb_str_of(text));
    cmd->subject = tb_arena_str(cmd->arena, tb_str_of(subject));
    cmd->subject_given = subject != NULL;
    if (!tb_lib_command_derive(cmd) || tb_arena_failed(cmd->arena)) {
        ticketbus_command_free(cmd);
        return tb_lib_no_memory(err);
    }
    *ret = cmd;
    return TICKETBUS_OK;
}

void ticketbus_command_free(struct ticketbus_command *cmd)
{
    if (cmd) {
        tb_arena_free(cmd->arena);
        tb_buf_dispose(&cmd->extensions);
        free(cmd->fields);
        free(cmd);
    }
}

/* ---- attributes ---- */

static enum ticketbus_rc set_number(const char *value, int64_t *to, struct ticketbus_error *err)
{
    size_t len = strlen(value);
    if (len == 0 || len > 18 || strspn(value, "0123456789") != len) {
        return tb_lib_fail_with(err, TICKETBUS_EINVAL, "expectedversion", "validation_failed",
                                "expectedversion must be an integer from 0");
    }
    *to = strtoll(value, NULL, 10);
    return TICKETBUS_OK;
}

static enum ticketbus_rc set_time(const char *value, int64_t *to, struct ticketbus_error *err)
{
    if (!tb_time_parse(tb_str_of(value), to)) {
        return tb_lib_fail_with(err, TICKETBUS_EINVAL, "time", "validation_failed",
                                "time must be an RFC 3339 time such as 2026-01-31T12:00:00Z");
    }
    return TICKETBUS_OK;
}

/* Contents are checked when sealed; here, what would break the form of the envelope. */
static enum ticketbus_rc add_extension(struct ticketbus_command *cmd, const char *name,
                                       const char *value, struct ticketbus_error *err)
{
    size_t len = strlen(name);
    if (len == 0 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789") != len) {
        return tb_lib_fail_with(err, TICKETBUS_EINVAL, name, "validation_failed",
                                "the name of an attribute is made of a-z and 0-9");
    }
    struct tb_json w = {.buf = &cmd->extensions, .comma = cmd->extensions.len > 0};
    tb_json_key(&w, name);
    tb_json_string(&w, tb_str_of(value));
    if (cmd->extensions.failed) {
        return tb_lib_fail_with(err, TICKETBUS_EINVAL, name, "validation_failed",
                                "extension attributes take more than %d bytes",
                                TB_MAX_EXTENSION_BYTES);
    }
    return TICKETBUS_OK;
}

static tb_str *text_attribute(struct ticketbus_command *cmd, int attribute)
{
    switch (attribute) {
    case TB_ATTR_ID:
        return &cmd->id;
    case TB_ATTR_SOURCE:
        return &cmd->source;
    case TB_ATTR_ACTOR:
        return &cmd->actor;
    case TB_ATTR_ACTORTYPE:
        return &cmd->actor_type;
    case TB_ATTR_CORRELATIONID:
        return &cmd->correlation_id;
    case TB_ATTR_CAUSATIONID:
        return &cmd->causation_id;
    case TB_ATTR_TRACEPARENT:
        return &cmd->traceparent;
    case TB_ATTR_TRACESTATE:
        return &cmd->tracestate;
    default:
        return NULL;
    }
}

enum ticketbus_rc ticketbus_command_attribute(struct ticketbus_command *cmd, const char *name,
                                              const char *value, struct ticketbus_error *err)
{
    enum ticketbus_rc rc = tb_lib_command_open(cmd, err);
    if (rc != TICKETBUS_OK) {
        return rc;
    }
    if (!name || !value) {
        return tb_lib_fail(err, TICKETBUS_EINVAL, "name and value must be given");
    }
    int attribute = tb_attribute_find(tb_str_of(name));
    tb_str *text = text_attribute(cmd, attribute);
    if (text) {
        *text = tb_arena_str(cmd->arena, tb_str_of(value));
        return text->ptr && tb_lib_command_derive(cmd) ? TICKETBUS_OK : tb_lib_no_memory(err);
    }
    if (attribute == TB_ATTR_EXPECTEDVERSION) {
        return set_number(value, &cmd->expected_version, err);
    }
    if (attribute == TB_ATTR_TIME) {
        return set_time(value, &cmd->time_us, err);
    }
    if (attribute >= 0) {
        return tb_lib_fail_with(err, TICKETBUS_EINVAL, name, "validation_failed",
                                "%s is not set this way", name);
    }
    return add_extension(cmd, name, value, err);
}

const char *ticketbus_command_id(const struct ticketbus_command *cmd)
{
    return cmd->id.ptr;
}

const char *ticketbus_command_type(const struct ticketbus_command *cmd)
{
    return cmd->type->name;
}

const char *ticketbus_command_subject(const struct ticketbus_command *cmd)
{
    return cmd->subject.ptr;
}

const char *ticketbus_command_json(const struct ticketbus_command *cmd, size_t *ret_len)
{
    if (ret_len) {
        *ret_len = cmd->json.len;
    }
    return cmd->json.ptr;
}
