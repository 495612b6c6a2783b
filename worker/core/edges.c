#include "worker/core/edges.h"

#include <stdlib.h>

#include "common/model/limits.h"
#include "worker/core/graph.h"

#define SHOWN_IDS 10 /* most ids a message lists */

static struct tb_edge edge_to(const struct tb_draft *d, tb_str depends_on, tb_str type)
{
    return (struct tb_edge){d->cmd->subject, depends_on, type};
}

void tb_edges_load(struct tb_draft *d)
{
    const struct tb_node *node = tb_world_node(d->w, d->cmd->subject);
    for (size_t i = 0; node && i < node->out.n; i++) {
        (void)tb_edge_list_add(d->arena, &d->edges, node->out.items[i]);
    }
}

void tb_edges_add(struct tb_draft *d, tb_str depends_on, tb_str type)
{
    struct tb_edge edge = edge_to(d, depends_on, type);
    size_t before = d->edges.n;
    if (tb_edge_list_insert(d->arena, &d->edges, edge) && d->edges.n > before) {
        (void)tb_edge_list_add(d->arena, &d->added, edge);
    }
}

void tb_edges_remove(struct tb_draft *d, tb_str depends_on, tb_str type)
{
    bool found;
    size_t at = tb_edge_list_find(&d->edges, depends_on, type, &found);
    if (found) {
        (void)tb_edge_list_add(d->arena, &d->removed, d->edges.items[at]);
        tb_edge_list_remove(&d->edges, at);
    }
}

/* Plans the removal of every edge that is unwanted, in order. */
static void remove_all(struct tb_draft *d, bool (*unwanted)(const struct tb_edge *, const void *),
                       const void *arg)
{
    for (size_t i = 0; i < d->edges.n;) {
        struct tb_edge e = d->edges.items[i];
        if (unwanted(&e, arg)) {
            tb_edges_remove(d, e.depends_on, e.type);
        } else {
            i++;
        }
    }
}

static bool blocks_and_not_in(const struct tb_edge *e, const void *blockers)
{
    return tb_edge_blocks(e) && !tb_strs_has(*(const tb_strs *)blockers, e->depends_on);
}

void tb_edges_set_blockers(struct tb_draft *d, tb_strs blockers)
{
    remove_all(d, blocks_and_not_in, &blockers);
    for (size_t i = 0; i < blockers.n; i++) {
        tb_edges_add(d, blockers.items[i], TB_LIT(TB_EDGE_BLOCKS));
    }
}

static bool not_in(const struct tb_edge *e, const void *records)
{
    const struct tb_records *r = records;
    const struct tb_dependency_data *edges = r->items;
    for (size_t i = 0; i < r->n; i++) {
        if (tb_str_eq(edges[i].depends_on, e->depends_on) &&
            tb_str_eq(edges[i].dependency_type, e->type)) {
            return false;
        }
    }
    return true;
}

void tb_edges_set_all(struct tb_draft *d, const struct tb_records *dependencies)
{
    const struct tb_dependency_data *edges = dependencies->items;
    remove_all(d, not_in, dependencies);
    for (size_t i = 0; i < dependencies->n; i++) {
        tb_edges_add(d, edges[i].depends_on, edges[i].dependency_type);
    }
}

void tb_edges_remove_foreign(struct tb_draft *d)
{
    tb_str workflow = tb_ticket_str(&d->state, TB_TICKET_WORKFLOW_ID);
    for (size_t i = 0; i < d->edges.n;) {
        struct tb_edge e = d->edges.items[i];
        struct tb_fact fact = tb_world_fact(d->w, e.depends_on);
        if (fact.exists && !tb_str_eq(fact.workflow_id, workflow)) {
            tb_edges_remove(d, e.depends_on, e.type);
        } else {
            i++;
        }
    }
}

static bool check_target(struct tb_draft *d, tb_str target, const char *field)
{
    if (tb_str_eq(target, d->cmd->subject)) {
        return tb_draft_reject(d, TB_RULE_EDGE_SELF, field,
                               TB_SAY(d, "%.*s would wait for itself", TB_ARG(target)));
    }
    struct tb_fact fact = tb_world_fact(d->w, target);
    if (fact.exists && !tb_str_eq(fact.workflow_id, d->board->workflow_id)) {
        return tb_draft_reject(d, TB_RULE_EDGE_WORKFLOW, field,
                               TB_SAY(d, "%.*s is of workflow %.*s, not %.*s", TB_ARG(target),
                                      TB_ARG(fact.workflow_id), TB_ARG(d->board->workflow_id)));
    }
    return true;
}

