/* Opens the batch's transaction and reads, in one round trip, all its commands need.
 *
 * Locks are taken in one order everywhere, so that workers do not deadlock: watermarks, boards,
 * edge locks, tickets by id. What is read unlocked comes after them and so sees what their holders
 * committed. */
#include "common/base/uuid.h"
#include "common/model/limits.h"
#include "worker/shell/load_internal.h"

static const char sql_watermarks[] =
    "SELECT partition, next_offset, owner_epoch, clock_timestamp()"
    " FROM partition_watermarks WHERE topic = $1 AND partition = ANY($2::bigint[])"
    " ORDER BY partition FOR UPDATE";

/* Everybody holds the boards they touch shared; exclusively where the board is replaced ($3) or a
 * column with a limit may be entered ($2 by workflow, $5 by ticket). Told apart are the boards
 * entered under a shared lock: they had no limit when we looked. The workflows are left for the
 * statement that reads their boards, which need not find them by their tickets once more.
 *
 * What goes with a key travels in an array beside it, here and below: "id = ANY($n)" over a
 * parameter in a list of columns compares with each element in turn. */
static const char sql_board_locks[] =
    "SELECT l.workflow_id, l.entering AND NOT l.exclusive,"
    "  CASE WHEN l.exclusive THEN pg_advisory_xact_lock(l.key)"
    "       ELSE pg_advisory_xact_lock_shared(l.key) END,"
    "  CASE WHEN row_number() OVER () = 1 THEN"
    "    set_config('ticketbus.workflows', (array_agg(l.workflow_id) OVER ())::text, true) END"
    " FROM (SELECT w.workflow_id, hashtextextended('ticketbus.board:' || w.workflow_id, 0) AS key,"
    "         bool_or(w.entering) AS entering,"
    "         w.workflow_id = ANY($3::text[]) OR (bool_or(w.entering) AND COALESCE("
    "           (SELECT b.has_wip FROM board_configs b WHERE b.workflow_id = w.workflow_id), "
    "false))"
    "           AS exclusive"
    "       FROM (SELECT unnest($1::text[]) AS workflow_id, unnest($2::bool[]) AS entering"
    "             UNION ALL SELECT t.workflow_id, k.entering"
    "               FROM (SELECT unnest($4::text[]) AS id, unnest($5::bool[]) AS entering) k"
    "               JOIN tickets t ON t.id = k.id) w"
    "       GROUP BY w.workflow_id ORDER BY 2 OFFSET 0) l";

static const char sql_edge_locks[] =
    "SELECT pg_advisory_xact_lock(l.key) FROM ("
    "  SELECT DISTINCT hashtextextended('ticketbus.edges:' || w.workflow_id, 0) AS key"
    "  FROM (SELECT unnest($1::text[]) AS workflow_id"
    "        UNION SELECT t.workflow_id FROM tickets t WHERE t.id = ANY($2::text[])) w"
    "  ORDER BY 1 OFFSET 0) l";

static const char sql_tickets[] =
    "SELECT t.id, version, workflow_id, external_id, created_by_agent_id, assigned_agent_id, title,"
    "  CASE WHEN k.with_text THEN description END, ticket_type, priority, status,"
    "  parent_ticket_id, related_task_ids, related_ticket_ids, tags, blocked_by_ticket_ids,"
    "  is_blocked, is_resolved, is_deleted, created_at, updated_at, started_at, completed_at,"
    "  resolved_at, deleted_at"
    " FROM (SELECT unnest($1::text[]) AS id, unnest($2::bool[]) AS with_text) k"
    " JOIN tickets t ON t.id = k.id ORDER BY t.id FOR NO KEY UPDATE OF t";

/* Of the workflows just locked, read anew: by a snapshot from after the locks. */
static const char sql_boards[] =
    "SELECT b.workflow_id, b.id, b.version, b.created_at, b.updated_at, b.has_wip,"
    "  json_build_object('name', b.name, 'columns', b.columns, 'ticket_types', b.ticket_types,"
    "    'default_ticket_type', b.default_ticket_type, 'initial_status', b.initial_status,"
    "    'settings', b.settings)::text"
    " FROM board_configs b WHERE b.workflow_id ="
    "  ANY(NULLIF(current_setting('ticketbus.workflows', true), '')::text[])";

/* An id that is a UUIDv7 fixes the time it is filed under; any other may come back with another. */
static const char sql_seen[] =
    "SELECT l.source, l.id, l.body_hash, l.outbox FROM unnest($1::text[], $2::text[],"
    "  $3::timestamptz[]) AS k(source, id, t)"
    " JOIN command_log l ON l.source = k.source AND l.id = k.id AND l.stable_time = k.t";
