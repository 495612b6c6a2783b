#include "indexer/search/search.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/utf8.h"
#include "indexer/core/codes.h"
#include "indexer/core/fuse.h"
#include "indexer/search/internal.h"

enum {
    LIMIT_MAX = 100,
    SHORT_QUERY_WORDS = 8, /* a query this short that names a ticket wants that ticket */
};

#define NAMED_BONUS 10.0 /* above every score */

/* By formula: codes within a text say something; a query of nothing but codes is asked for their
 * sake. */
static const double exact_weights[][2] = {
    [TB_FUSE_SCORES] = {0.2, 2.0}, [TB_FUSE_RANKS] = {0.3, 1.0}};

const char *const tb_search_leg_names[TB_LEGS_] = {"semantic", "keyword", "exact"};

/* ---- the handle ---- */

enum tb_rc tb_search_open(const struct tb_config *cfg, struct tb_search **ret, struct tb_error *err)
{
    *ret = NULL;
    struct tb_search *s = calloc(1, sizeof *s);
    if (!s) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    const char *formula = tb_config_str(cfg, TB_CFG(SEARCH_FORMULA));
    s->cfg = cfg;
    if (strcmp(formula, "score") != 0 && strcmp(formula, "rank") != 0) {
        tb_search_free(s);
        return tb_fail(err, TB_EINVAL, "TICKETBUS_SEARCH_FORMULA is \"%s\", neither score nor rank",
                       formula);
    }
    s->formula = strcmp(formula, "rank") == 0 ? TB_FUSE_RANKS : TB_FUSE_SCORES;
    enum tb_rc rc = tb_search_aim_configured(s, err);
    if (rc != TB_OK) {
        tb_search_free(s);
        return rc;
    }
    *ret = s;
    return TB_OK;
}

void tb_search_free(struct tb_search *s)
{
    if (s) {
        tb_pg_free(s->pg);
        tb_embedder_free(s->embedder);
        tb_store_free(s->store);
        tb_arena_free(s->own);
        free(s);
    }
}

enum tb_rc tb_search_connect(struct tb_search *s, struct tb_error *err)
{
    if (s->pg && tb_pg_alive(s->pg)) {
        return TB_OK;
    }
    tb_pg_free(s->pg);
    s->pg = NULL;
    return tb_pg_connect(s->cfg, "ticketbus-search", &s->pg, err);
}

enum tb_rc tb_search_exec(struct tb_search *s, const char *sql, const struct tb_pg_params *p,
                          struct tb_pg_result **ret, struct tb_error *err)
{
    bool fresh = s->pg == NULL;
    enum tb_rc rc = tb_search_connect(s, err);
    if (rc == TB_OK) {
        rc = tb_pg_exec(s->pg, sql, p, ret, err);
    }
    if (rc == TB_EUNAVAILABLE && !fresh) { /* the server was restarted meanwhile */
        tb_pg_free(s->pg);
        s->pg = NULL;
        rc = tb_search_connect(s, err);
        rc = rc == TB_OK ? tb_pg_exec(s->pg, sql, p, ret, err) : rc;
    }
    return rc;
}

/* ---- a search ---- */

static enum tb_rc check(const struct tb_search_query *q, struct tb_error *err)
{
    if (q->text.len > TB_SEARCH_QUERY_BYTES) {
        return tb_fail_field(err, TB_EINVAL, "query", "the query is longer than %d bytes",
                             TB_SEARCH_QUERY_BYTES);
    }
    if (!tb_utf8_valid(q->text)) {
        return tb_fail_field(err, TB_EINVAL, "query", "the query is not valid UTF-8");
    }
    if (tb_query_words(q->text) == 0) {
        return tb_fail_field(err, TB_EINVAL, "query", "the query is empty");
    }
    if (q->limit < 1 || q->limit > LIMIT_MAX) {
        return tb_fail_field(err, TB_EINVAL, "limit", "limit has to be 1 to %d", LIMIT_MAX);
    }
    if (q->offset > TB_SEARCH_DEPTH || q->offset + q->limit > TB_SEARCH_DEPTH) {
        return tb_fail_field(err, TB_EINVAL, "offset",
                             "offset and limit may reach %d together: narrow the search instead",
                             TB_SEARCH_DEPTH);
    }
    return TB_OK;
}

