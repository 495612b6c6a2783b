/* The CloudEvents attributes Ticketbus knows: the one list, for decoding, encoding and schemas. */
#ifndef TB_JSON_ATTRIBUTES_H
#define TB_JSON_ATTRIBUTES_H

#include <stdbool.h>

#include "common/base/str.h"

enum tb_attribute {
#define ATTRIBUTE(symbol, name, command, event, format, doc) TB_ATTR_##symbol,
#include "common/json/attributes.def"
#undef ATTRIBUTE
    TB_ATTR_COUNT_,
};

/* Whether commands or events carry it. */
enum tb_attribute_use {
    TB_USE_NO,      /* may not be given */
    TB_USE_IGNORED, /* may be given, has no effect */
    TB_USE_OPTIONAL,
    TB_USE_REQUIRED,
    TB_USE_SOME, /* required on some types, absent on others */
};

enum tb_attribute_format {
    TB_FORMAT_VERSION_1_0,
    TB_FORMAT_ID,
    TB_FORMAT_URI,
    TB_FORMAT_TYPE,
    TB_FORMAT_SUBJECT,
    TB_FORMAT_TIME,
    TB_FORMAT_JSON_TYPE,
    TB_FORMAT_NUMBER,  /* integer, or the same as a decimal string */
    TB_FORMAT_DECIMAL, /* decimal string */
    TB_FORMAT_INT,
    TB_FORMAT_ACTOR_TYPE,
    TB_FORMAT_TRACEPARENT,
    TB_FORMAT_TRACESTATE,
    TB_FORMAT_OBJECT,
    TB_FORMAT_ANY,
};

struct tb_attribute_info {
    const char *name;
    enum tb_attribute_use on_command;
    enum tb_attribute_use on_event;
    enum tb_attribute_format format;
    const char *doc;
};

/* Indexed by attribute. */
extern const struct tb_attribute_info tb_attributes[TB_ATTR_COUNT_];
/* -1 when it is none of ours. */
int tb_attribute_find(tb_str name);

#endif
