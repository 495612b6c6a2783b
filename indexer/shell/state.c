#include "indexer/shell/state.h"

#include "common/base/json_write.h"
#include "indexer/catalog/catalog.h"
#include "indexer/core/codes.h"
#include "indexer/core/floats.h"
#include "indexer/core/plain.h"
#include "indexer/shell/usage.h"

enum {
    KEYWORD_BYTES = 400000, /* of one text of a tsvector, which holds 1 MB at most */
    TEXT_MAX = 1 << 28,
    STATEMENTS_MAX = 10,
};

/* Workers wait for these rows at most this long; we come again. */
static const char limit_sql[] = "SET LOCAL lock_timeout = '1s'";

/* In the order in which workers lock tickets. */
static const char lock_sql[] =
    "SELECT id FROM tickets WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE";

static const char state_sql[] =
    "INSERT INTO index_state AS s (collection, ticket_id, version, recipe, fingerprint, chunks,"
    " failed_chunks, chunk_hashes, tokens, is_deleted, indexed_at)"
    " SELECT $1, w.id, w.version, $2, w.fingerprint, w.chunks, w.failed, w.hashes::jsonb, w.tokens,"
    " w.deleted, now()"
    " FROM unnest($3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::text[],"
    " $9::bigint[], $10::bool[])"
    " AS w(id, version, fingerprint, chunks, failed, hashes, tokens, deleted) ORDER BY w.id"
    " ON CONFLICT (collection, ticket_id) DO UPDATE SET version = excluded.version,"
    " recipe = excluded.recipe, fingerprint = excluded.fingerprint, chunks = excluded.chunks,"
    " failed_chunks = excluded.failed_chunks, chunk_hashes = excluded.chunk_hashes,"
    " tokens = s.tokens + excluded.tokens, is_deleted = excluded.is_deleted,"
    " indexed_at = excluded.indexed_at"
    " WHERE s.version <= excluded.version";

static const char documents_sql[] =
    "INSERT INTO search_documents AS d (ticket_id, version, workflow_id, tsv, comments_tsv, words,"
    " comment_words, codes, comment_codes)"
    " SELECT w.id, w.version, w.workflow, v.own, v.comments,"
    " (SELECT coalesce(sum(cardinality(positions)), 0) FROM unnest(v.own)),"
    " (SELECT coalesce(sum(cardinality(positions)), 0) FROM unnest(v.comments)),"
    " string_to_array(w.codes, E'\\n'), string_to_array(w.comment_codes, E'\\n')"
    " FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[],"
    " $7::text[], $8::text[])"
    " AS w(id, version, workflow, title, description, comments, codes, comment_codes),"
    " LATERAL (SELECT setweight(to_tsvector('english', w.title), 'A') ||"
    " setweight(to_tsvector('english', w.description), 'B') AS own,"
    " to_tsvector('english', w.comments) AS comments OFFSET 0) v"
    " ORDER BY w.id"
    " ON CONFLICT (ticket_id) DO UPDATE SET version = excluded.version, tsv = excluded.tsv,"
    " comments_tsv = excluded.comments_tsv, words = excluded.words,"
    " comment_words = excluded.comment_words, codes = excluded.codes,"
    " comment_codes = excluded.comment_codes"
    " WHERE d.version <= excluded.version";

static const char undocument_sql[] =
    "DELETE FROM search_documents d USING unnest($1::text[], $2::bigint[]) AS w(id, version)"
    " JOIN index_state s ON s.collection = $3 AND s.ticket_id = w.id AND s.version = w.version"
    " WHERE d.ticket_id = w.id AND d.version <= w.version";

/* Texts that were as they had been when the row was read, while another indexer wrote the ticket
 * down with others, or deleted it, in between. */
static const char meanwhile_sql[] =
    "SELECT w.n FROM unnest($1::text[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS w(id, was,"
    " version, n) LEFT JOIN search_documents d ON d.ticket_id = w.id WHERE d.ticket_id IS NULL OR"
    " (d.version > w.was AND d.version < w.version)";

/* Only where this version is the one written down: no older vector over a newer one. */
static const char vectors_sql[] =
    "UPDATE tickets t SET embedding_id = w.point, embedding = w.vector::jsonb"
    " FROM unnest($2::text[], $3::bigint[], $4::text[], $5::text[]) AS w(id, version, point, "
    "vector)"
    " JOIN index_state s ON s.collection = $1 AND s.ticket_id = w.id AND s.version = w.version"
    " WHERE t.id = w.id";

