/* Writes what a batch decided, each table once and set-based, and commits, in one round trip. */
#include "common/base/json_write.h"
#include "worker/shell/keys.h"
#include "worker/shell/worker.h"

#define JSON_MAX ((size_t)16 * 1024 * 1024)

static const char sql_tickets_insert[] =
    "INSERT INTO tickets (id, version, workflow_id, external_id, created_by_agent_id,"
    "  assigned_agent_id, title, description, ticket_type, priority, status, parent_ticket_id,"
    "  related_task_ids, related_ticket_ids, tags, blocked_by_ticket_ids, is_blocked, is_resolved,"
    "  is_deleted, created_at, updated_at, started_at, completed_at, resolved_at, deleted_at)"
    " SELECT u.id, u.version, u.workflow_id, u.external_id, u.created_by, u.assignee, u.title,"
    "  COALESCE(u.description, ''), u.type, u.priority, u.status, u.parent, u.tasks::jsonb,"
    "  u.related::jsonb, u.tags::jsonb, u.blocked_by::jsonb, u.is_blocked, u.is_resolved,"
    "  u.is_deleted, u.created, u.updated, u.started, u.completed, u.resolved, u.deleted"
    " FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[],"
    "  $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],"
    "  $14::text[], $15::text[], $16::text[], $17::bool[], $18::bool[], $19::bool[],"
    "  $20::timestamptz[], $21::timestamptz[], $22::timestamptz[], $23::timestamptz[],"
    "  $24::timestamptz[], $25::timestamptz[])"
    "  AS u(id, version, workflow_id, external_id, created_by, assignee, title, description, type,"
    "  priority, status, parent, tasks, related, tags, blocked_by, is_blocked, is_resolved,"
    "  is_deleted, created, updated, started, completed, resolved, deleted)";

/* A description that did not change is not sent and keeps its stored (possibly TOASTed) value. */
static const char sql_tickets_update[] =
    "UPDATE tickets t SET version = u.version, external_id = u.external_id,"
    "  created_by_agent_id = u.created_by, assigned_agent_id = u.assignee, title = u.title,"
    "  description = COALESCE(u.description, t.description), ticket_type = u.type,"
    "  priority = u.priority, status = u.status, parent_ticket_id = u.parent,"
    "  related_task_ids = u.tasks::jsonb, related_ticket_ids = u.related::jsonb,"
    "  tags = u.tags::jsonb, blocked_by_ticket_ids = u.blocked_by::jsonb,"
    "  is_blocked = u.is_blocked, is_resolved = u.is_resolved, is_deleted = u.is_deleted,"
    "  created_at = u.created, updated_at = u.updated, started_at = u.started,"
    "  completed_at = u.completed, resolved_at = u.resolved, deleted_at = u.deleted"
    " FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[],"
    "  $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],"
    "  $14::text[], $15::text[], $16::text[], $17::bool[], $18::bool[], $19::bool[],"
    "  $20::timestamptz[], $21::timestamptz[], $22::timestamptz[], $23::timestamptz[],"
    "  $24::timestamptz[], $25::timestamptz[])"
    "  AS u(id, version, workflow_id, external_id, created_by, assignee, title, description, type,"
    "  priority, status, parent, tasks, related, tags, blocked_by, is_blocked, is_resolved,"
    "  is_deleted, created, updated, started, completed, resolved, deleted)"
    " WHERE t.id = u.id";

static const char sql_boards_put[] =
    "INSERT INTO board_configs (id, workflow_id, name, columns, ticket_types, default_ticket_type,"
    "  initial_status, settings, version, created_at, updated_at)"
    " SELECT u.id, u.workflow_id, u.name, u.columns::jsonb, u.types::jsonb, u.default_type,"
    "  u.initial, u.settings::jsonb, u.version, u.created, u.updated"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],"
    "  $7::text[], $8::text[], $9::bigint[], $10::timestamptz[], $11::timestamptz[])"
    "  AS u(id, workflow_id, name, columns, types, default_type, initial, settings, version,"
    "  created, updated)"
    " ON CONFLICT (workflow_id) DO UPDATE SET name = excluded.name, columns = excluded.columns,"
    "  ticket_types = excluded.ticket_types, default_ticket_type = excluded.default_ticket_type,"
    "  initial_status = excluded.initial_status, settings = excluded.settings,"
    "  version = excluded.version, updated_at = excluded.updated_at";

