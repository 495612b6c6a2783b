/* The tracker's issues as the tickets they stand for. */
#include "common/base/clock.h"
#include "common/base/uuid.h"
#include "producer/ctl/import_diff.h"
#include "producer/ctl/plan.h"
#include "tests/unit/ctl/kit.h"

#define WORKFLOW TB_LIT("w")

static struct ctl_plan plan(struct tb_arena *arena, const char *const *lines)
{
    struct ctl_beads_issue *issues = TB_NEW_N(arena, struct ctl_beads_issue, 32);
    struct ctl_plan p;
    struct tb_error err;
    size_t n = 0;
    for (; lines[n]; n++) {
        if (ctl_beads_issue_parse(tb_str_of(lines[n]), arena, &issues[n], &err) != TB_OK) {
            fail_msg("%s: %s", lines[n], err.text);
        }
    }
    assert_int_equal(ctl_plan_make(issues, n, WORKFLOW, arena, &p, &err), TB_OK);
    return p;
}
#define PLAN(...) plan(*state, (const char *const[]){__VA_ARGS__, NULL})

#define ISSUE(id, rest)                                                                            \
    "{\"id\":\"" id "\",\"title\":\"Title of " id "\",\"status\":\"open\",\"priority\":1,"         \
    "\"issue_type\":\"task\",\"created_at\":\"2026-01-02T03:04:05Z\","                             \
    "\"updated_at\":\"2026-01-03T00:00:00Z\"" rest "}"
#define EDGE(to, type) "{\"depends_on_id\":\"" to "\",\"type\":\"" type "\"}"

static const struct ctl_plan_ticket *ticket(const struct ctl_plan *p, const char *id)
{
    for (size_t i = 0; i < p->n; i++) {
        if (tb_str_eq_c(p->tickets[i].issue->id, id)) {
            return &p->tickets[i];
        }
    }
    fail_msg("no ticket %s", id);
    return NULL;
}

static size_t place(const struct ctl_plan *p, const char *id)
{
    return (size_t)(ticket(p, id) - p->tickets);
}

static void fields_are_taken_over(void **state)
{
    struct ctl_plan p =
        PLAN("{\"id\":\"x-1\",\"title\":\"T\",\"description\":\"D\",\"notes\":\"N\",\"status\":"
             "\"closed\","
             "\"priority\":0,\"issue_type\":\"bug\",\"created_at\":\"2026-01-02T03:04:05.123456789-"
             "08:00\","
             "\"updated_at\":\"2026-01-03T00:00:00Z\",\"closed_at\":\"2026-01-03T00:00:00Z\","
             "\"created_by\":\"ada\",\"owner\":\"o@example.com\",\"assignee\":\"bob\","
             "\"labels\":[\"a\",\"b\",\"a\"],\"close_reason\":\"fixed\","
             "\"comments\":[{\"id\":7,\"author\":\"eve\",\"text\":\"hm\",\"created_at\":"
             "\"2026-01-02T10:00:00Z\"}]}");
    const struct tb_import_data *d = &p.tickets[0].want;
    char when[TB_TIME_TEXT_MAX];
    assert_str(d->title, "T");
    assert_str(d->description, "D\n\n## Notes\n\nN");
    assert_str(d->ticket_type, "bug");
    assert_str(d->priority, "P0");
    assert_str(d->status, "closed");
    assert_str(d->created_by_agent_id, "ada");
    assert_str(d->assigned_agent_id, "bob");
    assert_str(d->external_id, "x-1");
    assert_int_equal(d->tags.n, 2);
    assert_true(d->is_resolved);
    assert_false(d->is_deleted);
    (void)tb_time_format(d->created_at, when);
    assert_string_equal(when, "2026-01-02T11:04:05.123456Z");
    assert_true(d->completed_at == d->resolved_at && tb_has(&d->p, TB_IMPORT_RESOLVED_AT));
    assert_int_equal(p.tickets[0].ncomments, 2);
    assert_str(p.tickets[0].comments[0].key, "7");
    assert_str(p.tickets[0].comments[0].agent, "eve");
    assert_str(p.tickets[0].comments[1].key, "close_reason");
    assert_str(p.tickets[0].comments[1].type, "resolution");
    assert_str(p.tickets[0].comments[1].agent, "bob");
    assert_int_equal(p.comments, 1);
    assert_int_equal(p.reasons, 1);
}

