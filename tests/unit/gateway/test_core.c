/* The gateway's pure parts: routing, callers, parameters, answers. */
#include "common/base/attr.h"
#include "common/json/record.h"
#include "gateway/core/arguments.h"
#include "gateway/core/caller.h"
#include "gateway/core/diff.h"
#include "gateway/core/queries.h"
#include "gateway/core/reply.h"
#include "tests/unit/base/unit.h"

static struct tb_arena *arena;

static const struct tb_operation *routed(const char *method, const char *path)
{
    return tb_route_find(method, tb_str_of(path)).op;
}

static void routes(void **state)
{
    (void)state;
    assert_ptr_equal(routed("POST", "/tickets/create"), &tb_operations[TB_OP_CREATE_TICKET]);
    assert_ptr_equal(routed("GET", "/tickets/get"), &tb_operations[TB_OP_LIST_TICKETS]);
    assert_ptr_equal(routed("HEAD", "/tickets/get"), &tb_operations[TB_OP_LIST_TICKETS]);
    assert_ptr_equal(routed("GET", "/tickets/abc"), &tb_operations[TB_OP_GET_TICKET]);
    assert_ptr_equal(routed("PUT", "/tickets/board-config/w"), &tb_operations[TB_OP_PUT_BOARD]);
    assert_ptr_equal(routed("GET", "/tickets/board-config/w"), &tb_operations[TB_OP_GET_BOARD]);
    struct tb_route r = tb_route_find("GET", TB_LIT("/tickets/a%2Fb/history"));
    assert_ptr_equal(r.op, &tb_operations[TB_OP_TICKET_HISTORY]);
    assert_int_equal(r.nparams, 1);
    assert_text(r.params[0].name, "ticket_id");
    assert_text(r.params[0].value, "a%2Fb");
    static const char *const nowhere[] = {"",
                                          "/",
                                          "/tickets",
                                          "/tickets/",
                                          "//tickets",
                                          "tickets/get",
                                          "/tickets/get/",
                                          "/tickets/a/b/c",
                                          "/tickets//history"};
    for (size_t i = 0; i < TB_COUNT(nowhere); i++) {
        r = tb_route_find("GET", tb_str_of(nowhere[i]));
        assert_null(r.op);
        assert_string_equal(r.allow, "");
    }
    r = tb_route_find("DELETE", TB_LIT("/tickets/create"));
    assert_null(r.op);
    assert_string_equal(r.allow, "POST");
    r = tb_route_find("POST", TB_LIT("/tickets/board-config/w"));
    assert_null(r.op);
    assert_string_equal(r.allow, "PUT, GET, HEAD");
    char allow[TB_ALLOW_MAX] = "";
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE", "GET", "PUT", "GET"};
    for (size_t i = 0; i < TB_COUNT(methods); i++) {
        tb_allow_add(allow, methods[i]);
    }
    assert_string_equal(allow, "POST, PUT, PATCH, DELETE, GET, HEAD");
}

/* Every row is whole, and found by its own method and path. */
static void the_table_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < TB_OP_COUNT_; i++) {
        const struct tb_operation *op = &tb_operations[i];
        assert_non_null(op->name);
        assert_non_null(op->doc);
        assert_non_null(tb_operation_params(op));
        assert_true(op->scope == TB_SCOPE_READ || op->kind == TB_OP_COMMAND);
        assert_ptr_equal(routed(op->method, op->path), op);
        assert_ptr_equal(tb_operation_find(tb_str_of(op->name)), op);
    }
    assert_null(tb_operation_find(TB_LIT("drop_table")));
}

