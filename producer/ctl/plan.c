#include "producer/ctl/plan.h"

#include <string.h>

#include "common/model/ticket.h"

#include "producer/ctl/plan_order.h"

void ctl_strings_add(struct ctl_strings *list, tb_str s)
{
    if (list->n == list->room) {
        size_t room = list->room ? list->room * 2 : 16;
        tb_str *items = TB_NEW_N(list->arena, tb_str, room);
        if (!items) {
            return; /* the arena remembers */
        }
        if (list->n) {
            memcpy(items, list->items, list->n * sizeof *items);
        }
        list->items = items;
        list->room = room;
    }
    list->items[list->n++] = s;
}

void ctl_strings_put(struct ctl_strings *list, tb_str s)
{
    if (!tb_strs_has(ctl_strings_of(list), s)) {
        ctl_strings_add(list, s);
    }
}

/* ---- one ticket ---- */

static void set_str(struct tb_import_data *d, unsigned bit, tb_str *field, tb_str value)
{
    if (tb_str_is_null(value) || (value.len == 0 && bit != TB_IMPORT_DESCRIPTION)) {
        return;
    }
    *field = value;
    tb_mark(&d->p, bit);
}

/* What the source does not have is null here too. */
static void set_or_null(struct tb_import_data *d, unsigned bit, tb_str *field, tb_str value)
{
    if (value.len) {
        set_str(d, bit, field, value);
    } else {
        tb_mark_null(&d->p, bit);
    }
}

static void set_time(struct tb_import_data *d, unsigned bit, int64_t *field, int64_t value)
{
    if (value != TB_TIME_NONE) {
        *field = value;
        tb_mark(&d->p, bit);
    }
}

static int64_t first_time(int64_t a, int64_t b, int64_t c)
{
    return a != TB_TIME_NONE ? a : b != TB_TIME_NONE ? b : c;
}

static tb_str first_text(tb_str a, tb_str b, tb_str c)
{
    return a.len ? a : b.len ? b : c;
}

static void set_state(struct tb_import_data *d, const struct ctl_beads_issue *issue)
{
    bool closed = ctl_beads_is_closed(issue);
    d->is_resolved = closed;
    d->is_deleted = ctl_beads_is_deleted(issue);
    tb_mark(&d->p, TB_IMPORT_IS_RESOLVED);
    tb_mark(&d->p, TB_IMPORT_IS_DELETED);
    if (closed) {
        int64_t at = first_time(issue->closed_at, issue->updated_at, issue->created_at);
        set_time(d, TB_IMPORT_COMPLETED_AT, &d->completed_at, at);
        set_time(d, TB_IMPORT_RESOLVED_AT, &d->resolved_at, at);
    }
    if (d->is_deleted) {
        set_time(d, TB_IMPORT_DELETED_AT, &d->deleted_at,
                 first_time(issue->deleted_at, issue->updated_at, issue->created_at));
    }
}

static void set_fields(struct ctl_plan_ticket *t, tb_str workflow, struct tb_arena *arena)
{
    const struct ctl_beads_issue *issue = t->issue;
    struct tb_import_data *d = &t->want;
    set_str(d, TB_IMPORT_WORKFLOW_ID, &d->workflow_id, workflow);
    set_str(d, TB_IMPORT_TITLE, &d->title, issue->title);
    set_str(d, TB_IMPORT_DESCRIPTION, &d->description, ctl_beads_text(issue, arena));
    set_str(d, TB_IMPORT_TICKET_TYPE, &d->ticket_type, issue->type);
    set_str(d, TB_IMPORT_PRIORITY, &d->priority, ctl_beads_priority(issue, arena));
    set_str(d, TB_IMPORT_STATUS, &d->status, ctl_beads_status(issue));
    set_str(d, TB_IMPORT_CREATED_BY_AGENT_ID, &d->created_by_agent_id,
            first_text(issue->created_by, issue->owner, TB_LIT("unknown")));
    set_str(d, TB_IMPORT_EXTERNAL_ID, &d->external_id, issue->id);
    set_or_null(d, TB_IMPORT_ASSIGNED_AGENT_ID, &d->assigned_agent_id, issue->assignee);
    d->tags = issue->labels;
    tb_mark(&d->p, TB_IMPORT_TAGS);
    set_time(d, TB_IMPORT_CREATED_AT, &d->created_at, issue->created_at);
    set_time(d, TB_IMPORT_UPDATED_AT, &d->updated_at, issue->updated_at);
    set_state(d, issue);
}

