/* The keyword leg: the one place that ranks texts.
 *
 * BM25 (Robertson and Zaragoza 2009: k1 1.2, b 0.75) over stemmed words, each place in a title
 * counting three times, in the document as in a query that begins with a title. A query may be a
 * whole ticket, so repeats in it count by their square root, and rare words by idf^1.5.
 *
 * First the tickets with the most telling words are gathered from the index: rare words first,
 * until GATHER_MAX entries are read. Then frequencies and lengths order the best of them, by all
 * words. In a large table, frequent words' numbers of tickets come from the planner's statistics
 * (ANALYZE keeps them), and only rare words are counted. Comments, when wanted, count as a further
 * text. */
#include "indexer/core/plain.h"
#include "indexer/search/internal.h"

enum {
    LEXEMES_MAX = 300,   /* of a query: the most frequent in it, then the longest */
    GATHER_MAX = 40000,  /* index entries read for candidates */
    LARGE_TABLE = 50000, /* tickets, from which statistics stand in for counting */
    PHRASES_MAX = 8,
    PHRASE_QUERY_WORDS = 24, /* in longer texts quotes are quotes */
    TITLE_MAX = 500,
};

static const char keyword_sql[] =
    "WITH raw AS (SELECT l.lexeme, cardinality(l.positions) AS n FROM"
    " unnest(to_tsvector('english', $1)) l UNION ALL SELECT l.lexeme, 2 *"
    " cardinality(l.positions) FROM unnest(to_tsvector('english', $11)) l),"
    " lex AS MATERIALIZED (SELECT lexeme, sqrt(sum(n)) AS qtf, ('''' || replace(replace(lexeme,"
    " '\\', '\\\\'), '''', '''''') || '''')::tsquery AS q FROM raw GROUP BY lexeme"
    " ORDER BY sum(n) DESC, length(lexeme) DESC, lexeme LIMIT $8),"
    " phrase AS MATERIALIZED (SELECT p.q FROM (SELECT phraseto_tsquery('english', w) AS q"
    " FROM unnest($12::text[]) w) p WHERE numnode(p.q) > 0),"
    " size AS MATERIALIZED (SELECT reltuples::float8 AS n FROM pg_class"
    " WHERE oid = 'search_documents'::regclass),"
    " stats AS MATERIALIZED (SELECT attname, most_common_elems::text::text[] AS elems,"
    " most_common_elem_freqs AS freqs, histogram_bounds::text AS bounds FROM pg_stats, size"
    " WHERE size.n > $14 AND schemaname = current_schema() AND tablename = 'search_documents'"
    " AND attname IN ('tsv', 'words', 'comment_words')),"
    " total AS MATERIALIZED (SELECT s.docs, greatest(coalesce(s.len, 1), 1) AS len,"
    " greatest(coalesce(s.clen, 1), 1) AS comment_len FROM"
    " (SELECT size.n AS docs,"
    " (SELECT avg(b) FROM stats, unnest(bounds::int[]) b WHERE attname = 'words')::float8 AS len,"
    " (SELECT avg(b) FROM stats, unnest(bounds::int[]) b WHERE attname = 'comment_words')::float8"
    " AS clen FROM size WHERE size.n > $14"
    " UNION ALL SELECT greatest(count(*), 1)::float8, avg(words)::float8,"
    " avg(nullif(comment_words, 0))::float8 FROM search_documents HAVING (SELECT n <= $14 FROM"
    " size)) s),"
    " often AS MATERIALIZED (SELECT e.lexeme, e.f * size.n AS n FROM stats, size,"
    " LATERAL unnest(elems, freqs[1:cardinality(elems)]) e(lexeme, f) WHERE attname = 'tsv'),"
    " df AS MATERIALIZED (SELECT lex.lexeme, lex.qtf, lex.q, coalesce(o.n, (SELECT count(*) FROM"
    " (SELECT 1 FROM search_documents d WHERE d.tsv @@ lex.q OR ($9 AND d.comments_tsv @@ lex.q)"
    " LIMIT $13) c))::float8 AS n FROM lex LEFT JOIN often o USING (lexeme)),"
    " idf AS MATERIALIZED (SELECT df.lexeme, df.q, df.n, df.qtf * power(ln(1 + greatest(total.docs"
    " - n + 0.5, 0) / (n + 0.5)), 1.5) AS w FROM df, total WHERE n > 0),"
    " telling AS MATERIALIZED (SELECT q, w FROM (SELECT idf.*, sum(n) OVER (ORDER BY n, lexeme) AS"
    " upto FROM idf) x WHERE upto <= $13 OR upto = n),"
    " post AS MATERIALIZED (SELECT d.ticket_id, sum(telling.w) AS w FROM telling, LATERAL (SELECT"
    " d.ticket_id FROM search_documents d WHERE (d.tsv @@ telling.q OR ($9 AND d.comments_tsv @@"
    " telling.q)) AND ($2::text IS NULL OR d.workflow_id = $2) AND NOT EXISTS (SELECT 1 FROM phrase"
    " WHERE NOT (d.tsv @@ phrase.q OR ($9 AND d.comments_tsv @@ phrase.q))) LIMIT $13) d"
    " GROUP BY d.ticket_id),"
    " cand AS MATERIALIZED (SELECT post.ticket_id FROM post WHERE"
    " ($2::text IS NULL AND $3::text IS NULL AND $4::text IS NULL AND $5::text IS NULL AND"
    " $6::text IS NULL AND $7::text IS NULL) OR EXISTS (SELECT 1 FROM tickets t WHERE"
    " t.id = post.ticket_id AND" TB_FILTER_SQL ") ORDER BY post.w DESC, post.ticket_id"
    " LIMIT $10 * 3),"
    " hit AS (SELECT c.ticket_id, idf.w * 2.2 * f.tf / (f.tf + 1.2 * (0.25 + 0.75 * d.words /"
    " total.len)) AS s FROM cand c JOIN search_documents d USING (ticket_id),"
    " LATERAL (SELECT u.lexeme, cardinality(u.positions) +"
    " 2 * cardinality(array_positions(u.weights, 'A')) AS tf FROM unnest(d.tsv) u) f"
    " JOIN idf USING (lexeme), total"
    " UNION ALL SELECT c.ticket_id, 0.5 * idf.w * 2.2 * f.tf / (f.tf + 1.2 * (0.25 + 0.75 *"
    " d.comment_words / total.comment_len)) FROM cand c JOIN search_documents d USING (ticket_id),"
    " LATERAL (SELECT u.lexeme, cardinality(u.positions) AS tf FROM unnest(d.comments_tsv) u) f"
    " JOIN idf USING (lexeme), total WHERE $9)"
    " SELECT h.ticket_id, round((sum(h.s) * 1e6)::numeric)::bigint FROM hit h JOIN tickets t"
    " ON t.id = h.ticket_id AND NOT t.is_deleted"
    " GROUP BY h.ticket_id ORDER BY 2 DESC, 1 LIMIT $10";

