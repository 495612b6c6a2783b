/* The embedding client against a server that plays good and bad providers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/dom.h"
#include "indexer/embed/embed.h"
#include "tests/unit/indexer/check.h"
#include "tests/unit/indexer/stub.h"

enum { DIM = 3 };

/* How the stub behaves. */
struct provider {
    bool reversed;      /* answers in another order, told by the index */
    bool base64;        /* takes encoding_format */
    bool no_base64;     /* refuses it */
    bool refuses_all;   /* 400 whatever comes */
    bool no_answer;     /* silent */
    int status;         /* answers this instead */
    const char *body;   /* and this */
    const char *extra;  /* header lines */
    const char *poison; /* 400 when an input contains it */
    size_t most;        /* hangs up on more inputs, 0: no limit */
    size_t longest;     /* 400 when an input is longer, 0: no limit */
    char last[4096];    /* body of the last request */
    char headers[4096];
};

/* A vector that tells the text: its length, its first byte, 1. */
static void vector_of(tb_str text, float v[DIM])
{
    v[0] = (float)text.len;
    v[1] = text.len ? (float)text.ptr[0] : 0;
    v[2] = 1;
}

static void write_base64(tb_buf *out, const float v[DIM])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)v;
    for (size_t i = 0; i < DIM * sizeof(float); i += 3) {
        unsigned bits = (unsigned)p[i] << 16 | (unsigned)p[i + 1] << 8 | p[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6) {
            tb_buf_add_char(out, alphabet[(bits >> shift) & 63]);
        }
    }
}

static int refuse(tb_buf *body, const char *message)
{
    tb_buf_printf(body, "{\"error\":{\"message\":\"%s\"}}", message);
    return 400;
}

static int serve(const struct stub_request *r, tb_buf *body, char *extra, void *arg)
{
    struct provider *p = arg;
    struct tb_dom *dom;
    (void)snprintf(p->last, sizeof p->last, "%.*s", TB_ARG(r->body));
    (void)snprintf(p->headers, sizeof p->headers, "%s", r->headers);
    if (p->no_answer) {
        return -1;
    }
    if (p->status) {
        tb_buf_add_c(body, p->body ? p->body : "{}");
        (void)snprintf(extra, 256, "%s", p->extra ? p->extra : "");
        return p->status;
    }
    if (tb_dom_parse(r->body, 0, &dom, NULL) != TB_OK) {
        return 500;
    }
    const struct tb_node *input = tb_node_get(tb_dom_root(dom), "input");
    bool wants_base64 = tb_node_get(tb_dom_root(dom), "encoding_format") != NULL;
    size_t n = tb_node_size(input);
    int status = p->most && n > p->most ? 0 : 200;
    if (p->refuses_all || (p->no_base64 && wants_base64)) {
        status = refuse(body, "unknown parameter");
    }
    for (size_t i = 0; i < n && status == 200; i++) {
        tb_str text = tb_node_str(tb_node_at(input, i));
        if (p->poison && memmem(text.ptr, text.len, p->poison, strlen(p->poison))) {
            status = refuse(body, "this input cannot be processed");
        } else if (p->longest && text.len > p->longest) {
            status = refuse(body, "maximum context length exceeded");
        }
    }
    if (status == 200) {
        tb_buf_add_c(body, "{\"object\":\"list\",\"data\":[");
        for (size_t k = 0; k < n; k++) {
            size_t i = p->reversed ? n - 1 - k : k;
            float v[DIM] = {0};
            vector_of(tb_node_str(tb_node_at(input, i)), v);
            tb_buf_printf(body, "%s{\"index\":%zu,\"embedding\":", k ? "," : "", i);
            if (p->base64 && wants_base64) {
                tb_buf_add_char(body, '"');
                write_base64(body, v);
                tb_buf_add_char(body, '"');
            } else {
                tb_buf_printf(body, "[%g,%g,%g]", (double)v[0], (double)v[1], (double)v[2]);
            }
            tb_buf_add_char(body, '}');
        }
        tb_buf_printf(body, "],\"usage\":{\"prompt_tokens\":%zu}}", n * 5);
    }
    tb_dom_free(dom);
    return status;
}

static struct tb_arena *arena;
static struct provider provider;
static struct stub *stub;
static struct tb_embedding_model model;
static struct tb_embedder *embedder;

static void open_embedder(const char *name, int64_t batch)
{
    model = tb_embedding_model_of(tb_str_of(name), DIM, arena);
    struct tb_embed_options opt = {.url = stub_url(stub),
                                   .api_key = "sk-secret",
                                   .provider = "openai",
                                   .model = &model,
                                   .batch = batch,
                                   .timeout_ms = 500,
                                   .parallel = 2};
    tb_embedder_free(embedder);
    assert_int_equal(tb_embedder_new(&opt, &embedder, NULL), TB_OK);
}

