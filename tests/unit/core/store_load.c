/* Loading a world from the store: what the worker's SQL reads for each need, and no more. */
#include <stdlib.h>

#include "tests/unit/core/store.h"

struct loading {
    struct store *s;
    const struct store *seen;
    struct tb_world *w;
    const struct tb_command *cmd;
    const struct tb_context *ctx;
};

static void must(enum tb_rc rc)
{
    if (rc != TB_OK) {
        abort();
    }
}

/* State of another ticket: existence and workflow never change back, so they are read as they are;
 * the rest may be old. */
static void load_ref(struct loading *l, tb_str id)
{
    const struct tb_ticket *now = &l->s->tickets[store_at(id)];
    const struct tb_ticket *old = &l->seen->tickets[store_at(id)];
    if (!old->version) {
        return;
    }
    struct tb_ref ref = {
        .id = id,
        .workflow_id = tb_ticket_str(old, TB_TICKET_WORKFLOW_ID),
        .parent_ticket_id = tb_ticket_str(now, TB_TICKET_PARENT_TICKET_ID),
        .is_resolved = tb_ticket_bool(old, TB_TICKET_IS_RESOLVED),
        .is_deleted = tb_ticket_bool(old, TB_TICKET_IS_DELETED),
    };
    must(tb_world_add_ref(l->w, &ref));
}

static void load_edges_out(struct loading *l, tb_str id, bool refs)
{
    for (size_t i = 0; i < l->s->nedges; i++) {
        if (tb_str_eq(l->s->edges[i].ticket_id, id)) {
            must(tb_world_add_edge(l->w, &l->s->edges[i]));
            if (refs) {
                load_ref(l, l->s->edges[i].depends_on);
            }
        }
    }
}

static void load_edges_in(struct loading *l, tb_str id)
{
    for (size_t i = 0; i < l->seen->nedges; i++) {
        if (tb_str_eq(l->seen->edges[i].depends_on, id)) {
            must(tb_world_add_edge(l->w, &l->seen->edges[i]));
        }
    }
}

/* New targets a command names. */
static size_t targets_of(const struct tb_command *cmd, tb_str *out)
{
    size_t n = 0;
    tb_strs list = {NULL, 0};
    struct tb_records edges = {NULL, 0};
    if (cmd->type->kind == TB_CMD_CREATE) {
        list = ((const struct tb_create_data *)cmd->data)->blocked_by_ticket_ids;
    } else if (cmd->type->kind == TB_CMD_UPDATE) {
        list = ((const struct tb_update_data *)cmd->data)->updates.blocked_by_ticket_ids;
    } else if (cmd->type->kind == TB_CMD_BLOCK) {
        list = ((const struct tb_block_data *)cmd->data)->blocked_by_ticket_ids;
    } else if (cmd->type->kind == TB_CMD_LINK) {
        edges = ((const struct tb_link_data *)cmd->data)->dependencies;
    } else if (cmd->type->kind == TB_CMD_IMPORT) {
        edges = ((const struct tb_import_data *)cmd->data)->dependencies;
    }
    const struct tb_dependency_data *e = edges.items;
    for (size_t i = 0; i < list.n; i++) {
        out[n++] = list.items[i];
    }
    for (size_t i = 0; i < edges.n; i++) {
        out[n++] = e[i].depends_on;
    }
    return n;
}

/* Under the workflow's edge lock, so never old. */
static void load_reach(struct loading *l)
{
    tb_str found[STORE_TICKETS * 4];
    bool done[STORE_TICKETS] = {false};
    size_t n = targets_of(l->cmd, found);
    for (size_t i = 0; i < n; i++) {
        load_ref(l, found[i]);
    }
    while (n > 0) {
        tb_str id = found[--n];
        if (done[store_at(id)]) {
            continue;
        }
        done[store_at(id)] = true;
        for (size_t i = 0; i < l->s->nedges; i++) {
            const struct tb_edge *e = &l->s->edges[i];
            if (tb_str_eq(e->ticket_id, id) && tb_str_eq_c(e->type, TB_EDGE_BLOCKS)) {
                must(tb_world_add_edge(l->w, e));
                if (!done[store_at(e->depends_on)] && n < TB_COUNT(found)) {
                    found[n++] = e->depends_on;
                }
            }
        }
    }
}

static void load_parents(struct loading *l)
{
    tb_str id = TB_STR_NULL;
    if (l->cmd->type->kind == TB_CMD_CREATE) {
        id = ((const struct tb_create_data *)l->cmd->data)->parent_ticket_id;
    } else if (l->cmd->type->kind == TB_CMD_UPDATE) {
        id = ((const struct tb_update_data *)l->cmd->data)->updates.parent_ticket_id;
    } else if (l->cmd->type->kind == TB_CMD_IMPORT) {
        id = ((const struct tb_import_data *)l->cmd->data)->parent_ticket_id;
    }
    while (id.ptr) {
        load_ref(l, id);
        id = tb_ticket_str(&l->s->tickets[store_at(id)], TB_TICKET_PARENT_TICKET_ID);
    }
}

