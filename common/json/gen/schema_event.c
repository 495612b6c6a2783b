/* The schema of an event: open, for a later version may add to it. */
#include "common/json/gen/schema.h"
#include "common/model/ticket.h"

bool tb_gen_event_has(const struct tb_event_type *type, enum tb_attribute a, bool *ret_required)
{
    enum tb_attribute_use use = tb_attributes[a].on_event;
    *ret_required = use == TB_USE_REQUIRED || (use == TB_USE_SOME && type->sequenced);
    return *ret_required || use == TB_USE_OPTIONAL;
}

static void write_shape(struct tb_json *w, const struct tb_shape_member *members, size_t n,
                        bool nullable);

/* What a ticket field looks like in before and after. */
static void ticket_field(struct tb_json *w, const struct tb_ticket_field_info *f)
{
    tb_json_key(w, f->name);
    tb_json_open(w, '{');
    tb_schema_text(w, "description", f->doc);
    switch (f->kind) {
    case TB_VALUE_STR:
        tb_schema_type(w, "string", true);
        break;
    case TB_VALUE_BOOL:
        tb_schema_type(w, "boolean", false);
        break;
    case TB_VALUE_TIME:
        tb_schema_type(w, "string", true);
        tb_schema_time(w);
        break;
    case TB_VALUE_STRS:
        tb_schema_type(w, "array", false);
        tb_json_key(w, "items");
        tb_json_raw(w, TB_LIT("{\"type\":\"string\"}"));
        break;
    }
    tb_json_close(w, '}');
}

static void ticket_fields(struct tb_json *w, bool nullable)
{
    tb_schema_type(w, "object", nullable);
    tb_json_key(w, "properties");
    tb_json_open(w, '{');
    for (int f = 0; f < TB_TICKET_FIELDS_; f++) {
        ticket_field(w, &tb_ticket_fields[f]);
    }
    tb_json_close(w, '}');
}

static void shape_list(struct tb_json *w, const struct tb_shape *shape, bool nullable)
{
    tb_schema_type(w, "array", nullable);
    tb_json_key(w, "items");
    tb_json_open(w, '{');
    write_shape(w, shape->members, shape->n, false);
    tb_json_close(w, '}');
}

static void shape_member(struct tb_json *w, const struct tb_shape_member *m)
{
    tb_json_key(w, m->name);
    tb_json_open(w, '{');
    tb_schema_text(w, "description", m->doc);
    switch (m->kind) {
    case TB_SHAPE_STRING:
        tb_schema_type(w, "string", m->nullable);
        break;
    case TB_SHAPE_TIME:
        tb_schema_type(w, "string", m->nullable);
        tb_schema_time(w);
        break;
    case TB_SHAPE_BOOL:
        tb_schema_type(w, "boolean", m->nullable);
        break;
    case TB_SHAPE_INT:
        tb_schema_type(w, "integer", m->nullable);
        break;
    case TB_SHAPE_STRINGS:
        tb_schema_type(w, "array", m->nullable);
        tb_json_key(w, "items");
        tb_json_raw(w, TB_LIT("{\"type\":\"string\"}"));
        break;
    case TB_SHAPE_STRINGS_MAP:
        tb_schema_type(w, "object", m->nullable);
        tb_json_key(w, "additionalProperties");
        tb_json_raw(w, TB_LIT("{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"));
        break;
    case TB_SHAPE_OBJECT:
        write_shape(w, m->shape->members, m->shape->n, m->nullable);
        break;
    case TB_SHAPE_LIST:
        shape_list(w, m->shape, m->nullable);
        break;
    case TB_SHAPE_FIELDS:
        ticket_fields(w, m->nullable);
        break;
    }
    tb_json_close(w, '}');
}