static int setup(void **state)
{
    (void)state;
    arena = tb_arena_new(0);
    provider = (struct provider){.base64 = true};
    stub = stub_start(serve, &provider);
    embedder = NULL;
    open_embedder("some-model", 64);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tb_embedder_free(embedder);
    stub_stop(stub);
    tb_arena_free(arena);
    return 0;
}

static struct tb_embed_input *texts(size_t n)
{
    struct tb_embed_input *in = TB_NEW_N(arena, struct tb_embed_input, n);
    for (size_t i = 0; i < n; i++) {
        in[i].text = tb_arena_printf(arena, "%c%*s", (char)('a' + i % 26), (int)(i % 50), "");
    }
    return in;
}

static void check_vectors(const struct tb_embed_input *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float v[DIM];
        assert_int_equal(in[i].state, TB_INPUT_DONE);
        vector_of(in[i].text, v);
        assert_memory_equal(in[i].vector, v, sizeof v);
    }
}

static enum tb_rc run(struct tb_embed_input *in, size_t n, int64_t *wait, struct tb_error *err)
{
    *wait = -1;
    return tb_embed_run(embedder, in, n, false, arena, wait, err);
}

static void test_base64_arrays_and_any_order(void **state)
{
    (void)state;
    int64_t wait;
    for (int form = 0; form < 4; form++) {
        provider.base64 = form & 1;
        provider.reversed = form & 2;
        struct tb_embed_input *in = texts(150);
        assert_int_equal(run(in, 150, &wait, NULL), TB_OK);
        check_vectors(in, 150);
    }
    assert_int_equal(stub_requests(stub), 4 * 3);
    assert_int_equal(tb_embed_stats(embedder)->tokens, 4 * 150 * 5);
    assert_non_null(strstr(provider.headers, "Authorization: Bearer sk-secret"));
}

static void test_a_server_without_base64(void **state)
{
    (void)state;
    int64_t wait;
    provider.no_base64 = true;
    struct tb_embed_input *in = texts(100);
    assert_int_equal(run(in, 100, &wait, NULL), TB_OK);
    check_vectors(in, 100);
    int before = stub_requests(stub);
    in = texts(10);
    assert_int_equal(run(in, 10, &wait, NULL), TB_OK);
    assert_int_equal(stub_requests(stub), before + 1); /* it is remembered */
}

static void test_bad_answers_are_not_taken(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "not json",
        "{}",
        "{\"data\":[]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1,2]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1,2,3,4]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1,2,null]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[0,0,0]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1,2,1e999]}]}",
        "{\"data\":[{\"index\":1,\"embedding\":[1,2,3]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":\"AAAA\"}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1,2,3]},{\"index\":0,\"embedding\":[1,2,3]}]}",
    };
    provider.status = 200;
    for (size_t i = 0; i < TB_COUNT(answers); i++) {
        int64_t wait;
        struct tb_error err;
        provider.body = answers[i];
        struct tb_embed_input *in = texts(1);
        assert_int_equal(run(in, 1, &wait, &err), TB_EUNAVAILABLE);
        assert_int_equal(in[0].state, TB_INPUT_OPEN);
    }
}

static void test_throttling_is_obeyed(void **state)
{
    (void)state;
    int64_t wait;
    struct tb_error err;
    provider.status = 429;
    provider.extra = "Retry-After: 20\r\n";
    provider.body = "{\"error\":{\"message\":\"slow down\"}}";
    struct tb_embed_input *in = texts(1000);
    assert_int_equal(run(in, 1000, &wait, &err), TB_EUNAVAILABLE);
    assert_int_equal(wait, 20000);
    assert_true(stub_requests(stub) <= 2); /* those under way, none after */
    assert_non_null(strstr(err.text, "slow down"));
    assert_string_equal(err.code, "429");
    /* The same call goes on with what is open. */
    provider.status = 0;
    assert_int_equal(run(in, 1000, &wait, &err), TB_OK);
    check_vectors(in, 1000);
}

static void test_trouble_leaves_inputs_open(void **state)
{
    (void)state;
    static const int statuses[] = {500, 502, 503, 401, 403, 404, 302};
    for (size_t i = 0; i < TB_COUNT(statuses); i++) {
        int64_t wait;
        struct tb_error err;
        provider.status = statuses[i];
        struct tb_embed_input *in = texts(3);
        assert_int_equal(run(in, 3, &wait, &err), TB_EUNAVAILABLE);
        assert_int_equal(in[2].state, TB_INPUT_OPEN);
        assert_null(strstr(err.text, "secret"));
    }
    int64_t wait;
    provider.no_answer = true;
    struct tb_embed_input *in = texts(1);
    assert_int_equal(run(in, 1, &wait, NULL), TB_EUNAVAILABLE);
}

