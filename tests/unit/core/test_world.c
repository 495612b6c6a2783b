/* The world: several commands after one another, exhaustion, and what is read back. */
#include "tests/unit/base/unit.h"

#include "tests/unit/core/kit.h"

static struct tb_create_data create_data(const char *title)
{
    return (struct tb_create_data){.p.set = BIT(TB_CREATE_WORKFLOW_ID) | BIT(TB_CREATE_TITLE),
                                   .workflow_id = TB_LIT("wf"),
                                   .title = tb_str_of(title)};
}

static void expect(const struct tb_decision *d, enum tb_verdict verdict, enum tb_rule rule)
{
    assert_string_equal(d->rule, tb_rules[rule].id);
    assert_int_equal(d->verdict, verdict);
}

static bool flag(const struct kit *k, char letter, enum tb_ticket_field f)
{
    return tb_ticket_bool(tb_world_ticket(k->w, kit_id(letter)), f);
}

/* The demonstration of the whole mechanism: B waits for A, which is made after it. */
static void a_blocker_comes_and_goes(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    kit_add_board(&k);
    struct tb_create_data b = create_data("B");
    b.p.set |= BIT(TB_CREATE_BLOCKED_BY);
    b.blocked_by_ticket_ids = kit_ids(&k, "A");
    struct tb_decision d = kit_run(&k, TB_CMD_CREATE, 'B', &b);
    expect(&d, TB_APPLIED, TB_RULE_CREATED);
    assert_int_equal(d.nchanges, 3); /* created, dependency_added, blocked */
    assert_int_equal(d.nmessages, 1);
    assert_int_equal(d.messages[0].kind, TB_MESSAGE_WATCH);
    assert_true(flag(&k, 'B', TB_TICKET_IS_BLOCKED));

    struct tb_create_data a = create_data("A");
    d = kit_run(&k, TB_CMD_CREATE, 'A', &a);
    assert_int_equal(d.nmessages, 1); /* its dependent looks again */
    assert_int_equal(d.messages[0].kind, TB_MESSAGE_RECHECK);
    struct tb_empty_data nothing = {{0, 0}};
    d = kit_run(&k, TB_CMD_RECHECK, 'B', &nothing);
    expect(&d, TB_UNCHANGED, TB_RULE_RECHECK_UNCHANGED);

    struct tb_resolve_data resolve = {.p.set = BIT(TB_RESOLVE_COMMENT),
                                      .resolution_comment = TB_LIT("done")};
    d = kit_run(&k, TB_CMD_RESOLVE, 'B', &resolve);
    expect(&d, TB_REJECTED, TB_RULE_RESOLVE_BLOCKED);
    d = kit_run(&k, TB_CMD_RESOLVE, 'A', &resolve);
    expect(&d, TB_APPLIED, TB_RULE_RESOLVED);
    assert_true(flag(&k, 'B', TB_TICKET_IS_BLOCKED)); /* B's own row changes in its own turn */
    d = kit_run(&k, TB_CMD_RECHECK, 'B', &nothing);
    expect(&d, TB_APPLIED, TB_RULE_RECHECK_CHANGED);
    assert_int_equal(d.nchanges, 1);
    assert_int_equal(d.changes[0].event, TB_EVENT_UNBLOCKED);
    assert_false(flag(&k, 'B', TB_TICKET_IS_BLOCKED));

    struct tb_reopen_data reopen = {{0, 0}, TB_STR_NULL, TB_STR_NULL};
    (void)kit_run(&k, TB_CMD_REOPEN, 'A', &reopen); /* the edge was kept */
    d = kit_run(&k, TB_CMD_RECHECK, 'B', &nothing);
    assert_int_equal(d.changes[0].event, TB_EVENT_BLOCKED);
    assert_int_equal(tb_world_ticket(k.w, kit_id('B'))->version, 5);
    kit_close(&k);
}

