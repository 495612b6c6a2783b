/* Sends commands on a fixed schedule and times each from when it was due, not from when it was
 * sent: a sender that is held up must not hide what clients would have felt. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/kafka/producer.h"
#include "tests/bench/tool/bench.h"

#define LEAD_US  INT64_C(500000)   /* before the first send */
#define GRACE_US INT64_C(15000000) /* for the last answers */

struct run {
    const struct tb_config *cfg;
    const char *commands;
    struct bench_file file;
    double rate;
    int64_t start_us;
    int64_t *took; /* by number: microseconds, -1 unanswered */
    size_t answered;
    atomic_bool sent_all;
    atomic_size_t late; /* sent more than 1 ms after they were due */
    struct tb_error err;
};

static int64_t due(const struct run *r, size_t i)
{
    return r->start_us + (int64_t)((double)i * 1e6 / r->rate);
}

static void sleep_until(int64_t mono_us)
{
    struct timespec t = {.tv_sec = mono_us / 1000000, .tv_nsec = mono_us % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0) {
    }
}

static void *send_all(void *arg)
{
    static const struct tb_header content = {"content-type",
                                             TB_LIT("application/cloudevents+json")};
    struct run *r = arg;
    const struct tb_producer_options opt = {.client_id = "ticketbus-bench", .timeout_ms = 60000};
    struct tb_producer *p = NULL;
    enum tb_rc rc = tb_producer_new(r->cfg, &opt, &p, &r->err);
    int32_t n;
    rc = rc != TB_OK ? rc : tb_topic_partitions(p, r->commands, &n, &r->err);
    for (size_t i = 0; i < r->file.n && rc == TB_OK; i++) {
        int64_t at = due(r, i);
        int64_t now = tb_clock_mono_us();
        if (at > now) {
            sleep_until(at);
        } else if (now - at > 1000) {
            (void)atomic_fetch_add(&r->late, 1);
        }
        do {
            rc = tb_producer_send(p, r->commands, r->file.lines[i].key, r->file.lines[i].value,
                                  &content, 1, i, &r->err);
            (void)tb_producer_poll(p, rc == TB_ERETRY ? 10 : 0);
        } while (rc == TB_ERETRY);
    }
    if (rc == TB_OK && tb_producer_flush(p, 30000, &r->err) != TB_OK) {
        r->err.rc = TB_EUNAVAILABLE; /* the receiver reports it */
    }
    tb_producer_free(p);
    atomic_store(&r->sent_all, true);
    return NULL;
}

static void take(struct run *r, const struct tb_kafka_message *m)
{
    int64_t now = tb_clock_mono_us();
    tb_str id = bench_field(m->value, "causationid");
    /* The floor's relay sends the command back as it is. */
    int64_t number = bench_number(tb_str_is_null(id) ? bench_field(m->value, "id") : id);
    if (!r->took || number < 0 || (size_t)number >= r->file.n) {
        return;
    }
    /* Of several events of one command, the last. */
    r->answered += r->took[number] < 0;
    r->took[number] = now - due(r, (size_t)number);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double at_quantile(const int64_t *sorted, size_t n, double q)
{
    return n ? (double)sorted[(size_t)((double)(n - 1) * q)] / 1000.0 : -1;
}

static void print(struct run *r, size_t skip)
{
    if (!r->took) {
        return;
    }
    size_t n = 0;
    for (size_t i = skip; i < r->file.n; i++) {
        if (r->took[i] >= 0) {
            r->took[n++] = r->took[i];
        }
    }
    if (n > 1) {
        qsort(r->took, n, sizeof *r->took, by_value);
    }
    (void)printf("{\"rate\":%.1f,\"sent\":%zu,\"answered\":%zu,\"measured\":%zu,\"late\":%zu,"
                 "\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}\n",
                 r->rate, r->file.n, r->answered, n, atomic_load(&r->late),
                 at_quantile(r->took, n, 0.5), at_quantile(r->took, n, 0.9),
                 at_quantile(r->took, n, 0.99), at_quantile(r->took, n, 1.0));
}

static enum tb_rc receive(struct run *r, struct tb_consumer *c, struct tb_error *err)
{
    int64_t give_up = 0;
    while (r->answered < r->file.n) {
        struct tb_kafka_message m;
        enum tb_poll got = tb_consumer_poll(c, 100, &m, err);
        if (got == TB_POLL_FATAL) {
            return TB_EFATAL;
        }
        if (got == TB_POLL_MESSAGE) {
            take(r, &m);
            tb_kafka_message_free(&m);
        }
        if (give_up == 0 && atomic_load(&r->sent_all)) {
            give_up = tb_clock_mono_us() + GRACE_US;
        }
        if (give_up != 0 && tb_clock_mono_us() > give_up) {
            break;
        }
    }
    return TB_OK;
}

enum tb_rc bench_latency(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err)
{
    (void)argc;
    struct run r = {.cfg = cfg, .commands = argv[0], .rate = strtod(argv[3], NULL)};
    struct tb_consumer *c = NULL;
    pthread_t sender = 0;
    int32_t n;
    enum tb_rc rc = bench_read(argv[2], &r.file, err);
    rc = rc != TB_OK ? rc : bench_open(cfg, argv[1], TB_POSITION_END, &c, &n, err);
    if (rc == TB_OK && r.rate <= 0) {
        rc = tb_fail(err, TB_EINVAL, "the rate must be above 0");
    }
    r.took = calloc(r.file.n + 1, sizeof *r.took);
    for (size_t i = 0; r.took && i < r.file.n; i++) {
        r.took[i] = -1;
    }
    r.start_us = tb_clock_mono_us() + LEAD_US;
    if (rc == TB_OK && (!r.took || pthread_create(&sender, NULL, send_all, &r) != 0)) {
        rc = tb_fail(err, TB_ENOMEM, "out of memory");
    }
    if (rc == TB_OK) {
        rc = receive(&r, c, err);
        (void)pthread_join(sender, NULL);
        if (rc == TB_OK && r.err.rc != TB_OK && r.err.rc != TB_ERETRY) {
            *err = r.err;
            rc = r.err.rc;
        }
    }
    if (rc == TB_OK) {
        print(&r, (size_t)strtoull(argv[4], NULL, 10));
    }
    tb_consumer_free(c);
    free(r.took);
    bench_file_free(&r.file);
    return rc;
}
