/* Where a consumer reads: starting, pausing, committing, looking up. */
#include <stdlib.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/kafka/consumer_internal.h"

enum { PARTITIONS_MAX = 100000 };
#define ASK_AGAIN_MS 50L

static bool has_partition(const struct tb_consumer *c, int32_t partition)
{
    for (size_t i = 0; i < c->nassigned; i++) {
        if (c->assigned[i] == partition) {
            return true;
        }
    }
    return false;
}

static enum tb_rc check_positions(const struct tb_consumer *c, const struct tb_position *positions,
                                  size_t n, size_t *ret_slots, struct tb_error *err)
{
    size_t slots = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t partition = positions[i].partition;
        if (partition < 0 || partition > PARTITIONS_MAX) {
            return tb_fail(err, TB_EINVAL, "%s has no partition %d", c->topic, (int)partition);
        }
        if (c->grouped && !has_partition(c, partition)) {
            return tb_fail(err, TB_ECONFLICT, "%s [%d] is not assigned to this consumer", c->topic,
                           (int)partition);
        }
        if ((size_t)partition >= slots) {
            slots = (size_t)partition + 1;
        }
    }
    *ret_slots = slots;
    return TB_OK;
}

enum tb_rc tb_consumer_start(struct tb_consumer *c, const struct tb_position *positions, size_t n,
                             struct tb_error *err)
{
    size_t nslots = 0;
    enum tb_rc rc = check_positions(c, positions, n, &nslots, err);
    if (rc == TB_OK) {
        /* A pause outlives the assignment it was made in. */
        rc = tb_consumer_pause(c, false, err);
    }
    if (rc != TB_OK) {
        return rc;
    }
    struct slot *slots = calloc(nslots ? nslots : 1, sizeof *slots);
    if (!slots) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n + 1);
    for (size_t i = 0; i < n; i++) {
        int64_t offset = positions[i].offset;
        rd_kafka_topic_partition_list_add(list, c->topic, positions[i].partition)->offset = offset;
        slots[positions[i].partition] =
            (struct slot){.started = true, .next = offset > 0 ? offset : 0};
    }
    /* Stops what is fetched now and raises each partition's version: what was fetched under the
     * older one is dropped inside librdkafka, also when the same partition is assigned again. */
    rd_kafka_resp_err_t e = rd_kafka_assign(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    free(c->slots);
    c->slots = slots;
    c->nslots = nslots;
    if (e != RD_KAFKA_RESP_ERR_NO_ERROR) {
        c->nslots = 0;
    }
    return tb_kafka_fail(err, e, c->topic, NULL);
}

