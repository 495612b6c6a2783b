#include "indexer/embed/provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "common/base/attr.h"
#include "common/base/utf8.h"
#include "common/json/dom.h"

/* Limits as the services document them, with room for our estimates. */
static const struct tb_provider providers[] = {
    {"openai", 2048, 280000, 0, 8, true}, {"ollama", 512, 0, 0, 2, false},
    {"tei", 32, 0, 1500000, 4, false},    {"vllm", 1024, 0, 0, 4, false},
    {"local", 2048, 280000, 0, 2, false},
};

const struct tb_provider *tb_provider_of(const char *name)
{
    for (size_t i = 0; i < TB_COUNT(providers); i++) {
        if (strcmp(providers[i].name, name) == 0) {
            return &providers[i];
        }
    }
    return NULL;
}

/* ---- statuses ---- */

static const struct {
    int status;
    enum tb_answer_kind kind;
} statuses[] = {
    {400, TB_ANSWER_REFUSED},  {413, TB_ANSWER_MUCH},     {422, TB_ANSWER_REFUSED},
    {429, TB_ANSWER_BUSY},     {503, TB_ANSWER_BUSY},     {504, TB_ANSWER_BUSY},
    {401, TB_ANSWER_SETTINGS}, {402, TB_ANSWER_BROKE},    {403, TB_ANSWER_SETTINGS},
    {404, TB_ANSWER_SETTINGS}, {405, TB_ANSWER_SETTINGS},
};

/* ---- sentences ---- */

/* What refusals say, in lower and upper case alike. The first row whose words are all there counts;
 * none: what the status means. */
static const struct {
    const char *has;
    const char *also; /* NULL for nothing */
    enum tb_answer_kind kind;
} sentences[] = {
    {"array too long", NULL, TB_ANSWER_MANY},          /* OpenAI */
    {"batch size", "maximum allowed", TB_ANSWER_MANY}, /* TEI */
    {"elements, at most", NULL, TB_ANSWER_MANY},       /* local */
    {"tokens per request", NULL, TB_ANSWER_MUCH},      /* OpenAI */
    {"the request has", "tokens", TB_ANSWER_MUCH},     /* local */
    {"length limit exceeded", NULL, TB_ANSWER_MUCH},   /* TEI: bytes of the body */
    {"maximum context length", NULL, TB_ANSWER_LONG},  /* OpenAI, vLLM, local */
    {"maximum input length", NULL, TB_ANSWER_LONG},    /* OpenAI */
    {"must have less than", "tokens", TB_ANSWER_LONG}, /* TEI */
    {"input length exceeds", NULL, TB_ANSWER_LONG},    /* Ollama */
    {"exceed", "context", TB_ANSWER_LONG},             /* Ollama, llama.cpp */
    {"exceed", "n_ctx", TB_ANSWER_LONG},               /* llama.cpp */
    {"input is too large to process", NULL, TB_ANSWER_LONG} /* llama.cpp */,
};

static enum tb_answer_kind kind_of_sentence(const char *why, enum tb_answer_kind otherwise)
{
    for (size_t i = 0; i < TB_COUNT(sentences); i++) {
        if (strcasestr(why, sentences[i].has) &&
            (!sentences[i].also || strcasestr(why, sentences[i].also))) {
            return sentences[i].kind;
        }
    }
    return otherwise;
}

/* The number that follows the word "maximum", as in "maximum allowed batch size 32". */
static int64_t named_maximum(const char *why)
{
    const char *at = strcasestr(why, "maximum");
    at = at ? at + strcspn(at, "0123456789") : "";
    long long most = strtoll(at, NULL, 10);
    return most > 0 ? most : 0;
}

static tb_str text_of(const struct tb_node *root, tb_str *code)
{
    const struct tb_node *error = tb_node_get(root, "error");
    tb_str text = tb_node_str(tb_node_get(error, "message"));
    *code = tb_node_str(tb_node_get(error, "code"));
    text = tb_str_is_null(text) ? tb_node_str(error) : text;
    return tb_str_is_null(text) ? tb_node_str(tb_node_get(root, "message")) : text;
}

struct tb_complaint tb_provider_complaint(int status, tb_str body, char *why, size_t why_size)
{
    struct tb_complaint c = {.kind = TB_ANSWER_BROKEN};
    struct tb_dom *dom = NULL;
    tb_str code = TB_STR_NULL;
    tb_str text = TB_STR_NULL;
    if (tb_dom_parse(body, 0, &dom, NULL) == TB_OK) {
        text = text_of(tb_dom_root(dom), &code);
    }
    text = tb_str_is_null(text) ? body : text;
    text = tb_utf8_prefix(text, why_size - 1);
    (void)snprintf(why, why_size, "%.*s", TB_ARG(text));
    for (size_t i = 0; i < TB_COUNT(statuses); i++) {
        c.kind = statuses[i].status == status ? statuses[i].kind : c.kind;
    }
    if (c.kind == TB_ANSWER_BUSY && tb_str_eq_c(code, "insufficient_quota")) {
        c.kind = TB_ANSWER_BROKE;
    } else if (c.kind == TB_ANSWER_REFUSED || c.kind == TB_ANSWER_MUCH) {
        c.kind = kind_of_sentence(why, c.kind);
        c.most = c.kind == TB_ANSWER_MANY ? named_maximum(why) : 0;
    }
    tb_dom_free(dom);
    return c;
}
