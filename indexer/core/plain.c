#include "indexer/core/plain.h"

#include <stdbool.h>

#include "common/base/utf8.h"

static bool stands(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

tb_str tb_plain_words(tb_str text, size_t max_bytes, struct tb_arena *arena)
{
    text = tb_utf8_prefix(text, max_bytes);
    char *out = tb_arena_alloc(arena, text.len + 1);
    for (size_t i = 0; out && i < text.len; i++) {
        out[i] = stands(text.ptr[i]) ? text.ptr[i] : ' ';
    }
    return out ? (tb_str){out, text.len} : TB_STR_NULL;
}
