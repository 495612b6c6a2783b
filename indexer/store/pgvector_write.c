/* Guarded writes: all of a batch in one transaction, rows in the order of their ids, so that two
 * indexers wait for each other instead of deadlocking. */
#include <stdlib.h>

#include "indexer/store/pgvector_internal.h"

/* An insert walks the graph: tens of milliseconds for a point of many dimensions on a busy server.
 * A statement stays far below the statement timeout. */
enum { POINTS_OF_A_STATEMENT = 50 };

/* $1 … $18, the columns of vector_points_N in order; $19 vectors. */
static const char rows_sql[] =
    "unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],"
    " $8::text[], $9::text[], $10::bool[], $11::bool[], $12::bool[], $13::bigint[], $14::bigint[],"
    " $15::text[], $16::text[], $17::bigint[], $18::text[])"
    " AS r (id, ticket_id, version, workflow_id, status, ticket_type, priority, assignee, tags,"
    " is_blocked, is_resolved, is_deleted, created_at, updated_at, kind, comment_id, chunk, hash)";

/* The vector goes with the row that won: rejected points return nothing. */
static const char upsert_head_sql[] =
    "WITH won AS (INSERT INTO %P AS p (id, ticket_id, version, workflow_id, status, ticket_type,"
    " priority, assignee, tags, is_blocked, is_resolved, is_deleted, created_at, updated_at, kind,"
    " comment_id, chunk, hash) SELECT id::uuid, ticket_id, version, workflow_id, status,"
    " ticket_type, priority, assignee, tags::jsonb, is_blocked, is_resolved, is_deleted,"
    " created_at, updated_at, kind, comment_id, chunk, hash FROM ";
static const char upsert_tail_sql[] =
    " ORDER BY id::uuid ON CONFLICT (id) DO UPDATE SET ticket_id = EXCLUDED.ticket_id, version ="
    " EXCLUDED.version, workflow_id = EXCLUDED.workflow_id, status = EXCLUDED.status, ticket_type ="
    " EXCLUDED.ticket_type, priority = EXCLUDED.priority, assignee = EXCLUDED.assignee, tags ="
    " EXCLUDED.tags, is_blocked = EXCLUDED.is_blocked, is_resolved = EXCLUDED.is_resolved,"
    " is_deleted = EXCLUDED.is_deleted, created_at = EXCLUDED.created_at, updated_at ="
    " EXCLUDED.updated_at, kind = EXCLUDED.kind, comment_id = EXCLUDED.comment_id, chunk ="
    " EXCLUDED.chunk, hash = EXCLUDED.hash WHERE p.version <= EXCLUDED.version RETURNING id)"
    " INSERT INTO %V AS v (id, embedding) SELECT won.id, n.embedding::%T FROM won JOIN"
    " unnest($1::text[], $19::text[]) AS n (id, embedding) ON n.id::uuid = won.id"
    " WHERE n.embedding IS NOT NULL ON CONFLICT (id) DO UPDATE SET embedding = EXCLUDED.embedding"
    " WHERE v.embedding <> EXCLUDED.embedding";

/* In a statement of its own: it sees the vectors of whoever wrote just before. */
static const char tombstones_sql[] =
    "DELETE FROM %V v USING %P p WHERE v.id = ANY($1::text[]::uuid[]) AND p.id = v.id"
    " AND p.is_deleted";

static const char refresh_head_sql[] =
    "UPDATE %P p SET version = r.version, workflow_id = r.workflow_id, status = r.status,"
    " ticket_type = r.ticket_type, priority = r.priority, assignee = r.assignee, tags ="
    " r.tags::jsonb, is_blocked = r.is_blocked, is_resolved = r.is_resolved, is_deleted ="
    " r.is_deleted, created_at = r.created_at, updated_at = r.updated_at FROM ";
static const char refresh_tail_sql[] =
    " WHERE p.id = r.id::uuid AND p.hash = r.hash AND p.version <= r.version";

static const char purge_sql[] =
    "DELETE FROM %P p USING unnest($1::text[], $2::bigint[]) AS r (ticket_id, before)"
    " WHERE p.ticket_id = r.ticket_id AND p.version < r.before";

/* Columns under construction. */
struct rows {
    size_t n;
    tb_str
        *texts[12]; /* id ticket workflow status type priority assignee tags kind comment hash v */
    int64_t *numbers[7]; /* version blocked resolved deleted created updated chunk */
};

static bool rows_init(struct rows *r, size_t room, struct tb_arena *arena)
{
    r->n = 0;
    for (size_t i = 0; i < TB_COUNT(r->texts); i++) {
        r->texts[i] = TB_NEW_N(arena, tb_str, room + 1);
    }
    for (size_t i = 0; i < TB_COUNT(r->numbers); i++) {
        r->numbers[i] = TB_NEW_N(arena, int64_t, room + 1);
    }
    return !tb_arena_failed(arena);
}

