/* The one way to report failure.
 *
 * Fallible functions return enum tb_rc and fill an optional struct tb_error with a sentence for
 * people. Libraries never log: the shell that decides what to do logs once. A business rejection is
 * not an error but a value (see common/model/decision.h). */
#ifndef TB_BASE_ERR_H
#define TB_BASE_ERR_H

#include "common/base/attr.h"

enum tb_rc {
    TB_OK = 0,
    TB_ENOMEM,       /* out of memory */
    TB_ELIMIT,       /* a cap was reached */
    TB_EINVAL,       /* input is not valid; the error names the field */
    TB_ENOTFOUND,    /* the thing asked for is not there */
    TB_ECONFLICT,    /* lost a race or a fence; reload and try again */
    TB_ERETRY,       /* transient: the same call may succeed later */
    TB_EUNAVAILABLE, /* the other side is away: pause, back off, resume */
    TB_EUNKNOWN,     /* outcome unknown (connection lost while committing) */
    TB_EDATA,        /* the other side refused this very data */
    TB_EFATAL,       /* cannot go on */
};

#define TB_ERROR_TEXT_MAX 512

struct tb_error {
    enum tb_rc rc;
    char field[64]; /* offending field or setting, "" when none */
    char code[32];  /* SQLSTATE, HTTP status, Kafka error name, rejection; "" when none */
    char text[TB_ERROR_TEXT_MAX];
};

/* Fills err (may be NULL) and returns rc, so that `return tb_fail(err, TB_EINVAL, "...")` works. */
enum tb_rc tb_fail(struct tb_error *err, enum tb_rc rc, const char *fmt, ...) TB_PRINTF(3, 4);

/* The same with the name of the field at fault. */
enum tb_rc tb_fail_field(struct tb_error *err, enum tb_rc rc, const char *field, const char *fmt,
                         ...) TB_PRINTF(4, 5);

const char *tb_rc_name(enum tb_rc rc);

#endif
