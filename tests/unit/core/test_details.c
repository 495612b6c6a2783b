/* Details of the rules that the golden table does not show at a glance. */
#include "tests/unit/base/unit.h"

#include "tests/unit/core/kit.h"

static const struct tb_column_data *columns(void)
{
    static struct tb_column_data list[3];
    static const char *const names[] = {"todo", "doing", "done"};
    for (int i = 0; i < 3; i++) {
        list[i] = (struct tb_column_data){.p.set = BIT(TB_COL_ID), .id = tb_str_of(names[i])};
    }
    return list;
}

static struct tb_board_put_data board_data(void)
{
    static const tb_str types[] = {{"task", 4}};
    static const tb_str keys[] = {{"todo", 4}, {"doing", 5}};
    static const tb_str to_doing[] = {{"doing", 5}};
    static const tb_str to_any[] = {{"todo", 4}, {"done", 4}};
    static const tb_strs values[] = {{to_doing, 1}, {to_any, 2}};
    struct tb_board_put_data data = {.name = TB_LIT("Board"), .initial_status = TB_LIT("todo")};
    data.p.set = BIT(TB_BOARD_NAME) | BIT(TB_BOARD_COLUMNS) | BIT(TB_BOARD_TICKET_TYPES) |
                 BIT(TB_BOARD_INITIAL_STATUS) | BIT(TB_BOARD_SETTINGS);
    data.columns = (struct tb_records){columns(), 3};
    data.ticket_types = (tb_strs){types, 1};
    data.settings.p.set = BIT(TB_SET_TRANSITIONS);
    data.settings.transitions = (struct tb_strings_map){keys, values, 2};
    return data;
}

/* The same board is no change, in whatever order the members of an object come. */
static void an_equal_board_is_no_change(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    struct tb_board_put_data data = board_data();
    struct tb_decision d = kit_run(&k, TB_CMD_BOARD_PUT, 'T', &data);
    assert_string_equal(d.rule, tb_rules[TB_RULE_BOARD_PUT].id);
    assert_int_equal(tb_world_board(k.w, TB_LIT("wf"))->version, 1);
    assert_int_equal(tb_world_board(k.w, TB_LIT("wf"))->columns[2].category, TB_CATEGORY_DONE);
    const struct tb_strings_map *map = &data.settings.transitions;
    const tb_str keys[] = {map->keys[1], map->keys[0]};
    const tb_strs values[] = {map->values[1], map->values[0]};
    data.settings.transitions = (struct tb_strings_map){keys, values, 2};
    d = kit_run(&k, TB_CMD_BOARD_PUT, 'T', &data);
    assert_string_equal(d.rule, tb_rules[TB_RULE_BOARD_UNCHANGED].id);
    const tb_strs swapped[] = {map->values[1], map->values[0]};
    data.settings.transitions = (struct tb_strings_map){keys, swapped, 2};
    d = kit_run(&k, TB_CMD_BOARD_PUT, 'T', &data);
    assert_string_equal(d.rule, tb_rules[TB_RULE_BOARD_PUT].id);
    assert_int_equal(d.changes[0].board_before->version, 1);
    assert_int_equal(d.changes[0].board->version, 2);
    kit_close(&k);
}

static void a_stored_board_reads_back_equal(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    struct tb_board_put_data data = board_data();
    struct tb_board board;
    assert_int_equal(tb_board_from_put(&data, k.arena, &board), TB_OK);
    board.workflow_id = TB_LIT("wf");
    board.version = 4;
    k.board = board;
    kit_add_board(&k);
    struct tb_decision d = kit_decide(&k, TB_CMD_BOARD_PUT, 'T', &data);
    assert_int_equal(d.verdict, TB_UNCHANGED);
    data.initial_status = TB_LIT("nowhere");
    assert_int_equal(tb_board_from_put(&data, k.arena, &board), TB_EINVAL);
    kit_close(&k);
}

static tb_str priority_of_new(struct kit *k, char letter)
{
    const struct tb_create_data data = {.p.set = BIT(TB_CREATE_WORKFLOW_ID) | BIT(TB_CREATE_TITLE),
                                        .workflow_id = TB_LIT("wf"),
                                        .title = TB_LIT("New")};
    kit_add_board(k);
    (void)kit_run(k, TB_CMD_CREATE, letter, &data);
    return tb_ticket_str(tb_world_ticket(k->w, kit_id(letter)), TB_TICKET_PRIORITY);
}

static void a_priority_left_out(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    assert_text(priority_of_new(&k, 'A'), "medium");
    k.board.priorities = LIST(TB_LIT("p0"), TB_LIT("p1"), TB_LIT("p2"), TB_LIT("p3"), TB_LIT("p4"));
    assert_text(priority_of_new(&k, 'B'), "p2");
    k.board.default_priority = TB_LIT("p3");
    assert_text(priority_of_new(&k, 'C'), "p3");
    kit_close(&k);
}

static void messages_list_ten_blockers(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    kit_add_board(&k);
    struct tb_ticket t = kit_ticket('T', "todo");
    kit_add(&k, &t);
    for (int i = 0; i < 12; i++) {
        kit_edge(&k, 'T', (char)('A' + i), TB_EDGE_BLOCKS);
    }
    const struct tb_change_status_data move = {.p.set = BIT(TB_STATUS_NEW_STATUS),
                                               .new_status = TB_LIT("doing")};
    struct tb_decision d = kit_decide(&k, TB_CMD_CHANGE_STATUS, 'T', &move);
    tb_buf text;
    tb_buf_init(&text, 10000);
    kit_render_str(&text, d.message);
    assert_text(tb_buf_str(&text), "T waits for A, B, C, D, E, F, G, H, I, J and 2 more");
    tb_buf_dispose(&text);
    kit_close(&k);
}

