/* Which index entries a query by words reads. */
#include "indexer/core/gather.h"
#include "tests/unit/indexer/check.h"

#define DOCS 1e6

static struct tb_gather plan[64];
static bool more;

static size_t plan_of(const double *docs, size_t n, double all, size_t effort)
{
    struct tb_word words[32];
    for (size_t i = 0; i < n; i++) {
        words[i].docs = docs[i];
    }
    return tb_gather_plan(words, n, all, effort, plan, &more);
}

static size_t entries(size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += plan[i].most;
    }
    return sum;
}

static void test_rare_words_are_read_alone(void **state)
{
    (void)state;
    const double docs[] = {900000, 2000, -1, 300};
    size_t n = plan_of(docs, 4, DOCS, 1);
    assert_int_equal(n, 3);
    assert_true(more);
    assert_int_equal(plan[0].words[0], 2); /* that which statistics do not know */
    assert_int_equal(plan[1].words[0], 3);
    assert_int_equal(plan[2].words[0], 1);
    assert_true(plan[2].most >= 2000);
}

static void test_frequent_words_are_read_where_they_meet(void **state)
{
    (void)state;
    const double docs[] = {300000, 50000, 100000, 200000};
    size_t n = plan_of(docs, 4, DOCS, 1);
    assert_true(n >= 1 && more);
    assert_true(plan[0].n > 1);
    assert_int_equal(plan[0].words[0], 1); /* the rarest of them must be in */
    assert_int_equal(plan[0].all, 2);      /* 50,000 with any other would be too many */
    assert_int_equal(plan[0].words[1], 2);
    assert_true(entries(n) < 10000);
}

static void test_one_frequent_word_is_read_in_part(void **state)
{
    (void)state;
    const double docs[] = {500000};
    assert_int_equal(plan_of(docs, 1, DOCS, 1), 1);
    assert_int_equal(plan[0].n, 1);
    assert_true(plan[0].most < 10000);
    assert_true(more);
}

static void test_a_whole_ticket_reads_little(void **state)
{
    (void)state;
    double docs[32];
    for (int i = 0; i < 32; i++) {
        docs[i] = 1000.0 * (i + 1) * (i + 1);
    }
    assert_true(entries(plan_of(docs, 32, DOCS, 1)) < 40000);
}

static void test_more_effort_reads_more(void **state)
{
    (void)state;
    const double docs[] = {5, 20000, 600000};
    size_t n = plan_of(docs, 3, DOCS, 1);
    size_t little = entries(n);
    n = plan_of(docs, 3, DOCS, 8);
    assert_true(entries(n) > little);
    assert_int_equal(plan[1].words[0], 1); /* now alone */
    assert_int_equal(plan[n - 1].n, 1);    /* and the most frequent as far as it goes */
    assert_int_equal(plan[n - 1].words[0], 2);
}

static void test_of_few_tickets_all_are_looked_at(void **state)
{
    (void)state;
    const double docs[] = {900, 2000, 300, 1500};
    assert_int_equal(plan_of(docs, 4, 2500, 1), 4);
    assert_false(more);
    assert_int_equal(plan_of(docs, 0, 2500, 1), 0);
    assert_false(more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rare_words_are_read_alone),
        cmocka_unit_test(test_frequent_words_are_read_where_they_meet),
        cmocka_unit_test(test_one_frequent_word_is_read_in_part),
        cmocka_unit_test(test_a_whole_ticket_reads_little),
        cmocka_unit_test(test_more_effort_reads_more),
        cmocka_unit_test(test_of_few_tickets_all_are_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
