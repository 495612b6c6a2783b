/* The routes of the face, and how requests and answers are turned over. */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/utf8.h"
#include "gateway/compat/internal.h"

#define SIMILAR_ENOUGH 0.7

static void text(struct tb_json *w, const char *name, tb_str value)
{
    tb_json_key(w, name);
    tb_json_string(w, value.ptr ? value : TB_LIT(""));
}

static void done(struct tb_json *w, const char *message)
{
    tb_json_key(w, "success");
    tb_json_bool(w, true);
    text(w, "message", tb_str_of(message));
}

static void workflow(struct tb_compat *c, struct tb_json *w, tb_str given)
{
    tb_str id = given.len ? given : c->workflow;
    if (id.len) {
        text(w, "workflow_id", id);
    }
}

static tb_str subject(const struct tb_compat *c)
{
    return tb_compat_text(c, "ticket_id");
}

static const struct tb_tree *ticket_of(const struct tb_tree *result)
{
    return tb_tree_get(result, "ticket");
}

static tb_str member_text(const struct tb_tree *object, const char *name)
{
    const struct tb_tree *m = tb_tree_get(object, name);
    return m && m->kind == TB_TREE_STRING ? m->text : TB_STR_NULL;
}

/* ---- create ---- */

static void ask_create(struct tb_compat *c, int step, struct tb_json *w)
{
    static const char *const names[] = {"title",
                                        "description",
                                        "ticket_type",
                                        "priority",
                                        "initial_status",
                                        "assigned_agent_id",
                                        "parent_ticket_id",
                                        "blocked_by_ticket_ids",
                                        "tags",
                                        "related_task_ids",
                                        NULL};
    workflow(c, w, tb_compat_text(c, "workflow_id"));
    if (step == 0) {
        tb_compat_copy(w, c->body, names);
        return;
    }
    text(w, "query",
         tb_arena_printf(c->arena, "%.*s\n%.*s", TB_ARG(tb_compat_text(c, "title")),
                         TB_ARG(tb_utf8_prefix(tb_compat_text(c, "description"), 4000))));
    text(w, "search_type", TB_LIT("semantic"));
    tb_json_key(w, "limit");
    tb_json_int(w, 6);
}

static void similar(struct tb_compat *c, struct tb_json *w, tb_str but)
{
    const struct tb_tree *list = tb_tree_get(c->results[1], "results");
    tb_json_key(w, "similar_tickets");
    tb_json_open(w, '[');
    for (const struct tb_tree *hit = list ? list->first : NULL; hit; hit = hit->next) {
        const struct tb_tree *score = tb_tree_get(hit, "similarity");
        double value = score ? strtod(score->raw.ptr, NULL) : 0; /* a number ends at its comma */
        if (!score || value < SIMILAR_ENOUGH || tb_str_eq(member_text(hit, "ticket_id"), but)) {
            continue;
        }
        static const char *const names[] = {"ticket_id", "title", "status", NULL};
        tb_json_open(w, '{');
        tb_compat_copy(w, hit, names);
        tb_json_key(w, "similarity_score");
        tb_json_raw(w, score->raw);
        tb_json_close(w, '}');
    }
    tb_json_close(w, ']');
}

static void answer_create(struct tb_compat *c, struct tb_json *w)
{
    tb_str id = member_text(c->results[0], "ticket_id");
    done(w, "Ticket created successfully");
    text(w, "ticket_id", id);
    text(w, "status", member_text(ticket_of(c->results[0]), "status"));
    tb_json_key(w, "embedding_created");
    tb_json_bool(w, false);
    similar(c, w, id);
}

/* ---- the other commands ---- */

static void ask_update(struct tb_compat *c, int step, struct tb_json *w)
{
    static const char *const names[] = {"ticket_id", "updates", "update_comment", NULL};
    (void)step;
    tb_compat_copy(w, c->body, names);
}

