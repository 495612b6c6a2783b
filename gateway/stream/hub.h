/* Events from Kafka to any number of readers (server-sent events): one reader of the topic's tail
 * per process, however many readers there are. docs/http.md tells what a reader gets.
 *
 * Readers with the same filter share a channel: their events are chosen, and their bytes made,
 * once. A reader that comes back with the id of its last event is served from memory while that
 * reaches back far enough, else from Kafka by one of a few threads, and joins the tail at the exact
 * place. Nobody waits for a slow reader: it is dropped once TICKETBUS_SSE_BUFFER_BYTES are pending,
 * and resumes from its id. */
#ifndef TB_STREAM_HUB_H
#define TB_STREAM_HUB_H

#include <stdatomic.h>

#include "common/base/err.h"
#include "common/config/config.h"
#include "common/httpd/httpd.h"
#include "gateway/stream/note.h"

struct tb_hub;

/* Answers a request that cannot become a stream; field may be NULL. */
typedef void tb_hub_refuse_fn(struct tb_httpd_request *req, int status, const char *code,
                              const char *field, const char *sentence);

/* Starts its threads; Kafka may be away, readers are refused (503) until it is there. */
enum tb_rc tb_hub_start(const struct tb_config *cfg, tb_hub_refuse_fn *refuse, struct tb_hub **ret,
                        struct tb_error *err) TB_MUST_USE;
/* After tb_httpd_stop (which ends the streams), before tb_httpd_free. */
void tb_hub_free(struct tb_hub *hub);

/* Answers req with a stream of what the filter chooses (copied), after last_id if there is one
 * (null or empty: from now on). Waits for nothing; from any thread. */
void tb_hub_serve(struct tb_hub *hub, struct tb_httpd_request *req, const struct tb_filter *filter,
                  tb_str last_id);

struct tb_hub_stats {
    _Atomic uint64_t readers;  /* at the tail now */
    _Atomic uint64_t channels; /* different filters now */
    _Atomic uint64_t catching_up;
    _Atomic uint64_t events;    /* passed on, since the start as the next ones */
    _Atomic uint64_t repeats;   /* not passed on: seen already, or overtaken and coming again */
    _Atomic uint64_t malformed; /* records that are no events */
    _Atomic uint64_t slow;      /* readers dropped */
    _Atomic uint64_t resumed_memory;
    _Atomic uint64_t resumed_kafka;
    _Atomic uint64_t gone; /* asked for what the log no longer holds */
};
const struct tb_hub_stats *tb_hub_stats(const struct tb_hub *hub);

#endif
