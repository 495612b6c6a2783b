/* cmocka with what it needs included first. */
#ifndef TB_TESTS_BASE_UNIT_H
#define TB_TESTS_BASE_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/str.h"

/* Compares a slice with a C string. */
static inline void assert_text(tb_str s, const char *expected)
{
    if (!tb_str_eq_c(s, expected)) {
        fail_msg("\"%.*s\" is not \"%s\"", TB_ARG(s), expected);
    }
}

#endif