static void answer_update(struct tb_compat *c, struct tb_json *w)
{
    const struct tb_tree *updates = tb_tree_get(c->body, "updates");
    done(w, "Ticket updated");
    text(w, "ticket_id", subject(c));
    tb_json_key(w, "fields_updated");
    tb_json_open(w, '[');
    for (const struct tb_tree *m = updates ? updates->first : NULL; m; m = m->next) {
        tb_json_string(w, m->name);
    }
    tb_json_close(w, ']');
    tb_json_key(w, "embedding_updated");
    tb_json_bool(w, false);
}

/* The ticket as it was, then the move. */
static void ask_status(struct tb_compat *c, int step, struct tb_json *w)
{
    static const char *const names[] = {"ticket_id", "new_status", "comment", "commit_sha", NULL};
    if (step == 0) {
        text(w, "ticket_id", subject(c));
    } else {
        tb_compat_copy(w, c->body, names);
    }
}

static void answer_status(struct tb_compat *c, struct tb_json *w)
{
    const struct tb_tree *before = ticket_of(c->results[0]);
    const struct tb_tree *blockers = tb_tree_get(before, "blocked_by_ticket_ids");
    bool blocked = c->replies[1].kind != TB_REPLY_DONE;
    tb_json_key(w, "success");
    tb_json_bool(w, !blocked);
    text(w, "ticket_id", subject(c));
    text(w, "old_status", member_text(before, "status"));
    text(w, "new_status", tb_compat_text(c, "new_status"));
    text(w, "message", blocked ? c->replies[1].detail : TB_LIT("Status changed"));
    tb_json_key(w, "blocked");
    tb_json_bool(w, blocked);
    tb_json_key(w, "blocking_ticket_ids");
    tb_json_raw(w, blocked && blockers ? blockers->raw : TB_LIT("[]"));
}

/* The comment, then the ticket: its last comment of these words is the one. */
static void ask_comment(struct tb_compat *c, int step, struct tb_json *w)
{
    static const char *const names[] = {"ticket_id", "comment_text", "comment_type",
                                        "mentions",  "attachments",  NULL};
    if (step == 0) {
        tb_compat_copy(w, c->body, names);
    } else {
        text(w, "ticket_id", subject(c));
    }
}

static tb_str clarification(struct tb_compat *c)
{
    tb_buf buf;
    tb_buf_init(&buf, 300000);
    const struct tb_tree *list = tb_tree_get(c->body, "potential_solutions");
    tb_buf_printf(&buf, "Clarification needed: %.*s",
                  TB_ARG(tb_compat_text(c, "conflict_description")));
    if (tb_compat_text(c, "context").len) {
        tb_buf_printf(&buf, "\n\nContext: %.*s", TB_ARG(tb_compat_text(c, "context")));
    }
    for (const struct tb_tree *s = list ? list->first : NULL; s; s = s->next) {
        tb_buf_printf(&buf, "\n- %.*s", TB_ARG(s->text));
    }
    tb_str taken = tb_buf_take(&buf, c->arena);
    tb_buf_dispose(&buf);
    return taken;
}

static void ask_clarification(struct tb_compat *c, int step, struct tb_json *w)
{
    text(w, "ticket_id", subject(c));
    if (step == 0) {
        text(w, "comment_text", clarification(c));
        text(w, "comment_type", TB_LIT("clarification"));
    }
}

static tb_str last_comment(const struct tb_compat *c, tb_str words)
{
    const struct tb_tree *list = tb_tree_get(c->results[1], "comments");
    tb_str id = TB_STR_NULL;
    for (const struct tb_tree *m = list ? list->first : NULL; m; m = m->next) {
        if (tb_str_eq(member_text(m, "comment_text"), words)) {
            id = member_text(m, "comment_id");
        }
    }
    return id;
}

static void answer_comment(struct tb_compat *c, struct tb_json *w)
{
    done(w, "Comment added successfully");
    text(w, "ticket_id", subject(c));
    text(w, "comment_id", last_comment(c, tb_compat_text(c, "comment_text")));
}

static void answer_clarification(struct tb_compat *c, struct tb_json *w)
{
    tb_str words = clarification(c);
    done(w, "Stored as a comment for a person to answer");
    text(w, "ticket_id", subject(c));
    text(w, "comment_id", last_comment(c, words));
    text(w, "clarification", words);
}

