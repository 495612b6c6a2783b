/* index reindex: another model, beside the one in use, until searches are switched over. */
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/http/http.h"
#include "indexer/catalog/catalog.h"
#include "indexer/shell/reindex.h"
#include "producer/ctl/ctl.h"
#include "producer/ctl/index.h"
#include "producer/ctl/progress.h"
#include "producer/ctl/verbs.h"

enum { DIM_MAX = 65536, TOKENS_MIN = 16, TOKENS_MAX = 8192, COOL_US = 10 * 1000 * 1000 };

/* One reindex at a time; NULL: another one is at work. */
static enum tb_rc lock(struct ctl *ctl, struct tb_pg **ret, struct tb_error *err)
{
    tb_str alias = tb_arena_printf(ctl->arena, "reindex.%s",
                                   tb_config_str(ctl->cfg, TB_CFG(QDRANT_COLLECTION)));
    return tb_proof_lock(ctl->cfg, alias, ret, err);
}

static enum tb_rc list(struct ctl *ctl, struct tb_collection **ret, size_t *ret_n,
                       struct tb_error *err)
{
    enum tb_rc rc = ctl_need_pg(ctl, err);
    return rc == TB_OK ? tb_catalog_list(ctl->pg, ctl->cfg, ctl->arena, ret, ret_n, err) : rc;
}

