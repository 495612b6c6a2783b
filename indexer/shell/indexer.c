/* The parts of an indexer and how it waits for them. */
#include "common/base/log.h"
#include "indexer/catalog/catalog.h"
#include "indexer/embed/provider.h"
#include "indexer/shell/round.h"
#include "indexer/shell/usage.h"

enum { SLICE_MIN = 64, SLICE_MAX = 1024 };

static struct tb_patience patience(const char *part, const struct tb_indexer *ix, atomic_int *away)
{
    return (struct tb_patience){.part = part,
                                .stop = ix->stop,
                                .away = away,
                                .max_ms = tb_config_int(ix->cfg, TB_CFG(BACKOFF_MAX_MS))};
}

static enum tb_rc open_embedder(struct tb_indexer *ix, const struct tb_reach *reach,
                                struct tb_error *err)
{
    const struct tb_provider *provider = tb_provider_of(reach->provider);
    int64_t parallel = tb_config_int(ix->cfg, TB_CFG(EMBEDDING_PARALLEL));
    struct tb_pace_limits limits = {
        .parallel = parallel   ? (size_t)parallel
                    : provider ? provider->parallel
                               : 1,
        .requests_per_minute = tb_config_int(ix->cfg, TB_CFG(EMBEDDING_RPM)),
        .tokens_per_minute = tb_config_int(ix->cfg, TB_CFG(EMBEDDING_TPM)),
    };
    if (tb_embed_gates_find(ix->gates, reach->provider, reach->url, &limits, &ix->gate, err) !=
        TB_OK) {
        return TB_ENOMEM;
    }
    struct tb_embed_options opt = {
        .url = reach->url,
        .api_key = reach->api_key,
        .provider = reach->provider,
        .model = &ix->model,
        .batch = tb_config_int(ix->cfg, TB_CFG(EMBEDDING_BATCH)),
        .timeout_ms = tb_config_int(ix->cfg, TB_CFG(HTTP_TIMEOUT_MS)),
        .parallel = limits.parallel,
        .gate = ix->gate,
        .stop = ix->abort,
    };
    enum tb_rc rc = tb_embedder_new(&opt, &ix->embedder, err);
    if (rc == TB_OK) {
        int64_t chunks = tb_embedder_batch(ix->embedder) * (int64_t)limits.parallel;
        ix->slice_chunks = (size_t)(chunks < SLICE_MIN   ? SLICE_MIN
                                    : chunks > SLICE_MAX ? SLICE_MAX
                                                         : chunks);
    }
    return rc;
}

static enum tb_rc open_store(struct tb_indexer *ix, struct tb_error *err)
{
    struct tb_store_options opt = {
        .alias = tb_config_str(ix->cfg, TB_CFG(QDRANT_COLLECTION)),
        .collection = ix->collection.ptr,
        .dim = ix->model.dim,
        .timeout_ms = tb_config_int(ix->cfg, TB_CFG(HTTP_TIMEOUT_MS)),
        .stop = ix->abort,
    };
    return tb_store_open(ix->cfg, &opt, &ix->store, err);
}

static void nobody_waits(tb_str ticket_id, void *arg)
{
    (void)ticket_id;
    (void)arg;
}