/* Open: a later version may add members, which consumers ignore. */
static void write_shape(struct tb_json *w, const struct tb_shape_member *members, size_t n,
                        bool nullable)
{
    tb_schema_type(w, "object", nullable);
    tb_json_key(w, "required");
    tb_json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        if (members[i].required) {
            tb_json_string(w, tb_str_of(members[i].name));
        }
    }
    tb_json_close(w, ']');
    tb_json_key(w, "properties");
    tb_json_open(w, '{');
    for (size_t i = 0; i < n; i++) {
        shape_member(w, &members[i]);
    }
    tb_json_close(w, '}');
}

static void forbid(struct tb_json *w, enum tb_attribute a)
{
    tb_json_key(w, tb_attributes[a].name);
    tb_json_bool(w, false);
}

static void event_attribute(struct tb_json *w, const struct tb_event_type *type,
                            enum tb_attribute a)
{
    bool required;
    if (!tb_gen_event_has(type, a, &required)) {
        forbid(w, a);
        return;
    }
    tb_schema_open_attribute(w, a);
    if (a == TB_ATTR_TYPE) {
        tb_schema_text(w, "const", type->name);
    } else if (a == TB_ATTR_SOURCE) {
        tb_schema_text(w, "const", "/ticketbus/worker");
    } else if (a == TB_ATTR_DATACONTENTTYPE) {
        tb_schema_text(w, "const", "application/json");
    } else if (a == TB_ATTR_DATA) {
        struct tb_shape_member members[24];
        size_t n;
        tb_shape_of_event(type, members, TB_COUNT(members), &n);
        write_shape(w, members, n, false);
    } else {
        tb_schema_attribute(w, a, false);
    }
    tb_json_close(w, '}');
}

void tb_gen_event_schema(const struct tb_event_type *type, tb_buf *out)
{
    struct tb_json w = {.buf = out};
    bool required;
    tb_schema_head(&w, type->name, "event", type->doc);
    tb_json_key(&w, "required");
    tb_json_open(&w, '[');
    for (int a = 0; a < TB_ATTR_COUNT_; a++) {
        if (tb_gen_event_has(type, (enum tb_attribute)a, &required) && required) {
            tb_json_string(&w, tb_str_of(tb_attributes[a].name));
        }
    }
    tb_json_close(&w, ']');
    tb_json_key(&w, "properties");
    tb_json_open(&w, '{');
    for (int a = 0; a < TB_ATTR_COUNT_; a++) {
        if (a != TB_ATTR_DATA_BASE64) {
            event_attribute(&w, type, (enum tb_attribute)a);
        }
    }
    tb_schema_tail(&w);
}

void tb_gen_dead_letter_schema(tb_buf *out)
{
    struct tb_json w = {.buf = out};
    tb_schema_head(&w, "ticketbus.deadletter", "event",
                   "A record of the commands' topic that could be neither applied nor answered.");
    tb_json_key(&w, "required");
    tb_json_raw(&w, TB_LIT("[\"specversion\",\"id\",\"source\",\"type\",\"time\","
                           "\"datacontenttype\",\"data\"]"));
    tb_json_key(&w, "properties");
    tb_json_open(&w, '{');
    static const enum tb_attribute plain[] = {TB_ATTR_SPECVERSION, TB_ATTR_ID, TB_ATTR_SUBJECT,
                                              TB_ATTR_TIME};
    for (size_t i = 0; i < TB_COUNT(plain); i++) {
        tb_schema_open_attribute(&w, plain[i]);
        tb_schema_attribute(&w, plain[i], false);
        tb_json_close(&w, '}');
    }
    tb_json_key(&w, "source");
    tb_json_raw(&w, TB_LIT("{\"const\":\"/ticketbus/worker\"}"));
    tb_json_key(&w, "type");
    tb_json_raw(&w, TB_LIT("{\"const\":\"ticketbus.deadletter\"}"));
    tb_json_key(&w, "datacontenttype");
    tb_json_raw(&w, TB_LIT("{\"const\":\"application/json\"}"));
    tb_json_key(&w, "data");
    tb_json_open(&w, '{');
    write_shape(&w, tb_shape_dead_letter.members, tb_shape_dead_letter.n, false);
    tb_json_close(&w, '}');
    tb_schema_tail(&w);
}
