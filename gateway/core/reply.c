#include "gateway/core/reply.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/base/json_write.h"

void tb_reply_error(struct tb_reply *ret, struct tb_arena *arena, enum tb_reply_kind kind,
                    const char *code, tb_str field, const char *fmt, ...)
{
    char text[TB_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    *ret = (struct tb_reply){.kind = kind,
                             .code = code,
                             .field = tb_arena_str(arena, field),
                             .detail = tb_arena_str(arena, tb_str_of(text)),
                             .retry_after_s = 1};
}

void tb_reply_from(struct tb_reply *ret, struct tb_arena *arena, const struct tb_error *err)
{
    tb_str field = err->field[0] ? tb_str_of(err->field) : TB_STR_NULL;
    switch (err->rc) {
    case TB_EINVAL:
    case TB_ELIMIT:
    case TB_EDATA:
        tb_reply_error(ret, arena, TB_REPLY_INVALID, "validation_failed", field, "%s", err->text);
        return;
    case TB_ENOTFOUND:
        tb_reply_error(ret, arena, TB_REPLY_NOT_FOUND, "not_found", field, "%s", err->text);
        return;
    case TB_ERETRY:
    case TB_EUNAVAILABLE:
    case TB_EUNKNOWN:
    case TB_ENOMEM:
        tb_reply_error(ret, arena, TB_REPLY_UNAVAILABLE, "unavailable", TB_STR_NULL,
                       "a part of the system is away; try again");
        return;
    case TB_OK:
    case TB_ECONFLICT:
    case TB_EFATAL:
        tb_reply_error(ret, arena, TB_REPLY_FAILED, "internal_error", TB_STR_NULL,
                       "the gateway failed at this; its log says why");
        return;
    }
}

void tb_reply_rejected(struct tb_reply *ret, struct tb_arena *arena, tb_str code, tb_str field,
                       tb_str message)
{
    *ret = (struct tb_reply){.kind = TB_REPLY_REJECTED,
                             .field = field.len ? tb_arena_str(arena, field) : TB_STR_NULL,
                             .detail = tb_arena_str(arena, message)};
    ret->rejection = tb_rejection_find(code);
    ret->code = ret->rejection ? tb_rejection_code(ret->rejection) : "rejected";
    if (ret->detail.len == 0) {
        ret->detail = tb_str_of(tb_rejection_sentence(ret->rejection));
    }
}

/* What is not here is a conflict with how things stand: 409. */
static const short rejection_statuses[TB_REJECT_COUNT_] = {
    [TB_REJECT_TICKET_NOT_FOUND] = 404,     [TB_REJECT_BOARD_NOT_FOUND] = 404,
    [TB_REJECT_COMMENT_NOT_FOUND] = 404,    [TB_REJECT_NOT_PERMITTED] = 403,
    [TB_REJECT_VERSION_CONFLICT] = 412,     [TB_REJECT_MESSAGE_TOO_LARGE] = 413,
    [TB_REJECT_VALIDATION_FAILED] = 422,    [TB_REJECT_UNKNOWN_STATUS] = 422,
    [TB_REJECT_UNKNOWN_TYPE] = 422,         [TB_REJECT_UNKNOWN_PRIORITY] = 422,
    [TB_REJECT_BOARD_INVALID] = 422,        [TB_REJECT_COMMENT_REQUIRED] = 422,
    [TB_REJECT_REFERENCE_NOT_FOUND] = 422,  [TB_REJECT_OTHER_WORKFLOW] = 422,
    [TB_REJECT_STALE_COMMAND] = 422,        [TB_REJECT_FUTURE_COMMAND] = 422,
    [TB_REJECT_IDEMPOTENCY_MISMATCH] = 422, [TB_REJECT_LIMIT] = 422,
};

static int rejection_status(enum tb_rejection rejection)
{
    return rejection_statuses[rejection] ? rejection_statuses[rejection] : 409;
}

int tb_reply_status(const struct tb_reply *reply, bool created)
{
    switch (reply->kind) {
    case TB_REPLY_DONE:
        return created ? 201 : 200;
    case TB_REPLY_PENDING:
        return 202;
    case TB_REPLY_REJECTED:
        return rejection_status(reply->rejection);
    case TB_REPLY_INVALID:
        return 422;
    case TB_REPLY_UNAUTHORIZED:
        return 401;
    case TB_REPLY_FORBIDDEN:
        return 403;
    case TB_REPLY_NOT_FOUND:
        return 404;
    case TB_REPLY_TOO_MANY:
        return 429;
    case TB_REPLY_UNAVAILABLE:
        return 503;
    case TB_REPLY_FAILED:
        return 500;
    }
    return 500;
}

static const char *title_of(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {
        {400, "Bad request"},
        {401, "Not authorised"},
        {403, "Forbidden"},
        {404, "Not found"},
        {405, "Method not allowed"},
        {406, "Not acceptable"},
        {409, "Refused"},
        {410, "Gone"},
        {412, "Precondition failed"},
        {413, "Too large"},
        {415, "Unsupported media"},
        {422, "Not valid"},
        {429, "Too many requests"},
        {501, "Not implemented"},
        {503, "Not available"},
    };
    for (size_t i = 0; i < TB_COUNT(titles); i++) {
        if (titles[i].status == status) {
            return titles[i].title;
        }
    }
    return "Failed";
}

tb_str tb_reply_problem(const struct tb_reply *reply, int status, struct tb_arena *arena)
{
    tb_buf buf;
    tb_buf_init(&buf, 65536);
    struct tb_json w = {.buf = &buf};
    tb_json_open(&w, '{');
    tb_json_key(&w, "type");
    tb_json_string(&w, TB_LIT("about:blank"));
    tb_json_key(&w, "title");
    tb_json_string(&w, tb_str_of(title_of(status)));
    tb_json_key(&w, "status");
    tb_json_int(&w, status);
    tb_json_key(&w, "code");
    tb_json_string(&w, tb_str_of(reply->code ? reply->code : "failed"));
    tb_json_key(&w, "detail");
    tb_json_string(&w, reply->detail.ptr ? reply->detail : TB_LIT(""));
    if (reply->field.len) {
        tb_json_key(&w, "field");
        tb_json_string(&w, reply->field);
    }
    if (reply->command_id.len) {
        tb_json_key(&w, "command_id");
        tb_json_string(&w, reply->command_id);
    }
    if (reply->ticket_id.len) {
        tb_json_key(&w, "ticket_id");
        tb_json_string(&w, reply->ticket_id);
    }
    tb_json_close(&w, '}');
    tb_str taken = buf.failed ? TB_LIT("{}") : tb_buf_take(&buf, arena);
    tb_buf_dispose(&buf);
    return taken;
}
