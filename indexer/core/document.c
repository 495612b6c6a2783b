#include "indexer/core/document.h"

#include "common/base/utf8.h"
#include "common/crypto/crypto.h"
#include "indexer/core/tokens.h"

#define SPECIAL_TOKENS 2 /* what models put around a text */
#define OVERLAP_PART   8 /* an eighth of a chunk is repeated in the next */

struct builder {
    const struct tb_ticket_text *text;
    const struct tb_recipe *recipe;
    struct tb_arena *arena;
    struct tb_document *doc;
    tb_str title;
    size_t budget; /* tokens left for a chunk's own part */
};

static tb_str trim(tb_str s)
{
    while (s.len && (unsigned char)s.ptr[0] <= ' ') {
        s.ptr++;
        s.len--;
    }
    while (s.len && (unsigned char)s.ptr[s.len - 1] <= ' ') {
        s.len--;
    }
    return s;
}

/* Longest start of text within `tokens`, at least one piece. */
static tb_str start_of(tb_str text, size_t tokens)
{
    size_t len = 0;
    size_t used = 0;
    while (len < text.len) {
        struct tb_piece p = tb_piece_next((tb_str){text.ptr + len, text.len - len});
        if (used + p.tokens > tokens && len) {
            break;
        }
        used += p.tokens;
        len += p.len;
    }
    return (tb_str){text.ptr, len};
}

/* Where to end a chunk that may reach `part`: after a paragraph, line or sentence when one ends in
 * its last third. */
static size_t good_end(tb_str part)
{
    size_t least = part.len - part.len / 3;
    static const char *const marks[] = {"\n\n", "\n", ". ", " "};
    for (size_t m = 0; m < TB_COUNT(marks); m++) {
        size_t n = strlen(marks[m]);
        for (size_t end = part.len; end >= least && end >= n; end--) {
            if (memcmp(part.ptr + end - n, marks[m], n) == 0) {
                return end;
            }
        }
    }
    return part.len;
}

/* Start of the next chunk: `overlap` tokens before `end`, at a blank where there is one. */
static size_t overlap_start(tb_str text, size_t from, size_t end, size_t overlap)
{
    size_t start = end;
    size_t tokens = 0;
    for (size_t i = from; i < end;) {
        struct tb_piece p = tb_piece_next((tb_str){text.ptr + i, end - i});
        tokens += p.tokens;
        i += p.len;
    }
    size_t skip = tokens > overlap ? tokens - overlap : tokens;
    size_t seen = 0;
    for (size_t i = from; i < end;) {
        struct tb_piece p = tb_piece_next((tb_str){text.ptr + i, end - i});
        if (seen >= skip && p.tokens == 0) {
            start = i + p.len;
            break;
        }
        seen += p.tokens;
        i += p.len;
    }
    return start > from ? start : end;
}

static void hash_chunk(const struct tb_recipe *recipe, struct tb_chunk *chunk,
                       struct tb_sha256 *sha)
{
    const struct tb_embedding_model *m = recipe->model;
    unsigned char digest[TB_SHA256_LEN];
    tb_sha256_init(sha);
    tb_sha256_update(sha, m->fingerprint, sizeof m->fingerprint);
    tb_sha256_update(sha, chunk->text.ptr, chunk->text.len);
    tb_sha256_final(sha, digest);
    tb_hex(digest, TB_CHUNK_HASH_LEN / 2, chunk->hash);
}

static void add_chunk(struct builder *b, const char *kind, tb_str comment_id, int number,
                      tb_str part, struct tb_sha256 *sha)
{
    if (b->doc->n == TB_CHUNKS_MAX) {
        b->doc->truncated = true;
        return;
    }
    struct tb_chunk *c = &b->doc->chunks[b->doc->n++];
    part = trim(part);
    c->kind = kind;
    c->comment_id = comment_id;
    c->number = number;
    c->key = tb_str_is_null(comment_id)
                 ? tb_arena_printf(b->arena, "%s#%d", kind, number)
                 : tb_arena_printf(b->arena, "%.*s#%d", TB_ARG(comment_id), number);
    c->text = part.len ? tb_arena_printf(b->arena, "%.*s\n\n%.*s", TB_ARG(b->title), TB_ARG(part))
                       : b->title;
    if (tb_arena_failed(b->arena)) {
        return;
    }
    c->tokens = tb_tokens_estimate(c->text) + SPECIAL_TOKENS;
    c->point = tb_point_id(b->text->ticket_id, c->key, b->arena);
    hash_chunk(b->recipe, c, sha);
}

