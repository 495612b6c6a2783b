/* JSON to and from the records of common/model, driven by their tables.
 *
 * Decoding is strict: unknown and repeated members, wrong types, values out of range, strings that
 * are too long (in characters) and null where it means nothing are refused, and the error names the
 * field by its path: `title`, `updates.title`, `columns[2].id`, `settings.transitions.todo[0]`.
 * Thread-safe: there is no shared state. */
#ifndef TB_JSON_RECORD_H
#define TB_JSON_RECORD_H

#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/json_write.h"
#include "common/base/str.h"
#include "common/model/schema.h"

/* Largest text any parser of this folder takes, and the deepest nesting. */
#define TB_JSON_MAX_BYTES ((size_t)128 * 1024 * 1024)
#define TB_JSON_MAX_DEPTH 64u

/* Decodes json, one object, into the struct at ret (rec->size bytes, overwritten). Strings and
 * lists are copied into the arena. What was not given or null is zero, times are TB_TIME_NONE.
 * Errors: TB_EINVAL with err->field, TB_ELIMIT when json is too large, TB_ENOMEM. */
enum tb_rc tb_record_parse(const struct tb_record *rec, tb_str json, struct tb_arena *arena,
                           void *ret, struct tb_error *err) TB_MUST_USE;

/* Writes the given fields of the struct at data as one object, in the table's order. */
void tb_record_write(const struct tb_record *rec, const void *data, struct tb_json *w);
/* The same without the braces, into an object already open. */
void tb_record_write_members(const struct tb_record *rec, const void *data, struct tb_json *w);

/* Decodes a JSON array of strings, such as a jsonb column; a null slice is the empty list. */
enum tb_rc tb_strings_parse(tb_str json, struct tb_arena *arena, tb_strs *ret) TB_MUST_USE;

#endif