static void callers(void **state)
{
    (void)state;
    char token[TB_TOKEN_LEN + 1] = "tbk_";
    (void)memset(token + 4, 'a', 64);
    token[TB_TOKEN_LEN] = '\0';
    assert_true(tb_token_valid(tb_str_of(token)));
    tb_str header = tb_arena_printf(arena, "bearer %s", token);
    assert_text(tb_token_of_header(header), token);
    assert_true(tb_str_is_null(tb_token_of_header(TB_LIT("Basic abc"))));
    assert_true(tb_str_is_null(tb_token_of_header(TB_LIT("Bearer "))));
    token[10] = 'x';
    assert_false(tb_token_valid(tb_str_of(token)));

    struct tb_caller c = {.name = TB_LIT("ci"), .scopes = tb_scope_parse(TB_LIT("write"))};
    assert_true(tb_caller_may(&c, TB_SCOPE_READ));
    assert_true(tb_caller_may(&c, TB_SCOPE_WRITE));
    assert_false(tb_caller_may(&c, TB_SCOPE_ADMIN));
    assert_int_equal(tb_scope_parse(TB_LIT("root")), 0);
    assert_false(tb_caller_may(&(struct tb_caller){0}, TB_SCOPE_READ));
    assert_text(tb_caller_actor(&c, TB_STR_NULL), "ci");
    assert_text(tb_caller_actor(&c, TB_LIT("bo")), "bo");
    c.agent = TB_LIT("bo");
    assert_text(tb_caller_actor(&c, TB_STR_NULL), "bo");
    assert_text(tb_caller_actor(&c, TB_LIT("bo")), "bo");
    assert_true(tb_str_is_null(tb_caller_actor(&c, TB_LIT("eve"))));
    assert_true(tb_caller_may_touch(&c, TB_LIT("any")));
    const tb_str mine[] = {TB_LIT("a"), TB_LIT("b")};
    c.workflows = (tb_strs){mine, 2};
    assert_true(tb_caller_may_touch(&c, TB_LIT("b")));
    assert_false(tb_caller_may_touch(&c, TB_LIT("c")));
    assert_false(tb_caller_may_touch(&c, TB_STR_NULL));
}

static tb_str arguments(enum tb_op op, const char *path, const char *query_text, const char *body,
                        struct tb_error *err)
{
    struct tb_route route = {0};
    struct tb_query query;
    tb_str json = TB_STR_NULL;
    assert_true(tb_route_match(tb_operations[op].path, tb_str_of(path), &route));
    assert_int_equal(tb_query_parse(tb_str_of(query_text), arena, &query, NULL), TB_OK);
    enum tb_rc rc =
        tb_arguments(&tb_operations[op], &route, &query, tb_str_of(body), arena, &json, err);
    return rc == TB_OK ? json : TB_STR_NULL;
}

static void parameters(void **state)
{
    (void)state;
    struct tb_error err = {.rc = TB_OK};
    tb_str json =
        arguments(TB_OP_LIST_TICKETS, "/tickets/get",
                  "limit=5&status=a,b&status=c&ready=true&workflow_id=7&offset=x", NULL, &err);
    assert_text(json, "{\"limit\":5,\"status\":[\"a\",\"b\",\"c\"],\"ready\":true,"
                      "\"workflow_id\":\"7\",\"offset\":\"x\"}");
    struct tb_list_params list;
    assert_int_equal(tb_record_parse(&tb_list_record, json, arena, &list, &err), TB_EINVAL);
    assert_string_equal(err.field, "offset");
    json = arguments(TB_OP_GET_TICKET, "/tickets/a%22b", "x=\"", NULL, &err);
    assert_text(json, "{\"ticket_id\":\"a\\\"b\",\"x\":\"\\\"\"}");
    json = arguments(TB_OP_PUT_BOARD, "/tickets/board-config/w", "", " { \"name\": \"n\" } ", &err);
    assert_text(json, "{\"workflow_id\":\"w\",\"name\": \"n\"}");
    assert_true(
        tb_str_is_null(arguments(TB_OP_PUT_BOARD, "/tickets/board-config/w", "", "[1]", &err)));
    assert_true(
        tb_str_is_null(arguments(TB_OP_PUT_BOARD, "/tickets/board-config/%ff", "", "{}", &err)));
    assert_string_equal(err.field, "workflow_id");
}

static void envelopes(void **state)
{
    (void)state;
    struct tb_error err = {.rc = TB_OK};
    struct tb_envelope_params e;
    tb_str data;
    const struct tb_operation *op = &tb_operations[TB_OP_COMMENT];
    static const char ticket[] = "ticket-01a21296-9d36-77fe-94b4-a64c417badf7";
    tb_str json = tb_arena_printf(arena,
                                  "{\"ticket_id\":\"%s\",\"agent_id\":\"bo\",\"comment_text\":"
                                  "\"x\",\"rationale\":\"r\",\"workflow_id\":\"w\"}",
                                  ticket);
    assert_int_equal(tb_arguments_split(op, json, arena, &e, &data, &err), TB_OK);
    assert_text(e.ticket_id, ticket);
    assert_text(e.agent_id, "bo");
    /* what is no part of this command's envelope is left for its record to refuse */
    assert_text(data, "{\"comment_text\":\"x\",\"rationale\":\"r\",\"workflow_id\":\"w\"}");
    assert_int_equal(tb_arguments_split(op, TB_LIT("{}"), arena, &e, &data, &err), TB_EINVAL);
    assert_string_equal(err.field, "ticket_id");
    assert_int_equal(tb_arguments_split(op, TB_LIT("[]"), arena, &e, &data, &err), TB_EINVAL);
    assert_int_equal(tb_arguments_split(op, TB_LIT("{"), arena, &e, &data, &err), TB_EINVAL);
}

