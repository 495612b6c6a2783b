#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "tests/unit/kafka/cases.h"
#include "tests/unit/kafka/rig.h"

static struct tb_consumer *new_consumer(const char *topic, const char *group)
{
    struct tb_error err;
    struct tb_consumer *c = NULL;
    struct tb_consumer_options opt = {
        .topic = topic, .group = group, .client_id = rig_name("client")};
    assert_tb_ok(tb_consumer_new(rig.cfg, &opt, &c, &err), err);
    return c;
}

static void start(struct tb_consumer *c, const struct tb_position *positions, size_t n)
{
    struct tb_error err;
    assert_tb_ok(tb_consumer_start(c, positions, n, &err), err);
}

static void start_at(struct tb_consumer *c, int32_t partition, int64_t offset)
{
    struct tb_position position = {partition, offset};
    start(c, &position, 1);
}

int wait_for(struct tb_consumer *c, struct tb_kafka_message *m, int timeout_ms)
{
    int64_t deadline = tb_clock_mono_us() + (int64_t)timeout_ms * 1000;
    for (;;) {
        struct tb_error err = {.text = ""};
        int64_t left = (deadline - tb_clock_mono_us()) / 1000;
        enum tb_poll what = tb_consumer_poll(c, left > 0 ? (int)left : 0, m, &err);
        if ((what != TB_POLL_NONE && what != TB_POLL_ERROR) || left <= 0) {
            return (int)what;
        }
    }
}

/* The next delivery is this very record. */
static void expect_record(struct tb_consumer *c, int32_t partition, int64_t offset)
{
    struct tb_kafka_message m;
    assert_int_equal(wait_for(c, &m, 10000), TB_POLL_MESSAGE);
    assert_int_equal(m.partition, partition);
    assert_int_equal(m.offset, offset);
    tb_kafka_message_free(&m);
}

static void expect_silence(struct tb_consumer *c, int ms)
{
    struct tb_kafka_message m;
    assert_int_equal(wait_for(c, &m, ms), TB_POLL_NONE);
}

/* ---- producing ---- */

struct seen {
    int n;
    uint64_t tags[16];
    enum tb_rc rcs[16];
    int32_t partitions[16];
};

static void note(const struct tb_delivery *d, void *arg)
{
    struct seen *seen = arg;
    assert_true(seen->n < 16);
    seen->tags[seen->n] = d->tag;
    seen->rcs[seen->n] = d->rc;
    seen->partitions[seen->n++] = d->partition;
}

void case_round_trip(void **state)
{
    (void)state;
    const char *topic = rig_topic(3);
    struct tb_error err;
    struct seen seen = {0};
    struct tb_producer *p = NULL;
    struct tb_producer_options opt = {
        .client_id = "round-trip", .timeout_ms = 10000, .on_delivery = note, .arg = &seen};
    assert_tb_ok(tb_producer_new(rig.cfg, &opt, &p, &err), err);
    tb_str key = TB_LIT("ticket-0190b2f0-7c1e-7000-8000-0000000000aa");
    struct tb_header headers[] = {{"content-type", TB_LIT("application/cloudevents+json")},
                                  {"empty", TB_LIT("")},
                                  {"twice", TB_LIT("one")},
                                  {"twice", TB_LIT("two")}};
    for (uint64_t i = 0; i < 5; i++) {
        char value[8];
        (void)snprintf(value, sizeof value, "v%d", (int)i);
        tb_str v = i == 3 ? TB_STR_NULL : tb_str_of(value);
        assert_tb_ok(tb_producer_send(p, topic, key, v, headers, 4, 100 + i, &err), err);
        memset(value, 'x', sizeof value); /* it was copied */
    }
    assert_int_equal(seen.n, 0); /* callbacks come from polling only */
    assert_tb_ok(tb_producer_flush(p, 10000, &err), err);
    assert_int_equal(tb_producer_pending(p), 0);
    assert_null(tb_producer_fatal(p));
    assert_int_equal(seen.n, 5);
    int32_t partition = tb_partition_of(key, 3);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(seen.tags[i], 100 + i);
        assert_int_equal(seen.rcs[i], TB_OK);
        assert_int_equal(seen.partitions[i], partition);
    }
    tb_producer_free(p);

    struct tb_consumer *c = new_consumer(topic, NULL);
    start_at(c, partition, TB_POSITION_BEGINNING);
    for (int i = 0; i < 5; i++) {
        struct tb_kafka_message m;
        assert_int_equal(wait_for(c, &m, 10000), TB_POLL_MESSAGE);
        assert_int_equal(m.offset, i);
        assert_string_equal(m.topic, topic);
        assert_true(tb_str_eq(m.key, key));
        assert_true(m.timestamp_us > tb_clock_wall_us() - INT64_C(60000000));
        if (i == 3) {
            assert_true(tb_str_is_null(m.value));
        } else {
            char value[8];
            (void)snprintf(value, sizeof value, "v%d", i);
            assert_true(tb_str_eq_c(m.value, value));
        }
        assert_true(tb_str_eq_c(tb_kafka_message_header(&m, "content-type"),
                                "application/cloudevents+json"));
        assert_true(tb_str_eq_c(tb_kafka_message_header(&m, "twice"), "one"));
        assert_true(tb_str_is_null(tb_kafka_message_header(&m, "absent")));
        tb_kafka_message_free(&m);
    }
    tb_consumer_free(c);
}

