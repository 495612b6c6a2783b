#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "worker/shell/pending.h"

static uint64_t add(struct tb_pending *p, int32_t partition, int64_t next, uint32_t n)
{
    uint64_t tag;
    assert_int_equal(tb_pending_add(p, partition, next, n, &tag), TB_OK);
    return tag;
}

static void published_is_contiguous(void **state)
{
    (void)state;
    struct tb_pending *p = tb_pending_new();
    assert_int_equal(tb_pending_reset(p, 3, 10), TB_OK);
    uint64_t a = add(p, 3, 11, 1);
    uint64_t b = add(p, 3, 12, 2);
    add(p, 3, 13, 0);
    uint64_t c = add(p, 3, 14, 1);
    tb_pending_ack(p, c);
    tb_pending_ack(p, b);
    assert_int_equal(tb_pending_published(p, 3), 10);
    tb_pending_ack(p, a);
    assert_int_equal(tb_pending_published(p, 3), 11);
    assert_int_equal(tb_pending_count(p), 1);
    tb_pending_ack(p, b);
    assert_int_equal(tb_pending_published(p, 3), 14);
    assert_int_equal(tb_pending_count(p), 0);
    tb_pending_free(p);
}

static void what_was_forgotten_is_ignored(void **state)
{
    (void)state;
    struct tb_pending *p = tb_pending_new();
    assert_int_equal(tb_pending_reset(p, 0, 0), TB_OK);
    uint64_t old = add(p, 0, 1, 1);
    assert_int_equal(tb_pending_reset(p, 0, 0), TB_OK);
    assert_int_equal(tb_pending_count(p), 0);
    uint64_t again = add(p, 0, 1, 1);
    tb_pending_ack(p, old);
    assert_int_equal(tb_pending_published(p, 0), 0);
    tb_pending_ack(p, again);
    assert_int_equal(tb_pending_published(p, 0), 1);
    tb_pending_ack(p, UINT64_MAX);
    assert_int_equal(tb_pending_published(p, 7), -1);
    tb_pending_free(p);
}

/* Against the obvious model: acknowledge in random order, over a ring that has to grow and wrap. */
static void random_order_agrees_with_a_plain_model(void **state)
{
    (void)state;
    enum { N = 3000 };
    static uint64_t tags[N];
    static int left[N];
    srand(7);
    struct tb_pending *p = tb_pending_new();
    assert_int_equal(tb_pending_reset(p, 1, 0), TB_OK);
    int added = 0;
    int done = 0; /* all before it are acknowledged */
    while (done < N) {
        if (added < N && rand() % 2) {
            left[added] = rand() % 3;
            tags[added] = add(p, 1, added + 1, (uint32_t)left[added]);
            added++;
        } else if (added > done) {
            int i = done + rand() % (added - done);
            if (left[i] > 0) {
                left[i]--;
                tb_pending_ack(p, tags[i]);
            }
        }
        while (done < added && left[done] == 0) {
            done++;
        }
        assert_int_equal(tb_pending_published(p, 1), done);
    }
    assert_int_equal(tb_pending_count(p), 0);
    tb_pending_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_is_contiguous),
        cmocka_unit_test(what_was_forgotten_is_ignored),
        cmocka_unit_test(random_order_agrees_with_a_plain_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
