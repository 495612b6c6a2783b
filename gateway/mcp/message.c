/* JSON-RPC: messages in, envelopes out. */
#include <stdarg.h>
#include <stdio.h>

#include "gateway/mcp/internal.h"

#define ANSWER_MAX ((size_t)64 * 1024 * 1024)

static tb_str error_answer(tb_str id, int code, tb_str text, struct tb_arena *arena)
{
    tb_buf buf;
    tb_buf_init(&buf, ANSWER_MAX);
    struct tb_json w = {.buf = &buf};
    tb_json_open(&w, '{');
    tb_mcp_text(&w, "jsonrpc", TB_LIT("2.0"));
    tb_json_key(&w, "id");
    tb_json_raw(&w, tb_str_is_null(id) ? TB_LIT("null") : id);
    tb_json_key(&w, "error");
    tb_json_open(&w, '{');
    tb_json_key(&w, "code");
    tb_json_int(&w, code);
    tb_mcp_text(&w, "message", text);
    tb_json_close(&w, '}');
    tb_json_close(&w, '}');
    tb_str answer = tb_buf_take(&buf, arena);
    tb_buf_dispose(&buf);
    return answer;
}

tb_str tb_mcp_error(tb_str id, int code, struct tb_arena *arena, const char *fmt, ...)
{
    char text[TB_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return error_answer(id, code, tb_str_of(text), arena);
}

void tb_mcp_text(struct tb_json *w, const char *name, tb_str value)
{
    tb_json_key(w, name);
    tb_json_string(w, value);
}

void tb_mcp_begin(struct tb_json *w, tb_buf *buf, tb_str id)
{
    tb_buf_init(buf, ANSWER_MAX);
    *w = (struct tb_json){.buf = buf};
    tb_json_open(w, '{');
    tb_mcp_text(w, "jsonrpc", TB_LIT("2.0"));
    tb_json_key(w, "id");
    tb_json_raw(w, id);
    tb_json_key(w, "result");
}

tb_str tb_mcp_end(struct tb_json *w, tb_str id, struct tb_arena *arena)
{
    tb_json_close(w, '}');
    tb_str answer = w->buf->failed ? TB_STR_NULL : tb_buf_take(w->buf, arena);
    tb_buf_dispose(w->buf);
    return tb_str_is_null(answer) ? error_answer(id, TB_MCP_INTERNAL, TB_LIT("too large"), arena)
                                  : answer;
}

/* An id is a string or a whole number. */
static bool is_id(const struct tb_tree *id)
{
    return id && (id->kind == TB_TREE_STRING || id->kind == TB_TREE_INT);
}

bool tb_mcp_parse(tb_str body, struct tb_arena *arena, struct tb_mcp_message *ret,
                  tb_str *ret_error)
{
    const struct tb_tree *root = NULL;
    struct tb_error err = {.rc = TB_OK};
    *ret = (struct tb_mcp_message){.id = TB_STR_NULL, .method = TB_STR_NULL};
    if (tb_tree_parse(body, arena, &root, &err) != TB_OK) {
        *ret_error = tb_mcp_error(TB_STR_NULL, TB_MCP_PARSE_ERROR, arena, "%s", err.text);
        return false;
    }
    const struct tb_tree *version = tb_tree_get(root, "jsonrpc");
    const struct tb_tree *id = tb_tree_get(root, "id");
    const struct tb_tree *method = tb_tree_get(root, "method");
    const struct tb_tree *params = tb_tree_get(root, "params");
    const char *wrong = NULL;
    if (root->kind != TB_TREE_OBJECT) {
        wrong = "one message as an object is taken; batches are not";
    } else if (!version || version->kind != TB_TREE_STRING || !tb_str_eq_c(version->text, "2.0")) {
        wrong = "jsonrpc must be \"2.0\"";
    } else if (id && !is_id(id)) {
        wrong = "id must be a string or a whole number";
    } else if (method && method->kind != TB_TREE_STRING) {
        wrong = "method must be a string";
    } else if (!method && !tb_tree_get(root, "result") && !tb_tree_get(root, "error")) {
        wrong = "method is missing";
    } else if (params && params->kind != TB_TREE_OBJECT) {
        wrong = "params must be an object";
    }
    if (wrong) {
        *ret_error = tb_mcp_error(is_id(id) ? id->raw : TB_STR_NULL, TB_MCP_INVALID_REQUEST, arena,
                                  "%s", wrong);
        return false;
    }
    if (method) {
        *ret = (struct tb_mcp_message){
            .id = id ? id->raw : TB_STR_NULL, .method = method->text, .params = params};
    }
    return true;
}
