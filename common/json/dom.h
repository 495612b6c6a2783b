/* Any JSON text as a read-only tree, for answers of other services, files and tools. (What crosses
 * our own topics is read by command.h and event.h.)
 *
 *     struct tb_dom *dom;
 *     enum tb_rc rc = tb_dom_parse(body, 0, &dom, err);
 *     const struct tb_node *points = tb_node_path(tb_dom_root(dom), "result.points");
 *     for (size_t i = 0; i < tb_node_size(points); i++) ... tb_node_at(points, i) ...
 *     tb_dom_free(dom);
 *
 * Every function takes a NULL node, which stands for "not there": look-ups may be chained and
 * checked at the end. Nodes and the strings they return live as long as the tree. Reading one tree
 * from several threads is fine. */
#ifndef TB_JSON_DOM_H
#define TB_JSON_DOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/json_write.h"
#include "common/base/str.h"

struct tb_dom;
struct tb_node;

enum tb_node_kind {
    TB_NODE_NONE, /* a NULL node */
    TB_NODE_NULL,
    TB_NODE_BOOL,
    TB_NODE_INT,
    TB_NODE_REAL,
    TB_NODE_STRING,
    TB_NODE_ARRAY,
    TB_NODE_OBJECT,
};

/* Parses one value of at most max_bytes (0: 128 MiB) that is nested at most 64 deep; repeated
 * members are refused. TB_EINVAL (err->field is the path of the place), TB_ELIMIT, TB_ENOMEM. */
enum tb_rc tb_dom_parse(tb_str json, size_t max_bytes, struct tb_dom **ret,
                        struct tb_error *err) TB_MUST_USE;
void tb_dom_free(struct tb_dom *dom);
const struct tb_node *tb_dom_root(const struct tb_dom *dom);

enum tb_node_kind tb_node_kind(const struct tb_node *node);
/* The member of an object; NULL when there is none or node is no object. */
const struct tb_node *tb_node_get(const struct tb_node *node, const char *name);
/* The same through several objects, names joined by dots. */
const struct tb_node *tb_node_path(const struct tb_node *node, const char *path);
/* Entries of an array or members of an object, else 0. */
size_t tb_node_size(const struct tb_node *node);
/* Entry of an array, NULL beyond its end. */
const struct tb_node *tb_node_at(const struct tb_node *node, size_t index);
/* Walks an object in the order of the text; *at is NULL before the first call. */
bool tb_node_next(const struct tb_node *object, void **at, tb_str *ret_name,
                  const struct tb_node **ret_value);

/* Typed values; what is not of the type is null or the value given. */
tb_str tb_node_str(const struct tb_node *node);
int64_t tb_node_int(const struct tb_node *node, int64_t otherwise);
double tb_node_real(const struct tb_node *node, double otherwise); /* also of an integer */
bool tb_node_bool(const struct tb_node *node, bool otherwise);

/* A vector: exactly n numbers, or a string of n little-endian 32-bit floats in base64 (what
 * embedding servers send for encoding_format base64). False when it is not that, or a number is not
 * finite. */
bool tb_node_floats(const struct tb_node *node, float *out, size_t n) TB_MUST_USE;
/* The same of a string that is at hand: base64 of little-endian floats. */
bool tb_base64_floats(tb_str text, float *out, size_t n) TB_MUST_USE;

/* The value as JSON, compact. */
void tb_node_write(const struct tb_node *node, struct tb_json *w);
/* A JSON text in that form, in the arena; null for what is null or no JSON. */
tb_str tb_json_compact(tb_str json, struct tb_arena *arena);
/* The value as JSON for people: two blanks per level. */
void tb_node_pretty(const struct tb_node *node, tb_buf *out);

#endif
