/* The gate that all threads of an indexer pass: limits hold for all of them together. */
#include <pthread.h>
#include <stdatomic.h>

#include "common/base/clock.h"
#include "indexer/embed/gates.h"
#include "tests/unit/indexer/check.h"

enum { THREADS = 6, PARALLEL = 3, REQUESTS = 200, PAUSE_US = 150 * 1000 };

struct play {
    struct tb_embed_gate *gate;
    atomic_int under_way;
    atomic_int most;
    atomic_int done;
    atomic_llong first_us; /* when the first request of all began */
};

static void *ask(void *arg)
{
    struct play *p = arg;
    for (int i = 0; i < REQUESTS; i++) {
        long long none = 0;
        if (!tb_embed_gate_begin(p->gate, 10, true, NULL)) {
            break; /* missed in `done` */
        }
        int64_t began = tb_clock_mono_us();
        (void)atomic_compare_exchange_strong(&p->first_us, &none, began);
        int now = atomic_fetch_add(&p->under_way, 1) + 1;
        int most = atomic_load(&p->most);
        while (now > most && !atomic_compare_exchange_weak(&p->most, &most, now)) {
        }
        for (volatile int k = 0; k < 2000; k++) {
        }
        atomic_fetch_sub(&p->under_way, 1);
        tb_embed_gate_end(p->gate, began, TB_PACE_FINE, 0);
        atomic_fetch_add(&p->done, 1);
    }
    return NULL;
}

static void run(struct play *p)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask, p), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&p->done), THREADS * REQUESTS);
}

static void test_threads_together_keep_the_limit(void **state)
{
    (void)state;
    struct tb_embed_gate gate;
    const struct tb_pace_limits limits = {.parallel = PARALLEL};
    assert_int_equal(tb_embed_gate_init(&gate, &limits, NULL), TB_OK);
    struct play p = {.gate = &gate};
    run(&p);
    assert_true(atomic_load(&p.most) <= PARALLEL);
    assert_int_equal(tb_embed_gate_window(&gate), PARALLEL);
    tb_embed_gate_dispose(&gate);
}

static void test_what_one_is_told_holds_for_all(void **state)
{
    (void)state;
    struct tb_embed_gate gate;
    const struct tb_pace_limits limits = {.parallel = PARALLEL};
    assert_int_equal(tb_embed_gate_init(&gate, &limits, NULL), TB_OK);
    struct play p = {.gate = &gate};
    assert_true(tb_embed_gate_begin(&gate, 10, true, NULL));
    int64_t told_us = tb_clock_mono_us();
    tb_embed_gate_end(&gate, told_us, TB_PACE_OVERLOADED, PAUSE_US);
    run(&p);
    assert_true(atomic_load(&p.first_us) - told_us >= PAUSE_US);
    tb_embed_gate_dispose(&gate);
}

static void test_one_gate_for_each_service(void **state)
{
    (void)state;
    struct tb_embed_gates gates;
    struct tb_embed_gate *a;
    struct tb_embed_gate *again;
    struct tb_embed_gate *other;
    const struct tb_pace_limits limits = {.parallel = 1};
    assert_int_equal(tb_embed_gates_init(&gates, NULL), TB_OK);
    assert_int_equal(tb_embed_gates_find(&gates, "tei", "http://a/v1", &limits, &a, NULL), TB_OK);
    assert_int_equal(tb_embed_gates_find(&gates, "tei", "http://b/v1", &limits, &other, NULL),
                     TB_OK);
    assert_int_equal(tb_embed_gates_find(&gates, "tei", "http://a/v1", &limits, &again, NULL),
                     TB_OK);
    assert_ptr_equal(a, again);
    assert_ptr_not_equal(a, other);
    tb_embed_gates_dispose(&gates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_together_keep_the_limit),
        cmocka_unit_test(test_what_one_is_told_holds_for_all),
        cmocka_unit_test(test_one_gate_for_each_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
