#include "gateway/core/arguments.h"

#include <stdio.h>

#include "common/base/json_write.h"
#include "common/json/record.h"
#include "common/json/tree.h"

#define ARGUMENTS_MAX ((size_t)16 * 1024 * 1024)

static const struct tb_field *field_of(const struct tb_operation *op, tb_str name)
{
    const struct tb_record *record = tb_operation_params(op);
    int at = tb_record_find(record, name);
    if (at < 0 && op->kind == TB_OP_COMMAND) {
        record = &tb_envelope_record;
        at = tb_record_find(record, name);
    }
    return at < 0 ? NULL : &record->fields[at];
}

static bool is_number(tb_str text)
{
    size_t i = text.len > 0 && text.ptr[0] == '-';
    if (i == text.len || text.len - i > 18 || (text.ptr[i] == '0' && text.len - i > 1)) {
        return false;
    }
    for (; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return true;
}

static void add_items(struct tb_json *w, tb_str text)
{
    for (size_t at = 0; at <= text.len;) {
        size_t end = at;
        while (end < text.len && text.ptr[end] != ',') {
            end++;
        }
        if (end > at) {
            tb_json_string(w, (tb_str){text.ptr + at, end - at});
        }
        at = end + 1;
    }
}

static void add_text(struct tb_json *w, const struct tb_field *field, tb_str text)
{
    if (field && field->kind == TB_KIND_INT && is_number(text)) {
        tb_json_raw(w, text);
    } else if (field && field->kind == TB_KIND_BOOL &&
               (tb_str_eq_c(text, "true") || tb_str_eq_c(text, "1"))) {
        tb_json_bool(w, true);
    } else if (field && field->kind == TB_KIND_BOOL &&
               (tb_str_eq_c(text, "false") || tb_str_eq_c(text, "0"))) {
        tb_json_bool(w, false);
    } else {
        tb_json_string(w, text); /* of the wrong kind, perhaps: refused by name when decoded */
    }
}

static bool is_list(const struct tb_field *field)
{
    return field && (field->kind == TB_KIND_STRINGS || field->kind == TB_KIND_TICKET_IDS);
}

static void add_query(struct tb_json *w, const struct tb_operation *op,
                      const struct tb_query *query)
{
    for (size_t i = 0; i < query->n; i++) {
        tb_str name = query->params[i].name;
        const struct tb_field *field = field_of(op, name);
        bool seen = false;
        for (size_t k = 0; k < i && is_list(field); k++) {
            seen = seen || tb_str_eq(query->params[k].name, name);
        }
        if (seen) {
            continue; /* went into the list already */
        }
        tb_json_key_str(w, name);
        if (!is_list(field)) {
            add_text(w, field, query->params[i].value);
            continue;
        }
        tb_json_open(w, '[');
        for (size_t k = i; k < query->n; k++) {
            if (tb_str_eq(query->params[k].name, name)) {
                add_items(w, query->params[k].value);
            }
        }
        tb_json_close(w, ']');
    }
}

static tb_str trimmed(tb_str s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[0]) && s.ptr[0]) {
        s = (tb_str){s.ptr + 1, s.len - 1};
    }
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[s.len - 1]) && s.ptr[s.len - 1]) {
        s.len--;
    }
    return s;
}

/* The members between the braces; the parser sees whether they are any. */
static enum tb_rc inside(tb_str body, tb_str *ret, struct tb_error *err)
{
    body = trimmed(body);
    if (body.len < 2 || body.ptr[0] != '{' || body.ptr[body.len - 1] != '}') {
        return tb_fail(err, TB_EINVAL, "the body is not a JSON object");
    }
    *ret = trimmed((tb_str){body.ptr + 1, body.len - 2});
    return TB_OK;
}

