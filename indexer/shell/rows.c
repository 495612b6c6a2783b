#include "indexer/shell/rows.h"

#define POISON_MARK '!' /* before the hash of a chunk that the model refused */

enum tb_rc tb_rows_heads(struct tb_pg *pg, tb_str collection, tb_str recipe, const tb_str *ids,
                         size_t n, struct tb_arena *arena, struct tb_head *ret,
                         struct tb_error *err)
{
    static const char sql[] =
        "SELECT coalesce(t.version, 0), coalesce(s.version, 0), coalesce(s.recipe = $3, false)"
        " FROM unnest($1::text[]) WITH ORDINALITY AS w(id, n)"
        " LEFT JOIN tickets t ON t.id = w.id"
        " LEFT JOIN index_state s ON s.ticket_id = w.id AND s.collection = $2"
        " ORDER BY w.n";
    struct tb_pg_params p;
    struct tb_pg_result *r;
    tb_pg_params_init(&p, arena);
    tb_pg_add_strs(&p, ids, n);
    tb_pg_add_str(&p, collection);
    tb_pg_add_str(&p, recipe);
    enum tb_rc rc = tb_pg_exec(pg, sql, &p, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    for (size_t i = 0; i < n && (int)i < tb_pg_rows(r); i++) {
        ret[i] = (struct tb_head){.id = ids[i],
                                  .version = tb_pg_int(r, (int)i, 0),
                                  .state_version = tb_pg_int(r, (int)i, 1),
                                  .same_recipe = tb_pg_bool(r, (int)i, 2)};
    }
    tb_pg_result_free(r);
    return TB_OK;
}

static const char tickets_sql[] =
    "SELECT t.id, t.version, t.workflow_id, t.status, t.ticket_type, t.priority,"
    " t.assigned_agent_id, t.tags::text, t.is_blocked, t.is_resolved, t.is_deleted, t.created_at,"
    " t.updated_at, t.title, t.description, coalesce(s.version, 0), coalesce(s.is_deleted, false),"
    " coalesce(s.fingerprint, ''), t.created_at > now() - interval '1 day' AND NOT EXISTS (SELECT 1"
    " FROM index_state o WHERE o.ticket_id = t.id),"
    " coalesce((b.settings->>'similar_percent')::bigint, -1)"
    " FROM tickets t LEFT JOIN index_state s ON s.ticket_id = t.id AND s.collection = $2"
    " LEFT JOIN board_configs b ON b.workflow_id = t.workflow_id"
    " WHERE t.id = ANY($1::text[])";

static const char comments_sql[] =
    "SELECT ticket_id, id, comment_text FROM ticket_comments WHERE ticket_id = ANY($1::text[])"
    " ORDER BY ticket_id, created_at, id";

static const char hashes_sql[] =
    "SELECT s.ticket_id, h.key, h.value FROM index_state s, jsonb_each_text(s.chunk_hashes) h"
    " WHERE s.ticket_id = ANY($1::text[]) AND s.collection = $2";

static void read_ticket(const struct tb_pg_result *r, int i, struct tb_arena *arena,
                        struct tb_row *row)
{
    tb_str id = tb_pg_str_in(r, i, 0, arena);
    row->payload = (struct tb_store_payload){
        .ticket_id = id,
        .version = tb_pg_int(r, i, 1),
        .workflow_id = tb_pg_str_in(r, i, 2, arena),
        .status = tb_pg_str_in(r, i, 3, arena),
        .ticket_type = tb_pg_str_in(r, i, 4, arena),
        .priority = tb_pg_str_in(r, i, 5, arena),
        .assignee = tb_pg_str_in(r, i, 6, arena),
        .tags_json = tb_pg_str_in(r, i, 7, arena),
        .is_blocked = tb_pg_bool(r, i, 8),
        .is_resolved = tb_pg_bool(r, i, 9),
        .is_deleted = tb_pg_bool(r, i, 10),
        .created_at = tb_pg_time(r, i, 11),
        .updated_at = tb_pg_time(r, i, 12),
    };
    row->text = (struct tb_ticket_text){.ticket_id = id,
                                        .title = tb_pg_str_in(r, i, 13, arena),
                                        .description = tb_pg_str_in(r, i, 14, arena)};
    row->state_version = tb_pg_int(r, i, 15);
    row->state_deleted = tb_pg_bool(r, i, 16);
    row->state_fingerprint = tb_pg_str_in(r, i, 17, arena);
    row->is_new = tb_pg_bool(r, i, 18);
    row->similar_percent = tb_pg_int(r, i, 19);
    tb_map_init(&row->hashes, arena);
}

/* Comments come sorted by ticket: each ticket's are a run of one array. */
static void read_comments(const struct tb_pg_result *r, const struct tb_map *rows,
                          struct tb_arena *arena)
{
    int n = tb_pg_rows(r);
    struct tb_text_comment *all = TB_NEW_N(arena, struct tb_text_comment, (size_t)n + 1);
    for (int i = 0; all && i < n; i++) {
        struct tb_row *row = tb_map_get(rows, tb_pg_str(r, i, 0));
        all[i] = (struct tb_text_comment){.id = tb_pg_str_in(r, i, 1, arena),
                                          .text = tb_pg_str_in(r, i, 2, arena)};
        if (!row) {
            continue;
        }
        if (row->text.ncomments++ == 0) {
            row->text.comments = &all[i];
        }
    }
}

static bool read_hashes(const struct tb_pg_result *r, const struct tb_map *rows,
                        struct tb_arena *arena)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        struct tb_row *row = tb_map_get(rows, tb_pg_str(r, i, 0));
        tb_str hash = tb_pg_str_in(r, i, 2, arena);
        struct tb_known_chunk *known = TB_NEW(arena, struct tb_known_chunk);
        if (!row || !known || tb_str_is_null(hash)) {
            continue;
        }
        known->poison = hash.len && hash.ptr[0] == POISON_MARK;
        known->hash = known->poison ? (tb_str){hash.ptr + 1, hash.len - 1} : hash;
        if (!tb_map_put(&row->hashes, tb_pg_str_in(r, i, 1, arena), known)) {
            return false;
        }
    }
    return true;
}

