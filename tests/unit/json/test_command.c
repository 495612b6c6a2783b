/* The envelope of commands: who gets an answer, what counts as the same command. */
#include "tests/unit/json/kit.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/model/limits.h"

static struct tb_arena *arena;
static struct tb_command cmd;
static struct tb_decode_failure failure;

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

static enum tb_rc decode(tb_str json)
{
    return tb_command_decode(json, NULL, arena, &cmd, &failure);
}

static void must_decode(tb_str json)
{
    if (decode(json) != TB_OK) {
        fail_msg("%.*s: %.*s", TB_ARG(json), TB_ARG(failure.message));
    }
}

static void expect(tb_str json, enum tb_decode_kind kind, enum tb_rejection rejection,
                   const char *field)
{
    enum tb_rc rc = decode(json);
    if (rc != TB_EINVAL || failure.kind != kind || failure.rejection != rejection ||
        !tb_str_eq_c(failure.field, field)) {
        fail_msg("%.*s: got %s kind %d %s field \"%.*s\": %.*s", TB_ARG(json), tb_rc_name(rc),
                 failure.kind, tb_rejection_code(failure.rejection), TB_ARG(failure.field),
                 TB_ARG(failure.message));
    }
    assert_true(failure.message.len > 0);
}

#define CREATE                                                                                     \
    "{'specversion':'1.0','id':'%s','source':'%s','type':'ticket.create','actor':'a','data':"      \
    "{'workflow_id':'w','title':'t'}}"
#define UNASSIGN "{'specversion':'1.0','id':'%s','source':'/s','type':'ticket.unassign'," WHO "%s}"

#define DEAD   TB_DECODE_DEAD_LETTER
#define REJECT TB_DECODE_REJECT

#define HEAD   "'specversion':'1.0','id':'c','source':'/s'"
#define WHO    "'subject':'" KIT_TICKET "','actor':'a'"
#define OTHERS HEAD ",'type':'ticket.unassign'," WHO

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum tb_decode_kind kind;
        enum tb_rejection rejection;
        const char *field;
    } cases[] = {
        {"", DEAD, TB_REJECT_MALFORMED, ""},
        {"nonsense", DEAD, TB_REJECT_MALFORMED, ""},
        {"[]", DEAD, TB_REJECT_MALFORMED, ""},
        {"7", DEAD, TB_REJECT_MALFORMED, ""},
        {"{} {}", DEAD, TB_REJECT_MALFORMED, ""},
        {"{" OTHERS, DEAD, TB_REJECT_MALFORMED, ""},
        {"{" OTHERS ",'data':{'x':[1,{'y':0x1}]}}", DEAD, TB_REJECT_MALFORMED, "data.x[1]"},
        {"{" OTHERS ",'id':'d'}", DEAD, TB_REJECT_MALFORMED, "id"},
        {"{}", DEAD, TB_REJECT_MALFORMED, "id"},
        {"{'id':7}", DEAD, TB_REJECT_MALFORMED, "id"},
        {"{'id':''}", DEAD, TB_REJECT_MALFORMED, "id"},
        {"{'id':'a\\tb'}", DEAD, TB_REJECT_MALFORMED, "id"},
        {"{'id':'c'}", DEAD, TB_REJECT_MALFORMED, "source"},
        {"{'id':'c','source':null}", DEAD, TB_REJECT_MALFORMED, "source"},
        {"{'id':'c','source':'a b'}", DEAD, TB_REJECT_MALFORMED, "source"},
        {"{'id':'c','source':'/s'}", DEAD, TB_REJECT_MALFORMED, "type"},
        {"{'id':'c','source':'/s','type':'ticket.paint'}", DEAD, TB_REJECT_UNKNOWN_COMMAND, "type"},
        {"{" HEAD ",'type':'ticket.assign'}", DEAD, TB_REJECT_MALFORMED, "subject"},
        {"{" HEAD ",'type':'ticket.assign','subject':'ticket-7'}", DEAD, TB_REJECT_MALFORMED,
         "subject"},
        {"{" HEAD ",'type':'board.put'}", DEAD, TB_REJECT_MALFORMED, "subject"},
        {"{'id':'c','source':'/s','type':'ticket.unassign'," WHO "}", REJECT,
         TB_REJECT_VALIDATION_FAILED, "specversion"},
        {"{'specversion':'0.3','id':'c','source':'/s','type':'ticket.unassign'," WHO "}", REJECT,
         TB_REJECT_VALIDATION_FAILED, "specversion"},
        {"{" HEAD ",'type':'ticket.unassign','subject':'" KIT_TICKET "'}", REJECT,
         TB_REJECT_VALIDATION_FAILED, "actor"},
        {"{" OTHERS ",'actortype':'robot'}", REJECT, TB_REJECT_VALIDATION_FAILED, "actortype"},
        {"{" OTHERS ",'time':'yesterday'}", REJECT, TB_REJECT_VALIDATION_FAILED, "time"},
        {"{" OTHERS ",'time':1}", REJECT, TB_REJECT_VALIDATION_FAILED, "time"},
        {"{" OTHERS ",'expectedversion':-1}", REJECT, TB_REJECT_VALIDATION_FAILED,
         "expectedversion"},
        {"{" OTHERS ",'expectedversion':'1x'}", REJECT, TB_REJECT_VALIDATION_FAILED,
         "expectedversion"},
        {"{" OTHERS ",'expectedversion':1.0}", REJECT, TB_REJECT_VALIDATION_FAILED,
         "expectedversion"},
        {"{" OTHERS ",'datacontenttype':'text/xml'}", REJECT, TB_REJECT_VALIDATION_FAILED,
         "datacontenttype"},
        {"{" OTHERS ",'schemaversion':0}", REJECT, TB_REJECT_VALIDATION_FAILED, "schemaversion"},
        {"{" OTHERS ",'schemaversion':2}", TB_DECODE_NEWER_SCHEMA, TB_REJECT_VALIDATION_FAILED,
         "schemaversion"},
        {"{'type':'ticket.later','schemaversion':2}", TB_DECODE_NEWER_SCHEMA,
         TB_REJECT_VALIDATION_FAILED, "schemaversion"},
        {"{" OTHERS ",'sequence':'4'}", REJECT, TB_REJECT_VALIDATION_FAILED, "sequence"},
        {"{" OTHERS ",'data_base64':'AA=='}", REJECT, TB_REJECT_VALIDATION_FAILED, "data_base64"},
        {"{" OTHERS ",'correlationid':5}", REJECT, TB_REJECT_VALIDATION_FAILED, "correlationid"},
        {"{" OTHERS ",'Tenant':'x'}", REJECT, TB_REJECT_VALIDATION_FAILED, "Tenant"},
        {"{" OTHERS ",'tenant':{}}", REJECT, TB_REJECT_VALIDATION_FAILED, "tenant"},
        {"{" OTHERS ",'tenant':1.5}", REJECT, TB_REJECT_VALIDATION_FAILED, "tenant"},
        {"{" OTHERS ",'data':[]}", REJECT, TB_REJECT_VALIDATION_FAILED, "data"},
        {"{" OTHERS ",'data':{'rationale':1}}", REJECT, TB_REJECT_VALIDATION_FAILED, "rationale"},
        {"{" OTHERS ",'data':{'x':1}}", REJECT, TB_REJECT_VALIDATION_FAILED, "x"},
        {"{" OTHERS ",'data':{'rationale':'a','rationale':'b'}}", REJECT,
         TB_REJECT_VALIDATION_FAILED, "rationale"},
    };
    for (size_t i = 0; i < TB_COUNT(cases); i++) {
        expect(kit_json(arena, "%s", cases[i].json), cases[i].kind, cases[i].rejection,
               cases[i].field);
    }
}

