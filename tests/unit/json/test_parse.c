/* The two parsers, the tree over other people's JSON, lists of strings, base64. */
#include <math.h>
#include <stdlib.h>

#include "common/json/base64.h"
#include "common/json/dom.h"
#include "common/json/tree.h"
#include "tests/unit/json/kit.h"

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

/* Both parsers must take it or both refuse it. */
static void agree(tb_str json, bool valid)
{
    const struct tb_tree *tree;
    struct tb_dom *dom;
    struct tb_error err = {0};
    enum tb_rc ours = tb_tree_parse(json, arena, &tree, &err);
    enum tb_rc theirs = tb_dom_parse(json, 0, &dom, NULL);
    tb_dom_free(dom);
    if (ours != (valid ? TB_OK : TB_EINVAL) || theirs != ours) {
        fail_msg("%.*s: %s %s, jansson %s", TB_ARG(json), tb_rc_name(ours), err.text,
                 tb_rc_name(theirs));
    }
}

static void test_grammar(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{}",
        "[]",
        " [ ] ",
        "0",
        "-0",
        "1.5",
        "1e5",
        "1E+5",
        "-1.25e-3",
        "true",
        "false",
        "null",
        "''",
        "'a'",
        "'\\u0001'",
        "'\\ud83d\\ude00'",
        "'\\/\\b\\f\\n\\r\\t\\\\'",
        "[1,2,[3]]",
        "{'a':{'b':[]}}",
        "\t\r\n 1 \n",
        "9223372036854775807",
        "-9223372036854775808",
        "'\x7f'",
        "'é😀'",
        "[1 , 2]",
        "{ 'a' : 1 , 'b' : 2 }",
        "{'':1}",
    };
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "{'a'}",
        "{'a':}",
        "{'a':1,}",
        "{a:1}",
        "{1:1}",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "0x1",
        "tru",
        "nul",
        "True",
        "NaN",
        "Infinity",
        "'",
        "'a",
        "'\n'",
        "'\t'",
        "'\\x'",
        "'\\u12'",
        "'\\u12g4'",
        "'\\u0000'",
        "'\\ud800'",
        "'\\ud800\\u0041'",
        "'\\udc00'",
        "'\\ud800x'",
        "1 2",
        "{} x",
        "[1]]",
        "\xef\xbb\xbf{}",
        "'\xff'",
        "'\xc3'",
        "[\xc3\xa9]",
        "//",
        "{'a':1 'b':2}",
        "[1 2]",
        "--1",
        "1-",
        "'a'b",
        "\v1",
    };
    for (size_t i = 0; i < TB_COUNT(good); i++) {
        agree(kit_json(arena, "%s", good[i]), true);
    }
    for (size_t i = 0; i < TB_COUNT(bad); i++) {
        agree(kit_json(arena, "%s", bad[i]), false);
    }
    agree((tb_str){"\"a\0b\"", 5}, false);
    /* jansson takes this NUL for the end. */
    const struct tb_tree *tree;
    assert_int_equal(tb_tree_parse((tb_str){"1\0", 2}, arena, &tree, NULL), TB_EINVAL);
}

static void test_depth(void **state)
{
    (void)state;
    for (unsigned depth = TB_JSON_MAX_DEPTH - 1; depth <= TB_JSON_MAX_DEPTH + 1; depth++) {
        tb_buf buf;
        tb_buf_init(&buf, 10000);
        for (unsigned i = 0; i < depth; i++) {
            tb_buf_add_c(&buf, i % 2 ? "[" : "{\"a\":");
        }
        tb_buf_add_char(&buf, '1');
        for (unsigned i = depth; i-- > 0;) {
            tb_buf_add_c(&buf, i % 2 ? "]" : "}");
        }
        agree(tb_buf_str(&buf), depth <= TB_JSON_MAX_DEPTH);
        tb_buf_dispose(&buf);
    }
    /* Ends quickly, however deep. */
    char *open = malloc(1 << 20);
    assert_non_null(open);
    memset(open, '[', 1 << 20);
    agree((tb_str){open, 1 << 20}, false);
    free(open);
}

