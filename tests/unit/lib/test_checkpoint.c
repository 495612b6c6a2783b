/* Checkpoints as text and as files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "producer/lib/checkpoint.h"

static void no_drop(void *payload)
{
    (void)payload;
}

static struct tb_sequencer *fresh(void)
{
    struct tb_sequencer_limits limits = {.held_max = 10, .window = 10, .subjects_max = 100};
    struct tb_sequencer *s = tb_sequencer_new(&limits, no_drop);
    assert_non_null(s);
    return s;
}

static void write_one(tb_buf *out)
{
    struct tb_sequencer *s = fresh();
    assert_true(tb_sequencer_seed(s, TB_LIT("ticket-a"), 7));
    assert_true(tb_sequencer_seed(s, TB_LIT("board of all"), 1));
    struct tb_sequence_offer o = {.subject = TB_LIT("ticket-a"), .id = TB_LIT("id-1")};
    assert_int_equal(tb_sequencer_offer(s, &o), TB_SEQUENCE_NEXT);
    struct ticketbus_progress p = {.offset = 1234, .last_offset = 1233, .last_id = "event-x"};
    tb_lib_checkpoint_write("ticket.events", 3, &p, s, out);
    tb_sequencer_free(s);
}

static enum ticketbus_rc read_one(tb_str bytes, int32_t partition, struct ticketbus_progress *p,
                                  struct tb_sequencer *s)
{
    struct ticketbus_error err;
    return tb_lib_checkpoint_read(bytes, "ticket.events", partition, p, s, &err);
}

static void round_trip(void **state)
{
    (void)state;
    tb_buf out;
    tb_buf_init(&out, 1 << 16);
    write_one(&out);
    struct tb_sequencer *s = fresh();
    struct ticketbus_progress p;
    assert_int_equal(read_one(tb_buf_str(&out), 3, &p, s), TICKETBUS_OK);
    assert_int_equal(p.offset, 1234);
    assert_int_equal(p.last_offset, 1233);
    assert_string_equal(p.last_id, "event-x");
    assert_int_equal(tb_sequencer_last(s, TB_LIT("ticket-a")), 7);
    assert_int_equal(tb_sequencer_last(s, TB_LIT("board of all")), 1);
    struct tb_sequence_offer o = {.subject = TB_LIT("ticket-a"), .id = TB_LIT("id-1")};
    assert_int_equal(tb_sequencer_offer(s, &o), TB_SEQUENCE_REPEAT);
    tb_sequencer_free(s);
    tb_buf_dispose(&out);
}

/* Cut anywhere, of another partition, or with anything behind it: refused. */
static void damaged(void **state)
{
    (void)state;
    tb_buf out;
    tb_buf_init(&out, 1 << 16);
    write_one(&out);
    struct ticketbus_progress p;
    for (size_t len = 0; len < out.len; len++) {
        struct tb_sequencer *s = fresh();
        assert_int_equal(read_one((tb_str){out.ptr, len}, 3, &p, s), TICKETBUS_EINVAL);
        tb_sequencer_free(s);
    }
    struct tb_sequencer *s = fresh();
    assert_int_equal(read_one(tb_buf_str(&out), 4, &p, s), TICKETBUS_EINVAL);
    tb_buf_add_c(&out, "seq 1 x\n");
    assert_int_equal(read_one(tb_buf_str(&out), 3, &p, s), TICKETBUS_EINVAL);
    tb_sequencer_free(s);
    tb_buf_dispose(&out);
}

static void files(void **state)
{
    (void)state;
    char dir[] = "/tmp/ticketbus-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char *bytes = NULL;
    size_t len = 0;
    assert_int_equal(tb_lib_checkpoint_load_file("t", 5, &bytes, &len, dir), TICKETBUS_OK);
    assert_null(bytes);
    for (int i = 0; i < 3; i++) {
        char text[16];
        int n = snprintf(text, sizeof text, "state %d", i);
        assert_int_equal(tb_lib_checkpoint_save_file("t", 5, text, (size_t)n, dir), TICKETBUS_OK);
        assert_int_equal(tb_lib_checkpoint_load_file("t", 5, &bytes, &len, dir), TICKETBUS_OK);
        assert_int_equal(len, n);
        assert_memory_equal(bytes, text, len);
        free(bytes);
    }
    char path[64];
    (void)snprintf(path, sizeof path, "%s/t-5.checkpoint", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0); /* nothing else was left there */
    assert_int_not_equal(tb_lib_checkpoint_save_file("t", 5, "x", 1, dir), TICKETBUS_OK);
    assert_int_not_equal(tb_lib_checkpoint_save_file("../t", 5, "x", 1, dir), TICKETBUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(damaged),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
