#include "producer/ctl/import_diff.h"

#include <string.h>

#include "common/crypto/crypto.h"

/* Fields that are compared one by one. The times of a flag or a column count only where the source
 * gives them. */
static const struct {
    unsigned bit;
    size_t offset;
    enum tb_ticket_field field;
} fields[] = {
#define FIELD(bit, member)                                                                         \
    {                                                                                              \
        TB_IMPORT_##bit, offsetof(struct tb_import_data, member), TB_TICKET_##bit                  \
    }
    FIELD(EXTERNAL_ID, external_id),
    FIELD(CREATED_BY_AGENT_ID, created_by_agent_id),
    FIELD(ASSIGNED_AGENT_ID, assigned_agent_id),
    FIELD(TITLE, title),
    FIELD(DESCRIPTION, description),
    FIELD(TICKET_TYPE, ticket_type),
    FIELD(PRIORITY, priority),
    FIELD(STATUS, status),
    FIELD(PARENT_TICKET_ID, parent_ticket_id),
    FIELD(RELATED_TASK_IDS, related_task_ids),
    FIELD(RELATED_TICKET_IDS, related_ticket_ids),
    FIELD(TAGS, tags),
    FIELD(IS_RESOLVED, is_resolved),
    FIELD(IS_DELETED, is_deleted),
    FIELD(CREATED_AT, created_at),
    FIELD(STARTED_AT, started_at),
    FIELD(COMPLETED_AT, completed_at),
    FIELD(RESOLVED_AT, resolved_at),
    FIELD(DELETED_AT, deleted_at),
#undef FIELD
};

/* The value that field i of the import gives; null where it was given as null. */
static struct tb_value wanted(const struct tb_import_data *d, size_t i)
{
    const char *at = (const char *)d + fields[i].offset;
    bool null = tb_given_null(&d->p, fields[i].bit);
    switch (tb_ticket_fields[fields[i].field].kind) {
    case TB_VALUE_STR:
        return tb_value_str(null ? TB_STR_NULL : *(const tb_str *)(const void *)at);
    case TB_VALUE_BOOL:
        return tb_value_bool(!null && *(const bool *)at);
    case TB_VALUE_TIME:
        return tb_value_time(null ? TB_TIME_NONE : *(const int64_t *)(const void *)at);
    case TB_VALUE_STRS:
        return tb_value_strs(null ? (tb_strs){NULL, 0} : *(const tb_strs *)(const void *)at);
    }
    return tb_value_str(TB_STR_NULL);
}

/* A description that is null and an empty one are the same to the table. */
static bool same(enum tb_ticket_field field, struct tb_value a, struct tb_value b)
{
    if (field == TB_TICKET_DESCRIPTION && a.as.str.len == 0 && b.as.str.len == 0) {
        return true;
    }
    return tb_value_eq(a, b);
}

static bool has_edge(const struct tb_dependency_data *edges, size_t n,
                     const struct tb_dependency_data *edge)
{
    for (size_t i = 0; i < n; i++) {
        if (tb_str_eq(edges[i].depends_on, edge->depends_on) &&
            tb_str_eq(edges[i].dependency_type, edge->dependency_type)) {
            return true;
        }
    }
    return false;
}

static bool same_edges(const struct ctl_current *now, const struct tb_records *want)
{
    const struct tb_dependency_data *edges = want->items;
    if (want->n != (now ? now->nedges : 0)) {
        return false;
    }
    for (size_t i = 0; i < want->n; i++) {
        if (!has_edge(now->edges, now->nedges, &edges[i])) {
            return false;
        }
    }
    return true;
}

static void copy(struct tb_import_data *to, const struct tb_import_data *from, unsigned bit,
                 size_t offset, size_t size)
{
    if (tb_given_null(&from->p, bit)) {
        tb_mark_null(&to->p, bit);
    } else if (tb_given(&from->p, bit)) {
        memcpy((char *)to + offset, (const char *)from + offset, size);
        tb_mark(&to->p, bit);
    }
}

