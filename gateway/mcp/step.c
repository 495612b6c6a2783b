/* What a message asks for: one row per method. */
#include <string.h>

#include "common/base/attr.h"
#include "gateway/core/openapi.h"
#include "gateway/mcp/extra.h"
#include "gateway/mcp/internal.h"

static const char *const revisions[] = {"2025-11-25", "2025-06-18"}; /* newest first */

bool tb_mcp_speaks(tb_str revision)
{
    bool known = tb_str_is_null(revision);
    for (size_t i = 0; i < TB_COUNT(revisions); i++) {
        known = known || tb_str_eq_c(revision, revisions[i]);
    }
    return known;
}

struct ask {
    const struct tb_mcp_message *message;
    const struct tb_caller *caller;
    struct tb_arena *arena;
    struct tb_mcp_step *ret;
};

static void refuse(const struct ask *a, int code, const char *text)
{
    a->ret->answer = tb_mcp_error(a->message->id, code, a->arena, "%s", text);
}

static tb_str text_of(const struct tb_tree *node)
{
    return node && node->kind == TB_TREE_STRING ? node->text : TB_STR_NULL;
}

static void initialize(const struct ask *a)
{
    tb_str wanted = text_of(tb_tree_get(a->message->params, "protocolVersion"));
    bool known = !tb_str_is_null(wanted) && tb_mcp_speaks(wanted);
    tb_buf buf;
    struct tb_json w;
    tb_mcp_begin(&w, &buf, a->message->id);
    tb_json_open(&w, '{');
    tb_mcp_text(&w, "protocolVersion", known ? wanted : tb_str_of(revisions[0]));
    tb_json_key(&w, "capabilities");
    tb_json_raw(&w, TB_LIT("{\"tools\":{},\"resources\":{},\"prompts\":{},\"completions\":{}}"));
    tb_json_key(&w, "serverInfo");
    tb_json_open(&w, '{');
    tb_mcp_text(&w, "name", TB_LIT("ticketbus"));
    tb_mcp_text(&w, "title", TB_LIT("Ticketbus"));
    tb_mcp_text(&w, "version", TB_LIT(TB_VERSION));
    tb_json_close(&w, '}');
    tb_mcp_text(&w, "instructions",
                TB_LIT("Tickets of agent fleets. list_tickets with ready=true shows what could be "
                       "started now; assign_ticket with exclusive=true takes one so that no other "
                       "agent has it. Commands that are refused say why and change nothing. To "
                       "retry a call safely, send the same _meta[\"ticketbus/idempotencyKey\"]."));
    tb_json_close(&w, '}');
    a->ret->answer = tb_mcp_end(&w, a->message->id, a->arena);
}

void tb_mcp_add_extra(struct tb_json *w, tb_str method)
{
    if (tb_mcp_extra) {
        tb_mcp_extra->list(w, method);
    }
}

static void ping(const struct ask *a)
{
    tb_buf buf;
    struct tb_json w;
    tb_mcp_begin(&w, &buf, a->message->id);
    tb_json_raw(&w, TB_LIT("{}"));
    a->ret->answer = tb_mcp_end(&w, a->message->id, a->arena);
}

/* ---- tools ---- */

static void write_tool(struct tb_json *w, const struct tb_operation *op)
{
    tb_json_open(w, '{');
    tb_mcp_text(w, "name", tb_str_of(op->name));
    tb_mcp_text(w, "title", tb_str_of(op->title));
    tb_mcp_text(w, "description", tb_str_of(op->doc));
    tb_json_key(w, "inputSchema");
    tb_openapi_arguments(w, op);
    tb_json_key(w, "annotations");
    tb_json_open(w, '{');
    static const struct {
        const char *name;
        unsigned hint;
    } hints[] = {{"readOnlyHint", TB_HINT_READ_ONLY},
                 {"destructiveHint", TB_HINT_DESTRUCTIVE},
                 {"idempotentHint", TB_HINT_IDEMPOTENT}};
    for (size_t i = 0; i < TB_COUNT(hints); i++) {
        tb_json_key(w, hints[i].name);
        tb_json_bool(w, op->hints & hints[i].hint);
    }
    tb_json_key(w, "openWorldHint");
    tb_json_bool(w, false);
    tb_json_close(w, '}');
    tb_json_close(w, '}');
}

