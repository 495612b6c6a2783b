/* Queries, counts and walks. */
#include "common/json/dom.h"
#include "indexer/store/pgvector_internal.h"

enum {
    PAGE = 1000,
    NEAR_MIN = 64,
    NEAR_OF_A_TICKET = 4, /* chunks fetched for each ticket asked for */
    NEAR_MAX = 4096,
};

/* A point that should have a vector and has none counts as one without a text's hash. */
static const char seen_sql[] =
    "SELECT p.id, p.ticket_id, p.version, p.is_deleted, CASE WHEN v.id IS NULL THEN '' ELSE"
    " p.hash END FROM %P p LEFT JOIN %V v ON v.id = p.id"
    " WHERE p.id = ANY($1::text[]::uuid[]) ORDER BY p.id";
static const char read_sql[] =
    "SELECT p.id, p.ticket_id, p.version, p.is_deleted, CASE WHEN v.id IS NULL THEN '' ELSE"
    " p.hash END, p.workflow_id, p.status, p.ticket_type, p.priority, p.assignee, p.tags,"
    " p.is_blocked, p.is_resolved, p.created_at, p.updated_at, p.kind, p.comment_id, p.chunk"
    " FROM %P p LEFT JOIN %V v ON v.id = p.id"
    " WHERE p.id = ANY($1::text[]::uuid[]) ORDER BY p.id";
static const char walk_sql[] =
    "SELECT p.id, p.ticket_id, p.version, p.is_deleted, CASE WHEN v.id IS NULL THEN '' ELSE"
    " p.hash END FROM %P p LEFT JOIN %V v ON v.id = p.id"
    " WHERE $1::text IS NULL OR p.id > $1::text::uuid ORDER BY p.id LIMIT $2::int";

#define FILTER                                                                                     \
    " NOT p.is_deleted AND ($1::text IS NULL OR p.workflow_id = $1)"                               \
    " AND ($2::text IS NULL OR p.status = $2) AND ($3::text IS NULL OR p.ticket_type = $3)"        \
    " AND ($4::text IS NULL OR p.priority = $4) AND ($5::text IS NULL OR p.assignee = $5)"         \
    " AND ($6::text IS NULL OR p.tags @> to_jsonb($6::text))"                                      \
    " AND NOT ($7::bool AND p.kind = 'comment') "

static const char few_sql[] =
    "SELECT count(*) FROM (SELECT 1 FROM %P p WHERE" FILTER "LIMIT $8::int) x";

/* Best chunk of each ticket of the rows in `near`, and how many rows those were. */
#define BEST                                                                                       \
    " SELECT ticket_id, kind, comment_id, chunk, 1 - d, scanned FROM (SELECT DISTINCT ON"          \
    " (ticket_id) *, count(*) OVER () AS scanned FROM near ORDER BY ticket_id, d) best"            \
    " ORDER BY d, ticket_id LIMIT $9::int"

static const char exact_sql[] =
    "WITH few AS MATERIALIZED (SELECT p.* FROM %P p WHERE" FILTER
    "), near AS MATERIALIZED (SELECT few.ticket_id, few.kind, few.comment_id, few.chunk,"
    " v.embedding <=> $8::%T AS d FROM few JOIN %V v USING (id))" BEST;
static const char near_sql[] =
    "WITH near AS MATERIALIZED (SELECT p.ticket_id, p.kind, p.comment_id, p.chunk,"
    " v.embedding <=> $8::%T AS d FROM %V v JOIN %P p USING (id) WHERE" FILTER
    "ORDER BY v.embedding <=> $8::%T LIMIT $10::int)" BEST;

static void read_whole(const struct tb_pg_result *r, int i, struct tb_arena *arena,
                       struct tb_store_payload *payload, struct tb_store_seen *seen)
{
    *payload = (struct tb_store_payload){
        .ticket_id = seen->ticket_id,
        .version = seen->version,
        .workflow_id = tb_pg_str(r, i, 5),
        .status = tb_pg_str(r, i, 6),
        .ticket_type = tb_pg_str(r, i, 7),
        .priority = tb_pg_str(r, i, 8),
        .assignee = tb_pg_str(r, i, 9),
        .tags_json = tb_json_compact(tb_pg_str(r, i, 10), arena),
        .is_blocked = tb_pg_bool(r, i, 11),
        .is_resolved = tb_pg_bool(r, i, 12),
        .is_deleted = seen->deleted,
        .created_at = tb_pg_int(r, i, 13),
        .updated_at = tb_pg_int(r, i, 14),
    };
    seen->payload = payload;
    seen->kind = tb_pg_str(r, i, 15);
    seen->comment_id = tb_pg_str(r, i, 16);
    seen->number = (int)tb_pg_int(r, i, 17);
}

