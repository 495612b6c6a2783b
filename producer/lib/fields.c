/* The fields of a command's data, by name and by the type's table. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/json/dom.h"
#include "producer/lib/internal.h"

/* A field looked up by its name; `rationale` is no field of the tables. */
struct place {
    int field;
    int nested;
    const struct tb_field *info; /* NULL: rationale */
};

static enum ticketbus_rc unknown(const struct tb_command_type *type, const char *name,
                                 struct ticketbus_error *err)
{
    return tb_lib_fail_with(err, TICKETBUS_EINVAL, name, "validation_failed", "%s has no field %s",
                            type->name, name);
}

static enum ticketbus_rc find(const struct ticketbus_command *cmd, const char *name,
                              struct place *ret, struct ticketbus_error *err)
{
    enum ticketbus_rc rc = tb_lib_command_open(cmd, err);
    if (rc != TICKETBUS_OK) {
        return rc;
    }
    *ret = (struct place){.field = -1, .nested = -1};
    if (!name) {
        return unknown(cmd->type, "", err);
    }
    if (strcmp(name, "rationale") == 0) {
        return TICKETBUS_OK;
    }
    const struct tb_record *record = cmd->type->record;
    const char *dot = strchr(name, '.');
    tb_str outer = dot ? (tb_str){name, (size_t)(dot - name)} : tb_str_of(name);
    ret->field = tb_record_find(record, outer);
    if (ret->field < 0) {
        return unknown(cmd->type, name, err);
    }
    ret->info = &record->fields[ret->field];
    if (dot) {
        ret->nested = ret->info->kind == TB_KIND_RECORD
                          ? tb_record_find(ret->info->record, tb_str_of(dot + 1))
                          : -1;
        if (ret->nested < 0) {
            return unknown(cmd->type, name, err);
        }
        ret->info = &ret->info->record->fields[ret->nested];
    }
    return TICKETBUS_OK;
}

/* Which setter takes a kind. */
enum form { FORM_TEXT, FORM_BOOL, FORM_INT, FORM_TIME, FORM_LIST, FORM_JSON };

static enum form form_of(const struct tb_field *f)
{
    switch (f ? f->kind : TB_KIND_STRING) {
    case TB_KIND_STRING:
    case TB_KIND_ID:
    case TB_KIND_TICKET_ID:
    case TB_KIND_COMMENT_ID:
    case TB_KIND_ENUM:
        return FORM_TEXT;
    case TB_KIND_BOOL:
        return FORM_BOOL;
    case TB_KIND_INT:
        return FORM_INT;
    case TB_KIND_TIME:
        return FORM_TIME;
    case TB_KIND_STRINGS:
    case TB_KIND_TICKET_IDS:
        return FORM_LIST;
    case TB_KIND_RECORD:
    case TB_KIND_RECORDS:
    case TB_KIND_STRINGS_MAP:
        break;
    }
    return FORM_JSON;
}

static enum ticketbus_rc wrong_form(const char *name, const struct tb_field *f,
                                    struct ticketbus_error *err)
{
    static const char *const words[] = {
        [FORM_TEXT] = "a text", [FORM_BOOL] = "true or false",   [FORM_INT] = "a whole number",
        [FORM_TIME] = "a time", [FORM_LIST] = "a list of texts", [FORM_JSON] = "a JSON value",
    };
    return tb_lib_fail_with(err, TICKETBUS_EINVAL, name, "validation_failed", "%s is %s", name,
                            words[form_of(f)]);
}

/* ---- keeping values ---- */

static void remove_at(struct ticketbus_command *cmd, size_t i)
{
    cmd->nfields--;
    memmove(&cmd->fields[i], &cmd->fields[i + 1], (cmd->nfields - i) * sizeof *cmd->fields);
}

/* A field given anew replaces what it covers: itself, and as a whole its parts. */
static void forget(struct ticketbus_command *cmd, const struct place *at)
{
    for (size_t i = cmd->nfields; i > 0; i--) {
        const struct ticketbus_field *f = &cmd->fields[i - 1];
        if (f->field == at->field && (at->nested < 0 || f->nested == at->nested)) {
            remove_at(cmd, i - 1);
        }
    }
}

static enum ticketbus_rc store(struct ticketbus_command *cmd, const struct place *at,
                               const char *name, tb_str json, struct ticketbus_error *err)
{
    for (size_t i = 0; i < cmd->nfields && at->nested >= 0; i++) {
        if (cmd->fields[i].field == at->field && cmd->fields[i].nested < 0) {
            return tb_lib_fail_with(err, TICKETBUS_ECONFLICT, name, "validation_failed",
                                    "%s was given as a whole already",
                                    cmd->type->record->fields[at->field].name);
        }
    }
    forget(cmd, at);
    if (cmd->nfields == cmd->room) {
        size_t room = cmd->room ? cmd->room * 2 : 8;
        struct ticketbus_field *fields = realloc(cmd->fields, room * sizeof *fields);
        if (!fields) {
            return tb_lib_no_memory(err);
        }
        cmd->fields = fields;
        cmd->room = room;
    }
    tb_str copy = tb_arena_str(cmd->arena, json);
    if (!copy.ptr) {
        return tb_lib_no_memory(err);
    }
    cmd->fields[cmd->nfields++] = (struct ticketbus_field){at->field, at->nested, copy};
    return TICKETBUS_OK;
}

