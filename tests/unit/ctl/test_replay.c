/* A change stream, change by change. */
#include "producer/ctl/import_events.h"
#include "tests/unit/ctl/kit.h"

#define WORKFLOW TB_LIT("w-events")
#define CHANGE(id, kind, rest)                                                                     \
    "{\"id\":" #id ",\"event_type\":\"" kind "\",\"issue_id\":\"x-1\",\"actor\":\"ada\","          \
    "\"created_at\":\"2026-02-03T04:05:06Z\"" rest "}"
#define BEFORE                                                                                     \
    ",\"old_value\":\"{\\\"id\\\":\\\"x-1\\\",\\\"title\\\":\\\"The title\\\","                    \
    "\\\"description\\\":\\\"D\\\",\\\"status\\\":\\\"open\\\",\\\"priority\\\":1,"                \
    "\\\"issue_type\\\":\\\"bug\\\",\\\"created_by\\\":\\\"bob\\\"}\""

struct run {
    struct ctl_replay ticket;
    struct tb_import_data data;
    const char *why;
};

static void run_init(struct run *r, struct tb_arena *arena)
{
    *r = (struct run){.why = ""};
    r->ticket.id = TB_LIT("ticket-x");
    r->ticket.now = ctl_current_new(r->ticket.id, arena);
    r->ticket.issue.priority = CTL_BEADS_NO_PRIORITY;
    r->ticket.issue.created_at = TB_TIME_NONE;
    r->ticket.issue.closed_at = TB_TIME_NONE;
}

static enum ctl_replayed step(struct run *r, struct tb_arena *arena, const char *line)
{
    struct ctl_beads_change c;
    struct tb_error err;
    if (ctl_beads_change_parse(tb_str_of(line), arena, &c, &err) != TB_OK) {
        fail_msg("%s: %s", line, err.text);
    }
    return ctl_replay_change(&r->ticket, &c, WORKFLOW, arena, &r->data, &r->why);
}

/* The stream tells the title only with a later change; import looks ahead for it. */
static void know_first_state(struct run *r, struct tb_arena *arena)
{
    struct ctl_beads_change c;
    struct tb_error err;
    assert_int_equal(ctl_beads_change_parse(TB_LIT(CHANGE(2, "updated", BEFORE)), arena, &c, &err),
                     TB_OK);
    assert_true(c.has_before);
    r->ticket.issue = c.before;
}

static void creation_takes_the_first_state_told(void **state)
{
    struct run r;
    run_init(&r, *state);
    know_first_state(&r, *state);
    assert_int_equal(step(&r, *state, CHANGE(1, "created", "")), CTL_REPLAY_APPLY);
    assert_str(r.data.title, "The title");
    assert_str(r.data.ticket_type, "bug");
    assert_str(r.data.priority, "P1");
    assert_str(r.data.created_by_agent_id, "bob");
    assert_str(r.data.agent_id, "ada");
    assert_str(r.data.workflow_id, "w-events");
    assert_true(tb_has(&r.data.p, TB_IMPORT_OCCURRED_AT));
    assert_int_equal(step(&r, *state, CHANGE(2, "created", "")), CTL_REPLAY_MERGED);
}

static void a_ticket_without_a_title_gets_its_id(void **state)
{
    struct run r;
    run_init(&r, *state);
    assert_int_equal(step(&r, *state, CHANGE(1, "closed", ",\"new_value\":\"why\"")),
                     CTL_REPLAY_APPLY);
    assert_str(r.data.title, "x-1");
    assert_str(r.data.status, "closed");
    assert_true(r.data.is_resolved);
    assert_str(r.data.comment_text, "why");
    assert_str(r.data.comment_key, "event-1");
}

