/* cmocka with what it wants included first. */
#ifndef TB_TESTS_UNIT_INDEXER_CHECK_H
#define TB_TESTS_UNIT_INDEXER_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/str.h"

#define assert_str(actual, expected)                                                               \
    do {                                                                                           \
        tb_str got_ = (actual);                                                                    \
        const char *want_ = (expected);                                                            \
        if (!tb_str_eq_c(got_, want_)) {                                                           \
            fail_msg("got \"%.*s\", wanted \"%s\"", TB_ARG(got_), want_);                          \
        }                                                                                          \
    } while (0)

#endif
