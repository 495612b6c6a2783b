/* What the MCP conformance suite expects a server to offer, as its scenarios describe it:
 * suite.json holds it, linked into ticketbus-gateway-conformance and nothing else. The protocol
 * around it is the gateway's own. Tools without a result take their time: calls as those of the
 * product, answered later and by another thread. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/attr.h"
#include "gateway/mcp/extra.h"
#include "gateway/mcp/internal.h"
#include "gateway/service/service.h"

#define FILE_MAX ((size_t)64 * 1024)
#define SLOW_MS  3600 /* three rounds of progress */

static struct tb_arena *arena_of_suite; /* lives as long as the process */
static const struct tb_tree *suite;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void read_suite(void)
{
    static char text[FILE_MAX];
    FILE *file = fopen(TB_SUITE_JSON, "r");
    size_t n = file ? fread(text, 1, sizeof text, file) : 0;
    arena_of_suite = tb_arena_new(0);
    if (!file || n == sizeof text ||
        tb_tree_parse((tb_str){text, n}, arena_of_suite, &suite, NULL) != TB_OK) {
        (void)fprintf(stderr, "%s cannot be read\n", TB_SUITE_JSON);
        abort();
    }
    (void)fclose(file);
}

static const struct tb_tree *entries(const char *section)
{
    (void)pthread_once(&once, read_suite);
    return tb_tree_get(suite, section);
}

static tb_str text_of(const struct tb_tree *node)
{
    return node && node->kind == TB_TREE_STRING ? node->text : TB_STR_NULL;
}

static const struct tb_tree *find(const char *section, const char *key, tb_str value)
{
    const struct tb_tree *e = entries(section)->first;
    while (e && !tb_str_eq(text_of(tb_tree_get(tb_tree_get(e, "listing"), key)), value)) {
        e = e->next;
    }
    return e;
}

/* ---- lists ---- */

static void list(struct tb_json *w, tb_str method)
{
    static const struct {
        const char *method;
        const char *section;
    } lists[] = {{"tools/list", "tools"},
                 {"prompts/list", "prompts"},
                 {"resources/list", "resources"},
                 {"resources/templates/list", "templates"}};
    for (size_t i = 0; i < TB_COUNT(lists); i++) {
        if (tb_str_eq_c(method, lists[i].method)) {
            for (const struct tb_tree *e = entries(lists[i].section)->first; e; e = e->next) {
                tb_json_raw(w, tb_tree_get(e, "listing")->raw);
            }
        }
    }
}

/* ---- answers ---- */

static void answer(struct tb_mcp_step *ret, tb_str result, struct tb_arena *arena)
{
    tb_buf buf;
    struct tb_json w;
    tb_mcp_begin(&w, &buf, ret->id);
    tb_json_raw(&w, result);
    ret->todo = TB_MCP_ANSWER;
    ret->answer = tb_mcp_end(&w, ret->id, arena);
}

/* The result as it is, but for $NAME: the argument of that name. */
static void answer_with(struct tb_mcp_step *ret, tb_str result, const struct tb_tree *arguments,
                        struct tb_arena *arena)
{
    tb_buf buf;
    tb_buf_init(&buf, 2 * FILE_MAX);
    for (size_t i = 0; i < result.len; i++) {
        const struct tb_tree *found = NULL;
        for (const struct tb_tree *a = arguments ? arguments->first : NULL; a && !found;
             a = a->next) {
            bool fits = result.ptr[i] == '$' && a->kind == TB_TREE_STRING &&
                        result.len - i > a->name.len &&
                        memcmp(result.ptr + i + 1, a->name.ptr, a->name.len) == 0;
            found = fits ? a : NULL;
        }
        if (found) {
            tb_buf_add(&buf, found->raw.ptr + 1, found->raw.len - 2); /* without its quotes */
            i += found->name.len;
        } else {
            tb_buf_add_char(&buf, result.ptr[i]);
        }
    }
    answer(ret, tb_buf_str(&buf), arena);
    tb_buf_dispose(&buf);
}

