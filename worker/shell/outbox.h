/* The outbox column of command_log: messages a command leads to, with their exact bytes.
 *
 * One frame per message: kind, key length, body length (decimal, blanks between), newline, key,
 * body, newline. Readable in psql, and what is published again after a crash is byte for byte the
 * same. */
#ifndef TB_WORKER_SHELL_OUTBOX_H
#define TB_WORKER_SHELL_OUTBOX_H

#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/str.h"

enum tb_frame_kind {
    TB_FRAME_EVENT = 'E',    /* to the events topic */
    TB_FRAME_REPEAT = 'R',   /* to the events topic, marked as a repeat */
    TB_FRAME_INTERNAL = 'I', /* to the commands topic, signed */
    TB_FRAME_FORWARD = 'C',  /* to the commands topic, a record found on the wrong partition */
    TB_FRAME_DEAD = 'D',     /* to the dead-letter topic */
};

struct tb_frame {
    enum tb_frame_kind kind;
    tb_str key;
    tb_str body;
};

void tb_outbox_add(tb_buf *out, enum tb_frame_kind kind, tb_str key, tb_str body);
/* Takes the next frame off *rest; slices point into it. False at the end, or when *rest is damaged
 * (then *rest is left non-empty). */
bool tb_outbox_next(tb_str *rest, struct tb_frame *ret);

#endif
