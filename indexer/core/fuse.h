/* Fusing the lists of several legs into one.
 *
 * By score: each leg's scores are stretched so that its last hit has 0 and the mean of the second
 * to the sixth 1, capped at 2, and summed with the legs' weights (a convex combination; Bruch, Gai
 * and Ingber, arXiv 2210.11934). How far a hit stands above the rest counts, which ranks forget.
 *
 * By rank: weighted reciprocal rank. Two formulas go by this name. The classic one,
 * w / (k + rank), buries the best hit of a light leg: at 70/30 and k = 60 it comes 83rd. Ours is
 * Qdrant's, 1 / (rank / w + k - 1) with ranks from 1, where the weight stretches the ranks of its
 * leg: the same hit comes 3rd. */
#ifndef TB_INDEXER_CORE_FUSE_H
#define TB_INDEXER_CORE_FUSE_H

#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

#define TB_FUSE_LEGS 3
#define TB_FUSE_K    5.0 /* measured: docs/search.md */

enum tb_formula { TB_FUSE_SCORES, TB_FUSE_RANKS };

/* One leg: ids, best first, each once. A weight of 0 or less leaves the leg out. */
struct tb_leg {
    const tb_str *ids;
    const double *scores; /* descending; needed by score only */
    size_t n;
    double weight; /* share of the whole, 0 to 1 */
    size_t depth;  /* most hits the leg can have; fewer: there are no others */
    double floor;  /* the score that counts as nothing when there are no others */
};

struct tb_fused {
    tb_str id;
    double score;
    size_t ranks[TB_FUSE_LEGS]; /* from 1; 0: not in that leg */
    double parts[TB_FUSE_LEGS]; /* what each leg gave to the score */
};

double tb_rrf(size_t rank, double weight, double k);

/* Best first, equal scores by id; in the arena, ids by reference. nlegs <= TB_FUSE_LEGS. */
enum tb_rc tb_fuse(const struct tb_leg *legs, size_t nlegs, enum tb_formula formula, double k,
                   struct tb_arena *arena, struct tb_fused **ret, size_t *ret_n,
                   struct tb_error *err) TB_MUST_USE;

#endif
