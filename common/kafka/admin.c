/* Topics: making and describing. */
#include "common/kafka/admin.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/kafka/admin_internal.h"

static void on_error(rd_kafka_t *rk, int e, const char *reason, void *opaque)
{
    (void)rk;
    struct tb_admin *a = opaque;
    if (e != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || !a->trouble[0]) {
        (void)snprintf(a->trouble, sizeof a->trouble, "%s%s", reason,
                       tb_kafka_settings_of((rd_kafka_resp_err_t)e, reason));
    }
}

enum tb_rc tb_admin_new(const struct tb_config *cfg, const char *client_id, struct tb_admin **ret,
                        struct tb_error *err)
{
    *ret = NULL;
    struct tb_admin *a = calloc(1, sizeof *a);
    if (!a) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    struct tb_kconf k;
    tb_kconf_init(&k, cfg, client_id, err);
    tb_kconf_set(&k, "allow.auto.create.topics", "false");
    rd_kafka_conf_set_opaque(k.conf, a);
    rd_kafka_conf_set_error_cb(k.conf, on_error);
    enum tb_rc rc = tb_kconf_make(&k, RD_KAFKA_PRODUCER, &a->rk);
    if (rc != TB_OK) {
        free(a);
        return rc;
    }
    a->queue = rd_kafka_queue_new(a->rk);
    *ret = a;
    return TB_OK;
}

void tb_admin_free(struct tb_admin *a)
{
    if (!a) {
        return;
    }
    rd_kafka_queue_destroy(a->queue);
    rd_kafka_destroy(a->rk);
    free(a);
}

enum tb_rc tb_admin_fail(struct tb_admin *a, rd_kafka_resp_err_t e, const char *attempt,
                         const char *reason, struct tb_error *err)
{
    (void)rd_kafka_poll(a->rk, 0); /* serves on_error */
    enum tb_rc rc = tb_kafka_rc(e);
    bool vague = e == RD_KAFKA_RESP_ERR__TIMED_OUT || e == RD_KAFKA_RESP_ERR__TRANSPORT;
    return tb_kafka_fail(err, e, attempt,
                         rc == TB_EUNAVAILABLE && vague && a->trouble[0] ? a->trouble : reason);
}

rd_kafka_AdminOptions_t *tb_admin_options(struct tb_admin *a, rd_kafka_admin_op_t op,
                                          int timeout_ms)
{
    char text[256];
    rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(a->rk, op);
    (void)rd_kafka_AdminOptions_set_request_timeout(o, timeout_ms, text, sizeof text);
    return o;
}

enum tb_rc tb_admin_wait(struct tb_admin *a, const char *attempt, rd_kafka_event_t **ret,
                         int timeout_ms, struct tb_error *err)
{
    /* librdkafka answers every request, by its own timeout at the latest; the margin is for that
     * answer to arrive. */
    *ret = rd_kafka_queue_poll(a->queue, timeout_ms + 5000);
    if (!*ret) {
        return tb_admin_fail(a, RD_KAFKA_RESP_ERR__TIMED_OUT, attempt, NULL, err);
    }
    rd_kafka_resp_err_t e = rd_kafka_event_error(*ret);
    if (e == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return TB_OK;
    }
    enum tb_rc rc = tb_admin_fail(a, e, attempt, rd_kafka_event_error_string(*ret), err);
    rd_kafka_event_destroy(*ret);
    *ret = NULL;
    return rc;
}

enum tb_rc tb_admin_brokers(struct tb_admin *a, size_t *ret_n, int timeout_ms, struct tb_error *err)
{
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_resp_err_t e = rd_kafka_metadata(a->rk, 0, NULL, &md, timeout_ms);
    if (e != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return tb_admin_fail(a, e, "asking for brokers", NULL, err);
    }
    *ret_n = md->broker_cnt > 0 ? (size_t)md->broker_cnt : 0;
    rd_kafka_metadata_destroy(md);
    return TB_OK;
}

/* Asks about one topic: the answer holds just that one. NULL with *ret_rc and err when there is
 * none. */