enum tb_rc tb_indexer_open(struct tb_indexer *ix, const struct tb_config *cfg,
                           const struct tb_indexer_ties *ties, struct tb_error *err)
{
    *ix = (struct tb_indexer){.cfg = cfg,
                              .stop = ties->stop,
                              .abort = ties->abort,
                              .gates = ties->gates,
                              .done = nobody_waits};
    ix->price = tb_str_of(tb_config_str(cfg, TB_CFG(EMBEDDING_PRICE)));
    if (tb_usage_check_price(ix->price, err) != TB_OK) {
        return TB_EINVAL;
    }
    ix->similar_from = (double)tb_config_int(cfg, TB_CFG(SIMILAR_PERCENT)) / 100;
    ix->dlq_topic = tb_config_str(cfg, TB_CFG(TOPIC_INDEX_DLQ));
    ix->pg_patience = patience("Postgres", ix, ties->away);
    ix->store_patience = patience("the vector store", ix, ties->away);
    ix->embed_patience = patience("the embedding service", ix, ties->away);
    ix->kafka_patience = patience("Kafka", ix, ties->away);
    if (!ix->gates) {
        if (tb_embed_gates_init(&ix->own_gates, err) != TB_OK) {
            return TB_ENOMEM;
        }
        ix->gates = &ix->own_gates;
    }
    struct tb_producer_options opt = {.client_id = "ticketbus-indexer", .timeout_ms = 30000};
    return tb_producer_new(cfg, &opt, &ix->producer, err);
}

/* What belongs to one collection. */
static void let_go(struct tb_indexer *ix)
{
    tb_patience_forget(&ix->store_patience);
    tb_patience_forget(&ix->embed_patience);
    tb_store_free(ix->store);
    tb_embedder_free(ix->embedder);
    tb_arena_free(ix->model_arena);
    ix->store = NULL;
    ix->embedder = NULL;
    ix->gate = NULL;
    ix->model_arena = NULL;
    ix->store_ready = false;
}

