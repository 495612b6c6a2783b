/* Writes what a batch decided, each table once and set-based, and commits, in one round trip. */
#include "worker/shell/board_json.h"
#include "worker/shell/columns.h"

/* Arrays are unrolled in the list of columns: in FROM, each would first be written to a store of
 * its own. */
#define TICKET_ROWS                                                                                \
    "(SELECT unnest($1::text[]) AS id, unnest($2::bigint[]) AS version,"                           \
    " unnest($3::text[]) AS workflow_id, unnest($4::text[]) AS external_id,"                       \
    " unnest($5::text[]) AS created_by_agent_id, unnest($6::text[]) AS assigned_agent_id,"         \
    " unnest($7::text[]) AS title, unnest($8::text[]) AS description,"                             \
    " unnest($9::text[]) AS ticket_type, unnest($10::text[]) AS priority,"                         \
    " unnest($11::text[]) AS status, unnest($12::text[]) AS parent_ticket_id,"                     \
    " unnest($13::text[]) AS related_task_ids, unnest($14::text[]) AS related_ticket_ids,"         \
    " unnest($15::text[]) AS tags, unnest($16::text[]) AS blocked_by_ticket_ids,"                  \
    " unnest($17::bool[]) AS is_blocked, unnest($18::bool[]) AS is_resolved,"                      \
    " unnest($19::bool[]) AS is_deleted, unnest($20::timestamptz[]) AS created_at,"                \
    " unnest($21::timestamptz[]) AS updated_at, unnest($22::timestamptz[]) AS started_at,"         \
    " unnest($23::timestamptz[]) AS completed_at, unnest($24::timestamptz[]) AS resolved_at,"      \
    " unnest($25::timestamptz[]) AS deleted_at) u"

static const char sql_tickets_insert[] =
    "INSERT INTO tickets (id, version, workflow_id, external_id, created_by_agent_id,"
    " assigned_agent_id, title, description, ticket_type, priority, status, parent_ticket_id, "
    "related_task_ids,"
    " related_ticket_ids, tags, blocked_by_ticket_ids, is_blocked, is_resolved, is_deleted,"
    " created_at, updated_at, started_at, completed_at, resolved_at, deleted_at)"
    " SELECT u.id, u.version, u.workflow_id, u.external_id, u.created_by_agent_id,"
    "  u.assigned_agent_id, u.title, COALESCE(u.description, ''), u.ticket_type, u.priority,"
    "  u.status, u.parent_ticket_id, u.related_task_ids::jsonb, u.related_ticket_ids::jsonb,"
    "  u.tags::jsonb, u.blocked_by_ticket_ids::jsonb, u.is_blocked, u.is_resolved,"
    "  u.is_deleted, u.created_at, u.updated_at, u.started_at, u.completed_at, u.resolved_at,"
    "  u.deleted_at"
    " FROM " TICKET_ROWS;

/* A description that did not change is not sent and keeps its stored (possibly TOASTed) value. */
static const char sql_tickets_update[] =
    "UPDATE tickets t SET version = u.version, external_id = u.external_id,"
    "  created_by_agent_id = u.created_by_agent_id, assigned_agent_id = u.assigned_agent_id,"
    "  title = u.title, description = COALESCE(u.description, t.description),"
    "  ticket_type = u.ticket_type, priority = u.priority, status = u.status,"
    "  parent_ticket_id = u.parent_ticket_id, related_task_ids = u.related_task_ids::jsonb,"
    "  related_ticket_ids = u.related_ticket_ids::jsonb, tags = u.tags::jsonb,"
    "  blocked_by_ticket_ids = u.blocked_by_ticket_ids::jsonb, is_blocked = u.is_blocked,"
    "  is_resolved = u.is_resolved, is_deleted = u.is_deleted, created_at = u.created_at,"
    "  updated_at = u.updated_at, started_at = u.started_at, completed_at = u.completed_at,"
    "  resolved_at = u.resolved_at, deleted_at = u.deleted_at"
    " FROM " TICKET_ROWS " WHERE t.id = u.id";

