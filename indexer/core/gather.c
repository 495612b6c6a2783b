#include "indexer/core/gather.h"

enum {
    UNKNOWN_MOST = 2000,  /* entries of a word that statistics do not know */
    ALONE = 6000,         /* entries of known words, together */
    ALONE_OF_FEW = 40000, /* where there are so few tickets that all may be looked at */
    FEW_DOCS = 40000,
    TOGETHER = 4000, /* tickets in which frequent words meet */
    SORT_MAX = 512,
};

/* Places of the known words, the rarest first. */
static size_t by_rarity(const struct tb_word *words, size_t n, size_t *ret)
{
    size_t used = 0;
    for (size_t i = 0; i < n && used < SORT_MAX; i++) {
        size_t at = used;
        if (words[i].docs < 0) {
            continue;
        }
        for (; at > 0 && words[ret[at - 1]].docs > words[i].docs; at--) {
            ret[at] = ret[at - 1];
        }
        ret[at] = i;
        used++;
    }
    return used;
}

/* How many tickets a meeting of rest[0..n) is expected to have if words were strewn by chance. */
static double expected(const struct tb_word *words, const size_t *rest, size_t n, size_t all,
                       double docs)
{
    double tickets = words[rest[0]].docs;
    double any = all < n ? 0 : 1;
    for (size_t i = 1; i < n; i++) {
        double share = words[rest[i]].docs / docs;
        if (i < all) {
            tickets *= share;
        } else {
            any += share;
        }
    }
    return tickets * (any < 1 ? any : 1);
}

static struct tb_gather meeting(const struct tb_word *words, const size_t *rest, size_t n,
                                double docs, double budget)
{
    struct tb_gather g = {.n = n < TB_GATHER_WORDS ? n : TB_GATHER_WORDS, .all = 1};
    while (g.all < g.n && expected(words, rest, g.n, g.all, docs) > budget) {
        g.all++;
    }
    for (size_t i = 0; i < g.n; i++) {
        g.words[i] = rest[i];
    }
    g.most = (size_t)budget;
    return g;
}

static struct tb_gather alone(size_t word, double most)
{
    return (struct tb_gather){.words = {word}, .n = 1, .all = 1, .most = (size_t)most};
}

size_t tb_gather_plan(const struct tb_word *words, size_t n, double docs, size_t effort,
                      struct tb_gather *ret, bool *ret_more)
{
    size_t sorted[SORT_MAX];
    size_t known = by_rarity(words, n, sorted);
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (words[i].docs < 0) {
            ret[used++] = alone(i, (double)(UNKNOWN_MOST * effort));
        }
    }
    double budget = (double)((docs < FEW_DOCS ? ALONE_OF_FEW : ALONE) * effort);
    double left = budget;
    size_t at = 0;
    for (; at < known && words[sorted[at]].docs <= left; at++) {
        left -= words[sorted[at]].docs;
        ret[used++] = alone(sorted[at], words[sorted[at]].docs + UNKNOWN_MOST);
    }
    *ret_more = at < known;
    size_t room = used + TB_GATHER_ROOM - 1;
    double meetings = (double)(TOGETHER * effort);
    for (size_t i = at; i + 1 < known && used < room && meetings >= 1; i++) {
        struct tb_gather g = meeting(words, sorted + i, known - i, docs, meetings);
        double found = expected(words, g.words, g.n, g.all, docs);
        ret[used++] = g;
        meetings -= found < meetings ? found : meetings;
    }
    if (at < known && (used == 0 || effort > 1 || known == 1)) {
        ret[used++] = alone(sorted[at], budget);
    }
    return used;
}