static void rows_add(struct rows *r, const struct tb_uuid *id, const struct tb_store_payload *t,
                     struct tb_arena *arena)
{
    const tb_str texts[] = {*tb_pgvector_ids(id, 1, arena),
                            t->ticket_id,
                            t->workflow_id,
                            t->status,
                            t->ticket_type,
                            t->priority,
                            t->assignee,
                            t->tags_json};
    const int64_t numbers[] = {t->version,    t->is_blocked, t->is_resolved,
                               t->is_deleted, t->created_at, t->updated_at};
    for (size_t i = 0; i < TB_COUNT(texts); i++) {
        r->texts[i][r->n] = texts[i];
    }
    for (size_t i = 0; i < TB_COUNT(numbers); i++) {
        r->numbers[i][r->n] = numbers[i];
    }
    r->n++;
}

static void add_columns(struct tb_pg_params *p, const struct rows *r)
{
    tb_pg_add_texts(p, r->texts[0], r->n);
    tb_pg_add_texts(p, r->texts[1], r->n);
    tb_pg_add_bigints(p, r->numbers[0], r->n);
    for (size_t i = 2; i < 8; i++) {
        tb_pg_add_texts(p, r->texts[i], r->n);
    }
    for (size_t i = 1; i < 4; i++) {
        tb_pg_add_bools(p, r->numbers[i], r->n);
    }
    tb_pg_add_bigints(p, r->numbers[4], r->n);
    tb_pg_add_bigints(p, r->numbers[5], r->n);
    tb_pg_add_texts(p, r->texts[8], r->n);
    tb_pg_add_texts(p, r->texts[9], r->n);
    tb_pg_add_bigints(p, r->numbers[6], r->n);
    tb_pg_add_texts(p, r->texts[10], r->n);
}

static enum tb_rc run(struct tb_pgvector *p, const char *head, const char *tail,
                      const struct tb_pg_params *params, struct tb_arena *arena,
                      struct tb_error *err)
{
    tb_str sql = tb_arena_printf(arena, "%s%s%s", head, rows_sql, tail);
    return sql.ptr ? tb_pgvector_exec(p, sql.ptr, params, arena, NULL, err)
                   : tb_fail(err, TB_ENOMEM, "out of memory");
}