/* arena: holds c's strings, and becomes ours. */
static enum tb_rc aim_at(struct tb_indexer *ix, const struct tb_collection *c,
                         struct tb_arena *arena, struct tb_error *err)
{
    struct tb_reach reach = tb_reach_of(ix->cfg, c);
    let_go(ix);
    ix->model_arena = arena;
    ix->model = c->model;
    ix->collection = c->name;
    ix->secondary = c->state != TB_COLLECTION_ACTIVE;
    ix->recipe = (struct tb_recipe){.model = &ix->model, .max_tokens = (size_t)reach.max_tokens};
    ix->recipe_name = tb_recipe_name(&ix->recipe, arena);
    if (tb_arena_failed(arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    if (!reach.configured && !ix->secondary) {
        tb_log_warn("the index is searched with model %.*s, not with EMBEDDING_MODEL: to change it,"
                    " run ticketctl index reindex",
                    TB_ARG(ix->model.name));
    }
    enum tb_rc rc = open_embedder(ix, &reach, err);
    return rc == TB_OK ? open_store(ix, err) : rc;
}

static enum tb_rc find(struct tb_indexer *ix, tb_str name, struct tb_arena *arena,
                       struct tb_collection *ret, struct tb_error *err)
{
    if (tb_str_is_null(name)) {
        return tb_catalog_active(ix->pg, ix->cfg, arena, ret, err);
    }
    struct tb_collection *all;
    size_t n;
    enum tb_rc rc = tb_catalog_list(ix->pg, ix->cfg, arena, &all, &n, err);
    for (size_t i = 0; rc == TB_OK && i < n; i++) {
        if (tb_str_eq(all[i].name, name)) {
            *ret = all[i];
            return TB_OK;
        }
    }
    return rc == TB_OK ? tb_fail(err, TB_ENOTFOUND, "there is no collection %.*s", TB_ARG(name))
                       : rc;
}

enum tb_rc tb_indexer_aim(struct tb_indexer *ix, tb_str name, struct tb_error *err)
{
    struct tb_collection c = {.max_tokens = 0};
    struct tb_arena *arena = tb_arena_new(0);
    enum tb_rc rc = arena ? TB_OK : tb_fail(err, TB_ENOMEM, "out of memory");
    while (rc == TB_OK) {
        rc = tb_indexer_connect(ix, err);
        rc = rc == TB_OK ? find(ix, name, arena, &c, err) : rc;
        if (rc == TB_OK) {
            tb_patience_over(&ix->pg_patience);
            return aim_at(ix, &c, arena, err);
        }
        rc = tb_indexer_retry_pg(ix, rc, err);
    }
    tb_arena_free(arena);
    return rc;
}

bool tb_indexer_is_retired(struct tb_indexer *ix)
{
    struct tb_arena *arena = tb_arena_new(0);
    struct tb_collection *all;
    size_t n = 0;
    bool known =
        arena && ix->pg && tb_catalog_list(ix->pg, ix->cfg, arena, &all, &n, NULL) == TB_OK && n;
    bool written = false;
    for (size_t i = 0; known && i < n; i++) {
        written |= all[i].state != TB_COLLECTION_RETIRED && tb_str_eq(all[i].name, ix->collection);
    }
    tb_arena_free(arena);
    return known && !written;
}

void tb_indexer_close(struct tb_indexer *ix)
{
    tb_producer_free(ix->producer);
    let_go(ix);
    if (ix->gates == &ix->own_gates) {
        tb_embed_gates_dispose(&ix->own_gates);
    }
    tb_pg_free(ix->pg);
    *ix = (struct tb_indexer){0};
}

void tb_indexer_give_up(struct tb_indexer *ix, int64_t after_ms)
{
    ix->pg_patience.give_up_ms = after_ms;
    ix->store_patience.give_up_ms = after_ms;
    ix->embed_patience.give_up_ms = after_ms;
    ix->kafka_patience.give_up_ms = after_ms;
}

enum tb_rc tb_indexer_connect(struct tb_indexer *ix, struct tb_error *err)
{
    while (!ix->pg) {
        enum tb_rc rc = tb_pg_connect(ix->cfg, "ticketbus-indexer", &ix->pg, err);
        if (rc == TB_OK) {
            tb_patience_over(&ix->pg_patience);
        } else if (rc == TB_ENOMEM || rc == TB_EINVAL) {
            return rc;
        } else if (!tb_patience_wait(&ix->pg_patience, err, 0)) {
            return tb_fail(err, TB_EUNAVAILABLE, "stopped");
        }
    }
    return TB_OK;
}

enum tb_rc tb_indexer_retry_pg(struct tb_indexer *ix, enum tb_rc rc, struct tb_error *err)
{
    if (rc != TB_ERETRY && rc != TB_EUNAVAILABLE && rc != TB_EUNKNOWN && rc != TB_EFATAL) {
        return rc;
    }
    /* TB_EFATAL too: a schema that is being migrated looks like this. */
    if (rc != TB_ERETRY || !tb_pg_alive(ix->pg)) {
        tb_pg_free(ix->pg);
        ix->pg = NULL;
    }
    if (!tb_patience_wait(&ix->pg_patience, err, 0)) {
        return tb_fail(err, TB_EUNAVAILABLE, "stopped");
    }
    return tb_indexer_connect(ix, err);
}

enum tb_rc tb_indexer_ask(struct tb_indexer *ix, const char *sql, const struct tb_pg_params *params,
                          struct tb_pg_result **ret, struct tb_error *err)
{
    for (;;) {
        enum tb_rc rc = tb_indexer_connect(ix, err);
        if (rc == TB_OK) {
            rc = tb_pg_exec(ix->pg, sql, params, ret, err);
            if (rc == TB_OK) {
                tb_patience_over(&ix->pg_patience);
                return TB_OK;
            }
            rc = tb_indexer_retry_pg(ix, rc, err);
        }
        if (rc != TB_OK) {
            return rc;
        }
    }
}

enum tb_rc tb_indexer_prepare_store(struct tb_indexer *ix, struct tb_error *err)
{
    while (!ix->store_ready) {
        enum tb_rc rc = tb_store_ensure(ix->store, false, err);
        if (rc == TB_OK) {
            ix->store_ready = true;
            tb_patience_over(&ix->store_patience);
        } else if (rc == TB_ENOMEM) {
            return rc;
        } else if (!tb_patience_wait(&ix->store_patience, err, ix->store->wait_ms)) {
            return tb_fail(err, TB_EUNAVAILABLE, "stopped");
        }
    }
    return TB_OK;
}
