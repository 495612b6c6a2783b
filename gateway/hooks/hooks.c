/* The dispatcher's thread. */
#include "gateway/hooks/hooks.h"

#include <stdlib.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/crypto/crypto.h"
#include "gateway/hooks/internal.h"

enum { IDLE_MS = 50, BUSY_MS = 10, REST_MS = 500, FINISH_MS = 3000 };
#define READ_EVERY_US  ((int64_t)1000 * 1000)
#define PRUNE_EVERY_US ((int64_t)60 * 1000 * 1000)

static bool allowed(const struct sockaddr *address, const void *arg)
{
    return tb_address_allowed(address, arg);
}

static enum tb_rc connect_all(struct tb_hooks *h, struct tb_error *err)
{
    const struct tb_consumer_options opt = {.group = tb_config_str(h->cfg, TB_CFG(WEBHOOK_GROUP)),
                                            .topic = tb_config_str(h->cfg, TB_CFG(TOPIC_EVENTS)),
                                            .client_id = "ticketbus-gateway-webhooks"};
    enum tb_rc rc = TB_OK;
    if (!h->pg) {
        rc = tb_pg_connect(h->cfg, "ticketbus-gateway-webhooks", &h->pg, err);
    }
    if (rc == TB_OK && !h->consumer) {
        h->nowned = 0;
        rc = tb_consumer_new(h->cfg, &opt, &h->consumer, err);
    }
    return rc;
}

/* Deliveries that ended long ago; a thousand at a time. */
static enum tb_rc prune(struct tb_hooks *h, struct tb_error *err)
{
    static const char sql[] =
        "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries"
        " WHERE ended_at < now() - $1::bigint * interval '1 hour' LIMIT 1000)";
    struct tb_pg_params p;
    tb_pg_params_init(&p, h->arena);
    tb_pg_add_int(&p, tb_config_int(h->cfg, TB_CFG(WEBHOOK_KEEP_H)));
    h->prune_us = tb_clock_mono_us() + PRUNE_EVERY_US;
    return tb_pg_exec(h->pg, sql, &p, NULL, err);
}

static enum tb_rc round_of(struct tb_hooks *h, struct tb_error *err)
{
    size_t n = 0;
    bool busy = tb_sender_busy(h->sender) > 0;
    enum tb_rc rc = connect_all(h, err);
    rc = rc == TB_OK ? tb_hooks_take(h, busy ? 0 : IDLE_MS, &n, err) : rc;
    if (rc == TB_EFATAL && tb_pg_alive(h->pg)) {
        tb_consumer_free(h->consumer);
        h->consumer = NULL;
    }
    if (rc == TB_OK && tb_clock_mono_us() - h->read_us > READ_EVERY_US) {
        rc = tb_hooks_read(h, err);
    }
    rc = rc == TB_OK ? tb_hooks_record(h, err) : rc;
    rc = rc == TB_OK ? tb_hooks_send(h, err) : rc;
    if (rc == TB_OK && tb_clock_mono_us() > h->prune_us) {
        rc = prune(h, err);
    }
    if (busy || tb_sender_busy(h->sender) > 0) {
        tb_hooks_collect(h, n ? 0 : BUSY_MS);
    }
    return rc;
}

/* What is under way may end, what was claimed in vain goes to the next owner. */
static void finish(struct tb_hooks *h)
{
    struct tb_error err;
    int64_t until = tb_clock_mono_us() + (int64_t)FINISH_MS * 1000;
    while (tb_sender_busy(h->sender) > 0 && tb_clock_mono_us() < until) {
        tb_hooks_collect(h, BUSY_MS);
    }
    tb_arena_reset(h->arena);
    if (h->pg && (tb_hooks_record(h, &err) != TB_OK || tb_hooks_release(h, &err) != TB_OK)) {
        tb_log_warn("webhooks: the last results were not written: %s", err.text);
    }
}

