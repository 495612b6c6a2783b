/* The administrator's state and the one way to wait for an answer. */
#ifndef TB_KAFKA_ADMIN_INTERNAL_H
#define TB_KAFKA_ADMIN_INTERNAL_H

#include "common/kafka/admin.h"
#include "common/kafka/internal.h"

struct tb_admin {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    char trouble[TB_ERROR_TEXT_MAX / 2]; /* "" when none */
};

rd_kafka_AdminOptions_t *tb_admin_options(struct tb_admin *a, rd_kafka_admin_op_t op,
                                          int timeout_ms);
/* Waits for the answer of a request made just before. On success *ret is the event, to be destroyed
 * by the caller. */
enum tb_rc tb_admin_wait(struct tb_admin *a, const char *attempt, rd_kafka_event_t **ret,
                         int timeout_ms, struct tb_error *err) TB_MUST_USE;
/* librdkafka's "timed out" says little: adds what the connection suffers from. */
enum tb_rc tb_admin_fail(struct tb_admin *a, rd_kafka_resp_err_t e, const char *attempt,
                         const char *reason, struct tb_error *err);

#endif
