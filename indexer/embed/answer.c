#include "indexer/embed/answer.h"

#include <stdio.h>
#include <strings.h>

#include "common/base/attr.h"
#include "common/base/utf8.h"
#include "common/json/dom.h"
#include "indexer/core/floats.h"
#include "indexer/embed/aside.h"

#define FAIL(...) ((void)snprintf(why, size, __VA_ARGS__), false)

static bool read_floats(const struct tb_node *node, const struct tb_aside *aside, float *v,
                        size_t dim)
{
    return tb_node_kind(node) == TB_NODE_STRING
               ? tb_base64_floats(tb_aside_string(aside, tb_node_str(node)), v, dim)
               : tb_node_floats(node, v, dim);
}

static bool read_all(const struct tb_dom *dom, const struct tb_aside *aside, size_t n, size_t dim,
                     struct tb_arena *arena, float **vectors, char *why, size_t size)
{
    const struct tb_node *data = tb_node_get(tb_dom_root(dom), "data");
    if (tb_node_kind(data) != TB_NODE_ARRAY || tb_node_size(data) != n) {
        return FAIL("%lld embeddings instead of as many as were asked for",
                    (long long)tb_node_size(data));
    }
    for (size_t i = 0; i < n; i++) {
        const struct tb_node *item = tb_node_at(data, i);
        /* Some servers leave the index out. */
        int64_t index = tb_node_int(tb_node_get(item, "index"), (int64_t)i);
        if (index < 0 || index >= (int64_t)n || vectors[index]) {
            return FAIL("an embedding with the wrong index %lld", (long long)index);
        }
        float *v = TB_NEW_N(arena, float, dim);
        if (!v || !read_floats(tb_node_get(item, "embedding"), aside, v, dim)) {
            return FAIL("an embedding that is not %lld finite numbers", (long long)dim);
        }
        if (!tb_floats_usable(v, dim)) {
            return FAIL("embedding %lld is zero", (long long)index);
        }
        vectors[index] = v;
    }
    return true;
}

bool tb_embed_read(tb_str body, size_t n, size_t dim, struct tb_arena *arena, float **vectors,
                   uint64_t *tokens, char *why, size_t why_size)
{
    struct tb_dom *dom = NULL;
    struct tb_aside aside;
    if (!tb_aside_take(body, arena, &aside)) {
        (void)snprintf(why, why_size, "out of memory");
        return false;
    }
    if (tb_dom_parse(aside.rest, 0, &dom, NULL) != TB_OK) {
        (void)snprintf(why, why_size, "not JSON");
        return false;
    }
    bool ok = read_all(dom, &aside, n, dim, arena, vectors, why, why_size);
    int64_t used = tb_node_int(tb_node_path(tb_dom_root(dom), "usage.prompt_tokens"), 0);
    *tokens = used > 0 ? (uint64_t)used : 0;
    tb_dom_free(dom);
    return ok;
}