struct legs {
    struct tb_leg_hits of[TB_LEGS_];
    struct tb_store_hit *chunks; /* of the semantic leg, as its ids */
    size_t nids;                 /* first of the exact leg: named by their id */
};

static void degrade(struct tb_search_answer *a, const char *leg, const struct tb_error *why)
{
    struct tb_search_degraded *d = &a->degraded[a->ndegraded++];
    d->leg = leg;
    (void)snprintf(d->why, sizeof d->why, "%.*s", (int)sizeof d->why - 1, why->text);
}

/* The planner does not know how rare the words of a parameter are, and would read the whole table
 * for each. */
static enum tb_rc plan_by_index(struct tb_search *s, bool on, struct tb_arena *arena,
                                struct tb_error *err)
{
    struct tb_pg_params p;
    struct tb_pg_result *r;
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, on ? TB_LIT("off") : TB_LIT("on"));
    enum tb_rc rc = tb_search_exec(s,
                                   "SELECT set_config('enable_seqscan', $1, false),"
                                   " set_config('jit', 'off', false)",
                                   &p, &r, err);
    if (rc == TB_OK) {
        tb_pg_result_free(r);
    }
    return rc;
}

/* A ticket that is named by its id need not say what stands between quotes. */
static enum tb_rc exact_with_phrases(struct tb_search *s, const struct tb_search_query *q,
                                     struct tb_arena *arena, struct legs *legs,
                                     struct tb_error *err)
{
    struct tb_leg_hits *exact = &legs->of[TB_LEG_EXACT];
    struct tb_leg_hits rest = {.ids = exact->ids + legs->nids,
                               .scores = exact->scores + legs->nids,
                               .n = exact->n - legs->nids};
    enum tb_rc rc = tb_leg_with_phrases(s, q, arena, &rest, NULL, err);
    exact->n = legs->nids + rest.n;
    return rc;
}

/* By words and by what is named. */
static enum tb_rc run_words(struct tb_search *s, const struct tb_search_query *q,
                            struct tb_arena *arena, struct legs *legs, struct tb_error *err)
{
    struct tb_error ignored;
    enum tb_rc rc = plan_by_index(s, true, arena, err);
    if (rc == TB_OK) {
        rc = tb_leg_keyword(s, q, arena, &legs->of[TB_LEG_KEYWORD], err);
    }
    if (rc == TB_OK) {
        rc = tb_leg_exact(s, q, arena, &legs->of[TB_LEG_EXACT], &legs->nids, err);
    }
    if (rc == TB_OK) {
        rc = exact_with_phrases(s, q, arena, legs, err);
    }
    if (plan_by_index(s, false, arena, &ignored) != TB_OK) {
        tb_pg_free(s->pg); /* with its settings */
        s->pg = NULL;
    }
    return rc;
}

/* A leg that fails is left out and named. */
static void run_legs(struct tb_search *s, const struct tb_search_query *q, struct tb_arena *arena,
                     struct legs *legs, struct tb_search_answer *a)
{
    struct tb_error why;
    struct tb_leg_hits *semantic = &legs->of[TB_LEG_SEMANTIC];
    enum tb_rc rc = TB_OK;
    if (q->mode != TB_SEARCH_KEYWORD) {
        rc = tb_leg_semantic(s, q, arena, semantic, &legs->chunks, &why);
        rc = rc == TB_OK ? tb_leg_with_phrases(s, q, arena, semantic, legs->chunks, &why) : rc;
    }
    if (rc != TB_OK) {
        legs->of[TB_LEG_SEMANTIC].n = 0;
        degrade(a, "semantic", &why);
    }
    if (q->mode == TB_SEARCH_SEMANTIC) {
        return;
    }
    rc = run_words(s, q, arena, legs, &why);
    if (rc != TB_OK) {
        legs->of[TB_LEG_KEYWORD].n = legs->of[TB_LEG_EXACT].n = legs->nids = 0;
        degrade(a, "keyword", &why);
    }
}

