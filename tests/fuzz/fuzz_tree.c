/* Our reader of messages against jansson: the same texts accepted, the same values read. They may
 * differ in a member given twice (jansson refuses the text, we mark the member) and in numbers
 * beyond 64 bits or a double (jansson refuses them, we leave them to the field). */
#include "common/json/dom.h"
#include "common/json/tree.h"
#include "tests/fuzz/fuzz.h"

/* Something jansson may refuse. */
static bool has_exception(const struct tb_tree *t)
{
    if (t->twice || t->kind == TB_TREE_REAL) {
        return true;
    }
    for (const struct tb_tree *m = t->first; m; m = m->next) {
        if (has_exception(m)) {
            return true;
        }
    }
    return false;
}

static void check_same(const struct tb_tree *t, const struct tb_node *n)
{
    static const enum tb_node_kind kinds[] = {
        [TB_TREE_NULL] = TB_NODE_NULL,     [TB_TREE_BOOL] = TB_NODE_BOOL,
        [TB_TREE_INT] = TB_NODE_INT,       [TB_TREE_REAL] = TB_NODE_REAL,
        [TB_TREE_STRING] = TB_NODE_STRING, [TB_TREE_ARRAY] = TB_NODE_ARRAY,
        [TB_TREE_OBJECT] = TB_NODE_OBJECT,
    };
    FUZZ_CHECK(tb_node_kind(n) == kinds[t->kind]);
    FUZZ_CHECK(tb_node_bool(n, false) == t->boolean);
    FUZZ_CHECK(t->kind != TB_TREE_INT || tb_node_int(n, 0) == t->integer);
    FUZZ_CHECK(t->kind != TB_TREE_STRING || tb_str_eq(tb_node_str(n), t->text));
    FUZZ_CHECK(tb_node_size(n) == t->n);
    size_t i = 0;
    for (const struct tb_tree *m = t->first; m; m = m->next, i++) {
        check_same(m, t->kind == TB_TREE_ARRAY ? tb_node_at(n, i) : tb_node_get(n, m->name.ptr));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tb_str json = {(const char *)data, size};
    struct tb_arena *arena = tb_arena_new((size_t)64 << 20);
    const struct tb_tree *tree;
    struct tb_dom *dom;
    FUZZ_CHECK(arena);
    enum tb_rc ours = tb_tree_parse(json, arena, &tree, NULL);
    enum tb_rc theirs = tb_dom_parse(json, 0, &dom, NULL);
    FUZZ_CHECK(ours == TB_OK || ours == TB_EINVAL);
    FUZZ_CHECK(theirs == TB_OK || theirs == TB_EINVAL);
    if (ours == TB_OK && theirs == TB_OK) {
        check_same(tree, tb_dom_root(dom));
    } else if (ours == TB_OK) {
        FUZZ_CHECK(has_exception(tree));
    } else {
        /* jansson takes a NUL for the end of the text. */
        FUZZ_CHECK(theirs != TB_OK || memchr(data, 0, size));
    }
    tb_dom_free(dom);
    tb_arena_free(arena);
    return 0;
}