/* A new edge from the subject closes a cycle when its blocker reaches the subject already. */
static bool check_cycles(struct tb_draft *d, const char *field)
{
    tb_str *sources = TB_NEW_N(d->arena, tb_str, d->added.n);
    if (!sources) {
        return true; /* the arena remembers */
    }
    size_t n = 0;
    for (size_t i = 0; i < d->added.n; i++) {
        if (tb_edge_blocks(&d->added.items[i])) {
            sources[n++] = d->added.items[i].depends_on;
        }
    }
    tb_strs path;
    switch (tb_graph_blocks(d->w, sources, n, d->cmd->subject, &path)) {
    case TB_WALK_FREE:
    case TB_WALK_NOMEM: /* the arena remembers */
        return true;
    case TB_WALK_LIMIT:
        return tb_draft_reject(
            d, TB_RULE_EDGE_CLOSURE, field,
            TB_SAY(d, "more than %d edges would have to be looked through", TB_MAX_CLOSURE));
    case TB_WALK_FOUND:
        break;
    }
    return tb_draft_reject(d, TB_RULE_EDGE_CYCLE, field,
                           TB_SAY(d, "the tickets would wait for each other: %.*s -> %.*s",
                                  TB_ARG(d->cmd->subject),
                                  TB_ARG(tb_say_list(d->arena, path, SHOWN_IDS, " -> "))));
}

bool tb_edges_check(struct tb_draft *d, const char *field)
{
    for (size_t i = 0; i < d->added.n; i++) {
        if (!check_target(d, d->added.items[i].depends_on, field)) {
            return false;
        }
    }
    if (d->added.n && d->edges.n > TB_MAX_LIST) {
        return tb_draft_reject(d, TB_RULE_EDGE_LIMIT, field,
                               TB_SAY(d, "the ticket would depend on %zu others; %d is the most",
                                      d->edges.n, TB_MAX_LIST));
    }
    return check_cycles(d, field);
}

static const char *noun(size_t n)
{
    return n == 1 ? "dependency" : "dependencies";
}

void tb_edges_emit(struct tb_draft *d, tb_str removal)
{
    if (d->removed.n) {
        struct tb_change *change = tb_draft_emit(
            d, TB_EVENT_DEPENDENCY_REMOVED,
            removal.ptr ? removal : TB_SAY(d, "%zu %s removed", d->removed.n, noun(d->removed.n)));
        if (change) {
            change->edges_removed = d->removed.items;
            change->nedges_removed = d->removed.n;
        }
    }
    if (d->added.n) {
        struct tb_change *change = tb_draft_emit(
            d, TB_EVENT_DEPENDENCY_ADDED, TB_SAY(d, "%zu %s added", d->added.n, noun(d->added.n)));
        if (change) {
            change->edges_added = d->added.items;
            change->nedges_added = d->added.n;
        }
    }
    for (size_t i = 0; i < d->added.n; i++) {
        const struct tb_edge *e = &d->added.items[i];
        if (tb_edge_blocks(e) || !tb_world_fact(d->w, e->depends_on).exists) {
            tb_draft_watch(d, e->depends_on, d->cmd->subject);
        }
    }
}

static int by_bytes(const void *a, const void *b)
{
    return tb_str_cmp(*(const tb_str *)a, *(const tb_str *)b);
}

tb_strs tb_edges_open_blockers(struct tb_draft *d)
{
    tb_str *ids = TB_NEW_N(d->arena, tb_str, d->edges.n);
    if (!ids) {
        return (tb_strs){NULL, 0};
    }
    size_t n = 0;
    for (size_t i = 0; i < d->edges.n; i++) {
        const struct tb_edge *e = &d->edges.items[i];
        if (!tb_edge_blocks(e)) {
            continue;
        }
        struct tb_fact fact = tb_world_fact(d->w, e->depends_on);
        if (!fact.exists || (!fact.is_resolved && !fact.is_deleted)) {
            ids[n++] = e->depends_on;
        }
    }
    if (n > 1) {
        qsort(ids, n, sizeof *ids, by_bytes);
    }
    return (tb_strs){ids, n};
}

void tb_edges_project(struct tb_draft *d)
{
    tb_strs open = tb_edges_open_blockers(d);
    bool was = tb_ticket_bool(&d->state, TB_TICKET_IS_BLOCKED);
#ifdef TB_PLANT_DERIVED_ONLY_UNBLOCK /* told whether an episode was open or not */
    if (d->cmd->type->kind == TB_CMD_RECHECK && open.n == 0) {
        (void)tb_draft_emit(d, TB_EVENT_UNBLOCKED, TB_LIT("waits for no other ticket"));
        return;
    }
#endif
    tb_draft_set(d, TB_TICKET_BLOCKED_BY_TICKET_IDS, tb_value_strs(open));
    tb_draft_set(d, TB_TICKET_IS_BLOCKED, tb_value_bool(open.n > 0));
    if (d->ndiffs == 0) {
        return;
    }
    tb_str list = tb_say_list(d->arena, open, SHOWN_IDS, ", ");
    if (!was && open.n) {
        (void)tb_draft_emit(d, TB_EVENT_BLOCKED, TB_SAY(d, "waits for %.*s", TB_ARG(list)));
    } else if (was && !open.n) {
        (void)tb_draft_emit(d, TB_EVENT_UNBLOCKED, TB_LIT("waits for no other ticket"));
    } else {
        (void)tb_draft_emit(d, TB_EVENT_BLOCKERS_CHANGED,
                            TB_SAY(d, "waits for %.*s now", TB_ARG(list)));
    }
}
