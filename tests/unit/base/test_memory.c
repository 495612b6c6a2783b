/* Arena, buffer and map. */
#include "tests/unit/base/unit.h"

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/map.h"

static void arena_gives_zeroed_aligned_memory(void **state)
{
    (void)state;
    struct tb_arena *a = tb_arena_new(0);
    for (size_t size = 0; size < 300; size++) {
        unsigned char *p = tb_arena_alloc(a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(p[i], 0);
        }
        memset(p, 0xAA, size);
    }
    tb_arena_free(a);
    tb_arena_free(NULL);
}

static void arena_blocks_do_not_overlap(void **state)
{
    (void)state;
    enum { N = 500 };
    struct tb_arena *a = tb_arena_new(0);
    unsigned char *parts[N];
    for (size_t i = 0; i < N; i++) {
        /* Small ones, large ones of their own block, and back. */
        size_t size = i % 7 == 0 ? 100000 : 1000;
        parts[i] = tb_arena_alloc(a, size);
        assert_non_null(parts[i]);
        memset(parts[i], (int)(i & 0xFF), size);
    }
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(parts[i][0], i & 0xFF);
        assert_int_equal(parts[i][999], i & 0xFF);
    }
    tb_arena_free(a);
}

static void arena_cap_is_sticky_until_reset(void **state)
{
    (void)state;
    struct tb_arena *a = tb_arena_new(1000);
    assert_non_null(tb_arena_alloc(a, 900));
    assert_false(tb_arena_failed(a));
    assert_null(tb_arena_alloc(a, 200));
    assert_true(tb_arena_failed(a));
    assert_non_null(tb_arena_alloc(a, 16)); /* what fits still works; the failure is remembered */
    assert_true(tb_arena_failed(a));
    tb_arena_reset(a);
    assert_false(tb_arena_failed(a));
    assert_int_equal(tb_arena_used(a), 0);
    assert_non_null(tb_arena_alloc(a, 900));
    tb_arena_free(a);
}

static void arena_refuses_overflow(void **state)
{
    (void)state;
    struct tb_arena *a = tb_arena_new(0);
    assert_null(tb_arena_array(a, SIZE_MAX / 2, 3));
    assert_true(tb_arena_failed(a));
    tb_arena_reset(a);
    assert_null(tb_arena_alloc(a, SIZE_MAX));
    assert_true(tb_arena_failed(a));
    tb_arena_free(a);
}

static void arena_reset_forgets_and_reuses(void **state)
{
    (void)state;
    struct tb_arena *a = tb_arena_new(0);
    for (int round = 0; round < 3; round++) {
        char *p = tb_arena_alloc(a, 64);
        assert_non_null(p);
        for (int i = 0; i < 64; i++) {
            assert_int_equal(p[i], 0); /* zeroed again after a reset */
        }
        memset(p, 1, 64);
        assert_non_null(tb_arena_alloc(a, 200000));
        tb_arena_reset(a);
    }
    tb_arena_free(a);
}

static void arena_strings(void **state)
{
    (void)state;
    struct tb_arena *a = tb_arena_new(0);
    tb_str s = tb_arena_str(a, TB_LIT("abc"));
    assert_text(s, "abc");
    assert_int_equal(s.ptr[3], '\0');
    assert_null(tb_arena_str(a, TB_STR_NULL).ptr);
    assert_non_null(tb_arena_str(a, TB_LIT("")).ptr);
    assert_text(tb_arena_printf(a, "%d-%s", 42, "x"), "42-x");
    tb_arena_free(a);
}

static void buf_builds_text(void **state)
{
    (void)state;
    tb_buf b;
    tb_buf_init(&b, 1000);
    assert_text(tb_buf_str(&b), "");
    tb_buf_add_c(&b, "a");
    tb_buf_add_char(&b, 'b');
    tb_buf_add_str(&b, TB_LIT("c"));
    tb_buf_add_str(&b, TB_STR_NULL);
    tb_buf_printf(&b, "[%d]", 7);
    tb_buf_add_i64(&b, INT64_MIN);
    tb_buf_add_i64(&b, INT64_MAX);
    tb_buf_add_i64(&b, 0);
    assert_text(tb_buf_str(&b), "abc[7]-922337203685477580892233720368547758070");
    assert_int_equal(b.ptr[b.len], '\0');
    tb_buf_clear(&b);
    assert_text(tb_buf_str(&b), "");
    tb_buf_dispose(&b);
}

static void buf_stops_at_its_maximum(void **state)
{
    (void)state;
    tb_buf b;
    struct tb_arena *a = tb_arena_new(0);
    tb_buf_init(&b, 4);
    tb_buf_add_c(&b, "abcd");
    assert_false(b.failed);
    assert_text(tb_buf_take(&b, a), "abcd");
    tb_buf_add_char(&b, 'e');
    assert_true(b.failed);
    tb_buf_add(&b, "", 0); /* nothing heals it but clear */
    assert_true(b.failed);
    assert_null(tb_buf_take(&b, a).ptr);
    tb_buf_clear(&b);
    tb_buf_printf(&b, "%s", "12345");
    assert_true(b.failed);
    tb_buf_clear(&b);
    tb_buf_printf(&b, "%s", "1234");
    assert_false(b.failed);
    tb_buf_dispose(&b);
    tb_arena_free(a);
}

static void map_finds_what_was_put(void **state)
{
    (void)state;
    enum { N = 5000 };
    struct tb_arena *a = tb_arena_new(0);
    struct tb_map map;
    tb_map_init(&map, a);
    assert_null(tb_map_get(&map, TB_LIT("nothing")));
    int values[2] = {0, 0};
    for (int i = 0; i < N; i++) {
        assert_true(tb_map_put(&map, tb_arena_printf(a, "key%d", i), &values[i % 2]));
    }
    assert_int_equal(map.n, N);
    for (int i = 0; i < N; i++) {
        assert_ptr_equal(tb_map_get(&map, tb_arena_printf(a, "key%d", i)), &values[i % 2]);
    }
    assert_null(tb_map_get(&map, TB_LIT("key5000")));
    assert_true(tb_map_put(&map, TB_LIT("key0"), &values[1]));
    assert_int_equal(map.n, N);
    assert_ptr_equal(tb_map_get(&map, TB_LIT("key0")), &values[1]);
    assert_text(map.entries[1].key, "key1"); /* in order of insertion */
    tb_arena_free(a);
}

static void map_reports_exhaustion(void **state)
{
    (void)state;
    struct tb_arena *a = tb_arena_new(2000);
    struct tb_map map;
    tb_map_init(&map, a);
    static char keys[100];
    bool full = false;
    for (int i = 0; i < 100 && !full; i++) {
        keys[i] = (char)(i + 1);
        full = !tb_map_put(&map, (tb_str){&keys[i], 1}, keys);
    }
    assert_true(full);
    assert_true(tb_arena_failed(a));
    assert_ptr_equal(tb_map_get(&map, (tb_str){&keys[0], 1}), keys); /* what is in stays in */
    tb_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_zeroed_aligned_memory),
        cmocka_unit_test(arena_blocks_do_not_overlap),
        cmocka_unit_test(arena_cap_is_sticky_until_reset),
        cmocka_unit_test(arena_refuses_overflow),
        cmocka_unit_test(arena_reset_forgets_and_reuses),
        cmocka_unit_test(arena_strings),
        cmocka_unit_test(buf_builds_text),
        cmocka_unit_test(buf_stops_at_its_maximum),
        cmocka_unit_test(map_finds_what_was_put),
        cmocka_unit_test(map_reports_exhaustion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
