#include "indexer/core/fuse.h"

#include <stdlib.h>

#include "common/base/map.h"

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

enum tb_rc tb_fuse(const struct tb_leg *legs, size_t nlegs, double k, struct tb_arena *arena,
                   struct tb_fused **ret, size_t *ret_n, struct tb_error *err)
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
                f->score += tb_rrf(i + 1, legs[l].weight, k);
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