static void ask_resolve(struct tb_compat *c, int step, struct tb_json *w)
{
    static const char *const names[] = {"ticket_id", "resolution_comment", "commit_sha", NULL};
    if (step == 0) {
        tb_compat_copy(w, c->body, names);
    } else {
        text(w, "ticket_id", subject(c));
    }
}

static void answer_resolve(struct tb_compat *c, struct tb_json *w)
{
    const struct tb_tree *list = tb_tree_get(c->results[1], "blocks");
    done(w, "Ticket resolved");
    text(w, "ticket_id", subject(c));
    tb_json_key(w, "unblocked_tickets");
    tb_json_open(w, '[');
    for (const struct tb_tree *m = list ? list->first : NULL; m; m = m->next) {
        const struct tb_tree *blocked = tb_tree_get(m, "is_blocked");
        const struct tb_tree *resolved = tb_tree_get(m, "is_resolved");
        if (blocked && !blocked->boolean && resolved && !resolved->boolean) {
            tb_json_string(w, member_text(m, "ticket_id"));
        }
    }
    tb_json_close(w, ']');
}

static void ask_link(struct tb_compat *c, int step, struct tb_json *w)
{
    static const char *const names[] = {"ticket_id", "commit_sha", "commit_message", NULL};
    (void)step;
    tb_compat_copy(w, c->body, names);
}

static void answer_link(struct tb_compat *c, struct tb_json *w)
{
    done(w, "Commit linked successfully");
    text(w, "ticket_id", subject(c));
    text(w, "commit_sha", tb_compat_text(c, "commit_sha"));
}

/* ---- reading ---- */

/* A ticket as that client knows it: under both of its names. */
static void ticket(struct tb_json *w, const struct tb_tree *t)
{
    tb_json_open(w, '{');
    text(w, "id", member_text(t, "ticket_id"));
    for (const struct tb_tree *m = t ? t->first : NULL; m; m = m->next) {
        tb_json_key_str(w, m->name);
        tb_json_raw(w, m->raw);
    }
    text(w, "approval_status", TB_LIT("auto_approved"));
    tb_json_close(w, '}');
}

static void ask_list(struct tb_compat *c, int step, struct tb_json *w)
{
    static const struct {
        const char *theirs;
        const char *ours;
        char kind;
    } names[] = {{"status", "status", 'l'},     {"ticket_type", "type", 'l'},
                 {"priority", "priority", 'l'}, {"assigned_agent_id", "assignee", 's'},
                 {"limit", "limit", 'i'},       {"offset", "offset", 'i'},
                 {"sort_by", "sort_by", 's'},   {"sort_order", "sort_order", 's'}};
    (void)step;
    workflow(c, w, tb_query_get(&c->query, "workflow_id"));
    for (size_t i = 0; i < TB_COUNT(names); i++) {
        tb_str value = tb_query_get(&c->query, names[i].theirs);
        if (!value.len) {
            continue;
        }
        tb_json_key(w, names[i].ours);
        if (names[i].kind == 'l') {
            tb_json_open(w, '[');
            tb_json_string(w, value);
            tb_json_close(w, ']');
        } else if (names[i].kind == 'i' && value.len < 10) {
            tb_json_int(w, strtoll(value.ptr, NULL, 10));
        } else {
            tb_json_string(w, value);
        }
    }
    if (!tb_query_get(&c->query, "limit").len) {
        tb_json_key(w, "limit");
        tb_json_int(w, 50);
    }
    tb_str completed = tb_query_get(&c->query, "include_completed");
    tb_json_key(w, "include_completed");
    tb_json_bool(w, !(tb_str_eq_c(completed, "false") || tb_str_eq_c(completed, "False") ||
                      tb_str_eq_c(completed, "0")));
    tb_json_key(w, "fields");
    tb_json_raw(w, TB_LIT("[\"workflow_id\",\"title\",\"description\",\"ticket_type\","
                          "\"priority\",\"status\",\"created_by_agent_id\",\"assigned_agent_id\","
                          "\"created_at\",\"updated_at\",\"started_at\",\"completed_at\",\"tags\","
                          "\"is_blocked\",\"blocked_by_ticket_ids\",\"is_resolved\"]"));
}