static void test_a_refused_command_can_be_answered(void **state)
{
    (void)state;
    tb_str json = kit_command(arena, "ticket.assign", "'correlationid':'run-1','tenant':'t'",
                              "{'exclusive':7}");
    expect(json, REJECT, TB_REJECT_VALIDATION_FAILED, "exclusive");
    kit_assert_str(failure.message, "exclusive must be true or false");
    kit_assert_str(cmd.id, "c-1");
    kit_assert_str(cmd.source, "/tests");
    kit_assert_str(cmd.subject, KIT_TICKET);
    kit_assert_str(cmd.actor, "agent-1");
    kit_assert_str(cmd.correlation_id, "run-1");
    kit_assert_str(cmd.extensions, "\"tenant\":\"t\"");
    assert_ptr_equal(cmd.type, &tb_command_types[TB_CMD_ASSIGN]);
    assert_null(cmd.data);
    unsigned char first[32];
    memcpy(first, cmd.body_hash, sizeof first);
    json = kit_command(arena, "ticket.assign", "'time':'2026-01-31T12:00:00Z'", "{'exclusive':7}");
    expect(json, REJECT, TB_REJECT_VALIDATION_FAILED, "exclusive");
    assert_memory_equal(first, cmd.body_hash, sizeof first);
    json = kit_command(arena, "ticket.assign", "", "{'exclusive':8}");
    expect(json, REJECT, TB_REJECT_VALIDATION_FAILED, "exclusive");
    assert_memory_not_equal(first, cmd.body_hash, sizeof first);
}