static const struct rd_kafka_metadata *topic_metadata(struct tb_admin *a, const char *topic,
                                                      int timeout_ms, enum tb_rc *ret_rc,
                                                      struct tb_error *err)
{
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(a->rk, topic, NULL);
    if (!rkt) {
        *ret_rc = tb_fail(err, TB_EINVAL, "Kafka: %s is not a topic's name", topic);
        return NULL;
    }
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_resp_err_t e = rd_kafka_metadata(a->rk, 0, rkt, &md, timeout_ms);
    rd_kafka_topic_destroy(rkt);
    if (e != RD_KAFKA_RESP_ERR_NO_ERROR || !md) {
        *ret_rc = tb_admin_fail(a, e, topic, NULL, err);
        return NULL;
    }
    e = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    if (e == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE && md->topics[0].partition_cnt > 0) {
        e = RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    if (e != RD_KAFKA_RESP_ERR_NO_ERROR) {
        *ret_rc = tb_kafka_rc(e) == TB_ENOTFOUND
                      ? tb_fail(err, TB_ENOTFOUND, "Kafka: there is no topic %s", topic)
                      : tb_kafka_fail(err, e, topic, NULL);
        rd_kafka_metadata_destroy(md);
        return NULL;
    }
    *ret_rc = TB_OK;
    return md;
}

static enum tb_rc count_partitions(struct tb_admin *a, const char *topic, int32_t *ret,
                                   int timeout_ms, struct tb_error *err)
{
    enum tb_rc rc = TB_OK;
    const struct rd_kafka_metadata *md = topic_metadata(a, topic, timeout_ms, &rc, err);
    if (md) {
        *ret = md->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(md);
    }
    return rc;
}

static enum tb_rc create(struct tb_admin *a, const struct tb_topic_spec *spec, int timeout_ms,
                         struct tb_error *err)
{
    char text[256] = "";
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(spec->name, spec->partitions, spec->replication, text, sizeof text);
    if (!topic) {
        return tb_fail(err, TB_EINVAL, "Kafka: %s: %s", spec->name, text);
    }
    for (size_t i = 0; i < spec->nsettings; i++) {
        (void)rd_kafka_NewTopic_set_config(topic, spec->settings[i].name, spec->settings[i].value);
    }
    rd_kafka_AdminOptions_t *o = tb_admin_options(a, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
    (void)rd_kafka_AdminOptions_set_operation_timeout(o, timeout_ms, text, sizeof text);
    rd_kafka_CreateTopics(a->rk, &topic, 1, o, a->queue);
    rd_kafka_AdminOptions_destroy(o);
    rd_kafka_NewTopic_destroy(topic);

    rd_kafka_event_t *event = NULL;
    enum tb_rc rc = tb_admin_wait(a, "making topics", &event, timeout_ms, err);
    if (rc != TB_OK) {
        return rc;
    }
    size_t n = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
    for (size_t i = 0; i < n && rc == TB_OK; i++) {
        rc = tb_kafka_fail(err, rd_kafka_topic_result_error(results[i]), spec->name,
                           rd_kafka_topic_result_error_string(results[i]));
    }
    rd_kafka_event_destroy(event);
    return rc;
}

static enum tb_rc check_count(const struct tb_topic_spec *spec, int32_t found, struct tb_error *err)
{
    if (found == spec->partitions) {
        return TB_OK;
    }
    (void)tb_fail_field(
        err, TB_ECONFLICT, "TICKETBUS_TOPIC_PARTITIONS",
        "topic %s has %d partitions, %d asked for. The count is not changed here: a ticket's key "
        "would map to another partition while its earlier commands wait on the old one, so two "
        "workers would write it and its order would be lost. docs/runbook.md, \"Growing the number "
        "of partitions\", tells how to drain first",
        spec->name, (int)found, (int)spec->partitions);
    return TB_ECONFLICT;
}

enum tb_rc tb_admin_ensure(struct tb_admin *a, const struct tb_topic_spec *spec, bool *ret_created,
                           int timeout_ms, struct tb_error *err)
{
    *ret_created = false;
    int32_t found = 0;
    enum tb_rc rc = count_partitions(a, spec->name, &found, timeout_ms, err);
    if (rc == TB_OK) {
        return check_count(spec, found, err);
    }
    if (rc != TB_ENOTFOUND) {
        return rc;
    }
    rc = create(a, spec, timeout_ms, err);
    if (rc != TB_OK && rc != TB_ECONFLICT) {
        return rc;
    }
    *ret_created = rc == TB_OK; /* otherwise somebody else was faster */
    /* Other brokers learn of it a little later. */
    int64_t deadline = tb_clock_mono_us() + (int64_t)timeout_ms * 1000;
    for (;;) {
        rc = count_partitions(a, spec->name, &found, timeout_ms, err);
        if (rc != TB_ENOTFOUND || tb_clock_mono_us() >= deadline) {
            break;
        }
        (void)rd_kafka_poll(a->rk, 50);
    }
    return rc == TB_OK ? check_count(spec, found, err) : rc;
}

static void describe_partitions(const struct rd_kafka_metadata_topic *t, struct tb_topic_info *ret)
{
    ret->partitions = t->partition_cnt;
    for (int i = 0; i < t->partition_cnt; i++) {
        const struct rd_kafka_metadata_partition *p = &t->partitions[i];
        if (i == 0 || p->replica_cnt < ret->replication) {
            ret->replication = p->replica_cnt;
        }
        ret->under_replicated += p->isr_cnt < p->replica_cnt;
        ret->leaderless += p->leader < 0;
    }
}

static bool copy_values(const rd_kafka_ConfigEntry_t **entries, size_t n, struct tb_arena *arena,
                        struct tb_topic_info *ret)
{
    struct tb_topic_value *values = TB_NEW_N(arena, struct tb_topic_value, n);
    for (size_t i = 0; values && i < n; i++) {
        values[i].name = tb_arena_str(arena, tb_str_of(rd_kafka_ConfigEntry_name(entries[i])));
        values[i].value = tb_arena_str(arena, tb_str_of(rd_kafka_ConfigEntry_value(entries[i])));
        values[i].given =
            rd_kafka_ConfigEntry_source(entries[i]) == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG;
    }
    ret->values = values;
    ret->nvalues = n;
    return !tb_arena_failed(arena);
}

static enum tb_rc describe_values(struct tb_admin *a, const char *topic, struct tb_arena *arena,
                                  struct tb_topic_info *ret, int timeout_ms, struct tb_error *err)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_AdminOptions_t *o = tb_admin_options(a, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    rd_kafka_DescribeConfigs(a->rk, &resource, 1, o, a->queue);
    rd_kafka_AdminOptions_destroy(o);
    rd_kafka_ConfigResource_destroy(resource);

    rd_kafka_event_t *event = NULL;
    enum tb_rc rc = tb_admin_wait(a, "topic settings", &event, timeout_ms, err);
    if (rc != TB_OK) {
        return rc;
    }
    size_t n = 0;
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &n);
    if (n == 1) {
        rc = tb_kafka_fail(err, rd_kafka_ConfigResource_error(resources[0]), topic,
                           rd_kafka_ConfigResource_error_string(resources[0]));
    }
    if (n == 1 && rc == TB_OK) {
        const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resources[0], &n);
        if (!copy_values(entries, n, arena, ret)) {
            rc = tb_fail(err, TB_ENOMEM, "out of memory");
        }
    }
    rd_kafka_event_destroy(event);
    return rc;
}

enum tb_rc tb_admin_describe(struct tb_admin *a, const char *topic, struct tb_arena *arena,
                             struct tb_topic_info *ret, int timeout_ms, struct tb_error *err)
{
    *ret = (struct tb_topic_info){0};
    enum tb_rc rc = TB_OK;
    const struct rd_kafka_metadata *md = topic_metadata(a, topic, timeout_ms, &rc, err);
    if (!md) {
        return rc;
    }
    describe_partitions(&md->topics[0], ret);
    rd_kafka_metadata_destroy(md);
    return describe_values(a, topic, arena, ret, timeout_ms, err);
}

tb_str tb_topic_value(const struct tb_topic_info *info, const char *name)
{
    for (size_t i = 0; i < info->nvalues; i++) {
        if (tb_str_eq_c(info->values[i].name, name)) {
            return info->values[i].value;
        }
    }
    return TB_STR_NULL;
}
