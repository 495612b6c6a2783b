/* What the hub's files share. */
#ifndef TB_STREAM_INTERNAL_H
#define TB_STREAM_INTERNAL_H

#include <pthread.h>

#include "common/base/buf.h"
#include "common/kafka/consumer.h"
#include "gateway/stream/cursor.h"
#include "gateway/stream/gate.h"
#include "gateway/stream/hub.h"
#include "gateway/stream/ring.h"

enum {
    TB_HUB_LOOK_BACK = 2000,       /* records of a partition read before a place, for the gate */
    TB_HUB_QUEUE_MAX = 1000,       /* readers waiting to be caught up */
    TB_HUB_PIECE_BYTES = 64 * 1024 /* pushed at a time while catching up */
};
#define TB_HUB_GAP_US    ((int64_t)30 * 1000 * 1000)
#define TB_HUB_FRAME_MAX ((size_t)256 << 20)

/* A stream, owned by the hub (or a catch-up) and by the server until it says the stream is over. */
struct tb_reader {
    struct tb_httpd_stream *stream;
    struct tb_reader *next; /* of its channel */
    int64_t until_us;       /* its time is up: the token is looked at again when it comes back */
    atomic_int refs;
    atomic_bool over;
};
void tb_reader_unref(struct tb_reader *reader);

/* Readers that want the same. */
struct tb_channel {
    struct tb_channel *next;
    struct tb_arena *arena;
    tb_str key;
    struct tb_filter filter;
    struct tb_reader *readers;
    tb_buf fresh; /* frames not yet pushed */
};

/* A reader on its way to the tail. */
struct tb_catchup {
    struct tb_catchup *next;
    struct tb_httpd_request *req; /* until answered */
    struct tb_reader *reader;     /* then */
    struct tb_arena *arena;
    struct tb_filter filter;
    struct tb_gate *gate; /* NULL: has not needed Kafka yet */
    int64_t *next_offset; /* cursor */
    size_t npartitions;
    bool checked; /* the log is known to hold the cursor */
    int64_t not_before_us;
    int64_t moved_us; /* when its client last took something */
    size_t pending;   /* then */
};

struct tb_hub {
    const struct tb_config *cfg;
    tb_hub_refuse_fn *refuse;
    pthread_t tail;
    pthread_t *catchers;
    size_t ncatchers;
    atomic_bool stop;
    struct tb_hub_stats stats;
    size_t max_pending;
    int64_t heartbeat_us;
    int64_t life_us;

    pthread_mutex_t lock; /* guards what follows; a stream's lock may be taken under it */
    pthread_cond_t wake;  /* of the catchers */
    bool ready;           /* the tail is at its place */
    size_t npartitions;
    int64_t *pos; /* the tail's next offsets */
    struct tb_ring ring;
    struct tb_channel *channels;
    struct tb_catchup *first, *last;
    size_t nqueued;
};

/* All of these under hub->lock. */

/* Appends what the ring holds for the cursor to out, most max bytes, moving the cursor.
 * *ret_end: nothing is left. False: the ring does not reach back so far. */
bool tb_hub_recall(struct tb_hub *hub, const struct tb_filter *filter, int64_t *next, size_t max,
                   tb_buf *out, bool *ret_end);
/* The reader goes on with the tail, whose place its cursor must have reached. False: no memory. */
bool tb_hub_join(struct tb_hub *hub, struct tb_reader *reader, const struct tb_filter *filter);

/* Begins the stream; body is its beginning. NULL: answered otherwise. */
struct tb_reader *tb_hub_answer(struct tb_hub *hub, struct tb_httpd_request *req, tb_str body);
/* One frame with the reader's own id. */
void tb_hub_frame(const int64_t *next, size_t n, tb_str frame, tb_buf *out);

void *tb_hub_tail(void *arg);  /* thread */
void *tb_hub_catch(void *arg); /* threads */
void tb_catchup_free(struct tb_catchup *c);

#endif
