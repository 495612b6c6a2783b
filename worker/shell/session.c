/* Connections of a worker. */
#include <stdlib.h>

#include "worker/shell/worker.h"

struct tb_partition *tb_worker_partition(struct tb_worker *w, int32_t id)
{
    for (size_t i = 0; i < w->npartitions; i++) {
        if (w->partitions[i].id == id) {
            return &w->partitions[i];
        }
    }
    return NULL;
}

/* Every statement of ours looks rows up by key; with fresh or stale statistics the planner would
 * read whole tables instead. */
static const char sql_session[] = "SET enable_seqscan = off; SET enable_hashjoin = off;"
                                  " SET enable_mergejoin = off; SET jit = off;"
                                  " SET plan_cache_mode = force_generic_plan";

static enum tb_rc read_key(struct tb_worker *w, struct tb_error *err)
{
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = tb_pg_exec(
        w->pg, "SELECT key FROM pipeline_secrets WHERE name = 'internal_commands'", NULL, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    tb_str key = tb_pg_rows(r) == 1 ? tb_pg_bytes(r, 0, 0, w->arena) : TB_STR_NULL;
    if (key.len < 32 || key.len > sizeof w->key) {
        rc = tb_fail(err, TB_EFATAL, "pipeline_secrets has no usable key internal_commands");
    } else {
        memcpy(w->key, key.ptr, key.len);
        w->key_len = key.len;
    }
    tb_pg_result_free(r);
    return rc;
}

enum tb_rc tb_worker_connect_pg(struct tb_worker *w, struct tb_error *err)
{
    tb_pg_free(w->pg);
    w->pg = NULL;
    enum tb_rc rc = tb_pg_connect(w->cfg, w->client_id, &w->pg, err);
    rc = rc != TB_OK ? rc : tb_pg_script(w->pg, sql_session, err);
    rc = rc != TB_OK ? rc : read_key(w, err);
    if (rc != TB_OK) {
        tb_pg_free(w->pg);
        w->pg = NULL;
    }
    return rc;
}

static void on_delivery(const struct tb_delivery *delivery, void *arg)
{
    struct tb_worker *w = arg;
    if (delivery->rc == TB_OK) {
        tb_pending_ack(w->pending, delivery->tag);
    } else {
        /* Later messages may be on the topic already: only publishing again from the gap on
         * restores the order. */
        w->producer_failed = true;
    }
}

enum tb_rc tb_worker_connect_producer(struct tb_worker *w, struct tb_error *err)
{
    tb_producer_free(w->producer);
    w->producer = NULL;
    const struct tb_producer_options opt = {
        .client_id = w->client_id, .timeout_ms = 0, .on_delivery = on_delivery, .arg = w};
    enum tb_rc rc = tb_producer_new(w->cfg, &opt, &w->producer, err);
    w->producer_failed = false;
    return rc;
}
