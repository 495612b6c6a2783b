/* Vectors come as long strings of base64, which a JSON parser reads byte by byte and copies. They
 * are set aside before it parses the rest. */
#ifndef TB_INDEXER_EMBED_ASIDE_H
#define TB_INDEXER_EMBED_ASIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/str.h"

struct tb_aside {
    tb_str rest; /* the text, each long string replaced by a short one that stands for it */
    const tb_str *strings;
    size_t n;
};

/* False: out of memory. Nothing is judged here: what was no JSON before is none afterwards, but for
 * the bytes of the long strings. */
bool tb_aside_take(tb_str json, struct tb_arena *arena, struct tb_aside *ret);
/* What a string of the parsed rest stands for: one that was set aside, or itself. */
tb_str tb_aside_string(const struct tb_aside *a, tb_str given);

#endif
