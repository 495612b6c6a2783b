#include "common/json/tree.h"

#include "common/base/map.h"
#include "common/base/utf8.h"
#include "common/json/path.h"
#include "common/json/record.h"

/* Objects up to this size are searched for repeats member by member. */
#define SMALL_OBJECT 24

struct parser {
    tb_str text; /* as given */
    char *base;  /* the copy; ends with NUL, which the text itself does not contain */
    char *at;
    struct tb_arena *arena;
    struct tb_error *err;
    unsigned depth;
};

static enum tb_rc fail(const struct parser *p, const struct tb_path *path, const char *what)
{
    return tb_path_fail(p->err, path, "%s (at byte %zu)", what, (size_t)(p->at - p->base));
}

/* The next thing is none that may stand there. */
static enum tb_rc unexpected(const struct parser *p, const struct tb_path *path)
{
    return fail(p, path, *p->at ? "not JSON" : "the JSON text ends too early");
}

static enum tb_rc no_memory(const struct parser *p)
{
    return tb_fail(p->err, TB_ENOMEM, "out of memory");
}

static void skip_blanks(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r') {
        p->at++;
    }
}

/* ---- strings ---- */

static bool read_hex4(struct parser *p, unsigned *ret)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++, p->at++) {
        char c = *p->at;
        if (c >= '0' && c <= '9') {
            v = v << 4 | (unsigned)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            v = v << 4 | (unsigned)(c - 'a' + 10);
        } else if (c >= 'A' && c <= 'F') {
            v = v << 4 | (unsigned)(c - 'A' + 10);
        } else {
            return false;
        }
    }
    *ret = v;
    return true;
}

static char *put_utf8(char *to, unsigned c)
{
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    if (c < 0x800) {
        *to++ = (char)(0xC0 | c >> 6);
    } else if (c < 0x10000) {
        *to++ = (char)(0xE0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
    } else {
        *to++ = (char)(0xF0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3F));
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
    }
    *to++ = (char)(0x80 | (c & 0x3F));
    return to;
}

/* After \u. What is written is never longer than what was read. */
static enum tb_rc read_unicode(struct parser *p, const struct tb_path *path, char **to)
{
    unsigned c;
    if (!read_hex4(p, &c)) {
        return unexpected(p, path);
    }
    if (c == 0) {
        return fail(p, path, "U+0000 is not allowed");
    }
    if (c >= 0xD800 && c <= 0xDFFF) {
        unsigned low = 0;
        bool pair = c <= 0xDBFF && p->at[0] == '\\' && p->at[1] == 'u';
        if (pair) {
            p->at += 2;
            if (!read_hex4(p, &low)) {
                return unexpected(p, path);
            }
        }
        if (!pair || low < 0xDC00 || low > 0xDFFF) {
            return fail(p, path, "half of a surrogate pair");
        }
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    *to = put_utf8(*to, c);
    return TB_OK;
}

static enum tb_rc read_escape(struct parser *p, const struct tb_path *path, char **to)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    char c = *++p->at;
    if (c == 'u') {
        p->at++;
        return read_unicode(p, path, to);
    }
    const char *found = c ? strchr(letters, c) : NULL;
    if (!found) {
        return unexpected(p, path);
    }
    *(*to)++ = meanings[found - letters];
    p->at++;
    return TB_OK;
}

/* From the opening quote; decodes in place. */
static enum tb_rc read_string(struct parser *p, const struct tb_path *path, tb_str *ret)
{
    char *start = ++p->at;
    while ((unsigned char)*p->at >= 0x20 && *p->at != '"' && *p->at != '\\') {
        p->at++;
    }
    char *to = p->at;
    while (*p->at != '"') {
        if (*p->at == '\\') {
            enum tb_rc rc = read_escape(p, path, &to);
            if (rc != TB_OK) {
                return rc;
            }
        } else if ((unsigned char)*p->at < 0x20) {
            return *p->at ? fail(p, path, "control characters must be escaped")
                          : unexpected(p, path);
        } else {
            *to++ = *p->at++;
        }
    }
    p->at++;
    *to = '\0';
    *ret = (tb_str){start, (size_t)(to - start)};
    return TB_OK;
}

