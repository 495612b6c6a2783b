/* Records by their tables: what is refused and under which name, and that all data survives. */
#include "tests/unit/json/kit.h"

#include "common/base/clock.h"
#include "common/model/limits.h"

static struct tb_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = tb_arena_new(0);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    tb_arena_free(arena);
    return 0;
}

static const struct tb_record *record_of(enum tb_command_kind kind)
{
    return tb_command_types[kind].record;
}

static void expect_fault(enum tb_command_kind kind, const char *json, const char *field,
                         const char *part)
{
    struct tb_error err = {0};
    const struct tb_record *rec = record_of(kind);
    void *data = tb_arena_alloc(arena, rec->size);
    enum tb_rc rc = tb_record_parse(rec, kit_json(arena, "%s", json), arena, data, &err);
    if (rc != TB_EINVAL || strcmp(err.field, field) != 0 || !strstr(err.text, part)) {
        fail_msg("%s: got %s, field \"%s\", \"%s\"; want field \"%s\", \"%s\"", json,
                 tb_rc_name(rc), err.field, err.text, field, part);
    }
}

static void test_every_fault_names_its_field(void **state)
{
    (void)state;
    static const struct {
        enum tb_command_kind kind;
        const char *json;
        const char *field;
        const char *part;
    } cases[] = {
        {TB_CMD_CREATE, "{'title':'t'}", "workflow_id", "is missing"},
        {TB_CMD_CREATE, "{'workflow_id':'w','title':'t','colour':1}", "colour",
         "is not a known field"},
        {TB_CMD_CREATE, "{'workflow_id':'w','title':'t','title':'u'}", "title", "twice"},
        {TB_CMD_CREATE, "{'workflow_id':'w','title':null}", "title", "must not be null"},
        {TB_CMD_CREATE, "{'workflow_id':'w','title':7}", "title", "must be a string"},
        {TB_CMD_CREATE, "{'workflow_id':'w','title':''}", "title", "must not be empty"},
        {TB_CMD_CREATE, "{'workflow_id':'','title':'t'}", "workflow_id", "must not be empty"},
        {TB_CMD_CREATE, "{'workflow_id':' w','title':'t'}", "workflow_id", "blank"},
        {TB_CMD_CREATE, "{'workflow_id':'w\\n','title':'t'}", "workflow_id", "control"},
        {TB_CMD_CREATE, "{'workflow_id':'w\\u0085','title':'t'}", "workflow_id", "control"},
        {TB_CMD_CREATE, "{'workflow_id':'w','title':'t','tags':'x'}", "tags", "must be an array"},
        {TB_CMD_CREATE, "{'workflow_id':'w','title':'t','tags':['a',1]}", "tags[1]", "a string"},
        {TB_CMD_CREATE, "{'workflow_id':'w','title':'t','tags':['a','b','a']}", "tags[2]",
         "in the list already"},
        {TB_CMD_CREATE, "{'workflow_id':'w','title':'t','parent_ticket_id':'ticket-1'}",
         "parent_ticket_id", "is no ticket id"},
        {TB_CMD_CREATE,
         "{'workflow_id':'w','title':'t','blocked_by_ticket_ids':"
         "['ticket-01936A5D-ac96-774b-bcce-b302099a8057']}",
         "blocked_by_ticket_ids[0]", "is no ticket id"},
        {TB_CMD_CREATE, "[]", "", "must be an object"},
        {TB_CMD_CREATE, "{'workflow_id':'w','title':'t'", "", "ends too early"},
        {TB_CMD_CREATE, "{'workflow_id':'w','title':tru}", "title", "not JSON"},
        {TB_CMD_UPDATE, "{}", "updates", "is missing"},
        {TB_CMD_UPDATE, "{'updates':[]}", "updates", "must be an object"},
        {TB_CMD_UPDATE, "{'updates':{'status':'done'}}", "updates.status", "is not a known field"},
        {TB_CMD_UPDATE, "{'updates':{'title':null}}", "updates.title", "must not be null"},
        {TB_CMD_UPDATE, "{'updates':{'tags':['a','\\ud800']}}", "updates.tags[1]", "surrogate"},
        {TB_CMD_EDIT_COMMENT, "{'comment_id':'c','comment_text':'x'}", "comment_id",
         "is no comment id"},
        {TB_CMD_ASSIGN, "{'exclusive':'yes'}", "exclusive", "true or false"},
        {TB_CMD_LINK_COMMIT, "{'commit_sha':'a','files_changed':-1}", "files_changed", "is -1"},
        {TB_CMD_LINK_COMMIT, "{'commit_sha':'a','files_changed':1.5}", "files_changed", "integer"},
        {TB_CMD_LINK_COMMIT, "{'commit_sha':'a','insertions':99999999999999999999}", "insertions",
         "integer"},
        {TB_CMD_LINK_COMMIT, "{'commit_sha':'a','deletions':2147483648}", "deletions",
         "not 0 to 2147483647"},
        {TB_CMD_LINK_COMMIT, "{'commit_sha':'a','commit_timestamp':'2026-02-30T00:00:00Z'}",
         "commit_timestamp", "RFC 3339"},
        {TB_CMD_UNASSIGN, "{'comment':'x'}", "comment", "is not a known field"},
        {TB_CMD_LINK, "{'dependencies':[{'depends_on':'" KIT_TICKET "'}]}",
         "dependencies[0].dependency_type", "is missing"},
        {TB_CMD_LINK, "{'dependencies':{}}", "dependencies", "must be an array"},
        {TB_CMD_BOARD_PUT,
         "{'name':'b','ticket_types':[],'initial_status':'a','columns':[{'id':'a'},{'id':'b',"
         "'category':'closed'}]}",
         "columns[1].category", "must be one of: open, active, done"},
        {TB_CMD_BOARD_PUT,
         "{'name':'b','ticket_types':[],'initial_status':'a','columns':[{'id':'a','wip_limit':0}]}",
         "columns[0].wip_limit", "is 0"},
        {TB_CMD_BOARD_PUT,
         "{'name':'b','ticket_types':[],'initial_status':'a','columns':[],"
         "'settings':{'transitions':{'a':['b'],'c':['d','d']}}}",
         "settings.transitions.c[1]", "already"},
        {TB_CMD_BOARD_PUT,
         "{'name':'b','ticket_types':[],'initial_status':'a','columns':[],"
         "'settings':{'transitions':{'a':'b'}}}",
         "settings.transitions.a", "must be an array"},
        {TB_CMD_BOARD_PUT,
         "{'name':'b','ticket_types':[],'initial_status':'a','columns':[],"
         "'settings':{'transitions':{'a':[],'a':[]}}}",
         "settings.transitions.a", "twice"},
        {TB_CMD_BOARD_PUT,
         "{'name':'b','ticket_types':[],'initial_status':'a','columns':[],"
         "'settings':{'admin_on_blocked':['a','b','c']}}",
         "settings.admin_on_blocked", "has 3 entries, more than 2"},
    };
    for (size_t i = 0; i < TB_COUNT(cases); i++) {
        expect_fault(cases[i].kind, cases[i].json, cases[i].field, cases[i].part);
    }
}

