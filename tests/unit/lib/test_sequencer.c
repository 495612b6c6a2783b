/* Order and repeats, by example and by random streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/attr.h"
#include "producer/lib/sequencer.h"

static int dropped;

static void count_drop(void *payload)
{
    (void)payload;
    dropped++;
}

static struct tb_sequencer *fresh(size_t held_max, size_t window)
{
    struct tb_sequencer_limits limits = {
        .held_max = held_max, .window = window, .subjects_max = 1000};
    struct tb_sequencer *s = tb_sequencer_new(&limits, count_drop);
    assert_non_null(s);
    dropped = 0;
    return s;
}

static enum tb_sequence_verdict give(struct tb_sequencer *s, const char *subject, int64_t sequence,
                                     const char *id, int64_t offset, void *payload)
{
    struct tb_sequence_offer o = {.subject = tb_str_of(subject),
                                  .sequence = sequence,
                                  .id = tb_str_of(id),
                                  .offset = offset,
                                  .now_us = offset * 10,
                                  .payload = payload};
    return tb_sequencer_offer(s, &o);
}

static void in_order_and_repeats(void **state)
{
    (void)state;
    struct tb_sequencer *s = fresh(10, 10);
    assert_int_equal(give(s, "a", 1, "a1", 0, NULL), TB_SEQUENCE_NEXT);
    assert_int_equal(give(s, "a", 2, "a2", 1, NULL), TB_SEQUENCE_NEXT);
    assert_int_equal(give(s, "a", 1, "a1", 2, NULL), TB_SEQUENCE_REPEAT);
    assert_int_equal(give(s, "a", 2, "a2", 3, NULL), TB_SEQUENCE_REPEAT);
    assert_int_equal(give(s, "b", 7, "b7", 4, NULL), TB_SEQUENCE_NEXT); /* joined in the middle */
    assert_int_equal(give(s, "b", 6, "b6", 5, NULL), TB_SEQUENCE_REPEAT);
    assert_int_equal(give(s, "a", 3, "a3", 6, NULL), TB_SEQUENCE_NEXT);
    assert_null(tb_sequencer_release(s));
    assert_int_equal(tb_sequencer_last(s, TB_LIT("a")), 3);
    assert_int_equal(tb_sequencer_last(s, TB_LIT("b")), 7);
    assert_int_equal(tb_sequencer_last(s, TB_LIT("c")), 0);
    tb_sequencer_free(s);
    assert_int_equal(dropped, 0);
}

static void a_gap_holds_and_closes(void **state)
{
    (void)state;
    struct tb_sequencer *s = fresh(10, 10);
    int p[6];
    struct tb_sequence_gap gap;
    assert_int_equal(give(s, "a", 1, "a1", 0, &p[1]), TB_SEQUENCE_NEXT);
    assert_false(tb_sequencer_gap(s, &gap));
    assert_int_equal(give(s, "a", 4, "a4", 10, &p[4]), TB_SEQUENCE_HELD);
    assert_int_equal(give(s, "a", 3, "a3", 11, &p[3]), TB_SEQUENCE_HELD);
    assert_int_equal(give(s, "a", 4, "a4", 12, &p[4]), TB_SEQUENCE_REPEAT);
    assert_true(tb_sequencer_gap(s, &gap));
    assert_true(tb_str_eq_c(gap.subject, "a"));
    assert_int_equal(gap.missing, 2);
    assert_int_equal(gap.found, 3);
    assert_int_equal(gap.since_us, 100);
    assert_int_equal(tb_sequencer_low(s), 10);
    /* Others are not held up. */
    assert_int_equal(give(s, "b", 1, "b1", 13, NULL), TB_SEQUENCE_NEXT);
    assert_null(tb_sequencer_release(s));
    assert_int_equal(give(s, "a", 2, "a2", 14, &p[2]), TB_SEQUENCE_NEXT);
    assert_ptr_equal(tb_sequencer_release(s), &p[3]);
    assert_ptr_equal(tb_sequencer_release(s), &p[4]);
    assert_null(tb_sequencer_release(s));
    assert_false(tb_sequencer_gap(s, &gap));
    assert_int_equal(tb_sequencer_low(s), INT64_MAX);
    tb_sequencer_free(s);
    assert_int_equal(dropped, 0);
}

