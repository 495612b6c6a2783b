/* The reader of our own messages: JSON text to a tree in an arena.
 *
 * Every command and event passes here, so it is made for that: the text is copied once, strings are
 * decoded in place and are slices of that copy, nothing is converted that no field asks for.
 * jansson, which reads everything else (dom.h), took four times as long. It is as strict as
 * jansson, with a fuzz test that compares the two (tests/fuzz/fuzz_tree.c), but for what can still
 * be answered: a member given twice is marked, and a number of any size is fine until a field wants
 * it. */
#ifndef TB_JSON_TREE_H
#define TB_JSON_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

enum tb_tree_kind {
    TB_TREE_NULL,
    TB_TREE_BOOL,
    TB_TREE_INT,  /* no fraction or exponent, and fits 64 bits */
    TB_TREE_REAL, /* any other number */
    TB_TREE_STRING,
    TB_TREE_ARRAY,
    TB_TREE_OBJECT,
};

struct tb_tree {
    enum tb_tree_kind kind;
    bool boolean;
    bool twice;           /* an earlier member of the object has the same name */
    tb_str name;          /* of a member, else null */
    tb_str text;          /* STRING; NUL-terminated */
    tb_str raw;           /* the value as written, a slice of the text given */
    int64_t integer;      /* INT */
    struct tb_tree *next; /* in the same array or object */
    struct tb_tree *first;
    size_t n; /* entries or members */
};

/* Parses one value, nested at most TB_JSON_MAX_DEPTH deep, of at most TB_JSON_MAX_BYTES. What *ret
 * points to is in the arena but for raw. TB_EINVAL (err->field is the path of the place),
 * TB_ELIMIT, TB_ENOMEM. */
enum tb_rc tb_tree_parse(tb_str json, struct tb_arena *arena, const struct tb_tree **ret,
                         struct tb_error *err) TB_MUST_USE;

/* The member of that name; NULL when there is none, or tree is NULL or no object. */
const struct tb_tree *tb_tree_get(const struct tb_tree *tree, const char *name);

#endif