/* The tickets whom a short query names come first, in the order found. */
static void put_named_first(const struct tb_search_query *q, const struct legs *legs,
                            struct tb_fused *fused, size_t n)
{
    if (legs->nids == 0 || tb_query_words(q->text) > SHORT_QUERY_WORDS) {
        return;
    }
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (fused[i].ranks[TB_LEG_EXACT] && fused[i].ranks[TB_LEG_EXACT] <= legs->nids) {
            struct tb_fused named = fused[i];
            memmove(&fused[at + 1], &fused[at], (i - at) * sizeof *fused);
            fused[at] = named;
            fused[at++].score += NAMED_BONUS; /* keeps scores in order */
        }
    }
}

/* A few words, each of them code-like. */
static bool only_codes(const struct tb_search_query *q, struct tb_arena *arena)
{
    size_t words = tb_query_words(q->text);
    tb_str rest = q->text;
    size_t codes = 0;
    if (words > SHORT_QUERY_WORDS) {
        return false;
    }
    while (rest.len) {
        size_t n = 0;
        tb_strs found;
        while (n < rest.len && (unsigned char)rest.ptr[n] > ' ') {
            n++;
        }
        tb_str word = {rest.ptr, n};
        codes += n && tb_codes_of(&word, 1, arena, &found, NULL) == TB_OK && found.n;
        n += n < rest.len;
        rest = (tb_str){rest.ptr + n, rest.len - n};
    }
    return codes == words || words == 1;
}

enum tb_rc tb_search_fusing(struct tb_search *s, tb_str workflow_id, struct tb_arena *arena,
                            struct tb_fusing *ret, struct tb_error *err)
{
    static const char sql[] =
        "SELECT settings->>'search_formula', settings->>'search_weight_semantic' FROM board_configs"
        " WHERE workflow_id = $1";
    int64_t percent = tb_config_int(s->cfg, TB_CFG(SEARCH_WEIGHT_SEMANTIC));
    *ret = (struct tb_fusing){.formula = s->formula};
    if (!tb_str_is_null(workflow_id)) {
        struct tb_pg_params p;
        struct tb_pg_result *r;
        tb_pg_params_init(&p, arena);
        tb_pg_add_str(&p, workflow_id);
        enum tb_rc rc = tb_search_exec(s, sql, &p, &r, err);
        if (rc != TB_OK) {
            return rc;
        }
        if (tb_pg_rows(r) > 0 && !tb_str_is_null(tb_pg_str(r, 0, 0))) {
            ret->formula = tb_str_eq_c(tb_pg_str(r, 0, 0), "rank") ? TB_FUSE_RANKS : TB_FUSE_SCORES;
        }
        if (tb_pg_rows(r) > 0 && !tb_str_is_null(tb_pg_str(r, 0, 1))) {
            percent = tb_pg_int(r, 0, 1);
        }
        tb_pg_result_free(r);
    }
    ret->semantic = (double)percent / 100.0;
    return TB_OK;
}

static size_t without(struct tb_fused *fused, size_t n, tb_str id)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!tb_str_eq(fused[i].id, id)) {
            fused[kept++] = fused[i];
        }
    }
    return kept;
}