/* There is one page: a cursor is none of ours. */
static bool first_page(const struct ask *a)
{
    if (tb_tree_get(a->message->params, "cursor")) {
        refuse(a, TB_MCP_INVALID_PARAMS, "cursor: not one that was given out");
        return false;
    }
    return true;
}

static void list_tools(const struct ask *a)
{
    if (!first_page(a)) {
        return;
    }
    tb_buf buf;
    struct tb_json w;
    tb_mcp_begin(&w, &buf, a->message->id);
    tb_json_open(&w, '{');
    tb_json_key(&w, "tools");
    tb_json_open(&w, '[');
    for (size_t i = 0; i < TB_OP_COUNT_; i++) {
        if (tb_caller_may(a->caller, tb_operations[i].scope)) {
            write_tool(&w, &tb_operations[i]);
        }
    }
    tb_mcp_add_extra(&w, TB_LIT("tools/list"));
    tb_json_close(&w, ']');
    tb_json_close(&w, '}');
    a->ret->answer = tb_mcp_end(&w, a->message->id, a->arena);
}

/* _meta: {"progressToken": …, "ticketbus/idempotencyKey": "…", "ticketbus/expectedVersion": 3} */
static void read_meta(const struct ask *a)
{
    const struct tb_tree *meta = tb_tree_get(a->message->params, "_meta");
    const struct tb_tree *token = tb_tree_get(meta, "progressToken");
    const struct tb_tree *version = tb_tree_get(meta, "ticketbus/expectedVersion");
    if (token && (token->kind == TB_TREE_STRING || token->kind == TB_TREE_INT)) {
        a->ret->progress_token = token->raw;
        a->ret->streamed = true;
    }
    a->ret->idempotency_key = text_of(tb_tree_get(meta, "ticketbus/idempotencyKey"));
    if (version && version->kind == TB_TREE_INT && version->integer >= 0) {
        a->ret->expected_version = version->integer;
    }
}

static void call(const struct ask *a, const struct tb_operation *op, tb_str params,
                 enum tb_mcp_shape shape)
{
    read_meta(a);
    a->ret->todo = TB_MCP_CALL;
    a->ret->op = op;
    a->ret->params = params;
    a->ret->shape = shape;
}

static void call_tool(const struct ask *a)
{
    tb_str name = text_of(tb_tree_get(a->message->params, "name"));
    const struct tb_operation *op = tb_operation_find(name);
    const struct tb_tree *arguments = tb_tree_get(a->message->params, "arguments");
    if (!op) {
        refuse(a, TB_MCP_INVALID_PARAMS, "name: there is no such tool");
    } else if (arguments && arguments->kind != TB_TREE_OBJECT) {
        refuse(a, TB_MCP_INVALID_PARAMS, "arguments: must be an object");
    } else {
        call(a, op, arguments ? arguments->raw : TB_LIT("{}"), TB_MCP_TOOL);
    }
}

/* ---- resources ---- */

static void list_resources(const struct ask *a)
{
    if (first_page(a)) {
        call(a, &tb_operations[TB_OP_LIST_WORKFLOWS], TB_LIT("{}"), TB_MCP_RESOURCES);
    }
}

static void list_templates(const struct ask *a)
{
    if (!first_page(a)) {
        return;
    }
    tb_buf buf;
    struct tb_json w;
    tb_mcp_begin(&w, &buf, a->message->id);
    tb_json_open(&w, '{');
    tb_json_key(&w, "resourceTemplates");
    tb_json_open(&w, '[');
    tb_json_raw(&w, TB_LIT("{\"uriTemplate\":\"" TB_TICKET_URI "{ticket_id}\",\"name\":\"ticket\","
                           "\"title\":\"A ticket\",\"description\":\"A ticket with comments, "
                           "commits, history and blockers.\",\"mimeType\":\"application/json\"}"));
    tb_json_raw(&w, TB_LIT("{\"uriTemplate\":\"" TB_BOARD_URI "{workflow_id}\",\"name\":\"board\","
                           "\"title\":\"A board\",\"description\":\"A workflow's columns, types "
                           "and rules.\",\"mimeType\":\"application/json\"}"));
    tb_mcp_add_extra(&w, TB_LIT("resources/templates/list"));
    tb_json_close(&w, ']');
    tb_json_close(&w, '}');
    a->ret->answer = tb_mcp_end(&w, a->message->id, a->arena);
}

