/* The client's state, and what its files ask of each other.
 *
 * Threads: the pump serves the producer's callbacks; the watcher (started by the first request)
 * reads events. Locks are taken in the order watcher, client; none is held while a user's function
 * runs. */
#ifndef TICKETBUS_CLIENT_H
#define TICKETBUS_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/kafka/producer.h"
#include "producer/lib/internal.h"

struct ticketbus_watcher;
struct ticketbus_waiter;
struct ticketbus_sending;

struct ticketbus_client {
    struct tb_config *cfg;
    const char *source; /* of cfg, as are the next */
    const char *actor;
    const char *actor_type;
    const char *commands;
    const char *events;
    char user[64]; /* the actor when none is set */
    char client_id[80];
    size_t message_max;
    int64_t wait_ms;

    pthread_rwlock_t producer_lock; /* written only to replace a producer that failed */
    struct tb_producer *producer;
    pthread_mutex_t asking;             /* around questions about partitions, which may take long */
    pthread_mutex_t lock;               /* of the next two */
    struct ticketbus_sending *sendings; /* not yet acknowledged */
    char trouble[256];                  /* as of the pump's last round */
    pthread_t pump;
    bool pumping;
    atomic_bool stop;
    struct ticketbus_watcher *watcher;
};

extern const struct tb_header tb_lib_content_type;

/* Partition of a key on a topic of this client. */
enum ticketbus_rc tb_lib_client_partition(struct ticketbus_client *client, const char *topic,
                                          tb_str key, int32_t *ret, int32_t *ret_count,
                                          struct ticketbus_error *err);
/* Why nothing moves, "" when nothing is known. */
void tb_lib_client_trouble(struct ticketbus_client *client, char out[256]);
/* Sends a sealed command. waiter (may be NULL) is told when delivery fails. */
enum ticketbus_rc tb_lib_client_submit(struct ticketbus_client *client,
                                       const struct ticketbus_command *cmd,
                                       ticketbus_delivery_fn *fn, void *arg,
                                       struct ticketbus_waiter *waiter,
                                       struct ticketbus_error *err);

/* ---- watcher (watch.c) ---- */

enum ticketbus_rc tb_lib_watcher_new(struct ticketbus_client *client,
                                     struct ticketbus_watcher **ret, struct ticketbus_error *err);
/* Waiters left are told TICKETBUS_EUNKNOWN. */
void tb_lib_watcher_free(struct ticketbus_watcher *w);

/* Registers interest in the outcome of a sealed command, with the position for it taken. The waiter
 * returned is the caller's to release. */
enum ticketbus_rc tb_lib_watch(struct ticketbus_watcher *w, const struct ticketbus_command *cmd,
                               int64_t timeout_ms, bool past_parked, ticketbus_outcome_fn *fn,
                               void *arg, struct ticketbus_waiter **ret,
                               struct ticketbus_error *err);
/* Nothing was sent: fn is not called. */
void tb_lib_watch_cancel(struct ticketbus_waiter *waiter);
/* Delivery failed: fn is called unless it was before. */
void tb_lib_watch_fail(struct ticketbus_waiter *waiter, enum ticketbus_rc rc, const char *text);
void tb_lib_waiter_release(struct ticketbus_waiter *waiter);

/* ---- outcomes (outcome.c) ---- */

/* Gathers the events of one command. */
struct ticketbus_gathering {
    char *texts; /* malloc'ed block of the next three */
    const char *command_id;
    const char *source;
    const char *subject;
    bool past_parked;
    struct ticketbus_event **events; /* in the order of their index */
    size_t nevents;
    size_t room;
};

bool tb_lib_gathering_init(struct ticketbus_gathering *g, const struct ticketbus_command *cmd,
                           bool past_parked);
void tb_lib_gathering_dispose(struct ticketbus_gathering *g);
bool tb_lib_gathering_wants(const struct ticketbus_gathering *g,
                            const struct ticketbus_event *event);
/* Takes the event. *ret_done: the outcome is known. False: out of memory (the event is freed). */
bool tb_lib_gathering_add(struct ticketbus_gathering *g, struct ticketbus_event *event,
                          bool *ret_done, enum ticketbus_state *ret_state);
/* Moves everything into an outcome; NULL when out of memory. */
struct ticketbus_outcome *tb_lib_gathering_finish(struct ticketbus_gathering *g,
                                                  enum ticketbus_state state);

#endif