static enum tb_rc parse_title(size_t chars, const char *one, struct tb_error *err)
{
    tb_buf buf;
    tb_buf_init(&buf, 1 << 20);
    tb_buf_add_c(&buf, "{\"workflow_id\":\"w\",\"title\":\"");
    for (size_t i = 0; i < chars; i++) {
        tb_buf_add_c(&buf, one);
    }
    tb_buf_add_c(&buf, "\"}");
    struct tb_create_data data;
    enum tb_rc rc = tb_record_parse(record_of(TB_CMD_CREATE), tb_buf_str(&buf), arena, &data, err);
    tb_buf_dispose(&buf);
    return rc;
}

static void test_lengths_count_characters(void **state)
{
    (void)state;
    struct tb_error err;
    assert_int_equal(parse_title(TB_MAX_TITLE_CHARS, "a", &err), TB_OK);
    assert_int_equal(parse_title(TB_MAX_TITLE_CHARS, "😀", &err), TB_OK);
    assert_int_equal(parse_title(TB_MAX_TITLE_CHARS, "\\ud83d\\ude00", &err), TB_OK);
    assert_int_equal(parse_title(TB_MAX_TITLE_CHARS + 1, "a", &err), TB_EINVAL);
    assert_string_equal(err.field, "title");
    assert_string_equal(err.text, "has 501 characters, not 1 to 500");
    assert_int_equal(parse_title(TB_MAX_TITLE_CHARS + 1, "é", &err), TB_EINVAL);
}

static void test_wrong_utf8_names_the_place(void **state)
{
    (void)state;
    static const char *const bad[] = {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "é"};
    for (size_t i = 0; i < TB_COUNT(bad); i++) {
        struct tb_error err;
        enum tb_rc rc = parse_title(3, bad[i], &err);
        assert_int_equal(rc, i == 4 ? TB_OK : TB_EINVAL);
        if (rc != TB_OK) {
            assert_string_equal(err.field, "title");
            assert_non_null(strstr(err.text, "not UTF-8"));
        }
    }
}

