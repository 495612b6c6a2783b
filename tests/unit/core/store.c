#include "tests/unit/core/store.h"

#include <stdlib.h>

void store_open(struct store *s)
{
    memset(s, 0, sizeof *s);
    s->arena = tb_arena_new(0);
    for (int i = 0; i < STORE_TICKETS; i++) {
        s->tickets[i] = tb_ticket_absent(kit_id((char)('A' + i)));
    }
}

void store_close(struct store *s)
{
    tb_arena_free(s->arena);
}

void store_copy(struct store *to, const struct store *from)
{
    *to = *from;
}

size_t store_at(tb_str ticket_id)
{
    for (size_t i = 0; i < STORE_TICKETS; i++) { /* the ids differ at their end */
        tb_str id = kit_id((char)('A' + i));
        if (ticket_id.len == id.len && ticket_id.ptr[id.len - 1] == id.ptr[id.len - 1] &&
            tb_str_eq(ticket_id, id)) {
            return i;
        }
    }
    abort();
}

struct tb_board *store_board(struct store *s, tb_str workflow_id)
{
    for (int i = 0; i < 2; i++) {
        if (s->boards[i].version && tb_str_eq(s->boards[i].workflow_id, workflow_id)) {
            return &s->boards[i];
        }
    }
    return NULL;
}

static size_t find_edge(const struct store *s, tb_str from, tb_str to, tb_str type)
{
    size_t i = 0;
    while (i < s->nedges &&
           !(tb_str_eq(s->edges[i].ticket_id, from) && tb_str_eq(s->edges[i].depends_on, to) &&
             tb_str_eq(s->edges[i].type, type))) {
        i++;
    }
    return i;
}

bool store_has_edge(const struct store *s, tb_str from, tb_str to, tb_str type)
{
    return find_edge(s, from, to, type) < s->nedges;
}

int64_t store_in_column(const struct store *s, tb_str workflow_id, tb_str status)
{
    int64_t n = 0;
    for (int i = 0; i < STORE_TICKETS; i++) {
        const struct tb_ticket *t = &s->tickets[i];
        n += t->version && !tb_ticket_bool(t, TB_TICKET_IS_DELETED) &&
             tb_str_eq(tb_ticket_str(t, TB_TICKET_WORKFLOW_ID), workflow_id) &&
             tb_str_eq(tb_ticket_str(t, TB_TICKET_STATUS), status);
    }
    return n;
}

tb_strs store_blockers(const struct store *s, struct tb_arena *arena, tb_str ticket_id)
{
    tb_str *ids = TB_NEW_N(arena, tb_str, STORE_TICKETS);
    size_t n = 0;
    for (int i = 0; ids && i < STORE_TICKETS; i++) { /* letters in order: sorted */
        const struct tb_ticket *t = &s->tickets[i];
        if (store_has_edge(s, ticket_id, t->id, TB_LIT(TB_EDGE_BLOCKS)) &&
            !tb_ticket_bool(t, TB_TICKET_IS_RESOLVED) && !tb_ticket_bool(t, TB_TICKET_IS_DELETED)) {
            ids[n++] = t->id;
        }
    }
    return (tb_strs){ids, n};
}

/* Whether `from` comes back to itself; at most as many steps as there are tickets matter. */
static bool waits_for_itself(const struct store *s, size_t from)
{
    bool reached[STORE_TICKETS] = {false};
    for (int round = 0; round < STORE_TICKETS; round++) {
        for (size_t i = 0; i < s->nedges; i++) {
            size_t a = store_at(s->edges[i].ticket_id);
            if (tb_str_eq_c(s->edges[i].type, TB_EDGE_BLOCKS) && (a == from || reached[a])) {
                reached[store_at(s->edges[i].depends_on)] = true;
            }
        }
    }
    return reached[from];
}

static bool own_ancestor(const struct store *s, size_t from)
{
    tb_str up = tb_ticket_str(&s->tickets[from], TB_TICKET_PARENT_TICKET_ID);
    for (int round = 0; round < STORE_TICKETS && up.ptr; round++) {
        if (store_at(up) == from) {
            return true;
        }
        up = tb_ticket_str(&s->tickets[store_at(up)], TB_TICKET_PARENT_TICKET_ID);
    }
    return false;
}

bool store_has_cycle(const struct store *s)
{
    for (size_t i = 0; i < STORE_TICKETS; i++) {
        if (waits_for_itself(s, i) || own_ancestor(s, i)) {
            return true;
        }
    }
    return false;
}

/* ---- applying ---- */

static tb_str keep(struct store *s, tb_str text)
{
    return tb_arena_str(s->arena, text);
}

static tb_strs keep_list(struct store *s, tb_strs list)
{
    tb_str *items = TB_NEW_N(s->arena, tb_str, list.n);
    for (size_t i = 0; items && i < list.n; i++) {
        items[i] = keep(s, list.items[i]);
    }
    return (tb_strs){items, list.n};
}

static struct tb_value keep_value(struct store *s, struct tb_value v)
{
    if (v.kind == TB_VALUE_STR) {
        v.as.str = keep(s, v.as.str);
    } else if (v.kind == TB_VALUE_STRS) {
        v.as.strs = keep_list(s, v.as.strs);
    }
    return v;
}

