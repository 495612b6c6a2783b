/* Tables, boards and texts on a terminal and off it. */
#include <locale.h>

#include "common/base/clock.h"
#include "producer/ctl/grid.h"
#include "producer/ctl/kanban.h"
#include "producer/ctl/progress.h"
#include "tests/unit/ctl/kit.h"

static const struct ctl_term plain = {.width = 0};
static const struct ctl_term narrow = {.tty = true, .width = 40};

static void texts_are_measured_and_cut(void **state)
{
    (void)state;
    tb_buf out;
    tb_buf_init(&out, 1000);
    assert_int_equal(ctl_text_width(TB_LIT("plain")), 5);
    assert_int_equal(ctl_text_width(TB_LIT("na\xc3\xafve")), 5);
    assert_int_equal(ctl_text_width(TB_LIT("\xe6\xbc\xa2\xe5\xad\x97")), 4); /* two wide ones */
    assert_int_equal(ctl_text_add(&out, TB_LIT("abcdefgh"), 5), 5);
    assert_str(tb_buf_str(&out), "abcd\xe2\x80\xa6");
    tb_buf_clear(&out);
    (void)ctl_text_add(&out, TB_LIT("abcde"), 5);
    assert_str(tb_buf_str(&out), "abcde");
    tb_buf_dispose(&out);
}

/* A title must not move the cursor or turn the text around. */
static void control_characters_do_not_reach_the_terminal(void **state)
{
    (void)state;
    tb_buf out;
    tb_buf_init(&out, 1000);
    (void)ctl_text_add(&out,
                       TB_LIT("a\033[2Jb\nc\x7f"
                              "d\xc2\x9b"
                              "e\xe2\x80\xae"
                              "f"),
                       0);
    assert_str(tb_buf_str(&out), "a [2Jb c d e f");
    tb_buf_dispose(&out);
}

/* The words that were searched for stand out, and are on the line. */
static void marked_places_stand_out(void **state)
{
    (void)state;
    static const struct ctl_term colors = {.tty = true, .color = true, .width = 40};
    static const struct tb_mark two[] = {{4, 7}, {12, 15}};
    static const struct tb_mark far[] = {{42, 47}};
    tb_str text = TB_LIT("one two one three and the end");
    tb_buf out;
    tb_buf_init(&out, 1000);
    ctl_text_marked(&out, &colors, text, two, 2, 0);
    assert_str(tb_buf_str(&out), "one \033[33mtwo\033[0m one \033[33mthr\033[0mee and the end");
    tb_buf_clear(&out);
    ctl_text_marked(&out, &colors, text, two, 2, 8); /* cut within a mark: no escape is left open */
    assert_str(tb_buf_str(&out), "one \033[33mtwo\033[0m…");
    tb_buf_clear(&out);
    ctl_text_marked(&out, &colors, text, two, 2, 6);
    assert_str(tb_buf_str(&out), "…\033[33mtwo\033[0m …");
    tb_buf_clear(&out);
    ctl_text_marked(&out, &plain, TB_LIT("a text whose beginning says nothing about words at all"),
                    far, 1, 16);
    assert_str(tb_buf_str(&out), "…about words at…");
    tb_buf_clear(&out);
    ctl_text_marked(&out, &plain, text, NULL, 0, 10);
    assert_str(tb_buf_str(&out), "one two o…");
    tb_buf_dispose(&out);
}

static void long_lines_are_wrapped_at_words(void **state)
{
    (void)state;
    tb_buf out;
    tb_buf_init(&out, 1000);
    ctl_text_wrap(&out, TB_LIT("one two three four five six\n\nend"), 24, "  ");
    assert_str(tb_buf_str(&out), "  one two three four\n  five six\n\n  end\n");
    tb_buf_clear(&out);
    ctl_text_wrap(&out, TB_LIT("nowrap at all"), 0, "> ");
    assert_str(tb_buf_str(&out), "> nowrap at all\n");
    tb_buf_dispose(&out);
}

static void tables_line_up(void **state)
{
    static const char *const heads[] = {"A", "LONG", "C", NULL};
    struct ctl_grid grid;
    tb_buf out;
    tb_buf_init(&out, 1000);
    ctl_grid_init(&grid, *state, heads);
    ctl_grid_add(&grid, TB_LIT("first"), CTL_RED);
    ctl_grid_add_int(&grid, 7);
    ctl_grid_add(&grid, TB_STR_NULL, CTL_PLAIN);
    ctl_grid_add(&grid, TB_LIT("x"), CTL_PLAIN);
    ctl_grid_add_time(&grid, TB_TIME_NONE);
    ctl_grid_add(&grid, TB_LIT("last"), CTL_PLAIN);
    ctl_grid_render(&grid, &plain, &out);
    assert_str(tb_buf_str(&out), "A      LONG  C\n"
                                 "first  7     -\n"
                                 "x      -     last\n");
    tb_buf_dispose(&out);
}

