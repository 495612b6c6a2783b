/* Parsing a text into jansson's values, with errors people can use. */
#include <stdio.h>

#include "common/base/utf8.h"
#include "common/json/internal.h"
#include "common/json/record.h"

/* Deeper than allowed? Counts brackets outside strings; the text need not be well-formed. */
static bool too_deep(tb_str json, size_t *ret_at)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        if (quoted) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                quoted = false;
            }
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > TB_JSON_MAX_DEPTH) {
                *ret_at = i;
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
    case json_error_stack_overflow:
        return "nested too deeply";
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
        return "the member is given twice";
    case json_error_numeric_overflow:
        return "the number is too large";
    default:
        return "not JSON";
    }
}

static enum tb_rc fail_at(struct tb_error *err, tb_str json, size_t at, const char *what)
{
    char path[sizeof err->field];
    tb_json_locate(json, at, path, sizeof path);
    return tb_fail_field(err, TB_EINVAL, path, "%s (at byte %zu)", what, at);
}

enum tb_rc tb_json_load(tb_str json, enum tb_json_mode mode, json_t **ret,
                        enum tb_json_fault *fault, struct tb_error *err)
{
    *ret = NULL;
    if (fault) {
        *fault = TB_JSON_FAULT_SYNTAX;
    }
    if (json.len > TB_JSON_MAX_BYTES) {
        return tb_fail(err, TB_ELIMIT, "the JSON text has %zu bytes, more than %zu", json.len,
                       TB_JSON_MAX_BYTES);
    }
    size_t at;
    if (too_deep(json, &at)) {
        return fail_at(err, json, at, sentence(json_error_stack_overflow));
    }
    size_t flags = JSON_DECODE_ANY;
    flags |= mode == TB_JSON_STRICT ? JSON_REJECT_DUPLICATES : JSON_DECODE_INT_AS_REAL;
    json_error_t e;
    *ret = json_loadb(json.ptr ? json.ptr : "", json.len, flags, &e);
    if (*ret) {
        return TB_OK;
    }
    enum json_error_code code = json_error_code(&e);
    if (code == json_error_out_of_memory) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    if (fault && code == json_error_duplicate_key) {
        *fault = TB_JSON_FAULT_DUPLICATE;
    } else if (fault && code == json_error_numeric_overflow) {
        *fault = TB_JSON_FAULT_NUMBER;
    }
    return fail_at(err, json, e.position > 0 ? (size_t)e.position : 0, sentence(code));
}

/* ---- walking a text that is known to be well-formed (up to a point) ---- */

struct walk {
    tb_str json;
    size_t at;
    size_t depth;
    bool wants_key; /* inside an object, before a member's name */
};

struct level {
    bool is_array;
    size_t index;
    tb_str key; /* as written, escapes included */
};

#define LEVELS 16 /* deeper ones are left out of a path */

/* Past the string that begins at w->at; returns what is between the quotes. */
static tb_str walk_string(struct walk *w)
{
    size_t start = ++w->at;
    while (w->at < w->json.len && w->json.ptr[w->at] != '"') {
        w->at += w->json.ptr[w->at] == '\\' ? 2 : 1;
    }
    if (w->at > w->json.len) {
        w->at = w->json.len;
    }
    tb_str s = {w->json.ptr + start, w->at - start};
    if (w->at < w->json.len) {
        w->at++;
    }
    return s;
}

static void write_path(const struct level *levels, size_t n, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < n && len + 1 < size; i++) {
        char *to = out + len;
        size_t room = size - len;
        int added = 0;
        if (levels[i].is_array) {
            added = snprintf(to, room, "[%zu]", levels[i].index);
        } else if (levels[i].key.len && tb_utf8_valid(levels[i].key)) {
            tb_str key = tb_utf8_prefix(levels[i].key, room > 2 ? room - 2 : 0);
            added = snprintf(to, room, "%s%.*s", len ? "." : "", TB_ARG(key));
        }
        if (added < 0 || (size_t)added >= room) {
            out[len] = '\0';
            return;
        }
        len += (size_t)added;
    }
}

void tb_json_locate(tb_str json, size_t at, char *out, size_t out_size)
{
    struct level levels[LEVELS] = {0};
    struct walk w = {.json = {json.ptr, at < json.len ? at : json.len}};
    size_t n = 0; /* open levels, also those not kept */
    bool wants_key = false;
    while (w.at < w.json.len) {
        struct level *top = n && n <= LEVELS ? &levels[n - 1] : NULL;
        char c = w.json.ptr[w.at];
        if (c == '"') {
            tb_str s = walk_string(&w);
            if (top && wants_key) {
                top->key = s;
            }
            wants_key = false;
            continue;
        }
        if (c == '{' || c == '[') {
            if (++n <= LEVELS) {
                levels[n - 1] = (struct level){.is_array = c == '['};
            }
            wants_key = c == '{';
        } else if ((c == '}' || c == ']') && n) {
            n--;
            wants_key = false;
        } else if (c == ',' && top) {
            top->index++;
            top->key = (tb_str){"", 0};
            wants_key = !top->is_array;
        }
        w.at++;
    }
    write_path(levels, n < LEVELS ? n : LEVELS, out, out_size);
}

/* The next member of the outermost object. False at the end. */
static bool next_member(struct walk *w, tb_str *ret_name, tb_str *ret_value)
{
    size_t start = 0;
    bool in_value = false;
    while (w->at < w->json.len) {
        char c = w->json.ptr[w->at];
        bool ends = w->depth == 1 && (c == ',' || c == '}');
        if (ends && in_value) {
            size_t end = w->at;
            while (end > start && strchr(" \t\r\n", w->json.ptr[end - 1])) {
                end--;
            }
            *ret_value = (tb_str){w->json.ptr + start, end - start};
            w->at++;
            w->depth -= c == '}';
            w->wants_key = true;
            return true;
        }
        if (c == '"') {
            tb_str s = walk_string(w);
            if (w->depth == 1 && w->wants_key) {
                *ret_name = s;
                w->wants_key = false;
            }
            continue;
        }
        if (c == '{' || c == '[') {
            w->wants_key = ++w->depth == 1;
        } else if (c == '}' || c == ']') {
            if (w->depth <= 1) {
                return false;
            }
            w->depth--;
        } else if (c == ':' && w->depth == 1 && !in_value) {
            in_value = true;
            start = w->at + 1;
            while (start < w->json.len && strchr(" \t\r\n", w->json.ptr[start])) {
                start++;
            }
            w->at = start;
            continue;
        }
        w->at++;
    }
    return false;
}

size_t tb_json_members(tb_str json)
{
    struct walk w = {.json = json};
    tb_str name;
    tb_str value;
    size_t n = 0;
    while (next_member(&w, &name, &value)) {
        n++;
    }
    return n;
}

tb_str tb_json_member(tb_str json, const char *wanted)
{
    struct walk w = {.json = json};
    tb_str name = TB_STR_NULL;
    tb_str value;
    while (next_member(&w, &name, &value)) {
        if (tb_str_eq_c(name, wanted)) {
            return value;
        }
    }
    return TB_STR_NULL;
}
