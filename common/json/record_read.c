/* Decoding a JSON object into a record by its table. */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/map.h"
#include "common/base/utf8.h"
#include "common/json/internal.h"
#include "common/json/path.h"
#include "common/json/record.h"

/* Lists up to this length are searched for repeats pair by pair. */
#define SMALL_LIST 16

static const char TWICE[] = "is given twice";

struct reader {
    struct tb_arena *arena;
    struct tb_error *err;
};

static enum tb_rc no_memory(const struct reader *r)
{
    return tb_fail(r->err, TB_ENOMEM, "out of memory");
}

static enum tb_rc fault(const struct reader *r, const struct tb_path *path, const char *what)
{
    return tb_path_fail(r->err, path, "%s", what);
}

/* ---- texts ---- */

static enum tb_rc check_length(const struct reader *r, const struct tb_path *path, tb_str s,
                               int64_t min, int64_t max)
{
    if (tb_text_fits(s, (size_t)min, (size_t)max)) {
        return TB_OK;
    }
    if (!s.len) {
        return fault(r, path, "must not be empty");
    }
    return tb_path_fail(r->err, path, "has %zu characters, not %lld to %lld", tb_utf8_count(s),
                        (long long)min, (long long)max);
}

static enum tb_rc check_choice(const struct reader *r, const struct tb_path *path, tb_str s,
                               const char *const *choices)
{
    char list[256];
    size_t len = 0;
    for (size_t i = 0; choices[i]; i++) {
        if (tb_str_eq_c(s, choices[i])) {
            return TB_OK;
        }
        int n = snprintf(list + len, sizeof list - len, "%s%s", i ? ", " : "", choices[i]);
        if (n < 0 || (size_t)n >= sizeof list - len) {
            break;
        }
        len += (size_t)n;
    }
    return tb_path_fail(r->err, path, "must be one of: %.*s", (int)len, list);
}

static enum tb_rc check_text(const struct reader *r, const struct tb_path *path,
                             const struct tb_field *f, tb_str s)
{
    const char *what;
    switch (f->kind) {
    case TB_KIND_STRING:
    case TB_KIND_STRINGS:
    case TB_KIND_STRINGS_MAP:
        return check_length(r, path, s, f->min, f->max);
    case TB_KIND_ID:
        if (s.len && !tb_text_fits(s, 1, (size_t)f->max)) {
            return check_length(r, path, s, 1, f->max);
        }
        what = tb_text_id_fault(s, (size_t)f->max);
        return what ? fault(r, path, what) : TB_OK;
    case TB_KIND_TICKET_ID:
    case TB_KIND_TICKET_IDS:
        return tb_text_is_prefixed_uuid(s, "ticket-")
                   ? TB_OK
                   : fault(r, path, "is no ticket id (ticket-<uuid in lower case>)");
    case TB_KIND_COMMENT_ID:
        return tb_text_is_prefixed_uuid(s, "comment-")
                   ? TB_OK
                   : fault(r, path, "is no comment id (comment-<uuid in lower case>)");
    case TB_KIND_ENUM:
        return check_choice(r, path, s, f->choices);
    case TB_KIND_BOOL:
    case TB_KIND_INT:
    case TB_KIND_TIME:
    case TB_KIND_RECORD:
    case TB_KIND_RECORDS:
        break;
    }
    return TB_OK;
}

static enum tb_rc read_text(const struct reader *r, const struct tb_path *path,
                            const struct tb_field *f, const struct tb_tree *value, tb_str *to)
{
    if (value->kind != TB_TREE_STRING) {
        return fault(r, path, "must be a string");
    }
    *to = value->text;
    return check_text(r, path, f, *to);
}

/* ---- lists ---- */

static enum tb_rc check_repeats(const struct reader *r, const struct tb_path *path,
                                const tb_str *items, size_t n)
{
    struct tb_map seen;
    tb_map_init(&seen, r->arena);
    for (size_t i = 0; i < n; i++) {
        bool twice = false;
        if (n > SMALL_LIST) {
            twice = tb_map_get(&seen, items[i]) != NULL;
            /* Any non-NULL value does. */
            if (!tb_map_put(&seen, items[i], r->arena)) {
                return no_memory(r);
            }
        }
        for (size_t j = 0; n <= SMALL_LIST && j < i && !twice; j++) {
            twice = tb_str_eq(items[i], items[j]);
        }
        if (twice) {
            struct tb_path item = {.up = path, .index = i};
            return fault(r, &item, "is in the list already");
        }
    }
    return TB_OK;
}