static const char sql_comments_insert[] =
    "INSERT INTO ticket_comments (id, ticket_id, agent_id, comment_text, comment_type, mentions,"
    "  attachments, created_at, updated_at, is_edited)"
    " SELECT u.id, u.ticket_id, u.agent, u.body, u.type, u.mentions::jsonb, u.attachments::jsonb,"
    "  u.created, u.updated, u.edited"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],"
    "  $7::text[], $8::timestamptz[], $9::timestamptz[], $10::bool[])"
    "  AS u(id, ticket_id, agent, body, type, mentions, attachments, created, updated, edited)";
static const char sql_comments_update[] =
    "UPDATE ticket_comments c SET comment_text = u.body, mentions = u.mentions::jsonb,"
    "  attachments = u.attachments::jsonb, updated_at = u.updated, is_edited = u.edited"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],"
    "  $7::text[], $8::timestamptz[], $9::timestamptz[], $10::bool[])"
    "  AS u(id, ticket_id, agent, body, type, mentions, attachments, created, updated, edited)"
    " WHERE c.id = u.id";

static const char sql_history[] =
    "INSERT INTO ticket_history (ticket_id, agent_id, change_type, field_name, old_value,"
    "  new_value, change_description, metadata, changed_at, version)"
    " SELECT u.ticket_id, u.agent, u.type, u.field, u.old, u.new, u.description,"
    "  u.metadata::jsonb, u.at, u.version"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],"
    "  $7::text[], $8::text[], $9::timestamptz[], $10::bigint[])"
    "  AS u(ticket_id, agent, type, field, old, new, description, metadata, at, version)";

static const char sql_commits[] =
    "INSERT INTO ticket_commits (id, ticket_id, agent_id, commit_sha, commit_message,"
    "  commit_timestamp, files_changed, insertions, deletions, files_list, linked_at, link_method)"
    " SELECT u.id, u.ticket_id, u.agent, u.sha, u.message, u.made, NULLIF(u.files, -1),"
    "  NULLIF(u.ins, -1), NULLIF(u.del, -1), u.list::jsonb, u.linked, u.method"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],"
    "  $7::bigint[], $8::bigint[], $9::bigint[], $10::text[], $11::timestamptz[], $12::text[])"
    "  AS u(id, ticket_id, agent, sha, message, made, files, ins, del, list, linked, method)";

static const char sql_edges_delete[] =
    "DELETE FROM ticket_dependencies d USING unnest($1::text[], $2::text[], $3::text[],"
    "  $4::timestamptz[]) AS u(a, b, type, at)"
    " WHERE d.ticket_id = u.a AND d.depends_on = u.b AND d.dependency_type = u.type";
static const char sql_edges_insert[] =
    "INSERT INTO ticket_dependencies (ticket_id, depends_on, dependency_type, created_at)"
    " SELECT u.a, u.b, u.type, u.at FROM unnest($1::text[], $2::text[], $3::text[],"
    "  $4::timestamptz[]) AS u(a, b, type, at) ON CONFLICT DO NOTHING";

static const char sql_log[] =
    "INSERT INTO command_log (stable_time, source, id, body_hash, topic_partition, record_offset,"
    "  subject, type, actor, outcome, rule, code, message, version, applied_at, outbox)"
    " SELECT u.t, u.source, u.id, u.hash, u.part, u.off, u.subject, u.type, u.actor, u.outcome,"
    "  u.rule, u.code, u.message, NULLIF(u.version, 0), clock_timestamp(), u.outbox"
    " FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::bytea[], $5::int[], $6::bigint[],"
    "  $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],"
    "  $14::bigint[], $15::text[])"
    "  AS u(t, source, id, hash, part, off, subject, type, actor, outcome, rule, code, message,"
    "  version, outbox)";
