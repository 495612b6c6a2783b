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
    TB_ATTR_NO,      /* may not be given */
    TB_ATTR_IGNORED, /* may be given, has no effect */
    TB_ATTR_OPTIONAL,
    TB_ATTR_REQUIRED,
    TB_ATTR_SOME, /* required on some types, absent on others */
};

enum tb_attribute_format {
    TB_ATTR_VERSION_1_0,
    TB_ATTR_ID,
    TB_ATTR_URI,
    TB_ATTR_TYPE,
    TB_ATTR_SUBJECT,
    TB_ATTR_TIME,
    TB_ATTR_JSON_TYPE,
    TB_ATTR_NUMBER,  /* integer, or the same as a decimal string */
    TB_ATTR_DECIMAL, /* decimal string */
    TB_ATTR_INT,
    TB_ATTR_ACTOR_TYPE,
    TB_ATTR_TRACEPARENT,
    TB_ATTR_TRACESTATE,
    TB_ATTR_OBJECT,
    TB_ATTR_ANY,
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
