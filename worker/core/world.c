#include "worker/core/world.h"

#include "worker/core/decide.h"
#include "worker/core/facts.h"

struct tb_world *tb_world_new(struct tb_arena *arena)
{
    struct tb_world *w = TB_NEW(arena, struct tb_world);
    if (!w) {
        return NULL;
    }
    w->arena = arena;
    tb_map_init(&w->nodes, arena);
    tb_map_init(&w->boards, arena);
    tb_map_init(&w->comments, arena);
    for (size_t i = 0; i < TB_COUNT(w->counts); i++) {
        tb_map_init(&w->counts[i], arena);
    }
    return w;
}

static enum tb_rc done(bool ok)
{
    return ok ? TB_OK : TB_ENOMEM;
}

/* ---- filling ---- */

static bool put_ticket(struct tb_world *w, const struct tb_ticket *ticket)
{
    struct tb_node *node = tb_world_make_node(w, ticket->id);
    if (node && !node->ticket) {
        node->ticket = TB_NEW(w->arena, struct tb_ticket);
    }
    if (!node || !node->ticket) {
        return false;
    }
    *node->ticket = *ticket;
    return true;
}

enum tb_rc tb_world_add_ticket(struct tb_world *w, const struct tb_ticket *ticket)
{
    return done(put_ticket(w, ticket));
}

enum tb_rc tb_world_add_board(struct tb_world *w, const struct tb_board *board)
{
    struct tb_board *copy = TB_NEW(w->arena, struct tb_board);
    if (!copy) {
        return TB_ENOMEM;
    }
    *copy = *board;
    return done(tb_map_put(&w->boards, copy->workflow_id, copy));
}

static bool put_edge(struct tb_world *w, const struct tb_edge *edge)
{
    struct tb_node *from = tb_world_make_node(w, edge->ticket_id);
    struct tb_node *to = tb_world_make_node(w, edge->depends_on);
    if (!from || !to) {
        return false;
    }
    size_t before = from->out.n;
    return tb_edge_list_insert(w->arena, &from->out, *edge) &&
           (from->out.n == before || tb_edge_list_add(w->arena, &to->in, *edge));
}

static void drop_edge(struct tb_world *w, const struct tb_edge *edge)
{
    struct tb_node *from = tb_world_node(w, edge->ticket_id);
    struct tb_node *to = tb_world_node(w, edge->depends_on);
    bool found = false;
    size_t at = from ? tb_edge_list_find(&from->out, edge->depends_on, edge->type, &found) : 0;
    if (!found || !to) {
        return;
    }
    tb_edge_list_remove(&from->out, at);
    for (size_t i = 0; i < to->in.n; i++) {
        if (tb_str_eq(to->in.items[i].ticket_id, edge->ticket_id) &&
            tb_str_eq(to->in.items[i].type, edge->type)) {
            tb_edge_list_remove(&to->in, i);
            return;
        }
    }
}

enum tb_rc tb_world_add_edge(struct tb_world *w, const struct tb_edge *edge)
{
    return done(put_edge(w, edge));
}

enum tb_rc tb_world_add_ref(struct tb_world *w, const struct tb_ref *ref)
{
    struct tb_node *node = tb_world_make_node(w, ref->id);
    struct tb_ref *copy = TB_NEW(w->arena, struct tb_ref);
    if (!node || !copy) {
        return TB_ENOMEM;
    }
    *copy = *ref;
    node->ref = copy;
    return TB_OK;
}

static bool put_comment(struct tb_world *w, const struct tb_comment *comment)
{
    struct tb_comment *copy = TB_NEW(w->arena, struct tb_comment);
    if (!copy) {
        return false;
    }
    *copy = *comment;
    return tb_map_put(&w->comments, copy->id, copy);
}

enum tb_rc tb_world_add_comment(struct tb_world *w, const struct tb_comment *comment)
{
    return done(put_comment(w, comment));
}

static bool put_commit(struct tb_world *w, tb_str ticket_id, tb_str sha)
{
    struct tb_node *node = tb_world_make_node(w, ticket_id);
    if (!node) {
        return false;
    }
    if (tb_node_has_commit(node, sha)) {
        return true;
    }
    tb_str *commits =
        tb_list_room(w->arena, node->commits, node->ncommits, &node->room_commits, sizeof *commits);
    if (!commits) {
        return false;
    }
    node->commits = commits;
    commits[node->ncommits++] = sha;
    return true;
}