/* Most changes: fewer columns to send, read and write. */
static const char sql_tickets_move[] =
    "UPDATE tickets t SET version = u.version, assigned_agent_id = u.assigned_agent_id,"
    "  title = u.title,"
    "  priority = u.priority, status = u.status,"
    "  blocked_by_ticket_ids = u.blocked_by_ticket_ids::jsonb, is_blocked = u.is_blocked,"
    "  is_resolved = u.is_resolved, updated_at = u.updated_at, started_at = u.started_at,"
    "  completed_at = u.completed_at, resolved_at = u.resolved_at"
    " FROM (SELECT unnest($1::text[]) AS id, unnest($2::bigint[]) AS version,"
    "  unnest($3::text[]) AS assigned_agent_id, unnest($4::text[]) AS title,"
    "  unnest($5::text[]) AS priority, unnest($6::text[]) AS status,"
    "  unnest($7::text[]) AS blocked_by_ticket_ids, unnest($8::bool[]) AS is_blocked,"
    "  unnest($9::bool[]) AS is_resolved, unnest($10::timestamptz[]) AS updated_at,"
    "  unnest($11::timestamptz[]) AS started_at, unnest($12::timestamptz[]) AS completed_at,"
    "  unnest($13::timestamptz[]) AS resolved_at) u"
    " WHERE t.id = u.id";

static const char sql_tickets_touch[] =
    "UPDATE tickets t SET version = u.version, updated_at = u.updated_at"
    " FROM (SELECT unnest($1::text[]) AS id, unnest($2::bigint[]) AS version,"
    "  unnest($3::timestamptz[]) AS updated_at) u"
    " WHERE t.id = u.id";

static const char sql_boards_put[] =
    "INSERT INTO board_configs (id, workflow_id, name, columns, ticket_types,"
    "  default_ticket_type, initial_status, settings, version, created_at, updated_at)"
    " SELECT u.id, u.workflow_id, u.name, u.columns::jsonb, u.types::jsonb, u.default_type,"
    "  u.initial, u.settings::jsonb, u.version, u.created, u.updated"
    " FROM (SELECT unnest($1::text[]) AS id, unnest($2::text[]) AS workflow_id,"
    "  unnest($3::text[]) AS name, unnest($4::text[]) AS columns, unnest($5::text[]) AS types,"
    "  unnest($6::text[]) AS default_type, unnest($7::text[]) AS initial,"
    "  unnest($8::text[]) AS settings, unnest($9::bigint[]) AS version,"
    "  unnest($10::timestamptz[]) AS created, unnest($11::timestamptz[]) AS updated) AS u"
    " ON CONFLICT (workflow_id) DO UPDATE SET name = excluded.name, columns = excluded.columns,"
    "  ticket_types = excluded.ticket_types, default_ticket_type ="
    "  excluded.default_ticket_type, initial_status = excluded.initial_status, settings ="
    "  excluded.settings, version = excluded.version, updated_at = excluded.updated_at";

static const char sql_comments_insert[] =
    "INSERT INTO ticket_comments (id, ticket_id, agent_id, comment_text, comment_type,"
    "  mentions, attachments, created_at, updated_at, is_edited)"
    " SELECT u.id, u.ticket_id, u.agent, u.body, u.type, u.mentions::jsonb,"
    "  u.attachments::jsonb, u.created, u.updated, u.edited"
    " FROM (SELECT unnest($1::text[]) AS id, unnest($2::text[]) AS ticket_id,"
    "  unnest($3::text[]) AS agent, unnest($4::text[]) AS body, unnest($5::text[]) AS type,"
    "  unnest($6::text[]) AS mentions, unnest($7::text[]) AS attachments,"
    "  unnest($8::timestamptz[]) AS created, unnest($9::timestamptz[]) AS updated,"
    "  unnest($10::bool[]) AS edited) AS u";
static const char sql_comments_update[] =
    "UPDATE ticket_comments c SET comment_text = u.body, mentions = u.mentions::jsonb,"
    "  attachments = u.attachments::jsonb, updated_at = u.updated, is_edited = u.edited"
    " FROM (SELECT unnest($1::text[]) AS id, unnest($2::text[]) AS ticket_id,"
    "  unnest($3::text[]) AS agent, unnest($4::text[]) AS body, unnest($5::text[]) AS type,"
    "  unnest($6::text[]) AS mentions, unnest($7::text[]) AS attachments,"
    "  unnest($8::timestamptz[]) AS created, unnest($9::timestamptz[]) AS updated,"
    "  unnest($10::bool[]) AS edited) AS u"
    " WHERE c.id = u.id";

