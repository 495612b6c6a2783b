/* librdkafka's errors in terms of ours. */
#include <stdio.h>
#include <string.h>

#include "common/kafka/internal.h"

#define SCRAM_NONCE_MENDED 0x02060100 /* librdkafka 2.6.1 */

/* What is not listed is taken for transient. */
static const struct {
    rd_kafka_resp_err_t e;
    enum tb_rc rc;
} classes[] = {
    {RD_KAFKA_RESP_ERR_NO_ERROR, TB_OK},

    {RD_KAFKA_RESP_ERR__FATAL, TB_EFATAL},
    {RD_KAFKA_RESP_ERR__FENCED, TB_EFATAL},
    {RD_KAFKA_RESP_ERR__DESTROY, TB_EFATAL},
    {RD_KAFKA_RESP_ERR__STATE, TB_EFATAL},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, TB_EFATAL},
    {RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED, TB_EFATAL},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, TB_EFATAL},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, TB_EFATAL},
    {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, TB_EFATAL},
    {RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, TB_EFATAL},
    {RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE, TB_EFATAL},

    {RD_KAFKA_RESP_ERR__TRANSPORT, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR__RESOLVE, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR__WAIT_COORD, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR__SSL, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR_NOT_COORDINATOR, TB_EUNAVAILABLE},
    {RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, TB_EUNAVAILABLE},

    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, TB_EDATA},
    {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, TB_EDATA},
    {RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, TB_EDATA},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, TB_EDATA},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, TB_EDATA},

    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, TB_ENOTFOUND},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, TB_ENOTFOUND},
    {RD_KAFKA_RESP_ERR__UNKNOWN_GROUP, TB_ENOTFOUND},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, TB_ENOTFOUND},
    {RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND, TB_ENOTFOUND},
    {RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, TB_ENOTFOUND},
    {RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, TB_ENOTFOUND},
    {RD_KAFKA_RESP_ERR__NO_OFFSET, TB_ENOTFOUND},

    {RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, TB_ECONFLICT},
    {RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, TB_ECONFLICT},
    {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, TB_ECONFLICT},
    {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, TB_ECONFLICT},
    {RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST, TB_ECONFLICT},

    {RD_KAFKA_RESP_ERR__INVALID_ARG, TB_EINVAL},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, TB_EINVAL},
    {RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, TB_EINVAL},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, TB_EINVAL},
    {RD_KAFKA_RESP_ERR_INVALID_CONFIG, TB_EINVAL},
    {RD_KAFKA_RESP_ERR_INVALID_REQUEST, TB_EINVAL},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, TB_EINVAL},
    {RD_KAFKA_RESP_ERR_INVALID_GROUP_ID, TB_EINVAL},
};

enum tb_rc tb_kafka_rc(rd_kafka_resp_err_t e)
{
    for (size_t i = 0; i < TB_COUNT(classes); i++) {
        if (classes[i].e == e) {
            return classes[i].rc;
        }
    }
    return TB_ERETRY;
}

const char *tb_kafka_settings_of(rd_kafka_resp_err_t e, const char *reason)
{
    /* By the code, or else by what librdkafka calls a property. */
    static const struct {
        const char *part;
        const char *settings;
    } by_text[] = {
        {"certificate verify failed", " (see KAFKA_SSL_CA, KAFKA_BROKERS)"},
        {"ssl.ca.location", " (see KAFKA_SSL_CA)"},
        {"security.protocol", " (see KAFKA_SECURITY_PROTOCOL)"},
        {"sasl.mechanism", " (see KAFKA_SASL_MECHANISM)"},
        {"hash function", " (see KAFKA_SASL_MECHANISM)"},
    };
    static const struct {
        rd_kafka_resp_err_t e;
        const char *settings;
    } by_code[] = {
        {RD_KAFKA_RESP_ERR__SSL, " (see KAFKA_SSL_CA, KAFKA_BROKERS, KAFKA_SECURITY_PROTOCOL)"},
        {RD_KAFKA_RESP_ERR__AUTHENTICATION,
         " (see KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD, KAFKA_SASL_MECHANISM)"},
        {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
         " (see KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD, KAFKA_SASL_MECHANISM)"},
        {RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, " (see KAFKA_SASL_MECHANISM)"},
        {RD_KAFKA_RESP_ERR__RESOLVE, " (see KAFKA_BROKERS)"},
        {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, " (see KAFKA_BROKERS, KAFKA_SECURITY_PROTOCOL)"},
    };
    if (reason && strstr(reason, "SCRAM") && strstr(reason, "credentials") &&
        rd_kafka_version() < SCRAM_NONCE_MENDED) {
        return " (see KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD; brokers since 3.7.2 refuse SCRAM "
               "of "
               "librdkafka before 2.6.1, as this one is: then KAFKA_SASL_MECHANISM=PLAIN over TLS)";
    }
    for (size_t i = 0; i < TB_COUNT(by_code); i++) {
        if (by_code[i].e == e) {
            return by_code[i].settings;
        }
    }
    for (size_t i = 0; reason && i < TB_COUNT(by_text); i++) {
        if (strstr(reason, by_text[i].part)) {
            return by_text[i].settings;
        }
    }
    return "";
}

enum tb_rc tb_kafka_fail(struct tb_error *err, rd_kafka_resp_err_t e, const char *attempt,
                         const char *reason)
{
    enum tb_rc rc = tb_kafka_rc(e);
    if (rc == TB_OK) {
        return rc;
    }
    (void)tb_fail(err, rc, "Kafka: %s: %s%s", attempt,
                  reason && *reason ? reason : rd_kafka_err2str(e),
                  reason && strstr(reason, " (see KAFKA_") ? "" : tb_kafka_settings_of(e, reason));
    if (err) {
        (void)snprintf(err->code, sizeof err->code, "%.15s", rd_kafka_err2name(e));
    }
    return rc;
}

enum tb_rc tb_kafka_fail_error(struct tb_error *err, rd_kafka_error_t *e, const char *attempt)
{
    if (!e) {
        return TB_OK;
    }
    enum tb_rc rc = tb_kafka_fail(err, rd_kafka_error_code(e), attempt, rd_kafka_error_string(e));
    rd_kafka_error_destroy(e);
    return rc;
}