static const char sql_seen_any_time[] =
    "SELECT l.source, l.id, l.body_hash, l.outbox FROM unnest($1::text[], $2::text[])"
    "  AS k(source, id) JOIN command_log l ON l.source = k.source AND l.id = k.id";

static const char sql_parked[] =
    "SELECT ticket_id, reason, waits_for, deadline, code, message, parked_at"
    " FROM parked_tickets WHERE ticket_id = ANY($1::text[])";
static const char sql_waiters[] =
    "SELECT waits_for, ticket_id FROM parked_tickets WHERE waits_for = ANY($1::text[])"
    " ORDER BY ticket_id";

#define REF_COLUMNS "t.id, t.workflow_id, t.parent_ticket_id, t.is_resolved, t.is_deleted"

static const char sql_edges_out[] =
    "SELECT d.ticket_id, d.depends_on, d.dependency_type, " REF_COLUMNS
    " FROM ticket_dependencies d LEFT JOIN tickets t ON t.id = d.depends_on"
    " WHERE d.ticket_id = ANY($1::text[])";
static const char sql_edges_in[] =
    "SELECT d.ticket_id, d.depends_on, d.dependency_type, " REF_COLUMNS
    " FROM ticket_dependencies d JOIN tickets t ON t.id = d.ticket_id"
    " WHERE d.depends_on = ANY($1::text[])";
static const char sql_closure[] =
    "WITH RECURSIVE walk(ticket_id, depends_on) AS ("
    "  SELECT d.ticket_id, d.depends_on FROM ticket_dependencies d"
    "   WHERE d.ticket_id = ANY($1::text[]) AND d.dependency_type = 'blocks'"
    "  UNION SELECT d.ticket_id, d.depends_on FROM walk w JOIN ticket_dependencies d"
    "   ON d.ticket_id = w.depends_on AND d.dependency_type = 'blocks')"
    " SELECT ticket_id, depends_on FROM walk LIMIT $2::bigint + 1";
static const char sql_refs[] = "SELECT " REF_COLUMNS " FROM tickets t WHERE t.id = ANY($1::text[])";
static const char sql_ancestors[] =
    "WITH RECURSIVE up(id, workflow_id, parent_ticket_id, is_resolved, is_deleted) AS ("
    "  SELECT " REF_COLUMNS " FROM tickets t WHERE t.id = ANY($1::text[])"
    "  UNION SELECT " REF_COLUMNS " FROM up JOIN tickets t ON t.id = up.parent_ticket_id)"
    " SELECT * FROM up LIMIT $2::bigint + 1";

static const char sql_comments[] =
    "SELECT id, ticket_id, agent_id, comment_text, comment_type, mentions, attachments, created_at,"
    "  updated_at, is_edited FROM ticket_comments WHERE id = ANY($1::text[])";
static const char sql_commits[] =
    "SELECT ticket_id, commit_sha FROM ticket_commits WHERE ticket_id = ANY($1::text[])";
/* Of boards with a limit, and of those the batch may give one ($3). */
static const char sql_wip[] =
    "SELECT t.workflow_id, t.status, count(*) FROM tickets t"
    " WHERE NOT t.is_deleted AND t.workflow_id IN (SELECT b.workflow_id FROM board_configs b"
    "   WHERE (b.has_wip OR b.workflow_id = ANY($3::text[])) AND (b.workflow_id = ANY($1::text[])"
    "     OR b.workflow_id IN (SELECT e.workflow_id FROM tickets e WHERE e.id = ANY($2::text[]))))"
    " GROUP BY t.workflow_id, t.status";
static const char sql_usage[] =
    "SELECT workflow_id, status, ticket_type, count(*) FROM tickets"
    " WHERE workflow_id = ANY($1::text[]) GROUP BY workflow_id, status, ticket_type";

/* A statement of the load and the function that takes its rows. */
static enum tb_rc queue(struct tb_loading *l, const char *name, const char *sql,
                        const struct tb_pg_params *p, tb_take_fn *take, struct tb_error *err)
{
    enum tb_rc rc = tb_pg_pipeline_add(l->w->pg, name, sql, p, err);
    if (rc == TB_OK) {
        l->steps[l->nsteps++] = take;
    }
    return rc;
}

/* Queues a statement whose only parameter is a set of keys; nothing for an empty set. */
static enum tb_rc queue_set(struct tb_loading *l, const char *name, const char *sql,
                            const struct tb_keyset *set, tb_take_fn *take, struct tb_error *err)
{
    if (set->n == 0) {
        return TB_OK;
    }
    struct tb_pg_params p;
    tb_pg_params_init(&p, l->b->arena);
    tb_pg_add_texts(&p, set->items, set->n);
    return queue(l, name, sql, &p, take, err);
}