static const char sql_history[] =
    "INSERT INTO ticket_history (ticket_id, agent_id, change_type, field_name, old_value,"
    "  new_value, change_description, metadata, changed_at, version)"
    " SELECT u.ticket_id, u.agent, u.type, u.field, u.old, u.new, u.description,"
    "  u.metadata::jsonb, u.at, u.version"
    " FROM (SELECT unnest($1::text[]) AS ticket_id, unnest($2::text[]) AS agent,"
    "  unnest($3::text[]) AS type, unnest($4::text[]) AS field, unnest($5::text[]) AS old,"
    "  unnest($6::text[]) AS new, unnest($7::text[]) AS description,"
    "  unnest($8::text[]) AS metadata, unnest($9::timestamptz[]) AS at,"
    "  unnest($10::bigint[]) AS version) AS u";

static const char sql_commits[] =
    "INSERT INTO ticket_commits (id, ticket_id, agent_id, commit_sha, commit_message,"
    "  commit_timestamp, files_changed, insertions, deletions, files_list, linked_at,"
    "  link_method)"
    " SELECT u.id, u.ticket_id, u.agent, u.sha, u.message, u.made, NULLIF(u.files, -1),"
    "  NULLIF(u.ins, -1), NULLIF(u.del, -1), u.list::jsonb, u.linked, u.method"
    " FROM (SELECT unnest($1::text[]) AS id, unnest($2::text[]) AS ticket_id,"
    "  unnest($3::text[]) AS agent, unnest($4::text[]) AS sha, unnest($5::text[]) AS message,"
    "  unnest($6::timestamptz[]) AS made, unnest($7::bigint[]) AS files,"
    "  unnest($8::bigint[]) AS ins, unnest($9::bigint[]) AS del, unnest($10::text[]) AS list,"
    "  unnest($11::timestamptz[]) AS linked, unnest($12::text[]) AS method) AS u";

static const char sql_edges_delete[] =
    "DELETE FROM ticket_dependencies d"
    " USING (SELECT unnest($1::text[]) AS a, unnest($2::text[]) AS b,"
    "  unnest($3::text[]) AS type, unnest($4::timestamptz[]) AS at) AS u"
    " WHERE d.ticket_id = u.a AND d.depends_on = u.b AND d.dependency_type = u.type";
static const char sql_edges_insert[] =
    "INSERT INTO ticket_dependencies (ticket_id, depends_on, dependency_type, created_at)"
    " SELECT u.a, u.b, u.type, u.at"
    " FROM (SELECT unnest($1::text[]) AS a, unnest($2::text[]) AS b,"
    "  unnest($3::text[]) AS type, unnest($4::timestamptz[]) AS at) AS u"
    " ON CONFLICT DO NOTHING";

static const char sql_log[] =
    "INSERT INTO command_log (stable_time, source, id, body_hash, topic_partition,"
    "  record_offset, subject, type, actor, outcome, rule, code, message, version, applied_at,"
    "  outbox)"
    " SELECT u.t, u.source, u.id, u.hash, u.part, u.off, u.subject, u.type, u.actor, u.outcome,"
    "  u.rule, u.code, u.message, NULLIF(u.version, 0), clock_timestamp(), u.outbox"
    " FROM (SELECT unnest($1::timestamptz[]) AS t, unnest($2::text[]) AS source,"
    "  unnest($3::text[]) AS id, unnest($4::bytea[]) AS hash, unnest($5::bigint[]) AS part,"
    "  unnest($6::bigint[]) AS off, unnest($7::text[]) AS subject, unnest($8::text[]) AS type,"
    "  unnest($9::text[]) AS actor, unnest($10::text[]) AS outcome,"
    "  unnest($11::text[]) AS rule, unnest($12::text[]) AS code,"
    "  unnest($13::text[]) AS message, unnest($14::bigint[]) AS version,"
    "  unnest($15::text[]) AS outbox) AS u";
/* What became of a command that waited. Its own row keeps the events, for when it is sent again. */
static const char sql_log_settle[] =
    "UPDATE command_log l SET outcome = u.outcome, rule = u.rule, code = u.code, message ="
    "  u.message, version = NULLIF(u.version, 0), outbox = l.outbox || u.outbox"
    " FROM (SELECT unnest($1::text[]) AS source, unnest($2::text[]) AS id,"
    "  unnest($3::bigint[]) AS part, unnest($4::bigint[]) AS off,"
    "  unnest($5::text[]) AS outcome, unnest($6::text[]) AS rule, unnest($7::text[]) AS code,"
    "  unnest($8::text[]) AS message, unnest($9::bigint[]) AS version,"
    "  unnest($10::text[]) AS outbox) AS u"
    " WHERE l.topic_partition = u.part AND l.record_offset = u.off AND l.source = u.source AND"
    "  l.id = u.id";

