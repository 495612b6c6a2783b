#include "producer/ctl/server.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/http/http.h"
#include "producer/ctl/backend.h"

#define ANSWER_MAX ((size_t)64 * 1024 * 1024)
#define URL_MAX    ((size_t)64 * 1024)
enum { ATTEMPTS = 4, PAUSE_MS = 200, PAUSE_MAX_MS = 5000 };

struct ctl_server {
    struct tb_http *http;
    tb_str address;
    const char *authorization;
};

/* ---- choosing ---- */

tb_str ctl_server_address(struct ctl *ctl)
{
    tb_str given = ctl_opt(&ctl->args, "server");
    tb_str address =
        tb_str_is_null(given) ? tb_str_of(tb_config_str(ctl->cfg, TB_CFG(SERVER))) : given;
    while (address.len > 0 && address.ptr[address.len - 1] == '/') {
        address.len--;
    }
    return address;
}

enum tb_rc ctl_server_token(struct ctl *ctl, tb_str *ret, struct tb_error *err)
{
    const char *token = tb_config_str(ctl->cfg, TB_CFG(TOKEN));
    const char *file = tb_config_str(ctl->cfg, TB_CFG(TOKEN_FILE));
    tb_str text = tb_str_of(token);
    if (!token[0] && file[0]) {
        enum tb_rc rc = ctl_read_file(ctl, file, &text, err);
        if (rc != TB_OK) {
            return rc;
        }
    }
    size_t n = 0;
    while (n < text.len && text.ptr[n] > ' ' && text.ptr[n] < 0x7f) {
        n++;
    }
    if (n == 0) {
        return tb_fail(err, TB_EINVAL,
                       "a gateway wants a token: TICKETBUS_TOKEN or TICKETBUS_TOKEN_FILE "
                       "(ticketctl token create makes one)");
    }
    *ret = tb_arena_str(ctl->arena, (tb_str){text.ptr, n});
    return TB_OK;
}

static bool is_http(tb_str address)
{
    return tb_str_starts(address, "http://") || tb_str_starts(address, "https://");
}

static enum tb_rc open_server(struct ctl *ctl, tb_str address, struct tb_error *err)
{
    struct ctl_server *server = TB_NEW(ctl->arena, struct ctl_server);
    const struct tb_http_options opt = {
        .timeout_ms = tb_config_int(ctl->cfg, TB_CFG(HTTP_TIMEOUT_MS)),
        .parallel = 1,
        .max_answer = ANSWER_MAX,
        .ca_file = tb_config_str(ctl->cfg, TB_CFG(SERVER_CA)),
        .unverified = !tb_config_bool(ctl->cfg, TB_CFG(SERVER_VERIFY)),
        .compressed = true,
    };
    tb_str token = TB_STR_NULL;
    if (!server) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    if (!is_http(address)) {
        return tb_fail(err, TB_EINVAL, "the server is an address like https://tickets.example.org");
    }
    enum tb_rc rc = ctl_server_token(ctl, &token, err);
    rc = rc == TB_OK ? tb_http_new(&opt, &server->http, err) : rc;
    if (rc == TB_OK) {
        server->address = tb_arena_str(ctl->arena, address);
        server->authorization = tb_arena_printf(ctl->arena, "Bearer %.*s", TB_ARG(token)).ptr;
        ctl->server = server;
    }
    return rc;
}

enum tb_rc ctl_server_choose(struct ctl *ctl, struct tb_error *err)
{
    const struct ctl_command *c = ctl->args.command;
    tb_str address = c->reach == CTL_LOCAL ? TB_LIT("") : ctl_server_address(ctl);
    ctl->backend = &ctl_direct;
    if (address.len == 0) {
        return TB_OK;
    }
    if (c->reach == CTL_DIRECT) {
        return tb_fail(err, TB_EINVAL,
                       "%s works on Postgres and Kafka themselves and cannot go through a gateway: "
                       "run it where they can be reached, without TICKETBUS_SERVER",
                       c->name);
    }
    ctl->backend = &ctl_served;
    return open_server(ctl, address, err);
}

void ctl_server_free(struct ctl_server *server)
{
    if (server) {
        tb_http_free(server->http);
    }
}

const char *ctl_server_url(struct ctl *ctl, tb_str path)
{
    return tb_arena_printf(ctl->arena, "%.*s%.*s", TB_ARG(ctl->server->address), TB_ARG(path)).ptr;
}

const char *ctl_server_authorization(const struct ctl *ctl)
{
    return ctl->server->authorization;
}

/* ---- paths ---- */

static void escape(tb_buf *out, tb_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     (c != 0 && strchr("-._~", c));
        if (plain) {
            tb_buf_add_char(out, c);
        } else {
            tb_buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
        }
    }
}

void ctl_url_init(struct ctl_url *url, const char *path)
{
    url->has_query = false;
    tb_buf_init(&url->text, URL_MAX);
    tb_buf_add_c(&url->text, path);
}

void ctl_url_dispose(struct ctl_url *url)
{
    tb_buf_dispose(&url->text);
}

void ctl_url_segment(struct ctl_url *url, tb_str segment)
{
    tb_buf_add_char(&url->text, '/');
    escape(&url->text, segment);
}

void ctl_url_add(struct ctl_url *url, const char *name, tb_str value)
{
    if (tb_str_is_null(value)) {
        return;
    }
    tb_buf_add_char(&url->text, url->has_query ? '&' : '?');
    url->has_query = true;
    tb_buf_add_c(&url->text, name);
    tb_buf_add_char(&url->text, '=');
    escape(&url->text, value);
}

void ctl_url_add_int(struct ctl_url *url, const char *name, int64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)value);
    ctl_url_add(url, name, (tb_str){text, (size_t)n});
}