static const char newer_sql[] = "SELECT w.n, s.version FROM unnest($2::text[], $3::bigint[]) WITH "
                                "ORDINALITY AS w(id, version, n)"
                                " JOIN index_state s ON s.collection = $1 AND s.ticket_id = w.id"
                                " WHERE s.version > w.version";

/* Columns under construction, one array each. */
struct columns {
    struct tb_arena *arena;
    size_t n;
    tb_str *strs[8];
    int64_t *ints[4];
    tb_str *bools;
};

static struct columns columns_new(struct tb_arena *arena, size_t room, size_t strs, size_t ints)
{
    struct columns c = {.arena = arena};
    for (size_t i = 0; i < strs; i++) {
        c.strs[i] = TB_NEW_N(arena, tb_str, room + 1);
    }
    for (size_t i = 0; i < ints; i++) {
        c.ints[i] = TB_NEW_N(arena, int64_t, room + 1);
    }
    c.bools = TB_NEW_N(arena, tb_str, room + 1);
    return c;
}

static tb_str id_of(const struct tb_indexed *item)
{
    return item->row->payload.ticket_id;
}

static tb_str hashes_json(const struct tb_indexed *item, struct tb_arena *arena)
{
    tb_buf buf;
    tb_buf_init(&buf, TEXT_MAX);
    struct tb_json w = {.buf = &buf};
    tb_json_open(&w, '{');
    for (size_t i = 0; item->doc && i < item->doc->n; i++) {
        const struct tb_chunk *c = &item->doc->chunks[i];
        tb_json_key_str(&w, c->key);
        tb_json_string(&w, item->poison[i] ? tb_arena_printf(arena, "!%s", c->hash)
                                           : tb_str_of(c->hash));
    }
    tb_json_close(&w, '}');
    tb_str json = tb_buf_take(&buf, arena);
    tb_buf_dispose(&buf);
    return json;
}

static enum tb_rc add_state(struct tb_pg *pg, tb_str collection, tb_str recipe,
                            const struct tb_indexed *items, size_t n, struct tb_arena *arena,
                            struct tb_error *err)
{
    struct columns c = columns_new(arena, n, 3, 4);
    if (tb_arena_failed(arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        const struct tb_indexed *item = &items[i];
        int64_t failed = 0;
        for (size_t k = 0; item->doc && k < item->doc->n; k++) {
            failed += item->poison[k];
        }
        c.strs[0][i] = id_of(item);
        c.strs[1][i] = tb_str_of(item->doc ? item->doc->fingerprint : "");
        c.strs[2][i] = hashes_json(item, arena);
        c.ints[0][i] = item->row->payload.version;
        c.ints[1][i] = item->doc ? (int64_t)item->doc->n - failed : 0;
        c.ints[2][i] = failed;
        c.ints[3][i] = item->tokens;
        c.bools[i] = tb_str_of(item->doc ? "f" : "t");
    }
    struct tb_pg_params p;
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, collection);
    tb_pg_add_str(&p, recipe);
    tb_pg_add_strs(&p, c.strs[0], n);
    tb_pg_add_ints(&p, c.ints[0], n);
    tb_pg_add_strs(&p, c.strs[1], n);
    tb_pg_add_ints(&p, c.ints[1], n);
    tb_pg_add_ints(&p, c.ints[2], n);
    tb_pg_add_strs(&p, c.strs[2], n);
    tb_pg_add_ints(&p, c.ints[3], n);
    tb_pg_add_strs(&p, c.bools, n);
    return tb_pg_pipeline_add(pg, "ix_state", state_sql, &p, err);
}

static tb_str joined(const tb_strs list, struct tb_arena *arena)
{
    tb_buf buf;
    tb_buf_init(&buf, TEXT_MAX);
    tb_buf_add_c(&buf, "");
    for (size_t i = 0; i < list.n; i++) {
        if (i) {
            tb_buf_add_char(&buf, '\n');
        }
        tb_buf_add_str(&buf, list.items[i]);
    }
    tb_str s = tb_buf_take(&buf, arena);
    tb_buf_dispose(&buf);
    return s;
}

