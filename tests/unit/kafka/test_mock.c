/* The adapters against librdkafka's mock cluster, with faults only a mock can inject. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/kafka/cases.h"
#include "tests/unit/kafka/rig.h"

enum { API_PRODUCE = 0, API_LIST_OFFSETS = 2, API_HEARTBEAT = 12 };

/* Positive hashes of Java's client for these keys (its UtilsTest, murmur2), bits 0-30. */
static void partitions_as_java_has_them(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int32_t hash;
    } known[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < TB_COUNT(known); i++) {
        for (int32_t n = 1; n < 50; n += 7) {
            assert_int_equal(tb_partition_of(tb_str_of(known[i].key), n),
                             (known[i].hash & 0x7fffffff) % n);
        }
    }
    assert_int_equal(tb_partition_of(TB_STR_NULL, 8), -1);
    assert_int_equal(tb_partition_of(TB_LIT("k"), 0), -1);
}

struct tally {
    int ok;
    int data;
    int unavailable;
    int other;
    uint64_t last_ok;
};

static void count(const struct tb_delivery *d, void *arg)
{
    struct tally *t = arg;
    t->ok += d->rc == TB_OK;
    t->data += d->rc == TB_EDATA;
    t->unavailable += d->rc == TB_EUNAVAILABLE;
    t->other += d->rc != TB_OK && d->rc != TB_EDATA && d->rc != TB_EUNAVAILABLE;
    if (d->rc == TB_OK) {
        assert_true(d->tag > t->last_ok);
        t->last_ok = d->tag;
    }
}

static struct tb_producer *counting(const struct tb_config *cfg, int64_t timeout_ms,
                                    struct tally *t)
{
    struct tb_error err;
    struct tb_producer *p = NULL;
    struct tb_producer_options opt = {
        .client_id = "counting", .timeout_ms = timeout_ms, .on_delivery = count, .arg = t};
    assert_tb_ok(tb_producer_new(cfg, &opt, &p, &err), err);
    return p;
}

static void transient_produce_errors_are_retried(void **state)
{
    (void)state;
    const char *topic = rig_topic(1);
    struct tally t = {0};
    struct tb_error err;
    struct tb_producer *p = counting(rig.cfg, 0, &t);
    rd_kafka_mock_push_request_errors(
        rig.mock, API_PRODUCE, 4, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR__TRANSPORT);
    for (uint64_t i = 1; i <= 200; i++) {
        assert_tb_ok(tb_producer_send(p, topic, TB_LIT("k"), TB_LIT("v"), NULL, 0, i, &err), err);
    }
    assert_tb_ok(tb_producer_flush(p, 20000, &err), err);
    assert_int_equal(t.ok, 200);
    assert_null(tb_producer_fatal(p));
    assert_null(tb_producer_trouble(p));
    tb_producer_free(p);
    rd_kafka_mock_clear_request_errors(rig.mock, API_PRODUCE);
}

