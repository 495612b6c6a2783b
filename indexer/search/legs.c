/* The legs of a search. Text of the user travels as a parameter only; what becomes a tsquery is
 * made of lexemes that the parser has given back, quoted. */
#include "common/base/clock.h"
#include "indexer/core/codes.h"
#include "indexer/core/plain.h"
#include "indexer/search/internal.h"

enum {
    LEXEMES_MAX = 300, /* of a query: the most frequent in it, then the longest */
    WORDS_MAX = 64,    /* looked up as ids */
    NAMES_OF_A_WORD = 4,
    DF_MAX = 50,     /* a code in more tickets than this tells little */
    QUERY_PARTS = 4, /* of a query that is longer than a chunk */
    ALIAS_US = 5 * 1000 * 1000,
};

/* ---- semantic ---- */

/* Another model's vectors must not be compared with ours. */
static enum tb_rc check_alias(struct tb_search *s, struct tb_arena *arena, struct tb_error *err)
{
    int64_t now = tb_clock_mono_us();
    if (s->alias_checked_us && now - s->alias_checked_us < ALIAS_US) {
        return TB_OK;
    }
    tb_str target;
    enum tb_rc rc = tb_store_alias(s->store, arena, &target, err);
    if (rc != TB_OK) {
        return rc;
    }
    if (tb_str_is_null(target)) {
        return tb_fail(err, TB_ENOTFOUND, "there is no index yet");
    }
    if (!tb_str_eq(target, s->collection)) {
        return tb_fail(err, TB_ECONFLICT, "the index was made by another model (%.*s, not %.*s)",
                       TB_ARG(target), TB_ARG(s->collection));
    }
    s->alias_checked_us = now;
    return TB_OK;
}

/* A long query is embedded in parts, as long texts are indexed; their mean, weighted by length,
 * stands for it. */
static enum tb_rc embed_query(struct tb_search *s, tb_str text, struct tb_arena *arena, float **ret,
                              struct tb_error *err)
{
    tb_str parts[QUERY_PARTS];
    struct tb_embed_input inputs[QUERY_PARTS] = {0};
    int64_t wait_ms;
    size_t n = tb_cut(text, s->recipe.max_tokens, parts, QUERY_PARTS);
    for (size_t i = 0; i < n; i++) {
        inputs[i].text = parts[i];
    }
    enum tb_rc rc = tb_embed_run(s->embedder, inputs, n, true, arena, &wait_ms, err);
    size_t dim = (size_t)s->model.dim;
    float *sum = TB_NEW_N(arena, float, dim);
    if (rc != TB_OK || !sum) {
        return rc != TB_OK ? rc : tb_fail(err, TB_ENOMEM, "out of memory");
    }
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        for (size_t d = 0; d < dim && inputs[i].state == TB_INPUT_DONE; d++) {
            sum[d] += inputs[i].vector[d] * (float)parts[i].len;
            any = true;
        }
    }
    *ret = sum;
    return any ? TB_OK
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
    float *vector = NULL;
    enum tb_rc rc = check_alias(s, arena, err);
    if (rc == TB_OK) {
        rc = embed_query(s, q->text, arena, &vector, err);
    }
    if (rc == TB_OK) {
        rc = tb_store_query(s->store, vector, &filter, TB_SEARCH_DEPTH, arena, hits, &ret->n, err);
    }
    if (rc != TB_OK) {
        ret->n = 0;
        s->alias_checked_us = 0;
        return rc;
    }
    ret->ids = TB_NEW_N(arena, tb_str, ret->n + 1);
    for (size_t i = 0; ret->ids && i < ret->n; i++) {
        ret->ids[i] = (*hits)[i].ticket_id;
    }
    return ret->ids ? TB_OK : tb_fail(err, TB_ENOMEM, "out of memory");
}

/* ---- keyword ---- */

/* Parameters 2 to 7; the ticket's own row is the truth about what it is filtered by. */
#define FILTER_SQL                                                                                 \
    " NOT t.is_deleted AND ($2::text IS NULL OR t.workflow_id = $2)"                               \
    " AND ($3::text IS NULL OR t.status = $3) AND ($4::text IS NULL OR t.ticket_type = $4)"        \
    " AND ($5::text IS NULL OR t.priority = $5) AND ($6::text IS NULL OR t.assigned_agent_id = "   \
    "$6)"                                                                                          \
    " AND ($7::text IS NULL OR t.tags @> jsonb_build_array($7::text))"

static void add_filter(struct tb_pg_params *p, const struct tb_search_query *q)
{
    tb_pg_add_str(p, q->workflow_id);
    tb_pg_add_str(p, q->status);
    tb_pg_add_str(p, q->ticket_type);
    tb_pg_add_str(p, q->priority);
    tb_pg_add_str(p, q->assignee);
    tb_pg_add_str(p, q->tag);
}

/* BM25 (Robertson and Zaragoza 2009: k1 1.2, b 0.75) over stemmed words, each place in a title
 * counting three times. Any word may hit, so that other words for the same thing still find it.
 * First the tickets with the most telling words are gathered from the index, by inverse document
 * frequency alone; then frequencies and lengths order the best of them. Comments, when wanted,
 * count as a further text. */
