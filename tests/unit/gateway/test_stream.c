/* What decides which events a reader of the stream gets: cursors, filters, the gate, memory. */
#include <string.h>

#include "common/base/attr.h"
#include "gateway/stream/cursor.h"
#include "gateway/stream/gate.h"
#include "gateway/stream/ring.h"
#include "tests/unit/base/unit.h"

static struct tb_arena *arena;

static void cursors(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum tb_rc rc;
        int64_t next[3];
    } cases[] = {
        {"0=1,1=2,2=3", TB_OK, {1, 2, 3}},
        {"2=7", TB_OK, {0, 0, 7}},
        {"1=0,0=5", TB_OK, {5, 0, 0}},
        {"", TB_EINVAL, {0}},
        {"0", TB_EINVAL, {0}},
        {"0=", TB_EINVAL, {0}},
        {"0=1,", TB_EINVAL, {0}},
        {"3=1", TB_EINVAL, {0}},
        {"0=1,0=1", TB_EINVAL, {0}},
        {"0=-1", TB_EINVAL, {0}},
        {"0=1;1=2", TB_EINVAL, {0}},
        {"0=1234567890123456789", TB_EINVAL, {0}},
    };
    for (size_t i = 0; i < TB_COUNT(cases); i++) {
        int64_t next[3];
        struct tb_error err;
        enum tb_rc rc = tb_cursor_parse(tb_str_of(cases[i].text), next, 3, &err);
        assert_int_equal(rc, cases[i].rc);
        if (rc == TB_OK) {
            assert_memory_equal(next, cases[i].next, sizeof next);
        }
    }
    tb_buf out;
    tb_buf_init(&out, 100);
    const int64_t next[] = {5, 0, 123456789012};
    tb_cursor_write(next, 3, &out);
    assert_string_equal(out.ptr, "0=5,1=0,2=123456789012");
    tb_buf_dispose(&out);
}

static const tb_str w1[] = {{"w1", 2}};
static const tb_str both[] = {{"b", 1}, {"a", 1}};
static const tb_str turned[] = {{"a", 1}, {"b", 1}};

static void filters(void **state)
{
    (void)state;
    const struct tb_note note = {
        .type = TB_LIT("ticket.created"), .subject = TB_LIT("a"), .workflow = TB_LIT("w1")};
    const struct tb_note nowhere = {.type = TB_LIT("command.rejected"), .subject = TB_LIT("a")};
    const struct tb_filter any = {0};
    const struct tb_filter flow = {.workflows = {w1, 1}};
    const struct tb_filter ticket = {.tickets = {both, 2}};
    const struct tb_filter allowed = {.tickets = {both, 2}, .allowed = {w1, 1}};
    const struct tb_filter type = {.types = {w1, 1}};
    assert_true(tb_filter_match(&any, &note) && tb_filter_match(&any, &nowhere));
    assert_true(tb_filter_match(&flow, &note));
    assert_false(tb_filter_match(&flow, &nowhere));
    assert_true(tb_filter_match(&ticket, &note) && tb_filter_match(&ticket, &nowhere));
    assert_true(tb_filter_match(&allowed, &note));
    assert_false(tb_filter_match(&allowed, &nowhere));
    assert_false(tb_filter_match(&type, &note));
    const struct tb_filter same = {.tickets = {turned, 2}};
    const struct tb_filter other = {.types = {turned, 2}};
    assert_true(tb_str_eq(tb_filter_key(&ticket, arena), tb_filter_key(&same, arena)));
    assert_false(tb_str_eq(tb_filter_key(&ticket, arena), tb_filter_key(&other, arena)));
}

static enum tb_gate_verdict offer(struct tb_gate *gate, const char *subject, int64_t sequence,
                                  int64_t time_us)
{
    const struct tb_note note = {
        .id = tb_str_of(subject), .subject = tb_str_of(subject), .sequence = sequence};
    return tb_gate_offer(gate, &note, time_us);
}

