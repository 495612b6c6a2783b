/* Prompts: what a person or agent may start from. A row here is listed and can be got. */
#include "common/base/attr.h"
#include "gateway/mcp/internal.h"

struct prompt {
    const char *name;
    const char *title;
    const char *doc;
    const char *argument;
    const char *argument_doc;
    const char *before; /* the argument, in the text */
    const char *after;
};

static const struct prompt prompts[] = {
    {"triage", "Triage a workflow", "Goes through what is open and decides what comes next.",
     "workflow_id", "The workflow to go through.", "Triage the open tickets of the workflow ",
     ".\n\n1. Read the board with get_board and the open tickets with list_tickets (ready=true "
     "shows "
     "what could be started now).\n2. For each ticket without a clear title, type or priority: say "
     "what is missing, and set it with update_ticket where the text allows it.\n3. Look for "
     "duplicates with find_similar_tickets; link them with link_tickets rather than deleting.\n4. "
     "Where a ticket waits for another, record it with block_ticket.\n5. End with a short list: "
     "what "
     "to start next and why, what is stuck and on what, what you changed."},
    {"hand_over", "Hand a ticket over", "Leaves a ticket so that another agent can go on at once.",
     "ticket_id", "The ticket to hand over.", "Hand over the ticket ",
     ".\n\n1. Read it with get_ticket: description, comments, commits, history, what it waits "
     "for.\n"
     "2. Add one comment with comment_ticket that says: what was done and where (commits), what is "
     "left, what was tried and did not work, what to do next and how to check it.\n3. Link commits "
     "that are not linked yet with link_commit.\n4. Record what it waits for with "
     "block_ticket.\n5. "
     "Take yourself off with unassign_ticket, or assign_ticket it to the agent who goes on."},
};

void tb_mcp_prompts(struct tb_json *w)
{
    tb_json_open(w, '{');
    tb_json_key(w, "prompts");
    tb_json_open(w, '[');
    for (size_t i = 0; i < TB_COUNT(prompts); i++) {
        const struct prompt *p = &prompts[i];
        tb_json_open(w, '{');
        tb_mcp_text(w, "name", tb_str_of(p->name));
        tb_mcp_text(w, "title", tb_str_of(p->title));
        tb_mcp_text(w, "description", tb_str_of(p->doc));
        tb_json_key(w, "arguments");
        tb_json_open(w, '[');
        tb_json_open(w, '{');
        tb_mcp_text(w, "name", tb_str_of(p->argument));
        tb_mcp_text(w, "description", tb_str_of(p->argument_doc));
        tb_json_key(w, "required");
        tb_json_bool(w, true);
        tb_json_close(w, '}');
        tb_json_close(w, ']');
        tb_json_close(w, '}');
    }
    tb_mcp_add_extra(w, TB_LIT("prompts/list"));
    tb_json_close(w, ']');
    tb_json_close(w, '}');
}

static const struct prompt *find(tb_str name)
{
    for (size_t i = 0; i < TB_COUNT(prompts); i++) {
        if (tb_str_eq_c(name, prompts[i].name)) {
            return &prompts[i];
        }
    }
    return NULL;
}

const char *tb_mcp_prompt_argument(tb_str name)
{
    const struct prompt *p = find(name);
    return p ? p->argument : NULL;
}

bool tb_mcp_prompt(struct tb_json *w, const struct tb_tree *params, const char **ret_why)
{
    const struct tb_tree *name = tb_tree_get(params, "name");
    const struct prompt *p = name && name->kind == TB_TREE_STRING ? find(name->text) : NULL;
    if (!p) {
        *ret_why = "there is no such prompt";
        return false;
    }
    const struct tb_tree *value = tb_tree_get(tb_tree_get(params, "arguments"), p->argument);
    if (!value || value->kind != TB_TREE_STRING || value->text.len == 0 || value->text.len > 200) {
        *ret_why = "its one argument is missing, or longer than 200 bytes";
        return false;
    }
    tb_buf text;
    tb_buf_init(&text, (size_t)64 * 1024);
    tb_buf_add_c(&text, p->before);
    tb_buf_add_str(&text, value->text);
    tb_buf_add_c(&text, p->after);
    tb_json_open(w, '{');
    tb_mcp_text(w, "description", tb_str_of(p->doc));
    tb_json_key(w, "messages");
    tb_json_open(w, '[');
    tb_json_open(w, '{');
    tb_mcp_text(w, "role", TB_LIT("user"));
    tb_json_key(w, "content");
    tb_json_open(w, '{');
    tb_mcp_text(w, "type", TB_LIT("text"));
    tb_mcp_text(w, "text", tb_buf_str(&text));
    tb_json_close(w, '}');
    tb_json_close(w, '}');
    tb_json_close(w, ']');
    tb_json_close(w, '}');
    w->buf->failed = w->buf->failed || text.failed;
    tb_buf_dispose(&text);
    return true;
}