static void test_long_lists(void **state)
{
    (void)state;
    /* Beyond the size that is searched pair by pair. */
    for (int twice = 0; twice < 2; twice++) {
        tb_buf buf;
        tb_buf_init(&buf, 1 << 20);
        tb_buf_add_c(&buf, "{\"commit_sha\":\"a\",\"files_list\":[");
        for (int i = 0; i < TB_MAX_FILES_LIST; i++) {
            bool last = i + 1 == TB_MAX_FILES_LIST;
            tb_buf_printf(&buf, "%s\"f%d\"", i ? "," : "", last && twice ? 17 : i);
        }
        tb_buf_add_c(&buf, "]}");
        struct tb_link_commit_data data;
        struct tb_error err = {0};
        enum tb_rc rc =
            tb_record_parse(record_of(TB_CMD_LINK_COMMIT), tb_buf_str(&buf), arena, &data, &err);
        assert_int_equal(rc, twice ? TB_EINVAL : TB_OK);
        if (twice) {
            assert_string_equal(err.field, "files_list[4999]");
        } else {
            assert_int_equal(data.files_list.n, TB_MAX_FILES_LIST);
        }
        tb_buf_dispose(&buf);
    }
}

static void test_given_null_and_absent_differ(void **state)
{
    (void)state;
    struct tb_updates_data data;
    const struct tb_record *rec = record_of(TB_CMD_UPDATE)->fields[TB_UPDATE_UPDATES].record;
    tb_str json = kit_json(arena, "{'assigned_agent_id':null,'tags':[]}");
    assert_int_equal(tb_record_parse(rec, json, arena, &data, NULL), TB_OK);
    assert_true(tb_given_null(&data.p, TB_UPDATES_ASSIGNED_AGENT_ID));
    assert_false(tb_has(&data.p, TB_UPDATES_ASSIGNED_AGENT_ID));
    assert_true(tb_has(&data.p, TB_UPDATES_TAGS));
    assert_int_equal(data.tags.n, 0);
    assert_false(tb_given(&data.p, TB_UPDATES_TITLE));
    assert_null(data.title.ptr);

    struct tb_link_commit_data commit;
    json = kit_json(arena, "{'commit_sha':'a'}");
    assert_int_equal(tb_record_parse(record_of(TB_CMD_LINK_COMMIT), json, arena, &commit, NULL),
                     TB_OK);
    assert_true(commit.commit_timestamp == TB_TIME_NONE);
}

static void test_every_type_survives(void **state)
{
    (void)state;
    struct kit_random r = {20261123};
    for (int kind = 0; kind < TB_CMD_COUNT_; kind++) {
        const struct tb_record *rec = tb_command_types[kind].record;
        for (int i = 0; i < 200; i++) {
            tb_arena_reset(arena);
            void *data = kit_random_record(rec, &r, arena);
            tb_buf first;
            tb_buf second;
            tb_buf_init(&first, 1 << 26);
            tb_buf_init(&second, 1 << 26);
            struct tb_json w = {.buf = &first};
            tb_record_write(rec, data, &w);
            void *back = tb_arena_alloc(arena, rec->size);
            struct tb_error err = {0};
            if (tb_record_parse(rec, tb_buf_str(&first), arena, back, &err) != TB_OK) {
                fail_msg("%s: %s %s in %s", rec->name, err.field, err.text, first.ptr);
            }
            w = (struct tb_json){.buf = &second};
            tb_record_write(rec, back, &w);
            assert_int_equal(first.len, second.len);
            assert_memory_equal(first.ptr, second.ptr, first.len);
            assert_memory_equal(data, back, sizeof(struct tb_present));
            tb_buf_dispose(&first);
            tb_buf_dispose(&second);
        }
    }
}

static void test_no_memory_is_an_error(void **state)
{
    (void)state;
    tb_str json = kit_json(arena, "{'workflow_id':'w','title':'a long enough title','tags':['a']}");
    for (size_t cap = 1; cap < 2000; cap += 16) {
        struct tb_arena *small = tb_arena_new(cap);
        struct tb_create_data data;
        enum tb_rc rc = tb_record_parse(record_of(TB_CMD_CREATE), json, small, &data, NULL);
        assert_true(rc == TB_OK || rc == TB_ENOMEM);
        assert_true(rc == TB_OK || tb_arena_failed(small));
        tb_arena_free(small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_fault_names_its_field, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lengths_count_characters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_utf8_names_the_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_given_null_and_absent_differ, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_type_survives, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory_is_an_error, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
