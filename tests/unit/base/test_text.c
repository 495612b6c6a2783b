/* Slices, UTF-8, times, UUIDs, JSON. */
#include "tests/unit/base/unit.h"

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/json_write.h"
#include "common/base/utf8.h"
#include "common/base/uuid.h"

static void slices_compare(void **state)
{
    (void)state;
    assert_true(tb_str_eq(TB_STR_NULL, TB_STR_NULL));
    assert_false(tb_str_eq(TB_STR_NULL, TB_LIT("")));
    assert_true(tb_str_eq(TB_LIT("a"), tb_str_of("a")));
    assert_true(tb_str_cmp(TB_LIT("a"), TB_LIT("ab")) < 0);
    assert_true(tb_str_cmp(TB_LIT("b"), TB_LIT("ab")) > 0);
    assert_true(tb_str_cmp(TB_STR_NULL, TB_LIT("")) < 0);
    assert_true(tb_str_cmp(TB_LIT("\xff"), TB_LIT("a")) > 0); /* by bytes, unsigned */
    assert_int_equal(tb_str_cmp(TB_LIT("x"), TB_LIT("x")), 0);
    assert_true(tb_str_starts(TB_LIT("ticket-1"), "ticket-"));
    assert_false(tb_str_starts(TB_LIT("tick"), "ticket-"));
    assert_false(tb_str_starts(TB_STR_NULL, ""));
    const tb_str ab[] = {TB_LIT("a"), TB_LIT("b")};
    const tb_str ba[] = {TB_LIT("b"), TB_LIT("a")};
    assert_true(tb_strs_eq((tb_strs){ab, 2}, (tb_strs){ab, 2}));
    assert_false(tb_strs_eq((tb_strs){ab, 2}, (tb_strs){ba, 2})); /* order counts */
    assert_false(tb_strs_eq((tb_strs){ab, 2}, (tb_strs){ab, 1}));
    assert_true(tb_strs_has((tb_strs){ab, 2}, TB_LIT("b")));
    assert_false(tb_strs_has((tb_strs){ab, 1}, TB_LIT("b")));
}

static void utf8_takes_what_unicode_defines(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "plain",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xEF\xBF\xBF",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF",
                                       "caf\xC3\xA9 \xF0\x9F\x90\x9B"};
    static const char *const bad[] = {"\x80",     /* continuation alone */
                                      "\xC0\xAF", /* overlong */
                                      "\xC1\xBF",
                                      "\xE0\x9F\xBF",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xED\xA0\x80",     /* surrogate */
                                      "\xF4\x90\x80\x80", /* past U+10FFFF */
                                      "\xF5\x80\x80\x80",
                                      "\xFF",
                                      "\xC3", /* cut short */
                                      "\xE2\x82",
                                      "\xF0\x9F\x90",
                                      "\xE2\x28\xA1"};
    for (size_t i = 0; i < TB_COUNT(good); i++) {
        assert_true(tb_utf8_valid(tb_str_of(good[i])));
    }
    for (size_t i = 0; i < TB_COUNT(bad); i++) {
        assert_false(tb_utf8_valid(tb_str_of(bad[i])));
    }
    assert_false(tb_utf8_valid((tb_str){"a\0b", 3})); /* Postgres text cannot hold it */
    assert_true(tb_utf8_valid(TB_STR_NULL));
}

static void utf8_counts_characters(void **state)
{
    (void)state;
    tb_str s = TB_LIT("caf\xC3\xA9 \xF0\x9F\x90\x9B");
    assert_int_equal(tb_utf8_count(s), 6);
    assert_int_equal(tb_utf8_prefix(s, 4).len, 3); /* not into the é */
    assert_int_equal(tb_utf8_prefix(s, 5).len, 5);
    assert_int_equal(tb_utf8_prefix(s, 9).len, 6);
    assert_int_equal(tb_utf8_prefix(s, 0).len, 0);
    assert_int_equal(tb_utf8_prefix(s, 100).len, s.len);
}

static void times_round_trip(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *canonical;
        int64_t us;
    } cases[] = {
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z", 0},
        {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z", -1},
        {"2024-02-29T12:00:00.5+02:00", "2024-02-29T10:00:00.500000Z", 1709200800500000},
        {"2000-02-29t00:00:00z", "2000-02-29T00:00:00.000000Z", 951782400000000},
        {"2025-11-23T20:08:00.1234567890-00:30", "2025-11-23T20:38:00.123456Z", 1763930280123456},
        {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z", -62135596800000000},
        {"9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000000Z", 253402300799000000},
    };
    for (size_t i = 0; i < TB_COUNT(cases); i++) {
        int64_t us = 0;
        char text[TB_TIME_TEXT_MAX];
        assert_true(tb_time_parse(tb_str_of(cases[i].text), &us));
        assert_int_equal(us, cases[i].us);
        size_t n = tb_time_format(us, text);
        assert_text((tb_str){text, n}, cases[i].canonical);
    }
}

static void malformed_times_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "2024-01-01",
                                      "2024-01-01T00:00:00",
                                      "2024-01-01 00:00:00Z",
                                      "2024-13-01T00:00:00Z",
                                      "2024-00-01T00:00:00Z",
                                      "2023-02-29T00:00:00Z",
                                      "1900-02-29T00:00:00Z",
                                      "2024-04-31T00:00:00Z",
                                      "2024-01-01T24:00:00Z",
                                      "2024-01-01T00:60:00Z",
                                      "2024-01-01T00:00:61Z",
                                      "2024-01-01T00:00:00.Z",
                                      "2024-01-01T00:00:00+2:00",
                                      "2024-01-01T00:00:00+24:00",
                                      "2024-01-01T00:00:00Zx",
                                      "0000-01-01T00:00:00Z",
                                      "-024-01-01T00:00:00Z",
                                      "24-01-01T00:00:00Z"};
    for (size_t i = 0; i < TB_COUNT(bad); i++) {
        int64_t us = 7;
        if (tb_time_parse(tb_str_of(bad[i]), &us)) {
            fail_msg("taken: %s", bad[i]);
        }
        assert_int_equal(us, 7); /* left alone */
    }
    int64_t us;
    assert_false(tb_time_parse(TB_STR_NULL, &us));
}