static void fields_change_once(void **state)
{
    static const char change[] =
        CHANGE(5, "status_changed",
               ",\"new_value\":\"{\\\"status\\\":\\\"hooked\\\",\\\"assignee\\\":\\\"eve\\\"}\"");
    struct run r;
    run_init(&r, *state);
    assert_int_equal(step(&r, *state, CHANGE(1, "created", "")), CTL_REPLAY_APPLY);
    assert_int_equal(step(&r, *state, change), CTL_REPLAY_APPLY);
    assert_str(r.data.status, "hooked");
    assert_str(r.data.assigned_agent_id, "eve");
    assert_false(tb_given(&r.data.p, TB_IMPORT_TITLE));
    assert_int_equal(step(&r, *state, change), CTL_REPLAY_MERGED);
    assert_int_equal(step(&r, *state,
                          CHANGE(6, "status_changed",
                                 ",\"new_value\":\"{\\\"status\\\":\\\"open\\\","
                                 "\\\"assignee\\\":\\\"\\\"}\"")),
                     CTL_REPLAY_APPLY);
    assert_true(tb_given_null(&r.data.p, TB_IMPORT_ASSIGNED_AGENT_ID));
}

static void texts_are_put_together_again(void **state)
{
    struct run r;
    run_init(&r, *state);
    know_first_state(&r, *state);
    (void)step(&r, *state, CHANGE(1, "created", ""));
    assert_int_equal(
        step(&r, *state, CHANGE(2, "updated", ",\"new_value\":\"{\\\"notes\\\":\\\"N\\\"}\"")),
        CTL_REPLAY_APPLY);
    assert_str(r.data.description, "D\n\n## Notes\n\nN");
}

static void closing_again_keeps_the_first_time(void **state)
{
    struct run r;
    run_init(&r, *state);
    (void)step(&r, *state, CHANGE(1, "created", ""));
    assert_int_equal(step(&r, *state, CHANGE(2, "closed", ",\"new_value\":\"one\"")),
                     CTL_REPLAY_APPLY);
    assert_true(tb_has(&r.data.p, TB_IMPORT_RESOLVED_AT));
    assert_int_equal(step(&r, *state, CHANGE(3, "closed", ",\"new_value\":\"one\"")),
                     CTL_REPLAY_MERGED);
    assert_int_equal(step(&r, *state, CHANGE(4, "closed", ",\"new_value\":\"two\"")),
                     CTL_REPLAY_APPLY);
    assert_false(tb_given(&r.data.p, TB_IMPORT_RESOLVED_AT));
    assert_str(r.data.comment_text, "two");
    assert_int_equal(
        step(&r, *state, CHANGE(5, "reopened", ",\"new_value\":\"{\\\"status\\\":\\\"open\\\"}\"")),
        CTL_REPLAY_APPLY);
    assert_true(tb_has(&r.data.p, TB_IMPORT_IS_RESOLVED) && !r.data.is_resolved);
}

static void labels_gather(void **state)
{
    struct run r;
    run_init(&r, *state);
    (void)step(&r, *state, CHANGE(1, "created", ""));
    assert_int_equal(step(&r, *state, CHANGE(2, "label_added", ",\"comment\":\"Added label: a\"")),
                     CTL_REPLAY_APPLY);
    assert_int_equal(step(&r, *state, CHANGE(3, "label_added", ",\"comment\":\"Added label: b\"")),
                     CTL_REPLAY_APPLY);
    assert_int_equal(r.data.tags.n, 2);
    assert_str(r.data.tags.items[1], "b");
    assert_int_equal(step(&r, *state, CHANGE(4, "label_added", ",\"comment\":\"Added label: a\"")),
                     CTL_REPLAY_MERGED);
}

static void what_is_not_known_is_skipped_with_a_reason(void **state)
{
    struct run r;
    run_init(&r, *state);
    assert_int_equal(step(&r, *state, CHANGE(1, "exploded", "")), CTL_REPLAY_SKIPPED);
    assert_string_not_equal(r.why, "");
    assert_int_equal(step(&r, *state, CHANGE(2, "updated", ",\"new_value\":\"{broken\"")),
                     CTL_REPLAY_SKIPPED);
    assert_false(r.ticket.exists);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ARENA(creation_takes_the_first_state_told),
        WITH_ARENA(a_ticket_without_a_title_gets_its_id),
        WITH_ARENA(fields_change_once),
        WITH_ARENA(texts_are_put_together_again),
        WITH_ARENA(closing_again_keeps_the_first_time),
        WITH_ARENA(labels_gather),
        WITH_ARENA(what_is_not_known_is_skipped_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
