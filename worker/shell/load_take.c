/* From the rows of the load to the batch's world. */
#include "common/json/record.h"
#include "worker/shell/load_internal.h"

enum tb_rc tb_take_nothing(struct tb_loading *l, const struct tb_pg_result *r, struct tb_error *err)
{
    (void)l;
    (void)r;
    (void)err;
    return TB_OK;
}

static tb_str text(struct tb_loading *l, const struct tb_pg_result *r, int row, int col)
{
    return tb_pg_str_in(r, row, col, l->b->arena);
}

enum tb_rc tb_take_watermarks(struct tb_loading *l, const struct tb_pg_result *r,
                              struct tb_error *err)
{
    int found = 0;
    for (int i = 0; i < tb_pg_rows(r); i++) {
        int32_t id = (int32_t)tb_pg_int(r, i, 0);
        const struct tb_partition *p = tb_worker_partition(l->w, id);
        if (p && p->next == tb_pg_int(r, i, 1) && p->epoch == tb_pg_int(r, i, 2)) {
            found++;
        }
        l->b->now_us = tb_pg_time(r, i, 3);
    }
    int wanted = 0;
    int32_t last = -1;
    for (size_t i = 0; i < l->b->n; i++) {
        /* Items of one partition stand together, in order. */
        if (l->b->items[i].partition != last) {
            last = l->b->items[i].partition;
            wanted++;
        }
    }
    if (found != wanted) {
        return tb_fail(err, TB_ECONFLICT, "another worker has advanced or claimed a partition");
    }
    return TB_OK;
}

enum tb_rc tb_take_board_locks(struct tb_loading *l, const struct tb_pg_result *r,
                               struct tb_error *err)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        if (tb_pg_bool(r, i, 1) && !tb_map_put(&l->entered_shared, text(l, r, i, 0), l)) {
            return tb_fail(err, TB_ENOMEM, "out of memory");
        }
    }
    return TB_OK;
}

/* Reads one field of a ticket from column col by its kind. */
static enum tb_rc take_field(struct tb_loading *l, const struct tb_pg_result *r, int row, int col,
                             struct tb_value *value)
{
    switch (value->kind) {
    case TB_VALUE_STR:
        value->as.str = text(l, r, row, col);
        return TB_OK;
    case TB_VALUE_BOOL:
        value->as.boolean = tb_pg_bool(r, row, col);
        return TB_OK;
    case TB_VALUE_TIME:
        value->as.time = tb_pg_time(r, row, col);
        return TB_OK;
    case TB_VALUE_STRS:
        return tb_strings_parse(tb_pg_str(r, row, col), l->b->arena, &value->as.strs);
    }
    return TB_OK;
}

enum tb_rc tb_take_tickets(struct tb_loading *l, const struct tb_pg_result *r, struct tb_error *err)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        struct tb_ticket t = tb_ticket_absent(text(l, r, i, 0));
        t.version = tb_pg_int(r, i, 1);
        for (int f = 0; f < TB_TICKET_FIELDS_; f++) {
            enum tb_rc rc = take_field(l, r, i, f + 2, &t.fields[f]);
            if (rc != TB_OK) {
                return tb_fail_field(err, rc, tb_ticket_fields[f].name,
                                     "ticket %.*s: the stored list cannot be read", TB_ARG(t.id));
            }
        }
        enum tb_rc rc = tb_world_add_ticket(l->b->world, &t);
        if (rc != TB_OK || !tb_map_put(&l->b->existed, t.id, l)) {
            return tb_fail(err, TB_ENOMEM, "out of memory");
        }
    }
    return TB_OK;
}

