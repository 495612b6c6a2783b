/* Many commands through a gateway: as many as fit into one POST /tickets/bulk, which keeps their
 * order, and those without an outcome in time once more alone. */
#include <stdlib.h>

#include "gateway/core/operations.h"
#include "producer/ctl/served.h"

enum { AT_ONCE = 200 };
#define BODY_MAX ((size_t)1 << 20) /* half of what a gateway takes unless told otherwise */

struct served_flight {
    struct ctl_flight base;
    struct ctl *ctl;
    bool wait;
    int timeout_ms;
    ctl_answer_fn *fn;
    void *arg;
    struct ctl_flight_counts counts;
    tb_buf body; /* of the next request, open */
    struct tb_json w;
    size_t n;
    struct ctl_order orders[AT_ONCE];
    uint64_t tags[AT_ONCE];
};

static void begin(struct served_flight *f)
{
    tb_buf_clear(&f->body);
    f->w = (struct tb_json){.buf = &f->body};
    f->n = 0;
    tb_json_open(&f->w, '{');
    tb_json_key(&f->w, "commands");
    tb_json_open(&f->w, '[');
}

static enum tb_rc make(struct ctl *ctl, bool wait, ctl_answer_fn *fn, void *arg,
                       struct ctl_flight **ret, struct tb_error *err)
{
    struct served_flight *f = calloc(1, sizeof *f);
    if (!f) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    f->base.kind = &ctl_served_flight;
    f->ctl = ctl;
    f->wait = wait;
    f->fn = fn;
    f->arg = arg;
    tb_buf_init(&f->body, CTL_OUT_MAX);
    begin(f);
    *ret = &f->base;
    return ctl_wait_ms(ctl, &f->timeout_ms, err);
}

static void free_flight(struct ctl_flight *base)
{
    struct served_flight *f = (struct served_flight *)base;
    tb_buf_dispose(&f->body);
    free(f);
}

static void answer(struct served_flight *f, size_t i, const struct ticketbus_outcome *outcome,
                   const struct tb_error *err)
{
    f->counts.done++;
    if (outcome && !f->wait && outcome->state != TICKETBUS_REJECTED) {
        return; /* the gateway has it, and nobody asked for more */
    }
    ctl_flight_count(&f->counts, outcome);
    f->fn(f->tags[i], outcome, err, f->arg);
}

/* One result of the list: {"status": …, "result" or "problem": …}. */
static void take(struct served_flight *f, size_t i, const struct tb_tree *result)
{
    struct ticketbus_outcome outcome = {0};
    struct tb_error err = {0};
    const struct tb_tree *status = tb_tree_get(result, "status");
    const struct tb_tree *body = tb_tree_get(result, "result");
    const struct ctl_told told = {.status = status ? (int)status->integer : 500,
                                  .root = body ? body : tb_tree_get(result, "problem")};
    enum tb_rc rc = ctl_order_told(f->ctl, &told, &outcome, &err);
    bool open = outcome.state == TICKETBUS_PENDING || outcome.state == TICKETBUS_PARKED;
    if (rc == TB_EUNAVAILABLE || (rc == TB_OK && open && f->wait)) {
        err = (struct tb_error){0};
        rc = ctl_order_send(f->ctl, &f->orders[i], f->timeout_ms, true, &outcome, &err);
    }
    if (rc == TB_EINVAL || rc == TB_ELIMIT || rc == TB_ENOTFOUND) { /* refused by the gateway */
        outcome = (struct ticketbus_outcome){.state = TICKETBUS_REJECTED,
                                             .command_id = f->orders[i].id,
                                             .code = err.code,
                                             .field = err.field,
                                             .message = err.text};
        rc = TB_OK;
    }
    answer(f, i, rc == TB_OK ? &outcome : NULL, &err);
}

static void flush(struct served_flight *f)
{
    struct ctl_url url;
    struct ctl_told told = {0};
    struct tb_error err = {0};
    if (f->n == 0) {
        return;
    }
    tb_json_close(&f->w, ']');
    tb_json_close(&f->w, '}');
    ctl_url_init(&url, "/tickets/bulk");
    const struct ctl_asking asking = {.method = "POST",
                                      .url = &url,
                                      .body = tb_buf_str(&f->body),
                                      .prefer = f->wait ? NULL : "respond-async"};
    enum tb_rc rc = f->body.failed ? tb_fail(&err, TB_ENOMEM, "out of memory")
                                   : ctl_server_ask(f->ctl, &asking, &told, &err);
    const struct tb_tree *results = tb_tree_get(told.root, "results");
    const struct tb_tree *result = results ? results->first : NULL;
    size_t n = f->n;
    for (size_t i = 0; i < n; i++) {
        if (rc == TB_OK && result) {
            take(f, i, result);
            result = result->next;
        } else {
            answer(f, i, NULL, &err);
        }
    }
    ctl_url_dispose(&url);
    begin(f);
}

static enum tb_rc send(struct ctl_flight *base, struct ticketbus_command *cmd, uint64_t tag,
                       struct tb_error *err)
{
    struct served_flight *f = (struct served_flight *)base;
    struct ctl_order *order = &f->orders[f->n];
    enum tb_rc rc = ctl_order_read(f->ctl, cmd, order, err);
    ticketbus_command_free(cmd);
    if (rc != TB_OK) {
        return rc;
    }
    f->tags[f->n++] = tag;
    f->counts.sent++;
    tb_json_open(&f->w, '{');
    tb_json_key(&f->w, "operation");
    tb_json_string(&f->w, tb_str_of(order->op->name));
    tb_json_key(&f->w, "idempotency_key");
    tb_json_string(&f->w, tb_str_of(order->id));
    if (order->version.len) {
        tb_json_key(&f->w, "expected_version");
        tb_json_raw(&f->w, order->version);
    }
    ctl_order_members(order, false, &f->w);
    tb_json_close(&f->w, '}');
    if (f->n == AT_ONCE || f->body.len >= BODY_MAX) {
        flush(f);
    }
    return TB_OK;
}

static void wait_all(struct ctl_flight *base, struct ctl_progress *progress)
{
    struct served_flight *f = (struct served_flight *)base;
    flush(f);
    if (progress) {
        ctl_progress_at(progress, f->counts.done);
    }
}

static struct ctl_flight_counts counts(struct ctl_flight *base)
{
    return ((struct served_flight *)base)->counts;
}

const struct ctl_flight_kind ctl_served_flight = {
    .make = make, .free = free_flight, .send = send, .wait = wait_all, .counts = counts};
