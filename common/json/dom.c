/* The only source that sees jansson. */
#include "common/json/dom.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/json/base64.h"
#include "common/json/record.h"

static tb_str text_of(const json_t *string)
{
    return (tb_str){json_string_value(string), json_string_length(string)};
}

/* A node is jansson's value under another name, a tree its root. */
static const json_t *value_of(const struct tb_node *node)
{
    return (const json_t *)(const void *)node;
}

static const struct tb_node *node_of(const json_t *value)
{
    return (const struct tb_node *)(const void *)value;
}

/* Deeper than allowed? Counts brackets outside strings; the text need not be well-formed. */
static bool too_deep(tb_str json)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > TB_JSON_MAX_DEPTH) {
                return true;
            }
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    return false;
}

static const char *sentence(enum json_error_code code)
{
    switch ((int)code) {
    case json_error_invalid_utf8:
        return "not UTF-8";
    case json_error_premature_end_of_input:
        return "the JSON text ends too early";
    case json_error_end_of_input_expected:
        return "something follows the JSON value";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "U+0000 is not allowed";
    case json_error_duplicate_key:
        return "a member is given twice";
    case json_error_numeric_overflow:
        return "a number is too large";
    default:
        return "not JSON";
    }
}

enum tb_rc tb_dom_parse(tb_str json, size_t max_bytes, struct tb_dom **ret, struct tb_error *err)
{
    *ret = NULL;
    size_t max = max_bytes ? max_bytes : TB_JSON_MAX_BYTES;
    if (json.len > max) {
        return tb_fail(err, TB_ELIMIT, "the JSON text has %zu bytes, more than %zu", json.len, max);
    }
    if (too_deep(json)) {
        return tb_fail(err, TB_EINVAL, "nested more than %u deep", TB_JSON_MAX_DEPTH);
    }
    json_error_t e;
    json_t *root = json_loadb(json.ptr ? json.ptr : "", json.len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
    *ret = (struct tb_dom *)(void *)root;
    if (root) {
        return TB_OK;
    }
    enum json_error_code code = json_error_code(&e);
    if (code == json_error_out_of_memory) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    return tb_fail(err, TB_EINVAL, "%s (line %d, column %d)", sentence(code), e.line, e.column);
}

void tb_dom_free(struct tb_dom *dom)
{
    json_decref((json_t *)(void *)dom);
}

const struct tb_node *tb_dom_root(const struct tb_dom *dom)
{
    return (const struct tb_node *)(const void *)dom;
}

enum tb_node_kind tb_node_kind(const struct tb_node *node)
{
    if (!node) {
        return TB_NODE_NONE;
    }
    switch (json_typeof(value_of(node))) {
    case JSON_OBJECT:
        return TB_NODE_OBJECT;
    case JSON_ARRAY:
        return TB_NODE_ARRAY;
    case JSON_STRING:
        return TB_NODE_STRING;
    case JSON_INTEGER:
        return TB_NODE_INT;
    case JSON_REAL:
        return TB_NODE_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return TB_NODE_BOOL;
    case JSON_NULL:
        return TB_NODE_NULL;
    }
    return TB_NODE_NONE;
}

const struct tb_node *tb_node_get(const struct tb_node *node, const char *name)
{
    return node_of(json_object_get(value_of(node), name));
}

const struct tb_node *tb_node_path(const struct tb_node *node, const char *path)
{
    while (node && *path) {
        size_t n = strcspn(path, ".");
        char name[64];
        if (n >= sizeof name) {
            return NULL;
        }
        memcpy(name, path, n);
        name[n] = '\0';
        node = tb_node_get(node, name);
        path += n + (path[n] == '.');
    }
    return node;
}

size_t tb_node_size(const struct tb_node *node)
{
    const json_t *v = value_of(node);
    return json_is_array(v) ? json_array_size(v) : json_object_size(v);
}

const struct tb_node *tb_node_at(const struct tb_node *node, size_t index)
{
    return node_of(json_array_get(value_of(node), index));
}

/* jansson's iterator takes no const object, but does not change it. */
static json_t *for_iterating(const struct tb_node *node)
{
    union {
        const void *node;
        json_t *value;
    } cast = {.node = node};
    return cast.value;
}

bool tb_node_next(const struct tb_node *object, void **at, tb_str *ret_name,
                  const struct tb_node **ret_value)
{
    json_t *v = for_iterating(object);
    *at = *at ? json_object_iter_next(v, *at) : json_object_iter(v);
    if (!*at) {
        return false;
    }
    *ret_name = tb_str_of(json_object_iter_key(*at));
    *ret_value = node_of(json_object_iter_value(*at));
    return true;
}

tb_str tb_node_str(const struct tb_node *node)
{
    return json_is_string(value_of(node)) ? text_of(value_of(node)) : TB_STR_NULL;
}

int64_t tb_node_int(const struct tb_node *node, int64_t otherwise)
{
    return json_is_integer(value_of(node)) ? json_integer_value(value_of(node)) : otherwise;
}

double tb_node_real(const struct tb_node *node, double otherwise)
{
    return json_is_number(value_of(node)) ? json_number_value(value_of(node)) : otherwise;
}

bool tb_node_bool(const struct tb_node *node, bool otherwise)
{
    return json_is_boolean(value_of(node)) ? json_is_true(value_of(node)) : otherwise;
}

/* ---- vectors ---- */

static bool all_finite(const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(v[i])) {
            return false;
        }
    }
    return true;
}

