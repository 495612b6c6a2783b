/* Consumer groups: members and lag. */
#include "common/kafka/admin_internal.h"

static enum tb_rc describe_members(struct tb_admin *a, const char *group, struct tb_arena *arena,
                                   struct tb_group_info *ret, int timeout_ms, struct tb_error *err)
{
    rd_kafka_AdminOptions_t *o =
        tb_admin_options(a, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, timeout_ms);
    rd_kafka_DescribeConsumerGroups(a->rk, &group, 1, o, a->queue);
    rd_kafka_AdminOptions_destroy(o);
    rd_kafka_event_t *event = NULL;
    enum tb_rc rc = tb_admin_wait(a, "describing the group", &event, timeout_ms, err);
    if (rc != TB_OK) {
        return rc;
    }
    size_t n = 0;
    const rd_kafka_ConsumerGroupDescription_t **groups =
        rd_kafka_DescribeConsumerGroups_result_groups(
            rd_kafka_event_DescribeConsumerGroups_result(event), &n);
    ret->state = TB_LIT("Unknown");
    if (n == 1) {
        const rd_kafka_error_t *e = rd_kafka_ConsumerGroupDescription_error(groups[0]);
        if (e && tb_kafka_rc(rd_kafka_error_code(e)) != TB_ENOTFOUND) {
            rc = tb_kafka_fail(err, rd_kafka_error_code(e), group, rd_kafka_error_string(e));
        } else if (e) {
            ret->state = TB_LIT("Dead");
        } else {
            ret->members = (int32_t)rd_kafka_ConsumerGroupDescription_member_count(groups[0]);
            ret->state =
                tb_arena_str(arena, tb_str_of(rd_kafka_consumer_group_state_name(
                                        rd_kafka_ConsumerGroupDescription_state(groups[0]))));
        }
    }
    rd_kafka_event_destroy(event);
    return rc;
}

/* Fills committed of lags, which are indexed by partition. */
static enum tb_rc read_committed(struct tb_admin *a, const char *group, const char *topic,
                                 struct tb_lag *lags, size_t nlags, int timeout_ms,
                                 struct tb_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)nlags);
    for (size_t i = 0; i < nlags; i++) {
        (void)rd_kafka_topic_partition_list_add(list, topic, (int32_t)i);
    }
    rd_kafka_ListConsumerGroupOffsets_t *request =
        rd_kafka_ListConsumerGroupOffsets_new(group, list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_AdminOptions_t *o =
        tb_admin_options(a, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, timeout_ms);
    rd_kafka_ListConsumerGroupOffsets(a->rk, &request, 1, o, a->queue);
    rd_kafka_AdminOptions_destroy(o);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);

    rd_kafka_event_t *event = NULL;
    enum tb_rc rc = tb_admin_wait(a, "committed offsets", &event, timeout_ms, err);
    if (rc != TB_OK) {
        return rc;
    }
    size_t n = 0;
    const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event), &n);
    const rd_kafka_error_t *e = n == 1 ? rd_kafka_group_result_error(groups[0]) : NULL;
    if (e && tb_kafka_rc(rd_kafka_error_code(e)) != TB_ENOTFOUND) {
        rc = tb_kafka_fail(err, rd_kafka_error_code(e), group, rd_kafka_error_string(e));
    }
    const rd_kafka_topic_partition_list_t *found =
        n == 1 && !e ? rd_kafka_group_result_partitions(groups[0]) : NULL;
    for (int i = 0; found && i < found->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &found->elems[i];
        if (p->offset >= 0 && p->partition >= 0 && (size_t)p->partition < nlags) {
            lags[p->partition].committed = p->offset;
        }
    }
    rd_kafka_event_destroy(event);
    return rc;
}

enum tb_rc tb_admin_group(struct tb_admin *a, const char *group, const char *topic,
                          struct tb_arena *arena, struct tb_group_info *ret, int timeout_ms,
                          struct tb_error *err)
{
    *ret = (struct tb_group_info){0};
    struct tb_topic_info info;
    enum tb_rc rc = tb_admin_describe(a, topic, arena, &info, timeout_ms, err);
    if (rc != TB_OK) {
        return rc;
    }
    size_t n = info.partitions > 0 ? (size_t)info.partitions : 0;
    struct tb_lag *lags = TB_NEW_N(arena, struct tb_lag, n);
    if (!lags) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        lags[i] = (struct tb_lag){.partition = (int32_t)i, .committed = -1};
    }
    rc = describe_members(a, group, arena, ret, timeout_ms, err);
    if (rc == TB_OK) {
        rc = read_committed(a, group, topic, lags, n, timeout_ms, err);
    }
    for (size_t i = 0; i < n && rc == TB_OK; i++) {
        rc = tb_kafka_watermarks(a->rk, topic, (int32_t)i, &lags[i].low, &lags[i].high, timeout_ms,
                                 err);
        int64_t from = lags[i].committed > lags[i].low ? lags[i].committed : lags[i].low;
        lags[i].lag = lags[i].high > from ? lags[i].high - from : 0;
        ret->lag += lags[i].lag;
    }
    ret->lags = lags;
    ret->nlags = n;
    return rc;
}
