/* Collection, payload indexes and alias. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "indexer/store/qdrant_internal.h"

enum { BODY_MAX = 4096 };

/* Indexed before there are points, so that the graph is built with them. */
static const struct {
    const char *field;
    const char *schema;
} indexes[] = {
    {"ticket_id", "keyword"},   {"workflow_id", "keyword"}, {"status", "keyword"},
    {"ticket_type", "keyword"}, {"priority", "keyword"},    {"assigned_agent_id", "keyword"},
    {"tags", "keyword"},        {"kind", "keyword"},        {"is_blocked", "bool"},
    {"is_resolved", "bool"},    {"is_deleted", "bool"},     {"version", "integer"},
    {"created_at", "integer"},  {"updated_at", "integer"},
};

/* Guarded writes (update_filter) came with 1.16. */
static enum tb_rc check_version(struct tb_qdrant *q, struct tb_error *err)
{
    struct tb_dom *answer = NULL;
    enum tb_rc rc = tb_qdrant_call(q, "GET", TB_LIT("/"), TB_STR_NULL, &answer, err);
    if (rc != TB_OK) {
        return rc;
    }
    tb_str version = tb_node_str(tb_node_get(tb_dom_root(answer), "version"));
    char text[32];
    (void)snprintf(text, sizeof text, "%.*s", TB_ARG(version));
    char *dot;
    long major = strtol(text, &dot, 10);
    long minor = *dot == '.' ? strtol(dot + 1, NULL, 10) : 0;
    tb_dom_free(answer);
    if (major < 1 || (major == 1 && minor < 16)) {
        return tb_fail_field(err, TB_EFATAL, "QDRANT_URL",
                             "Qdrant %s at %s is too old: guarded writes need 1.16", text, q->url);
    }
    q->version_checked = true;
    tb_log_info("vectors are kept in Qdrant %s; guard: update_filter on upserts", text);
    if (major == 1 && minor < 19) {
        tb_log_warn("Qdrant before 1.19 evaluates guards again when it replays its log after a"
                    " crash, and can bring old points back: update it");
    }
    return TB_OK;
}

static enum tb_rc create(struct tb_qdrant *q, struct tb_error *err)
{
    tb_buf body;
    tb_buf_init(&body, BODY_MAX);
    tb_buf_printf(
        &body, "{\"vectors\":{\"" TB_QDRANT_VECTOR "\":{\"size\":%lld,\"distance\":\"Cosine\"}}}",
        (long long)q->dim);
    enum tb_rc rc = tb_qdrant_call_on(q, "PUT", "", tb_buf_str(&body), NULL, err);
    tb_buf_dispose(&body);
    return rc == TB_ECONFLICT ? TB_OK : rc; /* another indexer was faster */
}

static enum tb_rc create_index(struct tb_qdrant *q, size_t i, struct tb_error *err)
{
    char body[200];
    (void)snprintf(body, sizeof body, "{\"field_name\":\"%s\",\"field_schema\":\"%s\"}",
                   indexes[i].field, indexes[i].schema);
    struct tb_dom *answer = NULL;
    enum tb_rc rc = tb_qdrant_call_on(q, "PUT", "/index?wait=true", tb_str_of(body), &answer, err);
    rc = rc == TB_OK ? tb_qdrant_check_applied(answer, err) : rc;
    tb_dom_free(answer);
    return rc;
}

/* Of the collection as it is: dimension right, indexes all there. */
static enum tb_rc complete(struct tb_qdrant *q, struct tb_error *err)
{
    struct tb_dom *answer = NULL;
    enum tb_rc rc = tb_qdrant_call_on(q, "GET", "", TB_STR_NULL, &answer, err);
    if (rc != TB_OK) {
        return rc;
    }
    const struct tb_node *result = tb_qdrant_result(answer);
    const struct tb_node *vector = tb_node_path(result, "config.params.vectors." TB_QDRANT_VECTOR);
    int64_t size = tb_node_int(tb_node_get(vector, "size"), 0);
    if (size != q->dim) {
        tb_dom_free(answer);
        return tb_fail_field(err, TB_EFATAL, "EMBEDDING_DIM",
                             "collection %s has no vector \"" TB_QDRANT_VECTOR
                             "\" of %lld dimensions (found %lld)",
                             q->collection, (long long)q->dim, (long long)size);
    }
    const struct tb_node *schema = tb_node_get(result, "payload_schema");
    for (size_t i = 0; i < TB_COUNT(indexes) && rc == TB_OK; i++) {
        if (!tb_node_get(schema, indexes[i].field)) {
            rc = create_index(q, i, err);
        }
    }
    tb_dom_free(answer);
    return rc;
}

