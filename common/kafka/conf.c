/* What every client of librdkafka here has in common. */
#include <stdio.h>
#include <strings.h>

#include "common/base/log.h"
#include "common/kafka/internal.h"

enum { LEVEL_CRITICAL = 2, LEVEL_WARNING = 4 }; /* of syslog, as librdkafka numbers them */

/* Called by librdkafka's threads as well as ours; tb_log is safe for both. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    /* Notes that a property does not concern this kind of client, or brokers of before 2017. */
    if (strcmp(facility, "CONFWARN") == 0 || strcmp(facility, "AUTOCREATE") == 0) {
        return;
    }
    const char *name = rk ? rd_kafka_name(rk) : "kafka";
    if (level <= LEVEL_CRITICAL) {
        tb_log_error("%s: %s: %s", name, facility, text);
    } else if (level <= LEVEL_WARNING) {
        tb_log_warn("%s: %s: %s", name, facility, text);
    } else {
        tb_log_debug("%s: %s: %s", name, facility, text);
    }
}

void tb_kconf_set(struct tb_kconf *k, const char *name, const char *value)
{
    if (k->rc != TB_OK) {
        return;
    }
    char text[256];
    rd_kafka_conf_res_t res = rd_kafka_conf_set(k->conf, name, value, text, sizeof text);
    if (res == RD_KAFKA_CONF_OK) {
        return;
    }
    /* librdkafka's text may quote the value. */
    bool secret = strstr(name, "password") != NULL;
    k->rc = tb_fail_field(k->err, TB_EINVAL, name, "Kafka setting %s: %s%s", name,
                          secret ? "not accepted" : text,
                          tb_kafka_settings_of(RD_KAFKA_RESP_ERR__INVALID_ARG, name));
}

void tb_kconf_set_int(struct tb_kconf *k, const char *name, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    tb_kconf_set(k, name, text);
}

bool tb_kconf_try(struct tb_kconf *k, const char *name, const char *value)
{
    char text[256];
    return k->rc == TB_OK &&
           rd_kafka_conf_set(k->conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK;
}

static void set_given(struct tb_kconf *k, const char *name, const char *value)
{
    if (*value) {
        tb_kconf_set(k, name, value);
    }
}

void tb_kconf_init(struct tb_kconf *k, const struct tb_config *cfg, const char *client_id,
                   struct tb_error *err)
{
    *k = (struct tb_kconf){.conf = rd_kafka_conf_new(), .err = err, .rc = TB_OK};
    rd_kafka_conf_set_log_cb(k->conf, on_log);
    tb_kconf_set(k, "bootstrap.servers", tb_config_str(cfg, TB_CFG(KAFKA_BROKERS)));
    tb_kconf_set(k, "client.id", client_id);
    tb_kconf_set(k, "log_level", tb_log_enabled(TB_LOG_DEBUG) ? "6" : "4");
    tb_kconf_set(k, "log.connection.close", "false");
    tb_kconf_set(k, "socket.nagle.disable", "true");
    tb_kconf_set(k, "socket.keepalive.enable", "true");
    tb_kconf_set(k, "reconnect.backoff.ms", "50");
    tb_kconf_set(k, "reconnect.backoff.max.ms", "2000");

    set_given(k, "security.protocol", tb_config_str(cfg, TB_CFG(KAFKA_SECURITY_PROTOCOL)));
    set_given(k, "sasl.mechanisms", tb_config_str(cfg, TB_CFG(KAFKA_SASL_MECHANISM)));
    set_given(k, "sasl.username", tb_config_str(cfg, TB_CFG(KAFKA_SASL_USERNAME)));
    set_given(k, "sasl.password", tb_config_str(cfg, TB_CFG(KAFKA_SASL_PASSWORD)));
    set_given(k, "ssl.ca.location", tb_config_str(cfg, TB_CFG(KAFKA_SSL_CA)));
}

enum tb_rc tb_kconf_make(struct tb_kconf *k, rd_kafka_type_t type, rd_kafka_t **ret)
{
    *ret = NULL;
    if (k->rc == TB_OK) {
        char text[TB_ERROR_TEXT_MAX / 2];
        *ret = rd_kafka_new(type, k->conf, text, sizeof text);
        if (*ret) {
            k->conf = NULL; /* now the client's */
        } else {
            k->rc = tb_fail(k->err, TB_EINVAL, "Kafka client: %s%s", text,
                            tb_kafka_settings_of(RD_KAFKA_RESP_ERR__INVALID_ARG, text));
        }
    }
    tb_kconf_dispose(k);
    return k->rc;
}

void tb_kconf_dispose(struct tb_kconf *k)
{
    if (k->conf) {
        rd_kafka_conf_destroy(k->conf);
        k->conf = NULL;
    }
}
