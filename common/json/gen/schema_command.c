/* The schema of a command: its envelope and, closed, its data. */
#include "common/json/command.h"
#include "common/json/gen/schema.h"
#include "common/model/limits.h"

/* ---- commands ---- */

bool tb_gen_command_requires(const struct tb_command_type *type, enum tb_attribute a)
{
    if (a == TB_ATTR_SUBJECT) {
        return type->kind != TB_CMD_CREATE;
    }
    if (a == TB_ATTR_DATA) {
        for (size_t i = 0; i < type->record->nfields; i++) {
            if (type->record->fields[i].flags & TB_REQUIRED) {
                return true;
            }
        }
    }
    return tb_attributes[a].on_command == TB_USE_REQUIRED;
}

static void command_attribute(struct tb_json *w, const struct tb_command_type *type,
                              enum tb_attribute a)
{
    bool required = tb_gen_command_requires(type, a);
    if (tb_attributes[a].on_command == TB_USE_NO) {
        /* null is the same as not given; a base64 name is no attribute name at all. */
        tb_json_key(w, tb_attributes[a].name);
        tb_json_raw(w, TB_LIT("{\"type\":\"null\"}"));
        return;
    }
    tb_schema_open_attribute(w, a);
    if (a == TB_ATTR_TYPE) {
        tb_schema_text(w, "const", type->name);
    } else if (a == TB_ATTR_SUBJECT && type->family != TB_FAMILY_BOARD) {
        tb_schema_type(w, "string", !required);
        tb_schema_text(w, "pattern", "^ticket-" TB_UUID_PATTERN);
    } else if (a == TB_ATTR_SCHEMAVERSION) {
        tb_schema_type(w, "integer", true);
        tb_schema_number(w, "minimum", 1);
        tb_schema_number(w, "maximum", TB_COMMAND_SCHEMA_VERSION);
    } else if (a == TB_ATTR_DATA) {
        tb_schema_record(w, type->record, !required, true);
    } else {
        tb_schema_attribute(w, a, !required);
    }
    tb_json_close(w, '}');
}

void tb_gen_command_schema(const struct tb_command_type *type, tb_buf *out)
{
    struct tb_json w = {.buf = out};
    tb_schema_head(&w, type->name, "command", type->doc);
    tb_json_key(&w, "required");
    tb_json_open(&w, '[');
    for (int a = 0; a < TB_ATTR_COUNT_; a++) {
        if (tb_gen_command_requires(type, (enum tb_attribute)a)) {
            tb_json_string(&w, tb_str_of(tb_attributes[a].name));
        }
    }
    tb_json_close(&w, ']');
    tb_json_key(&w, "properties");
    tb_json_open(&w, '{');
    for (int a = 0; a < TB_ATTR_COUNT_; a++) {
        if (a != TB_ATTR_DATA_BASE64) { /* excluded by propertyNames */
            command_attribute(&w, type, (enum tb_attribute)a);
        }
    }
    tb_schema_tail(&w);
}