void case_size_limit(void **state)
{
    (void)state;
    const char *topic = rig_topic(1);
    struct tb_error err;
    struct seen seen = {0};
    struct tb_producer *p = NULL;
    struct tb_producer_options opt = {
        .client_id = "size", .timeout_ms = 10000, .on_delivery = note, .arg = &seen};
    assert_tb_ok(tb_producer_new(rig.cfg, &opt, &p, &err), err);
    size_t max = (size_t)tb_config_int(rig.cfg, TB_CFG(MESSAGE_MAX_BYTES));
    char *bytes = malloc(max);
    assert_non_null(bytes);
    /* Not compressible, so that the broker sees the full size. */
    uint64_t x = 88172645463325252U;
    for (size_t i = 0; i < max; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes[i] = (char)(x & 0xff);
    }
    tb_str key = TB_LIT("k");
    size_t rest = tb_kafka_message_size(key, TB_LIT(""), NULL, 0);
    tb_str fits = {bytes, max - rest};
    tb_str larger = {bytes, max - rest + 1};
    assert_int_equal(tb_producer_send(p, topic, key, larger, NULL, 0, 1, &err), TB_ELIMIT);
    assert_non_null(strstr(err.text, "1000001 bytes"));
    assert_int_equal(tb_producer_pending(p), 0);
    assert_tb_ok(tb_producer_send(p, topic, key, fits, NULL, 0, 2, &err), err);
    assert_tb_ok(tb_producer_flush(p, 20000, &err), err);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.rcs[0], TB_OK);
    tb_producer_free(p);
    free(bytes);
}

void case_topic_partitions(void **state)
{
    (void)state;
    const char *topic = rig_topic(5);
    struct tb_error err;
    struct tb_producer *p = NULL;
    struct tb_producer_options opt = {.client_id = "count", .timeout_ms = 10000};
    assert_tb_ok(tb_producer_new(rig.cfg, &opt, &p, &err), err);
    int32_t n = 0;
    assert_tb_ok(tb_topic_partitions(p, topic, &n, &err), err);
    assert_int_equal(n, 5);
    tb_producer_free(p);
}

void case_unknown_topic(void **state)
{
    (void)state;
    struct tb_error err;
    struct tb_producer *p = NULL;
    struct tb_producer_options opt = {.client_id = "unknown", .timeout_ms = 10000};
    assert_tb_ok(tb_producer_new(rig.cfg, &opt, &p, &err), err);
    int32_t n = 0;
    const char *absent = rig_name("absent");
    for (int i = 0; i < 2; i++) { /* asking must not make it */
        assert_int_equal(tb_topic_partitions(p, absent, &n, &err), TB_ENOTFOUND);
        assert_non_null(strstr(err.text, absent));
    }
    tb_producer_free(p);
}

/* ---- consuming ---- */

/* Whatever was prefetched, the first record after a start is the one asked for. */
void case_rewind(void **state)
{
    (void)state;
    enum { RECORDS = 20000 };
    const int rounds = rig.mock ? 40 : 150; /* the mock cluster answers slowly */
    const char *topic = rig_topic(1);
    rig_fill(topic, 0, RECORDS, 1);
    struct tb_consumer *c = new_consumer(topic, NULL);
    unsigned seed = 4711;
    for (int round = 0; round < rounds; round++) {
        int64_t from = rand_r(&seed) % (RECORDS - 400);
        int n = 1 + rand_r(&seed) % 300;
        start_at(c, 0, from);
        for (int64_t offset = from; offset < from + n; offset++) {
            expect_record(c, 0, offset);
        }
        if (round % 3 == 0) { /* let the prefetch fill up */
            struct tb_kafka_message m;
            struct tb_error err;
            (void)nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
            if (tb_consumer_poll(c, 0, &m, &err) == TB_POLL_MESSAGE) {
                assert_int_equal(m.offset, from + n);
                tb_kafka_message_free(&m);
            }
        }
    }
    tb_consumer_free(c);
}