static enum tb_rc put_points(struct tb_pgvector *p, const struct tb_store_point *points, size_t n,
                             struct tb_arena *arena, struct tb_error *err)
{
    struct rows r;
    struct tb_pg_params params;
    if (!rows_init(&r, n, arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory writing points");
    }
    for (size_t i = 0; i < n; i++) {
        const struct tb_store_point *pt = &points[i];
        size_t at = r.n;
        rows_add(&r, &pt->id, pt->ticket, arena);
        if (pt->vector) {
            r.texts[8][at] = tb_str_of(pt->kind);
            r.texts[9][at] = pt->comment_id;
            r.texts[10][at] = tb_str_of(pt->hash);
            r.texts[11][at] = tb_pgvector_text(pt->vector, p->dim, arena);
        }
        r.numbers[6][at] = pt->number;
    }
    tb_pg_params_init(&params, arena);
    add_columns(&params, &r);
    tb_pg_add_texts(&params, r.texts[11], r.n);
    enum tb_rc rc = tb_arena_failed(arena)
                        ? tb_fail(err, TB_ENOMEM, "out of memory writing points")
                        : run(p, upsert_head_sql, upsert_tail_sql, &params, arena, err);
    if (rc == TB_OK) {
        tb_pg_params_init(&params, arena);
        tb_pg_add_texts(&params, r.texts[0], r.n);
        rc = tb_pgvector_exec(p, tombstones_sql, &params, arena, NULL, err);
    }
    return rc;
}

static int by_id(const void *a, const void *b)
{
    const struct tb_store_point *x = a;
    const struct tb_store_point *y = b;
    return memcmp(x->id.bytes, y->id.bytes, sizeof x->id.bytes);
}

static enum tb_rc put_all(struct tb_pgvector *p, const struct tb_store_batch *batch,
                          struct tb_arena *arena, struct tb_error *err)
{
    if (batch->npoints == 0) {
        return TB_OK;
    }
    struct tb_store_point *sorted = calloc(batch->npoints, sizeof *sorted);
    if (!sorted) {
        return tb_fail(err, TB_ENOMEM, "out of memory writing points");
    }
    memcpy(sorted, batch->points, batch->npoints * sizeof *sorted);
    qsort(sorted, batch->npoints, sizeof *sorted, by_id);
    enum tb_rc rc = TB_OK;
    for (size_t from = 0; from < batch->npoints && rc == TB_OK; from += POINTS_OF_A_STATEMENT) {
        size_t n = batch->npoints - from;
        n = n < POINTS_OF_A_STATEMENT ? n : POINTS_OF_A_STATEMENT;
        rc = put_points(p, sorted + from, n, arena, err);
        tb_arena_reset(arena);
    }
    free(sorted);
    return rc;
}

static enum tb_rc refresh_all(struct tb_pgvector *p, const struct tb_store_batch *batch,
                              struct tb_arena *arena, struct tb_error *err)
{
    struct rows r;
    struct tb_pg_params params;
    size_t n = 0;
    for (size_t i = 0; i < batch->nrefreshes; i++) {
        n += batch->refreshes[i].n;
    }
    if (n == 0) {
        return TB_OK;
    }
    if (!rows_init(&r, n, arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory writing payloads");
    }
    for (size_t i = 0; i < batch->nrefreshes; i++) {
        const struct tb_store_refresh *f = &batch->refreshes[i];
        for (size_t k = 0; k < f->n; k++) {
            r.texts[10][r.n] = tb_str_of(f->hashes[k]);
            rows_add(&r, &f->ids[k], f->ticket, arena);
        }
    }
    tb_pg_params_init(&params, arena);
    add_columns(&params, &r);
    if (tb_arena_failed(arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory writing payloads");
    }
    enum tb_rc rc = run(p, refresh_head_sql, refresh_tail_sql, &params, arena, err);
    tb_arena_reset(arena);
    return rc;
}

static enum tb_rc purge_all(struct tb_pgvector *p, const struct tb_store_batch *batch,
                            struct tb_arena *arena, struct tb_error *err)
{
    if (batch->npurges == 0) {
        return TB_OK;
    }
    tb_str *ids = TB_NEW_N(arena, tb_str, batch->npurges);
    int64_t *before = TB_NEW_N(arena, int64_t, batch->npurges);
    if (!ids || !before) {
        return tb_fail(err, TB_ENOMEM, "out of memory purging points");
    }
    for (size_t i = 0; i < batch->npurges; i++) {
        ids[i] = batch->purges[i].ticket_id;
        before[i] = batch->purges[i].before_version;
    }
    struct tb_pg_params params;
    tb_pg_params_init(&params, arena);
    tb_pg_add_texts(&params, ids, batch->npurges);
    tb_pg_add_bigints(&params, before, batch->npurges);
    return tb_pgvector_exec(p, purge_sql, &params, arena, NULL, err);
}

enum tb_rc tb_pgvector_apply(struct tb_store *s, const struct tb_store_batch *batch,
                             struct tb_error *err)
{
    struct tb_pgvector *p = (struct tb_pgvector *)s;
    struct tb_arena *arena = tb_arena_new(0);
    if (!arena) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    enum tb_rc rc = tb_pgvector_open(p, arena, err);
    rc = rc == TB_OK ? tb_pgvector_exec(p, "BEGIN", NULL, arena, NULL, err) : rc;
    bool begun = rc == TB_OK;
    rc = rc == TB_OK ? put_all(p, batch, arena, err) : rc;
    rc = rc == TB_OK ? refresh_all(p, batch, arena, err) : rc;
    rc = rc == TB_OK ? purge_all(p, batch, arena, err) : rc;
    rc = rc == TB_OK ? tb_pgvector_exec(p, "COMMIT", NULL, arena, NULL, err) : rc;
    if (rc != TB_OK && begun && p->pg) {
        struct tb_error why = err ? *err : (struct tb_error){.rc = rc};
        rc = tb_pgvector_failed(p, rc, &why); /* also where memory ran out in between */
    }
    tb_arena_free(arena);
    return rc;
}

enum tb_rc tb_pgvector_remove(struct tb_store *s, const struct tb_uuid *ids, size_t n,
                              struct tb_error *err)
{
    struct tb_pgvector *p = (struct tb_pgvector *)s;
    struct tb_arena *arena = tb_arena_new(0);
    if (!arena) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    struct tb_pg_params params;
    tb_pg_params_init(&params, arena);
    enum tb_rc rc = tb_pgvector_open(p, arena, err);
    if (rc == TB_OK) {
        tb_str *texts = tb_pgvector_ids(ids, n, arena);
        rc = tb_arena_failed(arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
        if (rc == TB_OK) {
            tb_pg_add_texts(&params, texts, n);
            rc = tb_pgvector_exec(p, "DELETE FROM %P WHERE id = ANY($1::text[]::uuid[])", &params,
                                  arena, NULL, err);
        }
    }
    tb_arena_free(arena);
    return rc;
}