static void answer_list(struct tb_compat *c, struct tb_json *w)
{
    const struct tb_tree *list = tb_tree_get(c->results[0], "tickets");
    const struct tb_tree *total = tb_tree_get(c->results[0], "total");
    const struct tb_tree *more = tb_tree_get(c->results[0], "has_more");
    tb_json_key(w, "success");
    tb_json_bool(w, true);
    tb_json_key(w, "tickets");
    tb_json_open(w, '[');
    for (const struct tb_tree *t = list ? list->first : NULL; t; t = t->next) {
        ticket(w, t);
    }
    tb_json_close(w, ']');
    tb_json_key(w, "total_count");
    tb_json_int(w, total ? total->integer : 0);
    tb_json_key(w, "has_more");
    tb_json_bool(w, more && more->boolean);
}

static void ask_ticket(struct tb_compat *c, int step, struct tb_json *w)
{
    (void)step;
    text(w, "ticket_id", c->path_value);
}

/* Lists of what belongs to the ticket; texts that may be missing are empty there, not null. */
static void rows(struct tb_json *w, const struct tb_tree *detail, const char *name, const char *id)
{
    const struct tb_tree *list = tb_tree_get(detail, name);
    tb_json_key(w, name);
    tb_json_open(w, '[');
    for (const struct tb_tree *row = list ? list->first : NULL; row; row = row->next) {
        tb_json_open(w, '{');
        for (const struct tb_tree *m = row->first; m; m = m->next) {
            bool is_id = id && tb_str_eq_c(m->name, id);
            bool empty = m->kind == TB_TREE_NULL && tb_str_eq_c(m->name, "commit_message");
            tb_json_key_str(w, is_id ? TB_LIT("id") : m->name);
            tb_json_raw(w, empty ? TB_LIT("\"\"") : m->raw);
        }
        tb_json_close(w, '}');
    }
    tb_json_close(w, ']');
}

static void answer_ticket(struct tb_compat *c, struct tb_json *w)
{
    tb_json_key(w, "ticket");
    ticket(w, ticket_of(c->results[0]));
    rows(w, c->results[0], "comments", "comment_id");
    rows(w, c->results[0], "history", NULL);
    rows(w, c->results[0], "commits", NULL);
}

static void ask_search(struct tb_compat *c, int step, struct tb_json *w)
{
    static const char *const names[] = {"query", "search_type", "limit", "include_comments", NULL};
    static const char *const filters[] = {"status", "priority", "ticket_type", "assigned_agent_id",
                                          "tag",    NULL};
    (void)step;
    workflow(c, w, tb_compat_text(c, "workflow_id"));
    tb_compat_copy(w, c->body, names);
    tb_json_key(w, "filters");
    tb_json_open(w, '{');
    tb_compat_copy(w, tb_tree_get(c->body, "filters"), filters);
    tb_json_close(w, '}');
}

static void answer_search(struct tb_compat *c, struct tb_json *w)
{
    static const char *const names[] = {"ticket_id",  "title",       "status",
                                        "priority",   "ticket_type", "assigned_agent_id",
                                        "updated_at", NULL};
    const struct tb_tree *list = tb_tree_get(c->results[0], "results");
    tb_json_key(w, "success");
    tb_json_bool(w, true);
    text(w, "query", tb_compat_text(c, "query"));
    tb_json_key(w, "results");
    tb_json_open(w, '[');
    for (const struct tb_tree *hit = list ? list->first : NULL; hit; hit = hit->next) {
        const struct tb_tree *score = tb_tree_get(hit, "score");
        tb_json_open(w, '{');
        tb_compat_copy(w, hit, names);
        text(w, "description", member_text(hit, "passage"));
        text(w, "preview", member_text(hit, "passage"));
        tb_json_key(w, "relevance_score");
        tb_json_raw(w, score ? score->raw : TB_LIT("0"));
        tb_json_key(w, "matched_in");
        tb_json_raw(w, tb_str_is_null(member_text(hit, "passage_comment_id"))
                           ? TB_LIT("[\"ticket\"]")
                           : TB_LIT("[\"comments\"]"));
        tb_json_key(w, "tags");
        tb_json_raw(w, TB_LIT("[]"));
        tb_json_close(w, '}');
    }
    tb_json_close(w, ']');
    tb_json_key(w, "total_found");
    tb_json_int(w, list ? (int64_t)list->n : 0);
    tb_json_key(w, "search_time_ms");
    tb_json_int(w, (tb_clock_mono_us() - c->started_us) / 1000);
}

