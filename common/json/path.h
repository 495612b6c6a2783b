/* Paths of fields, for errors: columns[2].id */
#ifndef TB_JSON_PATH_H
#define TB_JSON_PATH_H

#include <stddef.h>

#include "common/base/err.h"
#include "common/base/str.h"

/* One step, from the inside out; lives on the stack of who walks. */
struct tb_path {
    const struct tb_path *up;
    tb_str name; /* null: index counts */
    size_t index;
};

/* Fills err with the path (cut to fit) and a sentence; returns TB_EINVAL. */
enum tb_rc tb_path_fail(struct tb_error *err, const struct tb_path *path, const char *fmt, ...)
    TB_PRINTF(3, 4);

#endif