/* Times the source gives win over those that would follow, and one that stays as it is no diff. */
static void an_imports_own_times_win(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    kit_add_board(&k);
    k.actor_type = TB_LIT("orchestrator");
    struct tb_ticket t = kit_ticket('T', "todo");
    kit_add(&k, &t);
    const struct tb_import_data data = {
        .p = {BIT(TB_IMPORT_WORKFLOW_ID) | BIT(TB_IMPORT_STATUS) | BIT(TB_IMPORT_STARTED_AT) |
                  BIT(TB_IMPORT_OCCURRED_AT),
              BIT(TB_IMPORT_STARTED_AT)},
        .workflow_id = TB_LIT("wf"),
        .status = TB_LIT("doing"),
        .occurred_at = 42,
    };
    struct tb_decision d = kit_run(&k, TB_CMD_IMPORT, 'T', &data);
    assert_int_equal(d.nchanges, 1);
    assert_int_equal(d.changes[0].ndiffs, 2); /* status, updated_at */
    assert_int_equal(d.changes[0].at, 42);
    const struct tb_ticket *now = tb_world_ticket(k.w, kit_id('T'));
    assert_int_equal(tb_ticket_time(now, TB_TICKET_STARTED_AT), TB_TIME_NONE);
    assert_int_equal(tb_ticket_time(now, TB_TICKET_UPDATED_AT), 42);
    kit_close(&k);
}

static void an_edit_keeps_what_it_does_not_name(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    kit_add_board(&k);
    struct tb_ticket t = kit_ticket('T', "todo");
    kit_add(&k, &t);
    const struct tb_comment_data add = {.p.set = BIT(TB_COMMENT_TEXT) | BIT(TB_COMMENT_MENTIONS) |
                                                 BIT(TB_COMMENT_ATTACHMENTS),
                                        .comment_text = TB_LIT("one"),
                                        .mentions = LIST(TB_LIT("bob")),
                                        .attachments = LIST(TB_LIT("a.log"))};
    struct tb_decision d = kit_run(&k, TB_CMD_COMMENT, 'T', &add);
    assert_int_equal(d.verdict, TB_APPLIED);
    const struct tb_edit_comment_data edit = {
        .p.set = BIT(TB_EDIT_COMMENT_ID) | BIT(TB_EDIT_TEXT) | BIT(TB_EDIT_ATTACHMENTS),
        .comment_id = k.ctx.comment_id,
        .comment_text = TB_LIT("two"),
        .attachments = LIST(TB_LIT("b.log"), TB_LIT("c.log"))};
    d = kit_run(&k, TB_CMD_EDIT_COMMENT, 'T', &edit);
    assert_int_equal(d.nchanges, 1);
    const struct tb_comment *after = d.changes[0].comment;
    assert_text(d.changes[0].comment_before->text, "one");
    assert_text(after->text, "two");
    assert_text(after->mentions.items[0], "bob");
    assert_int_equal(after->attachments.n, 2);
    assert_true(after->is_edited);
    assert_int_equal(after->updated_at, KIT_NOW);
    d = kit_run(&k, TB_CMD_EDIT_COMMENT, 'T', &edit);
    assert_int_equal(d.verdict, TB_UNCHANGED);
    kit_close(&k);
}

static void started_at_is_of_the_first_start(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    kit_add_board(&k);
    struct tb_ticket t = kit_ticket('T', "todo");
    kit_add(&k, &t);
    static const char *const way[] = {"doing", "todo", "review", "done", "closed", "doing"};
    for (int i = 0; i < 6; i++) {
        k.ctx.now_us = 1000 + i;
        const struct tb_change_status_data move = {.p.set = BIT(TB_STATUS_NEW_STATUS),
                                                   .new_status = tb_str_of(way[i])};
        struct tb_decision d = kit_run(&k, TB_CMD_CHANGE_STATUS, 'T', &move);
        assert_int_equal(d.verdict, TB_APPLIED);
        const struct tb_ticket *now = tb_world_ticket(k.w, kit_id('T'));
        assert_int_equal(tb_ticket_time(now, TB_TICKET_STARTED_AT), 1000);
        /* Completed with the entry into done, kept in closed, gone afterwards. */
        assert_int_equal(tb_ticket_time(now, TB_TICKET_COMPLETED_AT),
                         i == 3 || i == 4 ? 1003 : TB_TIME_NONE);
        assert_false(tb_ticket_bool(now, TB_TICKET_IS_RESOLVED));
        assert_int_equal(d.nmessages, 0); /* only resolve unblocks dependents */
    }
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_equal_board_is_no_change),
        cmocka_unit_test(a_stored_board_reads_back_equal),
        cmocka_unit_test(a_priority_left_out),
        cmocka_unit_test(messages_list_ten_blockers),
        cmocka_unit_test(an_imports_own_times_win),
        cmocka_unit_test(an_edit_keeps_what_it_does_not_name),
        cmocka_unit_test(started_at_is_of_the_first_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