/* A move is refused by what is so, not by what the row still says. */
static void nobody_is_refused_for_a_blocker_already_resolved(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    kit_add_board(&k);
    struct tb_ticket t = kit_ticket('T', "todo");
    t.fields[TB_TICKET_IS_BLOCKED] = tb_value_bool(true);
    t.fields[TB_TICKET_BLOCKED_BY_TICKET_IDS] = tb_value_strs(kit_ids(&k, "R"));
    kit_add(&k, &t);
    kit_edge(&k, 'T', 'R', TB_EDGE_BLOCKS);
    kit_ref(&k, 'R', KIT_RESOLVED, 0);
    struct tb_change_status_data move = {.p.set = BIT(TB_STATUS_NEW_STATUS),
                                         .new_status = TB_LIT("doing")};
    struct tb_decision d = kit_run(&k, TB_CMD_CHANGE_STATUS, 'T', &move);
    expect(&d, TB_APPLIED, TB_RULE_STATUS_MOVED);
    kit_close(&k);
}

static void a_batch_counts_its_own_tickets(void **state)
{
    (void)state;
    struct kit k;
    struct tb_column columns[5];
    kit_open(&k);
    memcpy(columns, k.board.columns, sizeof columns);
    columns[0].wip_limit = 3;
    k.board.columns = columns;
    kit_add_board(&k);
    assert_int_equal(tb_world_set_count(k.w, TB_COUNT_WIP, TB_LIT("wf"), TB_LIT("todo"), 1), TB_OK);
    struct tb_create_data data = create_data("New");
    struct tb_decision d = kit_run(&k, TB_CMD_CREATE, 'A', &data);
    expect(&d, TB_APPLIED, TB_RULE_CREATED);
    d = kit_run(&k, TB_CMD_CREATE, 'B', &data);
    expect(&d, TB_APPLIED, TB_RULE_CREATED);
    d = kit_run(&k, TB_CMD_CREATE, 'C', &data);
    expect(&d, TB_REJECTED, TB_RULE_COLUMN_WIP);
    struct tb_empty_data nothing = {{0, 0}};
    (void)kit_run(&k, TB_CMD_DELETE, 'A', &nothing);
    d = kit_run(&k, TB_CMD_CREATE, 'C', &data);
    expect(&d, TB_APPLIED, TB_RULE_CREATED);
    d = kit_run(&k, TB_CMD_RESTORE, 'A', &nothing);
    expect(&d, TB_REJECTED, TB_RULE_COLUMN_WIP);
    kit_close(&k);
}

/* Parent and child in one batch; and the child alone waits. */
static void a_parent_is_waited_for(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    kit_add_board(&k);
    struct tb_create_data child = create_data("Child");
    child.p.set |= BIT(TB_CREATE_PARENT_TICKET_ID);
    child.parent_ticket_id = kit_id('P');
    struct tb_decision d = kit_run(&k, TB_CMD_CREATE, 'C', &child);
    expect(&d, TB_WAITING, TB_RULE_PARENT_WAITS);
    assert_true(tb_str_eq(d.waits_for, kit_id('P')));
    assert_null(tb_world_ticket(k.w, kit_id('C')));
    k.ctx.last_wait = true;
    d = kit_run(&k, TB_CMD_CREATE, 'C', &child);
    expect(&d, TB_REJECTED, TB_RULE_PARENT_MISSING);
    k.ctx.last_wait = false;
    struct tb_create_data parent = create_data("Parent");
    (void)kit_run(&k, TB_CMD_CREATE, 'P', &parent);
    d = kit_run(&k, TB_CMD_CREATE, 'C', &child);
    expect(&d, TB_APPLIED, TB_RULE_CREATED);
    kit_close(&k);
}