static void load_rows(struct loading *l, unsigned needs)
{
    tb_str id = l->ctx->comment_id;
    if (l->cmd->type->kind == TB_CMD_EDIT_COMMENT) {
        id = ((const struct tb_edit_comment_data *)l->cmd->data)->comment_id;
    }
    for (size_t i = 0; needs & TB_NEED_COMMENT && i < l->s->ncomments; i++) {
        if (tb_str_eq(l->s->comments[i].id, id)) {
            must(tb_world_add_comment(l->w, &l->s->comments[i]));
        }
    }
    for (size_t i = 0; needs & TB_NEED_COMMITS && i < l->s->ncommits; i++) {
        if (tb_str_eq(l->s->commits[i].ticket_id, l->cmd->subject)) {
            must(tb_world_add_commit(l->w, l->cmd->subject, l->s->commits[i].sha));
        }
    }
}

static void load_counts(struct loading *l, unsigned needs, const struct tb_board *board)
{
    /* Every column's, as a board.put earlier in the batch may limit any. */
    for (size_t i = 0; board && needs & TB_NEED_WIP && i < board->ncolumns; i++) {
        must(tb_world_set_count(l->w, TB_COUNT_WIP, board->workflow_id, board->columns[i].id,
                                store_in_column(l->s, board->workflow_id, board->columns[i].id)));
    }
    for (int i = 0; board && needs & TB_NEED_USAGE && i < STORE_TICKETS; i++) {
        const struct tb_ticket *t = &l->s->tickets[i];
        if (!t->version ||
            !tb_str_eq(tb_ticket_str(t, TB_TICKET_WORKFLOW_ID), board->workflow_id)) {
            continue;
        }
        int64_t same_status = 0;
        int64_t same_type = 0;
        for (int j = 0; j < STORE_TICKETS; j++) {
            const struct tb_ticket *o = &l->s->tickets[j];
            bool here = o->version &&
                        tb_str_eq(tb_ticket_str(o, TB_TICKET_WORKFLOW_ID), board->workflow_id);
            same_status +=
                here && tb_value_eq(o->fields[TB_TICKET_STATUS], t->fields[TB_TICKET_STATUS]);
            same_type += here && tb_value_eq(o->fields[TB_TICKET_TICKET_TYPE],
                                             t->fields[TB_TICKET_TICKET_TYPE]);
        }
        must(tb_world_set_count(l->w, TB_COUNT_STATUS, board->workflow_id,
                                tb_ticket_str(t, TB_TICKET_STATUS), same_status));
        must(tb_world_set_count(l->w, TB_COUNT_TYPE, board->workflow_id,
                                tb_ticket_str(t, TB_TICKET_TICKET_TYPE), same_type));
    }
}

static tb_str workflow_of(const struct loading *l)
{
    if (l->cmd->type->family == TB_FAMILY_BOARD) {
        return l->cmd->subject;
    }
    const struct tb_ticket *t = &l->s->tickets[store_at(l->cmd->subject)];
    if (t->version) {
        return tb_ticket_str(t, TB_TICKET_WORKFLOW_ID);
    }
    if (l->cmd->type->kind == TB_CMD_CREATE) {
        return ((const struct tb_create_data *)l->cmd->data)->workflow_id;
    }
    if (l->cmd->type->kind == TB_CMD_IMPORT) {
        return ((const struct tb_import_data *)l->cmd->data)->workflow_id;
    }
    return TB_STR_NULL;
}

void store_load(struct store *s, const struct store *seen, struct tb_world *w,
                const struct tb_command *cmd, const struct tb_context *ctx)
{
    struct loading l = {s, seen, w, cmd, ctx};
    unsigned needs = cmd->type->needs;
    struct tb_board *board = store_board(s, workflow_of(&l));
    if (board) {
        must(tb_world_add_board(l.w, board));
    }
    if (cmd->type->family != TB_FAMILY_BOARD) {
        const struct tb_ticket *t = &s->tickets[store_at(cmd->subject)];
        if (t->version) {
            must(tb_world_add_ticket(l.w, t));
        }
    }
    if (needs & TB_NEED_BLOCKERS) {
        load_edges_out(&l, cmd->subject, true);
    }
    if (needs & TB_NEED_DEPENDENTS) {
        load_edges_in(&l, cmd->subject);
    }
    if (needs & TB_NEED_REACH) {
        load_reach(&l);
    }
    if (needs & TB_NEED_PARENTS) {
        load_parents(&l);
    }
    load_rows(&l, needs);
    load_counts(&l, needs, board);
}
