/* Building and sealing commands. Links libticketbus as a user would, plus the tables to compare
 * with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json/command.h"
#include "common/json/dom.h"
#include "common/kafka/producer.h"
#include "ticketbus/ticketbus.h"

#define TICKET     "ticket-0190b2f0-7c1e-7000-8000-000000000001"
#define OTHER      "ticket-0190b2f0-7c1e-7000-8000-000000000002"
#define COMMENT_ID "comment-0190b2f0-7c1e-7000-8000-000000000003"

static void seal_alone(struct ticketbus_command *cmd)
{
    struct ticketbus_error err = {.text = ""};
    assert_int_equal(ticketbus_command_attribute(cmd, "source", "/test", &err), TICKETBUS_OK);
    assert_int_equal(ticketbus_command_attribute(cmd, "actor", "tester", &err), TICKETBUS_OK);
    if (ticketbus_command_seal(cmd, NULL, &err) != TICKETBUS_OK) {
        fail_msg("%s: %s", err.field, err.text);
    }
}

/* What the worker reads; in the arena. */
static struct tb_command decode(const struct ticketbus_command *cmd, struct tb_arena *arena)
{
    struct tb_command read;
    struct tb_decode_failure why;
    size_t len = 0;
    const char *json = ticketbus_command_json(cmd, &len);
    assert_non_null(json);
    assert_int_equal(tb_command_decode((tb_str){json, len}, NULL, arena, &read, &why), TB_OK);
    return read;
}

static struct ticketbus_command *typed(enum tb_command_kind kind, struct ticketbus_error *err)
{
    static const char *const blockers[] = {OTHER};
    static const struct ticketbus_dependency edges[] = {{OTHER, "related"}};
    switch (kind) {
    case TB_CMD_CREATE:
        return ticketbus_create("wf", "A title", err);
    case TB_CMD_UPDATE: {
        struct ticketbus_command *cmd = ticketbus_update(TICKET, err);
        assert_int_equal(ticketbus_command_set(cmd, "updates.title", "New", err), TICKETBUS_OK);
        return cmd;
    }
    case TB_CMD_CHANGE_STATUS:
        return ticketbus_change_status(TICKET, "doing", err);
    case TB_CMD_COMMENT:
        return ticketbus_comment(TICKET, "Hello", err);
    case TB_CMD_EDIT_COMMENT:
        return ticketbus_edit_comment(TICKET, COMMENT_ID, "Hello again", err);
    case TB_CMD_ASSIGN:
        return ticketbus_assign(TICKET, "agent-1", true, err);
    case TB_CMD_UNASSIGN:
        return ticketbus_unassign(TICKET, err);
    case TB_CMD_LINK_COMMIT:
        return ticketbus_link_commit(TICKET, "abc123", err);
    case TB_CMD_RESOLVE:
        return ticketbus_resolve(TICKET, "Done", err);
    case TB_CMD_REOPEN:
        return ticketbus_reopen(TICKET, NULL, err);
    case TB_CMD_DELETE:
        return ticketbus_delete(TICKET, err);
    case TB_CMD_RESTORE:
        return ticketbus_restore(TICKET, err);
    case TB_CMD_BLOCK:
        return ticketbus_block(TICKET, blockers, 1, err);
    case TB_CMD_UNBLOCK:
        return ticketbus_unblock(TICKET, blockers, 1, err);
    case TB_CMD_LINK:
        return ticketbus_link(TICKET, edges, 1, err);
    case TB_CMD_UNLINK:
        return ticketbus_unlink(TICKET, edges, 1, err);
    case TB_CMD_IMPORT:
        return ticketbus_import(TICKET, "wf", err);
    case TB_CMD_BOARD_PUT:
        return ticketbus_board_put("wf",
                                   "{\"name\":\"B\",\"columns\":[{\"id\":\"todo\"}],"
                                   "\"ticket_types\":[\"bug\"],\"initial_status\":\"todo\"}",
                                   err);
    case TB_CMD_REPLAY:
        return ticketbus_replay(TICKET, err);
    case TB_CMD_DROP:
        return ticketbus_drop(TICKET, "some-id", err);
    case TB_CMD_WATCH:
    case TB_CMD_RECHECK:
    case TB_CMD_EXPIRE:
    case TB_CMD_SIMILAR:
    case TB_CMD_COUNT_:
        break;
    }
    return NULL;
}

