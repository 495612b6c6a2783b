#include "gateway/service/service.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/json/record.h"
#include "gateway/service/internal.h"

void tb_service_denied(struct tb_service *svc, enum tb_denial kind, const struct tb_caller *caller,
                       const char *what, const char *why)
{
    _Atomic uint64_t *const counts[] = {&svc->stats.unauthorized, &svc->stats.forbidden,
                                        &svc->stats.limited};
    (*counts[kind])++;
    int64_t second = tb_clock_mono_us() / 1000000;
    if (kind == TB_DENIED_LIMITED && atomic_exchange(&svc->limited_said_s, second) == second) {
        return; /* a client that hurries must not fill the log: once a second */
    }
    if (caller) {
        tb_log_warn("denied: token %.*s (%.*s), %s: %s", TB_ARG(caller->token),
                    TB_ARG(caller->name), what, why);
    } else {
        tb_log_warn("denied: %s: %s", what, why);
    }
}

void tb_call_done(struct tb_call *call)
{
    const struct tb_reply *reply = &call->reply;
    if (reply->kind == TB_REPLY_FORBIDDEN || reply->hidden) {
        tb_service_denied(call->svc, TB_DENIED_FORBIDDEN, &call->caller, call->op->name,
                          reply->hidden ? "of another workflow, so said not to be there"
                                        : reply->code);
    }
    call->done(call);
}

static void fail(struct tb_call *call, const struct tb_error *err)
{
    tb_reply_from(&call->reply, call->arena, err);
    if (call->reply.kind == TB_REPLY_FAILED || call->reply.kind == TB_REPLY_UNAVAILABLE) {
        tb_log_warn("%s: %s", call->op->name, err->text);
    }
}

/* ---- who, and may they ---- */

enum tb_rc tb_service_authenticate(struct tb_service *svc, struct tb_pool_thread *thread,
                                   tb_str secret, const char *what, struct tb_arena *arena,
                                   struct tb_caller *ret, struct tb_reply *reply)
{
    struct tb_error err = {.rc = TB_OK};
    if (!tb_token_valid(secret)) {
        tb_service_denied(svc, TB_DENIED_UNAUTHORIZED, NULL, what, "no token");
        tb_reply_error(reply, arena, TB_REPLY_UNAUTHORIZED, "unauthorized", TB_STR_NULL,
                       "a token is needed: Authorization: Bearer %s…", TB_TOKEN_PREFIX);
        return TB_ENOTFOUND;
    }
    enum tb_rc rc = tb_tokens_find(svc->tokens, thread, secret, svc->rate, arena, ret, &err);
    if (rc == TB_ENOTFOUND) {
        tb_service_denied(svc, TB_DENIED_UNAUTHORIZED, NULL, what,
                          "a token that is not known, has expired or was revoked");
        tb_reply_error(reply, arena, TB_REPLY_UNAUTHORIZED, "unauthorized", TB_STR_NULL,
                       "the token is not known, has expired or was revoked");
    } else if (rc == TB_ERETRY && err.code[0] == '\0') {
        tb_service_denied(svc, TB_DENIED_LIMITED, NULL, what, err.text);
        tb_reply_error(reply, arena, TB_REPLY_TOO_MANY, "too_many_requests", TB_STR_NULL, "%s",
                       err.text);
    } else if (rc != TB_OK) {
        tb_log_warn("looking up a token: %s", err.text);
        tb_reply_from(reply, arena, &err);
    }
    return rc;
}

static bool permit(const struct tb_caller *caller, unsigned scope, const char *what,
                   struct tb_arena *arena, struct tb_reply *reply)
{
    if (tb_caller_may(caller, scope)) {
        return true;
    }
    tb_reply_error(reply, arena, TB_REPLY_FORBIDDEN, "scope_missing", TB_STR_NULL,
                   "%s needs a token with scope %s", what, tb_scope_name(scope));
    return false;
}

bool tb_service_permit(struct tb_service *svc, const struct tb_caller *caller, unsigned scope,
                       const char *what, struct tb_arena *arena, struct tb_reply *reply)
{
    bool may = permit(caller, scope, what, arena, reply);
    if (!may) {
        tb_service_denied(svc, TB_DENIED_FORBIDDEN, caller, what, reply->code);
    }
    return may;
}

void tb_service_forget(struct tb_service *svc)
{
    tb_tokens_forget(svc->tokens);
}

/* ---- queries ---- */

static bool decode(struct tb_call *call)
{
    const struct tb_record *record = tb_operation_params(call->op);
    struct tb_error err = {.rc = TB_OK};
    call->decoded = tb_arena_alloc(call->arena, record->size);
    enum tb_rc rc = call->decoded
                        ? tb_record_parse(record, call->params, call->arena, call->decoded, &err)
                        : tb_fail(&err, TB_ENOMEM, "out of memory");
    if (rc != TB_OK) {
        fail(call, &err);
    }
    return rc == TB_OK;
}

static struct tb_read read_of(struct tb_call *call)
{
    return (struct tb_read){
        .op = call->op, .params = call->decoded, .caller = &call->caller, .arena = call->arena};
}

static void query_rows(struct tb_job *job, struct tb_pool_thread *thread, enum tb_rc rc,
                       struct tb_pg_result *const *results, const struct tb_error *err)
{
    struct tb_call *call = job->arg;
    struct tb_read read = read_of(call);
    (void)thread;
    if (rc != TB_OK) {
        fail(call, err);
    } else {
        tb_read_render(&read, results, &call->reply);
    }
    tb_call_done(call);
}

