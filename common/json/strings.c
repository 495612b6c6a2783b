/* A JSON array of strings, read without a tree where nothing is escaped. */
#include "common/base/utf8.h"
#include "common/json/internal.h"
#include "common/json/record.h"

static void skip_blanks(tb_str s, size_t *at)
{
    while (*at < s.len &&
           (s.ptr[*at] == ' ' || s.ptr[*at] == '\n' || s.ptr[*at] == '\t' || s.ptr[*at] == '\r')) {
        (*at)++;
    }
}

static bool take(tb_str s, size_t *at, char c)
{
    skip_blanks(s, at);
    if (*at >= s.len || s.ptr[*at] != c) {
        return false;
    }
    (*at)++;
    return true;
}

/* The text between quotes; false at an escape or anything else that needs a real parser. */
static bool plain(tb_str s, size_t *at, tb_str *ret)
{
    if (!take(s, at, '"')) {
        return false;
    }
    size_t start = *at;
    for (; *at < s.len && s.ptr[*at] != '"'; (*at)++) {
        if (s.ptr[*at] == '\\' || (unsigned char)s.ptr[*at] < 0x20) {
            return false;
        }
    }
    *ret = (tb_str){s.ptr + start, *at - start};
    return take(s, at, '"');
}

/* Walks the array; items NULL counts only. False when it is not simple. */
static bool simple(tb_str json, tb_str *items, size_t *n)
{
    size_t at = 0;
    *n = 0;
    if (!take(json, &at, '[')) {
        return false;
    }
    if (!take(json, &at, ']')) {
        do {
            tb_str s;
            if (!plain(json, &at, &s)) {
                return false;
            }
            if (items) {
                items[*n] = s;
            }
            (*n)++;
        } while (take(json, &at, ','));
        if (!take(json, &at, ']')) {
            return false;
        }
    }
    skip_blanks(json, &at);
    return at == json.len;
}

static enum tb_rc parse_any(tb_str json, struct tb_arena *arena, tb_strs *ret)
{
    const struct tb_tree *root;
    enum tb_rc rc = tb_tree_parse(json, arena, &root, NULL);
    if (rc != TB_OK) {
        return rc;
    }
    tb_str *items = TB_NEW_N(arena, tb_str, root->n);
    if (!items) {
        return TB_ENOMEM;
    }
    size_t n = 0;
    for (const struct tb_tree *v = root->first; v; v = v->next) {
        if (v->kind != TB_TREE_STRING) {
            return TB_EINVAL;
        }
        items[n++] = v->text;
    }
    *ret = (tb_strs){items, n};
    return root->kind == TB_TREE_ARRAY ? TB_OK : TB_EINVAL;
}

enum tb_rc tb_strings_parse(tb_str json, struct tb_arena *arena, tb_strs *ret)
{
    *ret = (tb_strs){NULL, 0};
    size_t n;
    if (tb_str_is_null(json) || tb_str_eq_c(json, "[]")) {
        return TB_OK;
    }
    if (!simple(json, NULL, &n) || !tb_utf8_valid(json)) {
        return parse_any(json, arena, ret);
    }
    tb_str copy = tb_arena_str(arena, json);
    tb_str *items = TB_NEW_N(arena, tb_str, n);
    if (!copy.ptr || !items) {
        return TB_ENOMEM;
    }
    (void)simple(copy, items, &n);
    *ret = (tb_strs){items, n};
    return TB_OK;
}
