#include "producer/ctl/import_state.h"

#include <string.h>

#include "common/json/record.h"
#include "producer/ctl/tickets.h"

static enum tb_rc nomem(struct tb_error *err)
{
    return tb_fail(err, TB_ENOMEM, "out of memory");
}

static struct tb_value value(const struct tb_pg_result *r, int row, int col,
                             enum tb_value_kind kind, struct tb_arena *arena)
{
    tb_strs list = {NULL, 0};
    switch (kind) {
    case TB_VALUE_STR:
        return tb_value_str(tb_pg_str_in(r, row, col, arena));
    case TB_VALUE_BOOL:
        return tb_value_bool(tb_pg_bool(r, row, col));
    case TB_VALUE_TIME:
        return tb_value_time(tb_pg_time(r, row, col));
    case TB_VALUE_STRS:
        if (tb_strings_parse(tb_pg_str(r, row, col), arena, &list) != TB_OK) {
            list = (tb_strs){NULL, 0};
        }
        return tb_value_strs(list);
    }
    return tb_value_str(TB_STR_NULL);
}

static enum tb_rc take_tickets(struct ctl *ctl, const struct tb_pg_result *r,
                               struct ctl_state *state, struct tb_error *err)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        struct ctl_current *c =
            ctl_current_new(tb_pg_str_in(r, i, CTL_COL_ID, ctl->arena), ctl->arena);
        if (!c || !tb_map_put(&state->tickets, c->id, c)) {
            return nomem(err);
        }
        for (int f = 0; f < TB_TICKET_FIELDS_; f++) {
            c->fields[f] = value(r, i, CTL_COL_FIELDS + f, tb_ticket_fields[f].kind, ctl->arena);
        }
    }
    return TB_OK;
}

static enum tb_rc take_edges(struct ctl *ctl, const struct tb_pg_result *r, struct ctl_state *state,
                             struct tb_error *err)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        struct ctl_current *c = tb_map_get(&state->tickets, tb_pg_str(r, i, 0));
        if (c && !ctl_current_add_edge(c, tb_pg_str_in(r, i, 1, ctl->arena),
                                       tb_pg_str_in(r, i, 2, ctl->arena), ctl->arena)) {
            return nomem(err);
        }
    }
    return TB_OK;
}

static enum tb_rc take_keys(struct ctl *ctl, const struct tb_pg_result *r, struct tb_map *map,
                            bool reasons, struct tb_error *err)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        tb_str key = reasons
                         ? ctl_state_reason_key(tb_pg_str(r, i, 0), tb_pg_str(r, i, 1), ctl->arena)
                         : tb_pg_str_in(r, i, 0, ctl->arena);
        if (tb_str_is_null(key) || !tb_map_put(map, key, map)) {
            return nomem(err);
        }
    }
    return TB_OK;
}

tb_str ctl_state_reason_key(tb_str ticket_id, tb_str rationale, struct tb_arena *arena)
{
    return tb_arena_printf(arena, "%.*s %.*s", TB_ARG(ticket_id), TB_ARG(rationale));
}

enum { BOARD, TICKETS, EDGES, COMMENTS, REASONS, QUERIES };

static const char *const queries[QUERIES] = {
    [BOARD] = "SELECT 1 FROM board_configs WHERE workflow_id = $1",
    [TICKETS] = NULL, /* ctl_ticket_columns */
    [EDGES] = "SELECT d.ticket_id, d.depends_on, d.dependency_type FROM ticket_dependencies d"
              " JOIN tickets t ON t.id = d.ticket_id WHERE t.workflow_id = $1",
    [COMMENTS] = "SELECT c.id FROM ticket_comments c JOIN tickets t ON t.id = c.ticket_id"
                 " WHERE t.workflow_id = $1",
    [REASONS] = "SELECT DISTINCT h.ticket_id, h.metadata->>'rationale' FROM ticket_history h"
                " JOIN tickets t ON t.id = h.ticket_id"
                " WHERE t.workflow_id = $1 AND h.metadata->>'rationale' LIKE $2",
};

static enum tb_rc take(struct ctl *ctl, int query, const struct tb_pg_result *r,
                       struct ctl_state *state, struct tb_error *err)
{
    switch (query) {
    case BOARD:
        state->has_board = tb_pg_rows(r) > 0;
        return TB_OK;
    case TICKETS:
        return take_tickets(ctl, r, state, err);
    case EDGES:
        return take_edges(ctl, r, state, err);
    case COMMENTS:
        return take_keys(ctl, r, &state->comments, false, err);
    default:
        return take_keys(ctl, r, &state->reasons, true, err);
    }
}

enum tb_rc ctl_state_read(struct ctl *ctl, tb_str workflow, const char *reasons_like,
                          struct ctl_state *ret, struct tb_error *err)
{
    *ret = (struct ctl_state){0};
    tb_map_init(&ret->tickets, ctl->arena);
    tb_map_init(&ret->comments, ctl->arena);
    tb_map_init(&ret->reasons, ctl->arena);
    tb_str tickets = tb_arena_printf(
        ctl->arena, "SELECT %s FROM tickets t WHERE t.workflow_id = $1", ctl_ticket_columns);
    struct tb_pg_params p;
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_str(&p, workflow);
    enum tb_rc rc = TB_OK;
    for (int q = 0; rc == TB_OK && q < (reasons_like ? QUERIES : REASONS); q++) {
        struct tb_pg_result *r = NULL;
        if (q == REASONS) {
            tb_pg_add_str(&p, tb_str_of(reasons_like));
        }
        rc = ctl_query(ctl, q == TICKETS ? tickets.ptr : queries[q], &p, &r, err);
        rc = rc == TB_OK ? take(ctl, q, r, ret, err) : rc;
        tb_pg_result_free(r);
    }
    return rc;
}
