#include "gateway/mcp/resume.h"

#include <stdlib.h>

#include "common/json/base64.h"
#include "gateway/mcp/internal.h"

void tb_mcp_event_id(tb_buf *out, const struct tb_mcp_resume *resume)
{
    tb_buf_add_str(out, resume->command_id);
    tb_buf_printf(out, ".%lld.%lld.", (long long)resume->since_s, (long long)resume->event);
    tb_base64_encode(resume->request_id, out);
}

/* Digits up to the next dot, taken off *rest. */
static bool take_number(tb_str *rest, int64_t *ret)
{
    size_t n = 0;
    *ret = 0;
    while (n < rest->len && n < 15 && rest->ptr[n] >= '0' && rest->ptr[n] <= '9') {
        *ret = *ret * 10 + (rest->ptr[n++] - '0');
    }
    if (n == 0 || n == rest->len || rest->ptr[n] != '.') {
        return false;
    }
    *rest = (tb_str){rest->ptr + n + 1, rest->len - n - 1};
    return true;
}

/* A request's id goes into an answer as it is: it must be one. */
static bool is_request_id(tb_str text, struct tb_arena *arena)
{
    const struct tb_tree *id = NULL;
    return tb_tree_parse(text, arena, &id, NULL) == TB_OK && id->raw.len == text.len &&
           (id->kind == TB_TREE_STRING || id->kind == TB_TREE_INT);
}

bool tb_mcp_event_id_parse(tb_str text, struct tb_arena *arena, struct tb_mcp_resume *ret)
{
    struct tb_uuid uuid;
    char bytes[TB_MCP_RESUME_ID_MAX];
    size_t len = 0;
    if (text.len <= TB_UUID_TEXT_LEN || text.ptr[TB_UUID_TEXT_LEN] != '.' ||
        !tb_uuid_parse((tb_str){text.ptr, TB_UUID_TEXT_LEN}, &uuid)) {
        return false;
    }
    tb_str rest = {text.ptr + TB_UUID_TEXT_LEN + 1, text.len - TB_UUID_TEXT_LEN - 1};
    if (!take_number(&rest, &ret->since_s) || !take_number(&rest, &ret->event) ||
        !tb_base64_decode(rest, bytes, sizeof bytes, &len)) {
        return false;
    }
    ret->command_id = tb_arena_str(arena, (tb_str){text.ptr, TB_UUID_TEXT_LEN});
    ret->request_id = tb_arena_str(arena, (tb_str){bytes, len});
    return ret->command_id.ptr && ret->request_id.ptr && is_request_id(ret->request_id, arena);
}

/* The command's row of the log, or NULL. */
static const struct tb_tree *row_of(const struct tb_reply *reply, struct tb_arena *arena)
{
    const struct tb_tree *row = NULL;
    bool done =
        reply->kind == TB_REPLY_DONE && tb_tree_parse(reply->body, arena, &row, NULL) == TB_OK;
    return done ? row : NULL;
}

static tb_str text_of(const struct tb_tree *row, const char *name)
{
    const struct tb_tree *member = tb_tree_get(row, name);
    return member && member->kind == TB_TREE_STRING ? member->text : TB_STR_NULL;
}

static tb_str body_of(const struct tb_mcp_resume *resume, const struct tb_tree *row, tb_str outcome,
                      struct tb_arena *arena)
{
    const struct tb_tree *version = tb_tree_get(row, "version");
    bool board = tb_str_starts(text_of(row, "type"), "board.");
    tb_buf buf;
    tb_buf_init(&buf, 4096);
    struct tb_json w = {.buf = &buf};
    tb_json_open(&w, '{');
    tb_mcp_text(&w, "command_id", resume->command_id);
    tb_mcp_text(&w, "outcome", outcome);
    if (row) {
        tb_mcp_text(&w, board ? "workflow_id" : "ticket_id", text_of(row, "subject"));
    }
    if (version) {
        tb_json_key(&w, "version");
        tb_json_raw(&w, version->raw);
    }
    tb_json_close(&w, '}');
    tb_str body = tb_buf_take(&buf, arena);
    tb_buf_dispose(&buf);
    return body;
}

tb_str tb_mcp_resumed(const struct tb_mcp_resume *resume, const struct tb_reply *reply,
                      int64_t now_s, struct tb_arena *arena)
{
    const struct tb_mcp_step step = {.id = resume->request_id, .shape = TB_MCP_TOOL};
    const struct tb_tree *row = row_of(reply, arena);
    tb_str outcome = text_of(row, "outcome");
    struct tb_reply told = {.kind = TB_REPLY_DONE};
    bool known = row && !tb_str_eq_c(outcome, "parked");
    if (reply->kind != TB_REPLY_DONE && reply->kind != TB_REPLY_NOT_FOUND) {
        return tb_mcp_finish(&step, reply, arena);
    }
    if (!known && now_s - resume->since_s <= TB_MCP_RESUME_S) {
        return TB_STR_NULL;
    }
    if (tb_str_eq_c(outcome, "rejected")) {
        tb_reply_rejected(&told, arena, text_of(row, "code"), TB_STR_NULL, text_of(row, "message"));
    } else if (tb_str_eq_c(outcome, "dead")) {
        tb_reply_error(&told, arena, TB_REPLY_FAILED, "dead_lettered", TB_STR_NULL,
                       "the command could not be applied and is with the dead letters");
    } else {
        told.kind = known ? TB_REPLY_DONE : TB_REPLY_PENDING;
        told.body = body_of(resume, row, row ? outcome : TB_LIT("pending"), arena);
    }
    return tb_mcp_finish(&step, &told, arena);
}