static void gate(void **state)
{
    (void)state;
    struct tb_gate *g = tb_gate_new(100, 1000);
    assert_int_equal(offer(g, "a", 3, 1), TB_GATE_PASS); /* joined in the middle */
    assert_int_equal(offer(g, "a", 3, 2), TB_GATE_REPEAT);
    assert_int_equal(offer(g, "a", 2, 3), TB_GATE_REPEAT);
    assert_int_equal(offer(g, "a", 5, 4), TB_GATE_AHEAD);
    assert_int_equal(offer(g, "a", 4, 5), TB_GATE_PASS);
    assert_int_equal(offer(g, "a", 5, 6), TB_GATE_PASS);
    assert_int_equal(offer(g, "b", 1, 7), TB_GATE_PASS);
    assert_int_equal(offer(g, "c", 0, 8), TB_GATE_PASS);
    assert_int_equal(offer(g, "c", 0, 9), TB_GATE_REPEAT);
    assert_int_equal(offer(g, "c", 1, 10), TB_GATE_PASS); /* an id is no subject */
    assert_int_equal(offer(g, "a", 8, 100), TB_GATE_AHEAD);
    assert_int_equal(offer(g, "a", 9, 1099), TB_GATE_AHEAD);
    assert_int_equal(offer(g, "a", 9, 1100), TB_GATE_PASS); /* given up */
    assert_int_equal(offer(g, "a", 10, 1101), TB_GATE_PASS);
    /* Only so many are remembered, the latest of them. */
    char name[20];
    for (int i = 0; i < 10000; i++) {
        (void)snprintf(name, sizeof name, "s%d", i);
        assert_int_equal(offer(g, name, 1, 2000), TB_GATE_PASS);
        assert_int_equal(offer(g, name, 1, 2000), TB_GATE_REPEAT);
    }
    tb_gate_free(g);
}

static void ring(void **state)
{
    (void)state;
    struct tb_ring r;
    const int64_t low[] = {10, 20};
    char frame[1000];
    memset(frame, 'x', sizeof frame);
    assert_true(tb_ring_init(&r, 100000, 2));
    tb_ring_reset(&r, low);
    for (int64_t i = 0; i < 5000; i++) {
        const struct tb_ring_entry e = {.partition = (int32_t)(i % 2),
                                        .offset = (i % 2 ? 20 : 10) + i / 2,
                                        .note = {.type = TB_LIT("t"), .subject = TB_LIT("s")},
                                        .frame = {frame, sizeof frame}};
        assert_true(tb_ring_add(&r, &e));
        assert_true(r.bytes <= 100000);
    }
    /* Nothing at or after `low` is missing, of either partition. */
    assert_in_range(r.end - r.first, 50, 100);
    int64_t next[] = {r.low[0], r.low[1]};
    for (uint64_t i = r.first; i < r.end; i++) {
        const struct tb_ring_entry *e = tb_ring_at(&r, i);
        assert_int_equal(e->offset, next[e->partition]++);
        assert_true(tb_str_is_null(e->note.workflow) && e->frame.len == sizeof frame);
    }
    assert_int_equal(next[0], 2510);
    assert_int_equal(next[1], 2520);
    tb_ring_dispose(&r);
}

static void frames(void **state)
{
    (void)state;
    tb_buf out;
    tb_buf_init(&out, 1000);
    const struct tb_note note = {.type = TB_LIT("ticket.x\nid: 9")};
    tb_frame_write(&note, TB_LIT("{\n\"a\":1}"), &out);
    assert_string_equal(out.ptr, "event: ticket.x id: 9\ndata: {\ndata: \"a\":1}\n\n");
    tb_buf_dispose(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cursors), cmocka_unit_test(filters),
                                       cmocka_unit_test(gate), cmocka_unit_test(ring),
                                       cmocka_unit_test(frames)};
    arena = tb_arena_new(0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tb_arena_free(arena);
    return failed;
}
