/* Which entries of the word index are read to find candidates for a ranking by words.
 *
 * A query may be a whole ticket, and some of its words are in every second ticket: reading the
 * entries of all its words takes seconds among a million tickets. Rare words find what matters, and
 * are read first; words too frequent to be read alone are read where several of them meet, which
 * the index works out without looking at a ticket. */
#ifndef TB_INDEXER_CORE_GATHER_H
#define TB_INDEXER_CORE_GATHER_H

#include <stdbool.h>
#include <stddef.h>

#define TB_GATHER_WORDS 4
#define TB_GATHER_ROOM  8 /* of plans beyond one for each word */

struct tb_word {
    double docs; /* tickets it is in; negative: not known, for being rare */
};

/* Tickets with the first `all` of these words and with any of the rest, where there are some. */
struct tb_gather {
    size_t words[TB_GATHER_WORDS]; /* places in the query's list */
    size_t n;
    size_t all;
    size_t most; /* entries read */
};

/* What is read costs more the larger `effort` is, from 1. docs: tickets there are. ret has room for
 * n + TB_GATHER_ROOM; returns how many are used. *ret_more: with more effort more may be found. */
size_t tb_gather_plan(const struct tb_word *words, size_t n, double docs, size_t effort,
                      struct tb_gather *ret, bool *ret_more);

#endif
