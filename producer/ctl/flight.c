#include "producer/ctl/flight.h"

#include "producer/ctl/backend.h"

enum tb_rc ctl_flight_new(struct ctl *ctl, bool wait, ctl_answer_fn *fn, void *arg,
                          struct ctl_flight **ret, struct tb_error *err)
{
    return ctl->backend->flight->make(ctl, wait, fn, arg, ret, err);
}

void ctl_flight_free(struct ctl_flight *f)
{
    if (f) {
        f->kind->free(f);
    }
}

enum tb_rc ctl_flight_send(struct ctl_flight *f, struct ticketbus_command *cmd, uint64_t tag,
                           struct tb_error *err)
{
    return f->kind->send(f, cmd, tag, err);
}

void ctl_flight_wait(struct ctl_flight *f, struct ctl_progress *progress)
{
    f->kind->wait(f, progress);
}

struct ctl_flight_counts ctl_flight_counts(struct ctl_flight *f)
{
    return f->kind->counts(f);
}

void ctl_flight_count(struct ctl_flight_counts *c, const struct ticketbus_outcome *o)
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