static void tables_fit_the_terminal(void **state)
{
    static const char *const heads[] = {"ID", "TITLE", NULL};
    struct ctl_grid grid;
    tb_buf out;
    tb_buf_init(&out, 1000);
    ctl_grid_init(&grid, *state, heads);
    ctl_grid_add(&grid, TB_LIT("abc"), CTL_PLAIN);
    ctl_grid_add(&grid, TB_LIT("a title of more than forty columns is cut to fit"), CTL_PLAIN);
    ctl_grid_render(&grid, &narrow, &out);
    for (tb_str rest = tb_buf_str(&out); rest.len;) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = (size_t)(end - rest.ptr);
        assert_true(ctl_text_width((tb_str){rest.ptr, len}) <= narrow.width);
        rest = (tb_str){end + 1, rest.len - len - 1};
    }
    assert_non_null(strstr(out.ptr, "\xe2\x80\xa6"));
    tb_buf_dispose(&out);
}

static const struct ctl_card cards[] = {
    {.id = {"t-1", 3}, .title = {"Sell things", 11}, .priority = {"high", 4}, .blocked = true},
    {.id = {"t-2", 3}, .title = {"Ship", 4}, .priority = {"low", 3}, .assignee = {"ada", 3}},
};
static const struct ctl_lane lanes[] = {
    {.name = {"To do", 5}, .count = 5, .cards = cards, .ncards = 1},
    {.name = {"Doing", 5}, .count = 1, .wip_limit = 3, .cards = cards + 1, .ncards = 1},
};

static void a_board_off_the_terminal_is_a_list(void **state)
{
    tb_buf out;
    tb_buf_init(&out, 4000);
    ctl_kanban_render(lanes, 2, &plain, *state, &out);
    assert_str(tb_buf_str(&out), "To do 5\n"
                                 "  t-1  high  [blocked] Sell things\n"
                                 "  ... 4 more\n"
                                 "Doing 1/3\n"
                                 "  t-2  low  Ship  @ada\n");
    tb_buf_dispose(&out);
}

static void a_board_stands_side_by_side_where_there_is_room(void **state)
{
    const struct ctl_term wide = {.tty = true, .width = 60};
    tb_buf out;
    tb_buf_init(&out, 4000);
    ctl_kanban_render(lanes, 2, &wide, *state, &out);
    assert_non_null(strstr(out.ptr, "To do 5                        Doing 1/3\n"));
    assert_non_null(strstr(out.ptr, "Sell things                    Ship\n"));
    tb_buf_clear(&out);
    ctl_kanban_render(lanes, 2, &narrow, *state, &out); /* one column at a time */
    const char *first = strstr(out.ptr, "To do 5\n");
    assert_non_null(first);
    assert_non_null(strstr(first, "Doing 1/3\n"));
    tb_buf_dispose(&out);
}

static void progress_tells_rate_and_time_left(void **state)
{
    (void)state;
    tb_buf out;
    tb_buf_init(&out, 1000);
    ctl_progress_line("importing", 500, 2000, 5000000, 40, &out);
    assert_str(tb_buf_str(&out), "importing 500/2000 25% 100/s 15s left");
    tb_buf_clear(&out);
    ctl_progress_line("sending", 2000, 2000, 2000000, 100, &out);
    assert_str(tb_buf_str(&out), "sending [##############################] 2000/2000 100% 1000/s");
    tb_buf_dispose(&out);
}

int main(void)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        WITH_ARENA(texts_are_measured_and_cut),
        WITH_ARENA(control_characters_do_not_reach_the_terminal),
        WITH_ARENA(marked_places_stand_out),
        WITH_ARENA(long_lines_are_wrapped_at_words),
        WITH_ARENA(tables_line_up),
        WITH_ARENA(tables_fit_the_terminal),
        WITH_ARENA(a_board_off_the_terminal_is_a_list),
        WITH_ARENA(a_board_stands_side_by_side_where_there_is_room),
        WITH_ARENA(progress_tells_rate_and_time_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
