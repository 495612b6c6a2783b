/* Tickets, or parts of them, that could not be indexed: one message each on the index's dead-letter
 * topic, as a CloudEvents envelope without the text itself. */
#ifndef TB_INDEXER_SHELL_DEADLETTER_H
#define TB_INDEXER_SHELL_DEADLETTER_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/config/config.h"
#include "common/kafka/producer.h"

struct tb_index_letter {
    tb_str ticket_id;
    int64_t version;
    tb_str chunk;      /* key of the part, null: the whole ticket */
    const char *stage; /* embed, store or database */
    const char *reason;
};

/* Returns when the broker has acknowledged it. TB_EUNAVAILABLE: not yet, try again. */
enum tb_rc tb_index_letter_send(struct tb_producer *p, const char *topic,
                                const struct tb_index_letter *letter,
                                struct tb_error *err) TB_MUST_USE;

#endif