/* ---- other scalars ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool skip_digits(struct parser *p)
{
    if (!is_digit(*p->at)) {
        return false;
    }
    while (is_digit(*p->at)) {
        p->at++;
    }
    return true;
}

/* digits without sign or leading zeros; false when beyond 64 bits. */
static bool to_integer(const char *digits, const char *end, bool negative, int64_t *ret)
{
    uint64_t v = 0;
    if (end - digits > 19) {
        return false;
    }
    for (; digits < end; digits++) {
        v = v * 10 + (uint64_t)(*digits - '0');
    }
    if (v > (uint64_t)INT64_MAX + negative) {
        return false;
    }
    *ret = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

static enum tb_rc read_number(struct parser *p, const struct tb_path *path, struct tb_tree *node)
{
    bool negative = *p->at == '-';
    p->at += negative;
    const char *digits = p->at;
    if (!skip_digits(p)) {
        return unexpected(p, path);
    }
    const char *end = p->at;
    if (*digits == '0' && end - digits > 1) {
        return fail(p, path, "not JSON: a number does not begin with 0");
    }
    node->kind = TB_TREE_REAL;
    if (*p->at != '.' && *p->at != 'e' && *p->at != 'E') {
        if (to_integer(digits, end, negative, &node->integer)) {
            node->kind = TB_TREE_INT;
        }
        return TB_OK;
    }
    if (*p->at == '.') {
        p->at++;
        if (!skip_digits(p)) {
            return unexpected(p, path);
        }
    }
    if (*p->at == 'e' || *p->at == 'E') {
        p->at++;
        p->at += *p->at == '+' || *p->at == '-';
        if (!skip_digits(p)) {
            return unexpected(p, path);
        }
    }
    return TB_OK;
}

static enum tb_rc read_word(struct parser *p, const struct tb_path *path, const char *word)
{
    for (; *word; word++, p->at++) {
        if (*p->at != *word) {
            return unexpected(p, path);
        }
    }
    return TB_OK;
}

/* ---- arrays and objects ---- */

static enum tb_rc read_value(struct parser *p, const struct tb_path *path, struct tb_tree *node);

static enum tb_rc enter(struct parser *p, const struct tb_path *path)
{
    if (p->depth == TB_JSON_MAX_DEPTH) {
        return fail(p, path, "nested too deeply");
    }
    p->depth++;
    p->at++;
    skip_blanks(p);
    return TB_OK;
}

/* After an entry: at the next one, or past the end. */
static enum tb_rc go_on(struct parser *p, const struct tb_path *path, char end, bool *ret_more)
{
    skip_blanks(p);
    *ret_more = *p->at == ',';
    if (!*ret_more && *p->at != end) {
        return unexpected(p, path);
    }
    p->at++;
    if (*ret_more) {
        skip_blanks(p);
    } else {
        p->depth--;
    }
    return TB_OK;
}

static enum tb_rc read_array(struct parser *p, const struct tb_path *path, struct tb_tree *array)
{
    array->kind = TB_TREE_ARRAY;
    enum tb_rc rc = enter(p, path);
    if (rc != TB_OK) {
        return rc;
    }
    bool more = *p->at != ']';
    if (!more) {
        p->at++;
        p->depth--;
    }
    struct tb_tree **tail = &array->first;
    while (more) {
        struct tb_path item = {.up = path, .index = array->n};
        *tail = TB_NEW(p->arena, struct tb_tree);
        if (!*tail) {
            return no_memory(p);
        }
        rc = read_value(p, &item, *tail);
        if (rc != TB_OK) {
            return rc;
        }
        array->n++;
        tail = &(*tail)->next;
        rc = go_on(p, path, ']', &more);
        if (rc != TB_OK) {
            return rc;
        }
    }
    return TB_OK;
}

static bool mark_repeat(struct parser *p, struct tb_tree *object, struct tb_tree *member,
                        struct tb_map *names)
{
    if (object->n < SMALL_OBJECT) {
        for (const struct tb_tree *m = object->first; m != member; m = m->next) {
            member->twice = member->twice || tb_str_eq(m->name, member->name);
        }
        return true;
    }
    if (object->n == SMALL_OBJECT) {
        tb_map_init(names, p->arena);
        for (struct tb_tree *m = object->first; m != member; m = m->next) {
            if (!tb_map_put(names, m->name, m)) {
                return false;
            }
        }
    }
    member->twice = tb_map_get(names, member->name) != NULL;
    return tb_map_put(names, member->name, member);
}

static enum tb_rc read_member(struct parser *p, const struct tb_path *path, struct tb_tree *object,
                              struct tb_tree *member, struct tb_map *names)
{
    if (*p->at != '"') {
        return unexpected(p, path);
    }
    tb_str name = TB_STR_NULL;
    enum tb_rc rc = read_string(p, path, &name);
    if (rc != TB_OK) {
        return rc;
    }
    member->name = name;
    if (!mark_repeat(p, object, member, names)) {
        return no_memory(p);
    }
    struct tb_path step = {.up = path, .name = name};
    skip_blanks(p);
    if (*p->at != ':') {
        return unexpected(p, &step);
    }
    p->at++;
    skip_blanks(p);
    return read_value(p, &step, member);
}

static enum tb_rc read_object(struct parser *p, const struct tb_path *path, struct tb_tree *object)
{
    object->kind = TB_TREE_OBJECT;
    enum tb_rc rc = enter(p, path);
    if (rc != TB_OK) {
        return rc;
    }
    bool more = *p->at != '}';
    if (!more) {
        p->at++;
        p->depth--;
    }
    struct tb_map names = {0};
    struct tb_tree **tail = &object->first;
    while (more) {
        struct tb_tree *member = TB_NEW(p->arena, struct tb_tree);
        if (!member) {
            return no_memory(p);
        }
        *tail = member;
        rc = read_member(p, path, object, member, &names);
        if (rc != TB_OK) {
            return rc;
        }
        object->n++;
        tail = &member->next;
        rc = go_on(p, path, '}', &more);
        if (rc != TB_OK) {
            return rc;
        }
    }
    return TB_OK;
}

static enum tb_rc read_scalar(struct parser *p, const struct tb_path *path, struct tb_tree *node)
{
    switch (*p->at) {
    case 't':
        node->kind = TB_TREE_BOOL;
        node->boolean = true;
        return read_word(p, path, "true");
    case 'f':
        node->kind = TB_TREE_BOOL;
        return read_word(p, path, "false");
    case 'n':
        node->kind = TB_TREE_NULL;
        return read_word(p, path, "null");
    default:
        return *p->at == '-' || is_digit(*p->at) ? read_number(p, path, node) : unexpected(p, path);
    }
}

static enum tb_rc read_value(struct parser *p, const struct tb_path *path, struct tb_tree *node)
{
    size_t start = (size_t)(p->at - p->base);
    enum tb_rc rc;
    if (*p->at == '"') {
        node->kind = TB_TREE_STRING;
        rc = read_string(p, path, &node->text);
    } else if (*p->at == '{') {
        rc = read_object(p, path, node);
    } else if (*p->at == '[') {
        rc = read_array(p, path, node);
    } else {
        rc = read_scalar(p, path, node);
    }
    node->raw = (tb_str){p->text.ptr + start, (size_t)(p->at - p->base) - start};
    return rc;
}

/* The text stops being UTF-8 (or has a NUL) at byte `bad`: what comes before tells the path. */
static enum tb_rc fail_utf8(struct parser *p, size_t bad)
{
    struct tb_tree scratch = {0};
    p->base[bad] = '\0';
    enum tb_rc rc = read_value(p, NULL, &scratch);
    if (rc == TB_ENOMEM) {
        return rc;
    }
    char field[sizeof p->err->field] = "";
    if (rc != TB_OK && p->err) {
        memcpy(field, p->err->field, sizeof field);
    }
    return tb_fail_field(p->err, TB_EINVAL, field, "not UTF-8, or U+0000 (at byte %zu)", bad);
}

enum tb_rc tb_tree_parse(tb_str json, struct tb_arena *arena, const struct tb_tree **ret,
                         struct tb_error *err)
{
    *ret = NULL;
    if (json.len > TB_JSON_MAX_BYTES) {
        return tb_fail(err, TB_ELIMIT, "the JSON text has %zu bytes, more than %zu", json.len,
                       TB_JSON_MAX_BYTES);
    }
    struct parser p = {.text = json.ptr ? json : TB_LIT(""), .arena = arena, .err = err};
    struct tb_tree *root = TB_NEW(arena, struct tb_tree);
    p.base = tb_arena_alloc(arena, p.text.len + 1);
    if (!p.base || !root) {
        return no_memory(&p);
    }
    memcpy(p.base, p.text.ptr, p.text.len);
    p.at = p.base;
    size_t valid = tb_utf8_valid_len(p.text);
    skip_blanks(&p);
    if (valid < p.text.len) {
        return fail_utf8(&p, valid);
    }
    enum tb_rc rc = read_value(&p, NULL, root);
    if (rc != TB_OK) {
        return rc;
    }
    skip_blanks(&p);
    if (*p.at) {
        return fail(&p, NULL, "something follows the JSON value");
    }
    *ret = root;
    return TB_OK;
}

const struct tb_tree *tb_tree_get(const struct tb_tree *tree, const char *name)
{
    const struct tb_tree *m = tree && tree->kind == TB_TREE_OBJECT ? tree->first : NULL;
    while (m && !tb_str_eq_c(m->name, name)) {
        m = m->next;
    }
    return m;
}