static const char sql_parked_put[] =
    "INSERT INTO parked_tickets (ticket_id, reason, waits_for, deadline, code, message,"
    "  parked_at)"
    " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[],"
    "  $6::text[], $7::timestamptz[])"
    " ON CONFLICT (ticket_id) DO UPDATE SET reason = excluded.reason, waits_for ="
    "  excluded.waits_for, deadline = excluded.deadline, code = excluded.code, message ="
    "  excluded.message";

static const char sql_parked_delete[] =
    "DELETE FROM parked_tickets WHERE ticket_id = ANY($1::text[])";

static const char sql_waiting_insert[] =
    "INSERT INTO parked_commands (ticket_id, topic_partition, record_offset, source, id,"
    "  record_time, body)"
    " SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[],"
    "  $6::timestamptz[], $7::bytea[])";

static const char sql_waiting_delete[] =
    "DELETE FROM parked_commands c USING unnest($1::text[], $2::bigint[]) AS u(ticket_id, queued)"
    " WHERE c.ticket_id = u.ticket_id AND c.queued = u.queued";

static const char sql_watermarks[] =
    "UPDATE partition_watermarks m SET next_offset = u.next, stalled_claims = 0,"
    "  published_offset = GREATEST(m.published_offset, u.published), last_record = u.last,"
    "  updated_at = clock_timestamp()"
    " FROM (SELECT unnest($2::bigint[]) AS part, unnest($3::bigint[]) AS next,"
    "  unnest($4::bigint[]) AS published, unnest($5::text[]) AS last) AS u"
    " WHERE m.topic = $1 AND m.partition = u.part";
static const char sql_attempts_clear[] =
    "DELETE FROM command_attempts a"
    " USING (SELECT unnest($2::bigint[]) AS part, unnest($3::bigint[]) AS next) AS u"
    " WHERE a.topic = $1 AND a.partition = u.part AND a.record_offset < u.next";

/* ---- the tables ---- */

#define BIT(field) (UINT64_C(1) << (field))

static const enum tb_ticket_field touch_fields[] = {TB_TICKET_UPDATED_AT};
static const enum tb_ticket_field move_fields[] = {
    TB_TICKET_ASSIGNED_AGENT_ID,
    TB_TICKET_TITLE,
    TB_TICKET_PRIORITY,
    TB_TICKET_STATUS,
    TB_TICKET_BLOCKED_BY_TICKET_IDS,
    TB_TICKET_IS_BLOCKED,
    TB_TICKET_IS_RESOLVED,
    TB_TICKET_UPDATED_AT,
    TB_TICKET_STARTED_AT,
    TB_TICKET_COMPLETED_AT,
    TB_TICKET_RESOLVED_AT,
};

/* Ways to write a ticket that exists, narrowest first. */
static const struct {
    const char *name;
    const char *sql;
    const enum tb_ticket_field *fields; /* NULL: all */
    size_t nfields;
} updates[] = {
    {"tickets_touch", sql_tickets_touch, touch_fields, TB_COUNT(touch_fields)},
    {"tickets_move", sql_tickets_move, move_fields, TB_COUNT(move_fields)},
    {"tickets_update", sql_tickets_update, NULL, TB_TICKET_FIELDS_},
};

static size_t update_for(uint64_t changed)
{
    for (size_t i = 0; i < TB_COUNT(updates); i++) {
        uint64_t written = 0;
        for (size_t k = 0; updates[i].fields && k < updates[i].nfields; k++) {
            written |= BIT(updates[i].fields[k]);
        }
        if (!updates[i].fields || (changed & ~written) == 0) {
            return i;
        }
    }
    return TB_COUNT(updates) - 1;
}

static void put_ticket(struct tb_columns *c, const struct tb_ticket *t,
                       const enum tb_ticket_field *fields, size_t n, bool with_description)
{
    const struct tb_value none = tb_value_str(TB_STR_NULL);
    tb_put(c, t->id);
    tb_put_int(c, t->version);
    for (size_t i = 0; i < n; i++) {
        size_t f = fields ? fields[i] : i;
        bool kept = f == TB_TICKET_DESCRIPTION && !with_description;
        tb_put_value(c, kept ? &none : &t->fields[f]);
    }
}

