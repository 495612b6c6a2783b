/* Shared by the parts of tb_kafka: configuration and errors of librdkafka. Not for others. */
#ifndef TB_KAFKA_INTERNAL_H
#define TB_KAFKA_INTERNAL_H

#include <librdkafka/rdkafka.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/config/config.h"

/* Builds a configuration property by property; the first failure sticks. */
struct tb_kconf {
    rd_kafka_conf_t *conf;
    struct tb_error *err; /* may be NULL */
    enum tb_rc rc;
};

/* Starts with what every client of ours has: brokers, security, client id, logs. */
void tb_kconf_init(struct tb_kconf *k, const struct tb_config *cfg, const char *client_id,
                   struct tb_error *err);
void tb_kconf_set(struct tb_kconf *k, const char *name, const char *value);
void tb_kconf_set_int(struct tb_kconf *k, const char *name, int64_t value);
/* For properties newer than our floor of 2.0.2, or left out of some builds: no error when absent.
 * Returns whether it was taken. */
bool tb_kconf_try(struct tb_kconf *k, const char *name, const char *value);
/* Makes the client; the configuration is used up in either case. */
enum tb_rc tb_kconf_make(struct tb_kconf *k, rd_kafka_type_t type, rd_kafka_t **ret);
void tb_kconf_dispose(struct tb_kconf *k);

enum tb_rc tb_kafka_rc(rd_kafka_resp_err_t e);
/* Which settings of ours are at fault, as words to add: " (see KAFKA_SSL_CA)"; "" when none is
 * known to be. reason may be NULL. */
const char *tb_kafka_settings_of(rd_kafka_resp_err_t e, const char *reason);
/* Fills err with code, what was attempted and reason (librdkafka's own words when NULL). */
enum tb_rc tb_kafka_fail(struct tb_error *err, rd_kafka_resp_err_t e, const char *attempt,
                         const char *reason);
/* The same; destroys e. */
enum tb_rc tb_kafka_fail_error(struct tb_error *err, rd_kafka_error_t *e, const char *attempt);

/* Low and high watermark as the broker has them now. */
enum tb_rc tb_kafka_watermarks(rd_kafka_t *rk, const char *topic, int32_t partition,
                               int64_t *ret_low, int64_t *ret_high, int timeout_ms,
                               struct tb_error *err) TB_MUST_USE;

#endif
