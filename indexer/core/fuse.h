/* Fusing ranked lists by weighted reciprocal rank.
 *
 * Two formulas go by this name. The classic one, w / (k + rank), buries the best hit of a light
 * leg: at 70/30 and k = 60 it comes 83rd. Ours is Qdrant's, 1 / (rank / w + k - 1) with ranks from
 * 1, where the weight stretches the ranks of its leg: the same hit comes 3rd. */
#ifndef TB_INDEXER_CORE_FUSE_H
#define TB_INDEXER_CORE_FUSE_H

#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

#define TB_FUSE_LEGS 3
#define TB_FUSE_K    5.0 /* measured: docs/search.md */

/* One leg: ids, best first, each once. A weight of 0 or less leaves the leg out. */
struct tb_leg {
    const tb_str *ids;
    size_t n;
    double weight; /* share of the whole, 0 to 1 */
};

struct tb_fused {
    tb_str id;
    double score;
    size_t ranks[TB_FUSE_LEGS]; /* from 1; 0: not in that leg */
};

double tb_rrf(size_t rank, double weight, double k);

/* Best first, equal scores by id; in the arena, ids by reference. nlegs <= TB_FUSE_LEGS. */
enum tb_rc tb_fuse(const struct tb_leg *legs, size_t nlegs, double k, struct tb_arena *arena,
                   struct tb_fused **ret, size_t *ret_n, struct tb_error *err) TB_MUST_USE;

#endif