/* Two new edges of one batch, each fine alone, close a cycle together. */
static void cycles_within_a_batch(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    kit_add_board(&k);
    for (int i = 0; i < 3; i++) {
        struct tb_ticket t = kit_ticket((char)('A' + i), "todo");
        kit_add(&k, &t);
    }
    struct tb_block_data by_b = {.p.set = 1, .blocked_by_ticket_ids = kit_ids(&k, "B")};
    struct tb_block_data by_c = {.p.set = 1, .blocked_by_ticket_ids = kit_ids(&k, "C")};
    struct tb_block_data by_a = {.p.set = 1, .blocked_by_ticket_ids = kit_ids(&k, "A")};
    (void)kit_run(&k, TB_CMD_BLOCK, 'A', &by_b);
    (void)kit_run(&k, TB_CMD_BLOCK, 'B', &by_c);
    struct tb_decision d = kit_run(&k, TB_CMD_BLOCK, 'C', &by_a);
    expect(&d, TB_REJECTED, TB_RULE_EDGE_CYCLE);
    (void)kit_run(&k, TB_CMD_UNBLOCK, 'A', &by_b);
    d = kit_run(&k, TB_CMD_BLOCK, 'C', &by_a);
    expect(&d, TB_APPLIED, TB_RULE_EDGES_CHANGED);
    kit_close(&k);
}

static void a_second_import_changes_nothing(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    kit_add_board(&k);
    k.actor_type = TB_LIT("system");
    const struct tb_import_data data = {
        .p.set = BIT(TB_IMPORT_WORKFLOW_ID) | BIT(TB_IMPORT_STATUS) | BIT(TB_IMPORT_IS_RESOLVED) |
                 BIT(TB_IMPORT_UPDATED_AT) | BIT(TB_IMPORT_COMMENT_TEXT) |
                 BIT(TB_IMPORT_DEPENDENCIES) | BIT(TB_IMPORT_COMMENT_KEY),
        .workflow_id = TB_LIT("wf"),
        .status = TB_LIT("done"),
        .is_resolved = true,
        .updated_at = 77,
        .comment_key = TB_LIT("1"),
        .comment_text = TB_LIT("old words"),
        .dependencies = RECORDS(struct tb_dependency_data,
                                {.depends_on = kit_id('X'), .dependency_type = TB_LIT("blocks")},
                                {.depends_on = kit_id('X'), .dependency_type = TB_LIT("also")}),
    };
    struct tb_decision d = kit_run(&k, TB_CMD_IMPORT, 'T', &data);
    expect(&d, TB_APPLIED, TB_RULE_IMPORTED);
    assert_int_equal(d.nchanges, 4); /* created, commented, dependency_added, blocked */
    const struct tb_ticket *t = tb_world_ticket(k.w, kit_id('T'));
    assert_int_equal(tb_ticket_time(t, TB_TICKET_COMPLETED_AT), 77);
    assert_int_equal(tb_ticket_time(t, TB_TICKET_RESOLVED_AT), 77);
    assert_int_equal(tb_ticket_time(t, TB_TICKET_UPDATED_AT), 77);
    d = kit_run(&k, TB_CMD_IMPORT, 'T', &data);
    expect(&d, TB_UNCHANGED, TB_RULE_IMPORT_UNCHANGED);
    kit_close(&k);
}

static void a_decision_leaves_the_world_alone(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    kit_add_board(&k);
    struct tb_ticket t = kit_ticket('T', "todo");
    kit_add(&k, &t);
    struct tb_change_status_data move = {.p.set = BIT(TB_STATUS_NEW_STATUS),
                                         .new_status = TB_LIT("doing")};
    struct tb_command cmd = kit_command(&k, TB_CMD_CHANGE_STATUS, 'T', &move);
    struct tb_decision d = kit_decide(&k, TB_CMD_CHANGE_STATUS, 'T', &move);
    assert_int_equal(tb_world_ticket(k.w, kit_id('T'))->version, 7);
    struct tb_decision refused =
        tb_decision_reject("size", TB_REJECT_MESSAGE_TOO_LARGE, TB_STR_NULL, TB_LIT("too large"));
    assert_int_equal(tb_world_commit(k.w, &cmd, &refused), TB_OK);
    assert_int_equal(tb_world_ticket(k.w, kit_id('T'))->version, 7);
    assert_int_equal(tb_world_commit(k.w, &cmd, &d), TB_OK);
    assert_int_equal(tb_world_ticket(k.w, kit_id('T'))->version, 8);
    assert_text(tb_ticket_str(tb_world_ticket(k.w, kit_id('T')), TB_TICKET_STATUS), "doing");
    assert_text(tb_ticket_str(&t, TB_TICKET_STATUS), "todo"); /* what was added is the caller's */
    kit_close(&k);
}