static void every_day_of_four_centuries(void **state)
{
    (void)state;
    char before[TB_TIME_TEXT_MAX] = "";
    for (int64_t day = -135140; day < 200000; day++) { /* 1600 to 2517 */
        char text[TB_TIME_TEXT_MAX];
        int64_t us = day * INT64_C(86400000000);
        int64_t back = 0;
        size_t n = tb_time_format(us, text);
        assert_true(strcmp(before, text) < 0);
        assert_true(tb_time_parse((tb_str){text, n}, &back));
        assert_int_equal(back, us);
        memcpy(before, text, sizeof before);
    }
}

static void uuids(void **state)
{
    (void)state;
    struct tb_uuid u;
    char text[TB_UUID_TEXT_LEN + 1];
    assert_true(tb_uuid_parse(TB_LIT("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), &u));
    tb_uuid_format(&u, text);
    assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    assert_int_equal(tb_uuid_version(&u), 7); /* the example of RFC 9562, appendix A.6 */
    assert_int_equal(tb_uuid_v7_ms(&u), 1645557742000);
    static const char *const bad[] = {"",
                                      "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
                                      "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
                                      "017f22e2079b0-7cc3-98c4-dc0c0c07398f",
                                      "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
                                      "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}"};
    for (size_t i = 0; i < TB_COUNT(bad); i++) {
        assert_false(tb_uuid_parse(tb_str_of(bad[i]), &u));
    }
    const unsigned char random[10] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    u = tb_uuid_v7_from(1645557742000, random);
    tb_uuid_format(&u, text);
    assert_string_equal(text, "017f22e2-79b0-7fff-bfff-ffffffffffff");
}

static void json_escapes(void **state)
{
    (void)state;
    tb_buf b;
    tb_buf_init(&b, 1000);
    tb_json_str(&b, (tb_str){"a\"\\/\n\r\t\x01\x1f\x7f\xC3\xA9", 12});
    assert_text(tb_buf_str(&b), "\"a\\\"\\\\/\\n\\r\\t\\u0001\\u001f\x7f\xC3\xA9\"");
    tb_buf_dispose(&b);
}

static void json_puts_commas(void **state)
{
    (void)state;
    const tb_str list[] = {TB_LIT("x"), TB_LIT("y")};
    tb_buf b;
    tb_buf_init(&b, 1000);
    struct tb_json w = {.buf = &b};
    tb_json_open(&w, '{');
    tb_json_key(&w, "a");
    tb_json_int(&w, -1);
    tb_json_key(&w, "b");
    tb_json_open(&w, '[');
    tb_json_bool(&w, true);
    tb_json_null(&w);
    tb_json_open(&w, '[');
    tb_json_close(&w, ']');
    tb_json_string(&w, TB_STR_NULL);
    tb_json_close(&w, ']');
    tb_json_key_str(&w, TB_LIT("c\n"));
    tb_json_strings(&w, (tb_strs){list, 2});
    tb_json_key(&w, "t");
    tb_json_time(&w, 0);
    tb_json_key(&w, "n");
    tb_json_time(&w, TB_TIME_NONE);
    tb_json_key(&w, "r");
    tb_json_raw(&w, TB_LIT("{}"));
    tb_json_close(&w, '}');
    assert_text(tb_buf_str(&b), "{\"a\":-1,\"b\":[true,null,[],null],\"c\\n\":[\"x\",\"y\"],"
                                "\"t\":\"1970-01-01T00:00:00.000000Z\",\"n\":null,\"r\":{}}");
    tb_buf_dispose(&b);
}

static void errors_keep_to_their_room(void **state)
{
    (void)state;
    struct tb_error err;
    char longer[2000];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(tb_fail_field(&err, TB_EINVAL, longer, "%s", longer), TB_EINVAL);
    assert_true(strlen(err.text) < sizeof err.text);
    assert_true(strlen(err.field) < sizeof err.field);
    assert_int_equal(tb_fail(&err, TB_ERETRY, "again"), TB_ERETRY);
    assert_string_equal(err.text, "again");
    assert_string_equal(err.field, "");
    assert_int_equal(tb_fail(NULL, TB_EFATAL, "nobody asks"), TB_EFATAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_compare),
        cmocka_unit_test(utf8_takes_what_unicode_defines),
        cmocka_unit_test(utf8_counts_characters),
        cmocka_unit_test(times_round_trip),
        cmocka_unit_test(malformed_times_are_refused),
        cmocka_unit_test(every_day_of_four_centuries),
        cmocka_unit_test(uuids),
        cmocka_unit_test(json_escapes),
        cmocka_unit_test(json_puts_commas),
        cmocka_unit_test(errors_keep_to_their_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
