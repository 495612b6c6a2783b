/* Many commands through libticketbus: outcomes arrive on a thread of the client. */
#include "producer/ctl/flight.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define IN_FLIGHT_MAX 2000

struct bus_flight {
    struct ctl_flight base;
    struct ticketbus_client *client;
    bool wait;
    int timeout_ms;
    ctl_answer_fn *fn;
    void *arg;
    pthread_mutex_t lock; /* counts, and calls of fn */
    pthread_cond_t answered;
    struct ctl_flight_counts counts;
};

struct trip {
    struct bus_flight *flight;
    uint64_t tag;
};

static void free_flight(struct ctl_flight *base)
{
    struct bus_flight *f = (struct bus_flight *)base;
    if (f) {
        ticketbus_client_free(f->client); /* answers what is still owed */
        (void)pthread_cond_destroy(&f->answered);
        (void)pthread_mutex_destroy(&f->lock);
        free(f);
    }
}

static enum tb_rc make(struct ctl *ctl, bool wait, ctl_answer_fn *fn, void *arg,
                       struct ctl_flight **ret, struct tb_error *err)
{
    struct bus_flight *f = calloc(1, sizeof *f);
    if (!f) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    f->base.kind = &ctl_bus_flight;
    f->wait = wait;
    f->fn = fn;
    f->arg = arg;
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_cond_init(&f->answered, NULL);
    enum tb_rc rc = ctl_wait_ms(ctl, &f->timeout_ms, err);
    rc = rc == TB_OK ? ctl_bus_client(ctl, &f->client, err) : rc;
    if (rc != TB_OK) {
        free_flight(&f->base);
        return rc;
    }
    *ret = &f->base;
    return TB_OK;
}

/* ---- answers, on the client's thread ---- */

static void on_outcome(enum ticketbus_rc rc, struct ticketbus_outcome *outcome,
                       const struct ticketbus_error *why, void *arg)
{
    struct trip *trip = arg;
    struct bus_flight *f = trip->flight;
    struct tb_error err = {0};
    if (rc != TICKETBUS_OK && why) {
        (void)ctl_bus_error(why, &err);
    }
    (void)pthread_mutex_lock(&f->lock);
    ctl_flight_count(&f->counts, outcome);
    f->counts.done++;
    f->fn(trip->tag, outcome, &err, f->arg);
    (void)pthread_cond_signal(&f->answered);
    (void)pthread_mutex_unlock(&f->lock);
    ticketbus_outcome_free(outcome);
    free(trip);
}

static void on_delivery(const struct ticketbus_delivery *delivery, void *arg)
{
    struct trip *trip = arg;
    struct bus_flight *f = trip->flight;
    struct tb_error err = {0};
    (void)pthread_mutex_lock(&f->lock);
    f->counts.done++;
    if (delivery->rc != TICKETBUS_OK) {
        f->counts.failed++;
        (void)tb_fail(&err, TB_EUNAVAILABLE, "%s", delivery->text);
        f->fn(trip->tag, NULL, &err, f->arg);
    }
    (void)pthread_cond_signal(&f->answered);
    (void)pthread_mutex_unlock(&f->lock);
    free(trip);
}

/* ---- the sending side ---- */

static void wait_for_answer(struct bus_flight *f)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 100000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    (void)pthread_cond_timedwait(&f->answered, &f->lock, &until);
}

static enum tb_rc send(struct ctl_flight *base, struct ticketbus_command *cmd, uint64_t tag,
                       struct tb_error *err)
{
    struct bus_flight *f = (struct bus_flight *)base;
    struct trip *trip = malloc(sizeof *trip);
    if (!trip) {
        ticketbus_command_free(cmd);
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    *trip = (struct trip){f, tag};
    (void)pthread_mutex_lock(&f->lock);
    while (f->counts.sent - f->counts.done >= IN_FLIGHT_MAX) {
        wait_for_answer(f);
    }
    f->counts.sent++;
    (void)pthread_mutex_unlock(&f->lock);
    struct ticketbus_error why = {0};
    enum ticketbus_rc rc = f->wait ? ticketbus_request_async(f->client, cmd, f->timeout_ms, true,
                                                             on_outcome, trip, &why)
                                   : ticketbus_publish(f->client, cmd, on_delivery, trip, &why);
    ticketbus_command_free(cmd);
    if (rc == TICKETBUS_OK) {
        return TB_OK;
    }
    free(trip);
    (void)pthread_mutex_lock(&f->lock);
    f->counts.sent--;
    (void)pthread_mutex_unlock(&f->lock);
    return ctl_bus_error(&why, err);
}

static void wait_all(struct ctl_flight *base, struct ctl_progress *progress)
{
    struct bus_flight *f = (struct bus_flight *)base;
    (void)pthread_mutex_lock(&f->lock);
    while (f->counts.done < f->counts.sent) {
        wait_for_answer(f);
        if (progress) {
            ctl_progress_at(progress, f->counts.done);
        }
    }
    (void)pthread_mutex_unlock(&f->lock);
}

static struct ctl_flight_counts counts(struct ctl_flight *base)
{
    struct bus_flight *f = (struct bus_flight *)base;
    (void)pthread_mutex_lock(&f->lock);
    struct ctl_flight_counts c = f->counts;
    (void)pthread_mutex_unlock(&f->lock);
    return c;
}

const struct ctl_flight_kind ctl_bus_flight = {
    .make = make, .free = free_flight, .send = send, .wait = wait_all, .counts = counts};