enum tb_rc tb_arguments(const struct tb_operation *op, const struct tb_route *route,
                        const struct tb_query *query, tb_str body, struct tb_arena *arena,
                        tb_str *ret, struct tb_error *err)
{
    tb_buf buf;
    tb_buf_init(&buf, ARGUMENTS_MAX);
    struct tb_json w = {.buf = &buf};
    enum tb_rc rc = TB_OK;
    tb_str members = TB_STR_NULL;
    tb_json_open(&w, '{');
    for (size_t i = 0; rc == TB_OK && route && i < route->nparams; i++) {
        tb_str value = tb_uri_decode(route->params[i].value, false, arena);
        if (tb_str_is_null(value)) {
            char name[64];
            (void)snprintf(name, sizeof name, "%.*s", TB_ARG(route->params[i].name));
            rc = tb_fail_field(err, TB_EINVAL, name, "is no well-formed UTF-8");
            break;
        }
        tb_json_key_str(&w, route->params[i].name);
        add_text(&w, field_of(op, route->params[i].name), value);
    }
    if (query) {
        add_query(&w, op, query);
    }
    if (rc == TB_OK && !tb_str_is_null(body)) {
        rc = inside(body, &members, err);
    }
    if (rc == TB_OK && members.len > 0) {
        if (w.comma) {
            tb_buf_add_char(&buf, ',');
        }
        tb_buf_add_str(&buf, members);
    }
    tb_buf_add_char(&buf, '}');
    if (rc == TB_OK) {
        *ret = tb_buf_take(&buf, arena);
        rc = ret->ptr ? TB_OK : tb_fail(err, TB_ELIMIT, "the parameters are too large");
    }
    tb_buf_dispose(&buf);
    return rc;
}

enum tb_rc tb_arguments_split(const struct tb_operation *op, tb_str json, struct tb_arena *arena,
                              struct tb_envelope_params *ret, tb_str *ret_data,
                              struct tb_error *err)
{
    const struct tb_tree *root = NULL;
    enum tb_rc rc = tb_tree_parse(json, arena, &root, err);
    if (rc != TB_OK) {
        return rc;
    }
    if (root->kind != TB_TREE_OBJECT) {
        return tb_fail(err, TB_EINVAL, "the parameters are not a JSON object");
    }
    tb_buf data;
    tb_buf envelope;
    tb_buf_init(&data, ARGUMENTS_MAX);
    tb_buf_init(&envelope, ARGUMENTS_MAX);
    struct tb_json wd = {.buf = &data};
    struct tb_json we = {.buf = &envelope};
    tb_json_open(&wd, '{');
    tb_json_open(&we, '{');
    for (const struct tb_tree *m = root->first; m; m = m->next) {
        int at = tb_record_find(&tb_envelope_record, m->name);
        bool ours = at >= 0 && tb_operation_takes(op, (unsigned)at);
        if (ours && m->kind != TB_TREE_NULL) {
            tb_json_key_str(&we, m->name);
            tb_json_raw(&we, m->raw);
        }
        if (!ours || at == TB_ENVELOPE_RATIONALE) {
            tb_json_key_str(&wd, m->name);
            tb_json_raw(&wd, m->raw);
        }
    }
    tb_json_close(&wd, '}');
    tb_json_close(&we, '}');
    *ret_data = tb_buf_take(&data, arena);
    tb_str text = tb_buf_take(&envelope, arena);
    tb_buf_dispose(&data);
    tb_buf_dispose(&envelope);
    if (!ret_data->ptr || !text.ptr) {
        return tb_fail(err, TB_ELIMIT, "the parameters are too large");
    }
    rc = tb_record_parse(&tb_envelope_record, text, arena, ret, err);
    for (unsigned f = TB_ENVELOPE_TICKET_ID; rc == TB_OK && f <= TB_ENVELOPE_WORKFLOW_ID; f++) {
        if (tb_operation_takes(op, f) && !tb_has(&ret->p, f)) {
            rc = tb_fail_field(err, TB_EINVAL, tb_envelope_record.fields[f].name, "is missing");
        }
    }
    return rc;
}
