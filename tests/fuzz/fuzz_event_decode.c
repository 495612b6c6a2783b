/* Any bytes on the events' topic, as a consumer reads them. */
#include "common/json/dom.h"
#include "common/json/event.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tb_str bytes = {(const char *)data, size};
    struct tb_arena *arena = tb_arena_new((size_t)64 << 20);
    struct tb_event event;
    struct tb_error err = {0};
    FUZZ_CHECK(arena);
    enum tb_rc rc = tb_event_decode(bytes, arena, &event, &err);
    FUZZ_CHECK(rc == TB_OK || (rc == TB_EINVAL && err.text[0]));
    if (rc == TB_OK) {
        FUZZ_CHECK(event.id.len && event.source.len && event.subject.len && event.type_name.len);
        FUZZ_CHECK(event.data.ptr >= bytes.ptr &&
                   event.data.ptr + event.data.len <= bytes.ptr + bytes.len);
        FUZZ_CHECK(event.data.ptr[0] == '{' && event.data.ptr[event.data.len - 1] == '}');
        FUZZ_CHECK(!event.type || !event.type->sequenced || event.sequence > 0);
    }
    tb_arena_free(arena);
    return 0;
}
