/* The registry of event types (common/tbl/events.def). */
#ifndef TB_MODEL_EVENT_H
#define TB_MODEL_EVENT_H

#include <stdbool.h>

#include "common/base/str.h"

enum tb_event_kind {
#define EVENT(symbol, type, family, sequenced, sentence) TB_EVENT_##symbol,
#include "common/tbl/events.def"
#undef EVENT
    TB_EVENT_COUNT_,
};

struct tb_event_type {
    enum tb_event_kind kind;
    const char *name; /* CloudEvents type */
    bool sequenced;
    const char *doc;
};

/* Indexed by kind. */
extern const struct tb_event_type tb_event_types[TB_EVENT_COUNT_];
const struct tb_event_type *tb_event_type_find(tb_str name); /* NULL when unknown */

#endif