static void skipping_a_gap(void **state)
{
    (void)state;
    struct tb_sequencer *s = fresh(10, 10);
    int p[9];
    assert_false(tb_sequencer_skip(s, TB_LIT("a")));
    assert_int_equal(give(s, "a", 1, "", 0, &p[1]), TB_SEQUENCE_NEXT);
    assert_int_equal(give(s, "a", 5, "", 1, &p[5]), TB_SEQUENCE_HELD);
    assert_int_equal(give(s, "a", 6, "", 2, &p[6]), TB_SEQUENCE_HELD);
    assert_int_equal(give(s, "a", 8, "", 3, &p[8]), TB_SEQUENCE_HELD);
    assert_true(tb_sequencer_skip(s, TB_LIT("a")));
    assert_ptr_equal(tb_sequencer_release(s), &p[5]);
    assert_ptr_equal(tb_sequencer_release(s), &p[6]);
    assert_null(tb_sequencer_release(s)); /* 7 is still missing */
    assert_int_equal(give(s, "a", 3, "", 4, &p[3]), TB_SEQUENCE_REPEAT);
    tb_sequencer_free(s);
    assert_int_equal(dropped, 1);
}

static void caps(void **state)
{
    (void)state;
    struct tb_sequencer *s = fresh(2, 3);
    int p;
    assert_int_equal(give(s, "a", 1, "", 0, &p), TB_SEQUENCE_NEXT);
    assert_int_equal(give(s, "a", 3, "", 1, &p), TB_SEQUENCE_HELD);
    assert_int_equal(give(s, "a", 4, "", 2, &p), TB_SEQUENCE_HELD);
    assert_int_equal(give(s, "a", 5, "", 3, &p), TB_SEQUENCE_FULL);
    assert_int_equal(give(s, "a", 4, "", 4, &p), TB_SEQUENCE_REPEAT);
    assert_int_equal(give(s, "a", 2, "", 5, &p), TB_SEQUENCE_NEXT);
    /* The window of ids forgets the oldest. */
    assert_int_equal(give(s, "a", 0, "r1", 6, &p), TB_SEQUENCE_NEXT);
    assert_int_equal(give(s, "a", 0, "r1", 7, &p), TB_SEQUENCE_REPEAT);
    assert_int_equal(give(s, "b", 0, "r2", 8, &p), TB_SEQUENCE_NEXT);
    assert_int_equal(give(s, "b", 0, "r3", 9, &p), TB_SEQUENCE_NEXT);
    assert_int_equal(give(s, "b", 0, "r1", 10, &p), TB_SEQUENCE_REPEAT);
    assert_int_equal(give(s, "b", 0, "r4", 11, &p), TB_SEQUENCE_NEXT);
    assert_int_equal(give(s, "b", 0, "r1", 12, &p), TB_SEQUENCE_NEXT);
    tb_sequencer_free(s);

    struct tb_sequencer_limits few = {.held_max = 5, .window = 5, .subjects_max = 2};
    s = tb_sequencer_new(&few, count_drop);
    assert_int_equal(give(s, "a", 1, "", 0, &p), TB_SEQUENCE_NEXT);
    assert_int_equal(give(s, "b", 1, "", 1, &p), TB_SEQUENCE_NEXT);
    assert_int_equal(give(s, "c", 1, "", 2, &p), TB_SEQUENCE_FULL);
    assert_int_equal(give(s, "b", 2, "", 3, &p), TB_SEQUENCE_NEXT);
    assert_false(tb_sequencer_seed(s, TB_LIT("c"), 4));
    tb_sequencer_free(s);
}

