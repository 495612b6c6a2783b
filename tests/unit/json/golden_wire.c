/* The golden messages in tests/golden/wire: commands are read and written again, events rendered,
 * byte for byte; and the hashes of commands, which must outlive an upgrade.
 *
 *     golden_wire          compares
 *     golden_wire --write  writes events and hashes anew, for a change that is meant */
#include <stdio.h>
#include <string.h>

#include "common/crypto/crypto.h"
#include "tests/unit/json/samples.h"

#define FOLDER "tests/golden/wire"

static struct tb_arena *arena;
static bool writing;
static int differ;

static tb_str without_newline(tb_str s)
{
    return s.len && s.ptr[s.len - 1] == '\n' ? (tb_str){s.ptr, s.len - 1} : s;
}

static void decode_golden(const char *name, struct tb_command *cmd, tb_str *ret_text)
{
    struct tb_decode_failure fail;
    tb_str path = tb_arena_printf(arena, FOLDER "/commands/%s.json", name);
    *ret_text = without_newline(kit_file(arena, path.ptr));
    if (tb_command_decode(*ret_text, NULL, arena, cmd, &fail) != TB_OK) {
        fail_msg("%s: %.*s", path.ptr, TB_ARG(fail.message));
    }
}

/* Compares with the file, or writes it. */
static void settle(const char *path, tb_str text)
{
    if (!writing) {
        tb_str want = kit_file(arena, path);
        if (!tb_str_eq(want, text)) {
            differ++;
            print_error("%s differs\n  want %.*s\n  got  %.*s\n", path, TB_ARG(want), TB_ARG(text));
        }
        return;
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text.ptr, 1, text.len, f), text.len);
    assert_int_equal(fclose(f), 0);
}

static void test_commands(void **state)
{
    (void)state;
    tb_buf hashes;
    tb_buf_init(&hashes, 1 << 16);
    for (int kind = 0; kind < TB_CMD_COUNT_; kind++) {
        const struct tb_command_type *type = &tb_command_types[kind];
        if (type->internal) {
            continue;
        }
        struct tb_command cmd;
        tb_str text;
        decode_golden(type->name, &cmd, &text);
        assert_ptr_equal(cmd.type, type);
        tb_buf out;
        tb_buf_init(&out, 1 << 20);
        tb_command_encode(&cmd, &out);
        kit_assert_str(tb_buf_str(&out), tb_arena_str(arena, text).ptr);
        tb_buf_dispose(&out);
        char hex[2 * TB_SHA256_LEN + 1];
        tb_hex(cmd.body_hash, TB_SHA256_LEN, hex);
        tb_buf_printf(&hashes, "%s %s\n", hex, type->name);
    }
    settle(FOLDER "/hashes.txt", tb_buf_str(&hashes));
    tb_buf_dispose(&hashes);
    assert_int_equal(differ, 0);
}

static void check_read_back(tb_str text, const struct tb_event_args *args)
{
    struct tb_event event;
    struct tb_error err = {0};
    if (tb_event_decode(text, arena, &event, &err) != TB_OK) {
        fail_msg("%.*s: %s %s", TB_ARG(text), err.field, err.text);
    }
    assert_ptr_equal(event.type, &tb_event_types[args->kind]);
    assert_true(tb_str_eq(event.id, args->id));
    assert_true(tb_str_eq(event.subject, args->cmd->subject));
    assert_true(tb_str_eq(event.causation_id, args->cmd->id));
    assert_true(tb_str_eq(event.causation_source, args->cmd->source));
    assert_true(event.time_us == args->time_us);
    assert_int_equal(event.sequence, event.type->sequenced ? args->sequence : 0);
    assert_int_equal(event.causation_index, args->index);
    assert_int_equal(event.causation_count, args->count);
    assert_int_equal(event.data.ptr[0], '{');
    assert_int_equal(event.data.ptr[event.data.len - 1], '}');
}

static void test_events(void **state)
{
    (void)state;
    for (int kind = 0; kind < TB_EVENT_COUNT_; kind++) {
        struct tb_command cmd;
        struct tb_event_args args;
        tb_str text;
        decode_golden(sample_cause((enum tb_event_kind)kind), &cmd, &text);
        sample_event((enum tb_event_kind)kind, &cmd, arena, &args);
        tb_buf out;
        tb_buf_init(&out, 1 << 20);
        tb_event_render(&args, &out);
        check_read_back(tb_buf_str(&out), &args);
        tb_buf_add_char(&out, '\n');
        tb_str path = tb_arena_printf(arena, FOLDER "/events/%s.json", tb_event_types[kind].name);
        settle(path.ptr, tb_buf_str(&out));
        tb_buf_dispose(&out);
    }
    assert_int_equal(differ, 0);
}

static void test_dead_letter(void **state)
{
    (void)state;
    tb_buf out;
    tb_buf_init(&out, 1 << 20);
    struct tb_dead_letter letter = sample_dead_letter();
    tb_dead_letter_render(&letter, 1000000, &out);
    tb_buf_add_char(&out, '\n');
    settle(FOLDER "/events/ticketbus.deadletter.json", tb_buf_str(&out));
    tb_buf_dispose(&out);
    assert_int_equal(differ, 0);
}

int main(int argc, char **argv)
{
    writing = argc > 1 && strcmp(argv[1], "--write") == 0;
    arena = tb_arena_new(0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_dead_letter),
    };
    int failed = arena ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
    tb_arena_free(arena);
    return failed;
}