void ctl_url_add_bool(struct ctl_url *url, const char *name, bool value)
{
    ctl_url_add(url, name, value ? TB_LIT("true") : TB_LIT("false"));
}

void ctl_url_add_list(struct ctl_url *url, const char *name, tb_strs list)
{
    for (size_t i = 0; i < list.n; i++) {
        ctl_url_add(url, name, list.items[i]);
    }
}

/* ---- asking ---- */

static void pause_ms(int64_t ms)
{
    (void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* Busy, or on its way up or down: nothing was done, so that anything may be asked again. */
static bool is_busy(const struct tb_http_answer *a)
{
    return a->rc == TB_OK && (a->status == 429 || a->status == 503);
}

static bool is_away(const struct tb_http_answer *a)
{
    return a->rc == TB_EUNAVAILABLE;
}

enum tb_rc ctl_server_exchange(struct ctl *ctl, const struct ctl_asking *asking,
                               struct ctl_told *ret, struct tb_error *err)
{
    tb_str path = tb_buf_str(&asking->url->text);
    const struct tb_http_request request = {
        .method = asking->method,
        .url = ctl_server_url(ctl, path),
        .body = asking->body,
        .timeout_ms = asking->timeout_ms,
        .headers = {{"Authorization", ctl->server->authorization},
                    {"Idempotency-Key", asking->key},
                    {"If-Match", asking->version},
                    {"Prefer", asking->prefer}},
    };
    struct tb_http_answer answer = {0};
    int64_t until = asking->timeout_ms > 0 ? tb_clock_mono_us() + asking->timeout_ms * 1000 : 0;
    if (asking->url->text.failed || !request.url) {
        return tb_fail(err, TB_ELIMIT, "the request is too long");
    }
    for (int n = 1;; n++) {
        enum tb_rc rc = tb_http_run(ctl->server->http, &request, 1, ctl->arena, &answer, err);
        if (rc != TB_OK) {
            return rc;
        }
        bool again = is_busy(&answer) || (is_away(&answer) && !asking->once);
        bool late = until != 0 && tb_clock_mono_us() > until;
        if (!again || late || n == ATTEMPTS) {
            break;
        }
        int64_t wait = answer.retry_after_ms > 0 ? answer.retry_after_ms : (int64_t)PAUSE_MS << n;
        pause_ms(wait < PAUSE_MAX_MS ? wait : PAUSE_MAX_MS);
    }
    if (answer.rc != TB_OK) {
        return tb_fail(err, answer.rc, "%s", answer.error);
    }
    *ret = (struct ctl_told){.status = answer.status, .body = answer.body};
    struct tb_error ignored;
    if (answer.body.len && tb_tree_parse(answer.body, ctl->arena, &ret->root, &ignored) != TB_OK) {
        ret->root = NULL;
    }
    return TB_OK;
}

tb_str ctl_told_text(const struct tb_tree *tree, const char *name)
{
    const struct tb_tree *member = tb_tree_get(tree, name);
    return member && member->kind == TB_TREE_STRING ? member->text : TB_STR_NULL;
}

static enum tb_rc code_of(int status)
{
    switch (status) {
    case 400:
    case 401:
    case 415:
    case 422:
        return TB_EINVAL;
    case 404:
        return TB_ENOTFOUND;
    case 409:
    case 412:
        return TB_ECONFLICT;
    case 413:
        return TB_ELIMIT;
    case 429:
    case 502:
    case 503:
    case 504:
        return TB_EUNAVAILABLE;
    default:
        return TB_EFATAL;
    }
}

enum tb_rc ctl_server_refused(const struct ctl_told *told, struct tb_error *err)
{
    tb_str detail = ctl_told_text(told->root, "detail");
    tb_str field = ctl_told_text(told->root, "field");
    tb_str code = ctl_told_text(told->root, "code");
    enum tb_rc rc = code_of(told->status);
    if (detail.len == 0) {
        return tb_fail(err, rc, "the gateway answers %d", told->status);
    }
    bool bare = !tb_str_eq_c(code, "validation_failed") && !tb_str_eq_c(code, "bad_request") &&
                told->status != 404;
    (void)tb_fail(err, rc, "%.*s%s%.*s", TB_ARG(bare ? code : TB_LIT("")),
                  bare && code.len ? ": " : "", TB_ARG(detail));
    if (rc == TB_EINVAL) { /* elsewhere the sentence names the thing itself */
        (void)snprintf(err->field, sizeof err->field, "%.*s", TB_ARG(field));
    }
    (void)snprintf(err->code, sizeof err->code, "%.*s", TB_ARG(code));
    return rc;
}

enum tb_rc ctl_server_ask(struct ctl *ctl, const struct ctl_asking *asking, struct ctl_told *ret,
                          struct tb_error *err)
{
    enum tb_rc rc = ctl_server_exchange(ctl, asking, ret, err);
    if (rc == TB_OK && ret->status >= 400) {
        return ctl_server_refused(ret, err);
    }
    if (rc == TB_OK && ret->status != 204 && !ret->root) {
        return tb_fail(err, TB_EFATAL, "%.*s does not answer as a gateway does",
                       TB_ARG(ctl->server->address));
    }
    return rc;
}

enum tb_rc ctl_server_get(struct ctl *ctl, struct ctl_url *url, const struct tb_tree **ret,
                          struct tb_error *err)
{
    struct ctl_told told = {0};
    const struct ctl_asking asking = {.method = "GET", .url = url};
    enum tb_rc rc = ctl_server_ask(ctl, &asking, &told, err);
    ctl_url_dispose(url);
    *ret = told.root;
    return rc;
}
