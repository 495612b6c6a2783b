/* What was typed, checked against the table of commands. */
#ifndef TB_CTL_ARGS_H
#define TB_CTL_ARGS_H

#include <stdbool.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "producer/ctl/table.h"

struct ctl_value {
    const struct ctl_option *option;
    tb_str text; /* a flag: "" */
};

struct ctl_args {
    const struct ctl_command *command; /* NULL: none was named */
    const struct ctl_option *options;
    size_t noptions;
    const struct ctl_value *values; /* in the order typed */
    size_t nvalues;
    const tb_str *args; /* what is no option */
    size_t nargs;
};

/* Reads argv (without the program's name). The command is found by its longest name; options may
 * stand anywhere after it, may be shortened while they stay unambiguous, and end at "--".
 * TB_EINVAL with a sentence for the user; ret->command is set as soon as it is known. */
enum tb_rc ctl_args_parse(int argc, char *const *argv, struct tb_arena *arena, struct ctl_args *ret,
                          struct tb_error *err) TB_MUST_USE;

/* The last value given; null slice when the option is absent. */
tb_str ctl_opt(const struct ctl_args *args, const char *name);
bool ctl_flag(const struct ctl_args *args, const char *name);
/* All values of a repeatable option, comma-separated ones taken apart. */
tb_strs ctl_opt_list(const struct ctl_args *args, const char *name, struct tb_arena *arena);
/* A number in min..max, or def when absent. */
enum tb_rc ctl_opt_int(const struct ctl_args *args, const char *name, int64_t min, int64_t max,
                       int64_t def, int64_t *ret, struct tb_error *err) TB_MUST_USE;

/* Strict decimal number. */
bool ctl_parse_int(tb_str text, int64_t *ret);
/* Takes "a, b,c" apart, blanks around entries dropped, empty entries too. */
tb_strs ctl_split(tb_str text, struct tb_arena *arena);

#endif