static enum tb_rc pause_list(struct tb_consumer *c, rd_kafka_topic_partition_list_t *list,
                             bool paused, struct tb_error *err)
{
    enum tb_rc rc = TB_OK;
    if (list->cnt > 0) {
        rd_kafka_resp_err_t e = paused ? rd_kafka_pause_partitions(c->rk, list)
                                       : rd_kafka_resume_partitions(c->rk, list);
        rc = tb_kafka_fail(err, e, paused ? "pausing" : "resuming", NULL);
        for (int i = 0; i < list->cnt && e == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
            if (list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                c->slots[list->elems[i].partition].paused = paused;
            } else if (rc == TB_OK) {
                rc = tb_kafka_fail(err, list->elems[i].err, paused ? "pausing" : "resuming", NULL);
            }
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

enum tb_rc tb_consumer_pause(struct tb_consumer *c, bool paused, struct tb_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)c->nslots + 1);
    for (size_t i = 0; i < c->nslots; i++) {
        if (c->slots[i].started && c->slots[i].paused != paused) {
            (void)rd_kafka_topic_partition_list_add(list, c->topic, (int32_t)i);
        }
    }
    return pause_list(c, list, paused, err);
}

enum tb_rc tb_consumer_pause_partition(struct tb_consumer *c, int32_t partition, bool paused,
                                       struct tb_error *err)
{
    if (partition < 0 || (size_t)partition >= c->nslots || !c->slots[partition].started) {
        return tb_fail(err, TB_ENOTFOUND, "%s [%d] is not being read", c->topic, (int)partition);
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    if (c->slots[partition].paused != paused) {
        (void)rd_kafka_topic_partition_list_add(list, c->topic, partition);
    }
    return pause_list(c, list, paused, err);
}

enum tb_rc tb_consumer_commit(struct tb_consumer *c, const struct tb_position *positions, size_t n,
                              struct tb_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n + 1);
    for (size_t i = 0; i < n; i++) {
        rd_kafka_topic_partition_list_add(list, c->topic, positions[i].partition)->offset =
            positions[i].offset;
    }
    rd_kafka_resp_err_t e =
        n ? rd_kafka_commit(c->rk, list, 1 /* async */) : RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_destroy(list);
    return tb_kafka_fail(err, e, "committing offsets", NULL);
}

enum tb_rc tb_consumer_committed(struct tb_consumer *c, struct tb_position *positions, size_t n,
                                 int timeout_ms, struct tb_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n + 1);
    for (size_t i = 0; i < n; i++) {
        if (positions[i].offset == TB_POSITION_COMMITTED) {
            (void)rd_kafka_topic_partition_list_add(list, c->topic, positions[i].partition);
        }
    }
    enum tb_rc rc = TB_OK;
    if (list->cnt > 0) {
        rc = tb_kafka_fail(err, rd_kafka_committed(c->rk, list, timeout_ms), "committed offsets",
                           NULL);
    }
    int at = 0;
    for (size_t i = 0; i < n && rc == TB_OK; i++) {
        if (positions[i].offset != TB_POSITION_COMMITTED) {
            continue;
        }
        const rd_kafka_topic_partition_t *found = &list->elems[at++];
        rc = tb_kafka_fail(err, found->err, "committed offsets", NULL);
        positions[i].offset = found->offset >= 0 ? found->offset : TB_POSITION_BEGINNING;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

enum tb_rc tb_consumer_partitions(struct tb_consumer *c, int32_t *ret, int timeout_ms,
                                  struct tb_error *err)
{
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(c->rk, c->topic, NULL);
    if (!rkt) {
        return tb_fail(err, TB_EINVAL, "Kafka: %s is not a topic's name", c->topic);
    }
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_resp_err_t e = rd_kafka_metadata(c->rk, 0, rkt, &md, timeout_ms);
    rd_kafka_topic_destroy(rkt);
    if (e != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return tb_kafka_fail(err, e, c->topic, NULL);
    }
    enum tb_rc rc = TB_OK;
    if (md->topic_cnt == 1 && md->topics[0].partition_cnt > 0) {
        *ret = md->topics[0].partition_cnt;
    } else {
        rc = tb_fail(err, TB_ENOTFOUND, "Kafka: there is no topic %s", c->topic);
    }
    rd_kafka_metadata_destroy(md);
    return rc;
}

/* The leader moved, or is being elected (as on a topic just made): worth asking again. */
static bool leader_moves(rd_kafka_resp_err_t e)
{
    return e == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
           e == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
           e == RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE ||
           e == RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR;
}

enum tb_rc tb_kafka_watermarks(rd_kafka_t *rk, const char *topic, int32_t partition,
                               int64_t *ret_low, int64_t *ret_high, int timeout_ms,
                               struct tb_error *err)
{
    int64_t deadline = tb_clock_mono_us() + (int64_t)timeout_ms * 1000;
    for (;;) {
        int64_t left = (deadline - tb_clock_mono_us()) / 1000;
        rd_kafka_resp_err_t e = rd_kafka_query_watermark_offsets(
            rk, topic, partition, ret_low, ret_high, left > 1 ? (int)left : 1);
        if (!leader_moves(e) || left <= ASK_AGAIN_MS) {
            return tb_kafka_fail(err, e, topic, NULL);
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = ASK_AGAIN_MS * 1000000}, NULL);
        /* librdkafka asks whom it believes to lead; have it learn. */
        const struct rd_kafka_metadata *md = NULL;
        rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
        if (rkt && rd_kafka_metadata(rk, 0, rkt, &md, (int)left) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_metadata_destroy(md);
        }
        if (rkt) {
            rd_kafka_topic_destroy(rkt);
        }
    }
}

enum tb_rc tb_consumer_watermarks(struct tb_consumer *c, int32_t partition, int64_t *ret_low,
                                  int64_t *ret_high, int timeout_ms, struct tb_error *err)
{
    return tb_kafka_watermarks(c->rk, c->topic, partition, ret_low, ret_high, timeout_ms, err);
}

int64_t tb_consumer_high(struct tb_consumer *c, int32_t partition)
{
    int64_t low;
    int64_t high;
    rd_kafka_resp_err_t e = rd_kafka_get_watermark_offsets(c->rk, c->topic, partition, &low, &high);
    return e ? -1 : high;
}

enum tb_rc tb_consumer_read_at(const struct tb_config *cfg, const char *topic, int32_t partition,
                               int64_t offset, int timeout_ms, struct tb_kafka_message *ret,
                               struct tb_error *err)
{
    *ret = (struct tb_kafka_message){.partition = -1};
    struct tb_consumer_options opt = {
        .topic = topic, .client_id = "ticketbus-read-at", .queue_kbytes = 1024};
    struct tb_consumer *c = NULL;
    enum tb_rc rc = tb_consumer_make(cfg, &opt, true, &c, err);
    if (rc != TB_OK) {
        return rc;
    }
    c->stop_at_end = true;
    struct tb_position position = {.partition = partition, .offset = offset};
    rc = offset < 0 ? tb_fail(err, TB_EINVAL, "an offset is not negative")
                    : tb_consumer_start(c, &position, 1, err);
    int64_t deadline = tb_clock_mono_us() + (int64_t)timeout_ms * 1000;
    struct tb_error trouble = {.rc = TB_OK};
    while (rc == TB_OK) {
        int64_t left = deadline - tb_clock_mono_us();
        struct tb_kafka_message m;
        enum tb_poll what = tb_consumer_poll(c, left > 0 ? (int)(left / 1000) : 0, &m, &trouble);
        if (what == TB_POLL_MESSAGE && m.offset == offset) {
            *ret = m;
            ret->owner = c;
            ret->topic = c->topic;
            return TB_OK;
        }
        if (what == TB_POLL_MESSAGE || what == TB_POLL_OFFSET_GONE || c->at_end ||
            trouble.rc == TB_ENOTFOUND) {
            if (what == TB_POLL_MESSAGE) {
                tb_kafka_message_free(&m);
            }
            rc = tb_fail(err, TB_ENOTFOUND, "%s [%d] holds no record at offset %lld", topic,
                         (int)partition, (long long)offset);
        } else if (left <= 0 || what == TB_POLL_FATAL) {
            rc = tb_fail(err, TB_EUNAVAILABLE, "%s [%d]: no answer in %d ms%s%s", topic,
                         (int)partition, timeout_ms, trouble.rc == TB_OK ? "" : ": ",
                         trouble.rc == TB_OK ? "" : trouble.text);
        }
    }
    tb_consumer_free(c);
    return rc;
}
