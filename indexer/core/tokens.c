#include "indexer/core/tokens.h"

#include <stdbool.h>

enum class_of { BLANK, LETTER, DIGIT, WIDE, OTHER };

static enum class_of class_of(char byte)
{
    unsigned char c = (unsigned char)byte;
    if (c >= 0x80) {
        return WIDE;
    }
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
        return BLANK;
    }
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
        return LETTER;
    }
    return c >= '0' && c <= '9' ? DIGIT : OTHER;
}

static size_t char_len(tb_str text)
{
    size_t n = 1;
    while (n < text.len && ((unsigned char)text.ptr[n] & 0xC0) == 0x80) {
        n++;
    }
    return n;
}

struct tb_piece tb_piece_next(tb_str text)
{
    if (text.len == 0) {
        return (struct tb_piece){0, 0};
    }
    enum class_of c = class_of(text.ptr[0]);
    if (c == WIDE) {
        /* Vocabularies trained on English spell other scripts out. */
        return (struct tb_piece){char_len(text), 1};
    }
    if (c == OTHER) {
        return (struct tb_piece){1, 1};
    }
    size_t n = 1;
    while (n < text.len && n < TB_PIECE_MAX && class_of(text.ptr[n]) == c) {
        n++;
    }
    size_t tokens = 0;
    if (c == LETTER) {
        tokens = (n + 5) / 6;
    } else if (c == DIGIT) {
        tokens = (n + 1) / 2;
    }
    return (struct tb_piece){n, tokens};
}

size_t tb_tokens_estimate(tb_str text)
{
    size_t tokens = 0;
    while (text.len) {
        struct tb_piece p = tb_piece_next(text);
        tokens += p.tokens;
        text.ptr += p.len;
        text.len -= p.len;
    }
    return tokens;
}
