/* Health and sessions. */
#include <stdio.h>

#include "common/base/log.h"
#include "common/crypto/crypto.h"
#include "gateway/core/openapi.h"
#include "gateway/http/http.h"

#define SESSION_HOURS 12

void tb_gw_health(struct tb_gateway *gw, struct tb_httpd_request *req, const struct tb_route *route)
{
    (void)gw;
    (void)route;
    tb_gw_json(req, 200, TB_LIT("{\"status\":\"ok\"}"));
}

void tb_gw_openapi(struct tb_gateway *gw, struct tb_httpd_request *req,
                   const struct tb_route *route)
{
    tb_buf doc;
    (void)gw;
    (void)route;
    tb_buf_init(&doc, (size_t)16 * 1024 * 1024);
    tb_openapi_write(&doc);
    if (doc.failed) {
        tb_gw_problem(req, 503, "unavailable", NULL, "out of memory");
    } else {
        tb_gw_json(req, 200, tb_buf_str(&doc));
    }
    tb_buf_dispose(&doc);
}

/* ---- ready: Postgres answers, and we are not about to stop ---- */

struct ready {
    struct tb_job job;
    struct tb_gateway *gw;
    struct tb_httpd_request *req;
};

enum tb_rc tb_gw_schema_answers(struct tb_pool_thread *thread, struct tb_error *err)
{
    struct tb_pg_result *rows = NULL;
    enum tb_rc rc = tb_pool_query(thread, "SELECT 1 FROM api_tokens LIMIT 1", NULL, &rows, err);
    tb_pg_result_free(rows);
    return rc;
}

static bool ask_postgres(struct tb_job *job, struct tb_pool_thread *thread)
{
    struct ready *r = job->arg;
    struct tb_error err = {.rc = TB_OK};
    if (tb_gw_schema_answers(thread, &err) == TB_OK) {
        tb_gw_json(r->req, 200, TB_LIT("{\"status\":\"ready\"}"));
    } else {
        tb_log_warn("not ready: %s", err.text);
        tb_gw_problem(r->req, 503, "unavailable", NULL, "Postgres or its schema is away");
    }
    return false;
}

void tb_gw_ready(struct tb_gateway *gw, struct tb_httpd_request *req, const struct tb_route *route)
{
    (void)route;
    struct ready *r = TB_NEW(tb_httpd_arena(req), struct ready);
    if (gw->stopping || !r) {
        tb_gw_problem(req, 503, "stopping", NULL, "the gateway is about to stop");
        return;
    }
    *r = (struct ready){.job = {.run = ask_postgres, .arg = r}, .gw = gw, .req = req};
    if (!tb_pool_submit(tb_service_pool(gw->svc), &r->job)) {
        tb_gw_problem(req, 503, "busy", NULL, "too many requests are waiting");
    }
}

/* ---- sessions: a cookie for pages, which cannot keep a token safe ---- */

static void set_cookie(struct tb_httpd_request *req, const char *secret, int64_t max_age_s,
                       int status)
{
    tb_str cookie = tb_arena_printf(
        tb_httpd_arena(req), "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s",
        TB_SESSION_COOKIE, secret, (long long)max_age_s, tb_httpd_tls(req) ? "; Secure" : "");
    const struct tb_httpd_header header = {"Set-Cookie", cookie};
    const struct tb_reply reply = {.kind = TB_REPLY_DONE, .body = TB_LIT("")};
    tb_gw_reply(req, &reply, status, &header, 1);
}

static void open_session(struct tb_gateway *gw, struct tb_httpd_request *req,
                         struct tb_pool_thread *thread, const struct tb_caller *caller, void *arg)
{
    unsigned char random[32];
    unsigned char hash[TB_SHA256_LEN];
    char secret[TB_TOKEN_LEN + 1] = TB_SESSION_PREFIX;
    struct tb_error err = {.rc = TB_OK};
    struct tb_pg_params params;
    (void)gw;
    (void)arg;
    tb_random(random, sizeof random);
    tb_hex(random, sizeof random, secret + strlen(TB_SESSION_PREFIX));
    tb_sha256_of(secret, TB_TOKEN_LEN, hash);
    tb_pg_params_init(&params, tb_httpd_arena(req));
    tb_pg_add_bytes(&params, hash, sizeof hash);
    tb_pg_add_str(&params, caller->token);
    tb_pg_add_int(&params, SESSION_HOURS);
    enum tb_rc rc = tb_pool_query(thread,
                                  "WITH old AS (DELETE FROM api_sessions WHERE expires_at < now())"
                                  " INSERT INTO api_sessions (hash, token_id, expires_at)"
                                  " VALUES ($1, $2, now() + $3 * interval '1 hour')",
                                  &params, NULL, &err);
    if (rc != TB_OK) {
        struct tb_reply reply;
        tb_log_warn("opening a session: %s", err.text);
        tb_reply_from(&reply, tb_httpd_arena(req), &err);
        tb_gw_reply(req, &reply, tb_reply_status(&reply, false), NULL, 0);
        return;
    }
    set_cookie(req, secret, (int64_t)SESSION_HOURS * 3600, 204);
}

void tb_gw_session_open(struct tb_gateway *gw, struct tb_httpd_request *req,
                        const struct tb_route *route)
{
    (void)route;
    /* A session opens no other session: it would outlive itself. */
    if (tb_str_is_null(tb_httpd_header(req, "Authorization"))) {
        tb_service_denied(gw->svc, TB_DENIED_UNAUTHORIZED, NULL, "session", "no token");
        tb_gw_problem(req, 401, "unauthorized", NULL, "a token is needed");
        return;
    }
    tb_gw_run(gw, req, TB_SCOPE_READ, "session", open_session, NULL);
}

static void end_session(struct tb_gateway *gw, struct tb_httpd_request *req,
                        struct tb_pool_thread *thread, const struct tb_caller *caller, void *arg)
{
    struct tb_error err = {.rc = TB_OK};
    struct tb_pg_params params;
    unsigned char hash[TB_SHA256_LEN];
    tb_str secret = tb_httpd_cookie(req, TB_SESSION_COOKIE);
    (void)caller;
    (void)arg;
    tb_sha256_of(secret.ptr ? secret.ptr : "", secret.len, hash);
    tb_pg_params_init(&params, tb_httpd_arena(req));
    tb_pg_add_bytes(&params, hash, sizeof hash);
    if (tb_pool_query(thread, "DELETE FROM api_sessions WHERE hash = $1", &params, NULL, &err) !=
        TB_OK) {
        tb_log_warn("ending a session: %s", err.text);
    }
    tb_service_forget(gw->svc);
    set_cookie(req, "", 0, 204);
}

void tb_gw_session_end(struct tb_gateway *gw, struct tb_httpd_request *req,
                       const struct tb_route *route)
{
    (void)route;
    tb_gw_run(gw, req, TB_SCOPE_READ, "session", end_session, NULL);
}
