/* Replies of operations as answers to tools/call, resources/read and resources/list. */
#include "gateway/mcp/internal.h"

static void text_content(struct tb_json *w, tb_str text)
{
    tb_json_key(w, "content");
    tb_json_open(w, '[');
    tb_json_open(w, '{');
    tb_mcp_text(w, "type", TB_LIT("text"));
    tb_mcp_text(w, "text", text);
    tb_json_close(w, '}');
    tb_json_close(w, ']');
}

static bool worked(const struct tb_reply *reply)
{
    return reply->kind == TB_REPLY_DONE || reply->kind == TB_REPLY_PENDING;
}

/* What went wrong is the tool's result, so that the model that called it reads why. */
static void tool(struct tb_json *w, const struct tb_reply *reply, struct tb_arena *arena)
{
    tb_json_open(w, '{');
    if (worked(reply)) {
        text_content(w, reply->body);
        tb_json_key(w, "structuredContent");
        tb_json_raw(w, reply->body);
    } else {
        tb_str problem = tb_reply_problem(reply, tb_reply_status(reply, false), arena);
        tb_str code = tb_str_of(reply->code ? reply->code : "failed");
        tb_str text =
            reply->field.len > 0
                ? tb_arena_printf(arena, "%.*s (%.*s): %.*s", TB_ARG(code), TB_ARG(reply->field),
                                  TB_ARG(reply->detail))
                : tb_arena_printf(arena, "%.*s: %.*s", TB_ARG(code), TB_ARG(reply->detail));
        text_content(w, text);
        tb_json_key(w, "structuredContent");
        tb_json_raw(w, problem);
    }
    tb_json_key(w, "isError");
    tb_json_bool(w, !worked(reply));
    tb_json_close(w, '}');
}

static void resource(struct tb_json *w, tb_str uri, tb_str body)
{
    tb_json_open(w, '{');
    tb_json_key(w, "contents");
    tb_json_open(w, '[');
    tb_json_open(w, '{');
    tb_mcp_text(w, "uri", uri);
    tb_mcp_text(w, "mimeType", TB_LIT("application/json"));
    tb_mcp_text(w, "text", body);
    tb_json_close(w, '}');
    tb_json_close(w, ']');
    tb_json_close(w, '}');
}

/* body is what list_workflows answers. */
static void resources(struct tb_json *w, tb_str body, struct tb_arena *arena)
{
    const struct tb_tree *root = NULL;
    struct tb_error err = {.rc = TB_OK};
    tb_json_open(w, '{');
    tb_json_key(w, "resources");
    tb_json_open(w, '[');
    if (tb_tree_parse(body, arena, &root, &err) == TB_OK) {
        const struct tb_tree *boards = tb_tree_get(root, "workflows");
        for (const struct tb_tree *b = boards ? boards->first : NULL; b; b = b->next) {
            const struct tb_tree *id = tb_tree_get(b, "workflow_id");
            const struct tb_tree *name = tb_tree_get(b, "name");
            if (id && name) {
                tb_json_open(w, '{');
                tb_mcp_text(w, "uri", tb_arena_printf(arena, "board://%.*s", TB_ARG(id->text)));
                tb_mcp_text(w, "name", id->text);
                tb_mcp_text(w, "title", name->text);
                tb_mcp_text(w, "mimeType", TB_LIT("application/json"));
                tb_json_close(w, '}');
            }
        }
    }
    tb_mcp_add_extra(w, TB_LIT("resources/list"));
    tb_json_close(w, ']');
    tb_json_close(w, '}');
}

static int code_of(const struct tb_reply *reply)
{
    switch (reply->kind) {
    case TB_REPLY_NOT_FOUND:
        return TB_MCP_NO_RESOURCE;
    case TB_REPLY_INVALID:
    case TB_REPLY_FORBIDDEN:
        return TB_MCP_INVALID_PARAMS;
    case TB_REPLY_DONE:
    case TB_REPLY_PENDING:
    case TB_REPLY_REJECTED:
    case TB_REPLY_UNAUTHORIZED:
    case TB_REPLY_TOO_MANY:
    case TB_REPLY_UNAVAILABLE:
    case TB_REPLY_FAILED:
        break;
    }
    return TB_MCP_INTERNAL;
}

tb_str tb_mcp_finish(const struct tb_mcp_step *step, const struct tb_reply *reply,
                     struct tb_arena *arena)
{
    if (step->shape != TB_MCP_TOOL && !worked(reply)) {
        return tb_mcp_error(step->id, code_of(reply), arena, "%.*s", TB_ARG(reply->detail));
    }
    tb_buf buf;
    struct tb_json w;
    tb_mcp_begin(&w, &buf, step->id);
    switch (step->shape) {
    case TB_MCP_TOOL:
        tool(&w, reply, arena);
        break;
    case TB_MCP_RESOURCE:
        resource(&w, step->uri, reply->body);
        break;
    case TB_MCP_RESOURCES:
        resources(&w, reply->body, arena);
        break;
    case TB_MCP_COMPLETION:
        tb_mcp_completed(&w, reply->body, step->prefix, arena);
        break;
    }
    return tb_mcp_end(&w, step->id, arena);
}

void tb_mcp_progress(tb_buf *out, tb_str token, int64_t waited_s, int64_t total_s, const char *text)
{
    struct tb_json w = {.buf = out};
    tb_json_open(&w, '{');
    tb_mcp_text(&w, "jsonrpc", TB_LIT("2.0"));
    tb_mcp_text(&w, "method", TB_LIT("notifications/progress"));
    tb_json_key(&w, "params");
    tb_json_open(&w, '{');
    tb_json_key(&w, "progressToken");
    tb_json_raw(&w, token);
    tb_json_key(&w, "progress");
    tb_json_int(&w, waited_s);
    tb_json_key(&w, "total");
    tb_json_int(&w, total_s);
    tb_mcp_text(&w, "message", tb_str_of(text));
    tb_json_close(&w, '}');
    tb_json_close(&w, '}');
}