static void a_seed_drops_what_is_older(void **state)
{
    (void)state;
    struct tb_sequencer *s = fresh(10, 10);
    int p[9];
    assert_true(tb_sequencer_seed(s, TB_LIT("a"), 4));
    assert_true(tb_sequencer_seed(s, TB_LIT("a"), 2)); /* never back */
    assert_int_equal(give(s, "a", 3, "", 0, &p[3]), TB_SEQUENCE_REPEAT);
    assert_int_equal(give(s, "a", 7, "", 1, &p[7]), TB_SEQUENCE_HELD);
    assert_int_equal(give(s, "a", 8, "", 2, &p[8]), TB_SEQUENCE_HELD);
    assert_true(tb_sequencer_seed(s, TB_LIT("a"), 7));
    assert_ptr_equal(tb_sequencer_release(s), &p[8]);
    assert_null(tb_sequencer_release(s));
    assert_int_equal(dropped, 1);
    tb_sequencer_free(s);
}

static void lines_that_are_none(void **state)
{
    (void)state;
    struct tb_sequencer *s = fresh(10, 10);
    static const char *const bad[] = {"",
                                      "seq",
                                      "seq ",
                                      "seq x a",
                                      "seq 1",
                                      "seq 1 ",
                                      "seq -1 a",
                                      "id",
                                      "id ",
                                      "sequence 1 a",
                                      "seq 1234567890123456789 a"};
    for (size_t i = 0; i < TB_COUNT(bad); i++) {
        assert_int_equal(tb_sequencer_read_line(s, tb_str_of(bad[i])), TB_EINVAL);
    }
    assert_int_equal(tb_sequencer_read_line(s, TB_LIT("seq 12 with blanks in it")), TB_OK);
    assert_int_equal(tb_sequencer_last(s, TB_LIT("with blanks in it")), 12);
    tb_sequencer_free(s);
}

/* ---- random streams ---- */

enum { SUBJECTS = 12, EVENTS = 40, REJECTS = 60, LOG_MAX = 8000 };

struct entry {
    int subject; /* -1: without sequence */
    int64_t sequence;
};

static unsigned seed;

static int below(int n)
{
    return rand_r(&seed) % n;
}

/* What a topic may hold: each subject's events in order, runs of it repeated as after a crash. With
 * shuffle, also out of order by a few places, which only a gap can stand. */
static int make_log(struct entry *log, bool shuffle)
{
    int64_t next[SUBJECTS];
    for (int i = 0; i < SUBJECTS; i++) {
        next[i] = 1;
    }
    int n = 0;
    int rejects = 0;
    for (int left = SUBJECTS * EVENTS; left > 0;) {
        int subject = below(SUBJECTS);
        if (next[subject] <= EVENTS) {
            log[n++] = (struct entry){subject, next[subject]++};
            left--;
        }
        if (rejects < REJECTS && below(8) == 0) {
            log[n++] = (struct entry){-1, ++rejects};
        }
        if (n > 5 && below(12) == 0 && n < LOG_MAX - 100) {
            int len = 1 + below(n < 40 ? n : 40);
            for (int i = 0; i < len; i++) {
                log[n] = log[n - len];
                n++;
            }
        }
    }
    for (int i = 1; shuffle && i < n; i++) {
        int j = i - below(i < 6 ? i : 6);
        struct entry t = log[i];
        log[i] = log[j];
        log[j] = t;
    }
    return n;
}

struct world {
    const struct entry *log;
    int n;
    int64_t done[SUBJECTS]; /* handed out so far */
    bool rejected[REJECTS + 1];
    /* as of the last checkpoint */
    int64_t saved_done[SUBJECTS];
    bool saved_rejected[REJECTS + 1];
    tb_buf saved;
    int saved_at;
};

static void handed_out(struct world *w, const struct entry *e)
{
    if (e->subject < 0) {
        assert_false(w->rejected[e->sequence]);
        w->rejected[e->sequence] = true;
    } else {
        assert_int_equal(e->sequence, w->done[e->subject] + 1);
        w->done[e->subject] = e->sequence;
    }
}

