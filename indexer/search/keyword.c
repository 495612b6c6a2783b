/* The keyword leg: the one place that ranks texts.
 *
 * BM25 (Robertson and Zaragoza 2009: k1 1.2, b 0.75) over stemmed words, each place in a title
 * counting three times, in the document as in a query that begins with a title. A query may be a
 * whole ticket, so repeats in it count by their square root, and rare words by idf^1.5.
 *
 * Two statements. The first takes the query apart and says in how many tickets each word is:
 * counted where there are few tickets, else from the planner's statistics, which ANALYZE keeps and
 * which know every word that is not rare. Between them core/gather.h decides which entries of the
 * word index are worth reading. The second reads them, and orders the best of what it finds by
 * frequencies and lengths, by all words. Comments, when wanted, count as a further text. */
#include <math.h>

#include "indexer/core/gather.h"
#include "indexer/core/plain.h"
#include "indexer/search/internal.h"

enum {
    LEXEMES_MAX = 300,    /* of a query: the most frequent in it, then the longest */
    LARGE_TABLE = 20000,  /* tickets, from which statistics stand in for counting */
    ENTRIES_MAX = 100000, /* index entries of one search, whatever statistics say */
    RANKED = 600,         /* tickets ordered by all words */
    FEW = 2000,           /* tickets a filter leaves: so few are all ranked */
    MORE_EFFORT = 8,
    TITLE_MAX = 500,
    CONDITION_BYTES = 1 << 20,
};

static const char words_sql[] =
    "WITH raw AS (SELECT l.lexeme, cardinality(l.positions) AS n FROM"
    " unnest(to_tsvector('english', $1)) l UNION ALL SELECT l.lexeme, 2 *"
    " cardinality(l.positions) FROM unnest(to_tsvector('english', $2)) l),"
    " lex AS MATERIALIZED (SELECT lexeme, sqrt(sum(n)) AS qtf, '''' || replace(replace(lexeme,"
    " '\\', '\\\\'), '''', '''''') || '''' AS q FROM raw GROUP BY lexeme"
    " ORDER BY sum(n) DESC, length(lexeme) DESC, lexeme LIMIT $3),"
    " size AS MATERIALIZED (SELECT reltuples::float8 AS n FROM pg_class"
    " WHERE oid = 'search_documents'::regclass),"
    " stats AS MATERIALIZED (SELECT attname, most_common_elems::text::text[] AS elems,"
    " most_common_elem_freqs AS freqs, histogram_bounds::text AS bounds FROM pg_stats, size"
    " WHERE size.n > $4 AND schemaname = current_schema() AND tablename = 'search_documents'"
    " AND attname IN ('tsv', 'words', 'comment_words')),"
    " total AS MATERIALIZED (SELECT s.docs, greatest(coalesce(s.len, 1), 1) AS len,"
    " greatest(coalesce(s.clen, 1), 1) AS comment_len FROM"
    " (SELECT size.n AS docs,"
    " (SELECT avg(b) FROM stats, unnest(bounds::int[]) b WHERE attname = 'words')::float8 AS len,"
    " (SELECT avg(b) FROM stats, unnest(bounds::int[]) b WHERE attname = 'comment_words')::float8"
    " AS clen FROM size WHERE size.n > $4"
    " UNION ALL SELECT greatest(count(*), 1)::float8, avg(words)::float8,"
    " avg(nullif(comment_words, 0))::float8 FROM search_documents HAVING (SELECT n <= $4 FROM"
    " size)) s),"
    " often AS MATERIALIZED (SELECT e.lexeme, e.f * size.n AS n FROM stats, size,"
    " LATERAL unnest(elems, freqs[1:cardinality(elems)]) e(lexeme, f) WHERE attname = 'tsv')"
    " SELECT total.docs, total.len, total.comment_len, lex.lexeme, lex.q, lex.qtf,"
    " coalesce(o.n, CASE WHEN size.n > $4 THEN -1 ELSE (SELECT count(*) FROM search_documents d"
    " WHERE d.tsv @@ lex.q::tsquery OR ($5 AND d.comments_tsv @@ lex.q::tsquery)) END)"
    " FROM lex CROSS JOIN total CROSS JOIN size LEFT JOIN often o USING (lexeme)";