/* What the options say, and the settings where they say nothing. */
static enum tb_rc read_target(struct ctl *ctl, struct tb_collection *ret, struct tb_error *err)
{
    const struct ctl_args *a = &ctl->args;
    struct tb_collection c = tb_collection_configured(ctl->cfg, ctl->arena);
    tb_str model = ctl_opt(a, "model");
    tb_str passage = ctl_opt(a, "passage-prefix");
    tb_str query = ctl_opt(a, "query-prefix");
    int64_t dim = c.model.dim;
    enum tb_rc rc = ctl_opt_int(a, "dim", 1, DIM_MAX, dim, &dim, err);
    rc = rc == TB_OK ? ctl_opt_int(a, "max-tokens", TOKENS_MIN, TOKENS_MAX, c.max_tokens,
                                   &c.max_tokens, err)
                     : rc;
    if (rc != TB_OK) {
        return rc;
    }
    model = tb_str_is_null(model) ? c.model.name : model;
    struct tb_embedding_model known = tb_embedding_model_of(model, dim, ctl->arena);
    c.model = tb_embedding_model_with(
        model, dim, tb_str_is_null(passage) ? known.passage_prefix : passage,
        tb_str_is_null(query) ? known.query_prefix : query, ctl->arena);
    c.name = tb_collection_name(tb_str_of(tb_config_str(ctl->cfg, TB_CFG(QDRANT_COLLECTION))),
                                &c.model, ctl->arena);
    tb_str url = ctl_opt(a, "url");
    tb_str provider = ctl_opt(a, "provider");
    c.url = tb_str_is_null(url) ? c.url : url;
    c.provider = tb_str_is_null(provider) ? c.provider : provider;
    *ret = c;
    return tb_arena_failed(ctl->arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}

struct shown {
    struct ctl_progress progress;
    const char *what;
};

static void on_progress(const char *what, size_t done, size_t total, void *arg)
{
    struct shown *s = arg;
    if (s->what != what) {
        ctl_progress_end(&s->progress);
        ctl_progress_start(&s->progress, what, total);
        s->what = what;
    }
    s->progress.total = total;
    ctl_progress_at(&s->progress, done);
}

static void tell(struct ctl *ctl, const struct tb_reindex *x, int64_t took_us)
{
    const struct tb_indexer *ix = x->ix;
    if (!ctl->json) {
        tb_buf_printf(&ctl->out,
                      "searches use %.*s now: model %.*s, %lld dimensions, %lld tickets, "
                      "%lld points, equal to the database\n",
                      TB_ARG(ix->collection), TB_ARG(ix->model.name), (long long)ix->model.dim,
                      (long long)x->proof.tickets, (long long)x->proof.points);
        ctl_say("%.*s is kept: index reindex --rollback goes back to it, --drop-old removes it",
                TB_ARG(x->from));
        return;
    }
    struct tb_json w = {.buf = &ctl->out};
    tb_json_open(&w, '{');
    tb_json_key(&w, "collection");
    tb_json_string(&w, ix->collection);
    tb_json_key(&w, "model");
    tb_json_string(&w, ix->model.name);
    tb_json_key(&w, "dimensions");
    tb_json_int(&w, ix->model.dim);
    tb_json_key(&w, "previous");
    tb_json_string(&w, x->from);
    tb_json_key(&w, "indexed");
    tb_json_int(&w, x->indexed);
    tb_json_key(&w, "embedded");
    tb_json_int(&w, (int64_t)ix->stats.embedded);
    tb_json_key(&w, "tickets");
    tb_json_int(&w, x->proof.tickets);
    tb_json_key(&w, "points");
    tb_json_int(&w, x->proof.points);
    tb_json_key(&w, "differences");
    tb_json_int(&w, x->proof.differences);
    tb_json_key(&w, "under_way");
    tb_json_int(&w, x->proof.under_way);
    tb_json_key(&w, "switch_attempts");
    tb_json_int(&w, x->attempts);
    tb_json_key(&w, "milliseconds");
    tb_json_int(&w, took_us / 1000);
    tb_json_close(&w, '}');
    tb_buf_add_char(&ctl->out, '\n');
}

/* The vectors kept in the tickets' rows are the old model's. */
static enum tb_rc forget_cached(struct ctl *ctl, struct tb_error *err)
{
    static const char sql[] =
        "UPDATE tickets SET embedding = NULL, embedding_id = NULL WHERE id IN"
        " (SELECT id FROM tickets WHERE embedding IS NOT NULL ORDER BY id LIMIT 500"
        " FOR NO KEY UPDATE SKIP LOCKED)";
    enum tb_rc rc = ctl_need_pg(ctl, err);
    for (int64_t n = 1; rc == TB_OK && n > 0 && !atomic_load(&ctl_index_stop);) {
        struct tb_pg_result *r;
        rc = tb_pg_exec(ctl->pg, sql, NULL, &r, err);
        n = rc == TB_OK ? tb_pg_affected(r) : 0;
        if (rc == TB_OK) {
            tb_pg_result_free(r);
        }
    }
    return rc;
}

static int fill_and_switch(struct ctl *ctl, const struct tb_collection *to)
{
    struct tb_error err = {0};
    struct tb_indexer ix = {0};
    struct tb_collection active;
    int64_t start = tb_clock_mono_us();
    enum tb_rc rc = ctl_need_pg(ctl, &err);
    rc = rc == TB_OK ? tb_catalog_active(ctl->pg, ctl->cfg, ctl->arena, &active, &err) : rc;
    rc = rc == TB_OK ? tb_catalog_fill(ctl->pg, ctl->cfg, to, ctl->arena, &err) : rc;
    rc = rc == TB_OK ? ctl_index_open(ctl, &ix, to->name, &err) : rc;
    if (rc != TB_OK) {
        int code = ctl_index_fail(&ix, &err);
        tb_indexer_close(&ix);
        return code;
    }
    struct shown shown = {.what = NULL};
    struct tb_reindex x = {.ix = &ix, .from = active.name, .progress = on_progress, .arg = &shown};
    rc = tb_reindex_run(&x, &err);
    ctl_progress_end(&shown.progress);
    rc = rc == TB_OK ? forget_cached(ctl, &err) : rc;
    int code = CTL_DONE;
    if (rc == TB_OK) {
        tell(ctl, &x, tb_clock_mono_us() - start);
    } else {
        code = ctl_index_fail(&ix, &err);
        ctl_say("the same command goes on where this one ended; searches use %.*s",
                TB_ARG(active.name));
    }
    tb_indexer_close(&ix);
    return code;
}

/* ---- the way back, and tidying up ---- */

static int roll_back(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_collection *all;
    size_t n;
    if (list(ctl, &all, &n, &err) != TB_OK) {
        return ctl_fail(&err);
    }
    for (size_t i = 0; i < n; i++) {
        if (all[i].state == TB_COLLECTION_RETIRED) { /* the latest comes first */
            return fill_and_switch(ctl, &all[i]);
        }
    }
    ctl_say("there is no collection to go back to");
    return CTL_REJECTED;
}

static enum tb_rc drop(struct ctl *ctl, const struct tb_collection *c, struct tb_error *err)
{
    struct tb_store_options opt = {
        .alias = tb_config_str(ctl->cfg, TB_CFG(QDRANT_COLLECTION)),
        .collection = c->name.ptr,
        .dim = c->model.dim,
        .timeout_ms = tb_config_int(ctl->cfg, TB_CFG(HTTP_TIMEOUT_MS)),
    };
    struct tb_store *store = NULL;
    enum tb_rc rc = tb_store_open(ctl->cfg, &opt, &store, err);
    rc = rc == TB_OK ? tb_store_drop(store, err) : rc;
    rc = rc == TB_ENOTFOUND ? TB_OK : rc;
    tb_store_free(store);
    return rc == TB_OK ? tb_catalog_forget(ctl->pg, ctl->cfg, c->name, ctl->arena, err) : rc;
}

/* Indexers and searches hear of a switch within seconds: what they may still use stays that long.
 */
static bool let_cool(const struct tb_collection *c)
{
    while (tb_clock_wall_us() - c->since < COOL_US && !atomic_load(&ctl_index_stop)) {
        struct timespec step = {.tv_nsec = 100 * 1000000L};
        (void)nanosleep(&step, NULL);
    }
    return !atomic_load(&ctl_index_stop);
}

static int drop_all(struct ctl *ctl, enum tb_collection_state state)
{
    struct tb_error err = {0};
    struct tb_indexer ix = {0};
    struct tb_collection *all;
    size_t n = 0;
    size_t dropped = 0;
    enum tb_rc rc = list(ctl, &all, &n, &err);
    rc = rc == TB_OK ? ctl_index_open(ctl, &ix, TB_STR_NULL, &err) : rc;
    rc = rc == TB_OK ? tb_store_ensure(ix.store, true, &err) : rc; /* no alias leads to them */
    for (size_t i = 0; i < n && rc == TB_OK; i++) {
        if (all[i].state != state) {
            continue;
        }
        if (state == TB_COLLECTION_FILLING) {
            rc = tb_catalog_retire(ctl->pg, ctl->cfg, all[i].name, ctl->arena, &err);
            all[i].since = tb_clock_wall_us();
        }
        if (rc == TB_OK && let_cool(&all[i])) {
            rc = drop(ctl, &all[i], &err);
            dropped += rc == TB_OK;
            if (rc == TB_OK && !ctl->json) {
                tb_buf_printf(&ctl->out, "%.*s (model %.*s) is removed\n", TB_ARG(all[i].name),
                              TB_ARG(all[i].model.name));
            }
        }
    }
    int code = rc == TB_OK ? CTL_DONE : ctl_index_fail(&ix, &err);
    if (rc == TB_OK && ctl->json) {
        struct tb_json w = {.buf = &ctl->out};
        tb_json_open(&w, '{');
        tb_json_key(&w, "dropped");
        tb_json_int(&w, (int64_t)dropped);
        tb_json_close(&w, '}');
        tb_buf_add_char(&ctl->out, '\n');
    } else if (rc == TB_OK && dropped == 0) {
        ctl_say("there was nothing to remove");
    }
    tb_indexer_close(&ix);
    return code;
}

int ctl_run_index_reindex(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_collection to;
    struct tb_pg *held = NULL;
    bool back = ctl_flag(&ctl->args, "rollback");
    bool old = ctl_flag(&ctl->args, "drop-old");
    bool cancel = ctl_flag(&ctl->args, "cancel");
    if (back + old + cancel + !tb_str_is_null(ctl_opt(&ctl->args, "model")) > 1) {
        return ctl_usage(ctl, "--model, --rollback, --drop-old and --cancel exclude each other");
    }
    enum tb_rc rc = read_target(ctl, &to, &err);
    rc = rc == TB_OK ? lock(ctl, &held, &err) : rc;
    if (rc != TB_OK) {
        return ctl_fail(&err);
    }
    if (!held) {
        ctl_say("another reindex is at work");
        return CTL_REJECTED;
    }
    int code = back     ? roll_back(ctl)
               : old    ? drop_all(ctl, TB_COLLECTION_RETIRED)
               : cancel ? drop_all(ctl, TB_COLLECTION_FILLING)
                        : fill_and_switch(ctl, &to);
    tb_pg_free(held);
    return code;
}