/* For each key of a set whether it is in a part of it too. */
static void add_membership(struct tb_loading *l, struct tb_pg_params *p,
                           const struct tb_keyset *set, const struct tb_keyset *part)
{
    int64_t *flags = TB_NEW_N(l->b->arena, int64_t, set->n + 1);
    for (size_t i = 0; flags && i < set->n; i++) {
        flags[i] = tb_keyset_has(part, set->items[i]);
    }
    p->failed = p->failed || !flags;
    tb_pg_add_bools(p, flags, flags ? set->n : 0);
}

static enum tb_rc queue_watermarks(struct tb_loading *l, struct tb_error *err)
{
    int64_t *ids = TB_NEW_N(l->b->arena, int64_t, l->w->npartitions + 1);
    size_t n = 0;
    for (size_t i = 0; ids && i < l->b->n; i++) {
        if (n == 0 || ids[n - 1] != l->b->items[i].partition) {
            ids[n++] = l->b->items[i].partition;
        }
    }
    struct tb_pg_params p;
    tb_pg_params_init(&p, l->b->arena);
    tb_pg_add_str(&p, tb_str_of(l->w->topic_commands));
    tb_pg_add_bigints(&p, ids, n);
    return queue(l, "watermarks", sql_watermarks, &p, tb_take_watermarks, err);
}

static enum tb_rc queue_locks(struct tb_loading *l, struct tb_error *err)
{
    const struct tb_keys *k = l->keys;
    struct tb_pg_params p;
    tb_pg_params_init(&p, l->b->arena);
    tb_pg_add_texts(&p, k->workflows.items, k->workflows.n);
    add_membership(l, &p, &k->workflows, &k->entering_workflows);
    tb_pg_add_texts(&p, k->put_boards.items, k->put_boards.n);
    tb_pg_add_texts(&p, k->subjects.items, k->subjects.n);
    add_membership(l, &p, &k->subjects, &k->entering);
    enum tb_rc rc = queue(l, "board_locks", sql_board_locks, &p, tb_take_board_locks, err);
    if (rc == TB_OK && k->edge_tickets.n > 0) {
        tb_pg_params_init(&p, l->b->arena);
        tb_pg_add_texts(&p, k->edge_workflows.items, k->edge_workflows.n);
        tb_pg_add_texts(&p, k->edge_tickets.items, k->edge_tickets.n);
        rc = queue(l, "edge_locks", sql_edge_locks, &p, tb_take_nothing, err);
    }
    return rc;
}

static enum tb_rc queue_tickets(struct tb_loading *l, struct tb_error *err)
{
    const struct tb_keys *k = l->keys;
    struct tb_pg_params p;
    tb_pg_params_init(&p, l->b->arena);
    tb_pg_add_texts(&p, k->subjects.items, k->subjects.n);
    add_membership(l, &p, &k->subjects, &k->with_text);
    enum tb_rc rc = queue(l, "tickets", sql_tickets, &p, tb_take_tickets, err);
    if (rc == TB_OK) {
        rc = queue(l, "boards", sql_boards, NULL, tb_take_boards, err);
    }
    return rc;
}

/* Looks the batch's command ids up in the log, after the tickets are locked. */
static enum tb_rc queue_seen(struct tb_loading *l, struct tb_error *err)
{
    size_t n = l->b->n;
    tb_str *sources = TB_NEW_N(l->b->arena, tb_str, 2 * n);
    tb_str *ids = TB_NEW_N(l->b->arena, tb_str, 2 * n);
    int64_t *times = TB_NEW_N(l->b->arena, int64_t, n);
    if (!sources || !ids || !times) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    size_t fixed = 0; /* from the front: UUIDv7 */
    size_t loose = 0; /* from n on: any other id */
    for (size_t i = 0; i < n; i++) {
        const struct tb_command *c = &l->b->items[i].cmd;
        if (l->b->items[i].kind == TB_ITEM_DEAD) {
            continue;
        }
        struct tb_uuid uuid;
        if (tb_uuid_parse(c->id, &uuid) && tb_uuid_version(&uuid) == 7) {
            sources[fixed] = c->source;
            ids[fixed] = c->id;
            times[fixed++] = c->stable_time;
        } else {
            sources[n + loose] = c->source;
            ids[n + loose++] = c->id;
        }
    }
    struct tb_pg_params p;
    enum tb_rc rc = TB_OK;
    if (fixed > 0) {
        tb_pg_params_init(&p, l->b->arena);
        tb_pg_add_texts(&p, sources, fixed);
        tb_pg_add_texts(&p, ids, fixed);
        tb_pg_add_times(&p, times, fixed);
        rc = queue(l, "seen", sql_seen, &p, tb_take_seen, err);
    }
    if (rc == TB_OK && loose > 0) {
        tb_pg_params_init(&p, l->b->arena);
        tb_pg_add_texts(&p, sources + n, loose);
        tb_pg_add_texts(&p, ids + n, loose);
        rc = queue(l, "seen_any_time", sql_seen_any_time, &p, tb_take_seen, err);
    }
    return rc;
}

