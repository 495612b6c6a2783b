/* The table of commands holds together. */
#include "producer/ctl/docs.h"
#include "producer/ctl/table.h"
#include "tests/unit/ctl/kit.h"

static void names_and_letters_are_unique(void **state)
{
    for (size_t c = 0; c < ctl_ncommands; c++) {
        const struct ctl_option *o;
        size_t n;
        assert_true(ctl_command_options(&ctl_commands[c], *state, &o, &n));
        for (size_t i = 0; i < n; i++) {
            assert_true(o[i].doc && o[i].doc[0]);
            for (size_t k = 0; k < i; k++) {
                bool same = strcmp(o[i].name, o[k].name) == 0 ||
                            (o[i].letter && o[i].letter == o[k].letter) ||
                            (o[i].alias && strcmp(o[i].alias, o[k].name) == 0);
                if (same) {
                    fail_msg("ticketctl %s: --%s and --%s", ctl_commands[c].name, o[i].name,
                             o[k].name);
                }
            }
        }
    }
}

static void commands_are_unique_and_in_a_group(void **state)
{
    (void)state;
    for (size_t c = 0; c < ctl_ncommands; c++) {
        bool known = false;
        for (size_t g = 0; ctl_docs_group(g); g++) {
            known = known || strcmp(ctl_docs_group(g), ctl_commands[c].group) == 0;
        }
        assert_true(known);
        assert_non_null(ctl_commands[c].run);
        for (size_t k = 0; k < c; k++) {
            assert_string_not_equal(ctl_commands[c].name, ctl_commands[k].name);
        }
    }
}

/* Every command of the bus that a user may send can be sent, and the fields that arguments stand
 * for exist. */
static void every_ticket_command_is_there(void **state)
{
    (void)state;
    for (int kind = 0; kind < TB_CMD_COUNT_; kind++) {
        bool found =
            tb_command_types[kind].internal || kind == TB_CMD_IMPORT || kind == TB_CMD_BOARD_PUT;
        for (size_t c = 0; c < ctl_ncommands; c++) {
            found = found || (int)ctl_commands[c].kind == kind;
        }
        if (!found) {
            fail_msg("no command sends %s", tb_command_types[kind].name);
        }
    }
    for (size_t c = 0; c < ctl_ncommands; c++) {
        for (size_t f = 0; f < 2 && ctl_commands[c].fields[f]; f++) {
            const struct tb_record *r = tb_command_types[ctl_commands[c].kind].record;
            assert_true(tb_record_find(r, tb_str_of(ctl_commands[c].fields[f])) >= 0);
        }
    }
}

static void update_offers_the_fields_inside_updates(void **state)
{
    const struct ctl_option *o = NULL;
    size_t n = 0;
    bool priority = false;
    bool comment = false;
    for (size_t c = 0; c < ctl_ncommands; c++) {
        if (ctl_commands[c].kind == TB_CMD_UPDATE) {
            assert_true(ctl_command_options(&ctl_commands[c], *state, &o, &n));
        }
    }
    for (size_t i = 0; i < n; i++) {
        priority = priority || (strcmp(o[i].name, "priority") == 0 && o[i].in_updates);
        comment = comment || (strcmp(o[i].name, "update-comment") == 0 && !o[i].in_updates);
        assert_string_not_equal(o[i].name, "updates");
    }
    assert_true(priority);
    assert_true(comment);
}

static void man_pages_escape_what_roff_would_read(void **state)
{
    tb_buf out;
    tb_buf_init(&out, (size_t)10 * 1000 * 1000);
    for (size_t c = 0; c < ctl_ncommands; c++) {
        ctl_docs_man_command(&ctl_commands[c], *state, &out);
    }
    assert_false(out.failed);
    assert_non_null(strstr(out.ptr, "\\-\\-expected\\-version"));
    assert_null(strstr(out.ptr, " --"));
    tb_buf_dispose(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ARENA(names_and_letters_are_unique),
        WITH_ARENA(commands_are_unique_and_in_a_group),
        WITH_ARENA(every_ticket_command_is_there),
        WITH_ARENA(update_offers_the_fields_inside_updates),
        WITH_ARENA(man_pages_escape_what_roff_would_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
