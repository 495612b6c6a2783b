/* The legs of a search. Text of the user travels as a parameter only; what becomes a tsquery is
 * made of lexemes that the parser has given back, quoted. */
#include <math.h>

#include "indexer/core/codes.h"
#include "indexer/search/internal.h"

enum {
    WORDS_MAX = 64, /* looked up as ids */
    NAMES_OF_A_WORD = 4,
    DF_MAX = 50,     /* a code in more tickets than this tells little */
    QUERY_PARTS = 4, /* of a query that is longer than a chunk */
};

/* ---- semantic ---- */

static void add_scaled(float *sum, const float *v, size_t dim, double weight)
{
    for (size_t d = 0; d < dim; d++) {
        sum[d] += (float)(v[d] * weight);
    }
}

static double length_of(const float *v, size_t dim)
{
    double sum = 0;
    for (size_t d = 0; d < dim; d++) {
        sum += (double)v[d] * v[d];
    }
    return sqrt(sum);
}

/* A long query is embedded in parts, as long texts are indexed; their mean, weighted by length,
 * stands for it. A query that begins with a title is half that mean and half its title: titles say
 * what a report is about, the rest has the details. */
static enum tb_rc embed_query(struct tb_search *s, tb_str text, struct tb_arena *arena, float **ret,
                              struct tb_error *err)
{
    tb_str parts[QUERY_PARTS + 1];
    struct tb_embed_input inputs[QUERY_PARTS + 1] = {0};
    int64_t wait_ms;
    size_t n = tb_cut(text, s->recipe.max_tokens, parts, QUERY_PARTS);
    tb_str title = tb_query_title(text);
    size_t nall = n + (!tb_str_is_null(title) && tb_cut(title, s->recipe.max_tokens, &parts[n], 1));
    for (size_t i = 0; i < nall; i++) {
        inputs[i].text = parts[i];
    }
    enum tb_rc rc = tb_embed_run(s->embedder, inputs, nall, true, arena, &wait_ms, err);
    size_t dim = (size_t)s->model.dim;
    float *sum = TB_NEW_N(arena, float, dim);
    if (rc != TB_OK || !sum) {
        return rc != TB_OK ? rc : tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        if (inputs[i].state == TB_INPUT_DONE) {
            double len = length_of(inputs[i].vector, dim);
            add_scaled(sum, inputs[i].vector, dim, len > 0 ? (double)parts[i].len / len : 0);
        }
    }
    double whole = length_of(sum, dim);
    if (nall > n && inputs[n].state == TB_INPUT_DONE) {
        double len = length_of(inputs[n].vector, dim);
        add_scaled(sum, inputs[n].vector, dim, len > 0 ? (whole > 0 ? whole : 1) / len : 0);
    }
    *ret = sum;
    return length_of(sum, dim) > 0
               ? TB_OK
               : tb_fail(err, TB_EDATA, "the model refused the query: %s", inputs[0].reason);
}

enum tb_rc tb_leg_semantic(struct tb_search *s, const struct tb_search_query *q,
                           struct tb_arena *arena, struct tb_leg_hits *ret,
                           struct tb_store_hit **hits, struct tb_error *err)
{
    struct tb_store_filter filter = {
        .workflow_id = q->workflow_id,
        .status = q->status,
        .ticket_type = q->ticket_type,
        .priority = q->priority,
        .assignee = q->assignee,
        .tag = q->tag,
        .no_comments = !q->include_comments,
    };
    enum tb_rc rc = TB_OK;
    for (int attempt = 0; attempt < 2; attempt++) {
        float *vector = NULL;
        rc = tb_search_aim(s, attempt > 0, err);
        if (rc == TB_OK) {
            rc = embed_query(s, q->text, arena, &vector, err);
        }
        if (rc == TB_OK) {
            rc = tb_store_query(s->store, vector, &filter, TB_SEARCH_DEPTH, arena, hits, &ret->n,
                                err);
        }
        if (rc != TB_ENOTFOUND) { /* that collection has been removed: another one is searched */
            break;
        }
    }
    if (rc != TB_OK) {
        ret->n = 0;
        s->aimed_us = 0;
        return rc == TB_ENOTFOUND ? tb_fail(err, rc, "there is no index yet") : rc;
    }
    ret->ids = TB_NEW_N(arena, tb_str, ret->n + 1);
    ret->scores = TB_NEW_N(arena, double, ret->n + 1);
    for (size_t i = 0; ret->ids && i < ret->n; i++) {
        ret->ids[i] = (*hits)[i].ticket_id;
        if (ret->scores) {
            ret->scores[i] = (*hits)[i].score;
        }
    }
    return ret->ids && ret->scores ? TB_OK : tb_fail(err, TB_ENOMEM, "out of memory");
}

/* ---- words ---- */

void tb_leg_add_filter(struct tb_pg_params *p, const struct tb_search_query *q)
{
    tb_pg_add_str(p, q->workflow_id);
    tb_pg_add_str(p, q->status);
    tb_pg_add_str(p, q->ticket_type);
    tb_pg_add_str(p, q->priority);
    tb_pg_add_str(p, q->assignee);
    tb_pg_add_str(p, q->tag);
}