/* So few rows cost less in one wide statement than a second statement costs by itself. */
#define FEW_TICKETS 32

/* For tickets that exist, the statement that writes each; 0 for every other. */
static size_t *choose_updates(const struct tb_batch *b)
{
    size_t *ways = TB_NEW_N(b->arena, size_t, b->touched.n + 1);
    size_t widest = 0;
    for (size_t i = 0; ways && i < b->touched.n; i++) {
        const struct tb_touched *touched = b->touched.entries[i].value;
        bool exists = tb_map_get(&b->existed, b->touched.entries[i].key) != NULL;
        ways[i] = exists ? update_for(touched->fields) : 0;
        widest = ways[i] > widest ? ways[i] : widest;
    }
    for (size_t i = 0; ways && b->touched.n <= FEW_TICKETS && i < b->touched.n; i++) {
        ways[i] = widest;
    }
    return ways;
}

static enum tb_rc store_tickets(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct tb_columns fresh;
    struct tb_columns changed[TB_COUNT(updates)];
    const size_t *ways = choose_updates(b);
    bool ok = ways && tb_columns_init(&fresh, b->arena, TB_TICKET_FIELDS_ + 2, b->touched.n);
    for (size_t i = 0; i < TB_COUNT(updates); i++) {
        ok = ok && tb_columns_init(&changed[i], b->arena, updates[i].nfields + 2, b->touched.n);
    }
    if (!ok) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->touched.n; i++) {
        tb_str id = b->touched.entries[i].key;
        const struct tb_touched *touched = b->touched.entries[i].value;
        const struct tb_ticket *t = tb_world_ticket(b->world, id);
        if (!tb_map_get(&b->existed, id)) {
            put_ticket(&fresh, t, NULL, TB_TICKET_FIELDS_, true);
            continue;
        }
        size_t k = ways[i];
        put_ticket(&changed[k], t, updates[k].fields, updates[k].nfields,
                   touched->fields & BIT(TB_TICKET_DESCRIPTION));
    }
    enum tb_rc rc = tb_columns_flush(w, &fresh, "tickets_insert", sql_tickets_insert, NULL, err);
    for (size_t i = 0; i < TB_COUNT(updates) && rc == TB_OK; i++) {
        rc = tb_columns_flush(w, &changed[i], updates[i].name, updates[i].sql, NULL, err);
    }
    return rc;
}

static enum tb_rc store_boards(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct tb_columns c;
    if (!tb_columns_init(&c, b->arena, 11, b->boards_touched.n)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->boards_touched.n; i++) {
        const struct tb_board *board = tb_world_board(b->world, b->boards_touched.entries[i].key);
        tb_put(&c, board->id);
        tb_put(&c, board->workflow_id);
        tb_put(&c, board->name);
        tb_put(&c, tb_board_columns_json(board, b->arena));
        tb_put_list(&c, board->ticket_types);
        tb_put(&c, board->default_ticket_type);
        tb_put(&c, board->initial_status);
        tb_put(&c, tb_board_settings_json(board, b->arena));
        tb_put_int(&c, board->version);
        tb_put_time(&c, board->created_at);
        tb_put_time(&c, board->updated_at);
    }
    return tb_columns_flush(w, &c, "boards_put", sql_boards_put, NULL, err);
}

static enum tb_rc store_comments(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct tb_columns fresh;
    struct tb_columns edited;
    if (!tb_columns_init(&fresh, b->arena, 10, b->comments.n) ||
        !tb_columns_init(&edited, b->arena, 10, b->comments.n)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->comments.n; i++) {
        const struct tb_comment_write *write = b->comments.entries[i].value;
        const struct tb_comment *m = &write->comment;
        struct tb_columns *c = write->is_new ? &fresh : &edited;
        tb_put(c, m->id);
        tb_put(c, m->ticket_id);
        tb_put(c, m->agent_id);
        tb_put(c, m->text);
        tb_put(c, m->type);
        tb_put_list(c, m->mentions);
        tb_put_list(c, m->attachments);
        tb_put_time(c, m->created_at);
        tb_put_time(c, m->updated_at);
        tb_put_bool(c, m->is_edited);
    }
    enum tb_rc rc = tb_columns_flush(w, &fresh, "comments_insert", sql_comments_insert, NULL, err);
    return rc != TB_OK
               ? rc
               : tb_columns_flush(w, &edited, "comments_update", sql_comments_update, NULL, err);
}