#define FILTERED                                                                                   \
    "($3::text IS NOT NULL OR $4::text IS NOT NULL OR $5::text IS NOT NULL OR $6::text IS NOT"     \
    " NULL OR $7::text IS NOT NULL)"
#define HAS_PHRASES                                                                                \
    "NOT EXISTS (SELECT 1 FROM phrase WHERE NOT (d.tsv @@ phrase.q OR ($9 AND d.comments_tsv @@"   \
    " phrase.q)))"

/* $1 index entries, $8 whether all that pass the filter are ranked, $9 comments, $10 limit; of the
 * query's words: $11 lexemes, $12 their weight in the query, $13 in how many tickets, -1 as many as
 * are found; $14 tickets, $15 $16 mean lengths; of what is read: $17 the word, null for several,
 * $18 the condition, $19 the weight of several, $20 how much; $21 phrases, $22 any of the words,
 * $23 tickets ranked. */
static const char rank_sql[] =
    "WITH lex AS MATERIALIZED (SELECT * FROM unnest($11::text[], $12::float8[], $13::float8[])"
    " l(lexeme, qtf, n)),"
    " phrase AS MATERIALIZED (SELECT p.q FROM (SELECT phraseto_tsquery('english', w) AS q"
    " FROM unnest($21::text[]) w) p WHERE numnode(p.q) > 0),"
    " part AS MATERIALIZED (SELECT lexeme, q::tsquery AS q, w, most, no FROM unnest($17::text[],"
    " $18::text[], $19::float8[], $20::bigint[]) WITH ORDINALITY u(lexeme, q, w, most, no) WHERE"
    " NOT $8 AND NOT EXISTS (SELECT 1 FROM phrase) UNION ALL (SELECT NULL, q, 1, $1::bigint, 0"
    " FROM phrase WHERE NOT $8 LIMIT 1) ORDER BY no),"
    " entry AS MATERIALIZED (SELECT part.lexeme, part.w, d.ticket_id, d.words FROM part, LATERAL"
    " (SELECT d.ticket_id, d.words FROM search_documents d WHERE (d.tsv @@ part.q OR ($9 AND"
    " d.comments_tsv @@ part.q)) AND ($2::text IS NULL OR d.workflow_id = $2) AND " HAS_PHRASES
    " AND (NOT " FILTERED
    " OR EXISTS (SELECT 1 FROM tickets t WHERE t.id = d.ticket_id AND" TB_FILTER_SQL
    ")) LIMIT part.most) d LIMIT $1::bigint),"
    " idf AS MATERIALIZED (SELECT l.lexeme, l.qtf * power(ln(1 + greatest($14::float8 - l.n + 0.5,"
    " 0) / (l.n + 0.5)), 1.5) AS w FROM (SELECT lex.lexeme, lex.qtf, CASE WHEN lex.n < 0 THEN"
    " coalesce(e.n, 0) ELSE lex.n END AS n FROM lex LEFT JOIN (SELECT lexeme, count(*)::float8 AS n"
    " FROM entry GROUP BY lexeme) e USING (lexeme)) l WHERE l.n > 0),"
    " cand AS MATERIALIZED ((SELECT e.ticket_id FROM entry e LEFT JOIN idf USING (lexeme)"
    " GROUP BY e.ticket_id ORDER BY sum(coalesce(idf.w, e.w)) / (1.3 + 0.9 * min(e.words) /"
    " $15::float8) DESC, e.ticket_id LIMIT $23::bigint)"
    " UNION ALL SELECT d.ticket_id FROM tickets t JOIN search_documents d ON d.ticket_id = t.id"
    " WHERE $8 AND (d.tsv @@ $22::tsquery OR ($9 AND d.comments_tsv @@ $22::tsquery)) "
    "AND" TB_FILTER_SQL " AND " HAS_PHRASES "),"
    " hit AS (SELECT c.ticket_id, idf.w * 2.2 * f.tf / (f.tf + 1.2 * (0.25 + 0.75 * d.words /"
    " $15::float8)) AS s FROM cand c JOIN search_documents d USING (ticket_id),"
    " LATERAL (SELECT u.lexeme, cardinality(u.positions) +"
    " 2 * cardinality(array_positions(u.weights, 'A')) AS tf FROM unnest(d.tsv) u) f"
    " JOIN idf USING (lexeme)"
    " UNION ALL SELECT c.ticket_id, 0.5 * idf.w * 2.2 * f.tf / (f.tf + 1.2 * (0.25 + 0.75 *"
    " d.comment_words / $16::float8)) FROM cand c JOIN search_documents d USING (ticket_id),"
    " LATERAL (SELECT u.lexeme, cardinality(u.positions) AS tf FROM unnest(d.comments_tsv) u) f"
    " JOIN idf USING (lexeme) WHERE $9)"
    " SELECT h.ticket_id, round((sum(h.s) * 1e6)::numeric)::bigint FROM hit h JOIN tickets t"
    " ON t.id = h.ticket_id AND NOT t.is_deleted"
    " GROUP BY h.ticket_id ORDER BY 2 DESC, 1 LIMIT $10";

