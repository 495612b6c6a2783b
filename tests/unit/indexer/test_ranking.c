/* Fusion, codes, passages and vectors as text. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "indexer/core/codes.h"
#include "indexer/core/floats.h"
#include "indexer/core/fuse.h"
#include "indexer/core/passage.h"
#include "tests/unit/indexer/check.h"

static struct tb_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = tb_arena_new(0);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    tb_arena_free(arena);
    return 0;
}

static tb_str name(const char *prefix, int i)
{
    return tb_arena_printf(arena, "%s-%03d", prefix, i);
}

static void test_formula(void **state)
{
    (void)state;
    /* 1 / (rank / w + k - 1) */
    assert_true(fabs(tb_rrf(1, 1.0, 60) - 1.0 / 60) < 1e-15);
    assert_true(fabs(tb_rrf(1, 0.7, 60) - 0.016548463356973995) < 1e-15);
    assert_true(fabs(tb_rrf(1, 0.3, 60) - 0.016042780748663103) < 1e-15);
}

static void test_a_keyword_hit_alone_comes_third(void **state)
{
    (void)state;
    tb_str semantic[100];
    tb_str keyword[1] = {TB_LIT("exact")};
    for (int i = 0; i < 100; i++) {
        semantic[i] = name("semantic", i);
    }
    struct tb_leg legs[] = {{.ids = semantic, .n = 100, .weight = 0.7},
                            {.ids = keyword, .n = 1, .weight = 0.3}};
    struct tb_fused *out;
    size_t n;
    assert_int_equal(tb_fuse(legs, 2, TB_FUSE_RANKS, 60, arena, &out, &n, NULL), TB_OK);
    assert_int_equal(n, 101);
    assert_str(out[0].id, "semantic-000");
    assert_str(out[1].id, "semantic-001");
    assert_str(out[2].id, "exact");
    assert_int_equal(out[2].ranks[0], 0);
    assert_int_equal(out[2].ranks[1], 1);
}

static void test_both_legs_beat_one(void **state)
{
    (void)state;
    tb_str semantic[] = {TB_LIT("a"), TB_LIT("b"), TB_LIT("both")};
    tb_str keyword[] = {TB_LIT("c"), TB_LIT("both")};
    struct tb_leg legs[] = {{.ids = semantic, .n = 3, .weight = 0.7},
                            {.ids = keyword, .n = 2, .weight = 0.3}};
    struct tb_fused *out;
    size_t n;
    assert_int_equal(tb_fuse(legs, 2, TB_FUSE_RANKS, 60, arena, &out, &n, NULL), TB_OK);
    assert_int_equal(n, 4);
    assert_str(out[0].id, "both");
    assert_int_equal(out[0].ranks[0], 3);
    assert_int_equal(out[0].ranks[1], 2);
    assert_true(fabs(out[0].score - (1 / (3 / 0.7 + 59) + 1 / (2 / 0.3 + 59))) < 1e-12);
}

static void test_zero_weight_leaves_a_leg_out_and_ties_go_by_id(void **state)
{
    (void)state;
    tb_str a[] = {TB_LIT("x")};
    tb_str b[] = {TB_LIT("b")};
    tb_str d[] = {TB_LIT("a")};
    struct tb_leg legs[] = {{.ids = a, .n = 1, .weight = 0},
                            {.ids = b, .n = 1, .weight = 0.5},
                            {.ids = d, .n = 1, .weight = 0.5}};
    struct tb_fused *out;
    size_t n;
    assert_int_equal(tb_fuse(legs, 3, TB_FUSE_RANKS, 60, arena, &out, &n, NULL), TB_OK);
    assert_int_equal(n, 2);
    assert_str(out[0].id, "a");
}

/* The first of the semantic leg is far above all (the ticket the query was made of): the others
 * are not flattened by it, and what both legs place well beats it. */
static void test_scores_are_measured_against_the_hits_after_the_first(void **state)
{
    (void)state;
    tb_str ids[40];
    double scores[40];
    tb_str words[] = {name("t", 1), name("t", 30)};
    double wscores[] = {8, 2};
    for (int i = 0; i < 40; i++) {
        ids[i] = name("t", i);
        scores[i] = i == 0 ? 1.0 : 0.5 - 0.01 * i;
    }
    struct tb_leg legs[] = {{ids, scores, 40, 0.7, 0, 0}, {words, wscores, 2, 0.3, 200, 0}};
    struct tb_fused *out;
    size_t n;
    assert_int_equal(tb_fuse(legs, 2, TB_FUSE_SCORES, 5, arena, &out, &n, NULL), TB_OK);
    assert_int_equal(n, 40);
    assert_str(out[0].id, "t-000");
    assert_true(fabs(out[0].parts[0] - 1.4) < 1e-12); /* capped at twice the reference */
    assert_str(out[1].id, "t-001");
    assert_true(fabs(out[1].score - (0.7 * 0.38 / 0.36 + 0.3)) < 1e-9);
    for (size_t i = 0; i < n; i++) {
        if (tb_str_eq(out[i].id, words[1])) {
            assert_true(fabs(out[i].parts[1] - 0.3 * 2 / 8) < 1e-12);
        }
    }
}

