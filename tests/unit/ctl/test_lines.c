/* JSONL into commands. */
#include "producer/ctl/bus.h"
#include "producer/ctl/lines.h"
#include "tests/unit/ctl/kit.h"

static struct tb_error g_err;

static enum tb_rc command(const char *line, struct ticketbus_command **ret)
{
    *ret = NULL;
    memset(&g_err, 0, sizeof g_err);
    return ctl_line_command(tb_str_of(line), ret, &g_err);
}

static void lines_are_counted_and_blank_ones_passed(void **state)
{
    (void)state;
    tb_str rest = TB_LIT("a\n\n  \t\r\n  b \r\nc");
    tb_str line;
    size_t number = 0;
    assert_true(ctl_next_line(&rest, &line, &number));
    assert_int_equal(number, 1);
    assert_true(ctl_next_line(&rest, &line, &number));
    assert_str(line, "b");
    assert_int_equal(number, 4);
    assert_true(ctl_next_line(&rest, &line, &number));
    assert_str(line, "c");
    assert_false(ctl_next_line(&rest, &line, &number));
}

static void the_short_form_is_enough(void **state)
{
    (void)state;
    struct ticketbus_command *cmd;
    assert_int_equal(command("{\"type\":\"ticket.create\","
                             "\"data\":{\"workflow_id\":\"w\",\"title\":\"T\"}}",
                             &cmd),
                     TB_OK);
    assert_string_equal(ticketbus_command_type(cmd), "ticket.create");
    assert_true(strncmp(ticketbus_command_subject(cmd), "ticket-", 7) == 0);
    ticketbus_command_free(cmd);
    assert_int_equal(command("{\"type\":\"ticket.unassign\",\"subject\":"
                             "\"ticket-019a0000-0000-7000-8000-000000000001\"}",
                             &cmd),
                     TB_OK);
    ticketbus_command_free(cmd);
}

static void a_whole_command_keeps_its_attributes(void **state)
{
    (void)state;
    struct ticketbus_command *cmd;
    struct ticketbus_error why;
    size_t len;
    assert_int_equal(
        command("{\"specversion\":\"1.0\",\"id\":\"c-1\",\"source\":\"/me\",\"actor\":\"ada\","
                "\"expectedversion\":4,\"datacontenttype\":\"application/json\",\"trace\":\"x\","
                "\"type\":\"ticket.comment\","
                "\"subject\":\"ticket-019a0000-0000-7000-8000-000000000001\","
                "\"data\":{\"comment_text\":\"hi\"}}",
                &cmd),
        TB_OK);
    assert_int_equal(ticketbus_command_seal(cmd, NULL, &why), TICKETBUS_OK);
    const char *json = ticketbus_command_json(cmd, &len);
    assert_non_null(strstr(json, "\"id\":\"c-1\""));
    assert_non_null(strstr(json, "\"trace\":\"x\""));
    assert_non_null(strstr(json, "expectedversion"));
    ticketbus_command_free(cmd);
}

static void what_is_no_command_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"nonsense", ""},
        {"[]", "type"},
        {"{\"subject\":\"x\"}", "type"},
        {"{\"type\":\"ticket.dance\",\"subject\":\"x\"}", "ticket.dance"},
        {"{\"type\":\"ticket.create\",\"data\":{\"workflow_id\":\"w\",\"title\":\"T\",\"colour\":1}"
         "}",
         "colour"},
        {"{\"type\":\"ticket.create\",\"actor\":[],\"data\":{}}", "actor"},
    };
    for (size_t i = 0; i < TB_COUNT(bad); i++) {
        struct ticketbus_command *cmd;
        enum tb_rc rc = command(bad[i][0], &cmd);
        struct ticketbus_error why = {0};
        if (rc == TB_OK) { /* some contents are looked at when the command is sealed */
            assert_int_not_equal(ticketbus_command_seal(cmd, NULL, &why), TICKETBUS_OK);
            (void)ctl_bus_error(&why, &g_err);
        }
        assert_null(rc == TB_OK ? NULL : cmd);
        if (!strstr(g_err.text, bad[i][1]) && !strstr(g_err.field, bad[i][1])) {
            fail_msg("%s: %s (%s)", bad[i][0], g_err.text, g_err.field);
        }
        ticketbus_command_free(cmd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_counted_and_blank_ones_passed),
        cmocka_unit_test(the_short_form_is_enough),
        cmocka_unit_test(a_whole_command_keeps_its_attributes),
        cmocka_unit_test(what_is_no_command_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
