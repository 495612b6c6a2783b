/* Decisions as text, for the golden table and for comparing two of them. */
#include "tests/unit/core/kit.h"

#define TICKET_PREFIX  "ticket-00000000-0000-7000-8000-0000000000"
#define COMMENT_PREFIX "comment-00000000-0000-7000-8000-0000000000"

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Length of the id at the start of s whose letter is returned, 0 when there is none. */
static size_t id_at(tb_str s, const char *prefix, char *letter)
{
    size_t n = strlen(prefix);
    if (s.len < n + 2 || !tb_str_starts(s, prefix) || hex(s.ptr[n]) < 0 || hex(s.ptr[n + 1]) < 0) {
        return 0;
    }
    *letter = (char)(hex(s.ptr[n]) * 16 + hex(s.ptr[n + 1]));
    return n + 2;
}

void kit_render_str(tb_buf *buf, tb_str s)
{
    for (size_t i = 0; i < s.len;) {
        tb_str rest = {s.ptr + i, s.len - i};
        char letter = 0;
        size_t n = id_at(rest, TICKET_PREFIX, &letter);
        if (!n && (n = id_at(rest, COMMENT_PREFIX, &letter)) > 0) {
            tb_buf_add_c(buf, "comment:");
        }
        tb_buf_add_char(buf, n ? letter : s.ptr[i]);
        i += n ? n : 1;
    }
}

static void render_strs(tb_buf *buf, tb_strs list)
{
    tb_buf_add_char(buf, '[');
    for (size_t i = 0; i < list.n && i < 5; i++) {
        tb_buf_add_c(buf, i ? "," : "");
        kit_render_str(buf, list.items[i]);
    }
    if (list.n > 5) {
        tb_buf_printf(buf, ",…%zu", list.n);
    }
    tb_buf_add_char(buf, ']');
}

static void render_value(tb_buf *buf, struct tb_value v)
{
    if (tb_value_is_null(v)) {
        tb_buf_add_char(buf, '-');
        return;
    }
    switch (v.kind) {
    case TB_VALUE_STR:
        kit_render_str(buf, v.as.str);
        break;
    case TB_VALUE_BOOL:
        tb_buf_add_c(buf, v.as.boolean ? "true" : "false");
        break;
    case TB_VALUE_TIME:
        tb_buf_printf(buf, "@%lld", (long long)v.as.time);
        break;
    case TB_VALUE_STRS:
        render_strs(buf, v.as.strs);
        break;
    }
}

static void render_edges(tb_buf *buf, char sign, const struct tb_edge *edges, size_t n)
{
    for (size_t i = 0; i < n && i < 5; i++) {
        tb_buf_printf(buf, " %c", sign);
        kit_render_str(buf, edges[i].ticket_id);
        tb_buf_add_c(buf, "->");
        kit_render_str(buf, edges[i].depends_on);
        if (!tb_str_eq_c(edges[i].type, TB_EDGE_BLOCKS)) {
            tb_buf_printf(buf, "(%.*s)", TB_ARG(edges[i].type));
        }
    }
}

static void render_comment(tb_buf *buf, const char *sign, const struct tb_comment *c)
{
    tb_buf_printf(buf, " %s", sign);
    kit_render_str(buf, c->id);
    tb_buf_printf(buf, " %.*s by %.*s \"%.*s\"", TB_ARG(c->type), TB_ARG(c->agent_id),
                  TB_ARG(c->text));
    if (c->mentions.n || c->attachments.n) {
        render_strs(buf, c->mentions);
        render_strs(buf, c->attachments);
    }
    tb_buf_printf(buf, " @%lld%s", (long long)c->created_at, c->is_edited ? " edited" : "");
}

