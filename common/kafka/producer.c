#include "common/kafka/producer.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/kafka/internal.h"

enum {
    TOPICS_MAX = 16,
    ASK_TIMEOUT_MS = 5000,
    QUEUE_MESSAGES = 100000,
    QUEUE_KBYTES = 262144,
    LINGER_MS = 1,
};
#define PARTITIONS_FRESH_US INT64_C(60000000)

_Static_assert(sizeof(uint64_t) == sizeof(void *), "a tag travels as a pointer");

struct topic {
    rd_kafka_topic_t *rkt;
    int32_t partitions;
    int64_t asked_us; /* monotonic */
};

struct tb_producer {
    rd_kafka_t *rk;
    size_t message_max;
    int ask_ms; /* longest wait for an answer about a topic */
    tb_delivery_fn *on_delivery;
    void *arg;
    struct topic topics[TOPICS_MAX];
    size_t ntopics;
    char fatal[TB_ERROR_TEXT_MAX];
    char trouble[TB_ERROR_TEXT_MAX];
};

static enum tb_rc delivery_rc(const rd_kafka_message_t *m)
{
    enum tb_rc rc = tb_kafka_rc(m->err);
    if ((rc == TB_EUNAVAILABLE || rc == TB_ERETRY) &&
        rd_kafka_message_status(m) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED) {
        rc = TB_EUNKNOWN;
    }
    return rc;
}

#ifdef TB_PLANT_SEND_AGAIN_AFTER_PRODUCER_TIMEOUT
/* What timed out is put at the end of the queue, behind what was sent meanwhile. */
static bool send_again(rd_kafka_t *rk, const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *headers = NULL;
    if (m->err != RD_KAFKA_RESP_ERR__MSG_TIMED_OUT ||
        rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    return rd_kafka_producev(
               rk, RD_KAFKA_V_RKT(m->rkt), RD_KAFKA_V_PARTITION(m->partition),
               RD_KAFKA_V_KEY(m->key, m->key_len), RD_KAFKA_V_VALUE(m->payload, m->len),
               RD_KAFKA_V_HEADERS(rd_kafka_headers_copy(headers)), RD_KAFKA_V_OPAQUE(m->_private),
               RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
               RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR_NO_ERROR;
}
#endif

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
#ifdef TB_PLANT_SEND_AGAIN_AFTER_PRODUCER_TIMEOUT
    if (send_again(rk, m)) {
        return;
    }
#endif
    struct tb_producer *p = opaque;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        p->trouble[0] = '\0';
    } else if (!p->trouble[0]) {
        (void)snprintf(p->trouble, sizeof p->trouble, "%s", rd_kafka_err2str(m->err));
    }
    if (p->on_delivery) {
        struct tb_delivery d = {.tag = (uint64_t)(uintptr_t)m->_private,
                                .rc = delivery_rc(m),
                                .partition = m->partition,
                                .offset = m->offset};
        p->on_delivery(&d, p->arg);
    }
}

static void on_error(rd_kafka_t *rk, int e, const char *reason, void *opaque)
{
    (void)rk;
    struct tb_producer *p = opaque;
    /* The summary says less than what came before it. */
    if (e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && p->trouble[0]) {
        return;
    }
    (void)snprintf(p->trouble, sizeof p->trouble, "%s%s", reason,
                   tb_kafka_settings_of((rd_kafka_resp_err_t)e, reason));
}

static void configure(struct tb_kconf *k, const struct tb_config *cfg,
                      const struct tb_producer_options *opt)
{
    static const char *const lz4 = "lz4";
    int64_t queue = tb_config_int(cfg, TB_CFG(INFLIGHT_MAX));
    tb_kconf_set(k, "enable.idempotence", "true"); /* acks=all, order kept over retries */
    tb_kconf_set(k, "acks", "all");
    tb_kconf_set(k, "partitioner", "murmur2_random");
    tb_kconf_set(k, "allow.auto.create.topics", "false");
    tb_kconf_set_int(k, "message.max.bytes", tb_config_int(cfg, TB_CFG(MESSAGE_MAX_BYTES)));
#ifdef TB_PLANT_SEND_AGAIN_AFTER_PRODUCER_TIMEOUT
    tb_kconf_set_int(k, "message.timeout.ms", opt->timeout_ms ? opt->timeout_ms : 1500);
#else
    tb_kconf_set_int(k, "message.timeout.ms", opt->timeout_ms);
#endif
    tb_kconf_set_int(k, "linger.ms", LINGER_MS);
    tb_kconf_set_int(k, "queue.buffering.max.messages",
                     queue > QUEUE_MESSAGES ? queue : QUEUE_MESSAGES);
    tb_kconf_set_int(k, "queue.buffering.max.kbytes", QUEUE_KBYTES);
    (void)tb_kconf_try(k, "compression.type", lz4);
}

