/* What MCP's pure half decides: ids of events, and what a resumed call is answered. */
#include "gateway/mcp/extra.h"
#include "gateway/mcp/resume.h"
#include "tests/unit/base/unit.h"

const struct tb_mcp_extra *const tb_mcp_extra = NULL;

#define COMMAND "01890000-0000-7000-8000-000000000001"

static void test_event_ids_go_there_and_back(void **state)
{
    static const char *const ids[] = {"7", "-1", "\"a\"", "\"quote \\\" and \\u00e4\"", "\"\""};
    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct tb_arena *arena = tb_arena_new(0);
        const struct tb_mcp_resume in = {.command_id = TB_LIT(COMMAND),
                                         .since_s = 1700000000,
                                         .request_id = tb_str_of(ids[i]),
                                         .event = 3};
        struct tb_mcp_resume out = {0};
        tb_buf buf;
        tb_buf_init(&buf, 4096);
        tb_mcp_event_id(&buf, &in);
        assert_true(tb_mcp_event_id_parse(tb_buf_str(&buf), arena, &out));
        assert_true(tb_str_eq(out.command_id, in.command_id));
        assert_true(tb_str_eq(out.request_id, in.request_id));
        assert_int_equal(out.since_s, in.since_s);
        assert_int_equal(out.event, 3);
        for (size_t n = 0; n < buf.len; n++) { /* cut short it is none, or another id altogether */
            if (tb_mcp_event_id_parse((tb_str){buf.ptr, n}, arena, &out)) {
                assert_false(tb_str_eq(out.request_id, in.request_id) && n + 3 < buf.len);
            }
        }
        tb_buf_dispose(&buf);
        tb_arena_free(arena);
    }
}

static void test_what_is_no_event_id(void **state)
{
    static const char *const wrong[] = {
        "",
        "x",
        COMMAND,
        COMMAND ".",
        COMMAND ".1",
        COMMAND ".1.",
        COMMAND ".1.1",
        COMMAND ".1.1.",
        COMMAND ".1.1.!!!!",
        COMMAND ".x.1.MQ==",
        COMMAND "..1.MQ==",
        COMMAND ".1.1.e30=",     /* {} */
        COMMAND ".1.1.MS41",     /* 1.5 */
        COMMAND ".1.1.MSwx",     /* 1,1 */
        COMMAND ".1.1.IDE=",     /* " 1": not as it was written */
        COMMAND ".1.1.bnVsbA==", /* null */
    };
    struct tb_arena *arena = tb_arena_new(0);
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct tb_mcp_resume out = {0};
        if (tb_mcp_event_id_parse(tb_str_of(wrong[i]), arena, &out)) {
            fail_msg("%s was taken", wrong[i]);
        }
    }
    tb_arena_free(arena);
}

static void test_resumed_answers(void **state)
{
    static const struct {
        enum tb_reply_kind kind;
        const char *row;
        int64_t later_s;
        const char *holds; /* NULL: come back */
    } cases[] = {
        {TB_REPLY_NOT_FOUND, "", 1, NULL},
        {TB_REPLY_NOT_FOUND, "", TB_MCP_RESUME_S + 1, "\"outcome\":\"pending\""},
        {TB_REPLY_DONE, "{\"outcome\":\"parked\",\"type\":\"ticket.assign\"}", 1, NULL},
        {TB_REPLY_DONE, "{\"outcome\":\"parked\",\"type\":\"ticket.assign\"}", 99, "parked"},
        {TB_REPLY_DONE,
         "{\"outcome\":\"applied\",\"type\":\"ticket.create\",\"subject\":\"t\",\"version\":4}", 1,
         "\"ticket_id\":\"t\",\"version\":4},\"isError\":false"},
        {TB_REPLY_DONE,
         "{\"outcome\":\"applied\",\"type\":\"board.put\",\"subject\":\"w\",\"version\":1}", 1,
         "\"workflow_id\":\"w\""},
        {TB_REPLY_DONE, "{\"outcome\":\"rejected\",\"code\":\"unknown_status\",\"message\":\"no\"}",
         1, "\"isError\":true"},
        {TB_REPLY_DONE, "{\"outcome\":\"dead\"}", 1, "dead_lettered"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tb_arena *arena = tb_arena_new(0);
        const struct tb_mcp_resume resume = {
            .command_id = TB_LIT(COMMAND), .since_s = 1000, .request_id = TB_LIT("\"r\"")};
        const struct tb_reply reply = {.kind = cases[i].kind, .body = tb_str_of(cases[i].row)};
        tb_str answer = tb_mcp_resumed(&resume, &reply, 1000 + cases[i].later_s, arena);
        assert_int_equal(tb_str_is_null(answer), cases[i].holds == NULL);
        if (cases[i].holds) {
            assert_non_null(memmem(answer.ptr, answer.len, cases[i].holds, strlen(cases[i].holds)));
            assert_non_null(memmem(answer.ptr, answer.len, "\"id\":\"r\"", 8));
        }
        tb_arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_ids_go_there_and_back),
        cmocka_unit_test(test_what_is_no_event_id),
        cmocka_unit_test(test_resumed_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
