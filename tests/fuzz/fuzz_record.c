/* Data of any type (the first byte says which): what is accepted survives being written and read.
 */
#include "common/json/record.h"
#include "common/model/command.h"
#include "tests/fuzz/fuzz.h"

static void check_again(const struct tb_record *rec, const void *data, struct tb_arena *arena)
{
    void *back = tb_arena_alloc(arena, rec->size);
    tb_buf first;
    tb_buf second;
    tb_buf_init(&first, (size_t)1 << 26);
    tb_buf_init(&second, (size_t)1 << 26);
    struct tb_json w = {.buf = &first};
    tb_record_write(rec, data, &w);
    FUZZ_CHECK(back && !first.failed);
    FUZZ_CHECK(tb_record_parse(rec, tb_buf_str(&first), arena, back, NULL) == TB_OK);
    w = (struct tb_json){.buf = &second};
    tb_record_write(rec, back, &w);
    FUZZ_CHECK(tb_str_eq(tb_buf_str(&first), tb_buf_str(&second)));
    tb_buf_dispose(&first);
    tb_buf_dispose(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) {
        return 0;
    }
    const struct tb_record *rec = tb_command_types[data[0] % TB_CMD_COUNT_].record;
    tb_str json = {(const char *)data + 1, size - 1};
    struct tb_arena *arena = tb_arena_new((size_t)64 << 20);
    struct tb_error err = {0};
    tb_strs list;
    FUZZ_CHECK(arena);
    void *to = tb_arena_alloc(arena, rec->size);
    FUZZ_CHECK(to);
    enum tb_rc rc = tb_record_parse(rec, json, arena, to, &err);
    FUZZ_CHECK(rc == TB_OK || (rc == TB_EINVAL && err.text[0]));
    if (rc == TB_OK) {
        check_again(rec, to, arena);
    }
    rc = tb_strings_parse(json, arena, &list);
    FUZZ_CHECK(rc == TB_OK || rc == TB_EINVAL);
    tb_arena_free(arena);
    return 0;
}
