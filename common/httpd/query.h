/* Percent-encoding and query strings: pure. */
#ifndef TB_HTTPD_QUERY_H
#define TB_HTTPD_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

/* Decodes %XX (and '+' as a blank where plus is set). Null when an escape is broken, the result is
 * no UTF-8 or holds a NUL, or the arena is exhausted. */
tb_str tb_uri_decode(tb_str text, bool plus, struct tb_arena *arena);

struct tb_query_param {
    tb_str name;
    tb_str value; /* "" where there is no '=' */
};

struct tb_query {
    struct tb_query_param *params;
    size_t n;
};

#define TB_QUERY_MAX 100

/* Decodes a query string (null: empty). TB_EINVAL when it is malformed or has more than
 * TB_QUERY_MAX parameters. */
enum tb_rc tb_query_parse(tb_str text, struct tb_arena *arena, struct tb_query *ret,
                          struct tb_error *err) TB_MUST_USE;
/* The first value, null when there is none. */
tb_str tb_query_get(const struct tb_query *query, const char *name);

#endif
