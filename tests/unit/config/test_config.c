/* Settings: where values come from, what is refused, and that secrets stay out of sight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/config/config.h"

static char path[] = "/tmp/tb-config-XXXXXX";

/* No setting of the environment the tests run in counts. */
static int setup(void **state)
{
    (void)state;
    for (int s = 0; s < TB_SETTING_COUNT_; s++) {
        (void)unsetenv(tb_settings[s].name);
    }
    (void)unsetenv("TICKETBUS_CONFIG");
    return 0;
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0 ? -1 : 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_file(const char *content)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(content, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(setenv("TICKETBUS_CONFIG", path, 1), 0);
}

static struct tb_config *load(char program)
{
    struct tb_config *cfg = NULL;
    struct tb_error err = {0};
    if (tb_config_load(program, &cfg, &err) != TB_OK) {
        fail_msg("%s: %s", err.field, err.text);
    }
    return cfg;
}

static void expect_refusal(char program, const char *field, const char *part)
{
    struct tb_config *cfg = NULL;
    struct tb_error err = {0};
    assert_int_equal(tb_config_load(program, &cfg, &err), TB_EINVAL);
    assert_null(cfg);
    assert_string_equal(err.field, field);
    if (!strstr(err.text, part)) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, part);
    }
}

static void test_defaults_are_within_bounds(void **state)
{
    (void)state;
    static const char programs[] = "WICLG";
    for (const char *p = programs; *p; p++) {
        struct tb_config *cfg = load(*p);
        assert_string_equal(tb_config_str(cfg, TB_CFG(DB_HOST)), "127.0.0.1");
        assert_int_equal(tb_config_int(cfg, TB_CFG(DB_PORT)), 5432);
        assert_false(tb_config_given(cfg, TB_CFG(DB_PORT)));
        tb_config_free(cfg);
    }
    tb_config_free(NULL);
}

static void test_table_is_sound(void **state)
{
    (void)state;
    for (int s = 0; s < TB_SETTING_COUNT_; s++) {
        const struct tb_setting_info *info = &tb_settings[s];
        assert_true(info->min <= info->max);
        assert_true(*info->programs && strspn(info->programs, "WICLG") == strlen(info->programs));
        size_t n = strlen(info->doc);
        if (n < 4 || info->doc[n - 1] != '.') {
            fail_msg("%s: its description is no sentence", info->name);
        }
        /* A secret has no default: it would be one everybody knows. */
        assert_true(!info->secret || !*info->def);
        for (int other = 0; other < s; other++) {
            assert_string_not_equal(info->name, tb_settings[other].name);
        }
    }
}

static void test_environment_wins_over_file(void **state)
{
    (void)state;
    write_file("# comment\n\n  DB_HOST = x\n");
    expect_refusal('W', "TICKETBUS_CONFIG", "line 3");
    write_file("# comment\r\n\r\nexport DB_HOST='db one'\nDB_PORT=\"5433\"\nDB_NAME=plain  \n"
               "DB_PASSWORD=a=b'c\"\n");
    assert_int_equal(setenv("DB_PORT", "5434", 1), 0);
    struct tb_config *cfg = load('W');
    assert_string_equal(tb_config_str(cfg, TB_CFG(DB_HOST)), "db one");
    assert_int_equal(tb_config_int(cfg, TB_CFG(DB_PORT)), 5434);
    assert_string_equal(tb_config_str(cfg, TB_CFG(DB_NAME)), "plain");
    assert_string_equal(tb_config_str(cfg, TB_CFG(DB_PASSWORD)), "a=b'c\"");
    assert_true(tb_config_given(cfg, TB_CFG(DB_HOST)));
    assert_false(tb_config_given(cfg, TB_CFG(DB_USER)));
    tb_config_free(cfg);
}

static void test_refusals_name_the_setting(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        const char *part;
    } cases[] = {
        {"DB_PORT", "0", "not within 1 and 65535"},
        {"DB_PORT", "65536", "not within"},
        {"DB_PORT", "", "not a whole number"},
        {"DB_PORT", "12a", "not a whole number"},
        {"DB_PORT", " 12", "not a whole number"},
        {"DB_PORT", "1e3", "not a whole number"},
        {"DB_PORT", "-", "not a whole number"},
        {"DB_PORT", "99999999999999999999", "not a whole number"},
        {"DB_NAME", "", "characters"},
        {"DB_SSLMODE", "a value that is longer than twenty characters", "characters"},
    };
    for (size_t i = 0; i < TB_COUNT(cases); i++) {
        assert_int_equal(setenv(cases[i].name, cases[i].value, 1), 0);
        expect_refusal('W', cases[i].name, cases[i].part);
        assert_int_equal(unsetenv(cases[i].name), 0);
    }
}

