#include "indexer/catalog/catalog.h"

const char *const tb_collection_states[3] = {
    [TB_COLLECTION_FILLING] = "filling",
    [TB_COLLECTION_ACTIVE] = "active",
    [TB_COLLECTION_RETIRED] = "retired",
};

const char tb_catalog_hold_sql[] =
    "SELECT pg_advisory_xact_lock_shared(hashtextextended('ticketbus.switch.' || $1, 0))";

static tb_str setting(const struct tb_config *cfg, enum tb_setting s)
{
    return tb_str_of(tb_config_str(cfg, s));
}

struct tb_collection tb_collection_configured(const struct tb_config *cfg, struct tb_arena *arena)
{
    struct tb_collection c = {
        .state = TB_COLLECTION_ACTIVE,
        .model = tb_embedding_model_of(setting(cfg, TB_CFG(EMBEDDING_MODEL)),
                                       tb_config_int(cfg, TB_CFG(EMBEDDING_DIM)), arena),
        .url = setting(cfg, TB_CFG(EMBEDDING_URL)),
        .provider = setting(cfg, TB_CFG(EMBEDDING_PROVIDER)),
        .max_tokens = tb_config_int(cfg, TB_CFG(EMBEDDING_MAX_TOKENS)),
    };
    c.name = tb_collection_name(setting(cfg, TB_CFG(QDRANT_COLLECTION)), &c.model, arena);
    return c;
}

struct tb_reach tb_reach_of(const struct tb_config *cfg, const struct tb_collection *c)
{
    struct tb_arena *arena = tb_arena_new(0);
    struct tb_reach reach = {.url = tb_config_str(cfg, TB_CFG(EMBEDDING_URL)),
                             .api_key = tb_config_str(cfg, TB_CFG(EMBEDDING_API_KEY)),
                             .provider = tb_config_str(cfg, TB_CFG(EMBEDDING_PROVIDER)),
                             .max_tokens = tb_config_int(cfg, TB_CFG(EMBEDDING_MAX_TOKENS))};
    if (arena) {
        struct tb_collection configured = tb_collection_configured(cfg, arena);
        reach.configured = strcmp(configured.model.fingerprint, c->model.fingerprint) == 0;
    }
    tb_arena_free(arena);
    if (reach.configured) {
        return reach;
    }
    if (!tb_str_eq_c(c->url, reach.url)) { /* a key is for the server it was given for */
        reach.url = c->url.ptr;
        reach.api_key = tb_config_str(cfg, TB_CFG(EMBEDDING_OTHER_API_KEY));
    }
    reach.provider = c->provider.ptr;
    reach.max_tokens = c->max_tokens;
    return reach;
}

/* ---- reading ---- */

