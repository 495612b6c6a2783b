/* What the MCP conformance suite expects a server to offer: its test tools, resources and prompts,
 * as its scenarios describe them. They are linked into ticketbus-gateway-conformance and into
 * nothing else; the protocol around them is the gateway's own. Tools that take their time are calls
 * like those of the product, answered later and by another thread. */
#include <pthread.h>
#include <time.h>

#include "common/base/attr.h"
#include "gateway/mcp/extra.h"
#include "gateway/mcp/internal.h"
#include "gateway/service/service.h"

/* A red point, and two bytes of silence. */
#define PNG                                                                                        \
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
#define WAV "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAAAAAA=="

#define SLOW_MS 3600 /* three rounds of progress */

static const struct tool {
    const char *name;
    const char *listing;
    const char *result; /* NULL: it takes its time */
} tools[] = {
    {"test_simple_text",
     "{\"name\":\"test_simple_text\",\"description\":\"A "
     "text.\",\"inputSchema\":{\"type\":\"object\"}}",
     "{\"content\":[{\"type\":\"text\",\"text\":\"This is a simple text response for "
     "testing.\"}]}"},
    {"test_image_content",
     "{\"name\":\"test_image_content\",\"description\":\"A "
     "picture.\",\"inputSchema\":{\"type\":\"object\"}}",
     "{\"content\":[{\"type\":\"image\",\"data\":\"" PNG "\",\"mimeType\":\"image/png\"}]}"},
    {"test_audio_content",
     "{\"name\":\"test_audio_content\",\"description\":\"A "
     "sound.\",\"inputSchema\":{\"type\":\"object\"}}",
     "{\"content\":[{\"type\":\"audio\",\"data\":\"" WAV "\",\"mimeType\":\"audio/wav\"}]}"},
    {"test_embedded_resource",
     "{\"name\":\"test_embedded_resource\",\"description\":\"A "
     "resource.\",\"inputSchema\":{\"type\":\"object\"}}",
     "{\"content\":[{\"type\":\"resource\",\"resource\":{\"uri\":\"test://"
     "embedded-resource\",\"mimeType\":\"text/plain\",\"text\":\"This is an embedded resource "
     "content.\"}}]}"},
    {"test_multiple_content_types",
     "{\"name\":\"test_multiple_content_types\",\"description\":\"A text, a picture and a "
     "resource.\",\"inputSchema\":{\"type\":\"object\"}}",
     "{\"content\":[{\"type\":\"text\",\"text\":\"Multiple content types "
     "test:\"},{\"type\":\"image\",\"data\":\"" PNG
     "\",\"mimeType\":\"image/png\"},{\"type\":\"resource\",\"resource\":{\"uri\":\"test://"
     "mixed-content-resource\",\"mimeType\":\"application/"
     "json\",\"text\":\"{\\\"test\\\":\\\"data\\\",\\\"value\\\":123}\"}}]}"},
    {"test_error_handling",
     "{\"name\":\"test_error_handling\",\"description\":\"An "
     "error.\",\"inputSchema\":{\"type\":\"object\"}}",
     "{\"isError\":true,\"content\":[{\"type\":\"text\",\"text\":\"This tool intentionally returns "
     "an error for testing\"}]}"},
    {"json_schema_2020_12_tool",
     "{\"name\":\"json_schema_2020_12_tool\",\"description\":\"Keywords of JSON Schema "
     "2020-12.\",\"inputSchema\":{\"$schema\":\"https://json-schema.org/draft/2020-12/"
     "schema\",\"type\":\"object\",\"$defs\":{\"address\":{\"type\":\"object\",\"properties\":{"
     "\"street\":{\"type\":\"string\"},\"city\":{\"type\":\"string\"}}}},\"properties\":{\"name\":{"
     "\"type\":\"string\"},\"address\":{\"$ref\":\"#/$defs/"
     "address\"}},\"additionalProperties\":false}}",
     "{\"content\":[{\"type\":\"text\",\"text\":\"Nothing is done with it.\"}]}"},
    {"test_tool_with_progress",
     "{\"name\":\"test_tool_with_progress\",\"description\":\"Takes its time and tells "
     "so.\",\"inputSchema\":{\"type\":\"object\"}}",
     NULL},
    {"test_reconnection",
     "{\"name\":\"test_reconnection\",\"description\":\"Takes its time on a stream that can be "
     "resumed.\",\"inputSchema\":{\"type\":\"object\"}}",
     NULL},
};

