/* Which collection is searched, and by which model: asked of Postgres, and asked again after a
 * second, so that a switch reaches every handle. Query and collection always belong together. */
#include "common/base/clock.h"
#include "indexer/catalog/catalog.h"
#include "indexer/search/internal.h"

enum { AIM_US = 1000 * 1000, TIMEOUT_MAX_MS = 10000 /* nobody waits longer for an answer */ };

static enum tb_rc open_clients(struct tb_search *s, const struct tb_reach *reach,
                               struct tb_error *err)
{
    int64_t ms = tb_config_int(s->cfg, TB_CFG(HTTP_TIMEOUT_MS));
    ms = ms < TIMEOUT_MAX_MS ? ms : TIMEOUT_MAX_MS;
    struct tb_embed_options embed = {
        .url = reach->url,
        .api_key = reach->api_key,
        .provider = reach->provider,
        .model = &s->model,
        .batch = 16,
        .timeout_ms = ms,
        .parallel = 1,
    };
    struct tb_store_options store = {
        .alias = tb_config_str(s->cfg, TB_CFG(QDRANT_COLLECTION)),
        .collection = s->collection.ptr,
        .dim = s->model.dim,
        .timeout_ms = ms,
    };
    enum tb_rc rc = tb_embedder_new(&embed, &s->embedder, err);
    return rc == TB_OK ? tb_store_open(s->cfg, &store, &s->store, err) : rc;
}

/* arena: holds c's strings, and becomes the handle's. */
static enum tb_rc aim_at(struct tb_search *s, const struct tb_collection *c, struct tb_arena *arena,
                         struct tb_error *err)
{
    struct tb_reach reach = tb_reach_of(s->cfg, c);
    tb_embedder_free(s->embedder);
    tb_store_free(s->store);
    tb_arena_free(s->own);
    s->embedder = NULL;
    s->store = NULL;
    s->own = arena;
    s->model = c->model;
    s->collection = c->name;
    s->recipe = (struct tb_recipe){.model = &s->model, .max_tokens = (size_t)reach.max_tokens};
    return open_clients(s, &reach, err);
}

enum tb_rc tb_search_aim_configured(struct tb_search *s, struct tb_error *err)
{
    struct tb_arena *arena = tb_arena_new(0);
    if (!arena) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    struct tb_collection c = tb_collection_configured(s->cfg, arena);
    if (tb_arena_failed(arena)) {
        tb_arena_free(arena);
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    return aim_at(s, &c, arena, err);
}

/* The active collection, in the arena; the configured one while none was ever indexed. */
static enum tb_rc find(struct tb_search *s, struct tb_arena *arena, struct tb_collection *ret,
                       struct tb_error *err)
{
    struct tb_collection *all = NULL;
    size_t n = 0;
    enum tb_rc rc = TB_OK;
    for (int attempt = 0; attempt < 2; attempt++) { /* the server may have been restarted */
        bool fresh = s->pg == NULL;
        rc = tb_search_connect(s, err);
        rc = rc == TB_OK ? tb_catalog_list(s->pg, s->cfg, arena, &all, &n, err) : rc;
        if (rc != TB_EUNAVAILABLE || fresh) {
            break;
        }
        tb_pg_free(s->pg);
        s->pg = NULL;
    }
    if (rc == TB_EFATAL && err && strcmp(err->code, "42P01") == 0) { /* not migrated yet */
        rc = TB_OK;
    }
    if (rc == TB_OK) {
        *ret = n && all[0].state == TB_COLLECTION_ACTIVE ? all[0]
                                                         : tb_collection_configured(s->cfg, arena);
    }
    return rc;
}

enum tb_rc tb_search_aim(struct tb_search *s, bool now, struct tb_error *err)
{
    int64_t at = tb_clock_mono_us();
    struct tb_error why = {.rc = TB_OK};
    if (!now && s->aimed_us && at - s->aimed_us < AIM_US) {
        return TB_OK;
    }
    struct tb_arena *arena = tb_arena_new(0);
    if (!arena) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    struct tb_collection c;
    enum tb_rc rc = find(s, arena, &c, &why);
    if (rc == TB_OK && !(s->store && tb_str_eq(c.name, s->collection))) {
        rc = aim_at(s, &c, arena, &why);
        arena = NULL;
    }
    tb_arena_free(arena);
    s->aimed_us = rc == TB_OK ? at : 0;
    if (rc != TB_OK && err) {
        *err = why;
    }
    return rc;
}
