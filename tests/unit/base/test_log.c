/* Logs: sampling of what repeats, and trace ids. Standard error is a pipe while a test runs. */
#include "tests/unit/base/unit.h"

#include <string.h>
#include <unistd.h>

#include "common/base/log.h"

static int real_stderr;
static int reading;

static int take_stderr(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    real_stderr = dup(STDERR_FILENO);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    (void)close(ends[1]);
    reading = ends[0];
    return 0;
}

static int give_stderr_back(void **state)
{
    (void)state;
    (void)dup2(real_stderr, STDERR_FILENO);
    (void)close(real_stderr);
    (void)close(reading);
    tb_log_repeats(0);
    return 0;
}

/* What was written since the last call. */
static const char *said(void)
{
    static char text[65536];
    tb_log(TB_LOG_ERROR, "end of test output %c", 'z');
    size_t n = 0;
    text[0] = '\0';
    while (!strstr(text, "end of test output z")) {
        ssize_t got = read(reading, text + n, sizeof text - 1 - n);
        assert_true(got > 0);
        n += (size_t)got;
        text[n] = '\0';
    }
    return text;
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p += strlen(part)) {
        n++;
    }
    return n;
}

static void repeats_are_counted(void **state)
{
    (void)state;
    tb_log_init("test", TB_LOG_INFO, false);
    tb_log_repeats(3);
    for (int i = 0; i < 50; i++) {
        tb_log_warn("partition %d, offset %d: no good", i % 4, i * 1000);
        tb_log_warn("ticket-%08x-aa0%d waits", (unsigned)i, i);
    }
    tb_log_warn("another kind of line");
    tb_log_info("partition 1, offset 2: no good"); /* of another level: another kind */
    const char *text = said();
    assert_int_equal(count(text, ": no good"), 3 + 1);
    assert_int_equal(count(text, "waits"), 3);
    assert_int_equal(count(text, "another kind"), 1);
    tb_log_tell_repeats(true);
    text = said();
    assert_non_null(strstr(text, "partition 1, offset 49000: no good (the last of 47 like it)"));
    assert_int_equal(count(text, "(the last of 47 like it)"), 2);
    tb_log_warn("partition 9, offset 9: no good"); /* begins anew */
    text = said();
    assert_int_equal(count(text, ": no good"), 1);
}

static void more_kinds_than_there_is_room_for(void **state)
{
    (void)state;
    tb_log_init("test", TB_LOG_INFO, false);
    tb_log_repeats(1);
    for (int i = 0; i < 3 * 26; i++) {
        for (int j = 0; j < 2; j++) {
            tb_log_warn("kind %c%c", 'a' + i % 26, 'a' + i / 26);
        }
    }
    tb_log_tell_repeats(true);
    assert_int_equal(count(said(), "(the last of 1 like it)"), 3 * 26);
}

static void all_lines_unless_told(void **state)
{
    (void)state;
    tb_log_init("test", TB_LOG_DEBUG, false);
    tb_log_repeats(0);
    for (int i = 0; i < 30; i++) {
        tb_log_info("again %d", i);
    }
    assert_int_equal(count(said(), "again"), 30);
    tb_log_repeats(2);
    for (int i = 0; i < 30; i++) {
        tb_log_debug("again %d", i);
    }
    assert_int_equal(count(said(), "again"), 30);
}

static void level_may_change(void **state)
{
    (void)state;
    tb_log_init("test", TB_LOG_INFO, false);
    tb_log_debug("before");
    tb_log_level(TB_LOG_DEBUG);
    tb_log_debug("after");
    const char *text = said();
    assert_int_equal(count(text, "before"), 0);
    assert_int_equal(count(text, "after"), 1);
}

static void lines_carry_the_trace(void **state)
{
    (void)state;
    static const char parent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    static const char *const wrong[] = {
        "", "00-4bf9", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-\"injected\"\n\"34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
    tb_log_init("test", TB_LOG_INFO, true);
    tb_log_trace(tb_str_of(parent));
    tb_log_warn("in json");
    assert_non_null(strstr(
        said(), "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"message\":\"in json\""));
    tb_log_init("test", TB_LOG_INFO, false);
    tb_log_warn("in text");
    assert_non_null(strstr(said(), "in text trace_id=4bf92f3577b34da6a3ce929d0e0e4736\n"));
    for (size_t i = 0; i < TB_COUNT(wrong); i++) {
        tb_log_trace(tb_str_of(parent));
        tb_log_trace(tb_str_of(wrong[i]));
        tb_log_warn("without");
        assert_null(strstr(said(), "trace_id"));
    }
    tb_log_trace(TB_STR_NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(repeats_are_counted, take_stderr, give_stderr_back),
        cmocka_unit_test_setup_teardown(more_kinds_than_there_is_room_for, take_stderr,
                                        give_stderr_back),
        cmocka_unit_test_setup_teardown(all_lines_unless_told, take_stderr, give_stderr_back),
        cmocka_unit_test_setup_teardown(level_may_change, take_stderr, give_stderr_back),
        cmocka_unit_test_setup_teardown(lines_carry_the_trace, take_stderr, give_stderr_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