enum tb_rc tb_qdrant_alias(struct tb_store *s, struct tb_arena *arena, tb_str *ret,
                           struct tb_error *err)
{
    struct tb_qdrant *q = (struct tb_qdrant *)s;
    struct tb_dom *answer = NULL;
    *ret = TB_STR_NULL;
    enum tb_rc rc = tb_qdrant_call(q, "GET", TB_LIT("/aliases"), TB_STR_NULL, &answer, err);
    const struct tb_node *aliases = tb_node_get(tb_qdrant_result(answer), "aliases");
    size_t n = tb_node_size(aliases);
    for (size_t i = 0; i < n && rc == TB_OK; i++) {
        const struct tb_node *a = tb_node_at(aliases, i);
        if (tb_str_eq_c(tb_node_str(tb_node_get(a, "alias_name")), q->alias)) {
            *ret = tb_arena_str(arena, tb_node_str(tb_node_get(a, "collection_name")));
        }
    }
    tb_dom_free(answer);
    return rc;
}

/* Both actions are one operation: no search sees the alias missing. */
static enum tb_rc set_alias(struct tb_qdrant *q, bool replace, struct tb_error *err)
{
    tb_buf body;
    tb_buf_init(&body, BODY_MAX);
    struct tb_json w = {.buf = &body};
    tb_json_open(&w, '{');
    tb_json_key(&w, "actions");
    tb_json_open(&w, '[');
    if (replace) {
        tb_json_open(&w, '{');
        tb_json_key(&w, "delete_alias");
        tb_json_open(&w, '{');
        tb_json_key(&w, "alias_name");
        tb_json_string(&w, tb_str_of(q->alias));
        tb_json_close(&w, '}');
        tb_json_close(&w, '}');
    }
    tb_json_open(&w, '{');
    tb_json_key(&w, "create_alias");
    tb_json_open(&w, '{');
    tb_json_key(&w, "collection_name");
    tb_json_string(&w, tb_str_of(q->collection));
    tb_json_key(&w, "alias_name");
    tb_json_string(&w, tb_str_of(q->alias));
    tb_json_close(&w, '}');
    tb_json_close(&w, '}');
    tb_json_close(&w, ']');
    tb_json_close(&w, '}');
    enum tb_rc rc = body.failed ? tb_fail(err, TB_ENOMEM, "out of memory")
                                : tb_qdrant_call(q, "POST", TB_LIT("/collections/aliases"),
                                                 tb_buf_str(&body), NULL, err);
    tb_buf_dispose(&body);
    return rc;
}

enum tb_rc tb_qdrant_ensure(struct tb_store *s, bool take_alias, struct tb_error *err)
{
    struct tb_qdrant *q = (struct tb_qdrant *)s;
    enum tb_rc rc = q->version_checked ? TB_OK : check_version(q, err);
    if (rc == TB_OK) {
        rc = complete(q, err);
    }
    if (rc == TB_ENOTFOUND) {
        rc = create(q, err);
        rc = rc == TB_OK ? complete(q, err) : rc;
    }
    if (rc != TB_OK) {
        return rc;
    }
    struct tb_arena *arena = tb_arena_new(0);
    tb_str target = TB_STR_NULL;
    rc = arena ? tb_qdrant_alias(s, arena, &target, err) : tb_fail(err, TB_ENOMEM, "out of memory");
    bool ours = tb_str_eq_c(target, q->collection);
    if (rc == TB_OK && !ours && (take_alias || tb_str_is_null(target))) {
        rc = set_alias(q, !tb_str_is_null(target), err);
    }
    tb_arena_free(arena);
    return rc;
}

enum tb_rc tb_qdrant_drop(struct tb_store *s, struct tb_error *err)
{
    /* Aliases go with their collection. */
    return tb_qdrant_call_on((struct tb_qdrant *)s, "DELETE", "", TB_STR_NULL, NULL, err);
}