static enum tb_rc read_row(const struct tb_pg_result *r, int i, const struct tb_config *cfg,
                           struct tb_arena *arena, struct tb_collection *c, struct tb_error *err)
{
    *c = (struct tb_collection){
        .name = tb_pg_str_in(r, i, 0, arena),
        .model = tb_embedding_model_with(tb_pg_str(r, i, 2), tb_pg_int(r, i, 3), tb_pg_str(r, i, 4),
                                         tb_pg_str(r, i, 5), arena),
        .url = tb_pg_str_in(r, i, 6, arena),
        .provider = tb_pg_str_in(r, i, 7, arena),
        .max_tokens = tb_pg_int(r, i, 8),
        .since = tb_pg_time(r, i, 9),
    };
    for (size_t s = 0; s < TB_COUNT(tb_collection_states); s++) {
        if (tb_str_eq_c(tb_pg_str(r, i, 1), tb_collection_states[s])) {
            c->state = (enum tb_collection_state)s;
        }
    }
    tb_str name = tb_collection_name(setting(cfg, TB_CFG(QDRANT_COLLECTION)), &c->model, arena);
    if (tb_arena_failed(arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    /* The name carries the model's fingerprint: what does not fit must not be compared. */
    return tb_str_eq(name, c->name)
               ? TB_OK
               : tb_fail(err, TB_EFATAL,
                         "index_collections says that %.*s was made by model %.*s with %lld"
                         " dimensions: its name says otherwise",
                         TB_ARG(c->name), TB_ARG(c->model.name), (long long)c->model.dim);
}

static void add_place(struct tb_pg_params *p, const struct tb_config *cfg, struct tb_arena *arena)
{
    tb_pg_params_init(p, arena);
    tb_pg_add_str(p, setting(cfg, TB_CFG(STORE)));
    tb_pg_add_str(p, setting(cfg, TB_CFG(QDRANT_COLLECTION)));
}

enum tb_rc tb_catalog_list(struct tb_pg *pg, const struct tb_config *cfg, struct tb_arena *arena,
                           struct tb_collection **ret, size_t *ret_n, struct tb_error *err)
{
    static const char sql[] =
        "SELECT name, state, model, dim, passage_prefix, query_prefix, url, provider, max_tokens,"
        " since FROM index_collections WHERE store = $1 AND alias = $2"
        " ORDER BY array_position(ARRAY['active', 'filling', 'retired'], state), since DESC";
    struct tb_pg_params p;
    struct tb_pg_result *r;
    add_place(&p, cfg, arena);
    enum tb_rc rc = tb_pg_exec(pg, sql, &p, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    size_t n = (size_t)tb_pg_rows(r);
    struct tb_collection *all = TB_NEW_N(arena, struct tb_collection, n + 1);
    if (!all) {
        tb_pg_result_free(r);
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n && rc == TB_OK; i++) {
        rc = read_row(r, (int)i, cfg, arena, &all[i], err);
    }
    *ret = all;
    *ret_n = n;
    tb_pg_result_free(r);
    return rc;
}

/* ---- writing ---- */

static enum tb_rc put(struct tb_pg *pg, const char *sql, const struct tb_config *cfg,
                      const struct tb_collection *c, struct tb_arena *arena, struct tb_error *err)
{
    struct tb_pg_params p;
    add_place(&p, cfg, arena);
    tb_pg_add_str(&p, c->name);
    tb_pg_add_str(&p, tb_str_of(tb_collection_states[c->state]));
    tb_pg_add_str(&p, c->model.name);
    tb_pg_add_int(&p, c->model.dim);
    tb_pg_add_str(&p, c->model.passage_prefix);
    tb_pg_add_str(&p, c->model.query_prefix);
    tb_pg_add_str(&p, c->url);
    tb_pg_add_str(&p, c->provider);
    tb_pg_add_int(&p, c->max_tokens);
    return p.failed ? tb_fail(err, TB_ENOMEM, "out of memory") : tb_pg_exec(pg, sql, &p, NULL, err);
}

#define INSERT_SQL                                                                                 \
    "INSERT INTO index_collections AS c (store, alias, name, state, model, dim, passage_prefix,"   \
    " query_prefix, url, provider, max_tokens) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"   \
    " $11) ON CONFLICT "

enum tb_rc tb_catalog_active(struct tb_pg *pg, const struct tb_config *cfg, struct tb_arena *arena,
                             struct tb_collection *ret, struct tb_error *err)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        struct tb_collection *all;
        size_t n;
        enum tb_rc rc = tb_catalog_list(pg, cfg, arena, &all, &n, err);
        if (rc != TB_OK) {
            return rc;
        }
        if (n && all[0].state == TB_COLLECTION_ACTIVE) {
            *ret = all[0];
            return TB_OK;
        }
        struct tb_collection configured = tb_collection_configured(cfg, arena);
        rc = put(pg, INSERT_SQL "DO NOTHING", cfg, &configured, arena, err);
        if (rc != TB_OK) {
            return rc;
        }
    }
    return tb_fail(err, TB_ECONFLICT, "no collection is searched: see ticketctl index status");
}

enum tb_rc tb_catalog_fill(struct tb_pg *pg, const struct tb_config *cfg,
                           const struct tb_collection *c, struct tb_arena *arena,
                           struct tb_error *err)
{
    struct tb_collection filling = *c;
    struct tb_collection *all = NULL;
    size_t n = 0;
    enum tb_rc rc = tb_catalog_list(pg, cfg, arena, &all, &n, err);
    for (size_t i = 0; rc == TB_OK && i < n; i++) {
        bool same = tb_str_eq(all[i].name, c->name);
        if (same && all[i].state == TB_COLLECTION_ACTIVE) {
            return tb_fail(err, TB_ECONFLICT, "the index is searched with this model already: %.*s",
                           TB_ARG(c->model.name));
        }
        if (!same && all[i].state == TB_COLLECTION_FILLING) {
            return tb_fail(err, TB_ECONFLICT,
                           "a reindex with model %.*s is under way: finish it with the same"
                           " command, or give it up with index reindex --cancel",
                           TB_ARG(all[i].model.name));
        }
    }
    filling.state = TB_COLLECTION_FILLING;
    return rc == TB_OK ? put(pg,
                             INSERT_SQL "(store, name) DO UPDATE SET state = excluded.state,"
                                        " url = excluded.url, provider = excluded.provider,"
                                        " max_tokens = excluded.max_tokens, since = CASE WHEN"
                                        " c.state = excluded.state THEN c.since ELSE now() END"
                                        " WHERE c.state <> 'active'",
                             cfg, &filling, arena, err)
                       : rc;
}