static size_t size_of(enum tb_ticket_field field)
{
    switch (tb_ticket_fields[field].kind) {
    case TB_VALUE_STR:
        return sizeof(tb_str);
    case TB_VALUE_BOOL:
        return sizeof(bool);
    case TB_VALUE_TIME:
        return sizeof(int64_t);
    case TB_VALUE_STRS:
        return sizeof(tb_strs);
    }
    return 0;
}

bool ctl_import_diff(const struct ctl_current *now, const struct tb_import_data *want,
                     struct tb_import_data *ret)
{
    struct tb_import_data d = {0};
    bool differs = now == NULL;
    for (size_t i = 0; i < TB_COUNT(fields); i++) {
        unsigned bit = fields[i].bit;
        if (!tb_given(&want->p, bit) ||
            (now && same(fields[i].field, wanted(want, i), now->fields[fields[i].field])) ||
            (!now && tb_given_null(&want->p, bit))) {
            continue;
        }
        copy(&d, want, bit, fields[i].offset, size_of(fields[i].field));
        differs = true;
    }
    if (tb_has(&want->p, TB_IMPORT_DEPENDENCIES) && !same_edges(now, &want->dependencies)) {
        d.dependencies = want->dependencies;
        tb_mark(&d.p, TB_IMPORT_DEPENDENCIES);
        differs = true;
    }
    copy(&d, want, TB_IMPORT_WORKFLOW_ID, offsetof(struct tb_import_data, workflow_id),
         sizeof(tb_str));
    if (differs) {
        copy(&d, want, TB_IMPORT_UPDATED_AT, offsetof(struct tb_import_data, updated_at),
             sizeof(int64_t));
    }
    *ret = d;
    return differs;
}

void ctl_import_fold(struct ctl_current *now, const struct tb_import_data *data)
{
    for (size_t i = 0; i < TB_COUNT(fields); i++) {
        if (tb_given(&data->p, fields[i].bit)) {
            now->fields[fields[i].field] = wanted(data, i);
        }
    }
}

struct ctl_current *ctl_current_new(tb_str id, struct tb_arena *arena)
{
    struct ctl_current *c = TB_NEW(arena, struct ctl_current);
    if (c) {
        struct tb_ticket absent = tb_ticket_absent(id);
        c->id = id;
        memcpy(c->fields, absent.fields, sizeof c->fields);
    }
    return c;
}

bool ctl_current_add_edge(struct ctl_current *c, tb_str depends_on, tb_str type,
                          struct tb_arena *arena)
{
    if (c->nedges == c->room) {
        size_t room = c->room ? c->room * 2 : 4;
        struct tb_dependency_data *edges = TB_NEW_N(arena, struct tb_dependency_data, room);
        if (!edges) {
            return false;
        }
        if (c->nedges) {
            memcpy(edges, c->edges, c->nedges * sizeof *edges);
        }
        c->edges = edges;
        c->room = room;
    }
    c->edges[c->nedges++] =
        (struct tb_dependency_data){.depends_on = depends_on, .dependency_type = type};
    return true;
}

tb_str ctl_import_comment_id(tb_str ticket_id, tb_str key, struct tb_arena *arena)
{
    size_t len = ticket_id.len + 1 + key.len;
    char *name = tb_arena_alloc(arena, len);
    if (!name) {
        return TB_STR_NULL;
    }
    memcpy(name, ticket_id.ptr, ticket_id.len);
    memcpy(name + ticket_id.len + 1, key.ptr, key.len);
    struct tb_uuid uuid = tb_uuid_v5(&tb_uuid_namespace, name, len);
    char text[TB_UUID_TEXT_LEN + 1];
    tb_uuid_format(&uuid, text);
    return tb_arena_printf(arena, "comment-%s", text);
}
