#include "gateway/core/caller.h"

#include <ctype.h>
#include <strings.h>

#include "common/base/attr.h"

bool tb_token_valid(tb_str text)
{
    if (text.len != TB_TOKEN_LEN ||
        (!tb_str_starts(text, TB_TOKEN_PREFIX) && !tb_str_starts(text, TB_SESSION_PREFIX))) {
        return false;
    }
    for (size_t i = 4; i < text.len; i++) {
        if (!isxdigit((unsigned char)text.ptr[i])) {
            return false;
        }
    }
    return true;
}

tb_str tb_token_of_header(tb_str authorization)
{
    static const char scheme[] = "Bearer ";
    size_t n = sizeof scheme - 1;
    if (authorization.len <= n || strncasecmp(authorization.ptr, scheme, n) != 0) {
        return TB_STR_NULL;
    }
    tb_str token = {authorization.ptr + n, authorization.len - n};
    return tb_token_valid(token) ? token : TB_STR_NULL;
}

static const struct {
    const char *name;
    unsigned scope;
} scopes[] = {{"read", TB_SCOPE_READ}, {"write", TB_SCOPE_WRITE}, {"admin", TB_SCOPE_ADMIN}};

unsigned tb_scope_parse(tb_str name)
{
    for (size_t i = 0; i < TB_COUNT(scopes); i++) {
        if (tb_str_eq_c(name, scopes[i].name)) {
            return scopes[i].scope;
        }
    }
    return 0;
}

const char *tb_scope_name(unsigned scope)
{
    for (size_t i = 0; i < TB_COUNT(scopes); i++) {
        if (scope == scopes[i].scope) {
            return scopes[i].name;
        }
    }
    return "";
}

bool tb_caller_may(const struct tb_caller *caller, unsigned scope)
{
    return caller->scopes >= scope; /* the highest bit of the set reaches as far as the one asked */
}

bool tb_caller_may_touch(const struct tb_caller *caller, tb_str workflow_id)
{
    return caller->workflows.n == 0 || tb_strs_has(caller->workflows, workflow_id);
}

tb_str tb_caller_actor(const struct tb_caller *caller, tb_str given)
{
    if (tb_str_is_null(caller->agent)) {
        return tb_str_is_null(given) ? caller->name : given;
    }
    return tb_str_is_null(given) || tb_str_eq(given, caller->agent) ? caller->agent : TB_STR_NULL;
}