void case_pause(void **state)
{
    (void)state;
    const char *topic = rig_topic(1);
    rig_fill(topic, 0, 3000, 1);
    struct tb_error err;
    struct tb_consumer *c = new_consumer(topic, NULL);
    start_at(c, 0, 0);
    int64_t offset = 0;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 100; i++) {
            expect_record(c, 0, offset++);
        }
        assert_tb_ok(tb_consumer_pause(c, true, &err), err);
        assert_tb_ok(tb_consumer_pause(c, true, &err), err);
        expect_silence(c, 300);
        assert_tb_ok(tb_consumer_pause(c, false, &err), err);
        /* Once more must not step back. */
        assert_tb_ok(tb_consumer_pause(c, false, &err), err);
        assert_tb_ok(tb_consumer_pause_partition(c, 0, false, &err), err);
    }
    while (offset < 3000) {
        expect_record(c, 0, offset++);
    }
    /* What arrives during a pause comes after it. */
    assert_tb_ok(tb_consumer_pause(c, true, &err), err);
    rig_fill(topic, 3000, 10, 1);
    expect_silence(c, 400);
    assert_tb_ok(tb_consumer_pause(c, false, &err), err);
    while (offset < 3010) {
        expect_record(c, 0, offset++);
    }
    tb_consumer_free(c);
}

void case_pause_one(void **state)
{
    (void)state;
    const char *topic = rig_topic(2);
    rig_fill(topic, 0, 2000, 50);
    struct tb_error err;
    struct tb_consumer *c = new_consumer(topic, NULL);
    struct tb_position positions[2] = {{0, 0}, {1, 0}};
    start(c, positions, 2);
    int64_t high[2];
    for (int32_t i = 0; i < 2; i++) {
        int64_t low = -1;
        assert_tb_ok(tb_consumer_watermarks(c, i, &low, &high[i], 10000, &err), err);
        assert_int_equal(low, 0);
        assert_true(high[i] > 0);
    }
    assert_int_equal(high[0] + high[1], 2000);
    assert_tb_ok(tb_consumer_pause_partition(c, 1, true, &err), err);
    for (int64_t offset = 0; offset < high[0]; offset++) {
        expect_record(c, 0, offset);
    }
    expect_silence(c, 300);
    assert_tb_ok(tb_consumer_pause_partition(c, 1, false, &err), err);
    for (int64_t offset = 0; offset < high[1]; offset++) {
        expect_record(c, 1, offset);
    }
    assert_int_equal(tb_consumer_pause_partition(c, 7, true, &err), TB_ENOTFOUND);
    tb_consumer_free(c);
}

void case_start_while_paused(void **state)
{
    (void)state;
    const char *topic = rig_topic(1);
    rig_fill(topic, 0, 500, 1);
    struct tb_error err;
    struct tb_consumer *c = new_consumer(topic, NULL);
    start_at(c, 0, 0);
    expect_record(c, 0, 0);
    assert_tb_ok(tb_consumer_pause(c, true, &err), err);
    start_at(c, 0, 200);
    for (int64_t offset = 200; offset < 500; offset++) {
        expect_record(c, 0, offset);
    }
    tb_consumer_free(c);
}

static void expect_assigned(struct tb_consumer *c, size_t n)
{
    struct tb_kafka_message m;
    assert_int_equal(wait_for(c, &m, 30000), TB_POLL_ASSIGNED);
    size_t found = 0;
    (void)tb_consumer_assignment(c, &found);
    assert_int_equal(found, n);
}

static void start_all(struct tb_consumer *c)
{
    size_t n = 0;
    const int32_t *partitions = tb_consumer_assignment(c, &n);
    struct tb_position positions[16];
    assert_true(n <= 16);
    for (size_t i = 0; i < n; i++) {
        positions[i] = (struct tb_position){partitions[i], 0};
    }
    start(c, positions, n);
}

struct member {
    struct tb_consumer *c;
    size_t want; /* partitions */
    int revoked;
    int assigned;
    int messages;
};

/* Takes part in the group for all, noting what comes, until each has as many partitions as it
 * should and the group has come to rest: one that comes late makes for another round. */