static void deleted_ones_keep_a_column(void **state)
{
    struct ctl_plan p = PLAN(
        "{\"id\":\"x\",\"title\":\"T\",\"status\":\"tombstone\",\"owner\":\"o\","
        "\"deleted_at\":\"2026-01-03T00:00:00Z\",\"deleted_by\":\"d\",\"delete_reason\":\"r\"}");
    const struct tb_import_data *d = &p.tickets[0].want;
    assert_str(d->status, "closed");
    assert_true(d->is_deleted);
    assert_false(d->is_resolved);
    assert_str(d->created_by_agent_id, "o");
    assert_true(tb_has(&d->p, TB_IMPORT_DELETED_AT));
    assert_true(tb_given_null(&d->p, TB_IMPORT_ASSIGNED_AGENT_ID));
    assert_str(p.tickets[0].comments[0].agent, "d");
    assert_int_equal(p.deleted, 1);
}

static void ids_follow_from_workflow_and_id(void **state)
{
    tb_str a = ctl_beads_ticket_id(TB_LIT("w"), TB_LIT("x"), *state);
    assert_true(tb_str_eq(a, ctl_beads_ticket_id(TB_LIT("w"), TB_LIT("x"), *state)));
    assert_false(tb_str_eq(a, ctl_beads_ticket_id(TB_LIT("v"), TB_LIT("x"), *state)));
    assert_int_equal(a.len, 7 + TB_UUID_TEXT_LEN);
}

static void the_first_parent_is_the_parent_and_the_others_are_edges(void **state)
{
    struct ctl_plan p = PLAN(
        ISSUE("c", ",\"dependencies\":[" EDGE("a", "parent-child") "," EDGE(
                       "b", "parent-child") "," EDGE("a", "blocks") "," EDGE("a", "related") "]"),
        ISSUE("a", ""), ISSUE("b", ""));
    const struct tb_import_data *d = &ticket(&p, "c")->want;
    const struct tb_dependency_data *edges = d->dependencies.items;
    assert_true(tb_str_eq(d->parent_ticket_id, ticket(&p, "a")->id));
    assert_int_equal(d->dependencies.n, 3);
    assert_str(edges[0].dependency_type, "parent-child");
    assert_true(tb_str_eq(edges[0].depends_on, ticket(&p, "b")->id));
    assert_str(edges[1].dependency_type, "blocks");
    assert_str(edges[2].dependency_type, "related");
    assert_int_equal(p.nedges, 3);
    assert_str(p.edges[0].type, "parent-child");
    assert_int_equal(p.edges[0].n, 2);
    assert_true(place(&p, "a") < place(&p, "c") && place(&p, "b") < p.n);
    assert_int_equal(p.cycles.n, 0);
    assert_int_equal(p.dangling.n, 0);
}

static void cycles_are_told_and_the_rest_kept(void **state)
{
    struct ctl_plan p = PLAN(ISSUE("a", ",\"dependencies\":[" EDGE("b", "blocks") "]"),
                             ISSUE("b", ",\"dependencies\":[" EDGE("c", "blocks") "]"),
                             ISSUE("c", ",\"dependencies\":[" EDGE("a", "blocks") "," EDGE(
                                            "c", "related") "," EDGE("a", "related") "]"));
    assert_int_equal(p.cycles.n, 2);
    assert_str(p.cycles.items[0], "c -> a (blocks)");
    assert_str(p.cycles.items[1], "c -> c (related)");
    assert_int_equal(ticket(&p, "a")->want.dependencies.n, 1);
    assert_int_equal(ticket(&p, "c")->want.dependencies.n, 1);
    assert_true(place(&p, "c") < place(&p, "b") && place(&p, "b") < place(&p, "a"));
}