static void *run(void *arg)
{
    struct tb_hooks *h = arg;
    bool told = false;
    while (!atomic_load(&h->stop)) {
        struct tb_error err = {.rc = TB_OK};
        tb_arena_reset(h->arena);
        enum tb_rc rc = round_of(h, &err);
        if (rc == TB_OK) {
            if (told) {
                tb_log_info("webhooks are sent again");
            }
            told = false;
            continue;
        }
        if (!told) {
            tb_log_warn("webhooks are not sent, trying again: %s", err.text);
        }
        told = true;
        if (!h->pg || rc != TB_ERETRY || !tb_pg_alive(h->pg)) {
            tb_pg_free(h->pg);
            h->pg = NULL;
        }
        int64_t until = tb_clock_mono_us() + (int64_t)REST_MS * 1000;
        while (!atomic_load(&h->stop) && tb_clock_mono_us() < until) {
            tb_hooks_collect(h, BUSY_MS);
            (void)nanosleep(&(struct timespec){.tv_nsec = 10L * 1000 * 1000}, NULL);
        }
    }
    finish(h);
    return NULL;
}

static enum tb_rc read_settings(struct tb_hooks *h, struct tb_error *err)
{
    const struct tb_config *cfg = h->cfg;
    h->timeout_ms = tb_config_int(cfg, TB_CFG(WEBHOOK_TIMEOUT_MS));
    enum tb_rc rc = tb_networks_parse(tb_str_of(tb_config_str(cfg, TB_CFG(WEBHOOK_NETWORKS))),
                                      &h->networks, err);
    if (rc != TB_OK) {
        return rc;
    }
    return tb_hook_schedule_parse(tb_str_of(tb_config_str(cfg, TB_CFG(WEBHOOK_RETRY_S))),
                                  &h->schedule, err);
}

enum tb_rc tb_hooks_start(const struct tb_config *cfg, struct tb_hooks **ret, struct tb_error *err)
{
    struct tb_hooks *h = calloc(1, sizeof *h);
    if (!h) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    h->cfg = cfg;
    struct tb_uuid owner = tb_uuid_v7_new();
    tb_uuid_format(&owner, h->owner);
    h->arena = tb_arena_new(0);
    h->wishes_arena = tb_arena_new(0);
    enum tb_rc rc = h->arena && h->wishes_arena ? read_settings(h, err)
                                                : tb_fail(err, TB_ENOMEM, "out of memory");
    const struct tb_sender_options opt = {.timeout_ms = h->timeout_ms,
                                          .parallel =
                                              (size_t)tb_config_int(cfg, TB_CFG(WEBHOOK_PARALLEL)),
                                          .allowed = allowed,
                                          .arg = &h->networks};
    rc = rc == TB_OK ? tb_sender_new(&opt, &h->sender, err) : rc;
    if (rc == TB_OK && pthread_create(&h->thread, NULL, run, h) != 0) {
        rc = tb_fail(err, TB_ENOMEM, "no thread could be started");
    }
    if (rc != TB_OK) {
        tb_sender_free(h->sender);
        tb_arena_free(h->arena);
        tb_arena_free(h->wishes_arena);
        free(h);
        return rc;
    }
    *ret = h;
    return TB_OK;
}

void tb_hooks_free(struct tb_hooks *h)
{
    if (!h) {
        return;
    }
    atomic_store(&h->stop, true);
    (void)pthread_join(h->thread, NULL);
    tb_sender_free(h->sender);
    tb_consumer_free(h->consumer);
    tb_pg_free(h->pg);
    for (struct tb_target *t = h->targets, *next; t; t = next) {
        next = t->next;
        free(t);
    }
    tb_arena_free(h->arena);
    tb_arena_free(h->wishes_arena);
    free(h);
}

const struct tb_hooks_stats *tb_hooks_stats(const struct tb_hooks *h)
{
    return &h->stats;
}