static tb_str one_member(const char *name, tb_str value, struct tb_arena *arena)
{
    tb_buf buf;
    tb_buf_init(&buf, (size_t)64 * 1024);
    struct tb_json w = {.buf = &buf};
    tb_json_open(&w, '{');
    tb_mcp_text(&w, name, value);
    tb_json_close(&w, '}');
    tb_str json = tb_buf_take(&buf, arena);
    tb_buf_dispose(&buf);
    return json;
}

static void read_resource(const struct ask *a)
{
    static const struct {
        const char *scheme;
        enum tb_op op;
        const char *param;
    } kinds[] = {{TB_TICKET_URI, TB_OP_GET_TICKET, "ticket_id"},
                 {TB_BOARD_URI, TB_OP_GET_BOARD, "workflow_id"}};
    tb_str uri = text_of(tb_tree_get(a->message->params, "uri"));
    for (size_t i = 0; i < TB_COUNT(kinds); i++) {
        size_t n = strlen(kinds[i].scheme);
        if (tb_str_starts(uri, kinds[i].scheme) && uri.len > n && uri.len <= n + 200) {
            tb_str id = {uri.ptr + n, uri.len - n};
            call(a, &tb_operations[kinds[i].op], one_member(kinds[i].param, id, a->arena),
                 TB_MCP_RESOURCE);
            a->ret->uri = uri;
            return;
        }
    }
    refuse(a, TB_MCP_NO_RESOURCE,
           "uri: no resource of ours; " TB_TICKET_URI "ID or " TB_BOARD_URI "ID");
}

/* ---- completion ---- */

static void complete(const struct ask *a)
{
    const char *why = NULL;
    tb_str params = TB_STR_NULL;
    const struct tb_operation *op =
        tb_mcp_complete(a->message->params, &params, &a->ret->prefix, &why);
    if (op) {
        call(a, op, params, TB_MCP_COMPLETION);
    } else {
        refuse(a, TB_MCP_INVALID_PARAMS, why);
    }
}

/* ---- prompts ---- */

static void list_prompts(const struct ask *a)
{
    if (!first_page(a)) {
        return;
    }
    tb_buf buf;
    struct tb_json w;
    tb_mcp_begin(&w, &buf, a->message->id);
    tb_mcp_prompts(&w);
    a->ret->answer = tb_mcp_end(&w, a->message->id, a->arena);
}

static void get_prompt(const struct ask *a)
{
    const char *why = NULL;
    tb_buf buf;
    struct tb_json w;
    tb_mcp_begin(&w, &buf, a->message->id);
    if (tb_mcp_prompt(&w, a->message->params, &why)) {
        a->ret->answer = tb_mcp_end(&w, a->message->id, a->arena);
        return;
    }
    tb_buf_dispose(&buf);
    refuse(a, TB_MCP_INVALID_PARAMS, why);
}

static const struct {
    const char *method;
    void (*run)(const struct ask *a);
} methods[] = {
    {"initialize", initialize},         {"ping", ping},
    {"tools/list", list_tools},         {"tools/call", call_tool},
    {"resources/list", list_resources}, {"resources/templates/list", list_templates},
    {"resources/read", read_resource},  {"prompts/list", list_prompts},
    {"prompts/get", get_prompt},        {"completion/complete", complete},
};

void tb_mcp_step(const struct tb_mcp_message *message, const struct tb_caller *caller,
                 struct tb_arena *arena, struct tb_mcp_step *ret)
{
    *ret = (struct tb_mcp_step){.todo = TB_MCP_NOTHING,
                                .id = message->id,
                                .answer = TB_STR_NULL,
                                .idempotency_key = TB_STR_NULL,
                                .progress_token = TB_STR_NULL,
                                .uri = TB_STR_NULL,
                                .expected_version = -1};
    if (tb_str_is_null(message->id)) {
        return;
    }
    const struct ask a = {message, caller, arena, ret};
    if (tb_mcp_extra && tb_mcp_extra->step(message, arena, ret)) {
        return;
    }
    ret->todo = TB_MCP_ANSWER;
    for (size_t i = 0; i < TB_COUNT(methods); i++) {
        if (tb_str_eq_c(message->method, methods[i].method)) {
            methods[i].run(&a);
            return;
        }
    }
    refuse(&a, TB_MCP_NO_METHOD, "there is no such method");
}
