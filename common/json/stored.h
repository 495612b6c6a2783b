/* Messages as the command log keeps them (worker/shell/outbox.h writes them: kind, key length, body
 * length, newline, key, body, newline), for those who show what a command led to. */
#ifndef TB_JSON_STORED_H
#define TB_JSON_STORED_H

#include "common/base/json_write.h"
#include "common/base/str.h"

/* The events among them, exactly as they were published, as an array; of what is damaged nothing
 * more. */
void tb_stored_events(struct tb_json *w, tb_str stored);

#endif