/* A type added to the table needs a function here, or is internal. */
static void every_type_has_its_function(void **state)
{
    (void)state;
    struct tb_arena *arena = tb_arena_new(0);
    for (int kind = 0; kind < TB_CMD_COUNT_; kind++) {
        const struct tb_command_type *type = &tb_command_types[kind];
        struct ticketbus_error err = {.text = ""};
        struct ticketbus_command *cmd = typed((enum tb_command_kind)kind, &err);
        if (type->internal) {
            assert_null(cmd);
            assert_int_equal(ticketbus_command_new(type->name, TICKET, &cmd, &err),
                             TICKETBUS_EINVAL);
            assert_string_equal(err.field, "type");
            continue;
        }
        if (!cmd) {
            fail_msg("%s: no function, or %s", type->name, err.text);
        }
        assert_string_equal(ticketbus_command_type(cmd), type->name);
        seal_alone(cmd);
        struct tb_command read = decode(cmd, arena);
        assert_ptr_equal(read.type, type);
        assert_true(tb_str_eq_c(read.subject, ticketbus_command_subject(cmd)));
        assert_true(tb_str_eq_c(read.id, ticketbus_command_id(cmd)));
        ticketbus_command_free(cmd);
        tb_arena_reset(arena);
    }
    tb_arena_free(arena);
}

static void ids_of_a_create(void **state)
{
    (void)state;
    struct ticketbus_error err;
    struct ticketbus_command *cmd = ticketbus_create("wf", "T", &err);
    char expected[64];
    (void)snprintf(expected, sizeof expected, "ticket-%s", ticketbus_command_id(cmd));
    assert_string_equal(ticketbus_command_subject(cmd), expected);
    /* Another id, another ticket; not a UUID: known once the source is. */
    assert_int_equal(ticketbus_command_attribute(cmd, "id", "job 17", &err), TICKETBUS_OK);
    assert_null(ticketbus_command_subject(cmd));
    assert_int_equal(ticketbus_command_attribute(cmd, "source", "/test", &err), TICKETBUS_OK);
    char derived[64];
    (void)snprintf(derived, sizeof derived, "%s", ticketbus_command_subject(cmd));
    seal_alone(cmd);
    assert_string_equal(ticketbus_command_subject(cmd), derived);
    ticketbus_command_free(cmd);
    /* The same again gives the same ticket. */
    cmd = ticketbus_create("wf", "T", &err);
    assert_int_equal(ticketbus_command_attribute(cmd, "id", "job 17", &err), TICKETBUS_OK);
    seal_alone(cmd);
    assert_string_equal(ticketbus_command_subject(cmd), derived);
    ticketbus_command_free(cmd);
}

static void sealed_is_fixed(void **state)
{
    (void)state;
    struct ticketbus_error err;
    struct ticketbus_command *cmd = ticketbus_create("wf", "T", &err);
    seal_alone(cmd);
    const char *json = ticketbus_command_json(cmd, NULL);
    assert_int_equal(ticketbus_command_set(cmd, "title", "U", &err), TICKETBUS_ECONFLICT);
    assert_int_equal(ticketbus_command_attribute(cmd, "id", "x", &err), TICKETBUS_ECONFLICT);
    assert_int_equal(ticketbus_command_set_data(cmd, "{}", &err), TICKETBUS_ECONFLICT);
    assert_int_equal(ticketbus_command_seal(cmd, NULL, &err), TICKETBUS_OK);
    assert_ptr_equal(ticketbus_command_json(cmd, NULL), json);
    ticketbus_command_free(cmd);
}

