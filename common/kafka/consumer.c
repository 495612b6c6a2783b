/* Membership, assignment and delivery. */
#include "common/kafka/consumer.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/kafka/consumer_internal.h"

enum {
    QUEUE_KBYTES = 4096,
    QUEUE_MESSAGES = 10000,
    /* Of a partition at once, as it lies on the broker: compressed. One batch that is larger still
     * comes whole. */
    FETCH_BYTES = 131072,
    FETCH_WAIT_MS = 100,
#ifdef TB_FAULTS
    MAX_POLL_MS = 12000, /* so that a run of tests/chaos can exceed it */
#else
    MAX_POLL_MS = 300000,
#endif
};

static void forget_slots(struct tb_consumer *c)
{
    free(c->slots);
    c->slots = NULL;
    c->nslots = 0;
}

static struct slot *find_slot(struct tb_consumer *c, int32_t partition)
{
    if (partition < 0 || (size_t)partition >= c->nslots || !c->slots[partition].started) {
        return NULL;
    }
    return &c->slots[partition];
}

/* ---- rebalancing: callbacks run inside rd_kafka_consumer_poll only ---- */

static int by_partition(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void take_assignment(struct tb_consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    size_t n = (size_t)list->cnt;
    int32_t *partitions = calloc(n ? n : 1, sizeof *partitions);
    if (!partitions) {
        c->out_of_memory = true;
        n = 0;
    }
    for (size_t i = 0; i < n; i++) {
        partitions[i] = list->elems[i].partition;
    }
    if (n > 1) {
        qsort(partitions, n, sizeof *partitions, by_partition);
    }
    free(c->assigned);
    c->assigned = partitions;
    c->nassigned = n;
}

/* Answers the group at once, so that a member that cannot start yet (its database is away) does not
 * hold up everybody's rebalance: on assignment with an empty list, later replaced by
 * tb_consumer_start. */
static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t e,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct tb_consumer *c = opaque;
    /* librdkafka keeps a pause beyond the assignment: what is forgotten here must not stay paused,
     * or nobody would ever resume it. */
    struct tb_error why;
    if (tb_consumer_pause(c, false, &why) != TB_OK) {
        tb_log_debug("cannot resume: %s", why.text);
    }
    forget_slots(c);
    if (e == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        take_assignment(c, list);
        c->assigned_pending = true;
        rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(1);
        (void)rd_kafka_assign(rk, none);
        rd_kafka_topic_partition_list_destroy(none);
    } else {
        c->nassigned = 0;
        /* An assignment nobody was told of needs no revocation. */
        c->revoked_pending = !c->assigned_pending;
        c->assigned_pending = false;
        c->lost = rd_kafka_assignment_lost(rk) != 0;
        (void)rd_kafka_assign(rk, NULL);
    }
    rd_kafka_yield(rk);
}

static void on_error(rd_kafka_t *rk, int e, const char *reason, void *opaque)
{
    struct tb_consumer *c = opaque;
    char text[TB_ERROR_TEXT_MAX / 2];
    if (e == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_resp_err_t cause = rd_kafka_fatal_error(rk, text, sizeof text);
        (void)tb_kafka_fail(&c->trouble, cause, c->topic, text);
        c->trouble.rc = TB_EFATAL;
    } else if (!(e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && c->trouble.rc != TB_OK) &&
               c->trouble.rc != TB_EFATAL) {
        (void)tb_kafka_fail(&c->trouble, (rd_kafka_resp_err_t)e, c->topic, reason);
    }
}

/* ---- making ---- */

