/* Coalescing and offsets: what may be committed, whatever order tickets finish in. */
#include <stdio.h>
#include <stdlib.h>

#include "indexer/core/coalesce.h"
#include "tests/unit/indexer/check.h"

static struct tb_arena *arena;
static struct tb_coalesce *c;

static int setup(void **state)
{
    (void)state;
    arena = tb_arena_new(0);
    c = tb_coalesce_new();
    tb_coalesce_assign(c);
    return arena && c ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    tb_coalesce_free(c);
    tb_arena_free(arena);
    return 0;
}

static void event(int32_t partition, int64_t offset, const char *id, int64_t sequence, int64_t now)
{
    assert_int_equal(tb_coalesce_event(c, partition, offset, tb_str_of(id), sequence, now, NULL),
                     TB_OK);
}

static size_t take(int64_t before, size_t max, struct tb_work **work)
{
    size_t n;
    assert_int_equal(tb_coalesce_take(c, before, 0, max, arena, work, &n, NULL), TB_OK);
    return n;
}

static int64_t committable(int32_t partition)
{
    struct tb_commit_at at[16];
    size_t n = tb_coalesce_commits(c, at, 16);
    for (size_t i = 0; i < n; i++) {
        if (at[i].partition == partition) {
            return at[i].offset;
        }
    }
    return -1;
}

static void test_many_events_of_a_ticket_are_one_piece_of_work(void **state)
{
    (void)state;
    struct tb_work *work;
    event(0, 10, "ticket-a", 1, 100);
    event(0, 11, "ticket-a", 3, 200);
    event(0, 12, "ticket-a", 2, 300);
    assert_int_equal(take(1000, 10, &work), 1);
    assert_str(work[0].ticket_id, "ticket-a");
    assert_int_equal(work[0].sequence, 3);
    assert_int_equal(committable(0), -1);
    tb_coalesce_done(c, TB_LIT("ticket-a"));
    assert_int_equal(committable(0), 13);
    assert_int_equal(committable(0), -1); /* told once */
    assert_int_equal(tb_coalesce_held(c), 0);
}

static void test_only_contiguous_offsets_are_committed(void **state)
{
    (void)state;
    struct tb_work *work;
    event(0, 5, "ticket-a", 1, 0);
    event(0, 6, "ticket-b", 1, 0);
    event(0, 9, "ticket-c", 1, 0); /* offsets have gaps */
    event(1, 70, "ticket-d", 1, 0);
    assert_int_equal(take(0, 10, &work), 4);
    tb_coalesce_done(c, TB_LIT("ticket-c"));
    tb_coalesce_done(c, TB_LIT("ticket-b"));
    assert_int_equal(committable(0), -1);
    tb_coalesce_done(c, TB_LIT("ticket-d"));
    assert_int_equal(committable(1), 71);
    tb_coalesce_done(c, TB_LIT("ticket-a"));
    assert_int_equal(committable(0), 10);
}

static void test_events_during_work_make_new_work(void **state)
{
    (void)state;
    struct tb_work *work;
    event(0, 0, "ticket-a", 1, 0);
    assert_int_equal(take(0, 10, &work), 1);
    event(0, 1, "ticket-a", 2, 5);
    assert_int_equal(take(100, 10, &work), 0); /* never twice at once */
    assert_int_equal(tb_coalesce_due(c, 0), INT64_MAX);
    tb_coalesce_done(c, TB_LIT("ticket-a"));
    assert_int_equal(committable(0), 1);
    assert_int_equal(tb_coalesce_due(c, 0), 5);
    assert_int_equal(take(100, 10, &work), 1);
    assert_int_equal(work[0].sequence, 2);
    tb_coalesce_done(c, TB_LIT("ticket-a"));
    assert_int_equal(committable(0), 2);
}

static size_t take_after(int64_t now, int64_t wait)
{
    struct tb_work *work;
    size_t n;
    assert_int_equal(tb_coalesce_take(c, now, wait, 10, arena, &work, &n, NULL), TB_OK);
    for (size_t i = 0; i < n; i++) {
        tb_coalesce_done(c, work[i].ticket_id);
    }
    return n;
}

static void test_a_burst_is_waited_for_and_no_more(void **state)
{
    (void)state;
    /* Alone: after the wait. */
    event(0, 0, "ticket-a", 1, 1000);
    assert_int_equal(tb_coalesce_due(c, 50), 1050);
    assert_int_equal(take_after(1049, 50), 0);
    assert_int_equal(take_after(1050, 50), 1);
    /* Two changes: when it has been quiet for twice that. */
    event(0, 1, "ticket-a", 2, 2000);
    event(0, 2, "ticket-a", 3, 2040);
    assert_int_equal(tb_coalesce_due(c, 50), 2140);
    assert_int_equal(take_after(2139, 50), 0);
    /* It holds up nobody else. */
    event(0, 3, "ticket-b", 1, 2060);
    assert_int_equal(tb_coalesce_due(c, 50), 2110);
    assert_int_equal(take_after(2110, 50), 1);
    assert_int_equal(take_after(2140, 50), 1);
    /* A hundred changes within 20 waits: two pieces of work at most, the last at the end. */
    size_t taken = 0;
    for (int i = 0; i < 100; i++) {
        event(0, 4 + i, "ticket-a", 4 + i, 3000 + 10 * i);
        taken += take_after(3000 + 10 * i, 50);
    }
    assert_int_equal(taken, 0);
    assert_int_equal(tb_coalesce_due(c, 50), 3000 + 50 * TB_COALESCE_MOST);
    assert_int_equal(take_after(4000, 50), 1);
    /* One that never pauses is indexed all the same. */
    for (int i = 0; i < 1000; i++) {
        event(0, 200 + i, "ticket-a", 200 + i, 5000 + 10 * i);
        taken += take_after(5000 + 10 * i, 50);
    }
    assert_true(taken >= 9 && taken <= 10);
}

