/* Sending with somebody waiting for the answer. */
#include <stdlib.h>

#include "producer/lib/client.h"

/* A caller that waits for one callback. */
struct rendezvous {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool done;
    enum ticketbus_rc rc;
    struct ticketbus_outcome *outcome;
    struct ticketbus_error err;
};

static void open_rendezvous(struct rendezvous *r)
{
    *r = (struct rendezvous){.rc = TICKETBUS_OK};
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->told, NULL);
}

static void tell(struct rendezvous *r)
{
    r->done = true;
    (void)pthread_cond_signal(&r->told);
    (void)pthread_mutex_unlock(&r->lock);
}

static void close_rendezvous(struct rendezvous *r, bool wait)
{
    (void)pthread_mutex_lock(&r->lock);
    while (wait && !r->done) {
        (void)pthread_cond_wait(&r->told, &r->lock);
    }
    (void)pthread_mutex_unlock(&r->lock);
    (void)pthread_mutex_destroy(&r->lock);
    (void)pthread_cond_destroy(&r->told);
}

static void on_delivery(const struct ticketbus_delivery *delivery, void *arg)
{
    struct rendezvous *r = arg;
    (void)pthread_mutex_lock(&r->lock);
    r->rc = delivery->rc;
    if (r->rc != TICKETBUS_OK) {
        (void)tb_lib_fail(&r->err, r->rc, "%s", delivery->text);
    }
    tell(r);
}

static void on_outcome(enum ticketbus_rc rc, struct ticketbus_outcome *outcome,
                       const struct ticketbus_error *err, void *arg)
{
    struct rendezvous *r = arg;
    (void)pthread_mutex_lock(&r->lock);
    r->rc = rc;
    r->outcome = outcome;
    if (err) {
        r->err = *err;
    }
    tell(r);
}

static enum ticketbus_rc answer(const struct rendezvous *r, struct ticketbus_error *err)
{
    if (r->rc != TICKETBUS_OK && err) {
        *err = r->err;
    }
    return r->rc;
}

enum ticketbus_rc ticketbus_send(struct ticketbus_client *client, struct ticketbus_command *cmd,
                                 struct ticketbus_error *err)
{
    struct rendezvous r;
    open_rendezvous(&r);
    enum ticketbus_rc rc = ticketbus_publish(client, cmd, on_delivery, &r, err);
    close_rendezvous(&r, rc == TICKETBUS_OK); /* delivery ends by itself in time */
    return rc == TICKETBUS_OK ? answer(&r, err) : rc;
}

enum ticketbus_rc ticketbus_request_async(struct ticketbus_client *client,
                                          struct ticketbus_command *cmd, int timeout_ms,
                                          bool past_parked, ticketbus_outcome_fn *fn, void *arg,
                                          struct ticketbus_error *err)
{
    if (!fn) {
        return tb_lib_fail(err, TICKETBUS_EINVAL, "a function to tell the outcome to is missing");
    }
    enum ticketbus_rc rc = ticketbus_command_seal(cmd, client, err);
    struct ticketbus_waiter *waiter = NULL;
    int64_t timeout = timeout_ms < 0 ? client->wait_ms : timeout_ms;
    if (rc == TICKETBUS_OK) {
        rc = tb_lib_watch(client->watcher, cmd, timeout, past_parked, fn, arg, &waiter, err);
    }
    if (rc == TICKETBUS_OK) {
        rc = tb_lib_client_submit(client, cmd, NULL, NULL, waiter, err);
        if (rc != TICKETBUS_OK) {
            tb_lib_watch_cancel(waiter);
            tb_lib_waiter_release(waiter);
        }
    }
    return rc;
}

enum ticketbus_rc ticketbus_request(struct ticketbus_client *client, struct ticketbus_command *cmd,
                                    int timeout_ms, bool past_parked,
                                    struct ticketbus_outcome **ret, struct ticketbus_error *err)
{
    *ret = NULL;
    struct rendezvous r;
    open_rendezvous(&r);
    enum ticketbus_rc rc =
        ticketbus_request_async(client, cmd, timeout_ms, past_parked, on_outcome, &r, err);
    close_rendezvous(&r, rc == TICKETBUS_OK);
    if (rc != TICKETBUS_OK) {
        return rc;
    }
    *ret = r.outcome;
    return answer(&r, err);
}