static void configure(struct tb_kconf *k, const struct tb_config *cfg,
                      const struct tb_consumer_options *opt)
{
    int64_t session = tb_config_int(cfg, TB_CFG(SESSION_TIMEOUT_MS));
    /* librdkafka wants a group id of every consumer; without a group it is never joined. */
    tb_kconf_set(k, "group.id", opt->group ? opt->group : "ticketbus-no-group");
    tb_kconf_set(k, "enable.auto.commit", "false");
    tb_kconf_set(k, "enable.auto.offset.store", "false");
    tb_kconf_set(k, "auto.offset.reset", "error");
    tb_kconf_set(k, "allow.auto.create.topics", "false");
    /* Eager: everything is revoked and assigned anew (cooperative assignment is broken in 2.0.2).
     */
    tb_kconf_set(k, "partition.assignment.strategy", "range,roundrobin");
    tb_kconf_set_int(k, "session.timeout.ms", session);
    tb_kconf_set_int(k, "heartbeat.interval.ms", session / 3);
    tb_kconf_set_int(k, "max.poll.interval.ms", MAX_POLL_MS);
    tb_kconf_set_int(k, "queued.max.messages.kbytes",
                     opt->queue_kbytes > 0 ? opt->queue_kbytes : QUEUE_KBYTES);
    tb_kconf_set_int(k, "queued.min.messages", QUEUE_MESSAGES);
    tb_kconf_set_int(k, "fetch.message.max.bytes", FETCH_BYTES);
    tb_kconf_set_int(k, "fetch.wait.max.ms", FETCH_WAIT_MS);
    tb_kconf_set_int(k, "fetch.error.backoff.ms", FETCH_WAIT_MS);
    (void)tb_kconf_try(k, "fetch.queue.backoff.ms", "10"); /* since 2.2; 1000 by default */
    tb_kconf_set(k, "isolation.level", "read_committed");
}

