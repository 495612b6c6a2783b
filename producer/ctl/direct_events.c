/* Events from Kafka, in order per ticket and without repeats. */
#include <string.h>

#include "common/base/clock.h"
#include "producer/ctl/bus.h"
#include "producer/ctl/direct.h"
#include "producer/ctl/topics.h"

#define POLL_MS       200
#define QUIET_US      1500000  /* without following: nothing for this long is the end */
#define FIRST_WAIT_US 15000000 /* and so long until the first event */

/* Whether the topic holds anything now. */
static enum tb_rc count_events(struct ctl *ctl, int64_t *ret, struct tb_error *err)
{
    struct tb_admin *admin = NULL;
    struct tb_group_info info = {0};
    enum tb_rc rc = tb_admin_new(ctl->cfg, "ticketctl", &admin, err);
    rc = rc == TB_OK ? tb_admin_group(admin, "ticketctl-counts",
                                      tb_config_str(ctl->cfg, TB_CFG(TOPIC_EVENTS)), ctl->arena,
                                      &info, CTL_KAFKA_MS, err)
                     : rc;
    *ret = info.lag;
    tb_admin_free(admin);
    return rc;
}

/* Troubles the consumer can go on from are told and passed. */
static enum tb_rc on_trouble(struct ticketbus_consumer *c, const struct ticketbus_error *why,
                             struct tb_error *err)
{
    struct ticketbus_error ignored;
    if (why->rc == TICKETBUS_ECONFLICT && strcmp(why->code, "gap") == 0) {
        ctl_say("%s; going on without", why->text);
        (void)ticketbus_consumer_skip_gap(c, why->field, &ignored);
        return TB_OK;
    }
    if (why->rc == TICKETBUS_EUNAVAILABLE || why->rc == TICKETBUS_ERETRY ||
        why->rc == TICKETBUS_EDATA) {
        ctl_say("%s", why->text);
        return TB_OK;
    }
    return ctl_bus_error(why, err);
}

static enum tb_rc read_events(struct ticketbus_consumer *c, bool follow, ctl_event_fn *fn,
                              void *arg, struct tb_error *err)
{
    int64_t last = tb_clock_mono_us();
    bool any = false;
    for (;;) {
        struct ticketbus_error why = {0};
        const struct ticketbus_event *e = NULL;
        enum ticketbus_rc rc = ticketbus_consumer_next(c, POLL_MS, &e, &why);
        int64_t now = tb_clock_mono_us();
        if (rc != TICKETBUS_OK) {
            enum tb_rc failed = on_trouble(c, &why, err);
            if (failed != TB_OK) {
                return failed;
            }
            bool away = rc == TICKETBUS_EUNAVAILABLE || rc == TICKETBUS_ERETRY;
            if (away && !follow && now - last > FIRST_WAIT_US) {
                return ctl_bus_error(&why, err);
            }
        }
        if (!fn(e, arg) || (!e && !follow && now - last > (any ? QUIET_US : FIRST_WAIT_US))) {
            return TB_OK;
        }
        last = e ? now : last;
        any = any || e;
    }
}

enum tb_rc ctl_direct_events(struct ctl *ctl, const struct ctl_event_query *query, ctl_event_fn *fn,
                             void *arg, struct tb_error *err)
{
    int64_t count = 1;
    enum tb_rc rc = count_events(ctl, &count, err);
    if (rc != TB_OK || (!query->follow && count == 0)) {
        return rc;
    }
    struct ticketbus_error why = {0};
    struct ticketbus_consumer *c = NULL;
    struct ticketbus_consumer_options options = {
        .size = sizeof options,
        .client_id = "ticketctl",
        .start = query->from_start ? TICKETBUS_FROM_BEGINNING : TICKETBUS_FROM_END,
        .gap_timeout_ms = 2000};
    if (ticketbus_consumer_new(&options, &c, &why) != TICKETBUS_OK) {
        return ctl_bus_error(&why, err);
    }
    rc = read_events(c, query->follow, fn, arg, err);
    ticketbus_consumer_free(c);
    return rc;
}
