/* Reading a topic's last records without a group: dead letters. */
#ifndef TB_CTL_LETTERS_H
#define TB_CTL_LETTERS_H

#include "common/kafka/consumer.h"
#include "producer/ctl/ctl.h"

/* Called for each record; false ends the reading. */
typedef bool ctl_letter_fn(const struct tb_kafka_message *m, void *arg);

/* Reads what each partition of topic holds now, at most its last `last` records (0: all), in the
 * order of the log. */
enum tb_rc ctl_letters_read(struct ctl *ctl, const char *topic, int64_t last, ctl_letter_fn *fn,
                            void *arg, struct tb_error *err) TB_MUST_USE;

#endif