static enum tb_rc check_array(const struct reader *r, const struct tb_path *path,
                              const struct tb_tree *value, size_t max)
{
    if (value->kind != TB_TREE_ARRAY) {
        return fault(r, path, "must be an array");
    }
    if (value->n > max) {
        return tb_path_fail(r->err, path, "has %zu entries, more than %zu", value->n, max);
    }
    return TB_OK;
}

static enum tb_rc read_strings(const struct reader *r, const struct tb_path *path,
                               const struct tb_field *f, const struct tb_tree *value, tb_strs *to)
{
    enum tb_rc rc = check_array(r, path, value, f->max_items);
    if (rc != TB_OK) {
        return rc;
    }
    size_t n = value->n;
    tb_str *items = TB_NEW_N(r->arena, tb_str, n);
    if (!items) {
        return no_memory(r);
    }
    size_t i = 0;
    for (const struct tb_tree *v = value->first; v && rc == TB_OK; v = v->next, i++) {
        struct tb_path item = {.up = path, .index = i};
        rc = read_text(r, &item, f, v, &items[i]);
    }
    if (rc == TB_OK) {
        rc = check_repeats(r, path, items, n);
    }
    *to = (tb_strs){items, n};
    return rc;
}

static enum tb_rc read_map(const struct reader *r, const struct tb_path *path,
                           const struct tb_field *f, const struct tb_tree *value,
                           struct tb_strings_map *to)
{
    if (value->kind != TB_TREE_OBJECT) {
        return fault(r, path, "must be an object");
    }
    size_t n = value->n;
    if (n > f->max_items) {
        return tb_path_fail(r->err, path, "has %zu members, more than %zu", n, f->max_items);
    }
    tb_str *keys = TB_NEW_N(r->arena, tb_str, n);
    tb_strs *values = TB_NEW_N(r->arena, tb_strs, n);
    if (!keys || !values) {
        return no_memory(r);
    }
    size_t i = 0;
    for (const struct tb_tree *m = value->first; m; m = m->next, i++) {
        struct tb_path member = {.up = path, .name = m->name};
        enum tb_rc rc = m->twice ? fault(r, &member, TWICE) : check_text(r, &member, f, m->name);
        if (rc == TB_OK) {
            keys[i] = m->name;
            rc = read_strings(r, &member, f, m, &values[i]);
        }
        if (rc != TB_OK) {
            return rc;
        }
    }
    *to = (struct tb_strings_map){keys, values, n};
    return TB_OK;
}

/* ---- records ---- */

static enum tb_rc read_record(const struct reader *r, const struct tb_path *path,
                              const struct tb_record *rec, const struct tb_tree *value,
                              const char *skip, void *to);

static enum tb_rc read_records(const struct reader *r, const struct tb_path *path,
                               const struct tb_field *f, const struct tb_tree *value,
                               struct tb_records *to)
{
    enum tb_rc rc = check_array(r, path, value, f->max_items);
    if (rc != TB_OK) {
        return rc;
    }
    size_t n = value->n;
    char *items = tb_arena_array(r->arena, n, f->record->size);
    if (!items) {
        return no_memory(r);
    }
    size_t i = 0;
    for (const struct tb_tree *v = value->first; v && rc == TB_OK; v = v->next, i++) {
        struct tb_path item = {.up = path, .index = i};
        rc = read_record(r, &item, f->record, v, NULL, items + i * f->record->size);
    }
    *to = (struct tb_records){items, n};
    return rc;
}

static enum tb_rc read_int(const struct reader *r, const struct tb_path *path,
                           const struct tb_field *f, const struct tb_tree *value, int64_t *to)
{
    if (value->kind != TB_TREE_INT) {
        return fault(r, path, "must be an integer");
    }
    *to = value->integer;
    if (*to < f->min || *to > f->max) {
        return tb_path_fail(r->err, path, "is %lld, not %lld to %lld", (long long)*to,
                            (long long)f->min, (long long)f->max);
    }
    return TB_OK;
}

static enum tb_rc read_time(const struct reader *r, const struct tb_path *path,
                            const struct tb_tree *value, int64_t *to)
{
    if (value->kind != TB_TREE_STRING || !tb_time_parse(value->text, to)) {
        return fault(r, path, "must be an RFC 3339 time such as 2026-01-31T12:00:00Z");
    }
    return TB_OK;
}