/* Comments as one text, and each as an item for the codes. */
static tb_str comments_text(const struct tb_ticket_text *t, tb_str *items, struct tb_arena *arena)
{
    tb_buf buf;
    tb_buf_init(&buf, TEXT_MAX);
    tb_buf_add_c(&buf, "");
    for (size_t i = 0; i < t->ncomments; i++) {
        items[i] = t->comments[i].text;
        if (buf.len < KEYWORD_BYTES) {
            tb_buf_add_str(&buf, t->comments[i].text);
            tb_buf_add_c(&buf, "\n\n");
        }
    }
    tb_str s = tb_buf_take(&buf, arena);
    tb_buf_dispose(&buf);
    return s;
}

static enum tb_rc add_documents(struct tb_pg *pg, const struct tb_indexed *items, size_t n,
                                struct tb_arena *arena, struct tb_error *err)
{
    struct columns c = columns_new(arena, n, 7, 1);
    if (tb_arena_failed(arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        const struct tb_indexed *item = &items[i];
        const struct tb_ticket_text *t = &item->row->text;
        if (!item->doc || !item->texts_changed) {
            continue;
        }
        tb_str own[] = {t->title, t->description};
        tb_str *comments = TB_NEW_N(arena, tb_str, t->ncomments + 1);
        tb_strs codes;
        tb_strs comment_codes;
        if (!comments || tb_codes_of(own, TB_COUNT(own), arena, &codes, err) != TB_OK) {
            return tb_fail(err, TB_ENOMEM, "out of memory");
        }
        tb_str all = comments_text(t, comments, arena);
        if (tb_codes_of(comments, t->ncomments, arena, &comment_codes, err) != TB_OK) {
            return TB_ENOMEM;
        }
        size_t k = c.n++;
        c.strs[0][k] = id_of(item);
        c.ints[0][k] = item->row->payload.version;
        c.strs[1][k] = item->row->payload.workflow_id;
        c.strs[2][k] = tb_plain_words(t->title, KEYWORD_BYTES, arena);
        c.strs[3][k] = tb_plain_words(t->description, KEYWORD_BYTES, arena);
        c.strs[4][k] = tb_plain_words(all, KEYWORD_BYTES, arena);
        c.strs[5][k] = joined(codes, arena);
        c.strs[6][k] = joined(comment_codes, arena);
    }
    if (c.n == 0) {
        return TB_OK;
    }
    struct tb_pg_params p;
    tb_pg_params_init(&p, arena);
    tb_pg_add_strs(&p, c.strs[0], c.n);
    tb_pg_add_ints(&p, c.ints[0], c.n);
    for (size_t i = 1; i < 7; i++) {
        tb_pg_add_strs(&p, c.strs[i], c.n);
    }
    return tb_pg_pipeline_add(pg, "ix_documents", documents_sql, &p, err);
}

static enum tb_rc add_undocument(struct tb_pg *pg, tb_str collection,
                                 const struct tb_indexed *items, size_t n, struct tb_arena *arena,
                                 struct tb_error *err)
{
    struct columns c = columns_new(arena, n, 1, 1);
    for (size_t i = 0; i < n && !tb_arena_failed(arena); i++) {
        if (!items[i].doc) {
            c.strs[0][c.n] = id_of(&items[i]);
            c.ints[0][c.n++] = items[i].row->payload.version;
        }
    }
    if (tb_arena_failed(arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    if (c.n == 0) {
        return TB_OK;
    }
    struct tb_pg_params p;
    tb_pg_params_init(&p, arena);
    tb_pg_add_strs(&p, c.strs[0], c.n);
    tb_pg_add_ints(&p, c.ints[0], c.n);
    tb_pg_add_str(&p, collection);
    return tb_pg_pipeline_add(pg, "ix_undocument", undocument_sql, &p, err);
}

static tb_str vector_json(const float *v, int64_t dim, struct tb_arena *arena)
{
    tb_buf buf;
    tb_buf_init(&buf, TEXT_MAX);
    tb_floats_json(&buf, v, (size_t)dim);
    tb_str s = tb_buf_take(&buf, arena);
    tb_buf_dispose(&buf);
    return s;
}

/* Collects the tickets with a new first vector; their rows are locked first, updated last. */
static struct columns vector_columns(const struct tb_indexed *items, size_t n, int64_t dim,
                                     struct tb_arena *arena)
{
    struct columns c = columns_new(arena, n, 3, 1);
    for (size_t i = 0; i < n && !tb_arena_failed(arena); i++) {
        const struct tb_indexed *item = &items[i];
        if (item->doc && item->first_vector) {
            char point[TB_UUID_TEXT_LEN + 1];
            tb_uuid_format(&item->doc->chunks[0].point, point);
            c.strs[0][c.n] = id_of(item);
            c.strs[1][c.n] = tb_arena_str(arena, tb_str_of(point));
            c.strs[2][c.n] = vector_json(item->first_vector, dim, arena);
            c.ints[0][c.n++] = item->row->payload.version;
        }
    }
    return c;
}

static enum tb_rc add_lock(struct tb_pg *pg, const struct columns *c, struct tb_error *err)
{
    if (c->n == 0) {
        return TB_OK;
    }
    struct tb_pg_params p;
    tb_pg_params_init(&p, c->arena);
    tb_pg_add_strs(&p, c->strs[0], c->n);
    enum tb_rc rc = tb_pg_pipeline_add(pg, "ix_limit", limit_sql, NULL, err);
    return rc == TB_OK ? tb_pg_pipeline_add(pg, "ix_lock", lock_sql, &p, err) : rc;
}

static enum tb_rc add_vectors(struct tb_pg *pg, tb_str collection, const struct columns *c,
                              struct tb_error *err)
{
    if (c->n == 0) {
        return TB_OK;
    }
    struct tb_pg_params p;
    tb_pg_params_init(&p, c->arena);
    tb_pg_add_str(&p, collection);
    tb_pg_add_strs(&p, c->strs[0], c->n);
    tb_pg_add_ints(&p, c->ints[0], c->n);
    tb_pg_add_strs(&p, c->strs[1], c->n);
    tb_pg_add_strs(&p, c->strs[2], c->n);
    return tb_pg_pipeline_add(pg, "ix_vectors", vectors_sql, &p, err);
}

static enum tb_rc find_newer(struct tb_pg *pg, tb_str collection, struct tb_indexed *items,
                             size_t n, struct tb_arena *arena, struct tb_error *err)
{
    struct columns c = columns_new(arena, n, 1, 1);
    if (tb_arena_failed(arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        c.strs[0][i] = id_of(&items[i]);
        c.ints[0][i] = items[i].row->payload.version;
    }
    struct tb_pg_params p;
    struct tb_pg_result *r;
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, collection);
    tb_pg_add_strs(&p, c.strs[0], n);
    tb_pg_add_ints(&p, c.ints[0], n);
    enum tb_rc rc = tb_pg_exec(pg, newer_sql, &p, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    for (int i = 0; i < tb_pg_rows(r); i++) {
        size_t at = (size_t)tb_pg_int(r, i, 0) - 1;
        if (at < n) {
            items[at].superseded = true;
            items[at].newer_version = tb_pg_int(r, i, 1);
        }
    }
    tb_pg_result_free(r);
    return TB_OK;
}

/* Marks those whose texts have to be written after all. */
static enum tb_rc find_meanwhile(struct tb_pg *pg, struct tb_indexed *items, size_t n,
                                 struct tb_arena *arena, size_t *ret, struct tb_error *err)
{
    struct columns c = columns_new(arena, n, 1, 2);
    size_t *places = TB_NEW_N(arena, size_t, n + 1);
    *ret = 0;
    if (tb_arena_failed(arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        if (items[i].doc && !items[i].texts_changed && !items[i].superseded) {
            c.strs[0][c.n] = id_of(&items[i]);
            c.ints[0][c.n] = items[i].row->state_version;
            c.ints[1][c.n] = items[i].row->payload.version;
            places[c.n++] = i;
        }
    }
    if (c.n == 0) {
        return TB_OK;
    }
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&p, arena);
    tb_pg_add_strs(&p, c.strs[0], c.n);
    tb_pg_add_ints(&p, c.ints[0], c.n);
    tb_pg_add_ints(&p, c.ints[1], c.n);
    enum tb_rc rc = tb_pg_exec(pg, meanwhile_sql, &p, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    for (int i = 0; i < tb_pg_rows(r); i++) {
        size_t at = (size_t)tb_pg_int(r, i, 0) - 1;
        if (at < c.n) {
            items[places[at]].texts_changed = true;
            *ret += 1;
        }
    }
    tb_pg_result_free(r);
    return TB_OK;
}

static enum tb_rc write_once(struct tb_pg *pg, const struct tb_state_into *into,
                             struct tb_indexed *items, size_t n, struct tb_arena *arena,
                             struct tb_error *err)
{
    if (n == 0) {
        return TB_OK;
    }
    struct columns vectors = vector_columns(items, n, into->model->dim, arena);
    if (tb_arena_failed(arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    struct tb_pg_result *results[STATEMENTS_MAX] = {NULL};
    enum tb_rc rc = tb_pg_pipeline_add(pg, "ix_begin", "BEGIN", NULL, err);
    if (rc == TB_OK) {
        struct tb_pg_params hold;
        tb_pg_params_init(&hold, arena);
        tb_pg_add_str(&hold, into->collection);
        rc = tb_pg_pipeline_add(pg, "ix_hold", tb_catalog_hold_sql, &hold, err);
    }
    if (rc == TB_OK) {
        rc = add_lock(pg, &vectors, err);
    }
    if (rc == TB_OK) {
        rc = add_state(pg, into->collection, into->recipe, items, n, arena, err);
    }
    if (rc == TB_OK) {
        rc = add_documents(pg, items, n, arena, err);
    }
    if (rc == TB_OK) {
        rc = add_undocument(pg, into->collection, items, n, arena, err);
    }
    if (rc == TB_OK) {
        rc = add_vectors(pg, into->collection, &vectors, err);
    }
    if (rc == TB_OK) {
        rc = tb_usage_add(pg, into, items, n, arena, err);
    }
    if (rc == TB_OK) {
        rc = tb_pg_pipeline_add(pg, "ix_commit", "COMMIT", NULL, err);
    }
    if (rc == TB_OK) {
        rc = tb_pg_pipeline_run(pg, results, true, err);
    }
    int64_t written = n ? -1 : 0;
    for (size_t i = 0; i < STATEMENTS_MAX; i++) {
        /* The state's upsert comes after BEGIN, the hold and, where there are any, the two of the
         * lock. */
        if (rc == TB_OK && i == (vectors.n ? 4U : 2U)) {
            written = tb_pg_affected(results[i]);
        }
        tb_pg_result_free(results[i]);
    }
    if (rc == TB_OK && written != (int64_t)n) {
        rc = find_newer(pg, into->collection, items, n, arena, err);
    }
    return rc;
}

enum tb_rc tb_state_write(struct tb_pg *pg, const struct tb_state_into *into,
                          struct tb_indexed *items, size_t n, struct tb_arena *arena,
                          struct tb_error *err)
{
    size_t again = 0;
    enum tb_rc rc = write_once(pg, into, items, n, arena, err);
    rc = rc == TB_OK ? find_meanwhile(pg, items, n, arena, &again, err) : rc;
    for (size_t i = 0; rc == TB_OK && again && i < n; i++) {
        struct tb_indexed once_more = items[i];
        once_more.tokens = 0; /* they are counted */
        if (once_more.doc && once_more.texts_changed && !once_more.superseded) {
            rc = write_once(pg, into, &once_more, 1, arena, err);
            items[i].superseded = once_more.superseded;
            items[i].newer_version = once_more.newer_version;
        }
    }
    return rc;
}

enum tb_rc tb_state_forget(struct tb_pg *pg, tb_str collection, const tb_str *ids, size_t n,
                           struct tb_arena *arena, struct tb_error *err)
{
    static const char sql[] =
        "WITH gone AS (SELECT w.id FROM unnest($2::text[]) AS w(id)"
        " WHERE NOT EXISTS (SELECT 1 FROM tickets t WHERE t.id = w.id)),"
        " d AS (DELETE FROM search_documents d USING gone WHERE d.ticket_id = gone.id)"
        " DELETE FROM index_state s USING gone WHERE s.ticket_id = gone.id AND s.collection = $1";
    struct tb_pg_params p;
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, collection);
    tb_pg_add_strs(&p, ids, n);
    return tb_pg_exec(pg, sql, &p, NULL, err);
}
