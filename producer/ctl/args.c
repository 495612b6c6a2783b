#include "producer/ctl/args.h"

#include <stdio.h>
#include <string.h>

struct parse {
    struct tb_arena *arena;
    struct ctl_args *out;
    struct ctl_value *values;
    tb_str *args;
    struct tb_error *err;
};

static const struct ctl_command *find(const char *first, const char *second, bool *ret_two)
{
    const struct ctl_command *found = NULL;
    for (size_t i = 0; i < ctl_ncommands; i++) {
        const char *blank = strchr(ctl_commands[i].name, ' ');
        size_t len = blank ? (size_t)(blank - ctl_commands[i].name) : strlen(ctl_commands[i].name);
        if (strlen(first) != len || memcmp(ctl_commands[i].name, first, len) != 0) {
            continue;
        }
        if (blank && second && strcmp(blank + 1, second) == 0) {
            *ret_two = true;
            return &ctl_commands[i];
        }
        if (!blank) {
            *ret_two = false;
            found = &ctl_commands[i];
        }
    }
    return found;
}

static enum tb_rc unknown_command(const char *first, const char *second, struct tb_error *err)
{
    char subs[200] = "";
    size_t len = strlen(first);
    for (size_t i = 0; i < ctl_ncommands; i++) {
        const char *name = ctl_commands[i].name;
        if (strncmp(name, first, len) == 0 && name[len] == ' ') {
            size_t used = strlen(subs);
            (void)snprintf(subs + used, sizeof subs - used, "%s%s", used ? ", " : "",
                           name + len + 1);
        }
    }
    if (subs[0]) {
        return tb_fail(err, TB_EINVAL, "%s%s%s: after %s comes one of: %s", first,
                       second ? " " : "", second ? second : "", first, subs);
    }
    return tb_fail(err, TB_EINVAL, "there is no command \"%s\"; ticketctl --help lists them",
                   first);
}

/* Exact names first, then unambiguous beginnings. */
static const struct ctl_option *find_long(const struct parse *p, const char *name, size_t len,
                                          bool *ret_ambiguous)
{
    const struct ctl_option *found = NULL;
    *ret_ambiguous = false;
    for (size_t i = 0; i < p->out->noptions; i++) {
        const struct ctl_option *o = &p->out->options[i];
        const char *names[] = {o->name, o->alias};
        for (size_t k = 0; k < 2; k++) {
            if (!names[k] || strncmp(names[k], name, len) != 0) {
                continue;
            }
            if (names[k][len] == 0) {
                *ret_ambiguous = false;
                return o;
            }
            *ret_ambiguous = *ret_ambiguous || (found && found != o);
            found = o;
        }
    }
    return found;
}

static const struct ctl_option *find_letter(const struct parse *p, char letter)
{
    for (size_t i = 0; i < p->out->noptions; i++) {
        if (p->out->options[i].letter == letter) {
            return &p->out->options[i];
        }
    }
    return NULL;
}

static enum tb_rc check_value(const struct ctl_option *o, tb_str text, struct tb_error *err)
{
    if (!o->choices) {
        return TB_OK;
    }
    char all[300] = "";
    for (size_t i = 0; o->choices[i]; i++) {
        if (tb_str_eq_c(text, o->choices[i])) {
            return TB_OK;
        }
        size_t used = strlen(all);
        (void)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", o->choices[i]);
    }
    return tb_fail_field(err, TB_EINVAL, o->name, "--%s is one of: %s", o->name, all);
}

static enum tb_rc add_value(struct parse *p, const struct ctl_option *o, const char *text)
{
    tb_str value = tb_str_of(text);
    p->values[p->out->nvalues++] = (struct ctl_value){.option = o, .text = value};
    return o->value ? check_value(o, value, p->err) : TB_OK;
}