static void expect_codes(const char *text, const char *expected)
{
    tb_str in = tb_str_of(text);
    tb_strs codes;
    char got[2000] = "";
    assert_int_equal(tb_codes_of(&in, 1, arena, &codes, NULL), TB_OK);
    for (size_t i = 0; i < codes.n; i++) {
        size_t len = strlen(got);
        (void)snprintf(got + len, sizeof got - len, "%s%.*s", i ? " " : "", TB_ARG(codes.items[i]));
    }
    assert_string_equal(got, expected);
}

static void test_codes(void **state)
{
    (void)state;
    expect_codes("Nothing special in plain words, is there?", "");
    expect_codes("fails with SQLITE_BUSY (5)", "sqlite_busy");
    expect_codes("see bd-0088.", "bd-0088");
    expect_codes("ECONNREFUSED from TS2345, exit 137", "econnrefused ts2345 137");
    expect_codes("parseConfig() and v1.2.3", "parseconfig v1.2.3");
    expect_codes("at src/db/Pool.java:42",
                 "src/db/pool.java:42 db/pool.java:42 pool.java:42 src/db/pool.java pool.java");
    expect_codes("`bd-1` bd-1 BD-1", "bd-1");
    expect_codes("... --- ::: #", "");
}

static void test_codes_are_capped(void **state)
{
    (void)state;
    char *text = malloc(200000);
    size_t len = 0;
    for (int i = 0; i < 3000; i++) {
        len += (size_t)snprintf(text + len, 200000 - len, "code_%d ", i);
    }
    tb_str in = {text, len};
    tb_strs codes;
    assert_int_equal(tb_codes_of(&in, 1, arena, &codes, NULL), TB_OK);
    assert_int_equal(codes.n, TB_CODES_MAX);
    free(text);
}

static void test_passage(void **state)
{
    (void)state;
    size_t words;
    tb_str text = TB_LIT("One line says nothing at all. Another line is as dull as that one. "
                         "But the database connection times out after a restart of the server. "
                         "And then come more words, of no interest to whoever looks for it.");
    tb_str p = tb_passage(text, TB_LIT("connections timed out at restart"), 70, &words);
    assert_non_null(memmem(p.ptr, p.len, "connection times out", 20));
    assert_true(p.len <= 70);
    assert_int_equal(words, 3); /* "times" has another beginning than "timed" */
    p = tb_passage(text, TB_LIT("zebra"), 29, &words);
    assert_str(p, "One line says nothing at all.");
    assert_int_equal(words, 0);
    assert_str(tb_passage(TB_LIT(""), TB_LIT("x"), 10, NULL), "");
}

static void test_floats_as_json(void **state)
{
    (void)state;
    tb_buf buf;
    tb_buf_init(&buf, 1 << 20);
    const float v[] = {0.0F, 1.0F, -0.5F, 0.125F, 123.25F, 1e20F, -1e-12F};
    tb_floats_json(&buf, v, TB_COUNT(v));
    assert_str(tb_buf_str(&buf), "[0,1,-0.5,0.125,123.25,1.00000002e+20,-0]");
    srand(3);
    for (int round = 0; round < 1000; round++) {
        float x = (float)rand() / (float)RAND_MAX * 2 - 1;
        tb_buf_clear(&buf);
        tb_floats_json(&buf, &x, 1);
        assert_true(fabsf(strtof(buf.ptr + 1, NULL) - x) <= 1e-9F + fabsf(x) * 6e-8F);
    }
    tb_buf_dispose(&buf);
}

static void test_usable_vectors(void **state)
{
    (void)state;
    const float good[] = {0, 0.5F};
    const float zero[] = {0, 0};
    const float nan_[] = {NAN, 1};
    const float inf[] = {INFINITY, 1};
    assert_true(tb_floats_usable(good, 2));
    assert_false(tb_floats_usable(zero, 2));
    assert_false(tb_floats_usable(nan_, 2));
    assert_false(tb_floats_usable(inf, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_formula, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_keyword_hit_alone_comes_third, setup, teardown),
        cmocka_unit_test_setup_teardown(test_both_legs_beat_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scores_are_measured_against_the_hits_after_the_first,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_zero_weight_leaves_a_leg_out_and_ties_go_by_id, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_codes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_codes_are_capped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_passage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_floats_as_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_usable_vectors, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
