/* The Qdrant adapter: its handle, its requests, what its answers mean. */
#include <stdio.h>
#include <stdlib.h>

#include "indexer/store/qdrant_internal.h"

enum { ANSWER_MAX = 256 * 1024 * 1024, SHOWN_MAX = 300 };

static void qdrant_free(struct tb_store *s)
{
    struct tb_qdrant *q = (struct tb_qdrant *)s;
    tb_http_free(q->http);
    free(q->url);
    free(q->api_key);
    free(q->alias);
    free(q->collection);
    free(q);
}

static const struct tb_store_ops ops = {
    .name = "qdrant",
    .free = qdrant_free,
    .ensure = tb_qdrant_ensure,
    .alias = tb_qdrant_alias,
    .drop = tb_qdrant_drop,
    .apply = tb_qdrant_apply,
    .seen = tb_qdrant_seen,
    .walk = tb_qdrant_walk,
    .count = tb_qdrant_count,
    .remove = tb_qdrant_remove,
    .query = tb_qdrant_query,
};

enum tb_rc tb_store_qdrant(const struct tb_config *cfg, const struct tb_store_options *opt,
                           struct tb_store **ret, struct tb_error *err)
{
    *ret = NULL;
    const char *url = tb_config_str(cfg, TB_CFG(QDRANT_URL));
    struct tb_qdrant *q = calloc(1, sizeof *q);
    if (!q) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    size_t len = strlen(url);
    while (len && url[len - 1] == '/') {
        len--;
    }
    q->base.ops = &ops;
    q->dim = opt->dim;
    q->url = strndup(url, len);
    q->api_key = strdup(tb_config_str(cfg, TB_CFG(QDRANT_API_KEY)));
    q->alias = strdup(opt->alias);
    q->collection = strdup(opt->collection);
    struct tb_http_options http = {
        .timeout_ms = opt->timeout_ms, .parallel = 1, .max_answer = ANSWER_MAX, .stop = opt->stop};
    enum tb_rc rc = q->url && q->api_key && q->alias && q->collection
                        ? tb_http_new(&http, &q->http, err)
                        : tb_fail(err, TB_ENOMEM, "out of memory");
    if (rc != TB_OK) {
        qdrant_free(&q->base);
        return rc;
    }
    *ret = &q->base;
    return TB_OK;
}

/* The sentence in {"status": {"error": …}}, else the beginning of the body. */
static enum tb_rc refused(enum tb_rc rc, const struct tb_http_answer *a, struct tb_error *err)
{
    struct tb_dom *dom = NULL;
    tb_str why = a->body;
    if (tb_dom_parse(a->body, 0, &dom, NULL) == TB_OK) {
        tb_str said = tb_node_str(tb_node_path(tb_dom_root(dom), "status.error"));
        why = tb_str_is_null(said) ? why : said;
    }
    if (why.len > SHOWN_MAX) {
        why.len = SHOWN_MAX;
    }
    rc = tb_fail(err, rc, "Qdrant answered %d: %.*s", a->status, TB_ARG(why));
    if (err) {
        (void)snprintf(err->code, sizeof err->code, "%d", a->status);
    }
    tb_dom_free(dom);
    return rc;
}

static enum tb_rc class_of_status(int status)
{
    if (status == 401 || status == 403) {
        return TB_EFATAL;
    }
    if (status == 404) {
        return TB_ENOTFOUND;
    }
    if (status == 409) {
        return TB_ECONFLICT;
    }
    if (status == 408 || status == 429 || status >= 500) {
        return TB_EUNAVAILABLE;
    }
    return TB_EDATA;
}

enum tb_rc tb_qdrant_call(struct tb_qdrant *q, const char *method, tb_str path, tb_str body,
                          struct tb_dom **ret, struct tb_error *err)
{
    struct tb_arena *arena = tb_arena_new(0);
    if (!arena) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    struct tb_http_request request = {
        .method = method,
        .url = tb_arena_printf(arena, "%s%.*s", q->url, TB_ARG(path)).ptr,
        .body = body,
        .headers = {{"api-key", q->api_key}},
    };
    struct tb_http_answer a = {.rc = TB_EUNAVAILABLE};
    q->base.wait_ms = 0;
    enum tb_rc rc = request.url ? tb_http_run(q->http, &request, 1, arena, &a, err)
                                : tb_fail(err, TB_ENOMEM, "out of memory");
    if (rc == TB_OK && a.rc != TB_OK) {
        rc = tb_fail(err, a.rc, "%s", a.error);
    } else if (rc == TB_OK && a.status != 200) {
        rc = refused(class_of_status(a.status), &a, err);
        q->base.wait_ms = a.retry_after_ms > 0 ? a.retry_after_ms : 0;
    } else if (rc == TB_OK && ret) {
        rc = tb_dom_parse(a.body, 0, ret, err);
        if (rc == TB_EINVAL) { /* cut short, or something else answers here */
            rc = tb_fail(err, TB_EUNAVAILABLE, "%s did not answer with JSON", q->url);
        }
    }
    tb_arena_free(arena);
    return rc;
}

enum tb_rc tb_qdrant_call_on(struct tb_qdrant *q, const char *method, const char *path, tb_str body,
                             struct tb_dom **ret, struct tb_error *err)
{
    char full[512];
    int n = snprintf(full, sizeof full, "/collections/%s%s", q->collection, path);
    if (n < 0 || (size_t)n >= sizeof full) {
        return tb_fail(err, TB_EINVAL, "the collection's name is too long");
    }
    return tb_qdrant_call(q, method, tb_str_of(full), body, ret, err);
}

const struct tb_node *tb_qdrant_result(const struct tb_dom *answer)
{
    return answer ? tb_node_get(tb_dom_root(answer), "result") : NULL;
}

static bool completed(const struct tb_node *update)
{
    return tb_str_eq_c(tb_node_str(tb_node_get(update, "status")), "completed");
}

enum tb_rc tb_qdrant_check_applied(const struct tb_dom *answer, struct tb_error *err)
{
    const struct tb_node *result = tb_qdrant_result(answer);
    size_t n = tb_node_size(result);
    bool list = tb_node_kind(result) == TB_NODE_ARRAY;
    bool ok = list || completed(result);
    for (size_t i = 0; list && i < n && ok; i++) {
        ok = completed(tb_node_at(result, i));
    }
    /* "acknowledged" and "wait_timeout": not applied yet. Sending it again is harmless. */
    return ok ? TB_OK : tb_fail(err, TB_EUNAVAILABLE, "Qdrant has not applied a write in time");
}

void tb_qdrant_write_id(struct tb_json *w, const struct tb_uuid *id)
{
    char text[TB_UUID_TEXT_LEN + 1];
    tb_uuid_format(id, text);
    tb_json_string(w, tb_str_of(text));
}

void tb_qdrant_write_match(struct tb_json *w, const char *key, tb_str value)
{
    tb_json_open(w, '{');
    tb_json_key(w, "key");
    tb_json_string(w, tb_str_of(key));
    tb_json_key(w, "match");
    tb_json_open(w, '{');
    tb_json_key(w, "value");
    tb_json_string(w, value);
    tb_json_close(w, '}');
    tb_json_close(w, '}');
}