bool tb_base64_floats(tb_str text, float *out, size_t n)
{
    size_t len;
    if (!tb_base64_decode(text, out, n * sizeof *out, &len) || len != n * sizeof *out) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char b[4];
        memcpy(b, &out[i], sizeof b);
        uint32_t bits =
            (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        memcpy(&out[i], &bits, sizeof bits);
    }
    return all_finite(out, n);
}

bool tb_node_floats(const struct tb_node *node, float *out, size_t n)
{
    const json_t *v = value_of(node);
    if (json_is_string(v)) {
        return tb_base64_floats(text_of(v), out, n);
    }
    if (!json_is_array(v) || json_array_size(v) != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(v, i);
        if (!json_is_number(item)) {
            return false;
        }
        out[i] = (float)json_number_value(item);
    }
    return all_finite(out, n);
}

/* ---- writing ---- */

/* The shortest form that reads back as the same number. */
static void write_real(struct tb_json *w, double value)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    if (!strpbrk(text, ".eE")) {
        memcpy(text + strlen(text), ".0", 3);
    }
    tb_json_raw(w, tb_str_of(text));
}

static void write_members(const struct tb_node *node, struct tb_json *w)
{
    void *at = NULL;
    tb_str name;
    const struct tb_node *value;
    tb_json_open(w, '{');
    while (tb_node_next(node, &at, &name, &value)) {
        tb_json_key_str(w, name);
        tb_node_write(value, w);
    }
    tb_json_close(w, '}');
}

static void write_items(const struct tb_node *node, struct tb_json *w)
{
    tb_json_open(w, '[');
    for (size_t i = 0; i < tb_node_size(node); i++) {
        tb_node_write(tb_node_at(node, i), w);
    }
    tb_json_close(w, ']');
}

void tb_node_write(const struct tb_node *node, struct tb_json *w)
{
    switch (tb_node_kind(node)) {
    case TB_NODE_NONE:
    case TB_NODE_NULL:
        tb_json_null(w);
        return;
    case TB_NODE_BOOL:
        tb_json_bool(w, tb_node_bool(node, false));
        return;
    case TB_NODE_INT:
        tb_json_int(w, tb_node_int(node, 0));
        return;
    case TB_NODE_REAL:
        write_real(w, tb_node_real(node, 0));
        return;
    case TB_NODE_STRING:
        tb_json_string(w, tb_node_str(node));
        return;
    case TB_NODE_ARRAY:
        write_items(node, w);
        return;
    case TB_NODE_OBJECT:
        write_members(node, w);
        return;
    }
}

static void new_line(tb_buf *out, int depth)
{
    tb_buf_add_char(out, '\n');
    for (int i = 0; i < depth; i++) {
        tb_buf_add_c(out, "  ");
    }
}

static void pretty(const struct tb_node *node, tb_buf *out, int depth)
{
    bool object = tb_node_kind(node) == TB_NODE_OBJECT;
    size_t n = tb_node_size(node);
    if (!n) {
        struct tb_json w = {.buf = out};
        tb_node_write(node, &w);
        return;
    }
    tb_buf_add_char(out, object ? '{' : '[');
    void *at = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct tb_node *value = object ? NULL : tb_node_at(node, i);
        tb_str name;
        tb_buf_add_c(out, i ? "," : "");
        new_line(out, depth + 1);
        if (object && tb_node_next(node, &at, &name, &value)) {
            tb_json_str(out, name);
            tb_buf_add_c(out, ": ");
        }
        pretty(value, out, depth + 1);
    }
    new_line(out, depth);
    tb_buf_add_char(out, object ? '}' : ']');
}

void tb_node_pretty(const struct tb_node *node, tb_buf *out)
{
    pretty(node, out, 0);
}

tb_str tb_json_compact(tb_str json, struct tb_arena *arena)
{
    struct tb_dom *dom;
    if (tb_str_is_null(json) || tb_dom_parse(json, 0, &dom, NULL) != TB_OK) {
        return TB_STR_NULL;
    }
    tb_buf buf;
    tb_buf_init(&buf, json.len * 6 + 16); /* escapes are six bytes at most */
    struct tb_json w = {.buf = &buf};
    tb_node_write(tb_dom_root(dom), &w);
    tb_str text = tb_buf_take(&buf, arena);
    tb_buf_dispose(&buf);
    tb_dom_free(dom);
    return text;
}
