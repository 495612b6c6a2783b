#include "common/json/path.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/base/utf8.h"

static size_t write_path(const struct tb_path *path, char *out, size_t size)
{
    if (!path) {
        out[0] = '\0';
        return 0;
    }
    size_t len = write_path(path->up, out, size);
    size_t room = size - len;
    int n;
    if (tb_str_is_null(path->name)) {
        n = snprintf(out + len, room, "[%zu]", path->index);
    } else {
        tb_str name = tb_utf8_prefix(path->name, room > 2 ? room - 2 : 0);
        n = snprintf(out + len, room, "%s%.*s", len ? "." : "", TB_ARG(name));
    }
    if (n < 0 || (size_t)n >= room) {
        out[len] = '\0';
        return len;
    }
    return len + (size_t)n;
}

enum tb_rc tb_path_fail(struct tb_error *err, const struct tb_path *path, const char *fmt, ...)
{
    if (!err) {
        return TB_EINVAL;
    }
    char text[TB_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    char field[sizeof err->field];
    (void)write_path(path, field, sizeof field);
    return tb_fail_field(err, TB_EINVAL, field, "%s", text);
}