/* --name, --name=value, --name value. Sets *used to the number of words taken. */
static enum tb_rc parse_long(struct parse *p, char *const *argv, int left, int *used)
{
    const char *word = argv[0] + 2;
    const char *equal = strchr(word, '=');
    size_t len = equal ? (size_t)(equal - word) : strlen(word);
    bool ambiguous;
    const struct ctl_option *o = find_long(p, word, len, &ambiguous);
    *used = 1;
    if (!o || ambiguous) {
        return tb_fail(p->err, TB_EINVAL, "%s option --%.*s of ticketctl %s",
                       o ? "ambiguous" : "unknown", (int)len, word, p->out->command->name);
    }
    if (!o->value) {
        return equal ? tb_fail_field(p->err, TB_EINVAL, o->name, "--%s takes no value", o->name)
                     : add_value(p, o, "");
    }
    if (equal) {
        return add_value(p, o, equal + 1);
    }
    if (left < 2) {
        return tb_fail_field(p->err, TB_EINVAL, o->name, "--%s needs a value: %s", o->name,
                             o->value);
    }
    *used = 2;
    return add_value(p, o, argv[1]);
}

/* -x, -xVALUE, -x VALUE, flags together: -xy. */
static enum tb_rc parse_letters(struct parse *p, char *const *argv, int left, int *used)
{
    *used = 1;
    for (const char *c = argv[0] + 1; *c; c++) {
        const struct ctl_option *o = find_letter(p, *c);
        if (!o) {
            return tb_fail(p->err, TB_EINVAL, "unknown option -%c of ticketctl %s", *c,
                           p->out->command->name);
        }
        if (!o->value) {
            enum tb_rc rc = add_value(p, o, "");
            if (rc != TB_OK) {
                return rc;
            }
            continue;
        }
        if (c[1]) {
            return add_value(p, o, c + 1);
        }
        if (left < 2) {
            return tb_fail_field(p->err, TB_EINVAL, o->name, "-%c needs a value: %s", *c, o->value);
        }
        *used = 2;
        return add_value(p, o, argv[1]);
    }
    return TB_OK;
}

static enum tb_rc check_counts(const struct parse *p)
{
    const struct ctl_args *a = p->out;
    for (size_t i = 0; i < a->nvalues; i++) {
        for (size_t k = 0; k < i; k++) {
            const struct ctl_option *o = a->values[i].option;
            if (o == a->values[k].option && o->value && !o->repeat) {
                return tb_fail_field(p->err, TB_EINVAL, o->name, "--%s is given twice", o->name);
            }
        }
    }
    const struct ctl_command *c = a->command;
    if (ctl_flag(a, "help")) {
        return TB_OK;
    }
    if ((int)a->nargs < c->min_args) {
        return tb_fail(p->err, TB_EINVAL, "ticketctl %s needs: %s", c->name, c->args);
    }
    if (c->max_args != CTL_MANY && (int)a->nargs > c->max_args) {
        return tb_fail(p->err, TB_EINVAL, "ticketctl %s: too many arguments, from \"%.*s\" on",
                       c->name, TB_ARG(a->args[c->max_args]));
    }
    return TB_OK;
}

