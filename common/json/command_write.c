/* Commands to JSON, and the hash over what makes two of them the same. */
#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/crypto/crypto.h"
#include "common/json/command.h"
#include "common/json/record.h"

static void member(struct tb_json *w, const char *name, tb_str value)
{
    if (value.ptr) {
        tb_json_key(w, name);
        tb_json_string(w, value);
    }
}

static void write_data(const struct tb_command *cmd, struct tb_json *w)
{
    tb_json_open(w, '{');
    if (cmd->type && cmd->data) {
        tb_record_write_members(cmd->type->record, cmd->data, w);
    }
    member(w, "rationale", cmd->rationale);
    tb_json_close(w, '}');
}

void tb_command_encode(const struct tb_command *cmd, tb_buf *out)
{
    struct tb_json w = {.buf = out};
    tb_json_open(&w, '{');
    member(&w, "specversion", TB_LIT("1.0"));
    member(&w, "id", cmd->id);
    member(&w, "source", cmd->source);
    member(&w, "type", tb_str_of(cmd->type ? cmd->type->name : NULL));
    member(&w, "subject", cmd->subject);
    if (cmd->time_us != TB_TIME_NONE) {
        tb_json_key(&w, "time");
        tb_json_time(&w, cmd->time_us);
    }
    member(&w, "datacontenttype", TB_LIT("application/json"));
    member(&w, "actor", cmd->actor);
    member(&w, "actortype", cmd->actor_type);
    if (cmd->expected_version != TB_EXPECTED_NONE) {
        /* As a string: CloudEvents' integers have 32 bits. */
        tb_buf_add_c(out, ",\"expectedversion\":\"");
        tb_buf_add_i64(out, cmd->expected_version);
        tb_buf_add_char(out, '"');
    }
    member(&w, "correlationid", cmd->correlation_id);
    member(&w, "causationid", cmd->causation_id);
    member(&w, "traceparent", cmd->traceparent);
    member(&w, "tracestate", cmd->tracestate);
    if (cmd->extensions.len) {
        tb_json_raw(&w, cmd->extensions);
    }
    tb_json_key(&w, "data");
    write_data(cmd, &w);
    tb_json_close(&w, '}');
}

bool tb_command_hash(const struct tb_command *cmd, unsigned char out[32])
{
    /* Written by the tables, so that the order of members, blanks and the spelling of times and
     * escapes do not count. Changing this form makes commands in flight look like other ones. */
    tb_buf buf;
    tb_buf_init(&buf, TB_JSON_MAX_BYTES * 2);
    struct tb_json w = {.buf = &buf};
    tb_json_open(&w, '[');
    tb_json_string(&w, tb_str_of(cmd->type ? cmd->type->name : NULL));
    tb_json_string(&w, cmd->subject);
    tb_json_string(&w, cmd->actor);
    tb_json_string(&w, cmd->actor_type);
    tb_json_int(&w, cmd->expected_version);
    write_data(cmd, &w);
    tb_json_close(&w, ']');
    bool ok = !buf.failed;
    if (ok) {
        tb_sha256_of(buf.ptr, buf.len, out);
    }
    tb_buf_dispose(&buf);
    return ok;
}
