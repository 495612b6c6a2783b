/* What every test of this folder includes. */
#ifndef TB_TESTS_CTL_KIT_H
#define TB_TESTS_CTL_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/str.h"

/* Compares a slice with a literal and shows both when they differ. */
#define assert_str(slice, literal)                                                                 \
    do {                                                                                           \
        tb_str got_ = (slice);                                                                     \
        char text_[4000];                                                                          \
        (void)snprintf(text_, sizeof text_, "%.*s", TB_ARG(got_));                                 \
        assert_non_null(got_.ptr);                                                                 \
        assert_string_equal(text_, literal);                                                       \
    } while (0)

static inline int arena_setup(void **state)
{
    *state = tb_arena_new(0);
    return *state ? 0 : -1;
}

static inline int arena_teardown(void **state)
{
    tb_arena_free(*state);
    return 0;
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, arena_setup, arena_teardown)

#endif
