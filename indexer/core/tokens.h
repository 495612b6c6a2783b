/* Estimating how many tokens a text has, without the model's own tokenizer. */
#ifndef TB_INDEXER_CORE_TOKENS_H
#define TB_INDEXER_CORE_TOKENS_H

#include <stddef.h>

#include "common/base/str.h"

/* The next piece of a text for estimating and cutting: a run of letters, of digits, of blanks, or
 * one other character; never longer than TB_PIECE_MAX bytes, never cutting a character. */
#define TB_PIECE_MAX 48
struct tb_piece {
    size_t len;    /* bytes, 0 at the end of the text */
    size_t tokens; /* estimated */
};
struct tb_piece tb_piece_next(tb_str text);

/* Leans to too many: word-piece and byte-pair vocabularies were counted against it. */
size_t tb_tokens_estimate(tb_str text);

#endif
