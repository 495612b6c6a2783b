#include <stdarg.h>
#include <stdio.h>

#include "common/base/log.h"
#include "producer/lib/internal.h"

/* The public codes are ours under another name. */
#define SAME(name) _Static_assert((int)TB_##name == (int)TICKETBUS_##name, "codes differ: " #name)
SAME(OK);
SAME(ENOMEM);
SAME(ELIMIT);
SAME(EINVAL);
SAME(ENOTFOUND);
SAME(ECONFLICT);
SAME(ERETRY);
SAME(EUNAVAILABLE);
SAME(EUNKNOWN);
SAME(EDATA);
SAME(EFATAL);

const char *ticketbus_version(void)
{
    return TB_VERSION;
}

void ticketbus_log_warnings(bool on)
{
    tb_log_init("ticketbus", on ? TB_LOG_WARN : TB_LOG_ERROR, false);
}

const char *ticketbus_rc_name(enum ticketbus_rc rc)
{
    return tb_rc_name((enum tb_rc)rc);
}

__attribute__((format(printf, 5, 0))) static void fill(struct ticketbus_error *err,
                                                       enum ticketbus_rc rc, const char *field,
                                                       const char *code, const char *fmt,
                                                       va_list args)
{
    if (!err) {
        return;
    }
    err->rc = rc;
    (void)snprintf(err->field, sizeof err->field, "%s", field ? field : "");
    (void)snprintf(err->code, sizeof err->code, "%s", code ? code : "");
    (void)vsnprintf(err->text, sizeof err->text, fmt, args);
}

enum ticketbus_rc tb_lib_fail(struct ticketbus_error *err, enum ticketbus_rc rc, const char *fmt,
                              ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, rc, NULL, NULL, fmt, args);
    va_end(args);
    return rc;
}

enum ticketbus_rc tb_lib_fail_with(struct ticketbus_error *err, enum ticketbus_rc rc,
                                   const char *field, const char *code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, rc, field, code, fmt, args);
    va_end(args);
    return rc;
}

enum ticketbus_rc tb_lib_fail_from(struct ticketbus_error *err, const struct tb_error *from)
{
    return tb_lib_fail_with(err, (enum ticketbus_rc)from->rc, from->field, from->code, "%s",
                            from->text);
}

enum ticketbus_rc tb_lib_no_memory(struct ticketbus_error *err)
{
    return tb_lib_fail(err, TICKETBUS_ENOMEM, "out of memory");
}