static enum tb_rc read_value(const struct reader *r, const struct tb_path *path,
                             const struct tb_field *f, const struct tb_tree *value, void *to)
{
    switch (f->kind) {
    case TB_KIND_STRING:
    case TB_KIND_ID:
    case TB_KIND_TICKET_ID:
    case TB_KIND_COMMENT_ID:
    case TB_KIND_ENUM:
        return read_text(r, path, f, value, to);
    case TB_KIND_BOOL:
        *(bool *)to = value->boolean;
        return value->kind == TB_TREE_BOOL ? TB_OK : fault(r, path, "must be true or false");
    case TB_KIND_INT:
        return read_int(r, path, f, value, to);
    case TB_KIND_TIME:
        return read_time(r, path, value, to);
    case TB_KIND_STRINGS:
    case TB_KIND_TICKET_IDS:
        return read_strings(r, path, f, value, to);
    case TB_KIND_RECORD:
        return read_record(r, path, f->record, value, NULL, to);
    case TB_KIND_RECORDS:
        return read_records(r, path, f, value, to);
    case TB_KIND_STRINGS_MAP:
        return read_map(r, path, f, value, to);
    }
    return fault(r, path, "has no known kind");
}

static enum tb_rc read_member(const struct reader *r, const struct tb_path *path,
                              const struct tb_record *rec, size_t field,
                              const struct tb_tree *value, char *to)
{
    const struct tb_field *f = &rec->fields[field];
    struct tb_present *p = (struct tb_present *)(void *)to;
    if (value->kind != TB_TREE_NULL) {
        tb_mark(p, (unsigned)field);
        return read_value(r, path, f, value, to + f->offset);
    }
    if (!(f->flags & TB_NULLABLE)) {
        return fault(r, path, "must not be null");
    }
    tb_mark_null(p, (unsigned)field);
    return TB_OK;
}

/* A time that is not given must not read as 1970. */
static void clear(const struct tb_record *rec, char *to)
{
    memset(to, 0, rec->size);
    for (size_t i = 0; i < rec->nfields; i++) {
        const struct tb_field *f = &rec->fields[i];
        if (f->kind == TB_KIND_TIME) {
            *(int64_t *)(void *)(to + f->offset) = TB_TIME_NONE;
        } else if (f->kind == TB_KIND_RECORD) {
            clear(f->record, to + f->offset);
        }
    }
}

static enum tb_rc read_record(const struct reader *r, const struct tb_path *path,
                              const struct tb_record *rec, const struct tb_tree *value,
                              const char *skip, void *to)
{
    clear(rec, to);
    if (value->kind != TB_TREE_OBJECT) {
        return fault(r, path, "must be an object");
    }
    for (const struct tb_tree *m = value->first; m; m = m->next) {
        struct tb_path member = {.up = path, .name = m->name};
        int field = tb_record_find(rec, m->name);
        if (m->twice) {
            return fault(r, &member, TWICE);
        }
        if (skip && tb_str_eq_c(m->name, skip)) {
            continue;
        }
        if (field < 0) {
            return fault(r, &member, "is not a known field");
        }
        enum tb_rc rc = read_member(r, &member, rec, (size_t)field, m, to);
        if (rc != TB_OK) {
            return rc;
        }
    }
    const struct tb_present *p = to;
    for (size_t i = 0; i < rec->nfields; i++) {
        if ((rec->fields[i].flags & TB_REQUIRED) && !tb_given(p, (unsigned)i)) {
            struct tb_path member = {.up = path, .name = tb_str_of(rec->fields[i].name)};
            return fault(r, &member, "is missing");
        }
    }
    return TB_OK;
}

enum tb_rc tb_record_decode(const struct tb_record *rec, const struct tb_tree *object,
                            const char *skip, struct tb_arena *arena, void *ret,
                            struct tb_error *err)
{
    struct reader r = {arena, err};
    return read_record(&r, NULL, rec, object, skip, ret);
}

enum tb_rc tb_record_parse(const struct tb_record *rec, tb_str json, struct tb_arena *arena,
                           void *ret, struct tb_error *err)
{
    const struct tb_tree *root;
    enum tb_rc rc = tb_tree_parse(json, arena, &root, err);
    return rc == TB_OK ? tb_record_decode(rec, root, NULL, arena, ret, err) : rc;
}
