#include "tests/unit/kafka/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"

struct rig rig;

static rd_kafka_t *plain_client(const char *brokers)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", brokers, text, sizeof text);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(rk);
    return rk;
}

static void load(void)
{
    struct tb_error err;
    /* Heartbeats every two seconds: members learn of a rebalance by them. */
    (void)setenv("TICKETBUS_SESSION_TIMEOUT_MS", "6000", 1);
    assert_tb_ok(tb_config_load('W', &rig.cfg, &err), err);
}

void rig_up_mock(void)
{
    rig.rk = plain_client("127.0.0.1:1");
    rd_kafka_set_log_level(rig.rk, 0);
    rig.mock = rd_kafka_mock_cluster_new(rig.rk, 3);
    assert_non_null(rig.mock);
    (void)setenv("KAFKA_BROKERS", rd_kafka_mock_cluster_bootstraps(rig.mock), 1);
    load();
}

void rig_up_broker(void)
{
    rig.rk = plain_client(getenv("KAFKA_BROKERS"));
    load();
}

void rig_down(void)
{
    tb_config_free(rig.cfg);
    if (rig.mock) {
        rd_kafka_mock_cluster_destroy(rig.mock);
    }
    rd_kafka_destroy(rig.rk);
    rig = (struct rig){0};
}

struct tb_config *rig_config(const char *name, const char *value)
{
    struct tb_error err;
    struct tb_config *cfg = NULL;
    char before[2100] = "";
    const char *old = getenv(name);
    if (old) {
        (void)snprintf(before, sizeof before, "%s", old);
    }
    (void)setenv(name, value, 1);
    enum tb_rc rc = tb_config_load('W', &cfg, &err);
    if (old) {
        (void)setenv(name, before, 1);
    } else {
        (void)unsetenv(name);
    }
    assert_tb_ok(rc, err);
    return cfg;
}

const char *rig_name(const char *what)
{
    static char names[16][100];
    static unsigned used;
    char *name = names[used++ % 16];
    (void)snprintf(name, sizeof names[0], "tb-test-%s-%d-%lld-%u", what, (int)getpid(),
                   (long long)(tb_clock_wall_us() / 1000), used);
    return name;
}

const char *rig_topic(int32_t partitions)
{
    const char *name = rig_name("topic");
    if (rig.mock) {
        assert_int_equal(rd_kafka_mock_topic_create(rig.mock, name, partitions, 1), 0);
        return name;
    }
    struct tb_error err;
    struct tb_admin *admin = NULL;
    assert_tb_ok(tb_admin_new(rig.cfg, "rig", &admin, &err), err);
    struct tb_topic_spec spec = {.name = name, .partitions = partitions, .replication = 1};
    bool created = false;
    assert_tb_ok(tb_admin_ensure(admin, &spec, &created, 10000, &err), err);
    assert_true(created);
    tb_admin_free(admin);
    return name;
}

void rig_delete_records(const char *topic, int32_t partition, int64_t offset)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rig.rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(rig.rk, &request, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 10000);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), 0);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
}

void rig_fill(const char *topic, int64_t first, int64_t n, int keys)
{
    struct tb_error err;
    struct tb_producer *p = NULL;
    struct tb_producer_options opt = {.client_id = "rig-fill", .timeout_ms = 20000};
    assert_tb_ok(tb_producer_new(rig.cfg, &opt, &p, &err), err);
    for (int64_t i = first; i < first + n; i++) {
        char key[24];
        char value[24];
        (void)snprintf(key, sizeof key, "k%lld", (long long)(i % keys));
        (void)snprintf(value, sizeof value, "%lld", (long long)i);
        assert_tb_ok(tb_producer_send(p, topic, tb_str_of(key), tb_str_of(value), NULL, 0, 0, &err),
                     err);
    }
    assert_tb_ok(tb_producer_flush(p, 20000, &err), err);
    tb_producer_free(p);
}