static const char few_sql[] =
    "SELECT count(*) FROM (SELECT 1 FROM tickets t WHERE" TB_FILTER_SQL " LIMIT $1) x";

/* A query taken apart; in its arena. */
struct query {
    const struct tb_search_query *asked;
    struct tb_arena *arena;
    size_t n;
    struct tb_word *words;
    tb_str *lexemes;
    tb_str *quoted; /* as a condition */
    double *qtf;
    double docs;
    double len;
    double comment_len;
    tb_strs phrases;
};

static tb_str real_text(double v, struct tb_arena *arena)
{
    return tb_arena_printf(arena, "%.17g", v);
}

static enum tb_rc read_words(const struct tb_pg_result *r, struct query *q, struct tb_error *err)
{
    q->n = (size_t)tb_pg_rows(r);
    q->words = TB_NEW_N(q->arena, struct tb_word, q->n + 1);
    q->lexemes = TB_NEW_N(q->arena, tb_str, q->n + 1);
    q->quoted = TB_NEW_N(q->arena, tb_str, q->n + 1);
    q->qtf = TB_NEW_N(q->arena, double, q->n + 1);
    for (size_t i = 0; !tb_arena_failed(q->arena) && i < q->n; i++) {
        int row = (int)i;
        q->docs = tb_pg_real(r, row, 0);
        q->len = tb_pg_real(r, row, 1);
        q->comment_len = tb_pg_real(r, row, 2);
        q->lexemes[i] = tb_pg_str_in(r, row, 3, q->arena);
        q->quoted[i] = tb_pg_str_in(r, row, 4, q->arena);
        q->qtf[i] = tb_pg_real(r, row, 5);
        q->words[i].docs = tb_pg_real(r, row, 6);
    }
    return tb_arena_failed(q->arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}

static enum tb_rc take_apart(struct tb_search *s, struct query *q, struct tb_error *err)
{
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    tb_str title = tb_query_title(q->asked->text);
    title = tb_str_is_null(title) ? TB_LIT("") : title;
    tb_pg_params_init(&p, q->arena);
    tb_pg_add_str(&p, tb_plain_words(q->asked->text, TB_SEARCH_QUERY_BYTES, q->arena));
    tb_pg_add_str(&p, tb_plain_words(title, TITLE_MAX, q->arena));
    tb_pg_add_int(&p, LEXEMES_MAX);
    tb_pg_add_int(&p, LARGE_TABLE);
    tb_pg_add_bool(&p, q->asked->include_comments);
    enum tb_rc rc = tb_search_exec(s, words_sql, &p, &r, err);
    if (rc == TB_OK) {
        rc = read_words(r, q, err);
        tb_pg_result_free(r);
    }
    return rc;
}

/* What a ticket in which this word stands gains by it, as in the statement. */
static double weight_of(const struct query *q, size_t word)
{
    double n = q->words[word].docs;
    double others = q->docs - n + 0.5;
    return q->qtf[word] * pow(log(1 + (others > 0 ? others : 0) / (n + 0.5)), 1.5);
}

/* 'a' & 'b' & ('c' | 'd') */
static tb_str condition(const struct query *q, const struct tb_gather *g, tb_buf *buf)
{
    tb_buf_clear(buf);
    for (size_t i = 0; i < g->n; i++) {
        const char *and = i == g->all ? " & (" : " & ";
        tb_buf_add_c(buf, i == 0 ? "" : i > g->all ? " | " : and);
        tb_buf_add_str(buf, q->quoted[g->words[i]]);
    }
    tb_buf_add_c(buf, g->all < g->n ? ")" : "");
    return tb_arena_str(q->arena, tb_buf_str(buf));
}

static void add_words(struct tb_pg_params *p, const struct query *q)
{
    tb_str *qtf = TB_NEW_N(q->arena, tb_str, q->n + 1);
    tb_str *docs = TB_NEW_N(q->arena, tb_str, q->n + 1);
    for (size_t i = 0; qtf && docs && i < q->n; i++) {
        qtf[i] = real_text(q->qtf[i], q->arena);
        docs[i] = real_text(q->words[i].docs, q->arena);
    }
    tb_pg_add_strs(p, q->lexemes, q->n);
    tb_pg_add_strs(p, qtf, q->n);
    tb_pg_add_strs(p, docs, q->n);
    tb_pg_add_str(p, real_text(q->docs, q->arena));
    tb_pg_add_str(p, real_text(q->len, q->arena));
    tb_pg_add_str(p, real_text(q->comment_len, q->arena));
}

static void add_plan(struct tb_pg_params *p, const struct query *q, const struct tb_gather *plan,
                     size_t n, tb_buf *buf)
{
    tb_str *words = TB_NEW_N(q->arena, tb_str, n + 1);
    tb_str *conditions = TB_NEW_N(q->arena, tb_str, n + 1);
    tb_str *weights = TB_NEW_N(q->arena, tb_str, n + 1);
    int64_t *most = TB_NEW_N(q->arena, int64_t, n + 1);
    for (size_t i = 0; !tb_arena_failed(q->arena) && i < n; i++) {
        const struct tb_gather *g = &plan[i];
        double weight = 0;
        for (size_t k = 0; g->n > 1 && k <= g->all && k < g->n; k++) {
            weight += weight_of(q, g->words[k]);
        }
        words[i] = g->n == 1 ? q->lexemes[g->words[0]] : TB_STR_NULL;
        conditions[i] = condition(q, g, buf);
        weights[i] = real_text(weight, q->arena);
        most[i] = (int64_t)g->most;
    }
    tb_pg_add_strs(p, words, n);
    tb_pg_add_strs(p, conditions, n);
    tb_pg_add_strs(p, weights, n);
    tb_pg_add_ints(p, most, n);
}

static tb_str any_word(const struct query *q, tb_buf *buf)
{
    tb_buf_clear(buf);
    for (size_t i = 0; i < q->n; i++) {
        tb_buf_add_c(buf, i ? " | " : "");
        tb_buf_add_str(buf, q->quoted[i]);
    }
    return tb_arena_str(q->arena, tb_buf_str(buf));
}

static enum tb_rc rank(struct tb_search *s, const struct query *q, bool few,
                       const struct tb_gather *plan, size_t nplan, struct tb_leg_hits *ret,
                       struct tb_error *err)
{
    tb_buf buf;
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    tb_buf_init(&buf, CONDITION_BYTES);
    tb_pg_params_init(&p, q->arena);
    tb_pg_add_int(&p, ENTRIES_MAX);
    tb_leg_add_filter(&p, q->asked);
    tb_pg_add_bool(&p, few);
    tb_pg_add_bool(&p, q->asked->include_comments);
    tb_pg_add_int(&p, TB_SEARCH_DEPTH);
    add_words(&p, q);
    add_plan(&p, q, plan, nplan, &buf);
    tb_pg_add_strs(&p, q->phrases.items, q->phrases.n);
    tb_pg_add_str(&p, any_word(q, &buf));
    tb_pg_add_int(&p, RANKED);
    bool failed = buf.failed || tb_arena_failed(q->arena);
    tb_buf_dispose(&buf);
    enum tb_rc rc = failed ? tb_fail(err, TB_ENOMEM, "out of memory")
                           : tb_search_exec(s, rank_sql, &p, &r, err);
    if (rc == TB_OK) {
        rc = tb_leg_read(r, 1, q->arena, ret, err);
        tb_pg_result_free(r);
    }
    return rc;
}

static bool is_filtered(const struct tb_search_query *q)
{
    return !tb_str_is_null(q->workflow_id) || !tb_str_is_null(q->status) ||
           !tb_str_is_null(q->ticket_type) || !tb_str_is_null(q->priority) ||
           !tb_str_is_null(q->assignee) || !tb_str_is_null(q->tag);
}

static enum tb_rc leaves_few(struct tb_search *s, const struct query *q, bool *ret,
                             struct tb_error *err)
{
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    *ret = false;
    if (!is_filtered(q->asked)) {
        return TB_OK;
    }
    tb_pg_params_init(&p, q->arena);
    tb_pg_add_int(&p, FEW + 1);
    tb_leg_add_filter(&p, q->asked);
    enum tb_rc rc = tb_search_exec(s, few_sql, &p, &r, err);
    if (rc == TB_OK) {
        *ret = tb_pg_int(r, 0, 0) <= FEW;
        tb_pg_result_free(r);
    }
    return rc;
}

/* First with little effort; where that finds less than a leg holds, all that a filter leaves are
 * looked at when they are few, or more is read. */
static enum tb_rc find(struct tb_search *s, const struct query *q, struct tb_leg_hits *ret,
                       struct tb_error *err)
{
    bool more;
    bool few;
    struct tb_gather *plan = TB_NEW_N(q->arena, struct tb_gather, q->n + TB_GATHER_ROOM);
    if (!plan) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    size_t n = tb_gather_plan(q->words, q->n, q->docs, 1, plan, &more);
    enum tb_rc rc = rank(s, q, false, plan, n, ret, err);
    if (rc != TB_OK || ret->n >= TB_SEARCH_DEPTH || !more || q->phrases.n) {
        return rc;
    }
    rc = leaves_few(s, q, &few, err);
    if (rc == TB_OK) {
        n = tb_gather_plan(q->words, q->n, q->docs, MORE_EFFORT, plan, &more);
        rc = rank(s, q, few, plan, n, ret, err);
    }
    return rc;
}

enum tb_rc tb_leg_keyword(struct tb_search *s, const struct tb_search_query *q,
                          struct tb_arena *arena, struct tb_leg_hits *ret, struct tb_error *err)
{
    struct query query = {.asked = q, .arena = arena, .phrases = tb_query_phrases(q->text, arena)};
    *ret = (struct tb_leg_hits){.n = 0};
    enum tb_rc rc = take_apart(s, &query, err);
    return rc == TB_OK && query.n ? find(s, &query, ret, err) : rc;
}
