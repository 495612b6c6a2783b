#include "common/crypto/crypto.h"
#include "common/json/command.h"
#include "worker/shell/keys.h"
#include "worker/shell/worker.h"

#define BODY_MAX 8192

static const struct {
    enum tb_command_kind kind;
    const char *purpose;
} kinds[] = {
    [TB_MESSAGE_WATCH] = {TB_CMD_WATCH, "watch"},
    [TB_MESSAGE_RECHECK] = {TB_CMD_RECHECK, "recheck"},
    [TB_MESSAGE_RETRY] = {TB_CMD_EXPIRE, "retry"},
};

enum tb_rc tb_internal_render(const struct tb_command *cause, int64_t applied_us, int64_t now_us,
                              const struct tb_message *message, struct tb_arena *arena,
                              tb_str *ret_body)
{
    struct tb_watch_data watch = {.dependent_id = message->dependent_id};
    struct tb_empty_data empty = {0};
    struct tb_expire_data expire = {0};
    tb_mark(&watch.p, TB_WATCH_DEPENDENT_ID);
    const void *const data[] = {
        [TB_MESSAGE_WATCH] = &watch,
        [TB_MESSAGE_RECHECK] = &empty,
        [TB_MESSAGE_RETRY] = &expire,
    };
    tb_str purpose = tb_arena_printf(arena, "%s %.*s %.*s %lld", kinds[message->kind].purpose,
                                     TB_ARG(message->subject), TB_ARG(message->dependent_id),
                                     (long long)applied_us);
    if (tb_str_is_null(purpose)) {
        return TB_ENOMEM;
    }
    struct tb_command cmd = {
        .type = &tb_command_types[kinds[message->kind].kind],
        .id = tb_command_derived_id(cause, "internal", purpose.ptr, arena),
        .source = TB_LIT(TB_WORKER_SOURCE),
        .subject = message->subject,
        .actor = TB_LIT("ticketbus"),
        .actor_type = TB_LIT("system"),
        .time_us = now_us,
        .expected_version = TB_EXPECTED_NONE,
        .correlation_id = tb_str_is_null(cause->correlation_id) ? cause->id : cause->correlation_id,
        .causation_id = cause->id,
        .traceparent = cause->traceparent,
        .tracestate = cause->tracestate,
        .data = data[message->kind],
    };
    tb_buf buf;
    tb_buf_init(&buf, BODY_MAX);
    tb_command_encode(&cmd, &buf);
    *ret_body = tb_buf_take(&buf, arena);
    tb_buf_dispose(&buf);
    return tb_str_is_null(*ret_body) ? TB_ENOMEM : TB_OK;
}

void tb_internal_sign(const struct tb_worker *w, tb_str body, char hex[2 * 32 + 1])
{
    unsigned char mac[TB_SHA256_LEN];
    tb_hmac_sha256(w->key, w->key_len, body.ptr, body.len, mac);
    tb_hex(mac, sizeof mac, hex);
}

bool tb_internal_verify(const struct tb_worker *w, tb_str body, tb_str signature)
{
    unsigned char given[TB_SHA256_LEN];
    unsigned char mac[TB_SHA256_LEN];
    if (tb_str_is_null(signature) || !tb_unhex(signature, given, sizeof given)) {
        return false;
    }
    tb_hmac_sha256(w->key, w->key_len, body.ptr, body.len, mac);
    return tb_equal_secret(given, mac, sizeof mac);
}
