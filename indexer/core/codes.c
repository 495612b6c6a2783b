#include "indexer/core/codes.h"

#include <stdbool.h>

#include "common/base/map.h"

struct collector {
    struct tb_arena *arena;
    struct tb_map seen;
    tb_str *items;
    size_t n;
};

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_lower(c) || is_upper(c) || is_digit(c) || (unsigned char)c >= 0x80;
}

static bool is_joint(char c)
{
    return c == '_' || c == '.' || c == ':' || c == '/' || c == '\\' || c == '-' || c == '@' ||
           c == '#' || c == '$';
}

/* Digits among letters, a joint inside, a hump (fooBar) or all capitals. */
static bool is_code(tb_str s)
{
    size_t lower = 0;
    size_t upper = 0;
    size_t digit = 0;
    size_t joint = 0;
    bool hump = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        lower += is_lower(c);
        upper += is_upper(c);
        digit += is_digit(c);
        joint += is_joint(c);
        hump |= i > 0 && is_upper(c) && is_lower(s.ptr[i - 1]);
    }
    if (s.len < 2 || s.len > TB_CODE_MAX_LEN) {
        return false;
    }
    return joint || hump || (digit && (lower || upper)) || digit >= 3 ||
           (upper >= 3 && !lower && upper == s.len);
}

static tb_str strip(tb_str s)
{
    while (s.len && !is_word(s.ptr[0]) && s.ptr[0] != '_') {
        s.ptr++;
        s.len--;
    }
    while (s.len && !is_word(s.ptr[s.len - 1]) && s.ptr[s.len - 1] != '_') {
        s.len--;
    }
    return s;
}

static bool add(struct collector *c, tb_str s)
{
    s = strip(s);
    if (!is_code(s) || c->n == TB_CODES_MAX) {
        return true;
    }
    char *lower = tb_arena_alloc(c->arena, s.len + 1);
    if (!lower) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        lower[i] = is_upper(s.ptr[i]) ? (char)(s.ptr[i] + 32) : s.ptr[i];
    }
    tb_str code = {lower, s.len};
    if (tb_map_get(&c->seen, code)) {
        return true;
    }
    c->items[c->n++] = code;
    return tb_map_put(&c->seen, code, lower);
}

/* The word, what stands after each slash, and both without what follows a colon. */
static bool add_parts(struct collector *c, tb_str word)
{
    word = strip(word);
    bool ok = add(c, word);
    for (size_t i = 0; ok && i < word.len && word.len <= 4096; i++) {
        char at = word.ptr[i];
        if (at == '/' || at == '\\' || at == ':' || at == '@') {
            ok = add(c, (tb_str){word.ptr + i + 1, word.len - i - 1});
        }
        if (ok && at == ':') {
            size_t from = i;
            ok = add(c, (tb_str){word.ptr, i});
            while (from > 0 && word.ptr[from - 1] != '/' && word.ptr[from - 1] != ':') {
                from--;
            }
            ok = ok && add(c, (tb_str){word.ptr + from, i - from});
        }
    }
    return ok;
}

static bool add_text(struct collector *c, tb_str text)
{
    size_t i = 0;
    while (i < text.len && c->n < TB_CODES_MAX) {
        size_t from = i;
        while (i < text.len && (is_word(text.ptr[i]) || is_joint(text.ptr[i]))) {
            i++;
        }
        if (i > from && !add_parts(c, (tb_str){text.ptr + from, i - from})) {
            return false;
        }
        if (i == from) {
            i++;
        }
    }
    return true;
}

enum tb_rc tb_codes_of(const tb_str *texts, size_t n, struct tb_arena *arena, tb_strs *ret,
                       struct tb_error *err)
{
    struct collector c = {.arena = arena, .items = TB_NEW_N(arena, tb_str, TB_CODES_MAX)};
    tb_map_init(&c.seen, arena);
    bool ok = c.items != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        ok = add_text(&c, texts[i]);
    }
    *ret = (tb_strs){c.items, c.n};
    return ok ? TB_OK : tb_fail(err, TB_ENOMEM, "out of memory collecting codes");
}