enum tb_rc tb_producer_new(const struct tb_config *cfg, const struct tb_producer_options *opt,
                           struct tb_producer **ret, struct tb_error *err)
{
    *ret = NULL;
    struct tb_producer *p = calloc(1, sizeof *p);
    if (!p) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    p->message_max = (size_t)tb_config_int(cfg, TB_CFG(MESSAGE_MAX_BYTES));
    p->ask_ms = opt->timeout_ms > 0 && opt->timeout_ms < ASK_TIMEOUT_MS ? (int)opt->timeout_ms
                                                                        : ASK_TIMEOUT_MS;
    p->on_delivery = opt->on_delivery;
    p->arg = opt->arg;
    struct tb_kconf k;
    tb_kconf_init(&k, cfg, opt->client_id, err);
    configure(&k, cfg, opt);
    rd_kafka_conf_set_opaque(k.conf, p);
    rd_kafka_conf_set_dr_msg_cb(k.conf, on_delivery);
    rd_kafka_conf_set_error_cb(k.conf, on_error);
    enum tb_rc rc = tb_kconf_make(&k, RD_KAFKA_PRODUCER, &p->rk);
    if (rc != TB_OK) {
        free(p);
        return rc;
    }
    *ret = p;
    return TB_OK;
}

void tb_producer_free(struct tb_producer *p)
{
    if (!p) {
        return;
    }
    /* Without this, destroying waits for messages to time out; their callbacks are never served. */
    (void)rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                    RD_KAFKA_PURGE_F_NON_BLOCKING);
    for (size_t i = 0; i < p->ntopics; i++) {
        rd_kafka_topic_destroy(p->topics[i].rkt);
    }
    rd_kafka_destroy(p->rk);
    free(p);
}

size_t tb_kafka_message_size(tb_str key, tb_str value, const struct tb_header *headers,
                             size_t nheaders)
{
    /* Kafka's record format, version 2: a batch header of 61 bytes; attributes 1; length, time and
     * offset deltas, key and value lengths, count of headers as varints of up to 5 (time: 10)
     * bytes; two such lengths per header. */
    size_t size = 61 + 1 + 10 + 5 * 5 + key.len + value.len;
    for (size_t i = 0; i < nheaders; i++) {
        size += 10 + strlen(headers[i].name) + headers[i].value.len;
    }
    return size;
}

static rd_kafka_headers_t *make_headers(const struct tb_header *headers, size_t n)
{
    rd_kafka_headers_t *h = rd_kafka_headers_new(n);
    for (size_t i = 0; i < n; i++) {
        (void)rd_kafka_header_add(h, headers[i].name, -1, headers[i].value.ptr,
                                  (ssize_t)headers[i].value.len);
    }
    return h;
}

/* librdkafka's prototypes lack const; with F_COPY it only reads. */
static void *without_const(const void *bytes)
{
    void *same = NULL;
    memcpy(&same, &bytes, sizeof same);
    return same;
}

enum tb_rc tb_producer_send(struct tb_producer *p, const char *topic, tb_str key, tb_str value,
                            const struct tb_header *headers, size_t nheaders, uint64_t tag,
                            struct tb_error *err)
{
    size_t size = tb_kafka_message_size(key, value, headers, nheaders);
    if (size > p->message_max) {
        return tb_fail(err, TB_ELIMIT, "the message takes %zu bytes, at most %zu may be published",
                       size, p->message_max);
    }
    rd_kafka_headers_t *h = nheaders ? make_headers(headers, nheaders) : NULL;
    void *key_bytes = without_const(key.ptr);
    void *value_bytes = without_const(value.ptr);
    void *opaque = NULL;
    memcpy(&opaque, &tag, sizeof opaque);
    rd_kafka_resp_err_t e;
    if (h) {
        e = rd_kafka_producev(p->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(key_bytes, key.len),
                              RD_KAFKA_V_VALUE(value_bytes, value.len),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_OPAQUE(opaque),
                              RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_END);
    } else {
        e = rd_kafka_producev(p->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(key_bytes, key.len),
                              RD_KAFKA_V_VALUE(value_bytes, value.len),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_OPAQUE(opaque),
                              RD_KAFKA_V_END);
    }
    if (e == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return TB_OK;
    }
    if (h) {
        rd_kafka_headers_destroy(h);
    }
    if (e == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return tb_fail(err, TB_ERETRY, "Kafka: the local queue is full");
    }
    enum tb_rc rc = tb_kafka_fail(err, e, topic, NULL);
    return rc == TB_EDATA ? tb_fail(err, TB_ELIMIT, "Kafka: %s", rd_kafka_err2str(e)) : rc;
}