static void test_one_poison_among_many(void **state)
{
    (void)state;
    int64_t wait;
    provider.poison = "POISON";
    struct tb_embed_input *in = texts(2048);
    in[1234].text = TB_LIT("some POISON here");
    assert_int_equal(run(in, 2048, &wait, NULL), TB_OK);
    assert_int_equal(in[1234].state, TB_INPUT_POISON);
    assert_string_equal(in[1234].reason, "this input cannot be processed");
    check_vectors(in, 1234);
    check_vectors(in + 1235, 2048 - 1235);
    assert_true(stub_requests(stub) - 2048 / 64 <= 24);
}

static void test_one_poison_in_one_large_request(void **state)
{
    (void)state;
    int64_t wait;
    open_embedder("some-model", 2048);
    provider.poison = "POISON";
    struct tb_embed_input *in = texts(2048);
    in[0].text = TB_LIT("POISON");
    assert_int_equal(run(in, 2048, &wait, NULL), TB_OK);
    assert_int_equal(in[0].state, TB_INPUT_POISON);
    check_vectors(in + 1, 2047);
    assert_true(stub_requests(stub) - 1 <= 24);
}

static void test_a_server_that_refuses_everything_poisons_nothing(void **state)
{
    (void)state;
    int64_t wait;
    struct tb_error err;
    provider.refuses_all = true;
    struct tb_embed_input *in = texts(100);
    assert_int_equal(run(in, 100, &wait, &err), TB_EUNAVAILABLE);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(in[i].state, TB_INPUT_OPEN);
    }
    assert_non_null(strstr(err.text, "unknown parameter"));
    assert_true(stub_requests(stub) <= 5);
}

static void test_too_long_inputs_are_embedded_in_halves(void **state)
{
    (void)state;
    int64_t wait;
    provider.longest = 40;
    struct tb_embed_input *in = texts(3);
    in[1].text = tb_arena_printf(arena, "%0100d", 7);
    assert_int_equal(run(in, 3, &wait, NULL), TB_OK);
    assert_int_equal(in[1].state, TB_INPUT_DONE);
    assert_true(in[1].vector[0] > 24.9F && in[1].vector[0] < 25.1F); /* four quarters of 25 */
    check_vectors(in, 1);
    check_vectors(in + 2, 1);
}

static void test_requests_shrink_to_what_a_server_manages(void **state)
{
    (void)state;
    int64_t wait;
    provider.most = 10;
    struct tb_embed_input *in = texts(100);
    int calls = 1;
    while (run(in, 100, &wait, NULL) != TB_OK) {
        assert_true(++calls < 8);
    }
    check_vectors(in, 100);
    /* And grow back. */
    provider.most = 0;
    in = texts(600);
    assert_int_equal(run(in, 600, &wait, NULL), TB_OK);
    int before = stub_requests(stub);
    in = texts(128);
    assert_int_equal(run(in, 128, &wait, NULL), TB_OK);
    assert_true(stub_requests(stub) - before < 8);
}

static void test_prefixes(void **state)
{
    (void)state;
    int64_t wait;
    struct tb_embed_input in = {.text = TB_LIT("tea")};
    open_embedder("multilingual-e5-small", 8);
    assert_int_equal(tb_embed_run(embedder, &in, 1, true, arena, &wait, NULL), TB_OK);
    assert_non_null(strstr(provider.last, "\"query: tea\""));
    in = (struct tb_embed_input){.text = TB_LIT("tea")};
    assert_int_equal(tb_embed_run(embedder, &in, 1, false, arena, &wait, NULL), TB_OK);
    assert_non_null(strstr(provider.last, "\"passage: tea\""));
}

static void test_nothing_to_do_asks_nobody(void **state)
{
    (void)state;
    int64_t wait;
    assert_int_equal(run(NULL, 0, &wait, NULL), TB_OK);
    assert_int_equal(stub_requests(stub), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_base64_arrays_and_any_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_server_without_base64, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_answers_are_not_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_throttling_is_obeyed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trouble_leaves_inputs_open, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_poison_among_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_poison_in_one_large_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_server_that_refuses_everything_poisons_nothing,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_long_inputs_are_embedded_in_halves, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_requests_shrink_to_what_a_server_manages, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_prefixes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_to_do_asks_nobody, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