static enum tb_rc store_history(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct tb_columns c;
    if (!tb_columns_init(&c, b->arena, 10, b->nhistory)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->nhistory; i++) {
        const struct tb_history_row *r = &b->history[i];
        tb_put(&c, r->ticket_id);
        tb_put(&c, r->agent_id);
        tb_put_c(&c, r->change_type);
        tb_put_c(&c, r->field_name);
        tb_put(&c, r->old_value);
        tb_put(&c, r->new_value);
        tb_put(&c, r->description);
        tb_put(&c, r->metadata);
        tb_put_time(&c, r->at);
        tb_put_int(&c, r->version);
    }
    return tb_columns_flush(w, &c, "history", sql_history, NULL, err);
}

static enum tb_rc store_commits(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct tb_columns c;
    if (!tb_columns_init(&c, b->arena, 12, b->ncommits)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->ncommits; i++) {
        const struct tb_commit *m = b->commits[i];
        tb_put(&c, m->id);
        tb_put(&c, m->ticket_id);
        tb_put(&c, m->agent_id);
        tb_put(&c, m->sha);
        tb_put(&c, m->message);
        tb_put_time(&c, m->timestamp);
        tb_put_int(&c, m->files_changed);
        tb_put_int(&c, m->insertions);
        tb_put_int(&c, m->deletions);
        tb_put_list(&c, m->files_list);
        tb_put_time(&c, m->linked_at);
        tb_put(&c, m->link_method);
    }
    return tb_columns_flush(w, &c, "commits_insert", sql_commits, NULL, err);
}

static enum tb_rc store_edges(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct tb_columns gone;
    struct tb_columns fresh;
    if (!tb_columns_init(&gone, b->arena, 4, b->edges.n) ||
        !tb_columns_init(&fresh, b->arena, 4, b->edges.n)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->edges.n; i++) {
        const struct tb_edge_write *write = b->edges.entries[i].value;
        struct tb_columns *c = write->present ? &fresh : &gone;
        tb_put(c, write->edge.ticket_id);
        tb_put(c, write->edge.depends_on);
        tb_put(c, write->edge.type);
        tb_put_time(c, write->at);
    }
    enum tb_rc rc = tb_columns_flush(w, &gone, "edges_delete", sql_edges_delete, NULL, err);
    return rc != TB_OK ? rc
                       : tb_columns_flush(w, &fresh, "edges_insert", sql_edges_insert, NULL, err);
}

static enum tb_rc store_log(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct tb_columns c;
    if (!tb_columns_init(&c, b->arena, 15, b->n)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->n; i++) {
        const struct tb_item *item = &b->items[i];
        bool known = item->kind != TB_ITEM_DEAD;
        tb_put_time(&c, item->log_time);
        tb_put(&c, item->log_source);
        tb_put(&c, item->log_id);
        tb_put_bytes(&c, item->cmd.body_hash, sizeof item->cmd.body_hash);
        tb_put_int(&c, item->partition);
        tb_put_int(&c, item->offset);
        tb_put(&c, known ? item->cmd.subject : TB_LIT(""));
        tb_put(&c, known ? tb_str_of(item->cmd.type->name) : TB_LIT(""));
        tb_put(&c, known && !tb_str_is_null(item->cmd.actor) ? item->cmd.actor : TB_LIT(""));
        tb_put_c(&c, tb_outcome_name(item->outcome));
        tb_put_c(&c, item->rule ? item->rule : "");
        tb_put(&c, tb_str_is_null(item->log_code) ? TB_LIT("") : item->log_code);
        tb_put(&c, item->log_message);
        tb_put_int(&c, item->version);
#ifdef TB_PLANT_DIRECT_REPLAY /* published by whoever replays, from memory */
        tb_put(&c, item->nwaiting > 0 ? TB_LIT("") : item->outbox);
#else
        tb_put(&c, item->outbox);
#endif
    }
    return tb_columns_flush(w, &c, "log", sql_log, NULL, err);
}

