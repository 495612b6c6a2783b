/* The pgvector adapter: its handle, its connection, its statements. */
#include <stdio.h>
#include <stdlib.h>

#include "indexer/core/floats.h"
#include "indexer/store/pgvector_internal.h"

enum { NUMBER_BYTES = 16, HALF_FROM = 2001, DIM_MAX = 4000, EXACT_MAX = 5000 };

static void pgvector_free(struct tb_store *s)
{
    struct tb_pgvector *p = (struct tb_pgvector *)s;
    tb_pg_free(p->pg);
    free(p->alias);
    free(p->collection);
    free(p);
}

static const struct tb_store_ops ops = {
    .name = "pgvector",
    .free = pgvector_free,
    .ensure = tb_pgvector_ensure,
    .alias = tb_pgvector_alias,
    .drop = tb_pgvector_drop,
    .apply = tb_pgvector_apply,
    .seen = tb_pgvector_seen,
    .walk = tb_pgvector_walk,
    .count = tb_pgvector_count,
    .remove = tb_pgvector_remove,
    .query = tb_pgvector_query,
};

enum tb_rc tb_store_pgvector(const struct tb_config *cfg, const struct tb_store_options *opt,
                             struct tb_store **ret, struct tb_error *err)
{
    *ret = NULL;
    if (opt->dim > DIM_MAX) {
        return tb_fail_field(err, TB_EFATAL, "EMBEDDING_DIM",
                             "pgvector indexes at most %d dimensions, the model has %lld", DIM_MAX,
                             (long long)opt->dim);
    }
    struct tb_pgvector *p = calloc(1, sizeof *p);
    if (!p) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    p->base.ops = &ops;
    p->cfg = cfg;
    p->dim = opt->dim;
    p->exact_max = opt->exact_max ? opt->exact_max : EXACT_MAX;
    p->alias = strdup(opt->alias);
    p->collection = strdup(opt->collection);
    if (!p->alias || !p->collection) {
        pgvector_free(&p->base);
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    *ret = &p->base;
    return TB_OK;
}

enum tb_rc tb_pgvector_failed(struct tb_pgvector *p, enum tb_rc rc, struct tb_error *err)
{
    struct tb_error ignored;
    if (rc == TB_OK) {
        return rc;
    }
    if (!tb_pg_alive(p->pg) || tb_pg_rollback(p->pg, &ignored) != TB_OK) {
        tb_pg_free(p->pg);
        p->pg = NULL;
    }
    if (rc == TB_EFATAL && err && strcmp(err->code, "42P01") == 0) { /* no such table */
        p->number = 0;
        (void)snprintf(err->code, sizeof err->code, "404");
        return err->rc = TB_ENOTFOUND;
    }
    if (rc == TB_ERETRY || rc == TB_EUNKNOWN) { /* writes may be repeated */
        rc = TB_EUNAVAILABLE;
        if (err) {
            err->rc = rc;
        }
    }
    return rc;
}

/* Iterative scans, without which a filter could leave fewer rows than there are, came with 0.8.0;
 * up to 0.8.3 vacuuming could damage an HNSW index. */
static enum tb_rc check_extension(struct tb_pgvector *p, struct tb_error *err)
{
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = tb_pg_exec(p->pg,
                               "SELECT extversion, (string_to_array(extversion, '.')::int[])"
                               " >= '{0,8,0}', (string_to_array(extversion, '.')::int[])"
                               " >= '{0,8,4}', set_config('search_path',"
                               " current_setting('search_path') || ', ' || quote_ident(nspname),"
                               " false) FROM pg_extension e JOIN pg_namespace n ON n.oid ="
                               " e.extnamespace WHERE extname = 'vector'",
                               NULL, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    tb_str version = tb_pg_rows(r) ? tb_pg_str(r, 0, 0) : TB_STR_NULL;
    if (tb_str_is_null(version)) {
        rc = tb_fail_field(err, TB_EFATAL, "TICKETBUS_STORE",
                           "the database has no pgvector; as its owner or a superuser run: "
                           "CREATE EXTENSION vector");
    } else if (!tb_pg_bool(r, 0, 1)) {
        rc = tb_fail_field(err, TB_EFATAL, "TICKETBUS_STORE",
                           "pgvector %.*s is too old: 0.8.0 or newer is needed", TB_ARG(version));
    } else {
        (void)snprintf(p->version, sizeof p->version, "%.*s", TB_ARG(version));
        p->may_damage = !tb_pg_bool(r, 0, 2);
    }
    tb_pg_result_free(r);
    return rc;
}

enum tb_rc tb_pgvector_connect(struct tb_pgvector *p, struct tb_error *err)
{
    p->base.wait_ms = 0;
    if (p->pg) {
        return TB_OK;
    }
    enum tb_rc rc = tb_pg_connect(p->cfg, "ticketbus-vectors", &p->pg, err);
    if (rc != TB_OK) {
        p->pg = NULL;
        return rc;
    }
    rc = check_extension(p, err);
    if (rc == TB_OK) {
        rc = tb_pg_script(p->pg,
                          "SET hnsw.ef_search = 100; SET hnsw.iterative_scan = strict_order;"
                          " SET jit = off",
                          err);
    }
    if (rc == TB_OK && p->exact_max < 0) { /* the planner would sort where that is cheaper */
        rc = tb_pg_script(p->pg, "SET enable_sort = off; SET enable_seqscan = off", err);
    }
    if (rc != TB_OK) {
        struct tb_error why = err ? *err : (struct tb_error){.rc = rc};
        rc = tb_pgvector_failed(p, rc, &why);
        tb_pg_free(p->pg);
        p->pg = NULL;
        if (err) {
            *err = why;
        }
    }
    return rc;
}

enum tb_rc tb_pgvector_open(struct tb_pgvector *p, struct tb_arena *arena, struct tb_error *err)
{
    enum tb_rc rc = tb_pgvector_connect(p, err);
    if (rc != TB_OK || p->number) {
        return rc;
    }
    struct tb_pg_params params;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&params, arena);
    tb_pg_add_str(&params, tb_str_of(p->collection));
    rc = tb_pg_exec(p->pg, "SELECT number, dim FROM vector_collections WHERE name = $1", &params,
                    &r, err);
    if (rc != TB_OK) {
        return tb_pgvector_failed(p, rc, err);
    }
    if (tb_pg_rows(r) == 0) {
        rc = tb_fail(err, TB_ENOTFOUND, "there is no collection %s", p->collection);
        if (err) {
            (void)snprintf(err->code, sizeof err->code, "404");
        }
    } else if (tb_pg_int(r, 0, 1) != p->dim) {
        rc = tb_fail_field(err, TB_EFATAL, "EMBEDDING_DIM",
                           "collection %s holds vectors of %lld dimensions, the model has %lld",
                           p->collection, (long long)tb_pg_int(r, 0, 1), (long long)p->dim);
    } else {
        p->number = tb_pg_int(r, 0, 0);
    }
    tb_pg_result_free(r);
    return rc;
}

enum tb_rc tb_pgvector_exec(struct tb_pgvector *p, const char *sql,
                            const struct tb_pg_params *params, struct tb_arena *arena,
                            struct tb_pg_result **ret, struct tb_error *err)
{
    tb_buf text;
    tb_buf_init(&text, 1 << 16);
    for (const char *c = sql; *c; c++) {
        if (*c != '%') {
            tb_buf_add_char(&text, *c);
        } else if (*++c == 'T') {
            tb_buf_add_c(&text, p->dim < HALF_FROM ? "vector" : "halfvec");
        } else {
            tb_buf_printf(&text, "%s%lld", *c == 'P' ? "vector_points_" : "vectors_",
                          (long long)p->number);
        }
    }
    tb_str statement = tb_buf_take(&text, arena);
    tb_buf_dispose(&text);
    if (tb_str_is_null(statement) || tb_arena_failed(arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    struct tb_error why;
    enum tb_rc rc = tb_pg_exec(p->pg, statement.ptr, params, ret, &why);
    rc = tb_pgvector_failed(p, rc, &why);
    if (rc != TB_OK && err) {
        *err = why;
    }
    return rc;
}

tb_str tb_pgvector_text(const float *v, int64_t dim, struct tb_arena *arena)
{
    tb_buf text;
    tb_buf_init(&text, (size_t)dim * NUMBER_BYTES * 2 + 16);
    tb_floats_json(&text, v, (size_t)dim);
    tb_str ret = tb_buf_take(&text, arena);
    tb_buf_dispose(&text);
    return ret;
}

tb_str *tb_pgvector_ids(const struct tb_uuid *ids, size_t n, struct tb_arena *arena)
{
    tb_str *ret = TB_NEW_N(arena, tb_str, n + 1);
    for (size_t i = 0; ret && i < n; i++) {
        char text[TB_UUID_TEXT_LEN + 1];
        tb_uuid_format(&ids[i], text);
        ret[i] = tb_arena_str(arena, tb_str_of(text));
    }
    return ret;
}