static void test_too_large(void **state)
{
    (void)state;
    tb_str json = kit_command(arena, "ticket.unassign", "", "{}");
    const struct tb_decode_limits tight = {.max_bytes = json.len - 1};
    const struct tb_decode_limits fits = {.max_bytes = json.len};
    assert_int_equal(tb_command_decode(json, &fits, arena, &cmd, &failure), TB_OK);
    assert_int_equal(tb_command_decode(json, &tight, arena, &cmd, &failure), TB_EINVAL);
    assert_int_equal(failure.kind, TB_DECODE_REJECT);
    assert_int_equal(failure.rejection, TB_REJECT_MESSAGE_TOO_LARGE);
    kit_assert_str(cmd.id, "c-1");
}

static void test_all_attributes(void **state)
{
    (void)state;
    must_decode(kit_command(
        arena, "ticket.create",
        "'time':'2026-11-23T22:08:00.5+02:00','datacontenttype':'Application/JSON; charset=utf-8',"
        "'dataschema':'urn:x','schemaversion':1,'actortype':'orchestrator','expectedversion':'12',"
        "'correlationid':'run-1','causationid':'evt-1','traceparent':'00-a-b-01','tracestate':'x=1'"
        ","
        "'tenant':'acme','retries':3,'dry':false,'nothing':null",
        "{'workflow_id':'w','title':'A \\u00e9 \\ud83d\\ude00 \\\"q\\\" \\/','rationale':'why'}"));
    kit_assert_str(cmd.actor_type, "orchestrator");
    assert_int_equal(cmd.expected_version, 12);
    assert_true(cmd.time_us == INT64_C(1795464480500000));
    assert_true(cmd.stable_time == cmd.time_us);
    kit_assert_str(cmd.causation_id, "evt-1");
    kit_assert_str(cmd.tracestate, "x=1");
    kit_assert_str(cmd.extensions, "\"tenant\":\"acme\",\"retries\":3,\"dry\":false");
    kit_assert_str(cmd.rationale, "why");
    const struct tb_create_data *data = cmd.data;
    kit_assert_str(data->title, "A é 😀 \"q\" /");
    assert_int_equal(data->title.ptr[data->title.len], 0);
}

static void test_subject_of_create(void **state)
{
    (void)state;
    must_decode(kit_json(arena, CREATE, "01936A5D-AC96-774B-BCCE-B302099A8057", "/s"));
    kit_assert_str(cmd.subject, KIT_TICKET);
    must_decode(kit_json(arena, CREATE, "order-7", "/s"));
    /* Fixed for ever: a retry after an upgrade must land on the same ticket. */
    kit_assert_str(cmd.subject, "ticket-4d525c45-df4f-5dac-9de5-a8f8ef82a5fb");
    must_decode(kit_json(arena, CREATE, "order-7", "/other"));
    assert_false(tb_str_eq_c(cmd.subject, "ticket-4d525c45-df4f-5dac-9de5-a8f8ef82a5fb"));
}

static void test_stable_time(void **state)
{
    (void)state;
    must_decode(kit_json(arena, UNASSIGN, "01936a5d-ac96-774b-bcce-b302099a8057", ""));
    assert_true(cmd.stable_time == INT64_C(0x01936a5dac96) * 1000);
    assert_true(cmd.time_us == TB_TIME_NONE);
    must_decode(kit_json(arena, UNASSIGN, "cmd-01936a5d-ac96-774b-bcce-b302099a8057", ""));
    assert_true(cmd.stable_time == TB_TIME_NONE);
    must_decode(kit_json(arena, UNASSIGN, "01936a5d-ac96-474b-bcce-b302099a8057",
                         ",'time':'1970-01-01T00:00:01Z'"));
    assert_true(cmd.stable_time == 1000000);
}

static void hash_of(const char *more, const char *data, unsigned char out[32])
{
    must_decode(kit_command(arena, "ticket.link_commit", more, data));
    memcpy(out, cmd.body_hash, 32);
}

