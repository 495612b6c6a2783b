/* The adapters against a real broker, the one at KAFKA_BROKERS. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/kafka/cases.h"
#include "tests/unit/kafka/rig.h"

static void deleted_records_are_gone(void **state)
{
    (void)state;
    const char *topic = rig_topic(1);
    rig_fill(topic, 0, 100, 1);
    rig_delete_records(topic, 0, 60);
    struct tb_error err;
    struct tb_consumer *c = NULL;
    struct tb_consumer_options opt = {.topic = topic, .client_id = "gone"};
    assert_tb_ok(tb_consumer_new(rig.cfg, &opt, &c, &err), err);
    struct tb_position p = {0, 30};
    assert_tb_ok(tb_consumer_start(c, &p, 1, &err), err);
    struct tb_kafka_message m;
    assert_int_equal(wait_for(c, &m, 10000), TB_POLL_OFFSET_GONE);
    assert_int_equal(m.partition, 0);
    int64_t low = 0;
    int64_t high = 0;
    assert_tb_ok(tb_consumer_watermarks(c, 0, &low, &high, 10000, &err), err);
    assert_int_equal(low, 60);
    assert_int_equal(high, 100);
    p.offset = low;
    assert_tb_ok(tb_consumer_start(c, &p, 1, &err), err);
    assert_int_equal(wait_for(c, &m, 10000), TB_POLL_MESSAGE);
    assert_int_equal(m.offset, 60);
    tb_kafka_message_free(&m);
    tb_consumer_free(c);
    assert_int_equal(tb_consumer_read_at(rig.cfg, topic, 0, 59, 10000, &m, &err), TB_ENOTFOUND);
    assert_tb_ok(tb_consumer_read_at(rig.cfg, topic, 0, 60, 10000, &m, &err), err);
    tb_kafka_message_free(&m);
}

static void topics_are_made_once_and_not_grown(void **state)
{
    (void)state;
    struct tb_error err;
    struct tb_admin *a = NULL;
    assert_tb_ok(tb_admin_new(rig.cfg, "admin", &a, &err), err);
    size_t brokers = 0;
    assert_tb_ok(tb_admin_brokers(a, &brokers, 10000, &err), err);
    assert_true(brokers >= 1);
    struct tb_topic_setting settings[] = {{"retention.ms", "86400000"},
                                          {"cleanup.policy", "delete"}};
    struct tb_topic_spec spec = {.name = rig_name("made"),
                                 .partitions = 3,
                                 .replication = 1,
                                 .settings = settings,
                                 .nsettings = 2};
    bool created = false;
    assert_tb_ok(tb_admin_ensure(a, &spec, &created, 10000, &err), err);
    assert_true(created);
    assert_tb_ok(tb_admin_ensure(a, &spec, &created, 10000, &err), err);
    assert_false(created);
    spec.partitions = 6;
    assert_int_equal(tb_admin_ensure(a, &spec, &created, 10000, &err), TB_ECONFLICT);
    assert_non_null(strstr(err.text, "has 3 partitions, 6 asked for"));
    assert_non_null(strstr(err.text, "docs/runbook.md"));

    struct tb_arena *arena = tb_arena_new(0);
    struct tb_topic_info info;
    assert_tb_ok(tb_admin_describe(a, spec.name, arena, &info, 10000, &err), err);
    assert_int_equal(info.partitions, 3);
    assert_int_equal(info.replication, 1);
    assert_int_equal(info.under_replicated, 0);
    assert_int_equal(info.leaderless, 0);
    assert_true(tb_str_eq_c(tb_topic_value(&info, "retention.ms"), "86400000"));
    assert_true(tb_str_eq_c(tb_topic_value(&info, "cleanup.policy"), "delete"));
    assert_false(tb_str_is_null(tb_topic_value(&info, "max.message.bytes")));
    assert_true(tb_str_is_null(tb_topic_value(&info, "no.such.setting")));
    assert_int_equal(tb_admin_describe(a, rig_name("absent"), arena, &info, 10000, &err),
                     TB_ENOTFOUND);

    settings[0].value = "not a number";
    spec.name = rig_name("bad");
    assert_int_equal(tb_admin_ensure(a, &spec, &created, 10000, &err), TB_EINVAL);
    assert_non_null(strstr(err.text, "retention.ms"));
    tb_arena_free(arena);
    tb_admin_free(a);
}

static void lag_of_a_group(void **state)
{
    (void)state;
    const char *topic = rig_topic(2);
    const char *group = rig_name("group");
    rig_fill(topic, 0, 100, 30);
    struct tb_error err;
    struct tb_admin *a = NULL;
    assert_tb_ok(tb_admin_new(rig.cfg, "admin", &a, &err), err);
    struct tb_arena *arena = tb_arena_new(0);
    struct tb_group_info info;
    assert_tb_ok(tb_admin_group(a, group, topic, arena, &info, 10000, &err), err);
    assert_int_equal(info.members, 0);
    assert_int_equal(info.lag, 100);
    assert_int_equal(info.nlags, 2);
    assert_int_equal(info.lags[0].committed, -1);

    struct tb_consumer *c = NULL;
    struct tb_consumer_options opt = {.topic = topic, .group = group, .client_id = "lag"};
    assert_tb_ok(tb_consumer_new(rig.cfg, &opt, &c, &err), err);
    struct tb_kafka_message m;
    assert_int_equal(wait_for(c, &m, 20000), TB_POLL_ASSIGNED);
    struct tb_position p = {1, 5};
    assert_tb_ok(tb_consumer_commit(c, &p, 1, &err), err);
    for (int i = 0; i < 100 && info.lag != 95; i++) {
        (void)wait_for(c, &m, 50);
        assert_tb_ok(tb_admin_group(a, group, topic, arena, &info, 10000, &err), err);
    }
    assert_int_equal(info.lag, 95);
    assert_int_equal(info.lags[1].committed, 5);
    assert_int_equal(info.lags[0].high + info.lags[1].high, 100);
    assert_int_equal(info.members, 1);
    assert_true(tb_str_eq_c(info.state, "Stable"));
    tb_consumer_free(c);
    tb_arena_free(arena);
    tb_admin_free(a);
}

int main(void)
{
    if (!getenv("KAFKA_BROKERS")) {
        return 77;
    }
    rig_up_broker();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_round_trip),
        cmocka_unit_test(case_size_limit),
        cmocka_unit_test(case_topic_partitions),
        cmocka_unit_test(case_unknown_topic),
        cmocka_unit_test(case_rewind),
        cmocka_unit_test(case_pause),
        cmocka_unit_test(case_pause_one),
        cmocka_unit_test(case_start_while_paused),
        cmocka_unit_test(case_two_members),
        cmocka_unit_test(case_rebalance_while_paused),
        cmocka_unit_test(case_position_beyond_end),
        cmocka_unit_test(case_positions),
        cmocka_unit_test(case_read_at),
        cmocka_unit_test(deleted_records_are_gone),
        cmocka_unit_test(topics_are_made_once_and_not_grown),
        cmocka_unit_test(lag_of_a_group),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_down();
    return failed;
}
