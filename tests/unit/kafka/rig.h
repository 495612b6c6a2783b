/* A broker to test against: librdkafka's mock cluster in this process, or the one at KAFKA_BROKERS.
 * Test code alone may use librdkafka beside common/kafka. */
#ifndef TB_TESTS_KAFKA_RIG_H
#define TB_TESTS_KAFKA_RIG_H

/* cmocka's header wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "common/kafka/admin.h"
#include "common/kafka/consumer.h"
#include "common/kafka/producer.h"

struct rig {
    rd_kafka_t *rk;                /* owner of the mock cluster, or of requests to the broker */
    rd_kafka_mock_cluster_t *mock; /* NULL with a real broker */
    struct tb_config *cfg;
};
extern struct rig rig;

void rig_up_mock(void);
void rig_up_broker(void);
void rig_down(void);

/* Loads the settings with one changed; free with tb_config_free. */
struct tb_config *rig_config(const char *name, const char *value);

/* Makes a topic with a name of its own, valid until the next 16 calls. */
const char *rig_topic(int32_t partitions);
/* A name that was not used before, same lifetime. */
const char *rig_name(const char *what);
/* Removes records below offset (real broker only). */
void rig_delete_records(const char *topic, int32_t partition, int64_t offset);

/* Writes values "first", "first + 1", ... to the topic; key NULL: the one of `keys` keys "k<i %
 * keys>". */
void rig_fill(const char *topic, int64_t first, int64_t n, int keys);

#define assert_tb_ok(rc, err)                                                                      \
    do {                                                                                           \
        enum tb_rc rc_ = (rc);                                                                     \
        if (rc_ != TB_OK) {                                                                        \
            fail_msg("%s: %s", tb_rc_name(rc_), (err).text);                                       \
        }                                                                                          \
    } while (0)

#endif