static const char *apply_diffs(struct store *s, struct tb_ticket *t, const struct tb_change *c)
{
    bool seen[TB_TICKET_FIELDS_] = {false};
    for (size_t i = 0; i < c->ndiffs; i++) {
        const struct tb_diff *d = &c->diffs[i];
        if (seen[d->field]) {
            return "a field twice in one event";
        }
        if (!tb_value_eq(d->before, t->fields[d->field])) {
            return "before is not the value it had";
        }
        if (tb_value_eq(d->before, d->after)) {
            return "before equals after";
        }
        seen[d->field] = true;
        t->fields[d->field] = keep_value(s, d->after);
    }
    t->version++;
    return NULL;
}

static const char *apply_edges(struct store *s, const struct tb_change *c)
{
    for (size_t i = 0; i < c->nedges_removed; i++) {
        const struct tb_edge *e = &c->edges_removed[i];
        size_t at = find_edge(s, e->ticket_id, e->depends_on, e->type);
        if (at == s->nedges) {
            return "removes an edge that is not there";
        }
        s->edges[at] = s->edges[--s->nedges];
    }
    for (size_t i = 0; i < c->nedges_added; i++) {
        const struct tb_edge *e = &c->edges_added[i];
        if (store_has_edge(s, e->ticket_id, e->depends_on, e->type) || s->nedges == STORE_EDGES) {
            return "adds an edge that is there";
        }
        s->edges[s->nedges++] =
            (struct tb_edge){keep(s, e->ticket_id), keep(s, e->depends_on), keep(s, e->type)};
    }
    return NULL;
}

static struct tb_comment keep_comment(struct store *s, const struct tb_comment *c)
{
    struct tb_comment kept = *c;
    kept.id = keep(s, c->id);
    kept.ticket_id = keep(s, c->ticket_id);
    kept.agent_id = keep(s, c->agent_id);
    kept.text = keep(s, c->text);
    kept.type = keep(s, c->type);
    kept.mentions = keep_list(s, c->mentions);
    kept.attachments = keep_list(s, c->attachments);
    return kept;
}

static const char *apply_comment(struct store *s, const struct tb_change *c)
{
    size_t i = 0;
    while (i < s->ncomments && !tb_str_eq(s->comments[i].id, c->comment->id)) {
        i++;
    }
    bool known = i < s->ncomments;
    if (known != (c->event == TB_EVENT_COMMENT_EDITED) || known != (c->comment_before != NULL)) {
        return "a comment added twice, or edited before it was there";
    }
    if (i == STORE_ROWS) {
        return "too many comments for the test";
    }
    s->comments[i] = keep_comment(s, c->comment);
    s->ncomments += !known;
    return NULL;
}

static const char *apply_commit(struct store *s, const struct tb_change *c)
{
    for (size_t i = 0; i < s->ncommits; i++) {
        if (tb_str_eq(s->commits[i].ticket_id, c->commit->ticket_id) &&
            tb_str_eq(s->commits[i].sha, c->commit->sha)) {
            return "a commit linked twice";
        }
    }
    if (s->ncommits == STORE_ROWS) {
        return "too many commits for the test";
    }
    s->commits[s->ncommits++] = (struct tb_commit){.ticket_id = keep(s, c->commit->ticket_id),
                                                   .sha = keep(s, c->commit->sha)};
    return NULL;
}

static const char *apply_episode(struct store *s, size_t at, const struct tb_change *c)
{
    if (c->event == TB_EVENT_BLOCKED || c->event == TB_EVENT_UNBLOCKED) {
        bool begins = c->event == TB_EVENT_BLOCKED;
        if (s->episode[at] == begins) {
            return "an episode begun or ended twice";
        }
        s->episode[at] = begins;
    }
    return s->episode[at] == tb_ticket_bool(&s->tickets[at], TB_TICKET_IS_BLOCKED)
               ? NULL
               : "is_blocked differs from the last of blocked and unblocked";
}

static const char *apply_change(struct store *s, size_t at, const struct tb_change *c)
{
    const char *wrong = apply_diffs(s, &s->tickets[at], c);
    wrong = wrong ? wrong : apply_edges(s, c);
    wrong = wrong || !c->comment ? wrong : apply_comment(s, c);
    wrong = wrong || !c->commit ? wrong : apply_commit(s, c);
    return wrong ? wrong : apply_episode(s, at, c);
}

static const char *apply_board(struct store *s, const struct tb_board *board)
{
    struct tb_board *slot = &s->boards[tb_str_eq_c(board->workflow_id, "wf2")];
    if (board->version != slot->version + 1) {
        return "the board's version does not advance by one";
    }
    *slot = *board; /* its strings live as long as the test's commands */
    return NULL;
}

const char *store_apply(struct store *s, const struct tb_command *cmd,
                        const struct tb_decision *decision)
{
    if ((decision->verdict == TB_APPLIED) != (decision->nchanges > 0)) {
        return "applied without a change, or a change without applied";
    }
    if (cmd->type->family == TB_FAMILY_BOARD) {
        return decision->nchanges ? apply_board(s, decision->changes[0].board) : NULL;
    }
    size_t at = store_at(cmd->subject);
    const char *wrong = NULL;
    for (size_t i = 0; !wrong && i < decision->nchanges; i++) {
        wrong = apply_change(s, at, &decision->changes[i]);
    }
    s->imported[at] = s->imported[at] || (cmd->type->kind == TB_CMD_IMPORT && decision->nchanges);
    return wrong;
}