static void filling_twice_replaces(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    kit_add_board(&k);
    struct tb_ticket t = kit_ticket('T', "todo");
    kit_add(&k, &t);
    t.version = 9;
    kit_add(&k, &t);
    assert_int_equal(tb_world_ticket(k.w, kit_id('T'))->version, 9);
    kit_edge(&k, 'Y', 'T', TB_EDGE_BLOCKS);
    kit_edge(&k, 'Y', 'T', TB_EDGE_BLOCKS);
    kit_edge(&k, 'Y', 'T', "also");
    struct tb_empty_data nothing = {{0, 0}};
    struct tb_decision d = kit_decide(&k, TB_CMD_DELETE, 'T', &nothing);
    assert_int_equal(d.nmessages, 1);
    assert_null(tb_world_board(k.w, TB_LIT("none")));
    assert_null(tb_world_board(k.w, TB_STR_NULL));
    assert_null(tb_world_ticket(k.w, kit_id('N')));
    kit_close(&k);
}

/* One create with everything, in an arena of that size. */
static enum tb_rc create_within(size_t cap, struct kit *lists)
{
    struct tb_arena *arena = tb_arena_new(cap);
    struct tb_world *w = tb_world_new(arena);
    enum tb_rc rc = w ? tb_world_add_board(w, &lists->board) : TB_ENOMEM;
    struct tb_edge edge = {kit_id('Y'), kit_id('T'), TB_LIT(TB_EDGE_BLOCKS)};
    if (rc == TB_OK) {
        rc = tb_world_add_edge(w, &edge);
    }
    struct tb_create_data data = create_data("New");
    data.p.set |= BIT(TB_CREATE_BLOCKED_BY) | BIT(TB_CREATE_TAGS);
    data.blocked_by_ticket_ids = kit_ids(lists, "VWX");
    data.tags = kit_ids(lists, "A");
    struct tb_command cmd = kit_command(lists, TB_CMD_CREATE, 'T', &data);
    struct tb_decision d;
    if (rc == TB_OK) {
        rc = tb_world_decide(w, &cmd, &lists->ctx, &d);
    }
    if (rc == TB_OK) {
        assert_int_equal(d.nchanges, 3);
        assert_int_equal(d.nmessages, 4);
        rc = tb_world_commit(w, &cmd, &d);
    }
    tb_arena_free(arena);
    return rc;
}

static void exhaustion_is_reported_wherever_it_happens(void **state)
{
    (void)state;
    struct kit lists;
    kit_open(&lists);
    size_t failed = 0;
    size_t cap = 16;
    for (; create_within(cap, &lists) != TB_OK; cap += 16) {
        assert_int_equal(create_within(cap, &lists), TB_ENOMEM);
        failed++;
        assert_true(cap < 1000000);
    }
    assert_true(failed > 100); /* many places were hit */
    for (size_t more = 1; more < 20; more++) {
        assert_int_equal(create_within(cap + 16 * more, &lists), TB_OK);
    }
    kit_close(&lists);
}

static void rules_are_told_apart(void **state)
{
    (void)state;
    for (int i = 0; i < TB_RULE_COUNT_; i++) {
        const struct tb_rule_info *r = &tb_rules[i];
        assert_true(strlen(r->sentence) > 10 && strlen(r->source) > 5 && strchr(r->id, '.'));
        assert_int_equal(r->verdict == TB_REJECTED, r->rejection != TB_REJECT_NONE);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(r->id, tb_rules[j].id);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blocker_comes_and_goes),
        cmocka_unit_test(nobody_is_refused_for_a_blocker_already_resolved),
        cmocka_unit_test(a_batch_counts_its_own_tickets),
        cmocka_unit_test(a_parent_is_waited_for),
        cmocka_unit_test(cycles_within_a_batch),
        cmocka_unit_test(a_second_import_changes_nothing),
        cmocka_unit_test(a_decision_leaves_the_world_alone),
        cmocka_unit_test(filling_twice_replaces),
        cmocka_unit_test(exhaustion_is_reported_wherever_it_happens),
        cmocka_unit_test(rules_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