static void render_board(tb_buf *buf, const struct tb_board *b)
{
    static const char category[] = {'o', 'a', 'd'};
    tb_buf_printf(buf, " v%lld %.*s", (long long)b->version, TB_ARG(b->id));
    for (size_t i = 0; i < b->ncolumns; i++) {
        const struct tb_column *c = &b->columns[i];
        tb_buf_printf(buf, " %lld:%.*s=%.*s(%c", (long long)c->order, TB_ARG(c->id),
                      TB_ARG(c->name), category[c->category]);
        if (c->wip_limit) {
            tb_buf_printf(buf, ",max %lld", (long long)c->wip_limit);
        }
        tb_buf_add_char(buf, ')');
    }
    tb_buf_printf(buf, " initial %.*s types", TB_ARG(b->initial_status));
    render_strs(buf, b->ticket_types);
    tb_buf_printf(buf, " %s%s", b->allow_reopen ? "reopen" : "",
                  b->require_comment_on_status_change ? " comment" : "");
}

/* One event. updated_at is shown only when it is not as it should be. */
static void render_change(tb_buf *buf, const struct tb_change *c)
{
    bool stamped = false;
    const char *separator = "";
    tb_buf_printf(buf, " | %s{", tb_event_types[c->event].name);
    for (size_t i = 0; i < c->ndiffs; i++) {
        const struct tb_diff *d = &c->diffs[i];
        if (d->field == TB_TICKET_UPDATED_AT) {
            stamped = true;
            if (d->after.as.time == c->at) {
                continue;
            }
        }
        tb_buf_printf(buf, "%s%s ", separator, tb_ticket_fields[d->field].name);
        separator = ", ";
        if (c->event != TB_EVENT_CREATED) {
            render_value(buf, d->before);
            tb_buf_add_char(buf, '>');
        }
        render_value(buf, d->after);
    }
    tb_buf_add_c(buf, stamped ? "}" : "}~");
    render_edges(buf, '+', c->edges_added, c->nedges_added);
    render_edges(buf, '-', c->edges_removed, c->nedges_removed);
    for (size_t i = 0; i < c->nsimilar; i++) {
        tb_buf_printf(buf, " like %.*s %lld", TB_ARG(c->similar[i].ticket_id),
                      (long long)c->similar[i].score);
    }
    if (c->comment_before) {
        render_comment(buf, "-", c->comment_before);
    }
    if (c->comment) {
        render_comment(buf, "+", c->comment);
    }
    if (c->commit) {
        tb_buf_printf(buf, " +commit %.*s %.*s %.*s", TB_ARG(c->commit->id), TB_ARG(c->commit->sha),
                      TB_ARG(c->commit->link_method));
    }
    if (c->board) {
        render_board(buf, c->board);
    }
    tb_buf_printf(buf, " by %.*s", TB_ARG(c->agent_id));
    if (c->at != KIT_NOW) {
        tb_buf_printf(buf, " at %lld", (long long)c->at);
    }
}

static void render_refusal(tb_buf *buf, const struct tb_decision *d)
{
    tb_buf_printf(buf, " %s", d->verdict == TB_WAITING ? "" : tb_rejection_code(d->rejection));
    if (d->field.ptr) {
        tb_buf_printf(buf, " (%.*s)", TB_ARG(d->field));
    }
    tb_buf_add_c(buf, ": ");
    kit_render_str(buf, d->message);
}

void kit_render(tb_buf *buf, const struct tb_decision *d)
{
    static const char *const verdicts[] = {"applied", "unchanged", "rejected", "waiting"};
    static const char *const kinds[] = {"watch", "recheck"};
    tb_buf_printf(buf, "%s %s", verdicts[d->verdict], d->rule);
    if (d->verdict == TB_REJECTED || d->verdict == TB_WAITING) {
        render_refusal(buf, d);
    }
    for (size_t i = 0; i < d->nchanges; i++) {
        render_change(buf, &d->changes[i]);
    }
    for (size_t i = 0; i < d->nmessages; i++) {
        tb_buf_printf(buf, " => %s ", kinds[d->messages[i].kind]);
        kit_render_str(buf, d->messages[i].subject);
        if (d->messages[i].dependent_id.ptr) {
            tb_buf_add_c(buf, " for ");
            kit_render_str(buf, d->messages[i].dependent_id);
        }
    }
}
