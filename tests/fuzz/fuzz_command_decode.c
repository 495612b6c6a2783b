/* Any bytes on the commands' topic: decoded, answered or dead-lettered, and nothing else. A decoded
 * command survives being written and read again. */
#include "common/json/command.h"
#include "common/json/dom.h"
#include "common/json/event.h"
#include "tests/fuzz/fuzz.h"

static void check_json(const tb_buf *buf)
{
    struct tb_dom *dom;
    FUZZ_CHECK(!buf->failed);
    FUZZ_CHECK(tb_dom_parse(tb_buf_str(buf), 0, &dom, NULL) == TB_OK);
    tb_dom_free(dom);
}

static void check_again(const struct tb_command *cmd, struct tb_arena *arena)
{
    struct tb_command back;
    struct tb_decode_failure fail;
    tb_buf first;
    tb_buf second;
    tb_buf_init(&first, (size_t)1 << 26);
    tb_buf_init(&second, (size_t)1 << 26);
    tb_command_encode(cmd, &first);
    check_json(&first);
    FUZZ_CHECK(tb_command_decode(tb_buf_str(&first), NULL, arena, &back, &fail) == TB_OK);
    tb_command_encode(&back, &second);
    FUZZ_CHECK(tb_str_eq(tb_buf_str(&first), tb_buf_str(&second)));
    FUZZ_CHECK(memcmp(cmd->body_hash, back.body_hash, sizeof back.body_hash) == 0);
    FUZZ_CHECK(cmd->stable_time == back.stable_time);
    tb_buf_dispose(&first);
    tb_buf_dispose(&second);
}

/* The answer to a command that was refused must itself be an event anyone can read. */
static void check_answer(const struct tb_command *cmd, const struct tb_decode_failure *fail,
                         struct tb_arena *arena)
{
    const struct tb_event_args args = {.kind = TB_EVENT_REJECTED,
                                       .id = TB_LIT("evt"),
                                       .cmd = cmd,
                                       .index = 1,
                                       .count = 1,
                                       .rule = "wire.invalid",
                                       .rejection = fail->rejection,
                                       .field = fail->field,
                                       .message = fail->message};
    struct tb_event event;
    tb_buf buf;
    tb_buf_init(&buf, (size_t)1 << 26);
    tb_event_render(&args, &buf);
    check_json(&buf);
    FUZZ_CHECK(tb_event_decode(tb_buf_str(&buf), arena, &event, NULL) == TB_OK);
    FUZZ_CHECK(tb_str_eq(event.causation_id, cmd->id));
    tb_buf_dispose(&buf);
}

static void check_letter(tb_str bytes, const struct tb_decode_failure *fail)
{
    const struct tb_dead_letter letter = {.id = TB_LIT("dead"),
                                          .rejection = fail->rejection,
                                          .field = fail->field,
                                          .message = fail->message,
                                          .topic = TB_LIT("t"),
                                          .key = bytes,
                                          .original = bytes};
    tb_buf buf;
    tb_buf_init(&buf, (size_t)1 << 26);
    tb_dead_letter_render(&letter, 12000, &buf);
    check_json(&buf);
    FUZZ_CHECK(buf.len <= 12000);
    tb_buf_dispose(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tb_str bytes = {(const char *)data, size};
    struct tb_arena *arena = tb_arena_new((size_t)64 << 20);
    struct tb_command cmd;
    struct tb_decode_failure fail;
    FUZZ_CHECK(arena);
    enum tb_rc rc = tb_command_decode(bytes, NULL, arena, &cmd, &fail);
    FUZZ_CHECK(rc == TB_OK || rc == TB_EINVAL);
    if (rc == TB_OK) {
        check_again(&cmd, arena);
    } else if (fail.kind == TB_DECODE_REJECT) {
        FUZZ_CHECK(cmd.type && cmd.id.ptr && cmd.source.ptr && cmd.subject.ptr && !cmd.data);
        check_answer(&cmd, &fail, arena);
    } else {
        check_letter(bytes, &fail);
    }
    tb_arena_free(arena);
    return 0;
}