static enum tb_rc queue_walk(struct tb_loading *l, const char *name, const char *sql,
                             const struct tb_keyset *set, tb_take_fn *take, struct tb_error *err)
{
    if (set->n == 0) {
        return TB_OK;
    }
    struct tb_pg_params p;
    tb_pg_params_init(&p, l->b->arena);
    tb_pg_add_texts(&p, set->items, set->n);
    tb_pg_add_int(&p, TB_MAX_CLOSURE);
    return queue(l, name, sql, &p, take, err);
}

static enum tb_rc queue_wip(struct tb_loading *l, struct tb_error *err)
{
    const struct tb_keys *k = l->keys;
    if (k->entering.n == 0) {
        return TB_OK;
    }
    struct tb_pg_params p;
    tb_pg_params_init(&p, l->b->arena);
    tb_pg_add_texts(&p, k->entering_workflows.items, k->entering_workflows.n);
    tb_pg_add_texts(&p, k->entering.items, k->entering.n);
    tb_pg_add_texts(&p, k->put_boards.items, k->put_boards.n);
    return queue(l, "wip", sql_wip, &p, tb_take_wip, err);
}

static enum tb_rc queue_all(struct tb_loading *l, struct tb_error *err)
{
    const struct tb_keys *k = l->keys;
    const struct {
        const char *name;
        const char *sql;
        const struct tb_keyset *set;
        tb_take_fn *take;
    } sets[] = {
        {"parked", sql_parked, &k->subjects, tb_take_parked},
        {"waiters", sql_waiters, &k->created, tb_take_waiters},
        {"edges_out", sql_edges_out, &k->blockers, tb_take_edges},
        {"edges_in", sql_edges_in, &k->dependents, tb_take_edges},
        {"refs", sql_refs, &k->refs, tb_take_refs},
        {"comments", sql_comments, &k->comments, tb_take_comments},
        {"commits", sql_commits, &k->commit_tickets, tb_take_commits},
        {"usage", sql_usage, &k->put_boards, tb_take_usage},
    };
    enum tb_rc rc = queue(l, "begin", "BEGIN", NULL, tb_take_nothing, err);
    rc = rc != TB_OK ? rc : queue_watermarks(l, err);
    rc = rc != TB_OK ? rc : queue_locks(l, err);
    rc = rc != TB_OK ? rc : queue_tickets(l, err);
    rc = rc != TB_OK ? rc : queue_seen(l, err);
    for (size_t i = 0; i < TB_COUNT(sets) && rc == TB_OK; i++) {
        rc = queue_set(l, sets[i].name, sets[i].sql, sets[i].set, sets[i].take, err);
    }
    rc =
        rc != TB_OK ? rc : queue_walk(l, "closure", sql_closure, &k->closure, tb_take_closure, err);
    rc = rc != TB_OK ? rc
                     : queue_walk(l, "ancestors", sql_ancestors, &k->parents, tb_take_refs, err);
    return rc != TB_OK ? rc : queue_wip(l, err);
}

enum tb_rc tb_batch_load(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct tb_keys keys = {0};
    struct tb_loading l = {.w = w, .b = b, .keys = &keys};
    tb_map_init(&l.entered_shared, b->arena);
    if (!tb_keys_gather(&keys, b)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    struct tb_pg_result *results[TB_LOAD_STEPS] = {0};
    enum tb_rc rc = queue_all(&l, err);
    enum tb_rc ran = tb_pg_pipeline_run(w->pg, results, false, rc == TB_OK ? err : NULL);
    rc = rc != TB_OK ? rc : ran;
    for (int i = 0; i < l.nsteps; i++) {
        if (rc == TB_OK) {
            rc = l.steps[i](&l, results[i], err);
        }
        tb_pg_result_free(results[i]);
    }
    struct tb_error ignored;
    if (rc != TB_OK && tb_pg_alive(w->pg) && tb_pg_rollback(w->pg, &ignored) != TB_OK) {
        return TB_EUNAVAILABLE;
    }
    return rc;
}
