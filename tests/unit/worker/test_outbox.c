#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/shell/outbox.h"

static void frames_come_back_byte_for_byte(void **state)
{
    (void)state;
    static const char body[] = "{\"a\":\n \"line\\nbreaks and \xc3\xbc\"}";
    tb_buf buf;
    tb_buf_init(&buf, 4096);
    tb_outbox_add(&buf, TB_FRAME_EVENT, TB_LIT("ticket-1"), TB_LIT("{}"));
    tb_outbox_add(&buf, TB_FRAME_FORWARD, TB_LIT(""), tb_str_of(body));
    tb_outbox_add(&buf, TB_FRAME_DEAD, TB_LIT("k"), TB_LIT(""));
    tb_str rest = tb_buf_str(&buf);
    struct tb_frame f;
    assert_true(tb_outbox_next(&rest, &f));
    assert_int_equal(f.kind, TB_FRAME_EVENT);
    assert_true(tb_str_eq_c(f.key, "ticket-1"));
    assert_true(tb_str_eq_c(f.body, "{}"));
    assert_true(tb_outbox_next(&rest, &f));
    assert_int_equal(f.kind, TB_FRAME_FORWARD);
    assert_int_equal(f.key.len, 0);
    assert_true(tb_str_eq_c(f.body, body));
    assert_true(tb_outbox_next(&rest, &f));
    assert_int_equal(f.body.len, 0);
    assert_false(tb_outbox_next(&rest, &f));
    assert_int_equal(rest.len, 0);
    tb_buf_dispose(&buf);
}

static void damage_is_noticed(void **state)
{
    (void)state;
    static const char *const damaged[] = {
        "X 1 1\nab\n", "E 1\nab\n",    "E 1 9\nab\n", "E  1\n", "E 99999999999999999999 1\nab\n",
        "E 1 1 ab\n",  "E -1 1\nab\n", "E",
    };
    for (size_t i = 0; i < TB_COUNT(damaged); i++) {
        tb_str rest = tb_str_of(damaged[i]);
        struct tb_frame f;
        assert_false(tb_outbox_next(&rest, &f));
        assert_true(rest.len > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_back_byte_for_byte),
        cmocka_unit_test(damage_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
