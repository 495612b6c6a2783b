#include "producer/ctl/fields.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/utf8.h"

/* ---- one value ---- */

static void *place(void *data, const struct tb_field *field)
{
    return (char *)data + field->offset;
}

/* "@file", "-", "@@text" for a text that begins with @. One newline at the end of a file goes. */
static enum tb_rc read_text(struct ctl *ctl, tb_str text, tb_str *ret, struct tb_error *err)
{
    bool is_stdin = tb_str_eq_c(text, "-");
    if (!is_stdin && !tb_str_starts(text, "@")) {
        *ret = text;
        return TB_OK;
    }
    if (tb_str_starts(text, "@@")) {
        *ret = (tb_str){text.ptr + 1, text.len - 1};
        return TB_OK;
    }
    enum tb_rc rc = ctl_read_file(ctl, is_stdin ? "-" : text.ptr + 1, ret, err);
    if (rc == TB_OK && ret->len && ret->ptr[ret->len - 1] == '\n') {
        ret->len--;
    }
    return rc;
}

static enum tb_rc set_list(struct ctl *ctl, const struct tb_field *field, struct tb_present *p,
                           size_t index, void *data, tb_str text, struct tb_error *err)
{
    tb_strs *list = place(data, field);
    tb_strs more = ctl_split(text, ctl->arena);
    tb_str *items = TB_NEW_N(ctl->arena, tb_str, list->n + more.n);
    if (!items) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    size_t n = 0;
    for (; n < list->n; n++) {
        items[n] = list->items[n];
    }
    for (size_t i = 0; i < more.n; i++) {
        items[n] = more.items[i];
        if (field->kind == TB_KIND_TICKET_IDS) {
            enum tb_rc rc = ctl_ticket_id(ctl, more.items[i], &items[n], err);
            if (rc != TB_OK) {
                return rc;
            }
        }
        n += !tb_strs_has((tb_strs){items, n}, items[n]);
    }
    *list = (tb_strs){items, n};
    tb_mark(p, (unsigned)index);
    return TB_OK;
}

static enum tb_rc set_number(const struct tb_field *field, int64_t *ret, tb_str text,
                             struct tb_error *err)
{
    if (!ctl_parse_int(text, ret) || *ret < field->min || *ret > field->max) {
        return tb_fail_field(err, TB_EINVAL, field->name, "%s is a number from %lld to %lld",
                             field->name, (long long)field->min, (long long)field->max);
    }
    return TB_OK;
}

enum tb_rc ctl_field_set(struct ctl *ctl, const struct tb_record *record, void *data, size_t index,
                         tb_str text, struct tb_error *err)
{
    const struct tb_field *field = &record->fields[index];
    struct tb_present *p = data;
    enum tb_rc rc = TB_OK;
    if (!tb_utf8_valid(text)) {
        return tb_fail_field(err, TB_EINVAL, field->name, "%s is not valid UTF-8", field->name);
    }
    if (field->kind == TB_KIND_STRINGS || field->kind == TB_KIND_TICKET_IDS) {
        return set_list(ctl, field, p, index, data, text, err);
    }
    if (text.len == 0 && (field->flags & TB_NULLABLE) && field->kind != TB_KIND_STRING &&
        field->kind != TB_KIND_BOOL) {
        tb_mark_null(p, (unsigned)index);
        return TB_OK;
    }
    switch (field->kind) {
    case TB_KIND_STRING:
        rc = read_text(ctl, text, place(data, field), err);
        break;
    case TB_KIND_ID:
    case TB_KIND_COMMENT_ID:
    case TB_KIND_ENUM:
        *(tb_str *)place(data, field) = text;
        break;
    case TB_KIND_TICKET_ID:
        rc = ctl_ticket_id(ctl, text, place(data, field), err);
        break;
    case TB_KIND_BOOL:
        *(bool *)place(data, field) = true;
        break;
    case TB_KIND_INT:
        rc = set_number(field, place(data, field), text, err);
        break;
    case TB_KIND_TIME:
        if (!tb_time_parse(text, place(data, field))) {
            rc = tb_fail_field(err, TB_EINVAL, field->name,
                               "%s is a time like 2026-11-23T20:00:00Z", field->name);
        }
        break;
    case TB_KIND_STRINGS:
    case TB_KIND_TICKET_IDS:
    case TB_KIND_RECORD:
    case TB_KIND_RECORDS:
    case TB_KIND_STRINGS_MAP:
        rc = tb_fail_field(err, TB_EINVAL, field->name, "%s cannot be given here", field->name);
        break;
    }
    if (rc == TB_OK) {
        tb_mark(p, (unsigned)index);
    }
    return rc;
}

/* ---- a command's data ---- */

