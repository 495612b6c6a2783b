/* The output of `git show` as JSON: pure. */
#ifndef TB_GATEWAY_DIFF_H
#define TB_GATEWAY_DIFF_H

#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/str.h"

/* What git is asked for before the patch: hash, author, time and message, each ended by NUL. */
#define TB_DIFF_FORMAT "%H%x00%an <%ae>%x00%cI%x00%B%x00"

/* Lines shown of one commit; what is more is counted only. */
#define TB_DIFF_LINES_MAX 20000

/* Appends the commit as one object. cut: the text ends early, which the object says. Bytes that are
 * no UTF-8 become U+FFFD. False when the text is not what git writes. */
bool tb_diff_json(tb_str text, tb_str repository, bool cut, tb_buf *out);

#endif
