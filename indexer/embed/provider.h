/* How embedding services differ: what they take in one request, and what their refusals mean. */
#ifndef TB_INDEXER_EMBED_PROVIDER_H
#define TB_INDEXER_EMBED_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

struct tb_provider {
    const char *name;       /* EMBEDDING_PROVIDER */
    int64_t inputs_max;     /* of one request */
    int64_t request_tokens; /* of one request, 0: no limit known */
    int64_t request_bytes;  /* of the texts of one request, 0: no limit known */
    size_t parallel;        /* requests at once, unless EMBEDDING_PARALLEL says otherwise */
    bool dimensions;        /* models named text-embedding-3… shorten their vectors on demand */
};

/* NULL when there is none of this name. */
const struct tb_provider *tb_provider_of(const char *name);

/* What an answer other than 200 means. */
enum tb_answer_kind {
    TB_ANSWER_BUSY,     /* too fast: later, and less at once */
    TB_ANSWER_BROKEN,   /* later */
    TB_ANSWER_BROKE,    /* no money left: much later */
    TB_ANSWER_SETTINGS, /* key, model or address are wrong: nothing helps but an operator */
    TB_ANSWER_MANY,     /* more inputs than one request may have */
    TB_ANSWER_MUCH,     /* more text than one request may have */
    TB_ANSWER_LONG,     /* an input is longer than the model's context */
    TB_ANSWER_REFUSED,  /* something in this request, or everything */
};

struct tb_complaint {
    enum tb_answer_kind kind;
    int64_t most; /* with MANY: the number named, 0 when none is */
};

/* body: of an error answer in any of the services' forms: OpenAI's and newer vLLM's {"error":
 * {"message", "code"}}, Ollama's {"error": "…"}, TEI's and older vLLM's {"message": "…"}, or
 * anything. why gets the sentence in it, else the beginning of the body. */
struct tb_complaint tb_provider_complaint(int status, tb_str body, char *why, size_t why_size);

#endif
