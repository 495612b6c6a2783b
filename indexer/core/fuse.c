#include "indexer/core/fuse.h"

#include <stdlib.h>

#include "common/base/map.h"

enum { FEW_HITS = 20, NEXT_HITS = 5 };
#define HEIGHT_MAX 2.0 /* so that one leg's outlier does not decide alone */

double tb_rrf(size_t rank, double weight, double k)
{
    return 1.0 / ((double)rank / weight + k - 1.0);
}

static int by_score(const void *a, const void *b)
{
    const struct tb_fused *x = a;
    const struct tb_fused *y = b;
    if (x->score > y->score || x->score < y->score) {
        return x->score > y->score ? -1 : 1;
    }
    return tb_str_cmp(x->id, y->id);
}

/* The score that counts as 1: the mean of the hits after the first, for the first may be the very
 * ticket that the query was made of, far above all others. Of few hits: the first. */
static double reference(const struct tb_leg *leg)
{
    double sum = 0;
    if (leg->n < FEW_HITS) {
        return leg->scores[0];
    }
    for (size_t i = 1; i <= NEXT_HITS; i++) {
        sum += leg->scores[i];
    }
    return sum / NEXT_HITS;
}

static double part_of(const struct tb_leg *leg, size_t i, enum tb_formula formula, double k)
{
    if (formula == TB_FUSE_RANKS || !leg->scores) {
        return tb_rrf(i + 1, leg->weight, k);
    }
    double low = leg->n < leg->depth ? leg->floor : leg->scores[leg->n - 1];
    double top = reference(leg);
    top = top > low ? top : leg->scores[0];
    double height = top > low ? (leg->scores[i] - low) / (top - low) : 1.0;
    height = height > 0 ? height : 0;
    return leg->weight * (height < HEIGHT_MAX ? height : HEIGHT_MAX);
}

enum tb_rc tb_fuse(const struct tb_leg *legs, size_t nlegs, enum tb_formula formula, double k,
                   struct tb_arena *arena, struct tb_fused **ret, size_t *ret_n,
                   struct tb_error *err)
{
    size_t room = 0;
    for (size_t l = 0; l < nlegs; l++) {
        room += legs[l].n;
    }
    struct tb_fused *out = TB_NEW_N(arena, struct tb_fused, room + 1);
    struct tb_map seen;
    tb_map_init(&seen, arena);
    size_t n = 0;
    for (size_t l = 0; out && l < nlegs && l < TB_FUSE_LEGS; l++) {
        for (size_t i = 0; i < legs[l].n && legs[l].weight > 0; i++) {
            struct tb_fused *f = tb_map_get(&seen, legs[l].ids[i]);
            if (!f) {
                f = &out[n++];
                f->id = legs[l].ids[i];
                if (!tb_map_put(&seen, f->id, f)) {
                    return tb_fail(err, TB_ENOMEM, "out of memory fusing results");
                }
            }
            if (!f->ranks[l]) {
                f->ranks[l] = i + 1;
                f->parts[l] = part_of(&legs[l], i, formula, k);
                f->score += f->parts[l];
            }
        }
    }
    if (!out) {
        return tb_fail(err, TB_ENOMEM, "out of memory fusing results");
    }
    qsort(out, n, sizeof *out, by_score);
    *ret = out;
    *ret_n = n;
    return TB_OK;
}