static void test_changes_are_gathered_first(void **state)
{
    (void)state;
    struct tb_work *work;
    event(0, 0, "ticket-a", 1, 100);
    event(0, 1, "ticket-b", 1, 150);
    assert_int_equal(take(99, 10, &work), 0);
    assert_int_equal(take(149, 10, &work), 1);
    assert_str(work[0].ticket_id, "ticket-a");
    assert_int_equal(take(150, 10, &work), 1);
}

static void test_skipped_events_are_done_at_once(void **state)
{
    (void)state;
    struct tb_work *work;
    assert_int_equal(tb_coalesce_skip(c, 0, 3, NULL), TB_OK);
    assert_int_equal(committable(0), 4);
    event(0, 4, "ticket-a", 1, 0);
    assert_int_equal(tb_coalesce_skip(c, 0, 5, NULL), TB_OK);
    assert_int_equal(committable(0), -1);
    assert_int_equal(take(0, 1, &work), 1);
    tb_coalesce_done(c, TB_LIT("ticket-a"));
    assert_int_equal(committable(0), 6);
}

static void test_offsets_of_an_earlier_assignment_do_not_count(void **state)
{
    (void)state;
    struct tb_work *work;
    event(0, 100, "ticket-a", 1, 0);
    assert_int_equal(take(0, 1, &work), 1);
    tb_coalesce_assign(c);
    event(0, 40, "ticket-b", 1, 0); /* the partition came back at an older position */
    tb_coalesce_done(c, TB_LIT("ticket-a"));
    assert_int_equal(committable(0), -1);
    assert_int_equal(take(0, 1, &work), 1);
    tb_coalesce_done(c, TB_LIT("ticket-b"));
    assert_int_equal(committable(0), 41);
}

static void test_wanted_tickets_hold_no_offset(void **state)
{
    (void)state;
    struct tb_work *work;
    assert_int_equal(tb_coalesce_want(c, TB_LIT("ticket-a"), 7, 0, NULL), TB_OK);
    event(0, 0, "ticket-a", 5, 0);
    assert_int_equal(take(0, 9, &work), 1);
    assert_int_equal(work[0].sequence, 7);
    tb_coalesce_done(c, TB_LIT("ticket-a"));
    assert_int_equal(committable(0), 1);
}

/* Against a plain model: an offset is committable when it and all before it are done. */
static void test_random_schedules(void **state)
{
    (void)state;
    enum { EVENTS = 3000, TICKETS = 40, PARTITIONS = 3 };
    static int owner[PARTITIONS][EVENTS];
    static bool done[PARTITIONS][EVENTS];
    static int taken_at[TICKETS][PARTITIONS];
    int n[PARTITIONS] = {0};
    int finished[TICKETS][PARTITIONS] = {{0}};
    bool busy[TICKETS] = {false};
    srand(11);
    for (int step = 0; step < EVENTS; step++) {
        int t = rand() % TICKETS;
        int p = t % PARTITIONS;
        char id[32];
        (void)snprintf(id, sizeof id, "ticket-%d", t);
        event(p, n[p], id, step, step);
        owner[p][n[p]++] = t;
        if (rand() % 3 == 0) {
            struct tb_work *work;
            size_t k = take(step - rand() % 20, (size_t)(rand() % 5), &work);
            for (size_t i = 0; i < k; i++) {
                int w = (int)strtol(work[i].ticket_id.ptr + strlen("ticket-"), NULL, 10);
                assert_false(busy[w]);
                busy[w] = true;
                taken_at[w][w % PARTITIONS] = n[w % PARTITIONS];
            }
        }
        int f = rand() % TICKETS;
        if (busy[f]) {
            (void)snprintf(id, sizeof id, "ticket-%d", f);
            tb_coalesce_done(c, tb_str_of(id));
            busy[f] = false;
            int fp = f % PARTITIONS;
            for (int o = finished[f][fp]; o < taken_at[f][fp]; o++) {
                if (owner[fp][o] == f) {
                    done[fp][o] = true;
                }
            }
            finished[f][fp] = taken_at[f][fp];
        }
        struct tb_commit_at at[PARTITIONS];
        size_t k = tb_coalesce_commits(c, at, PARTITIONS);
        for (size_t i = 0; i < k; i++) {
            for (int o = 0; o < at[i].offset; o++) {
                assert_true(done[at[i].partition][o]);
            }
            assert_true(at[i].offset == n[at[i].partition] || !done[at[i].partition][at[i].offset]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many_events_of_a_ticket_are_one_piece_of_work, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_only_contiguous_offsets_are_committed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_events_during_work_make_new_work, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_burst_is_waited_for_and_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes_are_gathered_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_skipped_events_are_done_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_offsets_of_an_earlier_assignment_do_not_count, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_wanted_tickets_hold_no_offset, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_schedules, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