static enum tb_rc queue(struct tb_pg *pg, tb_str collection, const tb_str *ids, size_t n,
                        struct tb_arena *arena, struct tb_error *err)
{
    struct tb_pg_params one;
    struct tb_pg_params two;
    tb_pg_params_init(&one, arena);
    tb_pg_add_strs(&one, ids, n);
    tb_pg_params_init(&two, arena);
    tb_pg_add_strs(&two, ids, n);
    tb_pg_add_str(&two, collection);
    enum tb_rc rc = tb_pg_pipeline_add(
        pg, "ix_begin_read", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, err);
    if (rc == TB_OK) {
        rc = tb_pg_pipeline_add(pg, "ix_tickets", tickets_sql, &two, err);
    }
    if (rc == TB_OK) {
        rc = tb_pg_pipeline_add(pg, "ix_comments", comments_sql, &one, err);
    }
    if (rc == TB_OK) {
        rc = tb_pg_pipeline_add(pg, "ix_hashes", hashes_sql, &two, err);
    }
    if (rc == TB_OK) {
        rc = tb_pg_pipeline_add(pg, "ix_commit", "COMMIT", NULL, err);
    }
    return rc;
}

enum tb_rc tb_rows_load(struct tb_pg *pg, tb_str collection, const tb_str *ids, size_t n,
                        struct tb_arena *arena, struct tb_row **ret, size_t *ret_n,
                        struct tb_error *err)
{
    struct tb_pg_result *results[5] = {NULL};
    enum tb_rc rc = queue(pg, collection, ids, n, arena, err);
    if (rc == TB_OK) {
        rc = tb_pg_pipeline_run(pg, results, false, err);
    }
    if (rc != TB_OK) {
        return rc;
    }
    int nrows = tb_pg_rows(results[1]);
    struct tb_row *rows = TB_NEW_N(arena, struct tb_row, (size_t)nrows + 1);
    struct tb_map map;
    bool ok = rows != NULL;
    tb_map_init(&map, arena);
    for (int i = 0; ok && i < nrows; i++) {
        read_ticket(results[1], i, arena, &rows[i]);
        ok = tb_map_put(&map, rows[i].payload.ticket_id, &rows[i]);
    }
    if (ok) {
        read_comments(results[2], &map, arena);
        ok = read_hashes(results[3], &map, arena);
    }
    for (size_t i = 0; i < TB_COUNT(results); i++) {
        tb_pg_result_free(results[i]);
    }
    *ret = rows;
    *ret_n = (size_t)nrows;
    return ok && !tb_arena_failed(arena) ? TB_OK
                                         : tb_fail(err, TB_ENOMEM, "out of memory reading tickets");
}
