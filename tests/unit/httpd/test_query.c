/* Percent-encoding and query strings. */
#include "common/httpd/query.h"
#include "tests/unit/base/unit.h"

static struct tb_arena *arena;

static void decodes(void **state)
{
    (void)state;
    assert_true(tb_str_eq_c(tb_uri_decode(TB_LIT("a%20b+c"), false, arena), "a b+c"));
    assert_true(tb_str_eq_c(tb_uri_decode(TB_LIT("a%20b+c"), true, arena), "a b c"));
    assert_true(tb_str_eq_c(tb_uri_decode(TB_LIT("%C3%A9%2f"), false, arena), "\xc3\xa9/"));
    static const char *const bad[] = {"%", "%4", "%zz", "%00", "%ff", "a%2", "%C3"};
    for (size_t i = 0; i < TB_COUNT(bad); i++) {
        assert_true(tb_str_is_null(tb_uri_decode(tb_str_of(bad[i]), false, arena)));
    }
}

static void parses(void **state)
{
    (void)state;
    struct tb_query query;
    assert_int_equal(tb_query_parse(TB_LIT("a=1&b=x%26y&&c&a=2"), arena, &query, NULL), TB_OK);
    assert_int_equal(query.n, 4);
    assert_true(tb_str_eq_c(tb_query_get(&query, "a"), "1"));
    assert_true(tb_str_eq_c(tb_query_get(&query, "b"), "x&y"));
    assert_true(tb_str_eq_c(tb_query_get(&query, "c"), ""));
    assert_true(tb_str_is_null(tb_query_get(&query, "d")));
    assert_int_equal(tb_query_parse(TB_STR_NULL, arena, &query, NULL), TB_OK);
    assert_int_equal(query.n, 0);
    assert_int_equal(tb_query_parse(TB_LIT("a=%0"), arena, &query, NULL), TB_EINVAL);
    char many[TB_QUERY_MAX * 2 + 3] = {0};
    for (size_t i = 0; i <= TB_QUERY_MAX; i++) {
        many[i * 2] = 'a';
        many[i * 2 + 1] = '&';
    }
    assert_int_equal(tb_query_parse(tb_str_of(many), arena, &query, NULL), TB_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decodes), cmocka_unit_test(parses)};
    arena = tb_arena_new(0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tb_arena_free(arena);
    return failed;
}