static enum tb_rc subscribe(struct tb_consumer *c, struct tb_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    (void)rd_kafka_topic_partition_list_add(list, c->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t e = rd_kafka_subscribe(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return tb_kafka_fail(err, e, "subscribing", NULL);
}

enum tb_rc tb_consumer_make(const struct tb_config *cfg, const struct tb_consumer_options *opt,
                            bool report_end, struct tb_consumer **ret, struct tb_error *err)
{
    *ret = NULL;
    struct tb_consumer *c = calloc(1, sizeof *c);
    if (!c || !(c->topic = strdup(opt->topic))) {
        free(c);
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    c->grouped = opt->group != NULL;
    struct tb_kconf k;
    tb_kconf_init(&k, cfg, opt->client_id, err);
    configure(&k, cfg, opt);
    tb_kconf_set(&k, "enable.partition.eof", report_end ? "true" : "false");
    rd_kafka_conf_set_opaque(k.conf, c);
    rd_kafka_conf_set_rebalance_cb(k.conf, on_rebalance);
    rd_kafka_conf_set_error_cb(k.conf, on_error);
    enum tb_rc rc = tb_kconf_make(&k, RD_KAFKA_CONSUMER, &c->rk);
    if (rc == TB_OK) {
        rc = tb_kafka_fail(err, rd_kafka_poll_set_consumer(c->rk), "new consumer", NULL);
    }
    if (rc == TB_OK && c->grouped) {
        rc = subscribe(c, err);
    }
    if (rc != TB_OK) {
        tb_consumer_free(c);
        return rc;
    }
    *ret = c;
    return TB_OK;
}

enum tb_rc tb_consumer_new(const struct tb_config *cfg, const struct tb_consumer_options *opt,
                           struct tb_consumer **ret, struct tb_error *err)
{
    return tb_consumer_make(cfg, opt, false, ret, err);
}

void tb_consumer_free(struct tb_consumer *c)
{
    if (!c) {
        return;
    }
    if (c->rk) {
        (void)rd_kafka_consumer_close(c->rk);
        rd_kafka_destroy(c->rk);
    }
    forget_slots(c);
    free(c->assigned);
    free(c->topic);
    free(c);
}

/* ---- polling ---- */

static void fill(rd_kafka_message_t *rkm, const char *topic, struct tb_kafka_message *ret)
{
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(rkm, &type);
    *ret = (struct tb_kafka_message){
        .topic = topic,
        .partition = rkm->partition,
        .offset = rkm->offset,
        .timestamp_us =
            type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ms < 0 ? TB_TIME_NONE : ms * 1000,
        .key = {rkm->key, rkm->key ? rkm->key_len : 0},
        .value = {rkm->payload, rkm->payload ? rkm->len : 0},
        .handle = rkm,
    };
}

/* An error in a message's place; TB_POLL_NONE: nothing to tell. */
static enum tb_poll take_error(struct tb_consumer *c, const rd_kafka_message_t *rkm,
                               struct tb_kafka_message *ret, struct tb_error *err)
{
    *ret = (struct tb_kafka_message){
        .topic = c->topic, .partition = rkm->partition, .offset = rkm->offset};
    char text[TB_ERROR_TEXT_MAX / 2];
    switch ((int)rkm->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        /* Of an assignment that is no more. */
        if (!find_slot(c, rkm->partition)) {
            return TB_POLL_NONE;
        }
        (void)tb_fail(err, TB_ENOTFOUND, "Kafka: %s [%d]: the position is not in the log: %s",
                      c->topic, (int)rkm->partition, rd_kafka_message_errstr(rkm));
        return TB_POLL_OFFSET_GONE;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        c->at_end = true;
        return TB_POLL_NONE;
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        if (!c->grouped) {
            return TB_POLL_NONE; /* we are not going to join it */
        }
        break;
    case RD_KAFKA_RESP_ERR__FATAL:
        (void)tb_kafka_fail(err, rd_kafka_fatal_error(c->rk, text, sizeof text), c->topic, text);
        return TB_POLL_FATAL;
    default:
        break;
    }
    (void)tb_kafka_fail(err, rkm->err, c->topic, rd_kafka_message_errstr(rkm));
    return TB_POLL_ERROR;
}

/* What happened besides messages, in order. */
static enum tb_poll pending(struct tb_consumer *c, struct tb_error *err)
{
    if (c->revoked_pending) {
        c->revoked_pending = false;
        if (c->lost) {
            (void)tb_fail(err, TB_ECONFLICT, "Kafka: %s: the group took the assignment away",
                          c->topic);
        }
        c->lost = false;
        return TB_POLL_REVOKED;
    }
    if (c->out_of_memory) {
        (void)tb_fail(err, TB_ENOMEM, "out of memory");
        return TB_POLL_FATAL;
    }
    if (c->assigned_pending) {
        c->assigned_pending = false;
        return TB_POLL_ASSIGNED;
    }
    if (c->trouble.rc != TB_OK) {
        enum tb_poll what = c->trouble.rc == TB_EFATAL ? TB_POLL_FATAL : TB_POLL_ERROR;
        if (err) {
            *err = c->trouble;
        }
        if (what == TB_POLL_ERROR) {
            c->trouble = (struct tb_error){.rc = TB_OK};
        }
        return what;
    }
    return TB_POLL_NONE;
}

enum tb_poll tb_consumer_poll(struct tb_consumer *c, int timeout_ms, struct tb_kafka_message *ret,
                              struct tb_error *err)
{
    int64_t deadline = tb_clock_mono_us() + (int64_t)timeout_ms * 1000;
    *ret = (struct tb_kafka_message){.topic = c->topic, .partition = -1};
    for (;;) {
        enum tb_poll what = pending(c, err);
        if (what != TB_POLL_NONE) {
            return what;
        }
        int64_t left = deadline - tb_clock_mono_us();
        rd_kafka_message_t *rkm =
            rd_kafka_consumer_poll(c->rk, left > 0 ? (int)((left + 999) / 1000) : 0);
        if (!rkm) {
            if (left <= 0 || (c->at_end && c->stop_at_end)) {
                return pending(c, err);
            }
            continue;
        }
        if (rkm->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            what = take_error(c, rkm, ret, err);
            rd_kafka_message_destroy(rkm);
            if (what != TB_POLL_NONE || (c->at_end && c->stop_at_end)) {
                return what;
            }
            continue;
        }
        /* Prefetched for an earlier assignment, or fetched again: librdkafka 2.0.2 may step back
         * when partitions are resumed. */
        struct slot *slot = find_slot(c, rkm->partition);
        if (!slot || rkm->offset < slot->next) {
            rd_kafka_message_destroy(rkm);
            continue;
        }
        slot->next = rkm->offset + 1;
        fill(rkm, c->topic, ret);
        return TB_POLL_MESSAGE;
    }
}

const int32_t *tb_consumer_assignment(const struct tb_consumer *c, size_t *ret_n)
{
    *ret_n = c->nassigned;
    return c->assigned;
}

void tb_kafka_message_free(struct tb_kafka_message *m)
{
    if (m->handle) {
        rd_kafka_message_destroy(m->handle);
    }
    if (m->owner) {
        tb_consumer_free(m->owner);
    }
    *m = (struct tb_kafka_message){.partition = -1};
}

tb_str tb_kafka_message_header(const struct tb_kafka_message *m, const char *name)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t len = 0;
    if (!m->handle || rd_kafka_message_headers(m->handle, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get(headers, 0, name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        !value) {
        return TB_STR_NULL;
    }
    return (tb_str){value, len};
}