static bool call_tool(const struct tb_tree *params, struct tb_arena *arena, struct tb_mcp_step *ret)
{
    const struct tb_tree *tool = find("tools", "name", text_of(tb_tree_get(params, "name")));
    const struct tb_tree *result = tb_tree_get(tool, "result");
    const struct tb_tree *token = tb_tree_get(tb_tree_get(params, "_meta"), "progressToken");
    if (result && result->kind == TB_TREE_OBJECT) {
        answer(ret, result->raw, arena);
    } else if (result) {
        ret->todo = TB_MCP_CALL;
        ret->shape = TB_MCP_TOOL;
        ret->streamed = true;
        ret->progress_token = token ? token->raw : TB_STR_NULL;
    }
    return result != NULL;
}

static bool get_prompt(const struct tb_tree *params, struct tb_arena *arena,
                       struct tb_mcp_step *ret)
{
    const struct tb_tree *prompt = find("prompts", "name", text_of(tb_tree_get(params, "name")));
    if (prompt) {
        answer_with(ret, tb_tree_get(prompt, "result")->raw, tb_tree_get(params, "arguments"),
                    arena);
    }
    return prompt != NULL;
}

static bool read_resource(const struct tb_tree *params, struct tb_arena *arena,
                          struct tb_mcp_step *ret)
{
    tb_str uri = text_of(tb_tree_get(params, "uri"));
    const struct tb_tree *resource = find("resources", "uri", uri);
    if (resource) {
        answer(ret, tb_tree_get(resource, "result")->raw, arena);
        return true;
    }
    static const char before[] = "test://template/";
    static const char after[] = "/data";
    size_t around = sizeof before - 1 + sizeof after - 1;
    if (!tb_str_starts(uri, before) || uri.len <= around) {
        return false;
    }
    const struct tb_tree *arguments = NULL;
    tb_str id = tb_arena_printf(arena, "{\"id\":\"%.*s\"}", (int)(uri.len - around),
                                uri.ptr + sizeof before - 1);
    if (tb_tree_parse(id, arena, &arguments, NULL) != TB_OK) {
        return false;
    }
    answer_with(ret, tb_tree_get(entries("templates")->first, "result")->raw, arguments, arena);
    return true;
}

static bool complete(const struct tb_tree *params, struct tb_arena *arena, struct tb_mcp_step *ret)
{
    tb_str name = text_of(tb_tree_get(tb_tree_get(params, "ref"), "name"));
    bool ours = find("prompts", "name", name) != NULL;
    if (ours) {
        answer(ret, TB_LIT("{\"completion\":{\"values\":[\"test\"],\"hasMore\":false}}"), arena);
    }
    return ours;
}

static bool step(const struct tb_mcp_message *message, struct tb_arena *arena,
                 struct tb_mcp_step *ret)
{
    static const struct {
        const char *method;
        bool (*run)(const struct tb_tree *params, struct tb_arena *arena, struct tb_mcp_step *ret);
    } methods[] = {{"tools/call", call_tool},
                   {"resources/read", read_resource},
                   {"prompts/get", get_prompt},
                   {"completion/complete", complete}};
    for (size_t i = 0; i < TB_COUNT(methods); i++) {
        if (tb_str_eq_c(message->method, methods[i].method)) {
            return methods[i].run(message->params, arena, ret);
        }
    }
    return false;
}

/* ---- calls ---- */

static void *work(void *arg)
{
    struct tb_call *call = arg;
    const struct timespec pause = {SLOW_MS / 1000, SLOW_MS % 1000 * 1000000L};
    (void)nanosleep(&pause, NULL);
    call->reply = (struct tb_reply){.kind = TB_REPLY_DONE, .body = TB_LIT("{\"done\":true}")};
    call->done(call);
    return NULL;
}

static void run(struct tb_call *call)
{
    pthread_t id;
    if (pthread_create(&id, NULL, work, call) == 0) {
        (void)pthread_detach(id);
    } else {
        work(call);
    }
}

static const struct tb_mcp_extra extra = {.list = list, .step = step, .run = run};
const struct tb_mcp_extra *const tb_mcp_extra = &extra;
