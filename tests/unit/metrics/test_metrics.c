/* Metrics: their numbers, their text, their bounds, many threads at once. */
#include "tests/unit/base/unit.h"

#include <pthread.h>
#include <stdio.h>

#include "common/metrics/metrics.h"

static void assert_shown(const char *line, bool wanted)
{
    tb_buf out;
    tb_buf_init(&out, 1 << 20);
    tb_metrics_expose('W', &out);
    assert_false(out.failed);
    tb_buf_add_char(&out, '\0');
    assert_int_equal(strstr(out.ptr, line) != NULL, wanted);
    tb_buf_dispose(&out);
}

static void counts_are_kept_by_label(void **state)
{
    (void)state;
    tb_metric_add(TB_M(REJECTED), "ticket_blocked", 2);
    tb_metric_add(TB_M(REJECTED), "ticket_blocked", 3);
    tb_metric_add(TB_M(REJECTED), "wip_limit", 1);
    assert_int_equal(tb_metric_value(TB_M(REJECTED), "ticket_blocked"), 5);
    assert_shown("\nticketbus_worker_rejected_total{code=\"ticket_blocked\"} 5\n", true);
    assert_shown("\nticketbus_worker_rejected_total{code=\"wip_limit\"} 1\n", true);
    assert_shown("\n# TYPE ticketbus_worker_rejected_total counter\n", true);
}

static void what_has_no_label_is_there_from_the_start(void **state)
{
    (void)state;
    assert_shown("\nticketbus_worker_fences_lost_total 0\n", true);
}

static void other_programs_metrics_are_not_shown(void **state)
{
    (void)state;
    assert_shown("ticketbus_indexer_round_seconds", false);
}

static void histograms_add_up(void **state)
{
    (void)state;
    const int64_t seen[] = {1, 2, 3, 400, 200000};
    for (size_t i = 0; i < TB_COUNT(seen); i++) {
        tb_metric_observe(TB_M(BATCH_COMMANDS), NULL, seen[i]);
    }
    assert_shown("\nticketbus_worker_batch_commands_bucket{le=\"1\"} 1\n", true);
    assert_shown("\nticketbus_worker_batch_commands_bucket{le=\"2\"} 2\n", true);
    assert_shown("\nticketbus_worker_batch_commands_bucket{le=\"500\"} 4\n", true);
    assert_shown("\nticketbus_worker_batch_commands_bucket{le=\"100000\"} 4\n", true);
    assert_shown("\nticketbus_worker_batch_commands_bucket{le=\"+Inf\"} 5\n", true);
    assert_shown("\nticketbus_worker_batch_commands_sum 200406\n", true);
    assert_shown("\nticketbus_worker_batch_commands_count 5\n", true);
    tb_metric_observe(TB_M(BATCH_SECONDS), "load", 1500);
    assert_shown("\nticketbus_worker_batch_seconds_bucket{phase=\"load\",le=\"0.002500\"} 1\n",
                 true);
    assert_shown("\nticketbus_worker_batch_seconds_bucket{phase=\"load\",le=\"0.001000\"} 0\n",
                 true);
    assert_shown("\nticketbus_worker_batch_seconds_sum{phase=\"load\"} 0.001500\n", true);
}

static void forgotten_series_come_back_when_set(void **state)
{
    (void)state;
    tb_metric_set(TB_M(LAG), "1", 10);
    tb_metric_set(TB_M(LAG), "2", 20);
    tb_metric_forget(TB_M(LAG));
    tb_metric_set(TB_M(LAG), "2", 21);
    assert_shown("ticketbus_worker_lag{partition=\"1\"}", false);
    assert_shown("\nticketbus_worker_lag{partition=\"2\"} 21\n", true);
    assert_int_equal(tb_metric_value(TB_M(LAG), "1"), 0);
}

static void label_values_are_escaped_and_cut(void **state)
{
    (void)state;
    tb_metric_add(TB_M(DEAD_LETTERS), "a\"b\\c\nd", 1);
    assert_shown("{code=\"a\\\"b\\\\c\\nd\"} 1\n", true);
    char longer[200];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    tb_metric_add(TB_M(DEAD_LETTERS), longer, 1);
    tb_metric_add(TB_M(DEAD_LETTERS), longer, 1);
    assert_int_equal(tb_metric_value(TB_M(DEAD_LETTERS), longer), 2);
}

static void two_labels_are_shown_apart(void **state)
{
    (void)state;
    tb_metric_add(TB_M(REQUESTS), "GET /a,b/\"{c}\",2xx", 3);
    tb_buf out;
    tb_buf_init(&out, 1 << 20);
    tb_metrics_expose('G', &out);
    tb_buf_add_char(&out, '\0');
    assert_non_null(strstr(out.ptr,
                           "\nticketbus_gateway_requests_total{route=\"GET /a,b/\\\"{c}\\\"\","
                           "status=\"2xx\"} 3\n"));
    tb_buf_dispose(&out);
}

static void label_values_are_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * TB_METRIC_SERIES_MAX; i++) {
        char label[16];
        (void)snprintf(label, sizeof label, "%d", i);
        tb_metric_add(TB_M(STOPPED), label, 1);
    }
    int64_t rest = TB_METRIC_SERIES_MAX + 1;
    assert_int_equal(tb_metric_value(TB_M(STOPPED), "other"), rest);
    assert_int_equal(tb_metric_value(TB_M(STOPPED), "254"), 1);
    assert_int_equal(tb_metric_value(TB_M(STOPPED), "255"), 0);
}

enum { THREADS = 8, ADDS = 20000 };

static void *add_many(void *arg)
{
    for (int i = 0; i < ADDS; i++) {
        char label[16];
        (void)snprintf(label, sizeof label, "%d", i % 16);
        tb_metric_add(TB_M(COMMANDS), label, 1);
        tb_metric_observe(TB_M(INDEX_ROUND_TICKETS), NULL, i);
    }
    return arg;
}

static void threads_lose_nothing(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, NULL), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 0; i < 16; i++) {
        char label[16];
        (void)snprintf(label, sizeof label, "%d", i);
        assert_int_equal(tb_metric_value(TB_M(COMMANDS), label), THREADS * ADDS / 16);
    }
    assert_int_equal(tb_metric_value(TB_M(INDEX_ROUND_TICKETS), NULL), THREADS * ADDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_kept_by_label),
        cmocka_unit_test(what_has_no_label_is_there_from_the_start),
        cmocka_unit_test(other_programs_metrics_are_not_shown),
        cmocka_unit_test(histograms_add_up),
        cmocka_unit_test(forgotten_series_come_back_when_set),
        cmocka_unit_test(label_values_are_escaped_and_cut),
        cmocka_unit_test(two_labels_are_shown_apart),
        cmocka_unit_test(label_values_are_bounded),
        cmocka_unit_test(threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