static const struct {
    const char *method;
    const char *entries;
} lists[] = {
    {"prompts/list", "{\"name\":\"test_simple_prompt\",\"description\":\"A "
                     "text.\"},{\"name\":\"test_prompt_with_arguments\",\"description\":\"A text "
                     "with arguments.\",\"arguments\":[{\"name\":\"arg1\",\"description\":\"The "
                     "first.\",\"required\":true},{\"name\":\"arg2\",\"description\":\"The "
                     "second.\",\"required\":true}]},{\"name\":\"test_prompt_with_embedded_"
                     "resource\",\"description\":\"A "
                     "resource.\",\"arguments\":[{\"name\":\"resourceUri\",\"description\":\"Its "
                     "URI.\",\"required\":true}]},{\"name\":\"test_prompt_with_image\","
                     "\"description\":\"A picture.\"}"},
    {"resources/list",
     "{\"uri\":\"test://static-text\",\"name\":\"static-text\",\"description\":\"A "
     "text.\",\"mimeType\":\"text/plain\"},{\"uri\":\"test://"
     "static-binary\",\"name\":\"static-binary\",\"description\":\"A "
     "picture.\",\"mimeType\":\"image/png\"}"},
    {"resources/templates/list",
     "{\"uriTemplate\":\"test://template/{id}/data\",\"name\":\"template\",\"description\":\"A "
     "text about an id.\",\"mimeType\":\"application/json\"}"},
};

static const struct {
    const char *prompt;
    const char *arguments[2];
    const char *messages; /* $1, $2: the arguments as JSON strings without their quotes */
} prompts[] = {
    {"test_simple_prompt",
     {NULL, NULL},
     "[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"This is a simple prompt for "
     "testing.\"}}]"},
    {"test_prompt_with_arguments",
     {"arg1", "arg2"},
     "[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"Prompt with arguments: "
     "arg1='$1', arg2='$2'\"}}]"},
    {"test_prompt_with_embedded_resource",
     {"resourceUri", NULL},
     "[{\"role\":\"user\",\"content\":{\"type\":\"resource\",\"resource\":{\"uri\":\"$1\","
     "\"mimeType\":\"text/plain\",\"text\":\"Embedded resource content for "
     "testing.\"}}},{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"Please process "
     "the embedded resource above.\"}}]"},
    {"test_prompt_with_image",
     {NULL, NULL},
     "[{\"role\":\"user\",\"content\":{\"type\":\"image\",\"data\":\"" PNG
     "\",\"mimeType\":\"image/"
     "png\"}},{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"Please analyze the "
     "image above.\"}}]"},
};

static tb_str list(tb_str method)
{
    static char all[8192];
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    for (size_t i = 0; i < TB_COUNT(lists); i++) {
        if (tb_str_eq_c(method, lists[i].method)) {
            return tb_str_of(lists[i].entries);
        }
    }
    if (!tb_str_eq_c(method, "tools/list")) {
        return TB_STR_NULL;
    }
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0, n = strlen(all) ? TB_COUNT(tools) : 0; i < TB_COUNT(tools) && n == 0; i++) {
        (void)strcat(strcat(all, i ? "," : ""), tools[i].listing);
    }
    (void)pthread_mutex_unlock(&lock);
    return tb_str_of(all);
}

static tb_str text_of(const struct tb_tree *node)
{
    return node && node->kind == TB_TREE_STRING ? node->text : TB_STR_NULL;
}

static void answer(struct tb_mcp_step *ret, tb_str result, struct tb_arena *arena)
{
    tb_buf buf;
    struct tb_json w;
    tb_mcp_begin(&w, &buf, ret->id);
    tb_json_raw(&w, result);
    ret->todo = TB_MCP_ANSWER;
    ret->answer = tb_mcp_end(&w, ret->id, arena);
}

