/* HTTP server, the only user of libmicrohttpd: a fixed number of threads with epoll, optional TLS.
 *
 * A handler gets a whole request (body included) and answers it when it likes: at once, or later
 * from any thread (the connection sleeps meanwhile and costs no thread). Instead of an answer it
 * may begin a stream, to which any thread pushes bytes (server-sent events).
 *
 *     static void handler(struct tb_httpd_request *req, void *arg)
 *     {
 *         tb_httpd_respond(req, &(struct tb_httpd_response){.status = 200, .body = TB_LIT("hi")});
 *     }
 *
 * What a client sends is bounded in size, number and time: a request must have arrived whole
 * within receive_timeout_s, however busily its bytes trickle. Neither bodies nor headers are ever
 * logged. Threads inherit the signal mask of whoever calls tb_httpd_start. */
#ifndef TB_HTTPD_HTTPD_H
#define TB_HTTPD_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

struct tb_httpd;
struct tb_httpd_request;
struct tb_httpd_stream;

/* Must see to it that the request is answered, once. Runs in a thread of the server: what may wait
 * (a database, Kafka) belongs elsewhere. */
typedef void tb_httpd_handler(struct tb_httpd_request *req, void *arg);
/* Told of every request that has ended, its answer sent or its client gone; mark is the one it was
 * given (tb_httpd_mark), micros what it took since its first line. Runs in a thread of the server.
 */
typedef void tb_httpd_done_fn(unsigned mark, int status, int64_t micros, void *arg);

struct tb_httpd_options {
    const char *listen; /* numeric "address:port", "[::1]:8800", several by commas; port 0: any */
    unsigned threads;   /* for each address, at least 1 */
    unsigned max_connections;
    unsigned max_per_address;   /* connections of one client address, 0: no limit */
    size_t max_body;            /* bytes; more is answered 413 */
    unsigned receive_timeout_s; /* a request, whole, from its connection or the previous answer */
    unsigned send_timeout_s;    /* without progress while sending */
    size_t gzip_min;            /* answers of so many bytes and more are compressed for clients that
                                   take gzip (encode.h); 0: none */
    const char *tls_cert;       /* PEM files; NULL or "": no TLS */
    const char *tls_key;
    tb_httpd_handler *handler;
    /* May refuse before the body is read, by answering; NULL: every request is read. */
    tb_httpd_handler *begin;
    tb_httpd_done_fn *done; /* may be NULL */
    void *arg;
};

/* Starts listening. TB_EINVAL names the option; TB_EUNAVAILABLE: the address is taken. */
enum tb_rc tb_httpd_start(const struct tb_httpd_options *opt, struct tb_httpd **ret,
                          struct tb_error *err) TB_MUST_USE;
/* The port of the first address. */
unsigned tb_httpd_port(const struct tb_httpd *httpd);
/* No new connections; requests still unanswered after grace_ms get 503, streams are ended. Answers
 * that come later are dropped: whoever owes one must still give it before tb_httpd_free. */
void tb_httpd_stop(struct tb_httpd *httpd, int grace_ms);
void tb_httpd_free(struct tb_httpd *httpd); /* stops first */

struct tb_httpd_stats {
    uint64_t connections; /* open */
    uint64_t waiting;     /* requests handed to the handler and not answered yet */
    uint64_t streams;     /* open */
    uint64_t requests;    /* since the start, as the next ones */
    uint64_t timeouts;    /* connections closed by receive_timeout_s */
    uint64_t dropped;     /* streams dropped because their reader was slow */
};
void tb_httpd_stats(const struct tb_httpd *httpd, struct tb_httpd_stats *ret);

/* ---- the request; everything lives until it is answered ---- */

const char *tb_httpd_method(const struct tb_httpd_request *req);
/* As sent, percent signs and all, without the query; starts with '/'. */
tb_str tb_httpd_path(const struct tb_httpd_request *req);
/* As sent, without '?'; null when there was none. */
tb_str tb_httpd_query_text(const struct tb_httpd_request *req);
/* The first header of that name, null when there is none. */
tb_str tb_httpd_header(const struct tb_httpd_request *req, const char *name);
/* A cookie's value as sent. */
tb_str tb_httpd_cookie(const struct tb_httpd_request *req, const char *name);
/* Null slice when there was none. Not in `begin`. */
tb_str tb_httpd_body(const struct tb_httpd_request *req);
/* The client's address, numeric. */
const char *tb_httpd_peer(const struct tb_httpd_request *req);
bool tb_httpd_tls(const struct tb_httpd_request *req);
/* What `done` will be told of it; 0 unless set. Before the answer. */
void tb_httpd_mark(struct tb_httpd_request *req, unsigned mark);
/* For whatever is made for this request; freed with it, after the answer. Not thread-safe. */
struct tb_arena *tb_httpd_arena(struct tb_httpd_request *req);

/* ---- the answer ---- */

struct tb_httpd_header {
    const char *name;
    tb_str value; /* null: left out. One with line breaks is refused: the answer becomes 500 */
};

/* Texts of a certain size (options.gzip_min) go out compressed to clients that take it, with an
 * entity tag of their own (encode.h); streams and what has a Content-Encoding never. */
struct tb_httpd_response {
    int status;
    const char *content_type; /* NULL: none */
    tb_str body;              /* copied, unless body_is_static; HEAD sends its length only */
    bool body_is_static;      /* lives as long as the server */
    const struct tb_httpd_header *headers;
    size_t nheaders;
};

/* Answers, from any thread. The request must not be used afterwards. */
void tb_httpd_respond(struct tb_httpd_request *req, const struct tb_httpd_response *res);

/* ---- streams ---- */

/* Bytes shared by any number of streams; counted, immutable. */
struct tb_httpd_bytes;
struct tb_httpd_bytes *tb_httpd_bytes_new(const void *data, size_t len); /* NULL: no memory */
void tb_httpd_bytes_unref(struct tb_httpd_bytes *bytes);

/* Told once that the stream is over, whoever ended it: by a thread of the server, and not to call
 * back into the stream but to release it. */
typedef void tb_httpd_closed_fn(void *arg);

struct tb_httpd_stream_options {
    size_t max_pending;         /* bytes not yet taken by the client; beyond that it is dropped */
    tb_httpd_closed_fn *closed; /* may be NULL */
    void *arg;
};

/* Answers with a body that never ends by itself: res->body is its beginning. Returns a handle to
 * be released; NULL when there is no memory or the server stops (answered 503; closed is not
 * called). The request must not be used afterwards. */
struct tb_httpd_stream *tb_httpd_stream_begin(struct tb_httpd_request *req,
                                              const struct tb_httpd_response *res,
                                              const struct tb_httpd_stream_options *opt);
/* Appends, from any thread, without waiting. False: the stream is over (ended, dropped, left). */
bool tb_httpd_stream_push(struct tb_httpd_stream *stream, struct tb_httpd_bytes *bytes);
/* Bytes not yet taken. */
size_t tb_httpd_stream_pending(struct tb_httpd_stream *stream);
/* No more will come: the connection ends once what was pushed is taken. */
void tb_httpd_stream_end(struct tb_httpd_stream *stream);
void tb_httpd_stream_release(struct tb_httpd_stream *stream);

#endif