static void test_tree_values(void **state)
{
    (void)state;
    const struct tb_tree *t;
    tb_str json = kit_json(arena, "{'i':-9223372036854775808,'big':9223372036854775808,'r':1.0,"
                                  "'s':'a\\u00e9\\n','l':[true,null],'s':2}");
    assert_int_equal(tb_tree_parse(json, arena, &t, NULL), TB_OK);
    assert_int_equal(t->n, 6);
    assert_true(tb_tree_get(t, "i")->integer == INT64_MIN);
    assert_int_equal(tb_tree_get(t, "big")->kind, TB_TREE_REAL);
    assert_int_equal(tb_tree_get(t, "r")->kind, TB_TREE_REAL);
    kit_assert_str(tb_tree_get(t, "r")->raw, "1.0");
    kit_assert_str(tb_tree_get(t, "s")->text, "aé\n");
    assert_false(tb_tree_get(t, "s")->twice);
    assert_true(tb_tree_get(t, "l")->next->twice);
    kit_assert_str(tb_tree_get(t, "l")->raw, "[true,null]");
    assert_true(tb_tree_get(t, "l")->first->boolean);
    assert_null(tb_tree_get(t, "x"));
    assert_null(tb_tree_get(NULL, "x"));
}

static void test_repeats_in_a_large_object(void **state)
{
    (void)state;
    for (int at = 0; at < 100; at += 7) {
        tb_buf buf;
        tb_buf_init(&buf, 100000);
        for (int i = 0; i < 100; i++) {
            tb_buf_printf(&buf, "%s\"k%d\":%d", i ? "," : "{", i, i);
        }
        tb_buf_printf(&buf, ",\"k%d\":0}", at);
        const struct tb_tree *t;
        assert_int_equal(tb_tree_parse(tb_buf_str(&buf), arena, &t, NULL), TB_OK);
        size_t twice = 0;
        for (const struct tb_tree *m = t->first; m; m = m->next) {
            twice += m->twice;
            assert_true(!m->twice || !m->next);
        }
        assert_int_equal(twice, 1);
        tb_buf_dispose(&buf);
    }
}

static void test_dom(void **state)
{
    (void)state;
    struct tb_dom *dom;
    tb_str json = kit_json(arena, "{'result':{'points':[{'id':7,'score':0.25,'ok':true}]},"
                                  "'name':'x\\u00e9','none':null,'r':1e300}");
    assert_int_equal(tb_dom_parse(json, 0, &dom, NULL), TB_OK);
    const struct tb_node *root = tb_dom_root(dom);
    const struct tb_node *points = tb_node_path(root, "result.points");
    assert_int_equal(tb_node_size(points), 1);
    const struct tb_node *p = tb_node_at(points, 0);
    assert_int_equal(tb_node_int(tb_node_get(p, "id"), 0), 7);
    assert_true(tb_node_real(tb_node_get(p, "id"), 0) == 7.0);
    assert_true(tb_node_real(tb_node_get(p, "score"), 0) == 0.25);
    assert_true(tb_node_bool(tb_node_get(p, "ok"), false));
    kit_assert_str(tb_node_str(tb_node_get(root, "name")), "xé");
    /* What is not there, or of another type, is the value given. */
    assert_int_equal(tb_node_int(tb_node_path(root, "result.nothing.deep"), -5), -5);
    assert_int_equal(tb_node_int(tb_node_get(root, "name"), -5), -5);
    assert_null(tb_node_str(tb_node_get(p, "id")).ptr);
    assert_int_equal(tb_node_kind(tb_node_get(root, "none")), TB_NODE_NULL);
    assert_int_equal(tb_node_kind(tb_node_get(root, "other")), TB_NODE_NONE);
    assert_null(tb_node_at(points, 1));
    assert_int_equal(tb_node_size(NULL), 0);

    tb_str names[4];
    size_t n = 0;
    void *at = NULL;
    const struct tb_node *value;
    while (tb_node_next(root, &at, &names[n], &value)) {
        n++;
    }
    assert_int_equal(n, 4);
    kit_assert_str(names[0], "result");
    kit_assert_str(names[3], "r");

    tb_buf out;
    tb_buf_init(&out, 10000);
    struct tb_json w = {.buf = &out};
    tb_node_write(root, &w);
    kit_assert_str(tb_buf_str(&out),
                   kit_json(arena, "{'result':{'points':[{'id':7,'score':0.25,'ok':true}]},"
                                   "'name':'xé','none':null,'r':1e+300}")
                       .ptr);
    tb_buf_clear(&out);
    tb_node_pretty(points, &out);
    kit_assert_str(tb_buf_str(&out),
                   "[\n  {\n    \"id\": 7,\n    \"score\": 0.25,\n    \"ok\": true\n  }\n]");
    tb_buf_dispose(&out);
    tb_dom_free(dom);
    tb_dom_free(NULL);

    struct tb_error err;
    assert_int_equal(tb_dom_parse(json, 10, &dom, &err), TB_ELIMIT);
    assert_null(dom);
    assert_int_equal(tb_dom_parse(TB_LIT("{\n  x"), 0, &dom, &err), TB_EINVAL);
    assert_non_null(strstr(err.text, "line 2"));
}