/* What became of a command that waited. Its own row keeps the events, for when it is sent again. */
static const char sql_log_settle[] =
    "UPDATE command_log l SET outcome = u.outcome, rule = u.rule, code = u.code,"
    "  message = u.message, version = NULLIF(u.version, 0), outbox = l.outbox || u.outbox"
    " FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[],"
    "  $7::text[], $8::text[], $9::bigint[], $10::text[])"
    "  AS u(source, id, part, off, outcome, rule, code, message, version, outbox)"
    " WHERE l.topic_partition = u.part AND l.record_offset = u.off AND l.source = u.source"
    "  AND l.id = u.id";

static const char sql_parked_put[] =
    "INSERT INTO parked_tickets (ticket_id, reason, waits_for, deadline, code, message, parked_at)"
    " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[],"
    "  $6::text[], $7::timestamptz[])"
    " ON CONFLICT (ticket_id) DO UPDATE SET reason = excluded.reason,"
    "  waits_for = excluded.waits_for, deadline = excluded.deadline, code = excluded.code,"
    "  message = excluded.message";
static const char sql_parked_delete[] =
    "DELETE FROM parked_tickets WHERE ticket_id = ANY($1::text[])";
static const char sql_waiting_insert[] =
    "INSERT INTO parked_commands (ticket_id, topic_partition, record_offset, source, id,"
    "  record_time, body)"
    " SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::text[], $5::text[],"
    "  $6::timestamptz[], $7::bytea[])";
static const char sql_waiting_delete[] =
    "DELETE FROM parked_commands c USING unnest($1::text[], $2::int[], $3::bigint[])"
    "  AS u(ticket_id, part, off) WHERE c.ticket_id = u.ticket_id AND c.topic_partition = u.part"
    "  AND c.record_offset = u.off";

static const char sql_watermarks[] =
    "UPDATE partition_watermarks m SET next_offset = u.next, stalled_claims = 0,"
    "  published_offset = GREATEST(m.published_offset, u.published), last_record = u.last,"
    "  updated_at = clock_timestamp()"
    " FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::text[])"
    "  AS u(part, next, published, last)"
    " WHERE m.topic = $1 AND m.partition = u.part";
static const char sql_attempts_clear[] =
    "DELETE FROM command_attempts a USING unnest($2::int[], $3::bigint[]) AS u(part, next)"
    " WHERE a.topic = $1 AND a.partition = u.part AND a.record_offset < u.next";

/* ---- columns: arrays under construction, one value per row ---- */

#define MAX_COLUMNS 25

struct columns {
    struct tb_arena *arena;
    tb_str *values[MAX_COLUMNS];
    size_t ncolumns;
    size_t room;
    size_t rows;
    size_t next; /* column the next value goes to */
};

static bool columns_init(struct columns *c, struct tb_arena *arena, size_t ncolumns, size_t room)
{
    *c = (struct columns){.arena = arena, .ncolumns = ncolumns, .room = room};
    for (size_t i = 0; i < ncolumns; i++) {
        c->values[i] = TB_NEW_N(arena, tb_str, room + 1);
        if (!c->values[i]) {
            return false;
        }
    }
    return true;
}

static void put(struct columns *c, tb_str value)
{
    c->values[c->next][c->rows] = value;
    if (++c->next == c->ncolumns) {
        c->next = 0;
        c->rows++;
    }
}

static void put_c(struct columns *c, const char *value)
{
    put(c, tb_str_of(value));
}

static void put_int(struct columns *c, int64_t value)
{
    put(c, tb_arena_printf(c->arena, "%lld", (long long)value));
}

static void put_bool(struct columns *c, bool value)
{
    put(c, value ? TB_LIT("t") : TB_LIT("f"));
}

static void put_time(struct columns *c, int64_t time_us)
{
    char when[TB_TIME_TEXT_MAX];
    size_t n = time_us == TB_TIME_NONE ? 0 : tb_time_format(time_us, when);
    put(c, n ? tb_arena_str(c->arena, (tb_str){when, n}) : TB_STR_NULL);
}

static const char hex_digits[] = "0123456789abcdef";