tb_str tb_query_title(tb_str text)
{
    const char *end = memchr(text.ptr, '\n', text.len);
    size_t n = end ? (size_t)(end - text.ptr) : 0;
    return n > 0 && n <= TITLE_MAX ? (tb_str){text.ptr, n} : TB_STR_NULL;
}

tb_strs tb_query_phrases(tb_str text, struct tb_arena *arena)
{
    tb_str *phrases = TB_NEW_N(arena, tb_str, PHRASES_MAX);
    size_t n = 0;
    if (!phrases || tb_query_words(text) > PHRASE_QUERY_WORDS) {
        return (tb_strs){phrases, 0};
    }
    while (n < PHRASES_MAX) {
        const char *from = memchr(text.ptr, '"', text.len);
        size_t skip = from ? (size_t)(from - text.ptr) + 1 : text.len;
        const char *to = from ? memchr(from + 1, '"', text.len - skip) : NULL;
        if (!to) {
            break;
        }
        tb_str phrase = {from + 1, (size_t)(to - from) - 1};
        tb_str plain = tb_plain_words(phrase, TITLE_MAX, arena);
        if (plain.len) {
            phrases[n++] = plain;
        }
        skip = (size_t)(to - text.ptr) + 1;
        text = (tb_str){text.ptr + skip, text.len - skip};
    }
    return (tb_strs){phrases, n};
}