static bool call_tool(const struct tb_tree *params, struct tb_arena *arena, struct tb_mcp_step *ret)
{
    tb_str name = text_of(tb_tree_get(params, "name"));
    for (size_t i = 0; i < TB_COUNT(tools); i++) {
        if (tb_str_eq_c(name, tools[i].name) && tools[i].result) {
            answer(ret, tb_str_of(tools[i].result), arena);
            return true;
        }
        if (tb_str_eq_c(name, tools[i].name)) {
            const struct tb_tree *token =
                tb_tree_get(tb_tree_get(params, "_meta"), "progressToken");
            ret->todo = TB_MCP_CALL;
            ret->shape = TB_MCP_TOOL;
            ret->streamed = true;
            ret->progress_token = token ? token->raw : TB_STR_NULL;
            return true;
        }
    }
    return false;
}

static bool read_resource(const struct tb_tree *params, struct tb_arena *arena,
                          struct tb_mcp_step *ret)
{
    static const char before[] = "test://template/";
    static const char after[] = "/data";
    tb_str uri = text_of(tb_tree_get(params, "uri"));
    if (tb_str_eq_c(uri, "test://static-text")) {
        answer(ret,
               TB_LIT("{\"contents\":[{\"uri\":\"test://static-text\",\"mimeType\":\"text/plain\","
                      "\"text\":\"This is the content of the static text resource.\"}]}"),
               arena);
        return true;
    }
    if (tb_str_eq_c(uri, "test://static-binary")) {
        answer(ret,
               TB_LIT("{\"contents\":[{\"uri\":\"test://static-binary\",\"mimeType\":\"image/png\","
                      "\"blob\":\"" PNG "\"}]}"),
               arena);
        return true;
    }
    size_t nbefore = sizeof before - 1;
    size_t nafter = sizeof after - 1;
    if (!tb_str_starts(uri, before) || uri.len <= nbefore + nafter) {
        return false;
    }
    int nid = (int)(uri.len - nbefore - nafter);
    const char *id = uri.ptr + nbefore;
    answer(ret,
           tb_arena_printf(arena,
                           "{\"contents\":[{\"uri\":\"test://template/%.*s/data\",\"mimeType\":"
                           "\"application/json\",\"text\":\"{\\\"id\\\":\\\"%.*s\\\","
                           "\\\"templateTest\\\":true,\\\"data\\\":\\\"Data for ID: %.*s\\\"}\"}]}",
                           nid, id, nid, id, nid, id),
           arena);
    return true;
}

static bool get_prompt(const struct tb_tree *params, struct tb_arena *arena,
                       struct tb_mcp_step *ret)
{
    tb_str name = text_of(tb_tree_get(params, "name"));
    const struct tb_tree *arguments = tb_tree_get(params, "arguments");
    size_t i = 0;
    while (i < TB_COUNT(prompts) && !tb_str_eq_c(name, prompts[i].prompt)) {
        i++;
    }
    if (i == TB_COUNT(prompts)) {
        return false;
    }
    tb_buf buf;
    tb_buf_init(&buf, (size_t)64 * 1024);
    tb_buf_add_c(&buf, "{\"messages\":");
    for (const char *c = prompts[i].messages; *c; c++) {
        if (*c == '$' && (c[1] == '1' || c[1] == '2')) {
            const char *argument = prompts[i].arguments[*++c - '1'];
            tb_str raw = tb_tree_get(arguments, argument) ? tb_tree_get(arguments, argument)->raw
                                                          : TB_LIT("\"\"");
            tb_buf_add(&buf, raw.ptr + 1, raw.len - 2); /* a string, without its quotes */
        } else {
            tb_buf_add_char(&buf, *c);
        }
    }
    tb_buf_add_char(&buf, '}');
    answer(ret, tb_buf_str(&buf), arena);
    tb_buf_dispose(&buf);
    return true;
}

static bool complete(const struct tb_tree *params, struct tb_arena *arena, struct tb_mcp_step *ret)
{
    tb_str name = text_of(tb_tree_get(tb_tree_get(params, "ref"), "name"));
    if (!tb_str_eq_c(name, "test_prompt_with_arguments")) {
        return false;
    }
    answer(ret,
           TB_LIT("{\"completion\":{\"values\":[\"test one\",\"test two\"],\"hasMore\":false}}"),
           arena);
    return true;
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

static const struct tb_mcp_extra suite = {.list = list, .step = step, .run = run};
const struct tb_mcp_extra *const tb_mcp_extra = &suite;