static enum ticketbus_rc store_buf(struct ticketbus_command *cmd, const struct place *at,
                                   const char *name, tb_buf *json, struct ticketbus_error *err)
{
    enum ticketbus_rc rc =
        json->failed ? tb_lib_no_memory(err) : store(cmd, at, name, tb_buf_str(json), err);
    tb_buf_dispose(json);
    return rc;
}

/* ---- the setters ---- */

static enum ticketbus_rc set_rationale(struct ticketbus_command *cmd, tb_str value,
                                       struct ticketbus_error *err)
{
    cmd->rationale = tb_arena_str(cmd->arena, value);
    return cmd->rationale.ptr ? TICKETBUS_OK : tb_lib_no_memory(err);
}

static bool is_integer(const char *text)
{
    const char *digits = *text == '-' ? text + 1 : text;
    size_t n = strlen(digits);
    return n > 0 && n <= 18 && strspn(digits, "0123456789") == n && (n == 1 || *digits != '0');
}

enum ticketbus_rc ticketbus_command_set(struct ticketbus_command *cmd, const char *field,
                                        const char *value, struct ticketbus_error *err)
{
    struct place at;
    enum ticketbus_rc rc = find(cmd, field, &at, err);
    if (rc != TICKETBUS_OK) {
        return rc;
    }
    if (!value) {
        return tb_lib_fail_with(err, TICKETBUS_EINVAL, field, "validation_failed",
                                "%s has no value; ticketbus_command_set_null sets null", field);
    }
    if (!at.info) {
        return set_rationale(cmd, tb_str_of(value), err);
    }
    tb_buf json;
    tb_buf_init(&json, TICKETBUS_JSON_MAX);
    enum form form = form_of(at.info);
    if (form == FORM_TEXT || form == FORM_TIME) {
        tb_json_str(&json, tb_str_of(value));
        return store_buf(cmd, &at, field, &json, err);
    }
    bool taken = (form == FORM_INT && is_integer(value)) ||
                 (form == FORM_BOOL && (strcmp(value, "true") == 0 || strcmp(value, "false") == 0));
    return taken ? store(cmd, &at, field, tb_str_of(value), err) : wrong_form(field, at.info, err);
}

static enum ticketbus_rc set_form(struct ticketbus_command *cmd, const char *field, enum form form,
                                  tb_str json, struct ticketbus_error *err)
{
    struct place at;
    enum ticketbus_rc rc = find(cmd, field, &at, err);
    if (rc == TICKETBUS_OK && form_of(at.info) != form) {
        rc = wrong_form(field, at.info, err);
    }
    return rc == TICKETBUS_OK ? store(cmd, &at, field, json, err) : rc;
}

enum ticketbus_rc ticketbus_command_set_int(struct ticketbus_command *cmd, const char *field,
                                            int64_t value, struct ticketbus_error *err)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    return set_form(cmd, field, FORM_INT, tb_str_of(text), err);
}

enum ticketbus_rc ticketbus_command_set_bool(struct ticketbus_command *cmd, const char *field,
                                             bool value, struct ticketbus_error *err)
{
    return set_form(cmd, field, FORM_BOOL, tb_str_of(value ? "true" : "false"), err);
}

enum ticketbus_rc ticketbus_command_set_time(struct ticketbus_command *cmd, const char *field,
                                             int64_t time_us, struct ticketbus_error *err)
{
    char text[TB_TIME_TEXT_MAX + 2] = "\"";
    size_t n = tb_time_format(time_us, text + 1);
    text[n + 1] = '"';
    return set_form(cmd, field, FORM_TIME, (tb_str){text, n + 2}, err);
}

enum ticketbus_rc ticketbus_command_set_null(struct ticketbus_command *cmd, const char *field,
                                             struct ticketbus_error *err)
{
    struct place at;
    enum ticketbus_rc rc = find(cmd, field, &at, err);
    if (rc != TICKETBUS_OK) {
        return rc;
    }
    if (!at.info || !(at.info->flags & TB_NULLABLE)) {
        return tb_lib_fail_with(err, TICKETBUS_EINVAL, field, "validation_failed",
                                "%s may not be null", field);
    }
    return store(cmd, &at, field, TB_LIT("null"), err);
}

