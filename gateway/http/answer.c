/* Answers: bodies, problems, headers that all of them carry. */
#include <stdarg.h>
#include <stdio.h>

#include "gateway/http/http.h"

#define EXTRA_MAX 8

static const struct tb_httpd_header always[] = {
    {"Cache-Control", {"no-store", 8}},
    {"Vary", {"Origin", 6}},
    {"X-Content-Type-Options", {"nosniff", 7}},
};

static void send(struct tb_httpd_request *req, int status, const char *type, tb_str body,
                 const struct tb_httpd_header *extra, size_t nextra)
{
    struct tb_httpd_header headers[TB_COUNT(always) + EXTRA_MAX + 2];
    size_t n = 0;
    for (size_t i = 0; i < TB_COUNT(always); i++) {
        headers[n++] = always[i];
    }
    for (size_t i = 0; i < nextra && n < TB_COUNT(headers); i++) {
        headers[n++] = extra[i];
    }
    struct tb_httpd_header cors[2];
    size_t ncors = tb_gw_cors(req, cors);
    for (size_t i = 0; i < ncors && n < TB_COUNT(headers); i++) {
        headers[n++] = cors[i];
    }
    const struct tb_httpd_response res = {.status = status,
                                          .content_type = body.len ? type : NULL,
                                          .body = body,
                                          .headers = headers,
                                          .nheaders = n};
    tb_httpd_respond(req, &res);
}

void tb_gw_json(struct tb_httpd_request *req, int status, tb_str body)
{
    send(req, status, "application/json", body, NULL, 0);
}

void tb_gw_reply(struct tb_httpd_request *req, const struct tb_reply *reply, int status,
                 const struct tb_httpd_header *extra, size_t nextra)
{
    struct tb_httpd_header headers[EXTRA_MAX];
    size_t n = 0;
    struct tb_arena *arena = tb_httpd_arena(req);
    for (size_t i = 0; i < nextra && n < EXTRA_MAX - 2; i++) {
        headers[n++] = extra[i];
    }
    if (status < 400) {
        send(req, status, "application/json", reply->body, headers, n);
        return;
    }
    if (status == 429 || status == 503) {
        int64_t seconds = reply->retry_after_s > 0 ? reply->retry_after_s : 1;
        headers[n++] = (struct tb_httpd_header){"Retry-After",
                                                tb_arena_printf(arena, "%lld", (long long)seconds)};
    }
    if (status == 401) {
        headers[n++] = (struct tb_httpd_header){"WWW-Authenticate", TB_LIT("Bearer")};
    }
    send(req, status, "application/problem+json", tb_reply_problem(reply, status, arena), headers,
         n);
}

void tb_gw_problem(struct tb_httpd_request *req, int status, const char *code, const char *field,
                   const char *fmt, ...)
{
    char text[TB_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const struct tb_reply reply = {
        .code = code, .field = tb_str_of(field), .detail = tb_str_of(text)};
    tb_gw_reply(req, &reply, status, NULL, 0);
}

tb_str tb_gw_agent(const struct tb_httpd_request *req)
{
    tb_str agent = tb_httpd_header(req, "X-Agent-ID");
    return agent.len > 0 && agent.len <= 200 ? agent : TB_STR_NULL;
}

/* The page that asks, by Origin, is of the host that is asked; *ret_host says which. */
static bool from_same_host(const struct tb_httpd_request *req, tb_str *ret_host)
{
    tb_str origin = tb_httpd_header(req, "Origin");
    const char *scheme = tb_httpd_tls(req) ? "https://" : "http://";
    size_t n = strlen(scheme);
    /* Behind a proxy that ends TLS the page's scheme is https although ours is not. */
    if (tb_str_starts(origin, "https://")) {
        n = 8;
    } else if (!tb_str_starts(origin, scheme)) {
        return false;
    }
    *ret_host = (tb_str){origin.ptr + n, origin.len - n};
    return tb_str_eq(*ret_host, tb_httpd_header(req, "Host"));
}

/* Browsers send cookies whoever's page asks; Origin tells whose it was. */
static bool from_our_pages(const struct tb_httpd_request *req)
{
    const char *method = tb_httpd_method(req);
    tb_str host;
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 || from_same_host(req, &host);
}

/* Addresses and localhost lead where they say. */
static bool cannot_be_rebound(tb_str host)
{
    size_t n = 0;
    while (n < host.len && host.ptr[n] != ':') {
        n++;
    }
    tb_str name = {host.ptr, n};
    bool numeric = n > 0;
    for (size_t i = 0; i < n; i++) {
        numeric = numeric && (name.ptr[i] == '.' || (name.ptr[i] >= '0' && name.ptr[i] <= '9'));
    }
    return numeric || tb_str_eq_c(name, "localhost") || tb_str_starts(host, "[");
}

bool tb_gw_known_origin(const struct tb_httpd_request *req)
{
    struct tb_httpd_header cors[2];
    tb_str origin = tb_httpd_header(req, "Origin");
    tb_str host;
    if (tb_str_is_null(origin) || tb_gw_cors(req, cors) > 0) {
        return true;
    }
    /* Whoever has a certificate for the name is not somebody whose name was led here. */
    return from_same_host(req, &host) &&
           (tb_str_starts(origin, "https://") || cannot_be_rebound(host));
}

tb_str tb_gw_secret(const struct tb_httpd_request *req)
{
    tb_str authorization = tb_httpd_header(req, "Authorization");
    if (!tb_str_is_null(authorization)) {
        return tb_token_of_header(authorization);
    }
    tb_str cookie = tb_httpd_cookie(req, TB_SESSION_COOKIE);
    return tb_token_valid(cookie) && from_our_pages(req) ? cookie : TB_STR_NULL;
}

/* ---- jobs with a caller ---- */

struct tb_gw_job {
    struct tb_job job;
    struct tb_gateway *gw;
    struct tb_httpd_request *req;
    unsigned scope;
    const char *what;
    tb_str secret;
    tb_gw_job_fn *fn;
    void *arg;
};

static bool run(struct tb_job *job, struct tb_pool_thread *thread)
{
    struct tb_gw_job *j = job->arg;
    struct tb_arena *arena = tb_httpd_arena(j->req);
    struct tb_caller caller = {0};
    struct tb_reply reply = {0};
    if (tb_service_authenticate(j->gw->svc, thread, j->secret, j->what, arena, &caller, &reply) !=
            TB_OK ||
        !tb_service_permit(j->gw->svc, &caller, j->scope, j->what, arena, &reply)) {
        tb_gw_reply(j->req, &reply, tb_reply_status(&reply, false), NULL, 0);
        return false;
    }
    j->fn(j->gw, j->req, thread, &caller, j->arg);
    return false;
}

void tb_gw_run(struct tb_gateway *gw, struct tb_httpd_request *req, unsigned scope,
               const char *what, tb_gw_job_fn *fn, void *arg)
{
    struct tb_gw_job *j = TB_NEW(tb_httpd_arena(req), struct tb_gw_job);
    if (j) {
        *j = (struct tb_gw_job){.job = {.run = run, .arg = j},
                                .gw = gw,
                                .req = req,
                                .scope = scope,
                                .what = what,
                                .secret = tb_gw_secret(req),
                                .fn = fn,
                                .arg = arg};
    }
    if (!j || !tb_pool_submit(tb_service_pool(gw->svc), &j->job)) {
        tb_gw_problem(req, 503, "busy", NULL, "too many requests are waiting; try again");
    }
}