enum tb_rc ctl_args_parse(int argc, char *const *argv, struct tb_arena *arena, struct ctl_args *ret,
                          struct tb_error *err)
{
    *ret = (struct ctl_args){0};
    if (argc == 0) {
        return tb_fail(err, TB_EINVAL, "which command? ticketctl --help lists them");
    }
    bool two = false;
    ret->command = find(argv[0], argc > 1 ? argv[1] : NULL, &two);
    if (!ret->command) {
        return unknown_command(argv[0], argc > 1 ? argv[1] : NULL, err);
    }
    struct parse p = {.arena = arena, .out = ret, .err = err};
    size_t room = 0; /* a word of letters may hold as many flags as characters */
    for (int i = 0; i < argc; i++) {
        room += strlen(argv[i]) + 1;
    }
    p.values = TB_NEW_N(arena, struct ctl_value, room);
    p.args = TB_NEW_N(arena, tb_str, (size_t)argc);
    if (!p.values || !p.args ||
        !ctl_command_options(ret->command, arena, &ret->options, &ret->noptions)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    ret->values = p.values;
    ret->args = p.args;
    bool ended = false;
    for (int i = two ? 2 : 1; i < argc;) {
        const char *word = argv[i];
        int used = 1;
        enum tb_rc rc = TB_OK;
        if (!ended && strcmp(word, "--") == 0) {
            ended = true;
        } else if (!ended && strncmp(word, "--", 2) == 0) {
            rc = parse_long(&p, argv + i, argc - i, &used);
        } else if (!ended && word[0] == '-' && word[1]) {
            rc = parse_letters(&p, argv + i, argc - i, &used);
        } else {
            p.args[ret->nargs++] = tb_str_of(word);
        }
        if (rc != TB_OK) {
            return rc;
        }
        i += used;
    }
    return check_counts(&p);
}

tb_str ctl_opt(const struct ctl_args *args, const char *name)
{
    for (size_t i = args->nvalues; i > 0; i--) {
        if (strcmp(args->values[i - 1].option->name, name) == 0) {
            return args->values[i - 1].text;
        }
    }
    return TB_STR_NULL;
}

bool ctl_flag(const struct ctl_args *args, const char *name)
{
    return !tb_str_is_null(ctl_opt(args, name));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

tb_strs ctl_split(tb_str text, struct tb_arena *arena)
{
    size_t commas = 0;
    for (size_t i = 0; i < text.len; i++) {
        commas += text.ptr[i] == ',';
    }
    tb_str *items = TB_NEW_N(arena, tb_str, commas + 1);
    size_t n = 0;
    for (size_t start = 0; items && start <= text.len;) {
        size_t end = start;
        while (end < text.len && text.ptr[end] != ',') {
            end++;
        }
        tb_str item = {text.ptr + start, end - start};
        while (item.len && is_blank(item.ptr[0])) {
            item.ptr++;
            item.len--;
        }
        while (item.len && is_blank(item.ptr[item.len - 1])) {
            item.len--;
        }
        if (item.len) {
            items[n++] = item;
        }
        start = end + 1;
    }
    return (tb_strs){items, n};
}

tb_strs ctl_opt_list(const struct ctl_args *args, const char *name, struct tb_arena *arena)
{
    tb_strs all = {NULL, 0};
    for (size_t i = 0; i < args->nvalues; i++) {
        if (strcmp(args->values[i].option->name, name) != 0) {
            continue;
        }
        tb_strs more = ctl_split(args->values[i].text, arena);
        tb_str *items = TB_NEW_N(arena, tb_str, all.n + more.n);
        if (!items) {
            return (tb_strs){NULL, 0};
        }
        for (size_t k = 0; k < all.n + more.n; k++) {
            items[k] = k < all.n ? all.items[k] : more.items[k - all.n];
        }
        all = (tb_strs){items, all.n + more.n};
    }
    return all;
}

bool ctl_parse_int(tb_str text, int64_t *ret)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    size_t i = negative ? 1 : 0;
    int64_t value = 0;
    if (i >= text.len || text.len - i > 18) {
        return false;
    }
    for (; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        value = value * 10 + (text.ptr[i] - '0');
    }
    *ret = negative ? -value : value;
    return true;
}

enum tb_rc ctl_opt_int(const struct ctl_args *args, const char *name, int64_t min, int64_t max,
                       int64_t def, int64_t *ret, struct tb_error *err)
{
    tb_str text = ctl_opt(args, name);
    if (tb_str_is_null(text)) {
        *ret = def;
        return TB_OK;
    }
    if (!ctl_parse_int(text, ret) || *ret < min || *ret > max) {
        return tb_fail_field(err, TB_EINVAL, name, "--%s is a number from %lld to %lld", name,
                             (long long)min, (long long)max);
    }
    return TB_OK;
}
