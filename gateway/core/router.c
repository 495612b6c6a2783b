/* From method and path to the row of the table. */
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

struct tb_route tb_route_find(const char *method, tb_str path)
{
    struct tb_route found = {0};
    const struct tb_operation *other = NULL;
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    for (size_t i = 0; i < TB_OP_COUNT_; i++) {
        const struct tb_operation *op = &tb_operations[i];
        struct tb_route route = {0};
        if (!tb_route_match(op->path, path, &route)) {
            continue;
        }
        /* "/tickets/get" is a path of its own and no ticket. */
        if (other && placeholders(other->path) < placeholders(op->path)) {
            continue;
        }
        if (!other || placeholders(other->path) > placeholders(op->path)) {
            found = (struct tb_route){.allow = op->method};
        } else {
            found.allow = "GET, PUT"; /* the only pair of methods of one path */
        }
        other = op;
        if (strcmp(op->method, wanted) == 0) {
            route.op = op;
            route.allow = found.allow;
            found = route;
        }
    }
    return found;
}
