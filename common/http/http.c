#include "common/http/http.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/http/internal.h"

enum { POLL_MS = 100, CONNECT_MS = 5000, RETRY_AFTER_MAX_MS = 3600 * 1000, PARALLEL_MAX = 64 };

/* One transfer under way. */
struct slot {
    CURL *easy;
    struct curl_slist *headers;
    tb_buf body;
    int64_t retry_after_ms;
    size_t index; /* of the request */
    bool busy;
};

struct tb_http {
    struct tb_http_options opt;
    CURLM *multi;
    size_t nslots;
    struct slot slots[];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode init_result;

static void init_curl(void)
{
    init_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum tb_rc tb_http_global_init(struct tb_error *err)
{
    (void)pthread_once(&once, init_curl);
    return init_result == CURLE_OK ? TB_OK
                                   : tb_fail(err, TB_EFATAL, "libcurl could not be initialised");
}

enum tb_rc tb_http_new(const struct tb_http_options *opt, struct tb_http **ret,
                       struct tb_error *err)
{
    *ret = NULL;
    if (tb_http_global_init(err) != TB_OK) {
        return TB_EFATAL;
    }
    size_t n = opt->parallel < 1 ? 1 : opt->parallel > PARALLEL_MAX ? PARALLEL_MAX : opt->parallel;
    struct tb_http *http = calloc(1, sizeof *http + n * sizeof(struct slot));
    if (!http) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    http->opt = *opt;
    http->multi = curl_multi_init();
    bool ok = http->multi != NULL;
    for (; ok && http->nslots < n; http->nslots++) {
        struct slot *s = &http->slots[http->nslots];
        tb_buf_init(&s->body, opt->max_answer ? opt->max_answer : 1);
        s->easy = curl_easy_init();
        ok = s->easy != NULL;
    }
    if (!ok) {
        tb_http_free(http);
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    *ret = http;
    return TB_OK;
}

void tb_http_free(struct tb_http *http)
{
    if (!http) {
        return;
    }
    for (size_t i = 0; i < http->nslots; i++) {
        curl_easy_cleanup(http->slots[i].easy);
        curl_slist_free_all(http->slots[i].headers);
        tb_buf_dispose(&http->slots[i].body);
    }
    curl_multi_cleanup(http->multi);
    free(http);
}

int64_t tb_http_retry_after(tb_str value, int64_t now_us)
{
    char text[64];
    while (value.len && (value.ptr[0] == ' ' || value.ptr[0] == '\t')) {
        value.ptr++;
        value.len--;
    }
    while (value.len && (unsigned char)value.ptr[value.len - 1] <= ' ') {
        value.len--;
    }
    if (value.len == 0 || value.len >= sizeof text) {
        return -1;
    }
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    char *end;
    double seconds = strtod(text, &end); /* some servers send fractions */
    if (end == text || *end) {
        time_t at = curl_getdate(text, NULL);
        if (at < 0) {
            return -1;
        }
        seconds = (double)at - (double)now_us / 1e6;
    }
    if (!(seconds > 0)) {
        return 0;
    }
    return seconds * 1000 < RETRY_AFTER_MAX_MS ? (int64_t)(seconds * 1000) : RETRY_AFTER_MAX_MS;
}

tb_str tb_http_shown_url(tb_str url, struct tb_arena *arena)
{
    size_t len = 0;
    while (len < url.len && url.ptr[len] != '?' && url.ptr[len] != '#') {
        len++;
    }
    tb_str scheme = {url.ptr, 0};
    for (size_t i = 0; i + 2 < len; i++) {
        if (memcmp(url.ptr + i, "://", 3) == 0) {
            scheme.len = i + 3;
            break;
        }
    }
    tb_str rest = {url.ptr + scheme.len, len - scheme.len};
    size_t host = 0;
    for (size_t i = 0; i < rest.len && rest.ptr[i] != '/'; i++) {
        if (rest.ptr[i] == '@') {
            host = i + 1;
        }
    }
    return tb_arena_printf(arena, "%.*s%.*s", TB_ARG(scheme), (int)(rest.len - host),
                           rest.ptr + host);
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct slot *s = arg;
    tb_buf_add(&s->body, data, size * n);
    return s->body.failed ? 0 : size * n;
}

/* OpenAI's finer form of the same wish. */
static int64_t milliseconds(tb_str value)
{
    int64_t ms = -1;
    size_t i = 0;
    while (i < value.len && value.ptr[i] == ' ') {
        i++;
    }
    for (; i < value.len && value.ptr[i] >= '0' && value.ptr[i] <= '9'; i++) {
        ms = (ms < 0 ? 0 : ms) * 10 + (value.ptr[i] - '0');
        ms = ms < RETRY_AFTER_MAX_MS ? ms : RETRY_AFTER_MAX_MS;
    }
    return ms;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
    static const char name[] = "retry-after:";
    static const char name_ms[] = "retry-after-ms:";
    struct slot *s = arg;
    size_t len = size * n;
    int64_t ms = -1;
    if (len > sizeof name - 1 && strncasecmp(data, name, sizeof name - 1) == 0) {
        tb_str value = {data + sizeof name - 1, len - (sizeof name - 1)};
        ms = tb_http_retry_after(value, tb_clock_wall_us());
    } else if (len > sizeof name_ms - 1 && strncasecmp(data, name_ms, sizeof name_ms - 1) == 0) {
        tb_str value = {data + sizeof name_ms - 1, len - (sizeof name_ms - 1)};
        ms = milliseconds(value);
    }
    s->retry_after_ms = ms > s->retry_after_ms ? ms : s->retry_after_ms;
    return len;
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    char line[2200];
    int n = snprintf(line, sizeof line, "%s: %s", name, value);
    if (n < 0 || (size_t)n >= sizeof line) {
        return false;
    }
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer) {
        *list = longer;
    }
    return longer != NULL;
}

bool tb_http_set_headers(struct curl_slist **list, const char *accept,
                         const struct tb_http_request *r)
{
    curl_slist_free_all(*list);
    *list = NULL;
    bool ok = add_header(list, "Expect", "") && add_header(list, "Accept", accept);
    if (!tb_str_is_null(r->body)) {
        ok = ok && add_header(list, "Content-Type", "application/json");
    }
    for (size_t i = 0; ok && i < TB_HTTP_HEADERS_MAX; i++) {
        if (r->headers[i].name && r->headers[i].value && r->headers[i].value[0]) {
            ok = add_header(list, r->headers[i].name, r->headers[i].value);
        }
    }
    return ok;
}

/* What all requests have in common. */
bool tb_http_set_options(CURL *e, const struct tb_http_options *opt,
                         const struct tb_http_request *r)
{
    bool ok = curl_easy_setopt(e, CURLOPT_URL, r->url) == CURLE_OK;
    (void)curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
    (void)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(e, CURLOPT_USERAGENT, "ticketbus/" TB_VERSION);
    (void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)(opt->timeout_ms < CONNECT_MS ? opt->timeout_ms : CONNECT_MS));
    if (opt->ca_file && opt->ca_file[0]) {
        ok = ok && curl_easy_setopt(e, CURLOPT_CAINFO, opt->ca_file) == CURLE_OK;
    }
    if (opt->unverified) {
        (void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
        (void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (opt->compressed) {
        (void)curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "gzip");
    }
    if (!tb_str_is_null(r->body)) {
        (void)curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->body.ptr);
        (void)curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
    }
    return ok;
}

static bool begin(struct tb_http *http, struct slot *s, const struct tb_http_request *r,
                  size_t index)
{
    CURL *e = s->easy;
    curl_easy_reset(e); /* keeps connections */
    tb_buf_clear(&s->body);
    s->retry_after_ms = -1;
    s->index = index;
    if (!tb_http_set_headers(&s->headers, "application/json", r)) {
        return false;
    }
    bool ok = tb_http_set_options(e, &http->opt, r);
    (void)curl_easy_setopt(e, CURLOPT_HTTPHEADER, s->headers);
    (void)curl_easy_setopt(e, CURLOPT_TIMEOUT_MS,
                           (long)(r->timeout_ms > 0 ? r->timeout_ms : http->opt.timeout_ms));
    (void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(e, CURLOPT_WRITEDATA, s);
    (void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(e, CURLOPT_HEADERDATA, s);
    (void)curl_easy_setopt(e, CURLOPT_PRIVATE, s);
    if (!ok || curl_multi_add_handle(http->multi, e) != CURLM_OK) {
        return false;
    }
    s->busy = true;
    return true;
}

void tb_http_describe(struct tb_http_answer *a, const char *url, const char *what,
                      struct tb_arena *arena)
{
    tb_str shown = tb_http_shown_url(tb_str_of(url), arena);
    (void)snprintf(a->error, sizeof a->error, "%.*s: %s", TB_ARG(shown), what);
}

static void finish(struct tb_http *http, struct slot *s, CURLcode code,
                   const struct tb_http_request *r, struct tb_http_answer *a,
                   struct tb_arena *arena)
{
    long status = 0;
    (void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_multi_remove_handle(http->multi, s->easy);
    s->busy = false;
    a->retry_after_ms = s->retry_after_ms;
    if (code == CURLE_OK) {
        a->rc = TB_OK;
        a->status = (int)status;
        a->body = tb_arena_str(arena, tb_buf_str(&s->body));
    } else if (s->body.failed) {
        a->rc = TB_ELIMIT;
        tb_http_describe(a, r->url, "the answer is too large", arena);
    } else {
        a->rc = code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ? TB_EINVAL
                                                                                  : TB_EUNAVAILABLE;
        a->unreached = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
                       code == CURLE_COULDNT_RESOLVE_PROXY;
        tb_http_describe(a, r->url, curl_easy_strerror(code), arena);
    }
}

static void collect(struct tb_http *http, const struct tb_http_request *requests,
                    struct tb_http_answer *answers, struct tb_arena *arena, size_t *open)
{
    int left;
    CURLMsg *msg;
    while ((msg = curl_multi_info_read(http->multi, &left))) {
        if (msg->msg != CURLMSG_DONE) {
            continue;
        }
        char *priv = NULL;
        CURLcode code = msg->data.result;
        (void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &priv);
        struct slot *s = (struct slot *)(void *)priv;
        finish(http, s, code, &requests[s->index], &answers[s->index], arena);
        (*open)--;
    }
}

static bool stopped(const struct tb_http *http)
{
    return http->opt.stop && atomic_load(http->opt.stop);
}

/* Ends what is under way and answers for what was not begun. */
static void abandon(struct tb_http *http, const struct tb_http_request *requests, size_t begun,
                    size_t n, struct tb_http_answer *answers, struct tb_arena *arena)
{
    for (size_t i = 0; i < http->nslots; i++) {
        struct slot *s = &http->slots[i];
        if (s->busy) {
            (void)curl_multi_remove_handle(http->multi, s->easy);
            s->busy = false;
            answers[s->index].rc = TB_EUNAVAILABLE;
            tb_http_describe(&answers[s->index], requests[s->index].url, "stopped", arena);
        }
    }
    for (size_t i = begun; i < n; i++) {
        answers[i].rc = TB_EUNAVAILABLE;
        tb_http_describe(&answers[i], requests[i].url, "stopped", arena);
    }
}

enum tb_rc tb_http_run(struct tb_http *http, const struct tb_http_request *requests, size_t n,
                       struct tb_arena *arena, struct tb_http_answer *answers, struct tb_error *err)
{
    size_t begun = 0;
    size_t open = 0;
    for (size_t i = 0; i < n; i++) {
        answers[i] = (struct tb_http_answer){.rc = TB_EUNAVAILABLE, .retry_after_ms = -1};
    }
    while (open || begun < n) {
        for (size_t i = 0; i < http->nslots && begun < n && !stopped(http); i++) {
            if (http->slots[i].busy) {
                continue;
            }
            if (begin(http, &http->slots[i], &requests[begun], begun)) {
                open++;
            } else {
                answers[begun].rc = TB_EINVAL;
                tb_http_describe(&answers[begun], requests[begun].url, "cannot be requested",
                                 arena);
            }
            begun++;
        }
        if (stopped(http)) {
            abandon(http, requests, begun, n, answers, arena);
            break;
        }
        int running;
        if (curl_multi_perform(http->multi, &running) != CURLM_OK) {
            abandon(http, requests, begun, n, answers, arena);
            return tb_fail(err, TB_ENOMEM, "out of memory in libcurl");
        }
        collect(http, requests, answers, arena, &open);
        if (open && running) {
            (void)curl_multi_poll(http->multi, NULL, 0, POLL_MS, NULL);
        }
    }
    return tb_arena_failed(arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}