int tb_producer_poll(struct tb_producer *p, int timeout_ms)
{
    return rd_kafka_poll(p->rk, timeout_ms);
}

enum tb_rc tb_producer_flush(struct tb_producer *p, int timeout_ms, struct tb_error *err)
{
    if (rd_kafka_flush(p->rk, timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return TB_OK;
    }
    return tb_fail(err, TB_EUNAVAILABLE, "Kafka: %zu messages not acknowledged in %d ms%s%s",
                   tb_producer_pending(p), timeout_ms, p->trouble[0] ? ": " : "", p->trouble);
}

const char *tb_producer_fatal(struct tb_producer *p)
{
    if (rd_kafka_fatal_error(p->rk, p->fatal, sizeof p->fatal) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return NULL;
    }
    return p->fatal;
}

const char *tb_producer_trouble(const struct tb_producer *p)
{
    return p->trouble[0] ? p->trouble : NULL;
}

size_t tb_producer_pending(const struct tb_producer *p)
{
    int n = rd_kafka_outq_len(p->rk);
    return n > 0 ? (size_t)n : 0;
}

int32_t tb_partition_of(tb_str key, int32_t n)
{
    if (!key.ptr || n <= 0) {
        return -1;
    }
    /* The very function behind partitioner=murmur2_random; it looks at nothing but these. */
    return rd_kafka_msg_partitioner_murmur2(NULL, key.ptr, key.len, n, NULL, NULL);
}

static struct topic *find_topic(struct tb_producer *p, const char *name)
{
    for (size_t i = 0; i < p->ntopics; i++) {
        if (strcmp(rd_kafka_topic_name(p->topics[i].rkt), name) == 0) {
            return &p->topics[i];
        }
    }
    if (p->ntopics == TOPICS_MAX) {
        return NULL;
    }
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(p->rk, name, NULL);
    if (!rkt) {
        return NULL;
    }
    p->topics[p->ntopics] = (struct topic){.rkt = rkt};
    return &p->topics[p->ntopics++];
}

static enum tb_rc ask_partitions(struct tb_producer *p, struct topic *t, const char *name,
                                 struct tb_error *err)
{
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_resp_err_t e = rd_kafka_metadata(p->rk, 0, t->rkt, &md, p->ask_ms);
    if (e != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return tb_kafka_fail(err, e, name, NULL);
    }
    enum tb_rc rc = TB_OK;
    if (md->topic_cnt != 1 || md->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR ||
        md->topics[0].partition_cnt < 1) {
        e = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR_NO_ERROR;
        rc = e != RD_KAFKA_RESP_ERR_NO_ERROR
                 ? tb_kafka_fail(err, e, name, NULL)
                 : tb_fail(err, TB_ENOTFOUND, "Kafka: %s: no such topic", name);
    } else {
        t->partitions = md->topics[0].partition_cnt;
        t->asked_us = tb_clock_mono_us();
    }
    rd_kafka_metadata_destroy(md);
    return rc;
}

enum tb_rc tb_topic_partitions(struct tb_producer *p, const char *topic, int32_t *ret,
                               struct tb_error *err)
{
    struct topic *t = find_topic(p, topic);
    if (!t) {
        return tb_fail(err, TB_EINVAL, "Kafka: %s: not a topic's name, or too many topics", topic);
    }
    if (t->partitions == 0 || tb_clock_mono_us() - t->asked_us > PARTITIONS_FRESH_US) {
        enum tb_rc rc = ask_partitions(p, t, topic, err);
        if (rc != TB_OK) {
            return rc;
        }
    }
    *ret = t->partitions;
    return TB_OK;
}
