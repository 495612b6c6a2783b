/* What the sources of this folder share. */
#ifndef TB_HTTPD_INTERNAL_H
#define TB_HTTPD_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/base/buf.h"
#include "common/httpd/httpd.h"

#define TB_HTTPD_ADDRESSES_MAX 8

/* One connection of a client. Lives from MHD's start to close notice. */
struct tb_httpd_conn {
    struct tb_httpd *httpd;
    struct tb_httpd_conn *prev, *next; /* under httpd->lock, as fd */
    int fd;                            /* -1 once it is about to be closed */
    _Atomic int64_t deadline_us;       /* a whole request must be there; 0: one is being answered */
    char peer[64];
};

/* A request as it passes through: URI seen, body taken, handler called, (slept,) answered, done.
 * MHD's side and the answering side own it together; whoever lets go last frees it. */
struct tb_httpd_request {
    struct tb_httpd *httpd;
    struct MHD_Connection *mhd;
    struct tb_httpd_conn *conn;
    struct tb_arena *arena; /* made when first asked for */
    char *uri;              /* as sent */
    tb_str path;
    tb_str query;
    const char *method; /* NULL until the headers are there */
    tb_buf body;
    uint64_t swallowed; /* bytes of a body that is too large, not kept */
    int64_t started_us;
    int status;
    unsigned mark;
    bool asked;
    bool takes_gzip;
    bool names_gzip; /* If-None-Match is about a compressed form */
    atomic_int refs;

    bool waiting;                         /* in httpd->waiting; under httpd->lock, as the links */
    struct tb_httpd_request *prev, *next; /* of those waiting for their answer */

    pthread_mutex_t lock;          /* guards what follows */
    struct MHD_Response *response; /* owed to MHD */
    struct tb_httpd_stream *stream;
    bool given;  /* answered, perhaps with a NULL response for want of memory */
    bool asleep; /* suspended: whoever answers wakes it */
};

struct tb_httpd {
    struct tb_httpd_options opt;
    char *cert, *key;
    struct MHD_Daemon *daemons[TB_HTTPD_ADDRESSES_MAX];
    size_t ndaemons;
    unsigned port;
    pthread_t reaper;
    bool has_reaper;
    pthread_cond_t wake;  /* with lock: stopping */
    pthread_mutex_t lock; /* taken after a request's or a stream's, never before */
    struct tb_httpd_conn *conns;
    struct tb_httpd_request *waiting; /* asked and not answered */
    struct tb_httpd_stream *open;     /* streams MHD knows */
    atomic_bool stopping;
    _Atomic uint64_t connections, streams, requests, timeouts, dropped, nwaiting;
    _Atomic uint64_t busy; /* requests asked whose answer is not sent yet, streams included */
};

/* MHD's callbacks. */
void *tb_httpd_on_uri(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result tb_httpd_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                    const char *method, const char *version, const char *data,
                                    size_t *size, void **state);
void tb_httpd_on_completed(void *cls, struct MHD_Connection *mhd, void **state,
                           enum MHD_RequestTerminationCode code);

/* Takes the request off the list of those waiting; under httpd->lock. False: it was not on it, its
 * answer is given already. */
bool tb_httpd_take(struct tb_httpd_request *req);
/* Hands response (owned; NULL: out of memory) to a request that was taken, and wakes it. */
void tb_httpd_give(struct tb_httpd_request *req, int status, struct MHD_Response *response,
                   struct tb_httpd_stream *stream);
void tb_httpd_request_unref(struct tb_httpd_request *req);
/* NULL when one of its headers cannot be sent, or out of memory. req: whose answer it is, NULL for
 * one without a body. */
struct MHD_Response *tb_httpd_make_response(const struct tb_httpd_request *req,
                                            const struct tb_httpd_response *res);
/* zipped: tags are those of the compressed form. */
bool tb_httpd_add_headers(struct MHD_Response *response, const struct tb_httpd_response *res,
                          bool zipped);
/* Ends the connection from outside; safe while MHD still knows it. */
void tb_httpd_cut(struct tb_httpd_conn *conn);

#endif