static bool run_query(struct tb_call *call, struct tb_pool_thread *thread)
{
    struct tb_read read;
    call->svc->stats.queries++;
    if (!decode(call)) {
        tb_call_done(call);
        return false;
    }
    read = read_of(call);
    if (tb_read_is_plan(call->op)) {
        call->job.rows = query_rows;
        if (tb_read_plan(&read, &call->job.plan, &call->reply)) {
            return true;
        }
    } else {
        tb_read_run(&read, thread, &call->reply);
    }
    tb_call_done(call);
    return false;
}

/* ---- calls ---- */

static bool run(struct tb_job *job, struct tb_pool_thread *thread)
{
    struct tb_call *call = job->arg;
    struct tb_service *svc = call->svc;
    bool fine =
        call->trusted || tb_service_authenticate(svc, thread, call->secret, call->op->name,
                                                 call->arena, &call->caller, &call->reply) == TB_OK;
    fine =
        fine && permit(&call->caller, call->op->scope, call->op->name, call->arena, &call->reply);
    if (!fine) {
        tb_call_done(call);
        return false;
    }
    if (call->op->kind == TB_OP_QUERY) {
        return run_query(call, thread);
    }
    tb_command_run(call, thread);
    return false;
}

void tb_service_send(struct tb_service *svc, struct tb_pool_thread *thread, struct tb_call *call)
{
    call->svc = svc;
    call->job = (struct tb_job){.run = run, .arg = call};
    (void)run(&call->job, thread);
}

bool tb_service_submit(struct tb_service *svc, struct tb_call *call)
{
    call->svc = svc;
    call->job = (struct tb_job){.run = run, .arg = call};
    return tb_pool_submit(svc->pool, &call->job);
}

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool done;
    void (*theirs)(struct tb_call *call);
    void *arg;
};

static void tell(struct tb_call *call)
{
    struct waiting *w = call->arg;
    (void)pthread_mutex_lock(&w->lock);
    w->done = true;
    (void)pthread_cond_signal(&w->told);
    (void)pthread_mutex_unlock(&w->lock);
}

void tb_service_call(struct tb_service *svc, struct tb_call *call)
{
    struct waiting w = {.theirs = call->done, .arg = call->arg};
    (void)pthread_mutex_init(&w.lock, NULL);
    (void)pthread_cond_init(&w.told, NULL);
    call->done = tell;
    call->arg = &w;
    if (tb_service_submit(svc, call)) {
        (void)pthread_mutex_lock(&w.lock);
        while (!w.done) {
            (void)pthread_cond_wait(&w.told, &w.lock);
        }
        (void)pthread_mutex_unlock(&w.lock);
    } else {
        tb_reply_error(&call->reply, call->arena, TB_REPLY_UNAVAILABLE, "busy", TB_STR_NULL,
                       "too many requests are waiting; try again");
    }
    call->done = w.theirs;
    call->arg = w.arg;
    (void)pthread_cond_destroy(&w.told);
    (void)pthread_mutex_destroy(&w.lock);
}

/* ---- starting and stopping ---- */

static enum tb_rc start_client(struct tb_service *svc, struct tb_error *err)
{
    struct ticketbus_error e = {.rc = TICKETBUS_OK};
    static const struct ticketbus_setting settings[] = {{"TICKETBUS_SOURCE", TB_GATEWAY_SOURCE}};
    const struct ticketbus_client_options opt = {.size = sizeof opt,
                                                 .client_id = "ticketbus-gateway",
                                                 .settings = settings,
                                                 .nsettings = TB_COUNT(settings)};
    if (ticketbus_client_new(&opt, &svc->client, &e) != TICKETBUS_OK) {
        return tb_fail_field(err, (enum tb_rc)e.rc, e.field, "%s", e.text);
    }
    return TB_OK;
}

enum tb_rc tb_service_start(const struct tb_config *cfg, struct tb_service **ret,
                            struct tb_error *err)
{
    struct tb_service *svc = calloc(1, sizeof *svc);
    if (!svc) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    svc->cfg = cfg;
    svc->wait_ms = tb_config_int(cfg, TB_CFG(GATEWAY_WAIT_MS));
    svc->rate = tb_config_int(cfg, TB_CFG(GATEWAY_RATE));
    svc->tokens = tb_tokens_new();
    enum tb_rc rc = svc->tokens ? start_client(svc, err) : tb_fail(err, TB_ENOMEM, "out of memory");
    rc = rc == TB_OK ? tb_pool_start(cfg, (unsigned)tb_config_int(cfg, TB_CFG(GATEWAY_DB_POOL)),
                                     (size_t)tb_config_int(cfg, TB_CFG(GATEWAY_QUEUE)), svc,
                                     &svc->pool, err)
                     : rc;
    if (rc != TB_OK) {
        tb_service_free(svc);
        return rc;
    }
    *ret = svc;
    return TB_OK;
}

void tb_service_free(struct tb_service *svc)
{
    if (!svc) {
        return;
    }
    ticketbus_client_free(svc->client); /* tells every waiter, who may still put into the pool */
    tb_pool_free(svc->pool);
    tb_tokens_free(svc->tokens);
    free(svc);
}

struct tb_pool *tb_service_pool(struct tb_service *svc)
{
    return svc->pool;
}

const struct tb_config *tb_service_config(const struct tb_service *svc)
{
    return svc->cfg;
}

struct tb_service_stats *tb_service_stats(struct tb_service *svc)
{
    return &svc->stats;
}
