/* What the services' refusals are taken for, in the words they use. */
#include "common/base/attr.h"
#include "indexer/embed/provider.h"
#include "tests/unit/indexer/check.h"

static const struct {
    const char *who;
    int status;
    const char *body;
    enum tb_answer_kind kind;
    int64_t most;
    const char *why; /* NULL: the body */
} cases[] = {
    {"openai", 400,
     "{\"error\":{\"message\":\"Invalid 'input': array too long. Expected an array with maximum "
     "length 2048, but got an array with length 2049 instead.\",\"type\":\"invalid_request_error\","
     "\"param\":\"input\",\"code\":\"array_above_max_length\"}}",
     TB_ANSWER_MANY, 2048,
     "Invalid 'input': array too long. Expected an array with maximum length 2048, but got an "
     "array "
     "with length 2049 instead."},
    {"openai", 400,
     "{\"error\":{\"message\":\"Requested 453357 tokens, max 300000 tokens per request\",\"type\":"
     "\"max_tokens_per_request\",\"param\":null,\"code\":\"max_tokens_per_request\"}}",
     TB_ANSWER_MUCH, 0, "Requested 453357 tokens, max 300000 tokens per request"},
    {"openai", 400,
     "{\"error\":{\"message\":\"Invalid 'input[3]': maximum input length is 8192 tokens.\"}}",
     TB_ANSWER_LONG, 0, "Invalid 'input[3]': maximum input length is 8192 tokens."},
    {"openai", 400, "{\"error\":{\"message\":\"'$.input' is invalid.\",\"code\":null}}",
     TB_ANSWER_REFUSED, 0, "'$.input' is invalid."},
    {"openai", 429,
     "{\"error\":{\"message\":\"Rate limit reached\",\"code\":\"rate_limit_exceeded\"}}",
     TB_ANSWER_BUSY, 0, "Rate limit reached"},
    {"openai", 429, "{\"error\":{\"message\":\"No money\",\"code\":\"insufficient_quota\"}}",
     TB_ANSWER_BROKE, 0, "No money"},
    {"openai", 401, "{\"error\":{\"message\":\"Incorrect API key\",\"code\":\"invalid_api_key\"}}",
     TB_ANSWER_SETTINGS, 0, "Incorrect API key"},
    {"openai", 500, "{\"error\":{\"message\":\"maximum context length\"}}", TB_ANSWER_BROKEN, 0,
     "maximum context length"},
    {"ollama", 400, "{\"error\":\"the input length exceeds the context length\"}", TB_ANSWER_LONG,
     0, "the input length exceeds the context length"},
    {"ollama", 400,
     "{\"error\":{\"message\":\"input length exceeds maximum context length\",\"type\":"
     "\"invalid_request_error\",\"param\":null,\"code\":null}}",
     TB_ANSWER_LONG, 0, "input length exceeds maximum context length"},
    {"ollama", 404, "{\"error\":{\"message\":\"model \\\"x\\\" not found, try pulling it first\"}}",
     TB_ANSWER_SETTINGS, 0, "model \"x\" not found, try pulling it first"},
    {"ollama", 503, "{\"error\":\"server busy, please try again\"}", TB_ANSWER_BUSY, 0,
     "server busy, please try again"},
    {"tei", 413,
     "{\"message\":\"`inputs` must have less than 512 tokens. Given: 600\",\"code\":413,\"type\":"
     "\"Validation\"}",
     TB_ANSWER_LONG, 0, "`inputs` must have less than 512 tokens. Given: 600"},
    {"tei", 413,
     "{\"error\":\"batch size 33 > maximum allowed batch size 32\",\"error_type\":\"Validation\"}",
     TB_ANSWER_MANY, 32, "batch size 33 > maximum allowed batch size 32"},
    {"tei", 422,
     "{\"message\":\"batch size 64 > maximum allowed batch size 8\",\"code\":422,\"type\":"
     "\"Validation\"}",
     TB_ANSWER_MANY, 8, "batch size 64 > maximum allowed batch size 8"},
    {"tei", 413, "length limit exceeded", TB_ANSWER_MUCH, 0, NULL},
    {"tei", 422, "{\"message\":\"Tokenization error\",\"code\":422,\"type\":\"Tokenizer\"}",
     TB_ANSWER_REFUSED, 0, "Tokenization error"},
    {"tei", 424, "{\"message\":\"Inference error\",\"code\":424,\"type\":\"Backend\"}",
     TB_ANSWER_BROKEN, 0, "Inference error"},
    {"tei", 429, "{\"message\":\"Model is overloaded\",\"code\":429,\"type\":\"Overloaded\"}",
     TB_ANSWER_BUSY, 0, "Model is overloaded"},
    {"vllm", 400,
     "{\"object\":\"error\",\"message\":\"This model's maximum context length is 512 tokens. "
     "However, you requested 1451 tokens in the input for embedding generation. Please reduce the "
     "length of the input.\",\"type\":\"BadRequestError\",\"param\":null,\"code\":400}",
     TB_ANSWER_LONG, 0,
     "This model's maximum context length is 512 tokens. However, you requested 1451 tokens in the "
     "input for embedding generation. Please reduce the length of the in"},
    {"llama.cpp", 400, "{\"error\":{\"message\":\"prefill 744 tokens exceed n_ctx_per_seq\"}}",
     TB_ANSWER_LONG, 0, "prefill 744 tokens exceed n_ctx_per_seq"},
    {"a proxy", 413, "<html>413 Request Entity Too Large</html>", TB_ANSWER_MUCH, 0, NULL},
    {"a proxy", 502, "<html>bad gateway</html>", TB_ANSWER_BROKEN, 0, NULL},
    {"a proxy", 504, "", TB_ANSWER_BUSY, 0, NULL},
    /* A refusal that merely speaks of tokens is none for length. */
    {"anybody", 400, "{\"error\":\"the text holds special tokens\"}", TB_ANSWER_REFUSED, 0,
     "the text holds special tokens"},
};

static void test_refusals_are_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < TB_COUNT(cases); i++) {
        char why[160];
        struct tb_complaint c =
            tb_provider_complaint(cases[i].status, tb_str_of(cases[i].body), why, sizeof why);
        if (c.kind != cases[i].kind || c.most != cases[i].most ||
            strcmp(why, cases[i].why ? cases[i].why : cases[i].body) != 0) {
            fail_msg("%s %d: kind %d instead of %d, most %lld, \"%s\"", cases[i].who,
                     cases[i].status, (int)c.kind, (int)cases[i].kind, (long long)c.most, why);
        }
    }
}

static void test_providers_have_names(void **state)
{
    (void)state;
    static const char *const names[] = {"openai", "ollama", "tei", "vllm", "local"};
    for (size_t i = 0; i < TB_COUNT(names); i++) {
        const struct tb_provider *p = tb_provider_of(names[i]);
        assert_non_null(p);
        assert_string_equal(p->name, names[i]);
        assert_true(p->inputs_max > 0 && p->parallel > 0);
    }
    assert_null(tb_provider_of("cohere"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals_are_understood),
        cmocka_unit_test(test_providers_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