static enum tb_rc store_settled(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        n += b->items[i].nwaiting;
    }
    struct tb_columns log;
    struct tb_columns gone;
    if (!tb_columns_init(&log, b->arena, 10, n) || !tb_columns_init(&gone, b->arena, 2, n)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->n; i++) {
        for (size_t j = 0; j < b->items[i].nwaiting; j++) {
            const struct tb_waiting *wait = &b->items[i].waiting[j];
            if (!wait->done) {
                continue;
            }
            tb_put(&log, wait->source);
            tb_put(&log, wait->id);
            tb_put_int(&log, wait->partition);
            tb_put_int(&log, wait->offset);
            tb_put_c(&log, tb_outcome_name(wait->outcome));
            tb_put_c(&log, wait->decision.rule ? wait->decision.rule : "");
            tb_put_c(&log, tb_rejection_code(wait->decision.rejection));
            tb_put(&log, wait->decision.message);
            tb_put_int(&log, wait->version);
            tb_put(&log, wait->frames);
            tb_put(&gone, b->items[i].cmd.subject);
            tb_put_int(&gone, wait->queued);
        }
    }
    enum tb_rc rc = tb_columns_flush(w, &log, "log_settle", sql_log_settle, NULL, err);
    return rc != TB_OK
               ? rc
               : tb_columns_flush(w, &gone, "waiting_delete", sql_waiting_delete, NULL, err);
}

static enum tb_rc store_parked(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct tb_columns put_rows;
    struct tb_columns waiting;
    struct tb_columns gone;
    if (!tb_columns_init(&put_rows, b->arena, 7, b->parked.n) ||
        !tb_columns_init(&gone, b->arena, 1, b->parked.n) ||
        !tb_columns_init(&waiting, b->arena, 7, b->n)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->parked.n; i++) {
        const struct tb_parked *p = b->parked.entries[i].value;
        if (!p->is_parked) {
            tb_put(&gone, p->ticket_id);
            continue;
        }
        tb_put(&put_rows, p->ticket_id);
        tb_put_c(&put_rows, p->poison ? "poison" : "reference");
        tb_put(&put_rows, p->poison ? TB_STR_NULL : p->waits_for);
        tb_put_time(&put_rows, p->poison ? TB_TIME_NONE : p->deadline);
        tb_put(&put_rows, p->code);
        tb_put(&put_rows, p->message);
        tb_put_time(&put_rows, p->parked_at);
    }
    for (size_t i = 0; i < b->n; i++) {
        const struct tb_item *item = &b->items[i];
        if (!item->waits) {
            continue;
        }
        tb_put(&waiting, item->cmd.subject);
        tb_put_int(&waiting, item->partition);
        tb_put_int(&waiting, item->offset);
        tb_put(&waiting, item->cmd.source);
        tb_put(&waiting, item->cmd.id);
        tb_put_time(&waiting, item->record_time);
        tb_put_bytes(&waiting, item->value.ptr, item->value.len);
    }
    enum tb_rc rc = tb_columns_flush(w, &gone, "parked_delete", sql_parked_delete, NULL, err);
    rc = rc != TB_OK ? rc : tb_columns_flush(w, &put_rows, "parked_put", sql_parked_put, NULL, err);
    return rc != TB_OK
               ? rc
               : tb_columns_flush(w, &waiting, "waiting_insert", sql_waiting_insert, NULL, err);
}

static enum tb_rc store_watermarks(struct tb_worker *w, struct tb_batch *b, struct tb_error *err)
{
    struct tb_columns c;
    struct tb_columns attempts;
    if (!tb_columns_init(&c, b->arena, 4, b->n) || !tb_columns_init(&attempts, b->arena, 2, b->n)) {
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
        tb_put_int(&c, item->partition);
        tb_put_int(&c, item->offset + 1);
        tb_put_int(&c, tb_pending_published(w->pending, item->partition));
        tb_put(&c, tb_arena_str(b->arena, tb_str_of(last)));
        tb_put_int(&attempts, item->partition);
        tb_put_int(&attempts, item->offset + 1);
        const struct tb_partition *p = tb_worker_partition(w, item->partition);
        careful = careful || (p && p->careful > 0) || item->poison;
    }
    enum tb_rc rc =
        tb_columns_flush(w, &c, "watermarks_put", sql_watermarks, w->topic_commands, err);
    if (rc == TB_OK && careful) {
        rc = tb_columns_flush(w, &attempts, "attempts_clear", sql_attempts_clear, w->topic_commands,
                              err);
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