static void parent_cycles_are_told_and_stay_as_edges(void **state)
{
    struct ctl_plan p = PLAN(ISSUE("a", ",\"dependencies\":[" EDGE("b", "parent-child") "]"),
                             ISSUE("b", ",\"dependencies\":[" EDGE("a", "parent-child") "]"));
    assert_int_equal(p.cycles.n, 1);
    assert_str(p.cycles.items[0], "b -> a (parent-child)");
    assert_false(tb_has(&ticket(&p, "b")->want.p, TB_IMPORT_PARENT_TICKET_ID));
    assert_int_equal(ticket(&p, "b")->want.dependencies.n, 1);
}

static void dangling_edges_are_told_and_kept(void **state)
{
    struct ctl_plan p = PLAN(ISSUE(
        "a", ",\"dependencies\":[" EDGE("gone", "blocks") "," EDGE("lost", "parent-child") "]"));
    assert_int_equal(p.dangling.n, 2);
    assert_str(p.dangling.items[0], "a -> gone (blocks)");
    assert_str(p.dangling.items[1], "a -> lost (parent-child)");
    assert_int_equal(p.tickets[0].want.dependencies.n, 2);
    assert_true(tb_given_null(&p.tickets[0].want.p, TB_IMPORT_PARENT_TICKET_ID));
}

/* An epic that waits for its child: the child still comes after its parent. */
static void parents_come_first_whatever_blocks(void **state)
{
    struct ctl_plan p = PLAN(ISSUE("child", ",\"dependencies\":[" EDGE("epic", "parent-child") "]"),
                             ISSUE("epic", ",\"dependencies\":[" EDGE("child", "blocks") "]"),
                             ISSUE("later", ",\"dependencies\":[" EDGE("child", "blocks") "]"));
    assert_int_equal(p.cycles.n, 0);
    assert_true(place(&p, "epic") < place(&p, "child"));
    assert_true(ticket(&p, "epic")->rank < ticket(&p, "child")->rank);
    assert_int_equal(ticket(&p, "epic")->want.dependencies.n, 1);
}

static void the_last_of_several_lines_counts(void **state)
{
    struct ctl_plan p = PLAN(ISSUE("a", ""), ISSUE("b", ""), ISSUE("a", ",\"assignee\":\"zoe\""));
    assert_int_equal(p.n, 2);
    assert_int_equal(p.duplicates.n, 1);
    assert_str(ticket(&p, "a")->want.assigned_agent_id, "zoe");
}

static void broken_lines_say_why(void **state)
{
    struct ctl_beads_issue issue;
    struct tb_error err;
    assert_int_equal(ctl_beads_issue_parse(TB_LIT("{"), *state, &issue, &err), TB_EINVAL);
    assert_int_equal(
        ctl_beads_issue_parse(TB_LIT("{\"id\":\"a\",\"status\":\"open\"}"), *state, &issue, &err),
        TB_EINVAL);
    assert_int_equal(
        ctl_beads_issue_parse(TB_LIT("{\"id\":\"a\",\"title\":\"t\",\"status\":\"open\","
                                     "\"closed_at\":\"yesterday\"}"),
                              *state, &issue, &err),
        TB_EINVAL);
    assert_string_equal(err.field, "closed_at");
}

/* ---- comparing ---- */

static struct ctl_current *as_stored(struct tb_arena *arena, const struct ctl_plan_ticket *t)
{
    struct ctl_current *now = ctl_current_new(t->id, arena);
    const struct tb_dependency_data *edges = t->want.dependencies.items;
    ctl_import_fold(now, &t->want);
    for (size_t i = t->want.dependencies.n; i > 0; i--) { /* in another order */
        assert_true(ctl_current_add_edge(now, edges[i - 1].depends_on, edges[i - 1].dependency_type,
                                         arena));
    }
    return now;
}

#define RICH                                                                                       \
    ISSUE("a", ",\"labels\":[\"l\"],\"dependencies\":[" EDGE("b", "blocks") "," EDGE(              \
                   "b", "related") "]")

static void what_is_there_is_not_sent_again(void **state)
{
    struct ctl_plan p = PLAN(RICH, ISSUE("b", ""));
    struct tb_import_data data;
    const struct ctl_plan_ticket *a = ticket(&p, "a");
    assert_false(ctl_import_diff(as_stored(*state, a), &a->want, &data));
    assert_true(ctl_import_diff(NULL, &a->want, &data));
    assert_true(tb_has(&data.p, TB_IMPORT_TITLE) && tb_has(&data.p, TB_IMPORT_DEPENDENCIES));
}

