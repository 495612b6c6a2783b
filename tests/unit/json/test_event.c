/* Events read by consumers, and dead letters of any content and size. */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/utf8.h"
#include "common/json/base64.h"
#include "common/json/dom.h"
#include "tests/unit/json/samples.h"

static struct tb_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = tb_arena_new(0);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    tb_arena_free(arena);
    return 0;
}

#define EVENT                                                                                      \
    "'specversion':'1.0','id':'e','source':'/ticketbus/worker','type':'ticket.updated',"           \
    "'subject':'" KIT_TICKET "'"

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *field;
    } cases[] = {
        {"[]", ""},
        {"{", ""},
        {"{}", "specversion"},
        {"{'specversion':'1.0'}", "id"},
        {"{" EVENT ",'data':{}}", "sequence"},
        {"{" EVENT ",'sequence':'0','data':{}}", "sequence"},
        {"{" EVENT ",'sequence':'x','data':{}}", "sequence"},
        {"{" EVENT ",'sequence':'4'}", "data"},
        {"{" EVENT ",'sequence':'4','data':[]}", "data"},
        {"{" EVENT ",'sequence':'4','data':{},'time':'noon'}", "time"},
        {"{" EVENT ",'sequence':'4','sequence':'5','data':{}}", "sequence"},
        {"{" EVENT ",'sequence':'4','actor':1,'data':{}}", "actor"},
        {"{" EVENT ",'sequence':'4','causationindex':0,'data':{}}", "causationindex"},
    };
    for (size_t i = 0; i < TB_COUNT(cases); i++) {
        struct tb_event event;
        struct tb_error err = {0};
        tb_str json = kit_json(arena, "%s", cases[i].json);
        if (tb_event_decode(json, arena, &event, &err) != TB_EINVAL ||
            strcmp(err.field, cases[i].field) != 0) {
            fail_msg("%s: field \"%s\": %s", cases[i].json, err.field, err.text);
        }
    }
}

static void test_a_later_version_can_be_read(void **state)
{
    (void)state;
    struct tb_event event;
    tb_str json =
        kit_json(arena, "{'specversion':'1.0','id':'e','source':'/s','type':'ticket.sung',"
                        "'subject':'x','sequence':'9','newattribute':true,"
                        "'data': { 'a' : [1, {'b':'}'}] } ,'z':1}");
    assert_int_equal(tb_event_decode(json, arena, &event, NULL), TB_OK);
    assert_null(event.type);
    kit_assert_str(event.type_name, "ticket.sung");
    assert_int_equal(event.sequence, 9);
    assert_true(event.time_us == TB_TIME_NONE);
    kit_assert_str(event.data, "{ \"a\" : [1, {\"b\":\"}\"}] }");
    assert_true(event.data.ptr > json.ptr && event.data.ptr < json.ptr + json.len);
}

static void test_a_refusal_without_an_actor(void **state)
{
    (void)state;
    /* The envelope was only half good: the answer must still be an event. */
    struct tb_command cmd;
    struct tb_decode_failure fail;
    tb_str json = kit_json(arena, "{'specversion':'1.0','id':'c','source':'/s','type':"
                                  "'ticket.create','subject':'" KIT_TICKET "','x':'y'}");
    assert_int_equal(tb_command_decode(json, NULL, arena, &cmd, &fail), TB_EINVAL);
    const struct tb_event_args args = {.kind = TB_EVENT_REJECTED,
                                       .id = TB_LIT("e"),
                                       .time_us = 0,
                                       .cmd = &cmd,
                                       .index = 1,
                                       .count = 1,
                                       .rule = "wire.invalid",
                                       .rejection = fail.rejection,
                                       .field = fail.field,
                                       .message = fail.message};
    tb_buf out;
    tb_buf_init(&out, 10000);
    tb_event_render(&args, &out);
    kit_assert_str(tb_buf_str(&out),
                   kit_json(arena,
                            "{'specversion':'1.0','id':'e','source':'/ticketbus/worker',"
                            "'type':'command.rejected','subject':'" KIT_TICKET "',"
                            "'time':'1970-01-01T00:00:00.000000Z','datacontenttype':"
                            "'application/json','causationid':'c','causationsource':'/s',"
                            "'causationindex':1,'causationcount':1,'x':'y','data':{'workflow_id':"
                            "null,'rule':'wire.invalid','command_type':'ticket.create','code':"
                            "'validation_failed','field':'actor','message':'actor is missing'}}")
                       .ptr);
    tb_buf_dispose(&out);
}

