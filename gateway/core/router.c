/* From method and path to the row of the table. */
#include <stdint.h>
#include <stdio.h>

#include "common/base/attr.h"
#include "gateway/core/operations.h"

static tb_str segment(tb_str *rest)
{
    size_t n = 0;
    while (rest->ptr && n < rest->len && rest->ptr[n] != '/') {
        n++;
    }
    tb_str s = {rest->ptr, n};
    size_t step = n < rest->len ? n + 1 : n;
    *rest = (tb_str){rest->ptr + step, rest->len - step};
    return s;
}

bool tb_route_match(const char *pattern, tb_str path, struct tb_route *ret)
{
    tb_str want = tb_str_of(pattern);
    if (path.len == 0 || path.ptr[0] != '/') {
        return false;
    }
    if (path.ptr[path.len - 1] == '/') {
        return tb_str_eq(path, want);
    }
    want = (tb_str){want.ptr + 1, want.len - 1};
    path = (tb_str){path.ptr + 1, path.len - 1};
    ret->nparams = 0;
    while (want.len > 0 && path.len > 0) {
        tb_str w = segment(&want);
        tb_str p = segment(&path);
        if (w.len > 2 && w.ptr[0] == '{') {
            if (p.len == 0 || ret->nparams == TB_PATH_PARAMS_MAX) {
                return false;
            }
            ret->params[ret->nparams].name = (tb_str){w.ptr + 1, w.len - 2};
            ret->params[ret->nparams++].value = p;
        } else if (!tb_str_eq(w, p)) {
            return false;
        }
    }
    return want.len == 0 && path.len == 0;
}

static size_t placeholders(const char *pattern)
{
    size_t n = 0;
    for (; *pattern; pattern++) {
        n += *pattern == '{';
    }
    return n;
}

void tb_allow_add(char allow[TB_ALLOW_MAX], const char *method)
{
    size_t len = strlen(allow);
    if (!strstr(allow, method)) { /* no method is part of another's name */
        (void)snprintf(allow + len, TB_ALLOW_MAX - len, "%s%s%s", len ? ", " : "", method,
                       strcmp(method, "GET") == 0 ? ", HEAD" : "");
    }
}

struct tb_route tb_route_find(const char *method, tb_str path)
{
    struct tb_route found = {0};
    size_t fewest = SIZE_MAX;
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    for (size_t i = 0; i < TB_OP_COUNT_; i++) {
        const struct tb_operation *op = &tb_operations[i];
        struct tb_route route = {0};
        size_t n = placeholders(op->path);
        /* "/tickets/get" is a path of its own and no ticket. */
        if (n > fewest || !tb_route_match(op->path, path, &route)) {
            continue;
        }
        if (n < fewest) {
            found = (struct tb_route){0};
            fewest = n;
        }
        tb_allow_add(found.allow, op->method);
        if (strcmp(op->method, wanted) == 0) {
            memcpy(route.allow, found.allow, sizeof route.allow);
            route.op = op;
            found = route;
        }
    }
    return found;
}