/* arena: for the payloads; NULL: they were not read. */
static bool tell(const struct tb_pg_result *r, struct tb_arena *arena, tb_store_seen_fn *fn,
                 void *arg)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        struct tb_store_seen seen = {.ticket_id = tb_pg_str(r, i, 1),
                                     .version = tb_pg_int(r, i, 2),
                                     .deleted = tb_pg_bool(r, i, 3)};
        tb_str hash = tb_pg_str(r, i, 4);
        if (hash.len && hash.len < sizeof seen.hash) {
            memcpy(seen.hash, hash.ptr, hash.len);
        }
        struct tb_store_payload payload;
        if (arena) {
            read_whole(r, i, arena, &payload, &seen);
        }
        if (tb_uuid_parse(tb_pg_str(r, i, 0), &seen.id) && !fn(&seen, arg)) {
            return false;
        }
    }
    return true;
}

enum tb_rc tb_pgvector_seen(struct tb_store *s, const struct tb_uuid *ids, size_t n, bool whole,
                            tb_store_seen_fn *fn, void *arg, struct tb_error *err)
{
    struct tb_pgvector *p = (struct tb_pgvector *)s;
    struct tb_arena *arena = tb_arena_new(0);
    if (!arena) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    enum tb_rc rc = tb_pgvector_open(p, arena, err);
    bool more = true;
    for (size_t from = 0; from < n && rc == TB_OK && more; from += PAGE) {
        size_t page = n - from < PAGE ? n - from : PAGE;
        struct tb_pg_params params;
        struct tb_pg_result *r = NULL;
        tb_arena_reset(arena);
        tb_pg_params_init(&params, arena);
        tb_str *texts = tb_pgvector_ids(ids + from, page, arena);
        if (tb_arena_failed(arena)) {
            rc = tb_fail(err, TB_ENOMEM, "out of memory");
            break;
        }
        tb_pg_add_texts(&params, texts, page);
        rc = tb_pgvector_exec(p, whole ? read_sql : seen_sql, &params, arena, &r, err);
        more = rc == TB_OK && tell(r, whole ? arena : NULL, fn, arg);
        tb_pg_result_free(r);
    }
    tb_arena_free(arena);
    return rc;
}

enum tb_rc tb_pgvector_walk(struct tb_store *s, tb_store_seen_fn *fn, void *arg,
                            struct tb_error *err)
{
    struct tb_pgvector *p = (struct tb_pgvector *)s;
    struct tb_arena *arena = tb_arena_new(0);
    if (!arena) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    enum tb_rc rc = tb_pgvector_open(p, arena, err);
    char after[TB_UUID_TEXT_LEN + 1] = "";
    bool more = true;
    while (rc == TB_OK && more) {
        struct tb_pg_params params;
        struct tb_pg_result *r = NULL;
        tb_arena_reset(arena);
        tb_pg_params_init(&params, arena);
        tb_pg_add_str(&params, after[0] ? tb_str_of(after) : TB_STR_NULL);
        tb_pg_add_int(&params, PAGE);
        rc = tb_pgvector_exec(p, walk_sql, &params, arena, &r, err);
        int rows = rc == TB_OK ? tb_pg_rows(r) : 0;
        if (rows) {
            tb_str last = tb_pg_str(r, rows - 1, 0);
            memcpy(after, last.ptr, last.len < sizeof after ? last.len : sizeof after - 1);
        }
        more = rows && tell(r, NULL, fn, arg) && rows == PAGE;
        tb_pg_result_free(r);
    }
    tb_arena_free(arena);
    return rc;
}