static void ask_diff(struct tb_compat *c, int step, struct tb_json *w)
{
    (void)step;
    text(w, "sha", c->path_value);
}

static void answer_diff(struct tb_compat *c, struct tb_json *w)
{
    const struct tb_tree *r = c->results[0];
    text(w, "commit_sha", member_text(r, "sha"));
    for (const struct tb_tree *m = r ? r->first : NULL; m; m = m->next) {
        tb_json_key_str(w, m->name);
        tb_json_raw(w, m->raw);
    }
}

#define END      TB_OP_COUNT_
#define NO_GATES "{\"detail\":\"approval gates are not there yet\"}"

/* clang-format off */
const struct tb_compat_route tb_compat_routes[] = {
    {"POST", "/api/tickets/create", {TB_OP_CREATE_TICKET, TB_OP_SEARCH_TICKETS, END}, 0, ask_create, answer_create, NULL, 0},
    {"POST", "/api/tickets/update", {TB_OP_UPDATE_TICKET, END, END}, 0, ask_update, answer_update, NULL, 0},
    {"POST", "/api/tickets/change-status", {TB_OP_GET_TICKET, TB_OP_CHANGE_STATUS, END}, 1, ask_status, answer_status, NULL, 0},
    {"POST", "/api/tickets/comment", {TB_OP_COMMENT, TB_OP_GET_TICKET, END}, 0, ask_comment, answer_comment, NULL, 0},
    {"POST", "/api/tickets/request-clarification", {TB_OP_COMMENT, TB_OP_GET_TICKET, END}, 0, ask_clarification, answer_clarification, NULL, 0},
    {"POST", "/api/tickets/resolve", {TB_OP_RESOLVE_TICKET, TB_OP_GET_TICKET, END}, 0, ask_resolve, answer_resolve, NULL, 0},
    {"POST", "/api/tickets/link-commit", {TB_OP_LINK_COMMIT, END, END}, 0, ask_link, answer_link, NULL, 0},
    {"POST", "/api/tickets/search", {TB_OP_SEARCH_TICKETS, END, END}, 0, ask_search, answer_search, NULL, 0},
    {"GET", "/api/tickets", {TB_OP_LIST_TICKETS, END, END}, 0, ask_list, answer_list, NULL, 0},
    {"GET", "/api/tickets/pending-review-count", {END, END, END}, 0, NULL, NULL, "{\"count\":0,\"ticket_ids\":[]}", 200},
    {"POST", "/api/tickets/approve", {END, END, END}, 0, NULL, NULL, NO_GATES, 501},
    {"POST", "/api/tickets/reject", {END, END, END}, 0, NULL, NULL, NO_GATES, 501},
    {"GET", "/api/tickets/commit-diff/{sha}", {TB_OP_COMMIT_DIFF, END, END}, 0, ask_diff, answer_diff, NULL, 0},
    {"GET", "/api/tickets/{ticket_id}", {TB_OP_GET_TICKET, END, END}, 0, ask_ticket, answer_ticket, NULL, 0},
    {"GET", "/health", {END, END, END}, 0, NULL, NULL, "{\"status\":\"healthy\"}", 200},
    {NULL, NULL, {END, END, END}, 0, NULL, NULL, NULL, 0},
};
/* clang-format on */
