#include "indexer/core/passage.h"

#include <stdbool.h>
#include <stdint.h>

#include "common/base/utf8.h"

enum { WORDS_MAX = 64, STEM = 5, HITS_MAX = 4096 };

struct word {
    char stem[STEM];
    size_t len;
};

struct hit {
    size_t at;
    size_t end;
    size_t word;
};

static bool in_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* The next word at or after *at: its start and end; false at the end of the text. */
static bool next_word(tb_str s, size_t *at, size_t *ret_end)
{
    while (*at < s.len && !in_word(s.ptr[*at])) {
        (*at)++;
    }
    size_t end = *at;
    while (end < s.len && in_word(s.ptr[end])) {
        end++;
    }
    *ret_end = end;
    return *at < s.len;
}

static struct word stem_of(tb_str s, size_t from, size_t to)
{
    struct word w = {.len = to - from < STEM ? to - from : STEM};
    for (size_t i = 0; i < w.len; i++) {
        w.stem[i] = lower(s.ptr[from + i]);
    }
    return w;
}

static size_t find_word(const struct word *words, size_t n, struct word w)
{
    for (size_t i = 0; i < n; i++) {
        if (words[i].len == w.len && memcmp(words[i].stem, w.stem, w.len) == 0) {
            return i;
        }
    }
    return n;
}

static size_t query_words(tb_str query, struct word words[WORDS_MAX])
{
    size_t n = 0;
    size_t end;
    for (size_t at = 0; n < WORDS_MAX && next_word(query, &at, &end); at = end) {
        struct word w = stem_of(query, at, end);
        if (w.len >= 3 && find_word(words, n, w) == n) {
            words[n++] = w;
        }
    }
    return n;
}

static size_t find_hits(tb_str text, const struct word *words, size_t n, struct hit *hits)
{
    size_t nhits = 0;
    size_t end;
    for (size_t at = 0; n && nhits < HITS_MAX && next_word(text, &at, &end); at = end) {
        size_t w = find_word(words, n, stem_of(text, at, end));
        if (w < n) {
            hits[nhits++] = (struct hit){at, end, w};
        }
    }
    return nhits;
}

static size_t bits(uint64_t v)
{
    return (size_t)__builtin_popcountll(v);
}

/* Moves `from` back to give the first hit some of what stands before it. */
static size_t lead_in(tb_str text, size_t from, size_t slack)
{
    size_t least = from > slack ? from - slack : 0;
    size_t at = least;
    if (least > 0) {
        while (at < from && text.ptr[at] != ' ' && text.ptr[at] != '\n') {
            at++;
        }
        at += at < from;
    }
    while (at < from && ((unsigned char)text.ptr[at] & 0xC0) == 0x80) {
        at++;
    }
    return at;
}

tb_str tb_passage(tb_str text, tb_str query, size_t max_bytes, size_t *ret_words)
{
    struct word words[WORDS_MAX];
    struct hit hits[HITS_MAX];
    size_t n = query_words(query, words);
    size_t nhits = find_hits(text, words, n, hits);
    size_t best = 0;
    size_t best_words = 0;
    size_t best_span = 0;
    for (size_t i = 0; i < nhits; i++) {
        uint64_t seen = 0;
        size_t span = 0;
        for (size_t j = i; j < nhits && hits[j].end - hits[i].at <= max_bytes; j++) {
            if (!(seen & (uint64_t)1 << hits[j].word)) {
                seen |= (uint64_t)1 << hits[j].word;
                span = hits[j].end - hits[i].at;
            }
        }
        if (bits(seen) > best_words) {
            best_words = bits(seen);
            best = hits[i].at;
            best_span = span;
        }
    }
    if (ret_words) {
        *ret_words = best_words;
    }
    size_t slack = max_bytes > best_span ? (max_bytes - best_span) / 3 : 0;
    size_t from = best_words ? lead_in(text, best, slack) : 0;
    tb_str rest = {text.ptr + from, text.len - from};
    tb_str cut = tb_utf8_prefix(rest, max_bytes);
    if (cut.len < rest.len && (unsigned char)rest.ptr[cut.len] > ' ') {
        size_t end = cut.len;
        while (end > cut.len - cut.len / 4 && cut.ptr[end - 1] != ' ' && cut.ptr[end - 1] != '\n') {
            end--;
        }
        cut.len = end > cut.len - cut.len / 4 ? end : cut.len;
    }
    while (cut.len && (unsigned char)cut.ptr[cut.len - 1] <= ' ') {
        cut.len--;
    }
    return cut;
}

size_t tb_passage_marks(tb_str passage, tb_str query, struct tb_mark *marks, size_t room)
{
    struct word words[WORDS_MAX];
    size_t n = query_words(query, words);
    size_t used = 0;
    size_t end;
    for (size_t at = 0; n && used < room && next_word(passage, &at, &end); at = end) {
        if (find_word(words, n, stem_of(passage, at, end)) < n) {
            marks[used++] = (struct tb_mark){at, end};
        }
    }
    return used;
}
