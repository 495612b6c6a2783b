/* Many commands in flight: sends them in order, keeps a bounded number waiting for their outcomes,
 * counts what became of them. Used by one thread; outcomes arrive on the client's. */
#ifndef TB_CTL_FLIGHT_H
#define TB_CTL_FLIGHT_H

#include "producer/ctl/bus.h"
#include "producer/ctl/progress.h"

struct ctl_flight_kind;

struct ctl_flight {
    const struct ctl_flight_kind *kind;
};

struct ctl_flight_counts {
    size_t sent; /* handed to the client */
    size_t done; /* with an answer, whichever */
    size_t applied;
    size_t unchanged;
    size_t rejected;
    size_t parked;
    size_t pending; /* no outcome in time */
    size_t failed;  /* could not be published */
};

/* Told of every answer, one at a time, on a thread of the client: outcome NULL when the command
 * could not be published, with err; tag as given to ctl_flight_send. */
typedef void ctl_answer_fn(uint64_t tag, const struct ticketbus_outcome *outcome,
                           const struct tb_error *err, void *arg);

/* The two ways to send many: through libticketbus, and through a gateway, many at a time. Their own
 * struct begins with a struct ctl_flight. */
struct ctl_flight_kind {
    enum tb_rc (*make)(struct ctl *ctl, bool wait, ctl_answer_fn *fn, void *arg,
                       struct ctl_flight **ret, struct tb_error *err);
    void (*free)(struct ctl_flight *f);
    enum tb_rc (*send)(struct ctl_flight *f, struct ticketbus_command *cmd, uint64_t tag,
                       struct tb_error *err);
    void (*wait)(struct ctl_flight *f, struct ctl_progress *progress);
    struct ctl_flight_counts (*counts)(struct ctl_flight *f);
};
extern const struct ctl_flight_kind ctl_bus_flight;

/* wait false: answers are the brokers' acknowledgements, counted as applied by nobody. */
enum tb_rc ctl_flight_new(struct ctl *ctl, bool wait, ctl_answer_fn *fn, void *arg,
                          struct ctl_flight **ret, struct tb_error *err) TB_MUST_USE;
/* Drops what is still under way. */
void ctl_flight_free(struct ctl_flight *f);

/* Sends cmd and takes it; blocks while too many are under way. */
enum tb_rc ctl_flight_send(struct ctl_flight *f, struct ticketbus_command *cmd, uint64_t tag,
                           struct tb_error *err) TB_MUST_USE;
/* Waits until everything sent has its answer, drawing progress (may be NULL). */
void ctl_flight_wait(struct ctl_flight *f, struct ctl_progress *progress);
struct ctl_flight_counts ctl_flight_counts(struct ctl_flight *f);
/* The summary's members, into an open object. */
void ctl_flight_json(const struct ctl_flight_counts *c, struct tb_json *w);
/* Counts one answer; outcome NULL: it could not be published. */
void ctl_flight_count(struct ctl_flight_counts *c, const struct ticketbus_outcome *outcome);
/* 3 when something has no answer, 1 when something was rejected, else 0. */
int ctl_flight_exit(const struct ctl_flight_counts *c);

#endif
