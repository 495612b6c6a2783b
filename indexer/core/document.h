/* A ticket as the search index sees it: its texts cut into chunks.
 *
 * The title stands in every chunk, so that a chunk found alone still says what it is about. The
 * description makes the chunks "body#0", "body#1", …; every comment its own, "comment-<uuid>#0", …;
 * the title alone, where there is more than it, "title#0": short questions are nearest to that.
 * Keys depend on nothing but the ticket's own rows: the same chunk has the same point, always. */
#ifndef TB_INDEXER_CORE_DOCUMENT_H
#define TB_INDEXER_CORE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "indexer/core/model.h"

#define TB_CHUNKER_VERSION 1
#define TB_CHUNKS_MAX      256 /* of one ticket; text beyond them is found by keywords only */
#define TB_CHUNK_HASH_LEN  32  /* hexadecimal digits */

struct tb_recipe {
    const struct tb_embedding_model *model;
    size_t max_tokens; /* estimated, of one chunk, at least 16 */
};

/* Names everything about a recipe that the collection's name does not: "c1/200". */
tb_str tb_recipe_name(const struct tb_recipe *recipe, struct tb_arena *arena);

struct tb_text_comment {
    tb_str id;
    tb_str text;
};

/* A ticket's texts as of one version; never null. */
struct tb_ticket_text {
    tb_str ticket_id;
    tb_str title;
    tb_str description;
    const struct tb_text_comment *comments; /* oldest first */
    size_t ncomments;
};

struct tb_chunk {
    tb_str key;        /* kind#number as above, unique in its ticket */
    const char *kind;  /* body, title or comment */
    tb_str comment_id; /* null unless comment */
    int number;        /* from 0, within the description or the comment */
    tb_str text;       /* title and part; without the model's prefix */
    size_t tokens;     /* estimated */
    struct tb_uuid point;
    char hash[TB_CHUNK_HASH_LEN + 1]; /* of everything that makes the vector */
};

struct tb_document {
    struct tb_chunk *chunks; /* [0] is always body#0 */
    size_t n;
    bool truncated; /* TB_CHUNKS_MAX was reached */
    char fingerprint[TB_CHUNK_HASH_LEN + 1];
};

/* Everything returned lives in the arena and may point into `text`. */
enum tb_rc tb_document_build(const struct tb_ticket_text *text, const struct tb_recipe *recipe,
                             struct tb_arena *arena, struct tb_document *ret,
                             struct tb_error *err) TB_MUST_USE;

/* Cuts a text, without overlap, into at most `room` parts of at most this many estimated tokens;
 * what is beyond them is left out. Returns how many there are. */
size_t tb_cut(tb_str text, size_t tokens, tb_str *parts, size_t room);

/* The id of a chunk's point, from the ticket's id and the chunk's key. */
struct tb_uuid tb_point_id(tb_str ticket_id, tb_str key, struct tb_arena *arena);

#endif
