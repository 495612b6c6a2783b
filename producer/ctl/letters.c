#include "producer/ctl/letters.h"

#include "common/base/clock.h"
#include "producer/ctl/topics.h"

#define SILENCE_US 10000000 /* nothing for this long: give up */

struct reading {
    struct tb_position *positions;
    int64_t *ends;
    size_t n;
    size_t open; /* partitions not read to their end yet */
};

static enum tb_rc plan(struct ctl *ctl, const char *topic, int64_t last, struct reading *rd,
                       struct tb_error *err)
{
    struct tb_admin *admin = NULL;
    struct tb_group_info info = {0};
    enum tb_rc rc = tb_admin_new(ctl->cfg, "ticketctl", &admin, err);
    rc = rc == TB_OK ? tb_admin_group(admin, "ticketctl-counts", topic, ctl->arena, &info,
                                      CTL_KAFKA_MS, err)
                     : rc;
    tb_admin_free(admin);
    rd->positions = TB_NEW_N(ctl->arena, struct tb_position, info.nlags);
    rd->ends = TB_NEW_N(ctl->arena, int64_t, info.nlags);
    if (rc == TB_OK && (!rd->positions || !rd->ends)) {
        rc = tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; rc == TB_OK && i < info.nlags; i++) {
        const struct tb_lag *l = &info.lags[i];
        int64_t from = last > 0 && l->high - last > l->low ? l->high - last : l->low;
        if (l->high > l->low) {
            rd->positions[rd->n] = (struct tb_position){l->partition, from};
            rd->ends[rd->n++] = l->high;
        }
    }
    rd->open = rd->n;
    return rc;
}

static void seen(struct reading *rd, const struct tb_kafka_message *m)
{
    for (size_t i = 0; i < rd->n; i++) {
        if (rd->positions[i].partition == m->partition && m->offset >= rd->ends[i] - 1) {
            rd->open--;
            rd->positions[i].partition = -1;
        }
    }
}

static enum tb_rc read_all(struct tb_consumer *c, struct reading *rd, ctl_letter_fn *fn, void *arg,
                           struct tb_error *err)
{
    int64_t last = tb_clock_mono_us();
    bool more = true;
    while (rd->open && more && tb_clock_mono_us() - last < SILENCE_US) {
        struct tb_kafka_message m;
        switch (tb_consumer_poll(c, 200, &m, err)) {
        case TB_POLL_MESSAGE:
            last = tb_clock_mono_us();
            more = fn(&m, arg);
            seen(rd, &m);
            tb_kafka_message_free(&m);
            break;
        case TB_POLL_OFFSET_GONE:
            seen(rd, &m);
            tb_kafka_message_free(&m);
            break;
        case TB_POLL_FATAL:
            return err->rc == TB_OK ? tb_fail(err, TB_EUNAVAILABLE, "reading failed") : err->rc;
        case TB_POLL_NONE:
        case TB_POLL_ASSIGNED:
        case TB_POLL_REVOKED:
        case TB_POLL_ERROR:
            break;
        }
    }
    return TB_OK;
}

enum tb_rc ctl_letters_read(struct ctl *ctl, const char *topic, int64_t last, ctl_letter_fn *fn,
                            void *arg, struct tb_error *err)
{
    struct reading rd = {0};
    struct tb_consumer *c = NULL;
    struct tb_consumer_options options = {.topic = topic, .client_id = "ticketctl"};
    enum tb_rc rc = plan(ctl, topic, last, &rd, err);
    if (rc != TB_OK || rd.n == 0) {
        return rc;
    }
    rc = tb_consumer_new(ctl->cfg, &options, &c, err);
    rc = rc == TB_OK ? tb_consumer_start(c, rd.positions, rd.n, err) : rc;
    rc = rc == TB_OK ? read_all(c, &rd, fn, arg, err) : rc;
    tb_consumer_free(c);
    return rc;
}