static enum tb_rc fuse(struct tb_search *s, const struct tb_search_query *q,
                       const struct legs *legs, struct tb_arena *arena, struct tb_fused **ret,
                       size_t *ret_n, struct tb_error *err)
{
    struct tb_fusing how;
    enum tb_rc rc = tb_search_fusing(s, q->workflow_id, arena, &how, err);
    if (rc != TB_OK) {
        return rc;
    }
    bool one = q->mode != TB_SEARCH_HYBRID;
    double weights[TB_LEGS_] = {one ? 1.0 : how.semantic, one ? 1.0 : 1.0 - how.semantic,
                                exact_weights[how.formula][only_codes(q, arena)]};
    struct tb_leg list[TB_LEGS_];
    for (size_t l = 0; l < TB_LEGS_; l++) {
        const struct tb_leg_hits *hits = &legs->of[l];
        list[l] = (struct tb_leg){.ids = hits->ids,
                                  .scores = hits->scores,
                                  .n = hits->n,
                                  .weight = weights[l],
                                  .depth = l == TB_LEG_SEMANTIC ? 0 : TB_SEARCH_DEPTH};
    }
    rc = tb_fuse(list, TB_LEGS_, how.formula, TB_FUSE_K, arena, ret, ret_n, err);
    if (rc == TB_OK && !tb_str_is_null(q->but)) {
        *ret_n = without(*ret, *ret_n, q->but);
    }
    if (rc == TB_OK) {
        put_named_first(q, legs, *ret, *ret_n);
    }
    return rc;
}

static enum tb_rc page(struct tb_search *s, const struct tb_search_query *q,
                       const struct legs *legs, const struct tb_fused *fused, size_t nfused,
                       struct tb_arena *arena, struct tb_search_answer *a, struct tb_error *err)
{
    size_t n = nfused > q->offset ? nfused - q->offset : 0;
    a->more = n > q->limit && q->offset + q->limit < TB_SEARCH_DEPTH;
    n = n < q->limit ? n : q->limit;
    a->hits = TB_NEW_N(arena, struct tb_search_hit, n + 1);
    struct tb_hit_chunk *chunks = TB_NEW_N(arena, struct tb_hit_chunk, n + 1);
    if (!a->hits || !chunks) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        const struct tb_fused *f = &fused[q->offset + i];
        struct tb_search_hit *h = &a->hits[i];
        h->ticket_id = f->id;
        h->score = f->score;
        memcpy(h->ranks, f->ranks, sizeof h->ranks);
        memcpy(h->parts, f->parts, sizeof h->parts);
        chunks[i].number = -1;
        if (legs->chunks && f->ranks[TB_LEG_SEMANTIC]) {
            const struct tb_store_hit *hit = &legs->chunks[f->ranks[TB_LEG_SEMANTIC] - 1];
            h->similarity = hit->score;
            chunks[i] = (struct tb_hit_chunk){hit->kind, hit->comment_id, hit->number};
        }
    }
    a->n = n;
    return n ? tb_search_hydrate(s, q, a->hits, chunks, &a->n, arena, err) : TB_OK;
}

enum tb_rc tb_search_run(struct tb_search *s, const struct tb_search_query *query,
                         struct tb_arena *arena, struct tb_search_answer *ret, struct tb_error *err)
{
    _Static_assert((int)TB_LEGS_ == (int)TB_FUSE_LEGS, "as many legs as the fuser takes");
    *ret = (struct tb_search_answer){.n = 0};
    enum tb_rc rc = check(query, err);
    if (rc != TB_OK) {
        return rc;
    }
    struct legs legs = {.nids = 0};
    run_legs(s, query, arena, &legs, ret);
    size_t asked = query->mode == TB_SEARCH_HYBRID ? 2 : 1;
    if (ret->ndegraded == asked) {
        return tb_fail(err, TB_EUNAVAILABLE, "the search cannot be answered: %s",
                       ret->degraded[0].why);
    }
    struct tb_fused *fused;
    size_t n;
    rc = fuse(s, query, &legs, arena, &fused, &n, err);
    return rc == TB_OK ? page(s, query, &legs, fused, n, arena, ret, err) : rc;
}