static int status_of(const char *code)
{
    struct tb_reply reply;
    tb_reply_rejected(&reply, arena, tb_str_of(code), TB_LIT("f"), TB_STR_NULL);
    return tb_reply_status(&reply, false);
}

static void answers(void **state)
{
    (void)state;
    assert_int_equal(status_of("ticket_not_found"), 404);
    assert_int_equal(status_of("version_conflict"), 412);
    assert_int_equal(status_of("validation_failed"), 422);
    assert_int_equal(status_of("not_permitted"), 403);
    assert_int_equal(status_of("message_too_large"), 413);
    assert_int_equal(status_of("ticket_blocked"), 409);
    assert_int_equal(status_of("one_of_a_later_version"), 409);
    assert_int_equal(tb_reply_status(&(struct tb_reply){.kind = TB_REPLY_DONE}, true), 201);
    struct tb_reply reply;
    tb_reply_error(&reply, arena, TB_REPLY_INVALID, "c", TB_LIT("a\"b"), "not %s", "good");
    assert_text(tb_reply_problem(&reply, 422, arena),
                "{\"type\":\"about:blank\",\"title\":\"Not valid\",\"status\":422,\"code\":\"c\","
                "\"detail\":\"not good\",\"field\":\"a\\\"b\"}");
    struct tb_error err = {.rc = TB_EFATAL, .text = "password=hunter2"};
    tb_reply_from(&reply, arena, &err);
    assert_int_equal(tb_reply_status(&reply, false), 500);
    assert_null(strstr(reply.detail.ptr, "hunter2"));
}

static void expect_diff(const char *text, size_t len, const char *expected)
{
    tb_buf out;
    tb_buf_init(&out, 100000);
    assert_true(tb_diff_json((tb_str){text, len}, TB_LIT("r"), false, &out));
    assert_text(tb_buf_str(&out), expected);
    tb_buf_dispose(&out);
}

static void diffs(void **state)
{
    (void)state;
    static const char text[] = "abc\0Ada <a@b>\0"
                               "2026-01-01T00:00:00Z\0Say it\n\n\0\n"
                               "diff --git a/x y b/x y\nindex 1..2 100644\n--- a/x y\t\n"
                               "+++ b/x y\t\n@@ -1,2 +1 @@ f()\n same\n-\xff\n+<b>\n"
                               "\\ No newline at end of file\n"
                               "diff --git \"a/q\\303\\244\" \"b/q\\303\\244\"\n"
                               "deleted file mode 100644\nBinary files a/q and /dev/null differ\n"
                               "diff --git a/old b/new\nsimilarity index 100%\nrename from old\n"
                               "rename to new\n";
    expect_diff(
        text, sizeof text - 1,
        "{\"sha\":\"abc\",\"author\":\"Ada <a@b>\",\"timestamp\":\"2026-01-01T00:00:00Z\","
        "\"message\":\"Say it\",\"repository\":\"r\",\"files\":[{\"path\":\"x y\",\"old_path\":"
        "null,\"status\":\"modified\",\"binary\":false,\"hunks\":[{\"header\":\"@@ -1,2 +1 @@ "
        "f()\",\"old_start\":1,\"old_lines\":2,\"new_start\":1,\"new_lines\":1,\"lines\":[{"
        "\"kind\":\"context\",\"text\":\"same\"},{\"kind\":\"removed\",\"text\":\"\xef\xbf\xbd"
        "\"},{\"kind\":\"added\",\"text\":\"<b>\"}]}],\"insertions\":1,\"deletions\":1},{\"path\":"
        "\"q\xc3\xa4\",\"old_path\":null,\"status\":\"deleted\",\"binary\":true,\"hunks\":[],"
        "\"insertions\":0,\"deletions\":0},{\"path\":\"new\",\"old_path\":\"old\",\"status\":"
        "\"renamed\",\"binary\":false,\"hunks\":[],\"insertions\":0,\"deletions\":0}],"
        "\"files_changed\":3,\"insertions\":1,\"deletions\":1,\"truncated\":false}");
    tb_buf out;
    tb_buf_init(&out, 1000);
    assert_false(tb_diff_json(TB_LIT("fatal: what"), TB_LIT("r"), false, &out));
    tb_buf_dispose(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes),    cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(callers),   cmocka_unit_test(parameters),
        cmocka_unit_test(envelopes), cmocka_unit_test(answers),
        cmocka_unit_test(diffs),
    };
    arena = tb_arena_new(0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tb_arena_free(arena);
    return failed;
}
