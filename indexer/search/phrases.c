/* What a query says beside its words: its title, and phrases between quotes. */
#include "indexer/core/plain.h"
#include "indexer/search/internal.h"

enum {
    PHRASES_MAX = 8,
    PHRASE_QUERY_WORDS = 24, /* in longer texts quotes are quotes */
    TITLE_MAX = 500,
};

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
        if (chunks) {
            chunks[i] = chunks[from];
        }
    }
    leg->n = n;
    tb_pg_result_free(r);
    return TB_OK;
}