/* ---- dead letters ---- */

static struct tb_dom *letter_of(tb_str original, tb_str key, size_t max_bytes, size_t *ret_len)
{
    struct tb_dead_letter letter = sample_dead_letter();
    letter.original = original;
    letter.key = key;
    tb_buf out;
    tb_buf_init(&out, 1 << 24);
    tb_dead_letter_render(&letter, max_bytes, &out);
    assert_false(out.failed);
    struct tb_dom *dom;
    struct tb_error err;
    if (tb_dom_parse(tb_buf_str(&out), 0, &dom, &err) != TB_OK) {
        fail_msg("%s: %s", out.ptr, err.text);
    }
    *ret_len = out.len;
    tb_buf_dispose(&out);
    return dom;
}

static void test_dead_letter_keeps_any_bytes(void **state)
{
    (void)state;
    struct kit_random r = {99};
    for (int i = 0; i < 300; i++) {
        unsigned char bytes[200];
        size_t n = kit_below(&r, sizeof bytes);
        for (size_t j = 0; j < n; j++) {
            bytes[j] = (unsigned char)(i % 2 ? kit_next(&r) : 'a' + kit_below(&r, 26));
        }
        tb_str original = {(const char *)bytes, n};
        size_t len;
        struct tb_dom *dom = letter_of(original, original, 100000, &len);
        const struct tb_node *data = tb_node_get(tb_dom_root(dom), "data");
        tb_str text = tb_node_str(tb_node_get(data, "original"));
        if (tb_utf8_valid(original)) {
            assert_true(tb_str_eq(text, original));
        } else {
            unsigned char back[200];
            size_t back_len;
            text = tb_node_str(tb_node_get(data, "original_base64"));
            assert_true(tb_base64_decode(text, back, sizeof back, &back_len));
            assert_int_equal(back_len, n);
            assert_memory_equal(back, bytes, n);
        }
        assert_int_equal(tb_node_int(tb_node_get(data, "original_bytes"), -1), (int64_t)n);
        assert_false(tb_node_bool(tb_node_get(data, "truncated"), true));
        tb_dom_free(dom);
    }
}

static void test_dead_letter_fits(void **state)
{
    (void)state;
    static const char *const units[] = {"a", "\"", "\x01", "😀", "\xff"};
    size_t max = 20000;
    for (size_t i = 0; i < TB_COUNT(units); i++) {
        tb_buf big;
        tb_buf_init(&big, 1 << 20);
        while (big.len < 100000) {
            tb_buf_add_c(&big, units[i]);
        }
        size_t len;
        struct tb_dom *dom = letter_of(tb_buf_str(&big), tb_buf_str(&big), max, &len);
        const struct tb_node *data = tb_node_get(tb_dom_root(dom), "data");
        assert_true(tb_node_bool(tb_node_get(data, "truncated"), false));
        assert_int_equal(tb_node_int(tb_node_get(data, "original_bytes"), 0), (int64_t)big.len);
        assert_true(len <= max);
        assert_true(len > max / 2);
        tb_dom_free(dom);
        tb_buf_dispose(&big);
    }
}

static void test_dead_letter_of_nothing(void **state)
{
    (void)state;
    size_t len;
    struct tb_dom *dom = letter_of(TB_STR_NULL, TB_STR_NULL, 10000, &len);
    const struct tb_node *data = tb_node_get(tb_dom_root(dom), "data");
    assert_int_equal(tb_node_kind(tb_node_get(data, "key")), TB_NODE_NULL);
    assert_int_equal(tb_node_kind(tb_node_get(data, "original")), TB_NODE_NULL);
    tb_dom_free(dom);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_later_version_can_be_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_refusal_without_an_actor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dead_letter_keeps_any_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dead_letter_fits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dead_letter_of_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