static void test_vectors(void **state)
{
    (void)state;
    float v[3];
    static const struct {
        const char *json;
        bool good;
    } cases[] = {
        {"[1,-2.5,3e0]", true},
        {"'AACAPwAAIMAAAEBA'", true},
        {"[1,-2.5]", false},
        {"[1,-2.5,3,4]", false},
        {"[1,-2.5,'3']", false},
        {"[1,-2.5,null]", false},
        {"'AACAPwAAIMAAAEBAAAA'", false},
        {"'AACAPwAAIM'", false},
        {"'AACA*wAAIMAAAEBA'", false},
        {"'AACAPwAAIMAAAMB/'", false}, /* not a number */
        {"[1,-2.5,1e39]", false},
        {"{}", false},
        {"7", false},
    };
    for (size_t i = 0; i < TB_COUNT(cases); i++) {
        struct tb_dom *dom;
        assert_int_equal(tb_dom_parse(kit_json(arena, "%s", cases[i].json), 0, &dom, NULL), TB_OK);
        if (tb_node_floats(tb_dom_root(dom), v, 3) != cases[i].good) {
            fail_msg("%s", cases[i].json);
        }
        if (cases[i].good) {
            assert_true(v[0] == 1.0F && v[1] == -2.5F && v[2] == 3.0F);
        }
        tb_dom_free(dom);
    }
    assert_false(tb_node_floats(NULL, v, 3));
}

static void test_strings(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int n; /* -1: refused */
        const char *last;
    } cases[] = {
        {"[]", 0, NULL},
        {" [ ] ", 0, NULL},
        {"['a']", 1, "a"},
        {"[\"a\", 'b' , 'c']", 3, "c"},
        {"['a','\\u00e9\\\"']", 2, "é\""},
        {"['','']", 2, ""},
        {"['é']", 1, "é"},
        {"", -1, NULL},
        {"{}", -1, NULL},
        {"'a'", -1, NULL},
        {"['a',1]", -1, NULL},
        {"['a',]", -1, NULL},
        {"['a'", -1, NULL},
        {"['a'] x", -1, NULL},
        {"['\n']", -1, NULL},
        {"['\xff']", -1, NULL},
    };
    for (size_t i = 0; i < TB_COUNT(cases); i++) {
        tb_strs list;
        enum tb_rc rc = tb_strings_parse(kit_json(arena, "%s", cases[i].json), arena, &list);
        if ((rc == TB_OK) != (cases[i].n >= 0) || (rc == TB_OK && list.n != (size_t)cases[i].n)) {
            fail_msg("%s: %s, %zu", cases[i].json, tb_rc_name(rc), list.n);
        }
        if (cases[i].n > 0) {
            kit_assert_str(list.items[list.n - 1], cases[i].last);
        }
    }
    tb_strs list = {(tb_str[]){TB_LIT("x")}, 1};
    assert_int_equal(tb_strings_parse(TB_STR_NULL, arena, &list), TB_OK);
    assert_int_equal(list.n, 0);
}

static void test_base64(void **state)
{
    (void)state;
    /* RFC 4648, section 10. */
    static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    static const char *const coded[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                        "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t i = 0; i < TB_COUNT(plain); i++) {
        tb_buf out;
        tb_buf_init(&out, 100);
        tb_base64_encode(tb_str_of(plain[i]), &out);
        kit_assert_str(tb_buf_str(&out), coded[i]);
        tb_buf_dispose(&out);
        char back[8] = "";
        size_t len;
        assert_true(tb_base64_decode(tb_str_of(coded[i]), back, 6, &len));
        assert_string_equal(back, plain[i]);
        assert_true(len == 0 || !tb_base64_decode(tb_str_of(coded[i]), back, len - 1, &len));
    }
    char back[8];
    size_t len;
    assert_false(tb_base64_decode(TB_LIT("Zm9vY"), back, sizeof back, &len));
    assert_false(tb_base64_decode(TB_LIT("Zm 9v"), back, sizeof back, &len));
    assert_false(tb_base64_decode(TB_LIT("Z==="), back, sizeof back, &len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_grammar, setup, teardown),
        cmocka_unit_test_setup_teardown(test_depth, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tree_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_repeats_in_a_large_object, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dom, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vectors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_base64, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