static void attend(struct member *m, size_t n)
{
    int64_t now = tb_clock_mono_us();
    int64_t deadline = now + INT64_C(60000000);
    int64_t changed = now;
    for (;;) {
        bool settled = true;
        for (size_t i = 0; i < n; i++) {
            struct tb_kafka_message message;
            int what = wait_for(m[i].c, &message, 10);
            tb_kafka_message_free(&message);
            m[i].revoked += what == TB_POLL_REVOKED;
            m[i].assigned += what == TB_POLL_ASSIGNED;
            m[i].messages += what == TB_POLL_MESSAGE;
            size_t partitions = 0;
            (void)tb_consumer_assignment(m[i].c, &partitions);
            bool event = what == TB_POLL_REVOKED || what == TB_POLL_ASSIGNED;
            changed = event ? tb_clock_mono_us() : changed;
            settled = settled && m[i].assigned > 0 && partitions == m[i].want;
        }
        now = tb_clock_mono_us();
        if (settled && now - changed > INT64_C(2500000)) { /* longer than between heartbeats */
            return;
        }
        assert_true(now < deadline);
    }
}

void case_two_members(void **state)
{
    (void)state;
    const char *topic = rig_topic(4);
    const char *group = rig_name("group");
    struct tb_error err;
    rig_fill(topic, 0, 400, 40);
    struct tb_consumer *a = new_consumer(topic, group);
    expect_assigned(a, 4);
    /* Nothing moves until started. */
    expect_silence(a, 700);
    start_all(a);
    for (int i = 0; i < 400; i++) {
        struct tb_kafka_message m;
        assert_int_equal(wait_for(a, &m, 10000), TB_POLL_MESSAGE);
        tb_kafka_message_free(&m);
    }
    expect_silence(a, 50);

    struct tb_consumer *b = new_consumer(topic, group);
    struct member members[2] = {{.c = a, .want = 2}, {.c = b, .want = 2}};
    attend(members, 2);
    assert_true(members[0].revoked > 0);
    assert_int_equal(members[0].messages + members[1].messages, 0);
    size_t na = 0;
    size_t nb = 0;
    const int32_t *pa = tb_consumer_assignment(a, &na);
    const int32_t *pb = tb_consumer_assignment(b, &nb);
    assert_int_equal(na, 2);
    assert_int_equal(nb, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_not_equal(pa[i], pb[0]);
        assert_int_not_equal(pa[i], pb[1]);
    }
    expect_silence(a, 300);
    expect_silence(b, 300);
    /* A partition of the other is refused. */
    struct tb_position other = {pb[0], 0};
    assert_int_equal(tb_consumer_start(a, &other, 1, &err), TB_ECONFLICT);
    start_all(a);
    start_all(b);
    int got[2] = {0, 0};
    struct tb_consumer *both[2] = {a, b};
    for (int i = 0; i < 400;) {
        for (int j = 0; j < 2; j++) {
            struct tb_kafka_message m;
            int what = wait_for(both[j], &m, 5);
            assert_true(what == TB_POLL_MESSAGE || what == TB_POLL_NONE);
            got[j] += what == TB_POLL_MESSAGE;
            i += what == TB_POLL_MESSAGE;
            tb_kafka_message_free(&m);
        }
    }
    assert_true(got[0] > 0 && got[1] > 0);
    tb_consumer_free(b);
    members[0] = (struct member){.c = a, .want = 4};
    attend(members, 1);
    assert_true(members[0].revoked > 0);
    start_all(a);
    struct tb_kafka_message m;
    assert_int_equal(wait_for(a, &m, 10000), TB_POLL_MESSAGE);
    tb_kafka_message_free(&m);
    tb_consumer_free(a);
}

/* A pause does not outlive the assignment it was made in. */
void case_rebalance_while_paused(void **state)
{
    (void)state;
    const char *topic = rig_topic(4);
    const char *group = rig_name("group");
    struct tb_error err;
    rig_fill(topic, 0, 400, 40);
    struct tb_consumer *a = new_consumer(topic, group);
    expect_assigned(a, 4);
    start_all(a);
    struct tb_kafka_message m;
    assert_int_equal(wait_for(a, &m, 10000), TB_POLL_MESSAGE);
    tb_kafka_message_free(&m);
    assert_tb_ok(tb_consumer_pause(a, true, &err), err);
    struct tb_consumer *b = new_consumer(topic, group);
    struct member members[2] = {{.c = a, .want = 2}, {.c = b, .want = 2}};
    attend(members, 2);
    assert_tb_ok(tb_consumer_pause(a, false, &err), err);
    start_all(a);
    assert_int_equal(wait_for(a, &m, 10000), TB_POLL_MESSAGE);
    tb_kafka_message_free(&m);
    tb_consumer_free(b);
    tb_consumer_free(a);
}

