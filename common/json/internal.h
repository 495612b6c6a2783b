/* What the sources of this folder share. */
#ifndef TB_JSON_INTERNAL_H
#define TB_JSON_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/json/tree.h"
#include "common/model/schema.h"

/* tb_record_parse for a value at hand. The member named skip (may be NULL) is left to the caller.
 */
enum tb_rc tb_record_decode(const struct tb_record *rec, const struct tb_tree *object,
                            const char *skip, struct tb_arena *arena, void *ret,
                            struct tb_error *err) TB_MUST_USE;

/* ---- rules for texts ---- */

/* What is wrong with s as an id of at most max characters, NULL when nothing is. */
const char *tb_text_id_fault(tb_str s, size_t max);
/* prefix followed by a lower-case UUID. */
bool tb_text_is_prefixed_uuid(tb_str s, const char *prefix);
/* min..max characters. */
bool tb_text_fits(tb_str s, size_t min, size_t max);
/* A whole number from 0, given as an integer or as a decimal string; -1 when it is neither. */
int64_t tb_text_natural(const struct tb_tree *value);

#endif