enum tb_rc tb_pgvector_count(struct tb_store *s, bool deleted, int64_t *ret, struct tb_error *err)
{
    struct tb_pgvector *p = (struct tb_pgvector *)s;
    struct tb_arena *arena = tb_arena_new(0);
    if (!arena) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    struct tb_pg_params params;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&params, arena);
    tb_pg_add_bool(&params, deleted);
    enum tb_rc rc = tb_pgvector_open(p, arena, err);
    if (rc == TB_OK) {
        rc = tb_pgvector_exec(p, "SELECT count(*) FROM %P WHERE is_deleted = $1::bool", &params,
                              arena, &r, err);
    }
    *ret = rc == TB_OK ? tb_pg_int(r, 0, 0) : -1;
    tb_pg_result_free(r);
    tb_arena_free(arena);
    return rc;
}

static void add_filter(struct tb_pg_params *params, const struct tb_store_filter *f,
                       struct tb_arena *arena)
{
    tb_pg_params_init(params, arena);
    tb_pg_add_str(params, f->workflow_id);
    tb_pg_add_str(params, f->status);
    tb_pg_add_str(params, f->ticket_type);
    tb_pg_add_str(params, f->priority);
    tb_pg_add_str(params, f->assignee);
    tb_pg_add_str(params, f->tag);
    tb_pg_add_bool(params, f->no_comments);
}

static enum tb_rc read_hits(const struct tb_pg_result *r, struct tb_arena *arena,
                            struct tb_store_hit **ret, size_t *ret_n, struct tb_error *err)
{
    size_t n = (size_t)tb_pg_rows(r);
    struct tb_store_hit *hits = TB_NEW_N(arena, struct tb_store_hit, n + 1);
    for (size_t i = 0; hits && i < n; i++) {
        hits[i].ticket_id = tb_pg_str_in(r, (int)i, 0, arena);
        hits[i].kind = tb_pg_str_in(r, (int)i, 1, arena);
        hits[i].comment_id = tb_pg_str_in(r, (int)i, 2, arena);
        hits[i].number = (int)tb_pg_int(r, (int)i, 3);
        hits[i].score = tb_pg_real(r, (int)i, 4);
    }
    *ret = hits;
    *ret_n = n;
    return tb_arena_failed(arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}

/* The index gives the nearest chunks; several can be of one ticket, and a scan ends early when a
 * filter leaves little. Then more are asked for, at last all are compared. */
enum tb_rc tb_pgvector_query(struct tb_store *s, const float *vector,
                             const struct tb_store_filter *filter, size_t limit,
                             struct tb_arena *arena, struct tb_store_hit **ret, size_t *ret_n,
                             struct tb_error *err)
{
    struct tb_pgvector *p = (struct tb_pgvector *)s;
    struct tb_pg_params params;
    struct tb_pg_result *r = NULL;
    *ret = NULL;
    *ret_n = 0;
    enum tb_rc rc = tb_pgvector_open(p, arena, err);
    if (rc != TB_OK) {
        return rc;
    }
    add_filter(&params, filter, arena);
    tb_pg_add_int(&params, p->exact_max < 0 ? 0 : p->exact_max + 1);
    rc = tb_pgvector_exec(p, few_sql, &params, arena, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    bool exact = tb_pg_int(r, 0, 0) <= p->exact_max;
    size_t near = limit * NEAR_OF_A_TICKET < NEAR_MIN ? NEAR_MIN : limit * NEAR_OF_A_TICKET;
    tb_str text = tb_pgvector_text(vector, p->dim, arena);
    for (bool enough = false; rc == TB_OK && !enough;) {
        tb_pg_result_free(r);
        r = NULL;
        add_filter(&params, filter, arena);
        tb_pg_add_str(&params, text);
        tb_pg_add_int(&params, (int64_t)limit);
        if (!exact) {
            tb_pg_add_int(&params, (int64_t)near);
        }
        rc = tb_pgvector_exec(p, exact ? exact_sql : near_sql, &params, arena, &r, err);
        if (rc != TB_OK) {
            break;
        }
        size_t rows = (size_t)tb_pg_rows(r);
        size_t scanned = rows ? (size_t)tb_pg_int(r, 0, 5) : 0;
        enough = exact || rows >= limit;
        exact = scanned < near || near >= NEAR_MAX;
        near *= 4;
    }
    rc = rc == TB_OK ? read_hits(r, arena, ret, ret_n, err) : rc;
    tb_pg_result_free(r);
    return rc;
}