static void fields_of_every_form(void **state)
{
    (void)state;
    struct ticketbus_error err = {.text = ""};
    struct tb_arena *arena = tb_arena_new(0);
    struct ticketbus_command *cmd = ticketbus_import(TICKET, "wf", &err);
    static const char *const tags[] = {"red \"quoted\"", "gr\303\274n"};
    assert_int_equal(ticketbus_command_set(cmd, "title", "old", &err), TICKETBUS_OK);
    assert_int_equal(ticketbus_command_set(cmd, "title", "L\303\266ve \\ \"it\"\n", &err),
                     TICKETBUS_OK);
    assert_int_equal(ticketbus_command_set_list(cmd, "tags", tags, 2, &err), TICKETBUS_OK);
    assert_int_equal(ticketbus_command_set_bool(cmd, "is_resolved", true, &err), TICKETBUS_OK);
    assert_int_equal(ticketbus_command_set(cmd, "is_deleted", "false", &err), TICKETBUS_OK);
    assert_int_equal(ticketbus_command_set_time(cmd, "created_at", 1700000000123456, &err),
                     TICKETBUS_OK);
    assert_int_equal(ticketbus_command_set(cmd, "updated_at", "2026-01-31T12:00:00+01:00", &err),
                     TICKETBUS_OK);
    assert_int_equal(ticketbus_command_set_null(cmd, "description", &err), TICKETBUS_OK);
    assert_int_equal(ticketbus_command_set_json(cmd, "dependencies",
                                                " [ {\"depends_on\" : \"" OTHER
                                                "\", \"dependency_type\":\"blocks\"} ] ",
                                                &err),
                     TICKETBUS_OK);
    assert_int_equal(ticketbus_command_set(cmd, "rationale", "because", &err), TICKETBUS_OK);
    assert_int_equal(ticketbus_command_attribute(cmd, "expectedversion", "4", &err), TICKETBUS_OK);
    assert_int_equal(ticketbus_command_attribute(cmd, "correlationid", "run 7", &err),
                     TICKETBUS_OK);
    assert_int_equal(ticketbus_command_attribute(cmd, "tenant", "x\"y", &err), TICKETBUS_OK);
    assert_int_equal(ticketbus_command_attribute(cmd, "actortype", "human", &err), TICKETBUS_OK);
    seal_alone(cmd);
    struct tb_command read = decode(cmd, arena);
    const struct tb_import_data *d = read.data;
    assert_true(tb_str_eq_c(d->title, "L\303\266ve \\ \"it\"\n"));
    assert_int_equal(d->tags.n, 2);
    assert_true(tb_str_eq_c(d->tags.items[0], tags[0]));
    assert_true(d->is_resolved);
    assert_true(tb_given(&d->p, TB_IMPORT_IS_DELETED) && !d->is_deleted);
    assert_int_equal(d->created_at, 1700000000123456);
    assert_int_equal(d->updated_at, INT64_C(1769857200000000));
    assert_true(tb_given_null(&d->p, TB_IMPORT_DESCRIPTION));
    assert_int_equal(d->dependencies.n, 1);
    assert_true(tb_str_eq_c(read.rationale, "because"));
    assert_int_equal(read.expected_version, 4);
    assert_true(tb_str_eq_c(read.correlation_id, "run 7"));
    assert_true(tb_str_eq_c(read.actor_type, "human"));
    assert_true(tb_str_eq_c(read.extensions, "\"tenant\":\"x\\\"y\""));
    assert_true(read.time_us != INT64_MIN);
    ticketbus_command_free(cmd);
    tb_arena_free(arena);
}

static void parts_of_a_record(void **state)
{
    (void)state;
    struct ticketbus_error err = {.text = ""};
    struct tb_arena *arena = tb_arena_new(0);
    struct ticketbus_command *cmd = ticketbus_update(TICKET, &err);
    assert_int_equal(ticketbus_command_set(cmd, "updates.title", "T", &err), TICKETBUS_OK);
    assert_int_equal(ticketbus_command_set_null(cmd, "updates.parent_ticket_id", &err),
                     TICKETBUS_OK);
    assert_int_equal(ticketbus_command_set(cmd, "update_comment", "why", &err), TICKETBUS_OK);
    seal_alone(cmd);
    struct tb_command read = decode(cmd, arena);
    const struct tb_update_data *d = read.data;
    assert_true(tb_str_eq_c(d->updates.title, "T"));
    assert_true(tb_given_null(&d->updates.p, TB_UPDATES_PARENT_TICKET_ID));
    assert_true(tb_str_eq_c(d->update_comment, "why"));
    ticketbus_command_free(cmd);

    cmd = ticketbus_update(TICKET, &err);
    assert_int_equal(ticketbus_command_set_json(cmd, "updates", "{\"title\":\"W\"}", &err),
                     TICKETBUS_OK);
    assert_int_equal(ticketbus_command_set(cmd, "updates.priority", "high", &err),
                     TICKETBUS_ECONFLICT);
    seal_alone(cmd);
    ticketbus_command_free(cmd);
    tb_arena_free(arena);
}

