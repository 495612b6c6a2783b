/* The part of a text that answers a query, to show beside a result. */
#ifndef TB_INDEXER_CORE_PASSAGE_H
#define TB_INDEXER_CORE_PASSAGE_H

#include <stddef.h>

#include "common/base/str.h"

/* The window of at most max_bytes in which the most different words of the query stand (their
 * beginnings count, so that "timeouts" finds "timeout"); the start when there is none. Cuts no
 * character, and no word where it can. ret_words (may be NULL): how many of the words it holds. */
tb_str tb_passage(tb_str text, tb_str query, size_t max_bytes, size_t *ret_words);

struct tb_mark {
    size_t from; /* bytes into the passage */
    size_t to;   /* behind the last */
};

/* Where words of the query stand in a passage, in order, to show them in another way. Returns how
 * many, at most `room`. */
size_t tb_passage_marks(tb_str passage, tb_str query, struct tb_mark *marks, size_t room);

#endif
