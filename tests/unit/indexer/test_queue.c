/* One queue, a thread that reads events and several that index: no ticket is in two hands at once,
 * nothing is forgotten, and no offset is committed before its ticket is done. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "indexer/shell/queue.h"
#include "tests/unit/indexer/check.h"

enum {
    LANES = 4,
    TICKETS = 9,
    EVENTS = 8000,
    BATCH = 3,
    PARTITIONS = 3,
    SPIN = 2000,
    WAIT_MS = 20000
};

struct play {
    struct tb_queue queue;
    atomic_bool stop;
    atomic_int holders[TICKETS]; /* lanes that have this ticket now */
    atomic_int indexed[TICKETS]; /* last sequence that was done */
    int ticket_of[EVENTS];
    atomic_int doubled;  /* a ticket in two hands */
    atomic_int too_soon; /* committed before it was done */
    atomic_int rounds[LANES];
};

struct lane {
    struct play *play;
    int number;
    pthread_t thread;
};

static int number_of(tb_str id)
{
    return (int)strtol(id.ptr + strlen("ticket-"), NULL, 10);
}

/* In hand from the moment it is handed out. */
static void hold(struct play *p, const struct tb_work *work)
{
    if (atomic_fetch_add(&p->holders[number_of(work->ticket_id)], 1) != 0) {
        atomic_fetch_add(&p->doubled, 1);
    }
}

static void index_one(struct play *p, const struct tb_work *work)
{
    int t = number_of(work->ticket_id);
    for (volatile int i = 0; i < SPIN; i++) {
    }
    (void)sched_yield();
    if (work->sequence > atomic_load(&p->indexed[t])) {
        atomic_store(&p->indexed[t], (int)work->sequence);
    }
    atomic_fetch_sub(&p->holders[t], 1);
    tb_queue_done(&p->queue, work, 1);
}

static void *index_on(void *arg)
{
    struct lane *lane = arg;
    struct play *p = lane->play;
    struct tb_arena *arena = tb_arena_new(0);
    while (!atomic_load(&p->stop)) {
        struct tb_work *work;
        size_t n;
        tb_arena_reset(arena);
        if (tb_queue_take(&p->queue, 0, BATCH, INT64_MAX, &p->stop, arena, &work, &n, NULL) !=
            TB_OK) {
            break;
        }
        for (size_t i = 0; i < n; i++) {
            hold(p, &work[i]);
        }
        for (size_t i = 0; i < n; i++) {
            index_one(p, &work[i]);
        }
        atomic_fetch_add(&p->rounds[lane->number], n > 0);
    }
    tb_arena_free(arena);
    return NULL;
}

/* Event e has offset e / PARTITIONS of its partition, and its sequence is e + 1. */
static void check_commits(struct play *p, int64_t committed[PARTITIONS])
{
    struct tb_commit_at at[PARTITIONS];
    size_t n = tb_queue_commits(&p->queue, at, PARTITIONS);
    for (size_t i = 0; i < n; i++) {
        for (; committed[at[i].partition] < at[i].offset; committed[at[i].partition]++) {
            int e = (int)committed[at[i].partition] * PARTITIONS + at[i].partition;
            if (atomic_load(&p->indexed[p->ticket_of[e]]) < e + 1) {
                atomic_fetch_add(&p->too_soon, 1);
            }
        }
    }
}

static void test_lanes_share_a_queue(void **state)
{
    (void)state;
    static struct play p;
    static struct lane lanes[LANES];
    int64_t committed[PARTITIONS] = {0};
    assert_int_equal(tb_queue_init(&p.queue, NULL), TB_OK);
    tb_queue_assign(&p.queue);
    for (int i = 0; i < LANES; i++) {
        lanes[i] = (struct lane){.play = &p, .number = i};
        assert_int_equal(pthread_create(&lanes[i].thread, NULL, index_on, &lanes[i]), 0);
    }
    for (int e = 0; e < EVENTS; e++) {
        char id[32];
        p.ticket_of[e] = e * 7919 % TICKETS;
        (void)snprintf(id, sizeof id, "ticket-%d", p.ticket_of[e]);
        assert_int_equal(
            tb_queue_event(&p.queue, e % PARTITIONS, e / PARTITIONS, tb_str_of(id), e + 1, NULL),
            TB_OK);
        if (e % 50 == 0) {
            check_commits(&p, committed);
        }
    }
    for (int i = 0; tb_queue_load(&p.queue) && i < WAIT_MS; i++) {
        struct timespec step = {.tv_nsec = 1000000};
        (void)nanosleep(&step, NULL);
    }
    check_commits(&p, committed);
    atomic_store(&p.stop, true);
    tb_queue_wake(&p.queue);
    int busy = 0;
    for (int i = 0; i < LANES; i++) {
        (void)pthread_join(lanes[i].thread, NULL);
        busy += atomic_load(&p.rounds[i]) > 0;
    }
    assert_int_equal(atomic_load(&p.doubled), 0);
    assert_int_equal(tb_queue_load(&p.queue), 0);
    assert_int_equal(atomic_load(&p.too_soon), 0);
    assert_true(busy > 1);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_int_equal(committed[i], (EVENTS - i + PARTITIONS - 1) / PARTITIONS);
    }
    tb_queue_dispose(&p.queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lanes_share_a_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
