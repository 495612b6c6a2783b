/* What is typed, against the table of commands. */
#include "producer/ctl/args.h"
#include "tests/unit/ctl/kit.h"

#define PARSE(args, ...) parse(*state, (args), (const char *[]){__VA_ARGS__, NULL})

static struct tb_error g_err;

static enum tb_rc parse(struct tb_arena *arena, struct ctl_args *ret, const char *const *words)
{
    char *argv[32];
    int n = 0;
    for (; words[n]; n++) {
        size_t size = strlen(words[n]) + 1;
        argv[n] = tb_arena_alloc(arena, size);
        assert_non_null(argv[n]);
        memcpy(argv[n], words[n], size);
    }
    memset(&g_err, 0, sizeof g_err);
    return ctl_args_parse(n, argv, arena, ret, &g_err);
}

static void finds_the_longest_name(void **state)
{
    struct ctl_args a;
    assert_int_equal(PARSE(&a, "board", "put", "x.json"), TB_OK);
    assert_string_equal(a.command->name, "board put");
    assert_int_equal(a.nargs, 1);
    assert_int_equal(PARSE(&a, "board", "shop"), TB_OK);
    assert_string_equal(a.command->name, "board");
    assert_str(a.args[0], "shop");
}

static void tells_what_is_not_there(void **state)
{
    struct ctl_args a;
    assert_int_equal(PARSE(&a, "creat", "x"), TB_EINVAL);
    assert_non_null(strstr(g_err.text, "\"creat\""));
    assert_int_equal(PARSE(&a, "migrate", "sideways"), TB_EINVAL);
    assert_non_null(strstr(g_err.text, "up, down, status"));
    assert_int_equal(PARSE(&a, "list", "--redy"), TB_EINVAL);
    assert_non_null(strstr(g_err.text, "--redy"));
}

static void takes_values_in_every_spelling(void **state)
{
    struct ctl_args a;
    assert_int_equal(PARSE(&a, "list", "--workflow=shop", "-s", "open", "-pP1", "--json"), TB_OK);
    assert_str(ctl_opt(&a, "workflow"), "shop");
    assert_str(ctl_opt(&a, "status"), "open");
    assert_str(ctl_opt(&a, "priority"), "P1");
    assert_true(ctl_flag(&a, "json"));
    assert_false(ctl_flag(&a, "ready"));
    assert_int_equal(PARSE(&a, "list", "-rj"), TB_OK);
    assert_true(ctl_flag(&a, "ready"));
    assert_true(ctl_flag(&a, "json"));
}

static void takes_aliases_and_clear_beginnings(void **state)
{
    struct ctl_args a;
    assert_int_equal(PARSE(&a, "create", "T", "--workflow", "w", "--desc=long", "--type", "bug"),
                     TB_OK);
    assert_str(ctl_opt(&a, "workflow-id"), "w");
    assert_str(ctl_opt(&a, "description"), "long");
    assert_str(ctl_opt(&a, "ticket-type"), "bug");
    /* --related-task-ids and --related-ticket-ids both begin so. */
    assert_int_equal(PARSE(&a, "create", "T", "--related-t", "x"), TB_EINVAL);
    assert_non_null(strstr(g_err.text, "ambiguous"));
    /* An exact name wins over one that it begins. */
    assert_int_equal(PARSE(&a, "create", "T", "--related", "x"), TB_OK);
}

static void options_end_at_two_dashes(void **state)
{
    struct ctl_args a;
    assert_int_equal(PARSE(&a, "search", "--", "--json", "-x"), TB_OK);
    assert_int_equal(a.nargs, 2);
    assert_str(a.args[0], "--json");
    assert_int_equal(PARSE(&a, "board", "put", "-"), TB_OK);
    assert_str(a.args[0], "-");
}

static void checks_numbers_of_arguments(void **state)
{
    struct ctl_args a;
    assert_int_equal(PARSE(&a, "status", "ticket"), TB_EINVAL);
    assert_non_null(strstr(g_err.text, "TICKET STATUS"));
    assert_int_equal(PARSE(&a, "show", "a", "b"), TB_EINVAL);
    assert_non_null(strstr(g_err.text, "\"b\""));
    assert_int_equal(PARSE(&a, "status", "--help"), TB_OK);
    assert_int_equal(PARSE(&a, "block", "a", "b", "c", "d"), TB_OK);
    assert_int_equal(a.nargs, 4);
}

static void refuses_wrong_values(void **state)
{
    struct ctl_args a;
    int64_t n;
    assert_int_equal(PARSE(&a, "list", "--sort", "mood"), TB_EINVAL);
    assert_non_null(strstr(g_err.text, "created_at"));
    assert_int_equal(PARSE(&a, "list", "--workflow"), TB_EINVAL);
    assert_int_equal(PARSE(&a, "list", "--ready=yes"), TB_EINVAL);
    assert_int_equal(PARSE(&a, "list", "-w", "a", "-w", "b"), TB_EINVAL);
    assert_int_equal(PARSE(&a, "list", "--limit", "12x"), TB_OK);
    assert_int_equal(ctl_opt_int(&a, "limit", 1, 100, 50, &n, &g_err), TB_EINVAL);
    assert_int_equal(PARSE(&a, "list", "--limit", "101"), TB_OK);
    assert_int_equal(ctl_opt_int(&a, "limit", 1, 100, 50, &n, &g_err), TB_EINVAL);
    assert_int_equal(PARSE(&a, "list"), TB_OK);
    assert_int_equal(ctl_opt_int(&a, "limit", 1, 100, 50, &n, &g_err), TB_OK);
    assert_int_equal(n, 50);
}

static void lists_are_repeated_or_comma_separated(void **state)
{
    struct ctl_args a;
    assert_int_equal(PARSE(&a, "list", "--tag", "a, b,,", "--tag=c d"), TB_OK);
    tb_strs tags = ctl_opt_list(&a, "tag", *state);
    assert_int_equal(tags.n, 3);
    assert_str(tags.items[1], "b");
    assert_str(tags.items[2], "c d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ARENA(finds_the_longest_name),
        WITH_ARENA(tells_what_is_not_there),
        WITH_ARENA(takes_values_in_every_spelling),
        WITH_ARENA(takes_aliases_and_clear_beginnings),
        WITH_ARENA(options_end_at_two_dashes),
        WITH_ARENA(checks_numbers_of_arguments),
        WITH_ARENA(refuses_wrong_values),
        WITH_ARENA(lists_are_repeated_or_comma_separated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
