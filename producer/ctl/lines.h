/* JSONL: commands as lines, each a whole CloudEvents command or the short form
 * {"type": ..., "subject": ..., "data": {...}}. */
#ifndef TB_CTL_LINES_H
#define TB_CTL_LINES_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "ticketbus/ticketbus.h"

/* Takes the next line that is not blank off *rest; false at the end. *number counts all lines. */
bool ctl_next_line(tb_str *rest, tb_str *ret, size_t *number);

/* The command a line stands for. TB_EINVAL with what is wrong with it. */
enum tb_rc ctl_line_command(tb_str line, struct ticketbus_command **ret,
                            struct tb_error *err) TB_MUST_USE;

#endif