/* Comments of the file, and the reasons for closing and deleting as comments of their own, whatever
 * the status says now: an issue closed, then deleted or opened again, keeps them. */
static void set_comments(struct ctl_plan *plan, struct ctl_plan_ticket *t, struct tb_arena *arena)
{
    const struct ctl_beads_issue *issue = t->issue;
    struct ctl_plan_comment *all = TB_NEW_N(arena, struct ctl_plan_comment, issue->ncomments + 2);
    size_t n = 0;
    for (size_t i = 0; all && i < issue->ncomments; i++) {
        const struct ctl_beads_comment *c = &issue->comments[i];
        all[n++] = (struct ctl_plan_comment){
            c->id, c->text, TB_LIT("general"),
            first_text(c->author, issue->created_by, TB_LIT("unknown")),
            first_time(c->created_at, issue->updated_at, issue->created_at)};
    }
    plan->comments += n;
    if (all && issue->close_reason.len) {
        all[n++] = (struct ctl_plan_comment){
            TB_LIT("close_reason"), issue->close_reason, TB_LIT("resolution"),
            first_text(issue->assignee, t->want.created_by_agent_id, TB_LIT("unknown")),
            first_time(issue->closed_at, issue->updated_at, issue->created_at)};
        plan->reasons++;
    }
    if (all && issue->delete_reason.len) {
        all[n++] = (struct ctl_plan_comment){
            TB_LIT("delete_reason"), issue->delete_reason, TB_LIT("deletion"),
            first_text(issue->deleted_by, t->want.created_by_agent_id, TB_LIT("unknown")),
            first_time(issue->deleted_at, issue->updated_at, issue->created_at)};
        plan->reasons++;
    }
    t->comments = all;
    t->ncomments = n;
}

/* ---- edges ---- */

static void count_edge(struct ctl_plan *plan, tb_str type, struct tb_arena *arena)
{
    for (size_t i = 0; i < plan->nedges; i++) {
        if (tb_str_eq(plan->edges[i].type, type)) {
            plan->edges[i].n++;
            return;
        }
    }
    struct ctl_plan_count *edges = TB_NEW_N(arena, struct ctl_plan_count, plan->nedges + 1);
    if (edges) {
        if (plan->nedges) {
            memcpy(edges, plan->edges, plan->nedges * sizeof *edges);
        }
        edges[plan->nedges++] = (struct ctl_plan_count){type, 1};
        plan->edges = edges;
    }
}

static bool has_edge(const struct tb_dependency_data *edges, size_t n, tb_str id, tb_str type)
{
    for (size_t i = 0; i < n; i++) {
        if (tb_str_eq(edges[i].depends_on, id) && tb_str_eq(edges[i].dependency_type, type)) {
            return true;
        }
    }
    return false;
}

struct edges {
    struct ctl_plan *plan;
    tb_str workflow;
    struct tb_arena *arena;
    struct ctl_strings dangling;
    struct ctl_strings cycles;
};

static tb_str edge_text(const struct edges *e, const struct ctl_beads_issue *issue,
                        const struct ctl_beads_edge *edge)
{
    return tb_arena_printf(e->arena, "%.*s -> %.*s (%.*s)", TB_ARG(issue->id),
                           TB_ARG(edge->depends_on), TB_ARG(edge->type));
}

/* The first parent-child edge to a ticket of the file gives the parent, if no ticket becomes its
 * own ancestor; every other edge stays an edge of its type. */
