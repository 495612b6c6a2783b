/* completion/complete: ids of tickets and workflows, for whoever fills in a prompt or a URI. */
#include <string.h>
#include <strings.h>

#include "common/base/attr.h"
#include "gateway/mcp/internal.h"

#define VALUES_MAX 100 /* as the protocol has it */

static const struct kind {
    const char *argument;
    const char *uri; /* of the resource template that has it */
    enum tb_op op;
    const char *params; /* of the operation that knows the values */
    const char *list;   /* where its answer has them */
    const char *title;  /* what people know them by */
} kinds[] = {
    {"ticket_id", TB_TICKET_URI "{ticket_id}", TB_OP_LIST_TICKETS,
     "{\"sort_by\":\"updated_at\",\"limit\":200,\"total\":false,\"fields\":[\"title\"]}", "tickets",
     "title"},
    {"workflow_id", TB_BOARD_URI "{workflow_id}", TB_OP_LIST_WORKFLOWS, "{}", "workflows", "name"},
};

static tb_str text_of(const struct tb_tree *node)
{
    return node && node->kind == TB_TREE_STRING ? node->text : TB_STR_NULL;
}

/* What takes the argument: a prompt, or a template of resources. */
static const struct kind *find(const struct tb_tree *ref, tb_str argument)
{
    const char *of_prompt = tb_mcp_prompt_argument(text_of(tb_tree_get(ref, "name")));
    bool prompt = tb_str_eq_c(text_of(tb_tree_get(ref, "type")), "ref/prompt");
    bool resource = tb_str_eq_c(text_of(tb_tree_get(ref, "type")), "ref/resource");
    for (size_t i = 0; i < TB_COUNT(kinds); i++) {
        const struct kind *k = &kinds[i];
        bool takes = prompt ? of_prompt && strcmp(of_prompt, k->argument) == 0
                            : resource && tb_str_eq_c(text_of(tb_tree_get(ref, "uri")), k->uri);
        if (takes && tb_str_eq_c(argument, k->argument)) {
            return k;
        }
    }
    return NULL;
}

const struct tb_operation *tb_mcp_complete(const struct tb_tree *params, tb_str *ret_params,
                                           tb_str *ret_prefix, const char **ret_why)
{
    const struct tb_tree *argument = tb_tree_get(params, "argument");
    const struct kind *k = find(tb_tree_get(params, "ref"), text_of(tb_tree_get(argument, "name")));
    tb_str value = text_of(tb_tree_get(argument, "value"));
    if (!k) {
        *ret_why = "ref, argument: no prompt or resource template of ours takes that argument";
        return NULL;
    }
    if (tb_str_is_null(value) || value.len > 200) {
        *ret_why = "argument.value: must be a text of at most 200 bytes";
        return NULL;
    }
    *ret_params = tb_str_of(k->params);
    *ret_prefix = value;
    return &tb_operations[k->op];
}

/* Letters of ASCII in either case. */
static bool holds(tb_str text, tb_str part)
{
    bool may = text.ptr && part.ptr && part.len <= text.len;
    for (size_t i = 0; may && i <= text.len - part.len; i++) {
        if (strncasecmp(text.ptr + i, part.ptr, part.len) == 0) {
            return true;
        }
    }
    return false;
}

static bool fits(const struct kind *k, const struct tb_tree *entry, tb_str prefix, bool by_id)
{
    tb_str id = text_of(tb_tree_get(entry, k->argument));
    bool begins =
        id.ptr && tb_str_eq((tb_str){id.ptr, prefix.len < id.len ? prefix.len : id.len}, prefix);
    return by_id ? begins : !begins && holds(text_of(tb_tree_get(entry, k->title)), prefix);
}

/* Those whose id begins so come first. */
static size_t write_values(struct tb_json *w, const struct kind *k, const struct tb_tree *list,
                           tb_str prefix)
{
    size_t found = 0;
    for (int by_id = 1; by_id >= 0; by_id--) {
        for (const struct tb_tree *e = list ? list->first : NULL; e; e = e->next) {
            if (fits(k, e, prefix, by_id) && found++ < VALUES_MAX) {
                tb_json_string(w, text_of(tb_tree_get(e, k->argument)));
            }
        }
    }
    return found;
}

void tb_mcp_completed(struct tb_json *w, tb_str body, tb_str prefix, struct tb_arena *arena)
{
    const struct tb_tree *root = NULL;
    const struct tb_tree *list = NULL;
    const struct kind *k = NULL;
    struct tb_error err = {.rc = TB_OK};
    bool read = tb_tree_parse(body, arena, &root, &err) == TB_OK;
    for (size_t i = 0; read && !list && i < TB_COUNT(kinds); i++) {
        k = &kinds[i];
        list = tb_tree_get(root, k->list);
    }
    tb_json_open(w, '{');
    tb_json_key(w, "completion");
    tb_json_open(w, '{');
    tb_json_key(w, "values");
    tb_json_open(w, '[');
    size_t found = list ? write_values(w, k, list, prefix) : 0;
    tb_json_close(w, ']');
    tb_json_key(w, "hasMore");
    tb_json_bool(w, found > VALUES_MAX);
    tb_json_close(w, '}');
    tb_json_close(w, '}');
}