static void add_text(struct builder *b, tb_str comment_id, tb_str text, struct tb_sha256 *sha)
{
    const char *kind = tb_str_is_null(comment_id) ? "body" : "comment";
    int number = 0;
    size_t from = 0;
    text = trim(text);
    do {
        tb_str rest = {text.ptr + from, text.len - from};
        tb_str part = start_of(rest, b->budget);
        if (part.len < rest.len) {
            part.len = good_end(part);
        }
        add_chunk(b, kind, comment_id, number++, part, sha);
        size_t end = from + part.len;
        from = end < text.len ? overlap_start(text, from, end, b->budget / OVERLAP_PART) : end;
    } while (from < text.len && !b->doc->truncated);
}

/* Over the whole texts, for the keyword projection holds what no chunk may. */
static void fingerprint(struct builder *b, struct tb_sha256 *sha)
{
    const struct tb_ticket_text *t = b->text;
    unsigned char digest[TB_SHA256_LEN];
    tb_str recipe = tb_recipe_name(b->recipe, b->arena);
    tb_sha256_init(sha);
    tb_sha256_update(sha, b->recipe->model->fingerprint, sizeof b->recipe->model->fingerprint);
    tb_sha256_update(sha, recipe.ptr, recipe.len);
    tb_sha256_update(sha, "", 1);
    tb_sha256_update(sha, t->title.ptr, t->title.len);
    tb_sha256_update(sha, "", 1);
    tb_sha256_update(sha, t->description.ptr, t->description.len);
    for (size_t i = 0; i < t->ncomments; i++) {
        tb_sha256_update(sha, "", 1);
        tb_sha256_update(sha, t->comments[i].id.ptr, t->comments[i].id.len);
        tb_sha256_update(sha, "", 1);
        tb_sha256_update(sha, t->comments[i].text.ptr, t->comments[i].text.len);
    }
    tb_sha256_final(sha, digest);
    tb_hex(digest, TB_CHUNK_HASH_LEN / 2, b->doc->fingerprint);
}

enum tb_rc tb_document_build(const struct tb_ticket_text *text, const struct tb_recipe *recipe,
                             struct tb_arena *arena, struct tb_document *ret, struct tb_error *err)
{
    *ret = (struct tb_document){.chunks = TB_NEW_N(arena, struct tb_chunk, TB_CHUNKS_MAX)};
    struct builder b = {.text = text, .recipe = recipe, .arena = arena, .doc = ret};
    struct tb_sha256 *sha = tb_sha256_new();
    if (!ret->chunks || !sha) {
        tb_sha256_free(sha);
        return tb_fail(err, TB_ENOMEM, "out of memory cutting %.*s", TB_ARG(text->ticket_id));
    }
    size_t max = recipe->max_tokens - SPECIAL_TOKENS;
    b.title = start_of(trim(text->title), max / 2);
    b.budget = max - tb_tokens_estimate(b.title);
    add_text(&b, TB_STR_NULL, text->description, sha);
    if (trim(text->description).len) {
        add_chunk(&b, "title", TB_STR_NULL, 0, TB_LIT(""), sha);
    }
    for (size_t i = 0; i < text->ncomments && !ret->truncated; i++) {
        add_text(&b, text->comments[i].id, text->comments[i].text, sha);
    }
    fingerprint(&b, sha);
    tb_sha256_free(sha);
    return tb_arena_failed(arena)
               ? tb_fail(err, TB_ENOMEM, "out of memory cutting %.*s", TB_ARG(text->ticket_id))
               : TB_OK;
}

size_t tb_cut(tb_str text, size_t tokens, tb_str *parts, size_t room)
{
    size_t n = 0;
    for (text = trim(text); text.len && n < room;) {
        tb_str part = start_of(text, tokens);
        if (part.len < text.len) {
            part.len = good_end(part);
        }
        parts[n++] = trim(part);
        text = trim((tb_str){text.ptr + part.len, text.len - part.len});
    }
    return n;
}

tb_str tb_recipe_name(const struct tb_recipe *recipe, struct tb_arena *arena)
{
    return tb_arena_printf(arena, "c%d/%zu", TB_CHUNKER_VERSION, recipe->max_tokens);
}

struct tb_uuid tb_point_id(tb_str ticket_id, tb_str key, struct tb_arena *arena)
{
    tb_str name = tb_arena_printf(arena, "%.*s#%.*s", TB_ARG(ticket_id), TB_ARG(key));
    return tb_uuid_v5(&tb_uuid_namespace, name.ptr, name.len);
}