static void test_refusals_of_the_file(void **state)
{
    (void)state;
    write_file("DB_HOST=x\nDB_HOSTT=y\n");
    expect_refusal('W', "TICKETBUS_CONFIG", "line 2: there is no setting DB_HOSTT");
    write_file("DB_HOST\n");
    expect_refusal('W', "TICKETBUS_CONFIG", "line 1 is not NAME=value");
    assert_int_equal(setenv("TICKETBUS_CONFIG", "/nowhere/at/all", 1), 0);
    expect_refusal('W', "TICKETBUS_CONFIG", "/nowhere/at/all");
}

static void test_what_a_program_does_not_read_cannot_stop_it(void **state)
{
    (void)state;
    assert_int_equal(setenv("EMBEDDING_DIM", "many", 1), 0);
    struct tb_config *cfg = load('W');
    tb_config_free(cfg);
    expect_refusal('I', "EMBEDDING_DIM", "whole number");
}

static void test_secrets_are_not_shown(void **state)
{
    (void)state;
    assert_int_equal(setenv("DB_PASSWORD", "hunter2", 1), 0);
    tb_buf out;
    tb_buf_init(&out, 1 << 20);
    tb_config_help('W', &out);
    tb_config_markdown(&out);
    assert_non_null(strstr(out.ptr, "DB_PASSWORD"));
    assert_null(strstr(out.ptr, "hunter2"));
    tb_buf_dispose(&out);

    /* Not even when it is refused. */
    static char long_secret[1200];
    memset(long_secret, 's', sizeof long_secret - 1);
    assert_int_equal(setenv("DB_PASSWORD", long_secret, 1), 0);
    struct tb_config *cfg;
    struct tb_error err = {0};
    assert_int_equal(tb_config_load('W', &cfg, &err), TB_EINVAL);
    assert_string_equal(err.field, "DB_PASSWORD");
    assert_null(strstr(err.text, "ssss"));
}

/* "NAME+" taken over, "NAME-" not. */
static void note_change(const struct tb_setting_info *info, bool taken, void *arg)
{
    tb_buf_printf(arg, "%s%c ", info->name, taken ? '+' : '-');
}

static void test_reading_again(void **state)
{
    (void)state;
    tb_buf told;
    tb_buf_init(&told, 10000);
    assert_int_equal(setenv("TICKETBUS_INFLIGHT_MAX", "500", 1), 0);
    write_file("TICKETBUS_LOG_LEVEL=info\nTICKETBUS_BATCH_MAX=100\nDB_PASSWORD=one\n");
    struct tb_config *cfg = load('W');

    /* What may change does, what may not stays, what the environment says wins still, and what
     * other programs read is none of ours. */
    write_file("TICKETBUS_LOG_LEVEL=debug\nTICKETBUS_BATCH_MAX=200\nDB_PASSWORD=two\n"
               "TICKETBUS_INFLIGHT_MAX=900\nEMBEDDING_MODEL=other\n");
    struct tb_error err = {0};
    assert_int_equal(tb_config_reload(cfg, 'W', note_change, &told, &err), TB_OK);
    tb_buf_add(&told, "", 1);
    assert_string_equal(told.ptr, "DB_PASSWORD+ TICKETBUS_BATCH_MAX- TICKETBUS_LOG_LEVEL+ ");
    assert_string_equal(tb_config_str(cfg, TB_CFG(LOG_LEVEL)), "debug");
    assert_string_equal(tb_config_str(cfg, TB_CFG(DB_PASSWORD)), "two");
    assert_int_equal(tb_config_int(cfg, TB_CFG(BATCH_MAX)), 100);
    assert_int_equal(tb_config_int(cfg, TB_CFG(INFLIGHT_MAX)), 500);

    /* All or nothing. */
    write_file("TICKETBUS_LOG_LEVEL=warn\nTICKETBUS_BATCH_WAIT_MS=-1\n");
    assert_int_equal(tb_config_reload(cfg, 'W', note_change, &told, &err), TB_EINVAL);
    assert_string_equal(err.field, "TICKETBUS_BATCH_WAIT_MS");
    assert_string_equal(tb_config_str(cfg, TB_CFG(LOG_LEVEL)), "debug");
    tb_config_free(cfg);
    tb_buf_dispose(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults_are_within_bounds, setup),
        cmocka_unit_test_setup(test_table_is_sound, setup),
        cmocka_unit_test_setup(test_environment_wins_over_file, setup),
        cmocka_unit_test_setup(test_refusals_name_the_setting, setup),
        cmocka_unit_test_setup(test_refusals_of_the_file, setup),
        cmocka_unit_test_setup(test_what_a_program_does_not_read_cannot_stop_it, setup),
        cmocka_unit_test_setup(test_secrets_are_not_shown, setup),
        cmocka_unit_test_setup(test_reading_again, setup),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