enum ticketbus_rc ticketbus_command_set_list(struct ticketbus_command *cmd, const char *field,
                                             const char *const *items, size_t n,
                                             struct ticketbus_error *err)
{
    tb_buf json;
    tb_buf_init(&json, TICKETBUS_JSON_MAX);
    struct tb_json w = {.buf = &json};
    tb_json_open(&w, '[');
    for (size_t i = 0; i < n; i++) {
        tb_json_string(&w, tb_str_of(items[i]));
    }
    tb_json_close(&w, ']');
    enum ticketbus_rc rc = json.failed ? tb_lib_no_memory(err)
                                       : set_form(cmd, field, FORM_LIST, tb_buf_str(&json), err);
    tb_buf_dispose(&json);
    return rc;
}

static enum ticketbus_rc set_node(struct ticketbus_command *cmd, const char *field,
                                  const struct tb_node *node, struct ticketbus_error *err)
{
    struct place at;
    enum ticketbus_rc rc = find(cmd, field, &at, err);
    if (rc != TICKETBUS_OK) {
        return rc;
    }
    if (!at.info) {
        tb_str text = tb_node_str(node);
        return text.ptr ? set_rationale(cmd, text, err) : wrong_form(field, NULL, err);
    }
    tb_buf json;
    tb_buf_init(&json, TICKETBUS_JSON_MAX);
    struct tb_json w = {.buf = &json};
    tb_node_write(node, &w);
    return store_buf(cmd, &at, field, &json, err);
}

static enum ticketbus_rc parse(const char *text, struct tb_dom **ret, const char *field,
                               struct ticketbus_error *err)
{
    struct tb_error e = {.rc = TB_OK};
    if (tb_dom_parse(tb_str_of(text ? text : ""), TICKETBUS_JSON_MAX, ret, &e) == TB_OK) {
        return TICKETBUS_OK;
    }
    enum ticketbus_rc rc = tb_lib_fail_from(err, &e);
    if (err && !err->field[0] && field) {
        (void)snprintf(err->field, sizeof err->field, "%s", field);
    }
    return rc;
}

enum ticketbus_rc ticketbus_command_set_json(struct ticketbus_command *cmd, const char *field,
                                             const char *json, struct ticketbus_error *err)
{
    struct tb_dom *dom = NULL;
    enum ticketbus_rc rc = parse(json, &dom, field, err);
    if (rc == TICKETBUS_OK) {
        rc = set_node(cmd, field, tb_dom_root(dom), err);
        tb_dom_free(dom);
    }
    return rc;
}

enum ticketbus_rc ticketbus_command_set_data(struct ticketbus_command *cmd, const char *json,
                                             struct ticketbus_error *err)
{
    struct tb_dom *dom = NULL;
    enum ticketbus_rc rc = tb_lib_command_open(cmd, err);
    if (rc == TICKETBUS_OK) {
        rc = parse(json, &dom, "data", err);
    }
    if (rc != TICKETBUS_OK) {
        return rc;
    }
    const struct tb_node *root = tb_dom_root(dom);
    if (tb_node_kind(root) != TB_NODE_OBJECT) {
        rc = tb_lib_fail_with(err, TICKETBUS_EINVAL, "data", "validation_failed",
                              "data must be an object");
    } else {
        cmd->nfields = 0;
        cmd->rationale = TB_STR_NULL;
    }
    void *at = NULL;
    tb_str name;
    const struct tb_node *value = NULL;
    while (rc == TICKETBUS_OK && tb_node_next(root, &at, &name, &value)) {
        char text[128];
        (void)snprintf(text, sizeof text, "%.*s", TB_ARG(name));
        /* A dot names a part in our notation, never in JSON. */
        rc = memchr(name.ptr, '.', name.len) ? unknown(cmd->type, text, err)
                                             : set_node(cmd, text, value, err);
    }
    tb_dom_free(dom);
    return rc;
}

/* ---- as one object ---- */

static bool has_nested(const struct ticketbus_command *cmd, int field)
{
    for (size_t i = 0; i < cmd->nfields; i++) {
        if (cmd->fields[i].field == field && cmd->fields[i].nested >= 0) {
            return true;
        }
    }
    return false;
}

void tb_lib_fields_write(const struct ticketbus_command *cmd, tb_buf *out)
{
    const struct tb_record *record = cmd->type->record;
    struct tb_json w = {.buf = out};
    tb_json_open(&w, '{');
    for (size_t i = 0; i < cmd->nfields; i++) {
        if (cmd->fields[i].nested < 0) {
            tb_json_key(&w, record->fields[cmd->fields[i].field].name);
            tb_json_raw(&w, cmd->fields[i].json);
        }
    }
    for (size_t f = 0; f < record->nfields; f++) {
        if (!has_nested(cmd, (int)f)) {
            continue;
        }
        tb_json_key(&w, record->fields[f].name);
        tb_json_open(&w, '{');
        for (size_t i = 0; i < cmd->nfields; i++) {
            if (cmd->fields[i].field == (int)f) {
                tb_json_key(&w, record->fields[f].record->fields[cmd->fields[i].nested].name);
                tb_json_raw(&w, cmd->fields[i].json);
            }
        }
        tb_json_close(&w, '}');
    }
    tb_json_close(&w, '}');
}