enum tb_rc tb_world_add_commit(struct tb_world *w, tb_str ticket_id, tb_str sha)
{
    return done(put_commit(w, ticket_id, sha));
}

enum tb_rc tb_world_set_count(struct tb_world *w, enum tb_count what, tb_str workflow_id,
                              tb_str key, int64_t n)
{
    int64_t now = tb_world_count(w, what, workflow_id, key);
    return done(tb_world_count_add(w, what, workflow_id, key, n - now));
}

/* ---- running ---- */

enum tb_rc tb_world_decide(struct tb_world *w, const struct tb_command *cmd,
                           const struct tb_context *ctx, struct tb_decision *ret)
{
    struct tb_decision decision = tb_decide(w, cmd, ctx);
    if (tb_arena_failed(w->arena)) {
        return TB_ENOMEM;
    }
    *ret = decision;
    return TB_OK;
}

struct tb_ticket tb_evolve(const struct tb_ticket *state, const struct tb_change *change)
{
    struct tb_ticket after = *state;
    for (size_t i = 0; i < change->ndiffs; i++) {
        after.fields[change->diffs[i].field] = change->diffs[i].after;
    }
    after.version++;
    return after;
}

/* What one ticket adds to the counts of its workflow. */
static bool count_ticket(struct tb_world *w, const struct tb_ticket *t, int64_t by)
{
    if (!tb_ticket_exists(t)) {
        return true;
    }
    tb_str workflow = tb_ticket_str(t, TB_TICKET_WORKFLOW_ID);
    tb_str status = tb_ticket_str(t, TB_TICKET_STATUS);
    int64_t wip = tb_ticket_bool(t, TB_TICKET_IS_DELETED) ? 0 : by;
    return tb_world_count_add(w, TB_COUNT_WIP, workflow, status, wip) &&
           tb_world_count_add(w, TB_COUNT_STATUS, workflow, status, by) &&
           tb_world_count_add(w, TB_COUNT_TYPE, workflow, tb_ticket_str(t, TB_TICKET_TICKET_TYPE),
                              by);
}

static bool apply_rows(struct tb_world *w, tb_str ticket_id, const struct tb_change *change)
{
    for (size_t i = 0; i < change->nedges_removed; i++) {
        drop_edge(w, &change->edges_removed[i]);
    }
    for (size_t i = 0; i < change->nedges_added; i++) {
        if (!put_edge(w, &change->edges_added[i])) {
            return false;
        }
    }
    return (!change->comment || put_comment(w, change->comment)) &&
           (!change->commit || put_commit(w, ticket_id, change->commit->sha));
}

static enum tb_rc commit_ticket(struct tb_world *w, tb_str id, const struct tb_decision *decision)
{
    struct tb_node *node = tb_world_make_node(w, id);
    if (!node) {
        return TB_ENOMEM;
    }
    struct tb_ticket before = node->ticket ? *node->ticket : tb_ticket_absent(id);
    struct tb_ticket after = before;
    for (size_t i = 0; i < decision->nchanges; i++) {
        after = tb_evolve(&after, &decision->changes[i]);
        if (!apply_rows(w, id, &decision->changes[i])) {
            return TB_ENOMEM;
        }
    }
    return done(count_ticket(w, &before, -1) && count_ticket(w, &after, 1) &&
                put_ticket(w, &after));
}

enum tb_rc tb_world_commit(struct tb_world *w, const struct tb_command *cmd,
                           const struct tb_decision *decision)
{
    if (decision->verdict != TB_APPLIED) {
        return TB_OK;
    }
    if (cmd->type->family == TB_FAMILY_BOARD) {
        return tb_world_add_board(w, decision->changes[decision->nchanges - 1].board);
    }
    return commit_ticket(w, cmd->subject, decision);
}

/* ---- reading back ---- */

const struct tb_ticket *tb_world_ticket(const struct tb_world *w, tb_str id)
{
    const struct tb_node *node = tb_world_node(w, id);
    return node ? node->ticket : NULL;
}

const struct tb_board *tb_world_board(const struct tb_world *w, tb_str workflow_id)
{
    return tb_str_is_null(workflow_id) ? NULL : tb_map_get(&w->boards, workflow_id);
}