enum tb_rc tb_take_boards(struct tb_loading *l, const struct tb_pg_result *r, struct tb_error *err)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        struct tb_board_put_data data;
        struct tb_board board;
        tb_str workflow = text(l, r, i, 0);
        enum tb_rc rc =
            tb_record_parse(&tb_record_board_put, tb_pg_str(r, i, 6), l->b->arena, &data, err);
        if (rc == TB_OK) {
            rc = tb_board_from_put(&data, l->b->arena, &board);
        }
        if (rc != TB_OK) {
            return tb_fail(err, TB_EFATAL, "the stored board of workflow %.*s cannot be read",
                           TB_ARG(workflow));
        }
        board.workflow_id = workflow;
        board.id = text(l, r, i, 1);
        board.version = tb_pg_int(r, i, 2);
        board.created_at = tb_pg_time(r, i, 3);
        board.updated_at = tb_pg_time(r, i, 4);
        rc = tb_world_add_board(l->b->world, &board);
        if (rc != TB_OK || !tb_map_put(&l->b->boards_existed, workflow, l)) {
            return tb_fail(err, TB_ENOMEM, "out of memory");
        }
        /* The board got its first limit between our look and our lock. */
        if (tb_pg_bool(r, i, 5) && tb_map_get(&l->entered_shared, workflow)) {
            return tb_fail(err, TB_ERETRY, "the board of %.*s has changed", TB_ARG(workflow));
        }
    }
    return TB_OK;
}

enum tb_rc tb_take_seen(struct tb_loading *l, const struct tb_pg_result *r, struct tb_error *err)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        struct tb_seen *seen = TB_NEW(l->b->arena, struct tb_seen);
        if (!seen) {
            return tb_fail(err, TB_ENOMEM, "out of memory");
        }
        seen->source = text(l, r, i, 0);
        seen->id = text(l, r, i, 1);
        seen->body_hash = tb_pg_bytes(r, i, 2, l->b->arena);
        seen->outbox = text(l, r, i, 3);
        tb_str key = tb_pair(l->b->arena, seen->source, seen->id);
        if (tb_str_is_null(key) || !tb_map_put(&l->b->seen, key, seen)) {
            return tb_fail(err, TB_ENOMEM, "out of memory");
        }
    }
    return TB_OK;
}

enum tb_rc tb_take_parked(struct tb_loading *l, const struct tb_pg_result *r, struct tb_error *err)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        struct tb_parked *p = TB_NEW(l->b->arena, struct tb_parked);
        if (!p) {
            return tb_fail(err, TB_ENOMEM, "out of memory");
        }
        p->ticket_id = text(l, r, i, 0);
        p->was_parked = true;
        p->is_parked = true;
        p->poison = tb_str_eq_c(tb_pg_str(r, i, 1), "poison");
        p->waits_for = text(l, r, i, 2);
        p->deadline = tb_pg_time(r, i, 3);
        p->code = text(l, r, i, 4);
        p->message = text(l, r, i, 5);
        p->parked_at = tb_pg_time(r, i, 6);
        if (!tb_map_put(&l->b->parked, p->ticket_id, p)) {
            return tb_fail(err, TB_ENOMEM, "out of memory");
        }
    }
    return TB_OK;
}

enum tb_rc tb_take_waiters(struct tb_loading *l, const struct tb_pg_result *r, struct tb_error *err)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        tb_str waits_for = text(l, r, i, 0);
        struct tb_keyset *set = tb_map_get(&l->b->waiters, waits_for);
        if (!set) {
            set = TB_NEW(l->b->arena, struct tb_keyset);
            if (!set || !tb_map_put(&l->b->waiters, waits_for, set)) {
                return tb_fail(err, TB_ENOMEM, "out of memory");
            }
        }
        if (!tb_keyset_add(set, l->b->arena, text(l, r, i, 1))) {
            return tb_fail(err, TB_ENOMEM, "out of memory");
        }
    }
    return TB_OK;
}

static enum tb_rc add_ref(struct tb_loading *l, const struct tb_pg_result *r, int row, int col)
{
    struct tb_ref ref = {
        .id = text(l, r, row, col),
        .workflow_id = text(l, r, row, col + 1),
        .parent_ticket_id = text(l, r, row, col + 2),
        .is_resolved = tb_pg_bool(r, row, col + 3),
        .is_deleted = tb_pg_bool(r, row, col + 4),
    };
    return tb_str_is_null(ref.id) ? TB_OK : tb_world_add_ref(l->b->world, &ref);
}

enum tb_rc tb_take_refs(struct tb_loading *l, const struct tb_pg_result *r, struct tb_error *err)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        enum tb_rc rc = add_ref(l, r, i, 0);
        if (rc != TB_OK) {
            return tb_fail(err, rc, "out of memory");
        }
    }
    return TB_OK;
}