/* A topic just made, or a broker gone, elects leaders for a moment. */
static void watermarks_wait_for_a_leader(void **state)
{
    (void)state;
    const char *topic = rig_topic(1);
    rig_fill(topic, 0, 10, 1);
    struct tb_error err;
    struct tb_consumer *c = NULL;
    struct tb_consumer_options opt = {.topic = topic, .client_id = "leaderless"};
    assert_tb_ok(tb_consumer_new(rig.cfg, &opt, &c, &err), err);
    rd_kafka_mock_push_request_errors(rig.mock, API_LIST_OFFSETS, 2,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    int64_t low = -1;
    int64_t high = -1;
    assert_tb_ok(tb_consumer_watermarks(c, 0, &low, &high, 10000, &err), err);
    assert_int_equal(low, 0);
    assert_int_equal(high, 10);
    rd_kafka_mock_clear_request_errors(rig.mock, API_LIST_OFFSETS);
    tb_consumer_free(c);
}

static void too_large_for_the_broker_is_data(void **state)
{
    (void)state;
    const char *topic = rig_topic(1);
    struct tally t = {0};
    struct tb_error err;
    struct tb_producer *p = counting(rig.cfg, 10000, &t);
    rd_kafka_mock_push_request_errors(rig.mock, API_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    assert_tb_ok(tb_producer_send(p, topic, TB_LIT("k"), TB_LIT("v"), NULL, 0, 1, &err), err);
    assert_tb_ok(tb_producer_flush(p, 10000, &err), err);
    assert_int_equal(t.data, 1);
    assert_tb_ok(tb_producer_send(p, topic, TB_LIT("k"), TB_LIT("v"), NULL, 0, 2, &err), err);
    assert_tb_ok(tb_producer_flush(p, 10000, &err), err);
    assert_int_equal(t.ok, 1);
    tb_producer_free(p);
}

static void a_full_queue_asks_to_poll(void **state)
{
    (void)state;
    struct tally t = {0};
    struct tb_error err;
    struct tb_config *cfg = rig_config("KAFKA_BROKERS", "127.0.0.1:1");
    struct tb_producer *p = counting(cfg, 0, &t);
    enum tb_rc rc = TB_OK;
    uint64_t n = 0;
    while (rc == TB_OK && n < 200000) {
        rc = tb_producer_send(p, "t", TB_LIT("k"), TB_LIT("v"), NULL, 0, ++n, &err);
    }
    assert_int_equal(rc, TB_ERETRY);
    assert_true(tb_producer_pending(p) >= n - 1);
    assert_int_equal(t.ok, 0);
    tb_producer_free(p); /* does not wait for them */
    tb_config_free(cfg);
}

static void nobody_there(void **state)
{
    (void)state;
    struct tally t = {0};
    struct tb_error err;
    struct tb_config *cfg = rig_config("KAFKA_BROKERS", "127.0.0.1:1");
    struct tb_producer *p = counting(cfg, 1000, &t);
    assert_tb_ok(tb_producer_send(p, "t", TB_LIT("k"), TB_LIT("v"), NULL, 0, 1, &err), err);
    assert_int_equal(tb_producer_flush(p, 300, &err), TB_EUNAVAILABLE);
    for (int i = 0; i < 50 && t.unavailable == 0; i++) {
        (void)tb_producer_poll(p, 100);
    }
    assert_int_equal(t.unavailable, 1);
    assert_non_null(tb_producer_trouble(p));
    assert_non_null(strstr(tb_producer_trouble(p), "127.0.0.1:1"));
    tb_producer_free(p);

    struct tb_admin *a = NULL;
    size_t n = 0;
    assert_tb_ok(tb_admin_new(cfg, "admin", &a, &err), err);
    assert_int_equal(tb_admin_brokers(a, &n, 1000, &err), TB_EUNAVAILABLE);
    assert_non_null(strstr(err.text, "refused"));
    tb_admin_free(a);

    struct tb_consumer *c = NULL;
    struct tb_consumer_options opt = {.topic = "t", .client_id = "nobody", .group = "g"};
    assert_tb_ok(tb_consumer_new(cfg, &opt, &c, &err), err);
    struct tb_kafka_message m;
    assert_int_equal(tb_consumer_poll(c, 3000, &m, &err), TB_POLL_ERROR);
    assert_int_equal(err.rc, TB_EUNAVAILABLE);
    tb_consumer_free(c);
    assert_int_equal(tb_consumer_read_at(cfg, "t", 0, 0, 1000, &m, &err), TB_EUNAVAILABLE);
    tb_config_free(cfg);
}

static void settings_are_checked(void **state)
{
    (void)state;
    struct tb_error err = {.text = ""};
    struct tb_config *cfg = rig_config("KAFKA_SECURITY_PROTOCOL", "carrier-pigeon");
    struct tb_producer *p = NULL;
    struct tb_producer_options opt = {.client_id = "x"};
    assert_int_equal(tb_producer_new(cfg, &opt, &p, &err), TB_EINVAL);
    assert_non_null(strstr(err.text, "security.protocol"));
    tb_config_free(cfg);

    cfg = rig_config("KAFKA_SSL_CA", "/nowhere/ca.pem");
    tb_config_free(cfg);
}

/* The group coordinator forgets the member: what it held may be another's already. */
static void a_lost_assignment_is_told(void **state)
{
    (void)state;
    const char *topic = rig_topic(2);
    rig_fill(topic, 0, 100, 10);
    struct tb_error err;
    struct tb_config *cfg = rig_config("TICKETBUS_SESSION_TIMEOUT_MS", "6000");
    struct tb_consumer *c = NULL;
    struct tb_consumer_options opt = {
        .topic = topic, .group = rig_name("group"), .client_id = "lost"};
    assert_tb_ok(tb_consumer_new(cfg, &opt, &c, &err), err);
    struct tb_kafka_message m;
    assert_int_equal(wait_for(c, &m, 20000), TB_POLL_ASSIGNED);
    struct tb_position p[2] = {{0, 0}, {1, 0}};
    assert_tb_ok(tb_consumer_start(c, p, 2, &err), err);
    assert_int_equal(wait_for(c, &m, 10000), TB_POLL_MESSAGE);
    tb_kafka_message_free(&m);
    rd_kafka_mock_push_request_errors(rig.mock, API_HEARTBEAT, 1,
                                      RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
    enum tb_poll what = TB_POLL_NONE;
    for (int i = 0; i < 2000 && what != TB_POLL_REVOKED; i++) {
        err = (struct tb_error){.rc = TB_OK};
        what = tb_consumer_poll(c, 100, &m, &err);
        tb_kafka_message_free(&m);
    }
    assert_int_equal(what, TB_POLL_REVOKED);
    assert_int_equal(err.rc, TB_ECONFLICT);
    assert_int_equal(tb_consumer_start(c, p, 2, &err), TB_ECONFLICT);
    assert_int_equal(wait_for(c, &m, 20000), TB_POLL_ASSIGNED);
    assert_tb_ok(tb_consumer_start(c, p, 2, &err), err);
    assert_int_equal(wait_for(c, &m, 10000), TB_POLL_MESSAGE);
    assert_int_equal(m.offset, 0);
    tb_kafka_message_free(&m);
    tb_consumer_free(c);
    tb_config_free(cfg);
}

int main(void)
{
    rig_up_mock();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_as_java_has_them),
        cmocka_unit_test(case_round_trip),
        cmocka_unit_test(case_size_limit),
        cmocka_unit_test(case_topic_partitions),
        cmocka_unit_test(case_rewind),
        cmocka_unit_test(case_pause),
        cmocka_unit_test(case_pause_one),
        cmocka_unit_test(case_start_while_paused),
        cmocka_unit_test(case_two_members),
        cmocka_unit_test(case_rebalance_while_paused),
        cmocka_unit_test(case_position_beyond_end),
        cmocka_unit_test(case_positions),
        cmocka_unit_test(case_read_at),
        cmocka_unit_test(transient_produce_errors_are_retried),
        cmocka_unit_test(watermarks_wait_for_a_leader),
        cmocka_unit_test(too_large_for_the_broker_is_data),
        cmocka_unit_test(a_full_queue_asks_to_poll),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(a_lost_assignment_is_told),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_down();
    return failed;
}