enum tb_rc tb_leg_read(const struct tb_pg_result *r, int score, struct tb_arena *arena,
                       struct tb_leg_hits *ret, struct tb_error *err)
{
    size_t n = (size_t)tb_pg_rows(r);
    ret->ids = TB_NEW_N(arena, tb_str, n + 1);
    ret->scores = TB_NEW_N(arena, double, n + 1);
    for (size_t i = 0; ret->ids && ret->scores && i < n; i++) {
        ret->ids[i] = tb_pg_str_in(r, (int)i, 0, arena);
        ret->scores[i] = (double)tb_pg_int(r, (int)i, score) / 1e6;
    }
    ret->n = n;
    return tb_arena_failed(arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}

/* ---- exact ---- */

/* Rare codes count more: the logarithm of how many tickets lack them. */
static const char exact_sql[] =
    "WITH code AS MATERIALIZED (SELECT w.c, (SELECT count(*) FROM (SELECT 1 FROM search_documents d"
    " WHERE d.codes @> ARRAY[w.c] OR ($9 AND d.comment_codes @> ARRAY[w.c]) LIMIT $10 + 1) x) AS df"
    " FROM unnest($1::text[]) AS w(c)),"
    " hit AS (SELECT d.ticket_id, sum(ln(1 + 1000.0 / code.df)) AS score FROM code"
    " JOIN search_documents d ON d.codes @> ARRAY[code.c]"
    " OR ($9 AND d.comment_codes @> ARRAY[code.c])"
    " WHERE code.df BETWEEN 1 AND $10 GROUP BY d.ticket_id)"
    " SELECT x.id, x.named, round((x.score * 1e6)::numeric)::bigint FROM ("
    " SELECT t.id, true AS named, 1e6 AS score FROM tickets t"
    " WHERE (t.id = ANY($8::text[]) OR t.external_id = ANY($8::text[])) AND" TB_FILTER_SQL
    " UNION ALL SELECT t.id, false, hit.score FROM hit JOIN tickets t ON t.id = hit.ticket_id"
    " WHERE NOT (t.id = ANY($8::text[]) OR coalesce(t.external_id = ANY($8::text[]), false))"
    " AND" TB_FILTER_SQL ") x ORDER BY x.score DESC, x.id LIMIT $11";

static bool is_blank(char c)
{
    return (unsigned char)c <= ' ';
}

size_t tb_query_words(tb_str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        n += !is_blank(text.ptr[i]) && (i == 0 || is_blank(text.ptr[i - 1]));
    }
    return n;
}

static bool is_punctuation(char c)
{
    return strchr(".,;:!?()[]{}<>\"'`", c) != NULL;
}

static tb_str in_case(tb_str s, bool upper, struct tb_arena *arena)
{
    char *copy = tb_arena_alloc(arena, s.len + 1);
    for (size_t i = 0; copy && i < s.len; i++) {
        char c = s.ptr[i];
        if (upper) {
            copy[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
        } else {
            copy[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        }
    }
    return copy ? (tb_str){copy, s.len} : TB_STR_NULL;
}

/* Every word as it was typed, in lower and in upper case, and as a ticket's id. */
static tb_strs names_of(tb_str text, struct tb_arena *arena)
{
    tb_str *names = TB_NEW_N(arena, tb_str, ((size_t)WORDS_MAX + 1) * NAMES_OF_A_WORD);
    size_t n = 0;
    size_t words = 0;
    for (size_t i = 0; names && i < text.len && words < WORDS_MAX; words++) {
        while (i < text.len && is_blank(text.ptr[i])) {
            i++;
        }
        size_t from = i;
        while (i < text.len && !is_blank(text.ptr[i])) {
            i++;
        }
        size_t to = i;
        while (from < to && is_punctuation(text.ptr[from])) {
            from++;
        }
        while (to > from && is_punctuation(text.ptr[to - 1])) {
            to--;
        }
        if (to > from && to - from <= 200) {
            tb_str word = {text.ptr + from, to - from};
            tb_str lower = in_case(word, false, arena);
            names[n++] = word;
            names[n++] = lower;
            names[n++] = in_case(word, true, arena);
            names[n++] = tb_arena_printf(arena, "ticket-%.*s", TB_ARG(lower));
        }
    }
    return (tb_strs){names, n};
}

enum tb_rc tb_leg_exact(struct tb_search *s, const struct tb_search_query *q,
                        struct tb_arena *arena, struct tb_leg_hits *ret, size_t *nids,
                        struct tb_error *err)
{
    tb_strs codes;
    enum tb_rc rc = tb_codes_of(&q->text, 1, arena, &codes, err);
    if (rc != TB_OK) {
        return rc;
    }
    tb_strs names = names_of(q->text, arena);
    struct tb_pg_params p;
    struct tb_pg_result *r;
    tb_pg_params_init(&p, arena);
    /* A single word may be a code typed in small letters. */
    bool single = codes.n == 0 && names.n == NAMES_OF_A_WORD;
    const tb_str *asked = single ? &names.items[1] : codes.items;
    size_t nasked = single ? 1 : codes.n;
    tb_pg_add_strs(&p, asked, nasked < WORDS_MAX ? nasked : WORDS_MAX);
    tb_leg_add_filter(&p, q);
    tb_pg_add_strs(&p, names.items, names.n);
    tb_pg_add_bool(&p, q->include_comments);
    tb_pg_add_int(&p, DF_MAX);
    tb_pg_add_int(&p, TB_SEARCH_DEPTH);
    rc = tb_search_exec(s, exact_sql, &p, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    *nids = 0;
    for (int i = 0; i < tb_pg_rows(r); i++) {
        *nids += tb_pg_bool(r, i, 1);
    }
    rc = tb_leg_read(r, 2, arena, ret, err);
    tb_pg_result_free(r);
    return rc;
}