static void drop_none(void *payload)
{
    (void)payload;
}

static void take_in(struct tb_sequencer *s, struct world *w, int at)
{
    const struct entry *e = &w->log[at];
    char subject[16];
    char id[24];
    (void)snprintf(subject, sizeof subject, "ticket-%d", e->subject);
    (void)snprintf(id, sizeof id, "r%lld", (long long)e->sequence);
    struct entry *payload = NULL; /* the same without const */
    memcpy(&payload, &e, sizeof(void *));
    enum tb_sequence_verdict v =
        give(s, subject, e->subject < 0 ? 0 : e->sequence, id, at, payload);
    assert_true(v == TB_SEQUENCE_NEXT || v == TB_SEQUENCE_REPEAT || v == TB_SEQUENCE_HELD);
    if (v == TB_SEQUENCE_NEXT) {
        handed_out(w, e);
        for (struct entry *next; (next = tb_sequencer_release(s)) != NULL;) {
            handed_out(w, next);
        }
    }
}

static struct tb_sequencer *restart(struct world *w, struct tb_sequencer *s, int *at)
{
    tb_sequencer_free(s);
    struct tb_sequencer_limits limits = {
        .held_max = 10000, .window = REJECTS, .subjects_max = SUBJECTS};
    s = tb_sequencer_new(&limits, drop_none);
    memcpy(w->done, w->saved_done, sizeof w->done);
    memcpy(w->rejected, w->saved_rejected, sizeof w->rejected);
    tb_str rest = tb_buf_str(&w->saved);
    while (rest.len) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        tb_str line = {rest.ptr, (size_t)(end - rest.ptr)};
        assert_int_equal(tb_sequencer_read_line(s, line), TB_OK);
        rest = (tb_str){end + 1, rest.len - line.len - 1};
    }
    *at = w->saved_at;
    return s;
}

static void checkpoint(struct world *w, const struct tb_sequencer *s, int at)
{
    tb_buf_clear(&w->saved);
    tb_sequencer_write(s, &w->saved);
    int64_t low = tb_sequencer_low(s);
    w->saved_at = low < at ? (int)low : at;
    memcpy(w->saved_done, w->done, sizeof w->done);
    memcpy(w->saved_rejected, w->rejected, sizeof w->rejected);
}

static void run_world(bool shuffle, bool crashes)
{
    static struct entry log[LOG_MAX];
    struct world w = {.log = log, .n = make_log(log, shuffle)};
    tb_buf_init(&w.saved, 1 << 20);
    int at = 0;
    struct tb_sequencer *s = restart(&w, NULL, &at);
    /* With a shuffle the first event of a subject need not be its number 1. */
    for (int i = 0; i < SUBJECTS; i++) {
        char subject[16];
        (void)snprintf(subject, sizeof subject, "ticket-%d", i);
        assert_true(tb_sequencer_seed(s, tb_str_of(subject), 0));
    }
    checkpoint(&w, s, at);
    while (at < w.n) {
        take_in(s, &w, at++);
        if (below(20) == 0) {
            checkpoint(&w, s, at);
        }
        if (crashes && below(150) == 0) {
            s = restart(&w, s, &at);
        }
    }
    for (int i = 0; i < SUBJECTS; i++) {
        assert_int_equal(w.done[i], EVENTS);
    }
    struct tb_sequence_gap gap;
    assert_false(tb_sequencer_gap(s, &gap));
    tb_sequencer_free(s);
    tb_buf_dispose(&w.saved);
}

static void random_streams(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        seed = 20260101 + i;
        run_world(i % 2 == 1, i % 4 >= 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_and_repeats),
        cmocka_unit_test(a_gap_holds_and_closes),
        cmocka_unit_test(skipping_a_gap),
        cmocka_unit_test(caps),
        cmocka_unit_test(a_seed_drops_what_is_older),
        cmocka_unit_test(lines_that_are_none),
        cmocka_unit_test(random_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
