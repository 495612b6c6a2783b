/* Lookups over the .def tables. */
#include "common/model/event.h"
#include "common/model/rejection.h"

static const struct {
    const char *code;
    const char *sentence;
} rejections[TB_REJECT_COUNT_] = {
    [TB_REJECT_NONE] = {"", ""},
#define REJECTION(symbol, code, sentence) [TB_REJECT_##symbol] = {code, sentence},
#include "common/tbl/rejections.def"
#undef REJECTION
};

const struct tb_event_type tb_event_types[TB_EVENT_COUNT_] = {
#define EVENT(symbol, type, family, sequenced, sentence)                                           \
    [TB_EVENT_##symbol] = {TB_EVENT_##symbol, type, sequenced, sentence},
#include "common/tbl/events.def"
#undef EVENT
};

const char *tb_rejection_code(enum tb_rejection rejection)
{
    return rejections[rejection].code;
}

const char *tb_rejection_sentence(enum tb_rejection rejection)
{
    return rejections[rejection].sentence;
}

enum tb_rejection tb_rejection_find(tb_str code)
{
    for (int i = 1; i < TB_REJECT_COUNT_; i++) {
        if (tb_str_eq_c(code, rejections[i].code)) {
            return (enum tb_rejection)i;
        }
    }
    return TB_REJECT_NONE;
}

const struct tb_event_type *tb_event_type_find(tb_str name)
{
    for (int i = 0; i < TB_EVENT_COUNT_; i++) {
        if (tb_str_eq_c(name, tb_event_types[i].name)) {
            return &tb_event_types[i];
        }
    }
    return NULL;
}
