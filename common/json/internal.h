/* What the sources of this folder share. Only they see jansson. */
#ifndef TB_JSON_INTERNAL_H
#define TB_JSON_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/model/schema.h"

/* Where in a text parsing stopped, for people and for deciding what can still be read. */
enum tb_json_fault {
    TB_JSON_FAULT_SYNTAX,
    TB_JSON_FAULT_DUPLICATE, /* a member given twice */
    TB_JSON_FAULT_NUMBER,    /* a number no 64 bits hold */
};

/* How to treat what jansson calls an error but JSON's grammar allows. */
enum tb_json_mode { TB_JSON_STRICT, TB_JSON_LENIENT };

/* Parses one value. On TB_EINVAL err->field holds the path of the place, fault (may be NULL) the
 * kind. json must be at most TB_JSON_MAX_BYTES (TB_ELIMIT). The caller owns *ret: json_decref. */
enum tb_rc tb_json_load(tb_str json, enum tb_json_mode mode, json_t **ret,
                        enum tb_json_fault *fault, struct tb_error *err) TB_MUST_USE;

/* Path of the member being read at byte `at`, e.g. data.columns[2].id; cut to fit out. Works on
 * text that is well-formed up to there. */
void tb_json_locate(tb_str json, size_t at, char *out, size_t out_size);
/* Number of members of the outermost object of a well-formed text. */
size_t tb_json_members(tb_str json);
/* The value of a member of the outermost object of a well-formed text, as it stands; null when
 * there is none. */
tb_str tb_json_member(tb_str json, const char *name);

/* One step of a path, from the inside out; lives on the stack of the decoder. */
struct tb_path {
    const struct tb_path *up;
    tb_str name; /* null: index counts */
    size_t index;
};
/* Fills err with the path and a sentence; returns TB_EINVAL. */
enum tb_rc tb_path_fail(struct tb_error *err, const struct tb_path *path, const char *fmt, ...)
    TB_PRINTF(3, 4);

/* tb_record_parse for a value at hand. The member named skip (may be NULL) is ignored. */
enum tb_rc tb_record_decode_json(const struct tb_record *rec, const json_t *object,
                                 const char *skip, const struct tb_path *up, struct tb_arena *arena,
                                 void *ret, struct tb_error *err) TB_MUST_USE;

/* ---- text rules, shared with the envelope ---- */

/* What is wrong with s as an id of at most max characters, NULL when nothing is. */
const char *tb_text_id_fault(tb_str s, size_t max);
/* prefix followed by a lower-case UUID. */
bool tb_text_is_prefixed_uuid(tb_str s, const char *prefix);
/* min..max characters. */
bool tb_text_fits(tb_str s, size_t min, size_t max);

static inline tb_str tb_json_text(const json_t *string)
{
    return (tb_str){json_string_value(string), json_string_length(string)};
}

#endif
