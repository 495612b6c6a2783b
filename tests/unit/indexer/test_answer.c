/* Answers of embedding services whose vectors are long strings: they are set aside before the rest
 * is parsed, and that must not show. */
#include <stdio.h>

#include "common/base/buf.h"
#include "common/json/base64.h"
#include "indexer/embed/answer.h"
#include "indexer/embed/aside.h"
#include "tests/unit/indexer/check.h"

enum { DIM = 256, N = 3 };

static struct tb_arena *arena;
static tb_buf body;

static int setup(void **state)
{
    (void)state;
    arena = tb_arena_new(0);
    tb_buf_init(&body, 1 << 20);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    tb_arena_free(arena);
    tb_buf_dispose(&body);
    return 0;
}

static void add_vector(float first, size_t dim)
{
    float v[DIM];
    for (size_t i = 0; i < DIM; i++) {
        v[i] = first + (float)i;
    }
    tb_base64_encode((tb_str){(const char *)v, dim * sizeof *v}, &body);
}

/* Members before and after, escapes, another order. */
static void write_answer(void)
{
    tb_buf_add_c(&body, "{\"note\":\"a \\\"quoted\\\\\",\"data\":[");
    for (size_t i = N; i-- > 0;) {
        tb_buf_printf(&body, "{\"embedding\":\"");
        add_vector((float)i + 1, DIM);
        tb_buf_printf(&body, "\",\"index\":%zu}%s", i, i ? "," : "");
    }
    tb_buf_add_c(&body, "],\"usage\":{\"prompt_tokens\":7},\"mark\":\"set-aside:0\"}");
}

static bool read(float *vectors[N], char why[160])
{
    uint64_t tokens = 0;
    memset(vectors, 0, N * sizeof *vectors);
    why[0] = '\0';
    bool ok = tb_embed_read(tb_buf_str(&body), N, DIM, arena, vectors, &tokens, why, 160);
    assert_int_equal(ok ? tokens : 7, 7);
    return ok;
}

static void test_long_strings_are_read_in_place(void **state)
{
    (void)state;
    float *vectors[N];
    char why[160];
    write_answer();
    assert_true(read(vectors, why));
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < DIM; k++) {
            assert_true(vectors[i][k] == (float)(i + 1 + k));
        }
    }
}

static void test_what_is_wrong_is_told(void **state)
{
    (void)state;
    float *vectors[N];
    char why[160];
    write_answer();
    char *digit = memmem(body.ptr, body.len, "\"embedding\":\"", 13);
    assert_non_null(digit);
    digit[13 + 100] = ' ';
    assert_false(read(vectors, why)); /* no digit of base64 */
    digit[13 + 100] = '"';
    assert_false(read(vectors, why)); /* no JSON any more */
    assert_string_equal(why, "not JSON");
    for (size_t cut = 0; cut < body.len; cut += 97) {
        uint64_t tokens;
        memset(vectors, 0, sizeof vectors);
        assert_false(tb_embed_read((tb_str){body.ptr, cut}, N, DIM, arena, vectors, &tokens, why,
                                   sizeof why));
    }
}

static void test_a_vector_of_another_dimension_is_refused(void **state)
{
    (void)state;
    float *vectors[N];
    char why[160];
    tb_buf_add_c(&body, "{\"data\":[");
    for (size_t i = 0; i < N; i++) {
        tb_buf_printf(&body, "%s{\"index\":%zu,\"embedding\":\"", i ? "," : "", i);
        add_vector(1, i == 1 ? DIM - 1 : DIM);
        tb_buf_add_c(&body, "\"}");
    }
    tb_buf_add_c(&body, "]}");
    assert_false(read(vectors, why));
}

static void test_short_and_escaped_strings_stay(void **state)
{
    (void)state;
    struct tb_aside a;
    tb_str json = TB_LIT("{\"a\":\"short\",\"b\":\"with \\\" and \\\\\"}");
    assert_true(tb_aside_take(json, arena, &a));
    assert_int_equal(a.n, 0);
    assert_true(tb_str_eq(a.rest, json));
    assert_str(tb_aside_string(&a, TB_LIT("set-aside:0")), "set-aside:0");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_long_strings_are_read_in_place),
        TEST(test_what_is_wrong_is_told),
        TEST(test_a_vector_of_another_dimension_is_refused),
        TEST(test_short_and_escaped_strings_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
