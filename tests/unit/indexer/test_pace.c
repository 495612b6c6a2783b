/* Pacing of requests, with a clock of our own. */
#include <stdlib.h>

#include "common/base/attr.h"
#include "indexer/core/pace.h"
#include "tests/unit/indexer/check.h"

#define SECOND ((int64_t)1000000)

static int64_t begin_all(struct tb_pace *p, int64_t now, size_t *began)
{
    int64_t at = 0;
    *began = 0;
    while (tb_pace_begin(p, now, 10, &at)) {
        ++*began;
    }
    return at;
}

static void end_all(struct tb_pace *p, int64_t now, int64_t began_us, size_t n,
                    enum tb_pace_end how)
{
    for (size_t i = 0; i < n; i++) {
        tb_pace_end(p, now, began_us, how, 0);
    }
}

static void test_the_window_grows_by_one_a_round_up_to_its_cap(void **state)
{
    (void)state;
    static const size_t want[] = {2, 3, 4, 5, 5, 5};
    struct tb_pace p = tb_pace_new(&(struct tb_pace_limits){.parallel = 5}, 0);
    for (size_t i = 0; i < TB_COUNT(want); i++) {
        size_t n;
        int64_t now = (int64_t)i * SECOND;
        assert_int_equal(begin_all(&p, now, &n), INT64_MAX);
        assert_int_equal(n, want[i]);
        end_all(&p, now + 1, now, n, TB_PACE_FINE);
    }
}

static void test_an_overload_halves_the_window_once(void **state)
{
    (void)state;
    struct tb_pace p = tb_pace_new(&(struct tb_pace_limits){.parallel = 16}, 0);
    size_t n = 0;
    int64_t now = 0;
    while (n < 16) {
        now += SECOND;
        (void)begin_all(&p, now, &n);
        end_all(&p, now + 1, now, n, TB_PACE_FINE);
    }
    now += SECOND;
    (void)begin_all(&p, now, &n);
    end_all(&p, now + 5, now, n, TB_PACE_OVERLOADED); /* all sixteen say so */
    now += SECOND;
    (void)begin_all(&p, now, &n);
    assert_int_equal(n, 8);
    end_all(&p, now + 1, now, n, TB_PACE_OTHER); /* neither grows nor shrinks */
    for (size_t want = 8; want >= 1; want /= 2) {
        now += SECOND;
        (void)begin_all(&p, now, &n);
        assert_int_equal(n, want);
        end_all(&p, now + 1, now, n, TB_PACE_OVERLOADED);
    }
    now += SECOND;
    (void)begin_all(&p, now, &n);
    assert_int_equal(n, 1); /* never less */
}

static void test_a_window_that_is_not_used_does_not_grow(void **state)
{
    (void)state;
    struct tb_pace p = tb_pace_new(&(struct tb_pace_limits){.parallel = 16}, 0);
    int64_t at;
    size_t n;
    for (int i = 0; i < 100; i++) {
        assert_true(tb_pace_begin(&p, i, 1, &at));
        tb_pace_end(&p, i, i, TB_PACE_FINE, 0);
    }
    (void)begin_all(&p, SECOND, &n);
    assert_int_equal(n, 2);
}

static void test_nothing_begins_before_it_is_wanted(void **state)
{
    (void)state;
    struct tb_pace p = tb_pace_new(&(struct tb_pace_limits){.parallel = 4}, 0);
    int64_t at = 0;
    assert_true(tb_pace_begin(&p, 0, 1, &at));
    assert_true(tb_pace_begin(&p, 0, 1, &at));
    tb_pace_end(&p, 100, 0, TB_PACE_OVERLOADED, 20 * SECOND);
    tb_pace_end(&p, 200, 0, TB_PACE_OVERLOADED, 5 * SECOND); /* the longer wish counts */
    assert_false(tb_pace_begin(&p, 20 * SECOND, 1, &at));
    assert_int_equal(at, 20 * SECOND + 100);
    assert_true(tb_pace_begin(&p, at, 1, &at));
}

/* Whatever comes when: no minute spends more than its budget. */
static void test_no_minute_exceeds_its_budgets(void **state)
{
    (void)state;
    enum { REQUESTS = 120, TOKENS = 20000, N = 2000 };
    struct tb_pace p = tb_pace_new(&(struct tb_pace_limits){.parallel = 64,
                                                            .requests_per_minute = REQUESTS,
                                                            .tokens_per_minute = TOKENS},
                                   0);
    static int64_t when[N];
    static int64_t spent[N];
    int64_t now = 0;
    unsigned dice = 7;
    assert_int_equal(tb_pace_request_tokens(&p), TOKENS / 10);
    for (size_t i = 0; i < N; i++) {
        int64_t at;
        dice = dice * 1103515245U + 12345U;
        spent[i] = 1 + (int64_t)(dice >> 8) % (TOKENS / 10);
        now += (dice >> 4) % 50 == 0 ? 30 * SECOND : 0; /* a pause now and then */
        while (!tb_pace_begin(&p, now, spent[i], &at)) {
            assert_true(at > now);
            now = at;
        }
        when[i] = now;
        tb_pace_end(&p, now, now, TB_PACE_FINE, 0);
        int64_t tokens = 0;
        int64_t requests = 0;
        for (size_t k = i + 1; k-- > 0 && when[k] > now - 60 * SECOND;) {
            tokens += spent[k];
            requests++;
        }
        assert_true(tokens <= TOKENS + 1 && requests <= REQUESTS + 1);
    }
    /* And it does spend most of it: about 1,000 tokens a request, 18,000 a minute and the bursts.
     */
    assert_true(now < (int64_t)(N / 15) * 60 * SECOND);
}

static void test_a_request_above_its_budget_goes_once_the_budget_is_full(void **state)
{
    (void)state;
    struct tb_pace p =
        tb_pace_new(&(struct tb_pace_limits){.parallel = 4, .tokens_per_minute = 600}, 0);
    int64_t at;
    assert_true(tb_pace_begin(&p, 0, 540, &at)); /* 60 may be spent at once: 480 ahead */
    assert_false(tb_pace_begin(&p, 0, 1, &at));
    assert_true(at > 53 * SECOND && at < 54 * SECOND); /* 481 at 9 a second */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_window_grows_by_one_a_round_up_to_its_cap),
        cmocka_unit_test(test_an_overload_halves_the_window_once),
        cmocka_unit_test(test_a_window_that_is_not_used_does_not_grow),
        cmocka_unit_test(test_nothing_begins_before_it_is_wanted),
        cmocka_unit_test(test_no_minute_exceeds_its_budgets),
        cmocka_unit_test(test_a_request_above_its_budget_goes_once_the_budget_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