/* Edges to all tickets named behind the first, of the type of --type. */
static enum tb_rc read_edges(struct ctl *ctl, struct tb_link_data *data, struct tb_error *err)
{
    size_t n = ctl->args.nargs - 1;
    tb_str type = ctl_opt(&ctl->args, "type");
    struct tb_dependency_data *edges = TB_NEW_N(ctl->arena, struct tb_dependency_data, n);
    for (size_t i = 0; edges && i < n; i++) {
        enum tb_rc rc = ctl_ticket_id(ctl, ctl->args.args[i + 1], &edges[i].depends_on, err);
        if (rc != TB_OK) {
            return rc;
        }
        edges[i].dependency_type = tb_str_is_null(type) ? TB_LIT("related") : type;
        tb_mark(&edges[i].p, TB_DEP_DEPENDS_ON);
        tb_mark(&edges[i].p, TB_DEP_TYPE);
    }
    data->dependencies = (struct tb_records){edges, n};
    tb_mark(&data->p, TB_LINK_DEPENDENCIES);
    return TB_OK;
}

static const struct tb_field *updates_field(const struct tb_record *record, size_t *ret_index)
{
    for (size_t i = 0; i < record->nfields; i++) {
        if (record->fields[i].kind == TB_KIND_RECORD) {
            *ret_index = i;
            return &record->fields[i];
        }
    }
    return NULL;
}

static enum tb_rc read_options(struct ctl *ctl, const struct tb_record *record, void *data,
                               struct tb_error *err)
{
    size_t at = 0;
    const struct tb_field *updates = updates_field(record, &at);
    for (size_t i = 0; i < ctl->args.nvalues; i++) {
        const struct ctl_value *v = &ctl->args.values[i];
        if (!v->option->field) {
            continue;
        }
        bool nested = v->option->in_updates && updates;
        const struct tb_record *r = nested ? updates->record : record;
        void *target = nested ? place(data, updates) : data;
        size_t index = (size_t)(v->option->field - r->fields);
        enum tb_rc rc = ctl_field_set(ctl, r, target, index, v->text, err);
        if (rc != TB_OK) {
            return rc;
        }
    }
    if (updates) {
        tb_mark(data, (unsigned)at); /* required, even when nothing in it changes */
    }
    return TB_OK;
}

/* Arguments: those behind the ticket (for create all) fill the fields named in the table; the last
 * one takes all that are left when it is a list. */
static enum tb_rc read_arguments(struct ctl *ctl, const struct tb_record *record, void *data,
                                 struct tb_error *err)
{
    const struct ctl_command *c = ctl->args.command;
    size_t at = c->kind == TB_CMD_CREATE ? 0 : 1;
    for (size_t f = 0; f < 2 && c->fields[f]; f++) {
        int index = tb_record_find(record, tb_str_of(c->fields[f]));
        if (index < 0) {
            return tb_fail(err, TB_EFATAL, "%s has no field %s", c->name, c->fields[f]);
        }
        bool list = record->fields[index].kind == TB_KIND_TICKET_IDS;
        do {
            if (at >= ctl->args.nargs) {
                break;
            }
            if (tb_given(data, (unsigned)index) && !list) {
                return tb_fail(err, TB_EINVAL, "%s is given twice", c->fields[f]);
            }
            enum tb_rc rc =
                ctl_field_set(ctl, record, data, (size_t)index, ctl->args.args[at++], err);
            if (rc != TB_OK) {
                return rc;
            }
        } while (list);
    }
    return TB_OK;
}

static enum tb_rc check_required(struct ctl *ctl, const struct tb_record *record, const void *data,
                                 struct tb_error *err)
{
    for (size_t i = 0; i < record->nfields; i++) {
        if ((record->fields[i].flags & TB_REQUIRED) && !tb_given(data, (unsigned)i)) {
            return tb_fail_field(err, TB_EINVAL, record->fields[i].name, "ticketctl %s needs --%s",
                                 ctl->args.command->name,
                                 ctl_option_name(&record->fields[i], ctl->arena));
        }
    }
    return TB_OK;
}

enum tb_rc ctl_fields_read(struct ctl *ctl, void **ret_data, struct tb_error *err)
{
    enum tb_command_kind kind = ctl->args.command->kind;
    const struct tb_record *record = tb_command_types[kind].record;
    void *data = tb_arena_alloc(ctl->arena, record->size);
    if (!data) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    enum tb_rc rc;
    if (kind == TB_CMD_LINK || kind == TB_CMD_UNLINK) {
        rc = read_edges(ctl, data, err);
    } else {
        rc = read_options(ctl, record, data, err);
        rc = rc == TB_OK ? read_arguments(ctl, record, data, err) : rc;
    }
    rc = rc == TB_OK ? check_required(ctl, record, data, err) : rc;
    if (rc == TB_OK) {
        *ret_data = data;
    }
    return rc;
}