static void only_what_differs_is_sent(void **state)
{
    struct ctl_plan p = PLAN(RICH, ISSUE("b", ""));
    struct tb_import_data data;
    const struct ctl_plan_ticket *a = ticket(&p, "a");
    struct ctl_current *now = as_stored(*state, a);
    now->fields[TB_TICKET_TITLE] = tb_value_str(TB_LIT("other"));
    now->fields[TB_TICKET_ASSIGNED_AGENT_ID] = tb_value_str(TB_LIT("someone"));
    now->fields[TB_TICKET_UPDATED_AT] = tb_value_time(1);
    assert_true(ctl_import_diff(now, &a->want, &data));
    uint64_t expected = UINT64_C(1) << TB_IMPORT_WORKFLOW_ID | UINT64_C(1) << TB_IMPORT_TITLE |
                        UINT64_C(1) << TB_IMPORT_ASSIGNED_AGENT_ID |
                        UINT64_C(1) << TB_IMPORT_UPDATED_AT;
    assert_int_equal(data.p.set, expected);
    assert_true(tb_given_null(&data.p, TB_IMPORT_ASSIGNED_AGENT_ID));
    now = as_stored(*state, a);
    now->fields[TB_TICKET_UPDATED_AT] = tb_value_time(1); /* moves with every event */
    assert_false(ctl_import_diff(now, &a->want, &data));
    now->nedges--;
    assert_true(ctl_import_diff(now, &a->want, &data));
    assert_true(tb_has(&data.p, TB_IMPORT_DEPENDENCIES));
    assert_false(tb_has(&data.p, TB_IMPORT_TITLE));
}

static void the_board_has_what_the_file_uses(void **state)
{
    (void)state;
    const tb_str statuses[] = {TB_LIT("closed"), TB_LIT("hooked"), TB_LIT("open")};
    const tb_str types[] = {TB_LIT("bug"), TB_LIT("task")};
    const tb_str priorities[] = {TB_LIT("P9"), TB_LIT("P1")};
    tb_buf out;
    tb_buf_init(&out, 10000);
    ctl_plan_board((tb_strs){statuses, 3}, (tb_strs){types, 2}, (tb_strs){priorities, 2}, WORKFLOW,
                   TB_LIT("me"), &out);
    assert_str(tb_buf_str(&out),
               "{\"name\":\"w\",\"columns\":["
               "{\"id\":\"open\",\"category\":\"open\",\"color\":\"blue\"},"
               "{\"id\":\"hooked\",\"category\":\"active\",\"color\":\"yellow\"},"
               "{\"id\":\"closed\",\"category\":\"done\",\"color\":\"green\"}],"
               "\"ticket_types\":[\"bug\",\"task\"],\"default_ticket_type\":\"task\","
               "\"initial_status\":\"open\",\"settings\":{\"priorities\":[\"P0\",\"P1\",\"P2\","
               "\"P3\",\"P4\",\"P9\"],\"default_priority\":\"P2\",\"admins\":[\"me\"],"
               "\"allow_reopen\":true}}");
    tb_buf_dispose(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ARENA(fields_are_taken_over),
        WITH_ARENA(deleted_ones_keep_a_column),
        WITH_ARENA(ids_follow_from_workflow_and_id),
        WITH_ARENA(the_first_parent_is_the_parent_and_the_others_are_edges),
        WITH_ARENA(cycles_are_told_and_the_rest_kept),
        WITH_ARENA(parent_cycles_are_told_and_stay_as_edges),
        WITH_ARENA(dangling_edges_are_told_and_kept),
        WITH_ARENA(parents_come_first_whatever_blocks),
        WITH_ARENA(the_last_of_several_lines_counts),
        WITH_ARENA(broken_lines_say_why),
        WITH_ARENA(what_is_there_is_not_sent_again),
        WITH_ARENA(only_what_differs_is_sent),
        WITH_ARENA(the_board_has_what_the_file_uses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
