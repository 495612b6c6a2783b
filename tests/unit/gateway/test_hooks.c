/* Webhooks: which addresses they may lead to, signatures, schedules. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "common/base/attr.h"
#include "gateway/hooks/address.h"
#include "gateway/hooks/sign.h"
#include "tests/unit/base/unit.h"

static bool allowed(const char *text, const struct tb_networks *besides)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_storage any = {0};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(&any, &v4, sizeof v4);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        memcpy(&any, &v6, sizeof v6);
    }
    return tb_address_allowed((const struct sockaddr *)(const void *)&any, besides);
}

static void addresses(void **state)
{
    (void)state;
    static const char *const inside[] = {"0.0.0.0",
                                         "10.0.0.1",
                                         "10.255.255.255",
                                         "100.64.0.1",
                                         "127.0.0.1",
                                         "127.9.9.9",
                                         "169.254.169.254",
                                         "172.16.0.1",
                                         "172.31.255.255",
                                         "192.168.1.1",
                                         "192.0.2.1",
                                         "198.18.0.1",
                                         "203.0.113.9",
                                         "224.0.0.1",
                                         "255.255.255.255",
                                         "240.0.0.1",
                                         "::",
                                         "::1",
                                         "::ffff:127.0.0.1",
                                         "::ffff:10.1.1.1",
                                         "::127.0.0.1",
                                         "fe80::1",
                                         "fc00::1",
                                         "fd12::1",
                                         "ff02::1",
                                         "64:ff9b::7f00:1",
                                         "64:ff9b::a00:1",
                                         "64:ff9b:1::1",
                                         "2002:7f00:1::",
                                         "2002:a01:101::1",
                                         "2001::1",
                                         "2001:db8::1",
                                         "100::1",
                                         "fec0::1"};
    static const char *const outside[] = {
        "1.1.1.1",     "8.8.8.8",        "172.15.0.1",   "172.32.0.1",       "100.63.0.1",
        "100.128.0.1", "::ffff:8.8.8.8", "2606:4700::1", "64:ff9b::808:808", "2002:808:808::1"};
    const struct tb_networks none = {0};
    for (size_t i = 0; i < TB_COUNT(inside); i++) {
        assert_false(allowed(inside[i], &none));
    }
    for (size_t i = 0; i < TB_COUNT(outside); i++) {
        assert_true(allowed(outside[i], &none));
    }
    struct tb_networks some;
    assert_int_equal(tb_networks_parse(TB_LIT("127.0.0.1, 10.1.0.0/16,fd00::/9"), &some, NULL),
                     TB_OK);
    assert_true(allowed("127.0.0.1", &some) && allowed("10.1.255.1", &some));
    assert_true(allowed("fd7f::1", &some) && allowed("::ffff:127.0.0.1", &some));
    assert_false(allowed("127.0.0.2", &some) || allowed("10.2.0.1", &some));
    assert_false(allowed("fd80::1", &some));
    static const char *const wrong[] = {"x",     "10.0.0.0/33", "10.0.0.0/",    "::/129",
                                        "1.2.3", ",",           "10.0.0.0/8/8", "10.0.0.0/-1"};
    for (size_t i = 0; i < TB_COUNT(wrong); i++) {
        assert_int_equal(tb_networks_parse(tb_str_of(wrong[i]), &some, NULL), TB_EINVAL);
    }
}

static void urls(void **state)
{
    (void)state;
    const struct tb_networks none = {0};
    static const char *const right[] = {"https://example.org", "http://example.org:81/a?b=c",
                                        "https://[2606:4700::1]:8443/", "https://8.8.8.8/x"};
    static const char *const wrong[] = {"",
                                        "example.org",
                                        "ftp://example.org",
                                        "https://",
                                        "https://:80/",
                                        "https://u@h/",
                                        "https://h/#f",
                                        "https://h/a b",
                                        "https://h\\@x/",
                                        "http://127.0.0.1/",
                                        "http://[::1]/",
                                        "http://[::ffff:10.0.0.1]:80/",
                                        "http://169.254.169.254/latest",
                                        "https://h\xc3\xbc.org/"};
    for (size_t i = 0; i < TB_COUNT(right); i++) {
        assert_int_equal(tb_hook_url_check(tb_str_of(right[i]), &none, NULL), TB_OK);
    }
    for (size_t i = 0; i < TB_COUNT(wrong); i++) {
        assert_int_equal(tb_hook_url_check(tb_str_of(wrong[i]), &none, NULL), TB_EINVAL);
    }
}

static void signatures(void **state)
{
    (void)state;
    tb_buf out;
    tb_buf_init(&out, 500);
    /* The example of the specification's reference implementations. */
    static const unsigned char secret[] = {0x31, 0xf2, 0x90, 0xf7, 0x55, 0x59, 0x06, 0xae,
                                           0x3d, 0x0d, 0x8d, 0x11, 0x64, 0x5f, 0x75, 0x5e,
                                           0xa4, 0x1e, 0x4c, 0x65, 0x6a, 0x87, 0x35, 0x74};
    tb_str key = {(const char *)secret, sizeof secret};
    tb_hook_sign(TB_LIT("m"), 1, TB_LIT("{}"), key, TB_STR_NULL, &out);
    assert_memory_equal(out.ptr, "v1,", 3);
    assert_int_equal(out.len, 3 + 44);
    tb_buf both;
    tb_buf_init(&both, 500);
    tb_hook_sign(TB_LIT("m"), 1, TB_LIT("{}"), TB_LIT("another"), key, &both);
    assert_int_equal(both.len, 2 * (3 + 44) + 1);
    assert_string_equal(both.ptr + 3 + 44 + 1, out.ptr);
    tb_buf_dispose(&both);
    tb_buf_dispose(&out);
}

static void schedules(void **state)
{
    (void)state;
    struct tb_hook_schedule s;
    assert_int_equal(tb_hook_schedule_parse(TB_LIT("5,30,0"), &s, NULL), TB_OK);
    assert_int_equal(s.n, 3);
    assert_in_range(tb_hook_wait_ms(&s, 1, 0), 4500, 5500);
    assert_in_range(tb_hook_wait_ms(&s, 2, UINT32_MAX), 27000, 33000);
    assert_int_equal(tb_hook_wait_ms(&s, 3, 77), 0);
    assert_int_equal(tb_hook_wait_ms(&s, 4, 77), -1);
    assert_true(tb_hook_wait_ms(&s, 2, 0) < tb_hook_wait_ms(&s, 2, 999));
    static const char *const wrong[] = {"", ",", "5,", "5;6", "x", "-1", "12345678"};
    for (size_t i = 0; i < TB_COUNT(wrong); i++) {
        assert_int_equal(tb_hook_schedule_parse(tb_str_of(wrong[i]), &s, NULL), TB_EINVAL);
    }
    assert_int_equal(tb_hook_judge(200), TB_HOOK_DONE);
    assert_int_equal(tb_hook_judge(299), TB_HOOK_DONE);
    assert_int_equal(tb_hook_judge(302), TB_HOOK_RETRY);
    assert_int_equal(tb_hook_judge(0), TB_HOOK_RETRY);
    assert_int_equal(tb_hook_judge(410), TB_HOOK_GONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses), cmocka_unit_test(urls),
                                       cmocka_unit_test(signatures), cmocka_unit_test(schedules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
