/* HTTP requests, the only user of libcurl: keep-alive, limits on time and size, several at once.
 *
 * A header's value may be a secret (API keys): neither errors nor logs ever show headers or bodies,
 * and URLs are shown without user, password and query. Redirects are not followed. TLS certificates
 * are verified. One handle per thread. */
#ifndef TB_HTTP_HTTP_H
#define TB_HTTP_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

struct tb_http;

/* Before threads start; safe to call again. */
enum tb_rc tb_http_global_init(struct tb_error *err) TB_MUST_USE;

struct tb_http_options {
    int64_t timeout_ms;      /* of one request, connecting included */
    size_t parallel;         /* most requests under way at once, at least 1 */
    size_t max_answer;       /* bytes of one answer's body */
    const atomic_bool *stop; /* ends requests early with TB_EUNAVAILABLE; NULL: never */
    const char *ca_file;     /* PEM, instead of the system's authorities; NULL or "": these */
    bool unverified;         /* takes any certificate: for trying things out only */
    bool compressed;         /* takes compressed answers; max_answer counts what comes out */
};
enum tb_rc tb_http_new(const struct tb_http_options *opt, struct tb_http **ret,
                       struct tb_error *err) TB_MUST_USE;
void tb_http_free(struct tb_http *http);

#define TB_HTTP_HEADERS_MAX 4

struct tb_http_request {
    const char *method; /* GET, PUT, POST, DELETE */
    const char *url;
    int64_t timeout_ms; /* of this one; 0: that of the options */
    tb_str body;        /* JSON; null slice for none. Must live until tb_http_run returns */
    struct {
        const char *name;
        const char *value; /* NULL or "": the header is left out */
    } headers[TB_HTTP_HEADERS_MAX];
};

struct tb_http_answer {
    /* TB_OK: there is an answer, whatever its status. TB_EUNAVAILABLE: no connection, timeout or
     * stopped. TB_ELIMIT: the answer was too large. TB_EINVAL: the URL is not one. */
    enum tb_rc rc;
    int status;             /* 0 without an answer */
    tb_str body;            /* in the arena */
    int64_t retry_after_ms; /* what the server asked for, -1 for nothing */
    bool unreached;         /* with TB_EUNAVAILABLE: there was no connection at all */
    char error[256];        /* when rc is not TB_OK */
};

/* Runs n requests, at most `parallel` at once. Returns TB_OK when every answer says what became of
 * it, TB_ENOMEM otherwise. */
enum tb_rc tb_http_run(struct tb_http *http, const struct tb_http_request *requests, size_t n,
                       struct tb_arena *arena, struct tb_http_answer *answers,
                       struct tb_error *err) TB_MUST_USE;

/* Told of an answer's body as it comes; of an empty piece about five times a second, so that it may
 * look around. False: that was enough. */
typedef bool tb_http_piece_fn(tb_str piece, void *arg);
/* One request whose answer does not end by itself (server-sent events). Pieces are handed out of an
 * answer of status 200; the body of another is in *ret, cut at max_answer. timeout_ms bounds
 * connecting only, silent_ms (0: any time) how long nothing may come. TB_OK: the answer ended or
 * was enough; ret->rc tells more. */
enum tb_rc tb_http_follow(const struct tb_http_options *opt, const struct tb_http_request *request,
                          int64_t silent_ms, tb_http_piece_fn *fn, void *arg,
                          struct tb_arena *arena, struct tb_http_answer *ret,
                          struct tb_error *err) TB_MUST_USE;

/* Seconds or an HTTP date, relative to now; -1 when neither. At most an hour. */
int64_t tb_http_retry_after(tb_str value, int64_t now_us);

/* The URL without user, password, query and fragment, for messages. */
tb_str tb_http_shown_url(tb_str url, struct tb_arena *arena);

#endif