static void put_bytes(struct columns *c, const void *data, size_t len)
{
    const unsigned char *p = data;
    char *out = tb_arena_alloc(c->arena, 2 * len + 3);
    if (out) {
        out[0] = '\\';
        out[1] = 'x';
        for (size_t i = 0; i < len; i++) {
            out[2 + 2 * i] = hex_digits[p[i] >> 4];
            out[3 + 2 * i] = hex_digits[p[i] & 15];
        }
    }
    put(c, out ? (tb_str){out, 2 * len + 2} : TB_STR_NULL);
}

static void put_list(struct columns *c, tb_strs list)
{
    if (list.n == 0) {
        put(c, TB_LIT("[]"));
        return;
    }
    tb_buf buf;
    tb_buf_init(&buf, JSON_MAX);
    struct tb_json w = {.buf = &buf};
    tb_json_strings(&w, list);
    put(c, tb_buf_take(&buf, c->arena));
    tb_buf_dispose(&buf);
}

/* Adds the columns as array parameters and queues the statement, unless there is no row. */
static enum tb_rc flush(struct tb_worker *w, const struct columns *c, const char *name,
                        const char *sql, const char *topic, struct tb_error *err)
{
    if (c->rows == 0) {
        return TB_OK;
    }
    struct tb_pg_params p;
    tb_pg_params_init(&p, c->arena);
    if (topic) {
        tb_pg_add_str(&p, tb_str_of(topic));
    }
    for (size_t i = 0; i < c->ncolumns; i++) {
        tb_pg_add_strs(&p, c->values[i], c->rows);
    }
    if (tb_arena_failed(c->arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    return tb_pg_pipeline_add(w->pg, name, sql, &p, err);
}

/* ---- the tables ---- */

static void put_value(struct columns *c, const struct tb_value *v)
{
    switch (v->kind) {
    case TB_VALUE_STR:
        put(c, v->as.str);
        break;
    case TB_VALUE_BOOL:
        put_bool(c, v->as.boolean);
        break;
    case TB_VALUE_TIME:
        put_time(c, v->as.time);
        break;
    case TB_VALUE_STRS:
        put_list(c, v->as.strs);
        break;
    }
}

static enum tb_rc store_tickets(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct columns fresh;
    struct columns changed;
    if (!columns_init(&fresh, b->arena, TB_TICKET_FIELDS_ + 2, b->touched.n) ||
        !columns_init(&changed, b->arena, TB_TICKET_FIELDS_ + 2, b->touched.n)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->touched.n; i++) {
        tb_str id = b->touched.entries[i].key;
        const struct tb_ticket *t = tb_world_ticket(b->world, id);
        bool is_new = !tb_map_get(&b->existed, id);
        struct columns *c = is_new ? &fresh : &changed;
        put(c, t->id);
        put_int(c, t->version);
        for (int f = 0; f < TB_TICKET_FIELDS_; f++) {
            bool kept = f == TB_TICKET_DESCRIPTION && !is_new && !tb_map_get(&b->described, id);
            struct tb_value none = tb_value_str(TB_STR_NULL);
            put_value(c, kept ? &none : &t->fields[f]);
        }
    }
    enum tb_rc rc = flush(w, &fresh, "tickets_insert", sql_tickets_insert, NULL, err);
    return rc != TB_OK ? rc : flush(w, &changed, "tickets_update", sql_tickets_update, NULL, err);
}

static void columns_json(struct tb_json *w, const struct tb_board *board)
{
    static const char *const categories[] = {"open", "active", "done"};
    tb_json_open(w, '[');
    for (size_t i = 0; i < board->ncolumns; i++) {
        const struct tb_column *col = &board->columns[i];
        tb_json_open(w, '{');
        tb_json_key(w, "id");
        tb_json_string(w, col->id);
        tb_json_key(w, "name");
        tb_json_string(w, col->name);
        tb_json_key(w, "order");
        tb_json_int(w, col->order);
        if (!tb_str_is_null(col->color)) {
            tb_json_key(w, "color");
            tb_json_string(w, col->color);
        }
        tb_json_key(w, "category");
        tb_json_string(w, tb_str_of(categories[col->category]));
        if (col->wip_limit > 0) {
            tb_json_key(w, "wip_limit");
            tb_json_int(w, col->wip_limit);
        }
        tb_json_close(w, '}');
    }
    tb_json_close(w, ']');
}

static void list_setting(struct tb_json *w, const char *name, tb_strs list)
{
    if (list.n > 0) {
        tb_json_key(w, name);
        tb_json_strings(w, list);
    }
}

static void settings_json(struct tb_json *w, const struct tb_board *board)
{
    tb_json_open(w, '{');
    if (board->transitions.n > 0) {
        tb_json_key(w, "transitions");
        tb_json_open(w, '{');
        for (size_t i = 0; i < board->transitions.n; i++) {
            tb_json_key_str(w, board->transitions.keys[i]);
            tb_json_strings(w, board->transitions.values[i]);
        }
        tb_json_close(w, '}');
    }
    list_setting(w, "priorities", board->priorities);
    if (!tb_str_is_null(board->default_priority)) {
        tb_json_key(w, "default_priority");
        tb_json_string(w, board->default_priority);
    }
    list_setting(w, "admins", board->admins);
    list_setting(w, "admin_on_blocked", board->admin_on_blocked);
    tb_json_key(w, "require_comment_on_status_change");
    tb_json_bool(w, board->require_comment_on_status_change);
    tb_json_key(w, "allow_reopen");
    tb_json_bool(w, board->allow_reopen);
    tb_json_close(w, '}');
}

static tb_str board_json(struct tb_batch *b, const struct tb_board *board,
                         void (*write)(struct tb_json *, const struct tb_board *))
{
    tb_buf buf;
    tb_buf_init(&buf, JSON_MAX);
    struct tb_json w = {.buf = &buf};
    write(&w, board);
    tb_str json = tb_buf_take(&buf, b->arena);
    tb_buf_dispose(&buf);
    return json;
}

static enum tb_rc store_boards(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct columns c;
    if (!columns_init(&c, b->arena, 11, b->boards_touched.n)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->boards_touched.n; i++) {
        const struct tb_board *board = tb_world_board(b->world, b->boards_touched.entries[i].key);
        put(&c, board->id);
        put(&c, board->workflow_id);
        put(&c, board->name);
        put(&c, board_json(b, board, columns_json));
        put_list(&c, board->ticket_types);
        put(&c, board->default_ticket_type);
        put(&c, board->initial_status);
        put(&c, board_json(b, board, settings_json));
        put_int(&c, board->version);
        put_time(&c, board->created_at);
        put_time(&c, board->updated_at);
    }
    return flush(w, &c, "boards_put", sql_boards_put, NULL, err);
}

static enum tb_rc store_comments(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct columns fresh;
    struct columns edited;
    if (!columns_init(&fresh, b->arena, 10, b->comments.n) ||
        !columns_init(&edited, b->arena, 10, b->comments.n)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->comments.n; i++) {
        const struct tb_comment_write *write = b->comments.entries[i].value;
        const struct tb_comment *m = &write->comment;
        struct columns *c = write->is_new ? &fresh : &edited;
        put(c, m->id);
        put(c, m->ticket_id);
        put(c, m->agent_id);
        put(c, m->text);
        put(c, m->type);
        put_list(c, m->mentions);
        put_list(c, m->attachments);
        put_time(c, m->created_at);
        put_time(c, m->updated_at);
        put_bool(c, m->is_edited);
    }
    enum tb_rc rc = flush(w, &fresh, "comments_insert", sql_comments_insert, NULL, err);
    return rc != TB_OK ? rc : flush(w, &edited, "comments_update", sql_comments_update, NULL, err);
}

static enum tb_rc store_history(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct columns c;
    if (!columns_init(&c, b->arena, 10, b->nhistory)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->nhistory; i++) {
        const struct tb_history_row *r = &b->history[i];
        put(&c, r->ticket_id);
        put(&c, r->agent_id);
        put_c(&c, r->change_type);
        put_c(&c, r->field_name);
        put(&c, r->old_value);
        put(&c, r->new_value);
        put(&c, r->description);
        put(&c, r->metadata);
        put_time(&c, r->at);
        put_int(&c, r->version);
    }
    return flush(w, &c, "history", sql_history, NULL, err);
}

static enum tb_rc store_commits(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct columns c;
    if (!columns_init(&c, b->arena, 12, b->ncommits)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->ncommits; i++) {
        const struct tb_commit *m = b->commits[i];
        put(&c, m->id);
        put(&c, m->ticket_id);
        put(&c, m->agent_id);
        put(&c, m->sha);
        put(&c, m->message);
        put_time(&c, m->timestamp);
        put_int(&c, m->files_changed);
        put_int(&c, m->insertions);
        put_int(&c, m->deletions);
        put_list(&c, m->files_list);
        put_time(&c, m->linked_at);
        put(&c, m->link_method);
    }
    return flush(w, &c, "commits_insert", sql_commits, NULL, err);
}

static enum tb_rc store_edges(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct columns gone;
    struct columns fresh;
    if (!columns_init(&gone, b->arena, 4, b->edges.n) ||
        !columns_init(&fresh, b->arena, 4, b->edges.n)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->edges.n; i++) {
        const struct tb_edge_write *write = b->edges.entries[i].value;
        struct columns *c = write->present ? &fresh : &gone;
        put(c, write->edge.ticket_id);
        put(c, write->edge.depends_on);
        put(c, write->edge.type);
        put_time(c, write->at);
    }
    enum tb_rc rc = flush(w, &gone, "edges_delete", sql_edges_delete, NULL, err);
    return rc != TB_OK ? rc : flush(w, &fresh, "edges_insert", sql_edges_insert, NULL, err);
}

static enum tb_rc store_log(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct columns c;
    if (!columns_init(&c, b->arena, 15, b->n)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->n; i++) {
        const struct tb_item *item = &b->items[i];
        bool known = item->kind != TB_ITEM_DEAD;
        put_time(&c, item->log_time);
        put(&c, item->log_source);
        put(&c, item->log_id);
        put_bytes(&c, item->cmd.body_hash, sizeof item->cmd.body_hash);
        put_int(&c, item->partition);
        put_int(&c, item->offset);
        put(&c, known ? item->cmd.subject : TB_LIT(""));
        put(&c, known ? tb_str_of(item->cmd.type->name) : TB_LIT(""));
        put(&c, known && !tb_str_is_null(item->cmd.actor) ? item->cmd.actor : TB_LIT(""));
        put_c(&c, tb_outcome_name(item->outcome));
        put_c(&c, item->rule ? item->rule : "");
        put(&c, tb_str_is_null(item->log_code) ? TB_LIT("") : item->log_code);
        put(&c, item->log_message);
        put_int(&c, item->version);
        put(&c, item->outbox);
    }
    return flush(w, &c, "log", sql_log, NULL, err);
}

static enum tb_rc store_settled(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        n += b->items[i].nwaiting;
    }
    struct columns log;
    struct columns gone;
    if (!columns_init(&log, b->arena, 10, n) || !columns_init(&gone, b->arena, 3, n)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->n; i++) {
        for (size_t j = 0; j < b->items[i].nwaiting; j++) {
            const struct tb_waiting *wait = &b->items[i].waiting[j];
            if (!wait->done) {
                continue;
            }
            put(&log, wait->source);
            put(&log, wait->id);
            put_int(&log, wait->partition);
            put_int(&log, wait->offset);
            put_c(&log, tb_outcome_name(wait->outcome));
            put_c(&log, wait->decision.rule ? wait->decision.rule : "");
            put_c(&log, tb_rejection_code(wait->decision.rejection));
            put(&log, wait->decision.message);
            put_int(&log, wait->version);
            put(&log, wait->frames);
            put(&gone, b->items[i].cmd.subject);
            put_int(&gone, wait->partition);
            put_int(&gone, wait->offset);
        }
    }
    enum tb_rc rc = flush(w, &log, "log_settle", sql_log_settle, NULL, err);
    return rc != TB_OK ? rc : flush(w, &gone, "waiting_delete", sql_waiting_delete, NULL, err);
}

static enum tb_rc store_parked(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct columns put_rows;
    struct columns waiting;
    struct columns gone;
    if (!columns_init(&put_rows, b->arena, 7, b->parked.n) ||
        !columns_init(&gone, b->arena, 1, b->parked.n) ||
        !columns_init(&waiting, b->arena, 7, b->n)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->parked.n; i++) {
        const struct tb_parked *p = b->parked.entries[i].value;
        if (!p->is_parked) {
            put(&gone, p->ticket_id);
            continue;
        }
        put(&put_rows, p->ticket_id);
        put_c(&put_rows, p->poison ? "poison" : "reference");
        put(&put_rows, p->poison ? TB_STR_NULL : p->waits_for);
        put_time(&put_rows, p->poison ? TB_TIME_NONE : p->deadline);
        put(&put_rows, p->code);
        put(&put_rows, p->message);
        put_time(&put_rows, p->parked_at);
    }
    for (size_t i = 0; i < b->n; i++) {
        const struct tb_item *item = &b->items[i];
        if (!item->waits) {
            continue;
        }
        put(&waiting, item->cmd.subject);
        put_int(&waiting, item->partition);
        put_int(&waiting, item->offset);
        put(&waiting, item->cmd.source);
        put(&waiting, item->cmd.id);
        put_time(&waiting, item->record_time);
        put_bytes(&waiting, item->value.ptr, item->value.len);
    }
    enum tb_rc rc = flush(w, &gone, "parked_delete", sql_parked_delete, NULL, err);
    rc = rc != TB_OK ? rc : flush(w, &put_rows, "parked_put", sql_parked_put, NULL, err);
    return rc != TB_OK ? rc : flush(w, &waiting, "waiting_insert", sql_waiting_insert, NULL, err);
}

static enum tb_rc store_watermarks(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct columns c;
    struct columns attempts;
    if (!columns_init(&c, b->arena, 4, b->n) || !columns_init(&attempts, b->arena, 2, b->n)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    bool careful = false;
    for (size_t i = 0; i < b->n; i++) {
        const struct tb_item *item = &b->items[i];
        if (i + 1 < b->n && b->items[i + 1].partition == item->partition) {
            continue;
        }
        char last[TB_FINGERPRINT_LEN + 1];
        tb_fingerprint(item->value, last);
        put_int(&c, item->partition);
        put_int(&c, item->offset + 1);
        put_int(&c, tb_pending_published(w->pending, item->partition));
        put(&c, tb_arena_str(b->arena, tb_str_of(last)));
        put_int(&attempts, item->partition);
        put_int(&attempts, item->offset + 1);
        const struct tb_partition *p = tb_worker_partition(w, item->partition);
        careful = careful || (p && p->careful > 0) || item->poison;
    }
    enum tb_rc rc = flush(w, &c, "watermarks_put", sql_watermarks, w->topic_commands, err);
    if (rc == TB_OK && careful) {
        rc = flush(w, &attempts, "attempts_clear", sql_attempts_clear, w->topic_commands, err);
    }
    return rc;
}

enum tb_rc tb_batch_store(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    /* Tickets before what refers to them. */
    static enum tb_rc (*const steps[])(struct tb_worker *, struct tb_batch *, struct tb_error *) = {
        store_boards, store_tickets, store_comments, store_history, store_commits,
        store_edges,  store_log,     store_settled,  store_parked,  store_watermarks,
    };
    enum tb_rc rc = TB_OK;
    for (size_t i = 0; i < TB_COUNT(steps) && rc == TB_OK; i++) {
        rc = steps[i](w, b, err);
    }
    if (rc == TB_OK) {
        rc = tb_pg_pipeline_add(w->pg, "commit", "COMMIT", NULL, err);
    }
    if (rc != TB_OK) {
        /* What was queued is run and undone, so that the connection is usable again. */
        enum tb_rc ran = tb_pg_pipeline_run(w->pg, NULL, false, NULL);
        struct tb_error ignored;
        return ran == TB_EUNAVAILABLE || tb_pg_rollback(w->pg, &ignored) != TB_OK ? TB_EUNAVAILABLE
                                                                                  : rc;
    }
    return tb_pg_pipeline_run(w->pg, NULL, true, err);
}
