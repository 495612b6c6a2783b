#include "producer/ctl/flight.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define IN_FLIGHT_MAX 2000

struct ctl_flight {
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
    struct ctl_flight *flight;
    uint64_t tag;
};

enum tb_rc ctl_flight_new(struct ctl *ctl, bool wait, ctl_answer_fn *fn, void *arg,
                          struct ctl_flight **ret, struct tb_error *err)
{
    struct ctl_flight *f = calloc(1, sizeof *f);
    if (!f) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    f->wait = wait;
    f->fn = fn;
    f->arg = arg;
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_cond_init(&f->answered, NULL);
    enum tb_rc rc = ctl_wait_ms(ctl, &f->timeout_ms, err);
    rc = rc == TB_OK ? ctl_bus_client(ctl, &f->client, err) : rc;
    if (rc != TB_OK) {
        ctl_flight_free(f);
        return rc;
    }
    *ret = f;
    return TB_OK;
}

void ctl_flight_free(struct ctl_flight *f)
{
    if (f) {
        ticketbus_client_free(f->client); /* answers what is still owed */
        (void)pthread_cond_destroy(&f->answered);
        (void)pthread_mutex_destroy(&f->lock);
        free(f);
    }
}

/* ---- answers, on the client's thread ---- */

static void count(struct ctl_flight_counts *c, const struct ticketbus_outcome *o)
{
    if (!o) {
        c->failed++;
        return;
    }
    switch (o->state) {
    case TICKETBUS_APPLIED:
        c->applied++;
        break;
    case TICKETBUS_UNCHANGED:
        c->unchanged++;
        break;
    case TICKETBUS_REJECTED:
        c->rejected++;
        break;
    case TICKETBUS_PARKED:
        c->parked++;
        break;
    case TICKETBUS_PENDING:
        c->pending++;
        break;
    }
}

static void on_outcome(enum ticketbus_rc rc, struct ticketbus_outcome *outcome,
                       const struct ticketbus_error *why, void *arg)
{
    struct trip *trip = arg;
    struct ctl_flight *f = trip->flight;
    struct tb_error err = {0};
    if (rc != TICKETBUS_OK && why) {
        (void)ctl_bus_error(why, &err);
    }
    (void)pthread_mutex_lock(&f->lock);
    count(&f->counts, outcome);
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
    struct ctl_flight *f = trip->flight;
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

static void wait_for_answer(struct ctl_flight *f)
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

enum tb_rc ctl_flight_send(struct ctl_flight *f, struct ticketbus_command *cmd, uint64_t tag,
                           struct tb_error *err)
{
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

void ctl_flight_wait(struct ctl_flight *f, struct ctl_progress *progress)
{
    (void)pthread_mutex_lock(&f->lock);
    while (f->counts.done < f->counts.sent) {
        wait_for_answer(f);
        if (progress) {
            ctl_progress_at(progress, f->counts.done);
        }
    }
    (void)pthread_mutex_unlock(&f->lock);
}

struct ctl_flight_counts ctl_flight_counts(struct ctl_flight *f)
{
    (void)pthread_mutex_lock(&f->lock);
    struct ctl_flight_counts c = f->counts;
    (void)pthread_mutex_unlock(&f->lock);
    return c;
}

void ctl_flight_json(const struct ctl_flight_counts *c, struct tb_json *w)
{
    const struct {
        const char *name;
        size_t n;
    } members[] = {
        {"sent", c->sent},         {"applied", c->applied}, {"unchanged", c->unchanged},
        {"rejected", c->rejected}, {"parked", c->parked},   {"pending", c->pending},
        {"failed", c->failed},
    };
    for (size_t i = 0; i < TB_COUNT(members); i++) {
        tb_json_key(w, members[i].name);
        tb_json_int(w, (int64_t)members[i].n);
    }
}

int ctl_flight_exit(const struct ctl_flight_counts *c)
{
    return c->failed || c->pending ? CTL_UNREACHABLE : c->rejected ? CTL_REJECTED : CTL_DONE;
}
