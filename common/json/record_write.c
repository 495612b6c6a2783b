/* Writing a record as JSON by its table. */
#include "common/json/record.h"

static void write_map(const struct tb_strings_map *map, struct tb_json *w)
{
    tb_json_open(w, '{');
    for (size_t i = 0; i < map->n; i++) {
        tb_json_key_str(w, map->keys[i]);
        tb_json_strings(w, map->values[i]);
    }
    tb_json_close(w, '}');
}

static void write_records(const struct tb_record *rec, const struct tb_records *list,
                          struct tb_json *w)
{
    tb_json_open(w, '[');
    for (size_t i = 0; i < list->n; i++) {
        tb_record_write(rec, (const char *)list->items + i * rec->size, w);
    }
    tb_json_close(w, ']');
}

static void write_value(const struct tb_field *f, const void *at, struct tb_json *w)
{
    switch (f->kind) {
    case TB_KIND_STRING:
    case TB_KIND_ID:
    case TB_KIND_TICKET_ID:
    case TB_KIND_COMMENT_ID:
    case TB_KIND_ENUM:
        tb_json_string(w, *(const tb_str *)at);
        return;
    case TB_KIND_BOOL:
        tb_json_bool(w, *(const bool *)at);
        return;
    case TB_KIND_INT:
        tb_json_int(w, *(const int64_t *)at);
        return;
    case TB_KIND_TIME:
        tb_json_time(w, *(const int64_t *)at);
        return;
    case TB_KIND_STRINGS:
    case TB_KIND_TICKET_IDS:
        tb_json_strings(w, *(const tb_strs *)at);
        return;
    case TB_KIND_RECORD:
        tb_record_write(f->record, at, w);
        return;
    case TB_KIND_RECORDS:
        write_records(f->record, at, w);
        return;
    case TB_KIND_STRINGS_MAP:
        write_map(at, w);
        return;
    }
}

void tb_record_write_members(const struct tb_record *rec, const void *data, struct tb_json *w)
{
    const struct tb_present *p = data;
    for (size_t i = 0; i < rec->nfields; i++) {
        const struct tb_field *f = &rec->fields[i];
        if (!tb_given(p, (unsigned)i)) {
            continue;
        }
        tb_json_key(w, f->name);
        if (tb_has(p, (unsigned)i)) {
            write_value(f, (const char *)data + f->offset, w);
        } else {
            tb_json_null(w);
        }
    }
}

void tb_record_write(const struct tb_record *rec, const void *data, struct tb_json *w)
{
    tb_json_open(w, '{');
    tb_record_write_members(rec, data, w);
    tb_json_close(w, '}');
}
