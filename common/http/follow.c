/* Answers that do not end. */
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/http/internal.h"

enum { LOOK_MS = 200 };

struct follow {
    CURL *easy;
    tb_http_piece_fn *fn;
    void *arg;
    tb_buf refusal; /* the body of another status than 200 */
    int64_t last_us;
    bool enough;
};

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct follow *f = arg;
    long status = 0;
    size_t len = size * n;
    f->last_us = tb_clock_mono_us();
    (void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        size_t room = f->refusal.max - f->refusal.len;
        tb_buf_add(&f->refusal, data, len < room ? len : room);
    } else if (!f->fn((tb_str){data, len}, f->arg)) {
        f->enough = true;
        return 0;
    }
    return len;
}

/* Until the answer is over, enough, or silent for too long; returns what curl says of it. */
static CURLcode run(struct follow *f, CURLM *multi, const atomic_bool *stop, int64_t silent_ms)
{
    int running = 1;
    f->last_us = tb_clock_mono_us();
    while (running) {
        if (curl_multi_perform(multi, &running) != CURLM_OK) {
            return CURLE_OUT_OF_MEMORY;
        }
        int64_t now = tb_clock_mono_us();
        if (f->enough || (stop && atomic_load(stop)) || !f->fn((tb_str){"", 0}, f->arg)) {
            f->enough = true;
            return CURLE_OK;
        }
        if (silent_ms > 0 && now - f->last_us > silent_ms * 1000) {
            return CURLE_OPERATION_TIMEDOUT;
        }
        if (running) {
            (void)curl_multi_poll(multi, NULL, 0, LOOK_MS, NULL);
        }
    }
    int left;
    CURLMsg *msg = curl_multi_info_read(multi, &left);
    return msg && msg->msg == CURLMSG_DONE ? msg->data.result : CURLE_RECV_ERROR;
}

enum tb_rc tb_http_follow(const struct tb_http_options *opt, const struct tb_http_request *request,
                          int64_t silent_ms, tb_http_piece_fn *fn, void *arg,
                          struct tb_arena *arena, struct tb_http_answer *ret, struct tb_error *err)
{
    if (tb_http_global_init(err) != TB_OK) {
        return TB_EFATAL;
    }
    struct follow f = {.easy = curl_easy_init(), .fn = fn, .arg = arg};
    struct curl_slist *headers = NULL;
    CURLM *multi = curl_multi_init();
    tb_buf_init(&f.refusal, opt->max_answer);
    *ret = (struct tb_http_answer){.rc = TB_EUNAVAILABLE, .retry_after_ms = -1};
    bool ok = f.easy && multi && tb_http_set_headers(&headers, "text/event-stream", request);
    if (ok && !tb_http_set_options(f.easy, opt, request)) {
        ret->rc = TB_EINVAL;
        tb_http_describe(ret, request->url, "cannot be requested", arena);
    } else if (ok) {
        long status = 0;
        (void)curl_easy_setopt(f.easy, CURLOPT_HTTPHEADER, headers);
        (void)curl_easy_setopt(f.easy, CURLOPT_WRITEFUNCTION, on_body);
        (void)curl_easy_setopt(f.easy, CURLOPT_WRITEDATA, &f);
        ok = curl_multi_add_handle(multi, f.easy) == CURLM_OK;
        CURLcode code = ok ? run(&f, multi, opt->stop, silent_ms) : CURLE_OUT_OF_MEMORY;
        (void)curl_easy_getinfo(f.easy, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_multi_remove_handle(multi, f.easy);
        ret->status = (int)status;
        ret->body = tb_arena_str(arena, f.refusal.len ? tb_buf_str(&f.refusal) : TB_LIT(""));
        if (f.enough || code == CURLE_OK) {
            ret->rc = TB_OK;
        } else {
            tb_http_describe(ret, request->url, curl_easy_strerror(code), arena);
        }
    }
    curl_easy_cleanup(f.easy);
    (void)curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    tb_buf_dispose(&f.refusal);
    return ok && !tb_arena_failed(arena) ? TB_OK : tb_fail(err, TB_ENOMEM, "out of memory");
}