static const char keyword_sql[] =
    "WITH lex AS MATERIALIZED (SELECT l.lexeme, cardinality(l.positions) AS qtf, ('''' || "
    "replace(replace(l.lexeme, '\\', '\\\\'),"
    " '''', '''''') || '''')::tsquery AS q FROM unnest(to_tsvector('english', $1)) l"
    " ORDER BY cardinality(l.positions) DESC, length(l.lexeme) DESC, l.lexeme LIMIT $8),"
    " total AS MATERIALIZED (SELECT greatest(count(*), 1)::float8 AS docs,"
    " greatest(coalesce(avg(words), 1), 1)::float8 AS len,"
    " greatest(coalesce(avg(nullif(comment_words, 0)), 1), 1)::float8 AS comment_len"
    " FROM search_documents),"
    " df AS MATERIALIZED (SELECT lex.lexeme, lex.qtf, lex.q, (SELECT count(*) FROM "
    "search_documents d"
    " WHERE d.tsv @@ lex.q OR ($9 AND d.comments_tsv @@ lex.q))::float8 AS n FROM lex),"
    " idf AS MATERIALIZED (SELECT df.lexeme, df.q, df.qtf * ln(1 + (total.docs - n + 0.5) / (n + "
    "0.5)) AS w"
    " FROM df, total WHERE n > 0),"
    " post AS (SELECT d.ticket_id, sum(idf.w) AS w FROM idf JOIN search_documents d"
    " ON d.tsv @@ idf.q OR ($9 AND d.comments_tsv @@ idf.q) GROUP BY d.ticket_id),"
    " cand AS MATERIALIZED (SELECT post.ticket_id FROM post JOIN tickets t ON t.id = post.ticket_id"
    " WHERE" FILTER_SQL " ORDER BY post.w DESC, post.ticket_id LIMIT $10 * 3),"
    " hit AS (SELECT c.ticket_id, idf.w * 2.2 * f.tf / (f.tf + 1.2 * (0.25 + 0.75 * d.words /"
    " total.len)) AS s FROM cand c JOIN search_documents d USING (ticket_id),"
    " LATERAL (SELECT u.lexeme, cardinality(u.positions) +"
    " 2 * cardinality(array_positions(u.weights, 'A')) AS tf FROM unnest(d.tsv) u) f"
    " JOIN idf USING (lexeme), total"
    " UNION ALL SELECT c.ticket_id, 0.5 * idf.w * 2.2 * f.tf / (f.tf + 1.2 * (0.25 + 0.75 *"
    " d.comment_words / total.comment_len)) FROM cand c JOIN search_documents d USING (ticket_id),"
    " LATERAL (SELECT u.lexeme, cardinality(u.positions) AS tf FROM unnest(d.comments_tsv) u) f"
    " JOIN idf USING (lexeme), total WHERE $9)"
    " SELECT ticket_id FROM hit GROUP BY ticket_id ORDER BY sum(s) DESC, ticket_id LIMIT $10";

static enum tb_rc read_ids(const struct tb_pg_result *r, struct tb_arena *arena,
                           struct tb_leg_hits *ret, struct tb_error *err)
{
    size_t n = (size_t)tb_pg_rows(r);
    ret->ids = TB_NEW_N(arena, tb_str, n + 1);
    for (size_t i = 0; ret->ids && i < n; i++) {
        ret->ids[i] = tb_pg_str_in(r, (int)i, 0, arena);
    }
    ret->n = n;
    return tb_arena_failed(arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}

enum tb_rc tb_leg_keyword(struct tb_search *s, const struct tb_search_query *q,
                          struct tb_arena *arena, struct tb_leg_hits *ret, struct tb_error *err)
{
    struct tb_pg_params p;
    struct tb_pg_result *r;
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, tb_plain_words(q->text, TB_SEARCH_QUERY_BYTES, arena));
    add_filter(&p, q);
    tb_pg_add_int(&p, LEXEMES_MAX);
    tb_pg_add_bool(&p, q->include_comments);
    tb_pg_add_int(&p, TB_SEARCH_DEPTH);
    enum tb_rc rc = tb_search_exec(s, keyword_sql, &p, &r, err);
    if (rc == TB_OK) {
        rc = read_ids(r, arena, ret, err);
        tb_pg_result_free(r);
    }
    return rc;
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
    " SELECT x.id, x.named FROM ("
    " SELECT t.id, true AS named, 1e9 AS score FROM tickets t"
    " WHERE (t.id = ANY($8::text[]) OR t.external_id = ANY($8::text[])) AND" FILTER_SQL
    " UNION ALL SELECT t.id, false, hit.score FROM hit JOIN tickets t ON t.id = hit.ticket_id"
    " WHERE NOT (t.id = ANY($8::text[]) OR coalesce(t.external_id = ANY($8::text[]), false))"
    " AND" FILTER_SQL ") x ORDER BY x.score DESC, x.id LIMIT $11";

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
    add_filter(&p, q);
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
    rc = read_ids(r, arena, ret, err);
    tb_pg_result_free(r);
    return rc;
}