static void set_edges(struct edges *e, struct ctl_plan_ticket *t, struct ctl_order *order)
{
    const struct ctl_beads_issue *issue = t->issue;
    struct tb_import_data *d = &t->want;
    struct tb_dependency_data *kept = TB_NEW_N(e->arena, struct tb_dependency_data, issue->nedges);
    size_t n = 0;
    size_t self = (size_t)(t - e->plan->tickets);
    for (size_t i = 0; kept && i < issue->nedges; i++) {
        const struct ctl_beads_edge *edge = &issue->edges[i];
        size_t target = ctl_order_find(order, edge->depends_on);
        bool parent = tb_str_eq_c(edge->type, "parent-child");
        count_edge(e->plan, edge->type, e->arena);
        if (target == CTL_ORDER_NONE) {
            ctl_strings_add(&e->dangling, edge_text(e, issue, edge));
        }
        bool blocks = tb_str_eq_c(edge->type, TB_EDGE_BLOCKS);
        if (target == self ||
            (blocks && target != CTL_ORDER_NONE && !ctl_order_block(order, self, target))) {
            ctl_strings_add(&e->cycles, edge_text(e, issue, edge));
            continue;
        }
        tb_str id = ctl_beads_ticket_id(e->workflow, edge->depends_on, e->arena);
        if (parent && target != CTL_ORDER_NONE && !tb_has(&d->p, TB_IMPORT_PARENT_TICKET_ID)) {
            if (ctl_order_parent(order, self, target)) {
                set_str(d, TB_IMPORT_PARENT_TICKET_ID, &d->parent_ticket_id, id);
                continue;
            }
            ctl_strings_add(&e->cycles, edge_text(e, issue, edge));
        }
        if (!has_edge(kept, n, id, edge->type)) {
            kept[n] = (struct tb_dependency_data){.depends_on = id, .dependency_type = edge->type};
            tb_mark(&kept[n].p, TB_DEP_DEPENDS_ON);
            tb_mark(&kept[n].p, TB_DEP_TYPE);
            n++;
        }
    }
    if (!tb_has(&d->p, TB_IMPORT_PARENT_TICKET_ID)) {
        tb_mark_null(&d->p, TB_IMPORT_PARENT_TICKET_ID);
    }
    d->dependencies = (struct tb_records){kept, n};
    tb_mark(&d->p, TB_IMPORT_DEPENDENCIES);
}

/* ---- the whole ---- */

/* One ticket per id; of lines with the same id the last counts, at the place of the first. */
static bool take_issues(struct ctl_plan *plan, const struct ctl_beads_issue *issues, size_t n,
                        struct tb_arena *arena)
{
    struct tb_map seen;
    struct ctl_strings duplicates = {.arena = arena};
    tb_map_init(&seen, arena);
    plan->tickets = TB_NEW_N(arena, struct ctl_plan_ticket, n);
    for (size_t i = 0; plan->tickets && i < n; i++) {
        struct ctl_plan_ticket *known = tb_map_get(&seen, issues[i].id);
        if (known) {
            known->issue = &issues[i];
            ctl_strings_put(&duplicates, issues[i].id);
            continue;
        }
        struct ctl_plan_ticket *t = &plan->tickets[plan->n++];
        t->issue = &issues[i];
        if (!tb_map_put(&seen, issues[i].id, t)) {
            return false;
        }
    }
    plan->duplicates = ctl_strings_of(&duplicates);
    return plan->tickets != NULL;
}

static bool sort_by_rank(struct ctl_plan *plan, struct tb_arena *arena)
{
    struct ctl_plan_ticket *sorted = TB_NEW_N(arena, struct ctl_plan_ticket, plan->n);
    size_t n = 0;
    for (size_t rank = 0; sorted && n < plan->n; rank++) {
        for (size_t i = 0; i < plan->n; i++) {
            if (plan->tickets[i].rank == rank) {
                sorted[n++] = plan->tickets[i];
            }
        }
        plan->ranks = rank + 1;
    }
    plan->tickets = sorted;
    return sorted != NULL;
}

enum tb_rc ctl_plan_make(const struct ctl_beads_issue *issues, size_t n, tb_str workflow,
                         struct tb_arena *arena, struct ctl_plan *ret, struct tb_error *err)
{
    *ret = (struct ctl_plan){0};
    struct ctl_order order;
    struct edges e = {.plan = ret,
                      .workflow = workflow,
                      .arena = arena,
                      .dangling = {.arena = arena},
                      .cycles = {.arena = arena}};
    bool ok = take_issues(ret, issues, n, arena) && ctl_order_init(&order, ret->n, arena);
    for (size_t i = 0; ok && i < ret->n; i++) {
        ok = ctl_order_name(&order, i, ret->tickets[i].issue->id);
    }
    for (size_t i = 0; ok && i < ret->n; i++) {
        struct ctl_plan_ticket *t = &ret->tickets[i];
        t->id = ctl_beads_ticket_id(workflow, t->issue->id, arena);
        set_fields(t, workflow, arena);
        set_edges(&e, t, &order);
        set_comments(ret, t, arena);
        ret->deleted += t->want.is_deleted;
    }
    ok = ok && ctl_order_ranks(&order);
    for (size_t i = 0; ok && i < ret->n; i++) {
        ret->tickets[i].rank = order.nodes[i].rank;
    }
    ret->dangling = ctl_strings_of(&e.dangling);
    ret->cycles = ctl_strings_of(&e.cycles);
    if (!ok || !sort_by_rank(ret, arena) || tb_arena_failed(arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    return TB_OK;
}
