/* The schema of a record of the model, from its table. */
#include "common/json/gen/schema.h"
#include "common/model/limits.h"

static void string_rules(struct tb_json *w, const struct tb_field *f)
{
    switch (f->kind) {
    case TB_KIND_ID:
        tb_schema_id(w, f->max);
        return;
    case TB_KIND_TICKET_ID:
    case TB_KIND_TICKET_IDS:
        tb_schema_text(w, "pattern", "^ticket-" TB_UUID_PATTERN);
        return;
    case TB_KIND_COMMENT_ID:
        tb_schema_text(w, "pattern", "^comment-" TB_UUID_PATTERN);
        return;
    case TB_KIND_STRING:
    case TB_KIND_STRINGS:
    case TB_KIND_STRINGS_MAP:
    case TB_KIND_ENUM:
    case TB_KIND_BOOL:
    case TB_KIND_INT:
    case TB_KIND_TIME:
    case TB_KIND_RECORD:
    case TB_KIND_RECORDS:
        tb_schema_lengths(w, f->min, f->max);
        return;
    }
}

static void string_list(struct tb_json *w, const struct tb_field *f, bool nullable)
{
    tb_schema_type(w, "array", nullable);
    tb_schema_number(w, "maxItems", (int64_t)f->max_items);
    tb_json_key(w, "uniqueItems");
    tb_json_bool(w, true);
    tb_json_key(w, "items");
    tb_json_open(w, '{');
    tb_schema_type(w, "string", false);
    string_rules(w, f);
    tb_json_close(w, '}');
}

static void string_map(struct tb_json *w, const struct tb_field *f, bool nullable)
{
    tb_schema_type(w, "object", nullable);
    tb_schema_number(w, "maxProperties", (int64_t)f->max_items);
    tb_json_key(w, "propertyNames");
    tb_json_open(w, '{');
    string_rules(w, f);
    tb_json_close(w, '}');
    tb_json_key(w, "additionalProperties");
    tb_json_open(w, '{');
    string_list(w, f, false);
    tb_json_close(w, '}');
}

static void record_list(struct tb_json *w, const struct tb_field *f, bool nullable)
{
    tb_schema_type(w, "array", nullable);
    tb_schema_number(w, "maxItems", (int64_t)f->max_items);
    tb_json_key(w, "items");
    tb_json_open(w, '{');
    tb_schema_record(w, f->record, false, false);
    tb_json_close(w, '}');
}

void tb_schema_field(struct tb_json *w, const struct tb_field *f)
{
    bool nullable = f->flags & TB_NULLABLE;
    tb_json_open(w, '{');
    tb_schema_text(w, "description", f->doc);
    switch (f->kind) {
    case TB_KIND_STRING:
    case TB_KIND_ID:
    case TB_KIND_TICKET_ID:
    case TB_KIND_COMMENT_ID:
        tb_schema_type(w, "string", nullable);
        string_rules(w, f);
        break;
    case TB_KIND_ENUM:
        tb_schema_choices(w, f->choices, nullable);
        break;
    case TB_KIND_BOOL:
        tb_schema_type(w, "boolean", nullable);
        break;
    case TB_KIND_INT:
        tb_schema_type(w, "integer", nullable);
        tb_schema_number(w, "minimum", f->min);
        tb_schema_number(w, "maximum", f->max);
        break;
    case TB_KIND_TIME:
        tb_schema_type(w, "string", nullable);
        tb_schema_time(w);
        break;
    case TB_KIND_STRINGS:
    case TB_KIND_TICKET_IDS:
        string_list(w, f, nullable);
        break;
    case TB_KIND_RECORD:
        tb_schema_record(w, f->record, nullable, false);
        break;
    case TB_KIND_RECORDS:
        record_list(w, f, nullable);
        break;
    case TB_KIND_STRINGS_MAP:
        string_map(w, f, nullable);
        break;
    }
    tb_json_close(w, '}');
}

void tb_schema_record(struct tb_json *w, const struct tb_record *rec, bool nullable,
                      bool with_rationale)
{
    tb_schema_type(w, "object", nullable);
    tb_json_key(w, "required");
    tb_json_open(w, '[');
    for (size_t i = 0; i < rec->nfields; i++) {
        if (rec->fields[i].flags & TB_REQUIRED) {
            tb_json_string(w, tb_str_of(rec->fields[i].name));
        }
    }
    tb_json_close(w, ']');
    tb_json_key(w, "properties");
    tb_json_open(w, '{');
    for (size_t i = 0; i < rec->nfields; i++) {
        tb_json_key(w, rec->fields[i].name);
        tb_schema_field(w, &rec->fields[i]);
    }
    if (with_rationale) {
        tb_json_key(w, "rationale");
        tb_json_open(w, '{');
        tb_schema_text(w, "description", "Why; copied to the events.");
        tb_schema_type(w, "string", true);
        tb_schema_lengths(w, 0, TB_MAX_RATIONALE_CHARS);
        tb_json_close(w, '}');
    }
    tb_json_close(w, '}');
    tb_json_key(w, "additionalProperties");
    tb_json_bool(w, false);
}
