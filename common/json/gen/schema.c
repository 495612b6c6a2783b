#include "common/json/gen/schema.h"

#include "common/json/command.h"
#include "common/model/limits.h"

/* No control characters, no blank at either end. */
#define ID_PATTERN                                                                                 \
    "^[^\\u0000-\\u0020\\u007f-\\u009f]([^\\u0000-\\u001f\\u007f-\\u009f]*"                        \
    "[^\\u0000-\\u0020\\u007f-\\u009f])?$"
#define TIME_PATTERN                                                                               \
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?"                        \
    "([Zz]|[+-][0-9]{2}:[0-9]{2})$"

void tb_schema_text(struct tb_json *w, const char *name, const char *value)
{
    tb_json_key(w, name);
    tb_json_string(w, tb_str_of(value));
}

void tb_schema_number(struct tb_json *w, const char *name, int64_t value)
{
    tb_json_key(w, name);
    tb_json_int(w, value);
}

void tb_schema_type(struct tb_json *w, const char *type, bool nullable)
{
    tb_json_key(w, "type");
    if (!nullable) {
        tb_json_string(w, tb_str_of(type));
        return;
    }
    tb_json_open(w, '[');
    tb_json_string(w, tb_str_of(type));
    tb_json_string(w, TB_LIT("null"));
    tb_json_close(w, ']');
}

void tb_schema_choices(struct tb_json *w, const char *const *list, bool nullable)
{
    tb_json_key(w, "enum");
    tb_json_open(w, '[');
    for (; *list; list++) {
        tb_json_string(w, tb_str_of(*list));
    }
    if (nullable) {
        tb_json_null(w);
    }
    tb_json_close(w, ']');
}

void tb_schema_lengths(struct tb_json *w, int64_t min, int64_t max)
{
    if (min > 0) {
        tb_schema_number(w, "minLength", min);
    }
    tb_schema_number(w, "maxLength", max);
}

void tb_schema_id(struct tb_json *w, int64_t max)
{
    tb_schema_lengths(w, 1, max);
    tb_schema_text(w, "pattern", ID_PATTERN);
}

void tb_schema_time(struct tb_json *w)
{
    tb_schema_text(w, "format", "date-time");
    tb_schema_text(w, "pattern", TIME_PATTERN);
}

void tb_schema_attribute(struct tb_json *w, enum tb_attribute a, bool nullable)
{
    switch (tb_attributes[a].format) {
    case TB_FORMAT_VERSION_1_0:
        tb_schema_text(w, "const", "1.0");
        return;
    case TB_FORMAT_ID:
    case TB_FORMAT_SUBJECT:
        tb_schema_type(w, "string", nullable);
        tb_schema_id(w, TB_MAX_ID_CHARS);
        return;
    case TB_FORMAT_URI:
        tb_schema_type(w, "string", nullable);
        tb_schema_lengths(w, 1, TB_MAX_ID_CHARS);
        tb_schema_text(w, "format", "uri-reference");
        tb_schema_text(w, "pattern", "^[-A-Za-z0-9._~:/?#\\[\\]@!$&'()*+,;=%]+$");
        return;
    case TB_FORMAT_TYPE:
        return;
    case TB_FORMAT_TIME:
        tb_schema_type(w, "string", nullable);
        tb_schema_time(w);
        return;
    case TB_FORMAT_JSON_TYPE:
        tb_schema_type(w, "string", nullable);
        tb_schema_text(w, "pattern",
                       "^([Aa][Pp][Pp][Ll][Ii][Cc][Aa][Tt][Ii][Oo][Nn]|[Tt][Ee][Xx][Tt])/"
                       "[Jj][Ss][Oo][Nn] *(;.*)?$|^[^;]+\\+[Jj][Ss][Oo][Nn] *(;.*)?$");
        return;
    case TB_FORMAT_NUMBER:
        tb_json_key(w, "type");
        tb_json_raw(w, TB_LIT("[\"integer\",\"string\",\"null\"]"));
        tb_schema_number(w, "minimum", 0);
        tb_schema_text(w, "pattern", "^[0-9]{1,18}$");
        return;
    case TB_FORMAT_DECIMAL:
        tb_schema_type(w, "string", nullable);
        tb_schema_text(w, "pattern", "^[1-9][0-9]*$");
        return;
    case TB_FORMAT_INT:
        tb_schema_type(w, "integer", nullable);
        tb_schema_number(w, "minimum", 1);
        return;
    case TB_FORMAT_ACTOR_TYPE:
        tb_schema_choices(w, tb_actor_types, nullable);
        return;
    case TB_FORMAT_TRACEPARENT:
        tb_schema_type(w, "string", nullable);
        tb_schema_id(w, TB_MAX_TRACEPARENT_CHARS);
        return;
    case TB_FORMAT_TRACESTATE:
        tb_schema_type(w, "string", nullable);
        tb_schema_id(w, TB_MAX_TRACESTATE_CHARS);
        return;
    case TB_FORMAT_OBJECT:
    case TB_FORMAT_ANY:
        return;
    }
}

void tb_schema_open_attribute(struct tb_json *w, enum tb_attribute a)
{
    tb_json_key(w, tb_attributes[a].name);
    tb_json_open(w, '{');
    tb_schema_text(w, "description", tb_attributes[a].doc);
}

void tb_schema_head(struct tb_json *w, const char *name, const char *kind, const char *doc)
{
    tb_json_open(w, '{');
    tb_schema_text(w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    tb_buf_printf(w->buf, ",\"$id\":\"urn:ticketbus:schema:%s:%s\"", kind, name);
    tb_schema_text(w, "title", name);
    tb_schema_text(w, "description", doc);
    tb_schema_text(w, "type", "object");
}

void tb_schema_tail(struct tb_json *w)
{
    tb_json_close(w, '}');
    tb_json_key(w, "propertyNames");
    tb_json_raw(w, TB_LIT("{\"pattern\":\"^[a-z0-9]+$\"}"));
    tb_json_key(w, "additionalProperties");
    tb_json_raw(w, TB_LIT("{\"type\":[\"string\",\"integer\",\"boolean\",\"null\"]}"));
    tb_json_close(w, '}');
}