/* The planner does not know how rare the words of a parameter are, and would read the whole table
 * for each. */
static enum tb_rc plan_by_index(struct tb_search *s, bool on, struct tb_arena *arena,
                                struct tb_error *err)
{
    struct tb_pg_params none;
    struct tb_pg_result *r;
    tb_pg_params_init(&none, arena);
    enum tb_rc rc =
        tb_search_exec(s, on ? "SET enable_seqscan = off" : "RESET enable_seqscan", &none, &r, err);
    if (rc == TB_OK) {
        tb_pg_result_free(r);
    }
    return rc;
}

enum tb_rc tb_leg_keyword(struct tb_search *s, const struct tb_search_query *q,
                          struct tb_arena *arena, struct tb_leg_hits *ret, struct tb_error *err)
{
    struct tb_pg_params p;
    struct tb_pg_result *r;
    tb_str title = tb_query_title(q->text);
    tb_strs phrases = tb_query_phrases(q->text, arena);
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, tb_plain_words(q->text, TB_SEARCH_QUERY_BYTES, arena));
    tb_leg_add_filter(&p, q);
    tb_pg_add_int(&p, LEXEMES_MAX);
    tb_pg_add_bool(&p, q->include_comments);
    tb_pg_add_int(&p, TB_SEARCH_DEPTH);
    tb_pg_add_str(&p, tb_plain_words(tb_str_is_null(title) ? TB_LIT("") : title, TITLE_MAX, arena));
    tb_pg_add_strs(&p, phrases.items, phrases.n);
    tb_pg_add_int(&p, GATHER_MAX);
    tb_pg_add_int(&p, LARGE_TABLE);
    enum tb_rc rc = plan_by_index(s, true, arena, err);
    if (rc != TB_OK) {
        return rc;
    }
    rc = tb_search_exec(s, keyword_sql, &p, &r, err);
    if (rc == TB_OK) {
        rc = tb_leg_read(r, 1, arena, ret, err);
        tb_pg_result_free(r);
    }
    struct tb_error ignored;
    (void)plan_by_index(s, false, arena, &ignored); /* a lost connection has forgotten it anyway */
    return rc;
}

/* Those of the semantic leg's tickets in which every quoted phrase stands. */
enum tb_rc tb_leg_with_phrases(struct tb_search *s, const struct tb_search_query *q,
                               struct tb_arena *arena, struct tb_leg_hits *leg,
                               struct tb_store_hit *chunks, struct tb_error *err)
{
    static const char sql[] =
        "WITH phrase AS MATERIALIZED (SELECT p.q FROM (SELECT phraseto_tsquery('english', w) AS q"
        " FROM unnest($2::text[]) w) p WHERE numnode(p.q) > 0)"
        " SELECT w.n FROM unnest($1::text[]) WITH ORDINALITY w(id, n) JOIN search_documents d"
        " ON d.ticket_id = w.id AND NOT EXISTS (SELECT 1 FROM phrase WHERE NOT"
        " (d.tsv @@ phrase.q OR ($3 AND d.comments_tsv @@ phrase.q))) ORDER BY w.n";
    tb_strs phrases = tb_query_phrases(q->text, arena);
    if (phrases.n == 0 || leg->n == 0) {
        return TB_OK;
    }
    struct tb_pg_params p;
    struct tb_pg_result *r;
    tb_pg_params_init(&p, arena);
    tb_pg_add_strs(&p, leg->ids, leg->n);
    tb_pg_add_strs(&p, phrases.items, phrases.n);
    tb_pg_add_bool(&p, q->include_comments);
    enum tb_rc rc = tb_search_exec(s, sql, &p, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    size_t n = (size_t)tb_pg_rows(r);
    for (size_t i = 0; i < n; i++) {
        size_t from = (size_t)tb_pg_int(r, (int)i, 0) - 1;
        leg->ids[i] = leg->ids[from];
        leg->scores[i] = leg->scores[from];
        chunks[i] = chunks[from];
    }
    leg->n = n;
    tb_pg_result_free(r);
    return TB_OK;
}
