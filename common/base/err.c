#include "common/base/err.h"

#include <stdarg.h>
#include <stdio.h>

static void fill(struct tb_error *err, enum tb_rc rc, const char *field, const char *fmt,
                 va_list args) __attribute__((format(printf, 4, 0)));

static void fill(struct tb_error *err, enum tb_rc rc, const char *field, const char *fmt,
                 va_list args)
{
    if (!err) {
        return;
    }
    err->rc = rc;
    err->code[0] = '\0';
    (void)snprintf(err->field, sizeof err->field, "%s", field);
    (void)vsnprintf(err->text, sizeof err->text, fmt, args);
}

enum tb_rc tb_fail(struct tb_error *err, enum tb_rc rc, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, rc, "", fmt, args);
    va_end(args);
    return rc;
}

enum tb_rc tb_fail_field(struct tb_error *err, enum tb_rc rc, const char *field, const char *fmt,
                         ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, rc, field, fmt, args);
    va_end(args);
    return rc;
}

const char *tb_rc_name(enum tb_rc rc)
{
    switch (rc) {
    case TB_OK:
        return "ok";
    case TB_ENOMEM:
        return "out_of_memory";
    case TB_ELIMIT:
        return "limit";
    case TB_EINVAL:
        return "invalid";
    case TB_ENOTFOUND:
        return "not_found";
    case TB_ECONFLICT:
        return "conflict";
    case TB_ERETRY:
        return "retry";
    case TB_EUNAVAILABLE:
        return "unavailable";
    case TB_EUNKNOWN:
        return "unknown_outcome";
    case TB_EDATA:
        return "data_refused";
    case TB_EFATAL:
        return "fatal";
    }
    return "?";
}