void case_position_beyond_end(void **state)
{
    (void)state;
    const char *topic = rig_topic(2);
    rig_fill(topic, 0, 40, 20);
    struct tb_consumer *c = new_consumer(topic, NULL);
    struct tb_position positions[2] = {{0, 0}, {1, 1000000}};
    start(c, positions, 2);
    bool gone = false;
    for (;;) {
        struct tb_kafka_message m;
        int what = wait_for(c, &m, gone ? 500 : 10000);
        if (what == TB_POLL_NONE) {
            break;
        }
        if (what == TB_POLL_OFFSET_GONE) {
            assert_int_equal(m.partition, 1);
            assert_string_equal(m.topic, topic);
            gone = true;
        } else {
            /* The other partition goes on. */
            assert_int_equal(what, TB_POLL_MESSAGE);
            assert_int_equal(m.partition, 0);
        }
        tb_kafka_message_free(&m);
    }
    assert_true(gone);
    /* And there is a way on. */
    start_at(c, 1, TB_POSITION_BEGINNING);
    expect_record(c, 1, 0);
    tb_consumer_free(c);
}

void case_positions(void **state)
{
    (void)state;
    const char *topic = rig_topic(1);
    const char *group = rig_name("group");
    rig_fill(topic, 0, 100, 1);
    struct tb_error err;
    struct tb_consumer *c = new_consumer(topic, group);
    expect_assigned(c, 1);
    struct tb_position p = {0, TB_POSITION_COMMITTED};
    assert_tb_ok(tb_consumer_committed(c, &p, 1, 10000, &err), err);
    assert_int_equal(p.offset, TB_POSITION_BEGINNING);
    start_at(c, 0, TB_POSITION_BEGINNING);
    expect_record(c, 0, 0);
    p.offset = 42;
    assert_tb_ok(tb_consumer_commit(c, &p, 1, &err), err);
    for (int i = 0; i < 100; i++) { /* it is asynchronous */
        p.offset = TB_POSITION_COMMITTED;
        assert_tb_ok(tb_consumer_committed(c, &p, 1, 10000, &err), err);
        if (p.offset == 42) {
            break;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    assert_int_equal(p.offset, 42);
    p.offset = 7; /* only those asked for are looked up */
    assert_tb_ok(tb_consumer_committed(c, &p, 1, 10000, &err), err);
    assert_int_equal(p.offset, 7);
    start_at(c, 0, TB_POSITION_COMMITTED);
    expect_record(c, 0, 42);
    start_at(c, 0, TB_POSITION_END);
    expect_silence(c, 500);
    rig_fill(topic, 100, 1, 1);
    expect_record(c, 0, 100);
    int64_t low = -1;
    int64_t high = -1;
    assert_tb_ok(tb_consumer_watermarks(c, 0, &low, &high, 10000, &err), err);
    assert_int_equal(low, 0);
    assert_int_equal(high, 101);
    tb_consumer_free(c);
}

void case_read_at(void **state)
{
    (void)state;
    const char *topic = rig_topic(1);
    rig_fill(topic, 0, 50, 1);
    struct tb_error err;
    struct tb_kafka_message m;
    int64_t offsets[] = {0, 17, 49};
    for (size_t i = 0; i < 3; i++) {
        assert_tb_ok(tb_consumer_read_at(rig.cfg, topic, 0, offsets[i], 10000, &m, &err), err);
        char value[24];
        (void)snprintf(value, sizeof value, "%lld", (long long)offsets[i]);
        assert_int_equal(m.offset, offsets[i]);
        assert_string_equal(m.topic, topic);
        assert_true(tb_str_eq_c(m.value, value));
        tb_kafka_message_free(&m);
    }
    /* The end, and beyond it. */
    assert_int_equal(tb_consumer_read_at(rig.cfg, topic, 0, 50, 10000, &m, &err), TB_ENOTFOUND);
    assert_int_equal(tb_consumer_read_at(rig.cfg, topic, 0, 5000, 10000, &m, &err), TB_ENOTFOUND);
    assert_int_equal(tb_consumer_read_at(rig.cfg, topic, 0, -2, 10000, &m, &err), TB_EINVAL);
}