/* Everything refused names its field. */
static void refusals(void **state)
{
    (void)state;
    struct ticketbus_error err;
    struct ticketbus_command *cmd = ticketbus_create("wf", "T", &err);
#define REFUSED(call, at)                                                                          \
    do {                                                                                           \
        memset(&err, 0, sizeof err);                                                               \
        assert_int_equal((call), TICKETBUS_EINVAL);                                                \
        assert_string_equal(err.field, at);                                                        \
        assert_true(err.text[0] != '\0');                                                          \
    } while (0)
    REFUSED(ticketbus_command_set(cmd, "colour", "red", &err), "colour");
    REFUSED(ticketbus_command_set(cmd, "updates.title", "x", &err), "updates.title");
    REFUSED(ticketbus_command_set(cmd, "title.x", "x", &err), "title.x");
    REFUSED(ticketbus_command_set(cmd, "tags", "red", &err), "tags");
    REFUSED(ticketbus_command_set(cmd, "title", NULL, &err), "title");
    REFUSED(ticketbus_command_set_int(cmd, "title", 4, &err), "title");
    REFUSED(ticketbus_command_set_null(cmd, "title", &err), "title");
    REFUSED(ticketbus_command_set_json(cmd, "tags", "[\"a\"", &err), "tags");
    REFUSED(ticketbus_command_set_json(cmd, "tags", "[],\"title\":\"x\"", &err), "tags");
    REFUSED(ticketbus_command_set_data(cmd, "[]", &err), "data");
    REFUSED(ticketbus_command_attribute(cmd, "expectedversion", "-1", &err), "expectedversion");
    REFUSED(ticketbus_command_attribute(cmd, "time", "yesterday", &err), "time");
    REFUSED(ticketbus_command_attribute(cmd, "sequence", "1", &err), "sequence");
    REFUSED(ticketbus_command_attribute(cmd, "subject", "x", &err), "subject");
    REFUSED(ticketbus_command_attribute(cmd, "Bad-Name", "x", &err), "Bad-Name");
    ticketbus_command_free(cmd);
    REFUSED(ticketbus_command_new("ticket.explode", TICKET, &cmd, &err), "type");
    REFUSED(ticketbus_command_new("ticket.resolve", NULL, &cmd, &err), "subject");

    static const struct {
        const char *field;
        const char *json;
        const char *at;
    } when_sealed[] = {
        {"title", "\"\"", "title"},
        {"title", "7", "title"},
        {"blocked_by_ticket_ids", "[\"ticket-1\"]", "blocked_by_ticket_ids[0]"},
        {"tags", "[\"a\",\"a\"]", "tags[1]"},
        {"parent_ticket_id", "\"TICKET\"", "parent_ticket_id"},
        {"workflow_id", "\" wf\"", "workflow_id"},
        {"title", "\"bad \\ud800\"", "title"},
    };
    for (size_t i = 0; i < TB_COUNT(when_sealed); i++) {
        cmd = ticketbus_create("wf", "T", &err);
        assert_int_equal(ticketbus_command_attribute(cmd, "source", "/t", &err), TICKETBUS_OK);
        assert_int_equal(ticketbus_command_attribute(cmd, "actor", "a", &err), TICKETBUS_OK);
        enum ticketbus_rc rc =
            ticketbus_command_set_json(cmd, when_sealed[i].field, when_sealed[i].json, &err);
        if (rc == TICKETBUS_OK) {
            REFUSED(ticketbus_command_seal(cmd, NULL, &err), when_sealed[i].at);
            assert_string_equal(err.code, "validation_failed");
            assert_null(ticketbus_command_json(cmd, NULL));
        } else {
            assert_int_equal(rc, TICKETBUS_EINVAL);
        }
        ticketbus_command_free(cmd);
    }
    cmd = ticketbus_create("wf", "T", &err);
    REFUSED(ticketbus_command_seal(cmd, NULL, &err), "source");
    assert_int_equal(ticketbus_command_attribute(cmd, "source", "with blank", &err), TICKETBUS_OK);
    REFUSED(ticketbus_command_seal(cmd, NULL, &err), "source");
    assert_int_equal(ticketbus_command_attribute(cmd, "source", "/t", &err), TICKETBUS_OK);
    REFUSED(ticketbus_command_seal(cmd, NULL, &err), "actor");
    assert_int_equal(ticketbus_command_attribute(cmd, "actor", "a", &err), TICKETBUS_OK);
    assert_int_equal(ticketbus_command_attribute(cmd, "actortype", "cat", &err), TICKETBUS_OK);
    REFUSED(ticketbus_command_seal(cmd, NULL, &err), "actortype");
    ticketbus_command_free(cmd);

    cmd = ticketbus_create("wf", "T", &err);
    REFUSED(ticketbus_command_set(cmd, "title", "bad utf-8 \xff", &err) == TICKETBUS_OK
                ? ticketbus_command_seal(cmd, NULL, &err)
                : TICKETBUS_EINVAL,
            "title");
    ticketbus_command_free(cmd);
#undef REFUSED
    assert_null(ticketbus_create(NULL, "T", &err));
    assert_string_equal(err.field, "workflow_id");
    assert_null(ticketbus_board_put("wf", "{\"nme\":1}", &err));
    assert_string_equal(err.field, "nme");
    assert_null(ticketbus_board_put("wf", "{\"settings.admins\":[]}", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_function),
        cmocka_unit_test(ids_of_a_create),
        cmocka_unit_test(sealed_is_fixed),
        cmocka_unit_test(fields_of_every_form),
        cmocka_unit_test(parts_of_a_record),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