static void test_what_makes_a_command_the_same(void **state)
{
    (void)state;
    unsigned char base[32];
    unsigned char other[32];
    hash_of("'expectedversion':3",
            "{'commit_sha':'a','commit_timestamp':'2026-01-01T00:00:00Z',"
            "'files_list':['x','y']}",
            base);
    static const char *const same[][2] = {
        {"'expectedversion':'3','time':'2026-01-01T00:00:00Z'",
         "{'files_list':['x','y'],'commit_timestamp':'2026-01-01T01:00:00+01:00','commit_sha':"
         "'\\u0061'}"},
        {"'expectedversion':3,'traceparent':'t','tenant':'x','correlationid':'r'",
         "  {  'commit_sha' : 'a' , 'commit_timestamp':'2026-01-01T00:00:00.000000Z',"
         "'files_list':['x','y']}"},
    };
    static const char *const differ[][2] = {
        {"'expectedversion':4", "{'commit_sha':'a','commit_timestamp':'2026-01-01T00:00:00Z',"
                                "'files_list':['x','y']}"},
        {"", "{'commit_sha':'a','commit_timestamp':'2026-01-01T00:00:00Z','files_list':['x','y']}"},
        {"'expectedversion':3,'actortype':'human'",
         "{'commit_sha':'a','commit_timestamp':'2026-01-01T00:00:00Z','files_list':['x','y']}"},
        {"'expectedversion':3", "{'commit_sha':'a','commit_timestamp':'2026-01-01T00:00:00Z',"
                                "'files_list':['y','x']}"},
        {"'expectedversion':3", "{'commit_sha':'a','commit_timestamp':'2026-01-01T00:00:00Z',"
                                "'files_list':['x','y'],'commit_message':null}"},
        {"'expectedversion':3", "{'commit_sha':'a','commit_timestamp':'2026-01-01T00:00:00Z',"
                                "'files_list':['x','y'],'rationale':''}"},
    };
    for (size_t i = 0; i < TB_COUNT(same); i++) {
        hash_of(same[i][0], same[i][1], other);
        assert_memory_equal(base, other, 32);
    }
    for (size_t i = 0; i < TB_COUNT(differ); i++) {
        hash_of(differ[i][0], differ[i][1], other);
        assert_memory_not_equal(base, other, 32);
    }
}

static void test_extensions_are_capped(void **state)
{
    (void)state;
    /* "a":"x…" of just the cap, and one more. */
    for (int more = 0; more < 2; more++) {
        int n = TB_MAX_EXTENSION_BYTES - (int)strlen("'a':''") + more;
        tb_str text = tb_arena_printf(arena, "'a':'%0*d'", n, 7);
        tb_str json = kit_command(arena, "ticket.unassign", text.ptr, "{}");
        if (more) {
            expect(json, REJECT, TB_REJECT_VALIDATION_FAILED, "");
        } else {
            must_decode(json);
            assert_int_equal(cmd.extensions.len, TB_MAX_EXTENSION_BYTES);
        }
    }
}

static void test_every_type_survives(void **state)
{
    (void)state;
    struct kit_random r = {4711};
    for (int kind = 0; kind < TB_CMD_COUNT_; kind++) {
        for (int i = 0; i < 50; i++) {
            tb_arena_reset(arena);
            const struct tb_command_type *type = &tb_command_types[kind];
            struct tb_command sent = {
                .type = type,
                .id = TB_LIT("c-1"),
                .source = TB_LIT("/s"),
                .subject = TB_LIT(KIT_TICKET),
                .actor = TB_LIT("an actor"),
                .time_us = i % 2 ? TB_TIME_NONE : 1795464480123456,
                .expected_version = i % 3 ? TB_EXPECTED_NONE : i,
                .rationale = i % 2 ? TB_STR_NULL : TB_LIT("because"),
                .extensions = i % 5 ? TB_STR_NULL : TB_LIT("\"a\":1"),
                .data = kit_random_record(type->record, &r, arena),
            };
            tb_buf first;
            tb_buf second;
            tb_buf_init(&first, 1 << 26);
            tb_buf_init(&second, 1 << 26);
            tb_command_encode(&sent, &first);
            must_decode(tb_buf_str(&first));
            tb_command_encode(&cmd, &second);
            kit_assert_str(tb_buf_str(&second), first.ptr);
            unsigned char hash[32];
            assert_true(tb_command_hash(&sent, hash));
            assert_memory_equal(hash, cmd.body_hash, 32);
            tb_buf_dispose(&first);
            tb_buf_dispose(&second);
        }
    }
}

static void test_nothing_points_into_the_message(void **state)
{
    (void)state;
    tb_str json = kit_command(arena, "ticket.comment", "'tenant':'t'", "{'comment_text':'hello'}");
    char *message = strndup(json.ptr, json.len);
    must_decode((tb_str){message, json.len});
    memset(message, 'x', json.len);
    free(message);
    kit_assert_str(cmd.source, "/tests");
    kit_assert_str(((const struct tb_comment_data *)cmd.data)->comment_text, "hello");
    kit_assert_str(cmd.extensions, "\"tenant\":\"t\"");
}

static void test_no_memory_is_an_error(void **state)
{
    (void)state;
    tb_str json = kit_command(arena, "ticket.create", "'tenant':'t'",
                              "{'workflow_id':'w','title':'t','tags':['a','b']}");
    for (size_t cap = 1; cap < 8000; cap += 16) {
        struct tb_arena *small = tb_arena_new(cap);
        enum tb_rc rc = tb_command_decode(json, NULL, small, &cmd, &failure);
        assert_true(rc == TB_OK || rc == TB_ENOMEM);
        assert_true(rc == TB_OK || tb_arena_failed(small));
        tb_arena_free(small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_refused_command_can_be_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_attributes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_subject_of_create, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stable_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_makes_a_command_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(test_extensions_are_capped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_type_survives, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_points_into_the_message, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory_is_an_error, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
