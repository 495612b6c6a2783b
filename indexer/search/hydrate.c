/* From ids to results that can be shown: the ticket's row and the passage that answers. */
#include "common/base/map.h"
#include "indexer/core/passage.h"
#include "indexer/search/internal.h"

enum { PASSAGE_BYTES = 280, MARKS_MAX = 64 };

static const char rows_sql[] =
    "SELECT t.id, t.external_id, t.workflow_id, t.title, t.status, t.ticket_type, t.priority,"
    " t.assigned_agent_id, t.is_blocked, t.is_resolved, t.updated_at, t.description"
    " FROM tickets t WHERE t.id = ANY($1::text[]) AND NOT t.is_deleted";

static const char comments_sql[] =
    "SELECT ticket_id, id, comment_text FROM ticket_comments WHERE ticket_id = ANY($1::text[])"
    " ORDER BY ticket_id, created_at, id";

/* A result in the making. */
struct draft {
    struct tb_search_hit *hit;
    struct tb_ticket_text text;
    bool there;
};

static void read_row(const struct tb_pg_result *r, int i, struct tb_arena *arena, struct draft *d)
{
    struct tb_search_hit *h = d->hit;
    h->external_id = tb_pg_str_in(r, i, 1, arena);
    h->workflow_id = tb_pg_str_in(r, i, 2, arena);
    h->title = tb_pg_str_in(r, i, 3, arena);
    h->status = tb_pg_str_in(r, i, 4, arena);
    h->ticket_type = tb_pg_str_in(r, i, 5, arena);
    h->priority = tb_pg_str_in(r, i, 6, arena);
    h->assignee = tb_pg_str_in(r, i, 7, arena);
    h->is_blocked = tb_pg_bool(r, i, 8);
    h->is_resolved = tb_pg_bool(r, i, 9);
    h->updated_at = tb_pg_time(r, i, 10);
    d->text = (struct tb_ticket_text){
        .ticket_id = h->ticket_id, .title = h->title, .description = tb_pg_str_in(r, i, 11, arena)};
    d->there = true;
}

static void read_comments(const struct tb_pg_result *r, const struct tb_map *map,
                          struct tb_arena *arena)
{
    int n = tb_pg_rows(r);
    struct tb_text_comment *all = TB_NEW_N(arena, struct tb_text_comment, (size_t)n + 1);
    for (int i = 0; all && i < n; i++) {
        struct draft *d = tb_map_get(map, tb_pg_str(r, i, 0));
        all[i] = (struct tb_text_comment){.id = tb_pg_str_in(r, i, 1, arena),
                                          .text = tb_pg_str_in(r, i, 2, arena)};
        if (d && d->text.ncomments++ == 0) {
            d->text.comments = &all[i];
        }
    }
}

static enum tb_rc load(struct tb_search *s, struct draft *drafts, size_t n, bool comments,
                       struct tb_arena *arena, struct tb_error *err)
{
    tb_str *ids = TB_NEW_N(arena, tb_str, n + 1);
    struct tb_map map;
    tb_map_init(&map, arena);
    for (size_t i = 0; ids && i < n; i++) {
        ids[i] = drafts[i].hit->ticket_id;
        if (!tb_map_put(&map, ids[i], &drafts[i])) {
            ids = NULL;
        }
    }
    if (!ids) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    struct tb_pg_params p;
    struct tb_pg_result *r;
    tb_pg_params_init(&p, arena);
    tb_pg_add_strs(&p, ids, n);
    enum tb_rc rc = tb_search_exec(s, rows_sql, &p, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    for (int i = 0; i < tb_pg_rows(r); i++) {
        struct draft *d = tb_map_get(&map, tb_pg_str(r, i, 0));
        if (d) {
            read_row(r, i, arena, d);
        }
    }
    tb_pg_result_free(r);
    if (comments) {
        rc = tb_search_exec(s, comments_sql, &p, &r, err);
        if (rc == TB_OK) {
            read_comments(r, &map, arena);
            tb_pg_result_free(r);
        }
    }
    return rc;
}

struct candidate {
    tb_str passage;
    tb_str comment_id;
    size_t words;
    bool any;
};

static void consider(struct candidate *best, tb_str text, tb_str comment_id, tb_str query)
{
    size_t words;
    tb_str passage = tb_passage(text, query, PASSAGE_BYTES, &words);
    if (passage.len && (!best->any || words > best->words)) {
        *best = (struct candidate){passage, comment_id, words, true};
    }
}

/* The chunk's own part: what follows the title that stands in every chunk. */
static tb_str part_of(const struct tb_chunk *c)
{
    const char *at = memmem(c->text.ptr, c->text.len, "\n\n", 2);
    if (!at) {
        return TB_STR_NULL;
    }
    size_t skip = (size_t)(at - c->text.ptr) + 2;
    return (tb_str){c->text.ptr + skip, c->text.len - skip};
}

/* First the chunk that the semantic leg found: even without a word of the query it is the one that
 * speaks of the matter. Another text takes its place only with more of the words. */
static enum tb_rc find_passage(const struct tb_search *s, const struct tb_search_query *q,
                               const struct draft *d, const struct tb_hit_chunk *chunk,
                               struct tb_arena *arena, struct tb_error *err)
{
    struct candidate best = {.any = false};
    struct tb_document doc;
    if (chunk->number >= 0) {
        enum tb_rc rc = tb_document_build(&d->text, &s->recipe, arena, &doc, err);
        if (rc != TB_OK) {
            return rc;
        }
        for (size_t i = 0; i < doc.n; i++) {
            const struct tb_chunk *c = &doc.chunks[i];
            if (c->number == chunk->number && tb_str_eq_c(chunk->kind, c->kind) &&
                tb_str_eq(c->comment_id, chunk->comment_id)) {
                consider(&best, part_of(c), c->comment_id, q->text);
            }
        }
    }
    consider(&best, d->text.description, TB_STR_NULL, q->text);
    for (size_t i = 0; q->include_comments && i < d->text.ncomments; i++) {
        consider(&best, d->text.comments[i].text, d->text.comments[i].id, q->text);
    }
    d->hit->passage = best.any ? tb_arena_str(arena, best.passage) : d->text.title;
    d->hit->passage_comment_id = best.comment_id;
    d->hit->marks = TB_NEW_N(arena, struct tb_mark, MARKS_MAX);
    if (d->hit->marks) {
        d->hit->nmarks = tb_passage_marks(d->hit->passage, q->text, d->hit->marks, MARKS_MAX);
    }
    return TB_OK;
}

enum tb_rc tb_search_hydrate(struct tb_search *s, const struct tb_search_query *q,
                             struct tb_search_hit *hits, struct tb_hit_chunk *chunks, size_t *n,
                             struct tb_arena *arena, struct tb_error *err)
{
    struct draft *drafts = TB_NEW_N(arena, struct draft, *n + 1);
    if (!drafts) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < *n; i++) {
        drafts[i].hit = &hits[i];
    }
    enum tb_rc rc = load(s, drafts, *n, q->include_comments, arena, err);
    size_t kept = 0;
    for (size_t i = 0; i < *n && rc == TB_OK; i++) {
        if (drafts[i].there) {
            rc = find_passage(s, q, &drafts[i], &chunks[i], arena, err);
            hits[kept++] = hits[i];
        }
    }
    *n = kept;
    return rc == TB_OK && tb_arena_failed(arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : rc;
}
