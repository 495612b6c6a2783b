/* The tables of common/model agree with themselves and with their structs. */
#include "tests/unit/base/unit.h"

#include "common/model/board.h"
#include "common/model/command.h"
#include "common/model/event.h"
#include "common/model/rejection.h"
#include "common/model/ticket.h"

static void commands_are_indexed_by_kind(void **state)
{
    (void)state;
    for (int k = 0; k < TB_CMD_COUNT_; k++) {
        const struct tb_command_type *type = &tb_command_types[k];
        assert_int_equal((int)type->kind, k);
        assert_non_null(type->record);
        assert_true(strlen(type->doc) > 0);
        assert_ptr_equal(tb_command_type_find(tb_str_of(type->name)), type);
    }
    assert_null(tb_command_type_find(TB_LIT("ticket.nonsense")));
    assert_null(tb_command_type_find(TB_STR_NULL));
}

static size_t size_of_kind(const struct tb_field *f)
{
    switch (f->kind) {
    case TB_KIND_BOOL:
        return sizeof(bool);
    case TB_KIND_INT:
    case TB_KIND_TIME:
        return sizeof(int64_t);
    case TB_KIND_STRINGS:
    case TB_KIND_TICKET_IDS:
        return sizeof(tb_strs);
    case TB_KIND_RECORD:
        return f->record->size;
    case TB_KIND_RECORDS:
        return sizeof(struct tb_records);
    case TB_KIND_STRINGS_MAP:
        return sizeof(struct tb_strings_map);
    case TB_KIND_STRING:
    case TB_KIND_ID:
    case TB_KIND_TICKET_ID:
    case TB_KIND_COMMENT_ID:
    case TB_KIND_ENUM:
        break;
    }
    return sizeof(tb_str);
}

/* Fields lie in their struct, behind tb_present, in order and without overlap; the enumerators used
 * with tb_has() number them in that order. */
static void check_record(const struct tb_record *r)
{
    size_t end = sizeof(struct tb_present);
    assert_true(r->nfields <= 64);
    for (size_t i = 0; i < r->nfields; i++) {
        const struct tb_field *f = &r->fields[i];
        assert_true(f->offset >= end);
        end = f->offset + size_of_kind(f);
        assert_true(end <= r->size);
        assert_int_equal(tb_record_find(r, tb_str_of(f->name)), (int)i);
        assert_true(strlen(f->doc) > 0);
        assert_true(f->kind != TB_KIND_ENUM || f->choices);
        assert_true(f->kind == TB_KIND_TICKET_IDS || f->max >= f->min);
        bool list = f->kind == TB_KIND_STRINGS || f->kind == TB_KIND_TICKET_IDS ||
                    f->kind == TB_KIND_RECORDS || f->kind == TB_KIND_STRINGS_MAP;
        assert_true(!list || f->max_items > 0); /* everything from outside has a cap */
        if (f->kind == TB_KIND_RECORD || f->kind == TB_KIND_RECORDS) {
            check_record(f->record);
        }
    }
    assert_int_equal(tb_record_find(r, TB_LIT("nonsense")), -1);
}

static void records_match_their_structs(void **state)
{
    (void)state;
    for (int k = 0; k < TB_CMD_COUNT_; k++) {
        check_record(tb_command_types[k].record);
    }
    const struct tb_record *create = tb_command_types[TB_CMD_CREATE].record;
    assert_int_equal(tb_record_find(create, TB_LIT("external_id")), TB_CREATE_EXTERNAL_ID);
    const struct tb_record *import = tb_command_types[TB_CMD_IMPORT].record;
    assert_int_equal(tb_record_find(import, TB_LIT("comment_type")), TB_IMPORT_COMMENT_TYPE);
    const struct tb_record *board = tb_command_types[TB_CMD_BOARD_PUT].record;
    assert_int_equal(tb_record_find(board, TB_LIT("settings")), TB_BOARD_SETTINGS);
}

static void registries_are_unique(void **state)
{
    (void)state;
    for (int i = 1; i < TB_REJECT_COUNT_; i++) {
        enum tb_rejection r = (enum tb_rejection)i;
        assert_int_equal((int)tb_rejection_find(tb_str_of(tb_rejection_code(r))), i);
        assert_true(strlen(tb_rejection_sentence(r)) > 0);
    }
    assert_string_equal(tb_rejection_code(TB_REJECT_NONE), "");
    assert_int_equal(tb_rejection_find(TB_LIT("nonsense")), TB_REJECT_NONE);
    for (int i = 0; i < TB_EVENT_COUNT_; i++) {
        assert_int_equal((int)tb_event_types[i].kind, i);
        assert_ptr_equal(tb_event_type_find(tb_str_of(tb_event_types[i].name)), &tb_event_types[i]);
    }
    assert_null(tb_event_type_find(TB_LIT("nonsense")));
}

static void presence_bits(void **state)
{
    (void)state;
    struct tb_present p = {0, 0};
    assert_false(tb_given(&p, 63));
    tb_mark(&p, 63);
    assert_true(tb_has(&p, 63));
    tb_mark_null(&p, 63);
    assert_true(tb_given(&p, 63));
    assert_true(tb_given_null(&p, 63));
    assert_false(tb_has(&p, 63));
    tb_mark(&p, 63);
    assert_true(tb_has(&p, 63));
    assert_false(tb_given_null(&p, 63));
    assert_false(tb_given(&p, 0));
}

static void values_and_absent_tickets(void **state)
{
    (void)state;
    struct tb_ticket t = tb_ticket_absent(TB_LIT("ticket-x"));
    assert_false(tb_ticket_exists(&t));
    for (int f = 0; f < TB_TICKET_FIELDS_; f++) {
        assert_int_equal(t.fields[f].kind, tb_ticket_fields[f].kind);
        assert_true(tb_value_eq(t.fields[f], t.fields[f]));
        assert_true(strlen(tb_ticket_fields[f].name) > 0);
    }
    assert_true(tb_value_is_null(t.fields[TB_TICKET_STARTED_AT]));
    assert_true(tb_value_is_null(t.fields[TB_TICKET_TITLE]));
    assert_false(tb_value_is_null(t.fields[TB_TICKET_TAGS]));
    assert_false(tb_value_eq(tb_value_str(TB_LIT("")), tb_value_str(TB_STR_NULL)));
    assert_false(tb_value_eq(tb_value_bool(true), tb_value_time(1)));
}

static void boards(void **state)
{
    (void)state;
    struct tb_column columns[] = {{.id = TB_LIT("a")}, {.id = TB_LIT("b")}};
    struct tb_board board = {.columns = columns, .ncolumns = 2};
    assert_ptr_equal(tb_board_column(&board, TB_LIT("b")), &columns[1]);
    assert_null(tb_board_column(&board, TB_LIT("c")));
    assert_null(tb_board_column(&board, TB_STR_NULL));
    assert_false(tb_board_has_wip(&board));
    columns[1].wip_limit = 1;
    assert_true(tb_board_has_wip(&board));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_indexed_by_kind),
        cmocka_unit_test(records_match_their_structs),
        cmocka_unit_test(registries_are_unique),
        cmocka_unit_test(presence_bits),
        cmocka_unit_test(values_and_absent_tickets),
        cmocka_unit_test(boards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