enum tb_rc tb_take_edges(struct tb_loading *l, const struct tb_pg_result *r, struct tb_error *err)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        struct tb_edge edge = {text(l, r, i, 0), text(l, r, i, 1), text(l, r, i, 2)};
        enum tb_rc rc = tb_world_add_edge(l->b->world, &edge);
        if (rc == TB_OK) {
            rc = add_ref(l, r, i, 3);
        }
        if (rc != TB_OK) {
            return tb_fail(err, rc, "out of memory");
        }
    }
    return TB_OK;
}

enum tb_rc tb_take_closure(struct tb_loading *l, const struct tb_pg_result *r, struct tb_error *err)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        struct tb_edge edge = {text(l, r, i, 0), text(l, r, i, 1), TB_LIT(TB_EDGE_BLOCKS)};
        enum tb_rc rc = tb_world_add_edge(l->b->world, &edge);
        if (rc != TB_OK) {
            return tb_fail(err, rc, "out of memory");
        }
    }
    return TB_OK;
}

enum tb_rc tb_take_comments(struct tb_loading *l, const struct tb_pg_result *r,
                            struct tb_error *err)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        struct tb_comment c = {
            .id = text(l, r, i, 0),
            .ticket_id = text(l, r, i, 1),
            .agent_id = text(l, r, i, 2),
            .text = text(l, r, i, 3),
            .type = text(l, r, i, 4),
            .created_at = tb_pg_time(r, i, 7),
            .updated_at = tb_pg_time(r, i, 8),
            .is_edited = tb_pg_bool(r, i, 9),
        };
        enum tb_rc rc = tb_strings_parse(tb_pg_str(r, i, 5), l->b->arena, &c.mentions);
        if (rc == TB_OK) {
            rc = tb_strings_parse(tb_pg_str(r, i, 6), l->b->arena, &c.attachments);
        }
        if (rc == TB_OK) {
            rc = tb_world_add_comment(l->b->world, &c);
        }
        if (rc != TB_OK) {
            return tb_fail(err, rc, "comment %.*s cannot be read", TB_ARG(c.id));
        }
    }
    return TB_OK;
}

enum tb_rc tb_take_commits(struct tb_loading *l, const struct tb_pg_result *r, struct tb_error *err)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        enum tb_rc rc = tb_world_add_commit(l->b->world, text(l, r, i, 0), text(l, r, i, 1));
        if (rc != TB_OK) {
            return tb_fail(err, rc, "out of memory");
        }
    }
    return TB_OK;
}

enum tb_rc tb_take_wip(struct tb_loading *l, const struct tb_pg_result *r, struct tb_error *err)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        enum tb_rc rc = tb_world_set_count(l->b->world, TB_COUNT_WIP, text(l, r, i, 0),
                                           text(l, r, i, 1), tb_pg_int(r, i, 2));
        if (rc != TB_OK) {
            return tb_fail(err, rc, "out of memory");
        }
    }
    return TB_OK;
}

/* Sums by status and by type; rows of one workflow are few (statuses x types). */
enum tb_rc tb_take_usage(struct tb_loading *l, const struct tb_pg_result *r, struct tb_error *err)
{
    static const struct {
        enum tb_count what;
        int col;
    } sums[] = {{TB_COUNT_STATUS, 1}, {TB_COUNT_TYPE, 2}};
    for (size_t k = 0; k < TB_COUNT(sums); k++) {
        for (int i = 0; i < tb_pg_rows(r); i++) {
            int64_t n = 0;
            for (int j = 0; j < tb_pg_rows(r); j++) {
                if (tb_str_eq(tb_pg_str(r, i, 0), tb_pg_str(r, j, 0)) &&
                    tb_str_eq(tb_pg_str(r, i, sums[k].col), tb_pg_str(r, j, sums[k].col))) {
                    n += tb_pg_int(r, j, 3);
                }
            }
            enum tb_rc rc = tb_world_set_count(l->b->world, sums[k].what, text(l, r, i, 0),
                                               text(l, r, i, sums[k].col), n);
            if (rc != TB_OK) {
                return tb_fail(err, rc, "out of memory");
            }
        }
    }
    return TB_OK;
}
