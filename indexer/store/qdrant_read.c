/* Queries, counts and walks. */
#include "indexer/core/floats.h"
#include "indexer/store/qdrant_internal.h"

enum { PAGE = 1000 };

static const char seen_fields[] = "[\"ticket_id\",\"version\",\"is_deleted\",\"hash\"]";

static const char all_fields[] = "true";

/* What was read of one point beside the record itself. */
struct whole {
    struct tb_store_payload payload;
    tb_buf tags;
};

static void read_whole(const struct tb_node *payload, struct whole *w, struct tb_store_seen *ret)
{
    struct tb_json json = {.buf = &w->tags};
    tb_buf_clear(&w->tags);
    tb_node_write(tb_node_get(payload, "tags"), &json);
    w->payload = (struct tb_store_payload){
        .ticket_id = ret->ticket_id,
        .version = ret->version,
        .workflow_id = tb_node_str(tb_node_get(payload, "workflow_id")),
        .status = tb_node_str(tb_node_get(payload, "status")),
        .ticket_type = tb_node_str(tb_node_get(payload, "ticket_type")),
        .priority = tb_node_str(tb_node_get(payload, "priority")),
        .assignee = tb_node_str(tb_node_get(payload, "assigned_agent_id")),
        .tags_json = tb_buf_str(&w->tags),
        .is_blocked = tb_node_bool(tb_node_get(payload, "is_blocked"), false),
        .is_resolved = tb_node_bool(tb_node_get(payload, "is_resolved"), false),
        .is_deleted = ret->deleted,
        .created_at = tb_node_int(tb_node_get(payload, "created_at"), 0),
        .updated_at = tb_node_int(tb_node_get(payload, "updated_at"), 0),
    };
    ret->payload = &w->payload;
    ret->kind = tb_node_str(tb_node_get(payload, "kind"));
    ret->comment_id = tb_node_str(tb_node_get(payload, "comment_id"));
    ret->number = (int)tb_node_int(tb_node_get(payload, "chunk"), 0);
}

/* w: NULL for the record alone. */
static bool read_seen(const struct tb_node *point, struct whole *w, struct tb_store_seen *ret)
{
    const struct tb_node *payload = tb_node_get(point, "payload");
    *ret = (struct tb_store_seen){.ticket_id = tb_node_str(tb_node_get(payload, "ticket_id"))};
    ret->version = tb_node_int(tb_node_get(payload, "version"), 0);
    ret->deleted = tb_node_bool(tb_node_get(payload, "is_deleted"), false);
    tb_str hash = tb_node_str(tb_node_get(payload, "hash"));
    if (hash.len < sizeof ret->hash && hash.len) {
        memcpy(ret->hash, hash.ptr, hash.len);
    }
    if (w) {
        read_whole(payload, w, ret);
    }
    return tb_uuid_parse(tb_node_str(tb_node_get(point, "id")), &ret->id);
}

/* Points with other ids than ours (numbers) are not ours to judge. */
static bool tell(const struct tb_node *points, bool whole, tb_store_seen_fn *fn, void *arg)
{
    size_t n = tb_node_size(points);
    struct whole w;
    bool more = true;
    tb_buf_init(&w.tags, TB_QDRANT_REQUEST_MAX);
    for (size_t i = 0; i < n && more; i++) {
        struct tb_store_seen seen;
        if (read_seen(tb_node_at(points, i), whole ? &w : NULL, &seen)) {
            more = fn(&seen, arg);
        }
    }
    tb_buf_dispose(&w.tags);
    return more;
}

enum tb_rc tb_qdrant_seen(struct tb_store *store, const struct tb_uuid *ids, size_t n, bool whole,
                          tb_store_seen_fn *fn, void *arg, struct tb_error *err)
{
    struct tb_qdrant *q = (struct tb_qdrant *)store;
    enum tb_rc rc = TB_OK;
    tb_buf body;
    tb_buf_init(&body, TB_QDRANT_REQUEST_MAX);
    bool more = true;
    for (size_t from = 0; from < n && rc == TB_OK && more; from += PAGE) {
        struct tb_json w = {.buf = &body};
        tb_buf_clear(&body);
        tb_json_open(&w, '{');
        tb_json_key(&w, "ids");
        tb_json_open(&w, '[');
        for (size_t i = from; i < n && i < from + PAGE; i++) {
            tb_qdrant_write_id(&w, &ids[i]);
        }
        tb_json_close(&w, ']');
        tb_json_key(&w, "with_payload");
        tb_json_raw(&w, tb_str_of(whole ? all_fields : seen_fields));
        tb_json_key(&w, "with_vector");
        tb_json_bool(&w, false);
        tb_json_close(&w, '}');
        struct tb_dom *answer = NULL;
        rc = body.failed ? tb_fail(err, TB_ENOMEM, "out of memory")
                         : tb_qdrant_call_on(q, "POST", "/points", tb_buf_str(&body), &answer, err);
        more = rc == TB_OK && tell(tb_qdrant_result(answer), whole, fn, arg);
        tb_dom_free(answer);
    }
    tb_buf_dispose(&body);
    return rc;
}

enum tb_rc tb_qdrant_walk(struct tb_store *store, tb_store_seen_fn *fn, void *arg,
                          struct tb_error *err)
{
    struct tb_qdrant *q = (struct tb_qdrant *)store;
    struct tb_uuid next;
    bool started = false;
    for (;;) {
        tb_buf body;
        tb_buf_init(&body, 4096);
        struct tb_json w = {.buf = &body};
        tb_json_open(&w, '{');
        tb_json_key(&w, "limit");
        tb_json_int(&w, PAGE);
        tb_json_key(&w, "with_payload");
        tb_json_raw(&w, tb_str_of(seen_fields));
        tb_json_key(&w, "with_vector");
        tb_json_bool(&w, false);
        if (started) {
            tb_json_key(&w, "offset");
            tb_qdrant_write_id(&w, &next);
        }
        tb_json_close(&w, '}');
        struct tb_dom *answer = NULL;
        enum tb_rc rc = body.failed ? tb_fail(err, TB_ENOMEM, "out of memory")
                                    : tb_qdrant_call_on(q, "POST", "/points/scroll",
                                                        tb_buf_str(&body), &answer, err);
        tb_buf_dispose(&body);
        const struct tb_node *result = tb_qdrant_result(answer);
        bool more = rc == TB_OK && tell(tb_node_get(result, "points"), false, fn, arg) &&
                    tb_uuid_parse(tb_node_str(tb_node_get(result, "next_page_offset")), &next);
        tb_dom_free(answer);
        if (!more) {
            return rc;
        }
        started = true;
    }
}

static void write_flag(struct tb_json *w, const char *key, bool value)
{
    tb_json_open(w, '{');
    tb_json_key(w, "key");
    tb_json_string(w, tb_str_of(key));
    tb_json_key(w, "match");
    tb_json_open(w, '{');
    tb_json_key(w, "value");
    tb_json_bool(w, value);
    tb_json_close(w, '}');
    tb_json_close(w, '}');
}

enum tb_rc tb_qdrant_count(struct tb_store *store, bool deleted, int64_t *ret, struct tb_error *err)
{
    struct tb_qdrant *q = (struct tb_qdrant *)store;
    tb_buf body;
    tb_buf_init(&body, 4096);
    struct tb_json w = {.buf = &body};
    tb_json_open(&w, '{');
    tb_json_key(&w, "exact");
    tb_json_bool(&w, true);
    tb_json_key(&w, "filter");
    tb_json_open(&w, '{');
    tb_json_key(&w, "must");
    tb_json_open(&w, '[');
    write_flag(&w, "is_deleted", deleted);
    tb_json_close(&w, ']');
    tb_json_close(&w, '}');
    tb_json_close(&w, '}');
    struct tb_dom *answer = NULL;
    enum tb_rc rc = tb_qdrant_call_on(q, "POST", "/points/count", tb_buf_str(&body), &answer, err);
    tb_buf_dispose(&body);
    *ret = tb_node_int(tb_node_get(tb_qdrant_result(answer), "count"), -1);
    if (rc == TB_OK && *ret < 0) {
        rc = tb_fail(err, TB_EUNAVAILABLE, "Qdrant did not say how many points there are");
    }
    tb_dom_free(answer);
    return rc;
}

static void write_filter(struct tb_json *w, const struct tb_store_filter *f)
{
    const struct {
        const char *key;
        tb_str value;
    } fields[] = {
        {"workflow_id", f->workflow_id},    {"status", f->status},
        {"ticket_type", f->ticket_type},    {"priority", f->priority},
        {"assigned_agent_id", f->assignee}, {"tags", f->tag},
    };
    tb_json_open(w, '{');
    tb_json_key(w, "must");
    tb_json_open(w, '[');
    write_flag(w, "is_deleted", false);
    for (size_t i = 0; i < TB_COUNT(fields); i++) {
        if (!tb_str_is_null(fields[i].value)) {
            tb_qdrant_write_match(w, fields[i].key, fields[i].value);
        }
    }
    tb_json_close(w, ']');
    if (f->no_comments) {
        tb_json_key(w, "must_not");
        tb_json_open(w, '[');
        tb_qdrant_write_match(w, "kind", TB_LIT("comment"));
        tb_json_close(w, ']');
    }
    tb_json_close(w, '}');
}

static enum tb_rc read_groups(const struct tb_dom *answer, struct tb_arena *arena,
                              struct tb_store_hit **ret, size_t *ret_n, struct tb_error *err)
{
    const struct tb_node *groups = tb_node_get(tb_qdrant_result(answer), "groups");
    size_t n = tb_node_size(groups);
    struct tb_store_hit *hits = TB_NEW_N(arena, struct tb_store_hit, n + 1);
    if (!hits) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        const struct tb_node *hit = tb_node_at(tb_node_get(tb_node_at(groups, i), "hits"), 0);
        const struct tb_node *payload = tb_node_get(hit, "payload");
        struct tb_store_hit *h = &hits[used];
        h->ticket_id = tb_arena_str(arena, tb_node_str(tb_node_get(payload, "ticket_id")));
        h->kind = tb_arena_str(arena, tb_node_str(tb_node_get(payload, "kind")));
        h->comment_id = tb_arena_str(arena, tb_node_str(tb_node_get(payload, "comment_id")));
        h->number = (int)tb_node_int(tb_node_get(payload, "chunk"), 0);
        h->score = tb_node_real(tb_node_get(hit, "score"), 0);
        used += !tb_str_is_null(h->ticket_id);
    }
    *ret = hits;
    *ret_n = used;
    return tb_arena_failed(arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}

enum tb_rc tb_qdrant_query(struct tb_store *store, const float *vector,
                           const struct tb_store_filter *filter, size_t limit,
                           struct tb_arena *arena, struct tb_store_hit **ret, size_t *ret_n,
                           struct tb_error *err)
{
    struct tb_qdrant *q = (struct tb_qdrant *)store;
    tb_buf body;
    tb_buf_init(&body, TB_QDRANT_REQUEST_MAX);
    struct tb_json w = {.buf = &body};
    tb_json_open(&w, '{');
    tb_json_key(&w, "query");
    tb_floats_json(&body, vector, (size_t)q->dim);
    w.comma = true;
    tb_json_key(&w, "using");
    tb_json_string(&w, TB_LIT(TB_QDRANT_VECTOR));
    tb_json_key(&w, "filter");
    write_filter(&w, filter);
    tb_json_key(&w, "group_by");
    tb_json_string(&w, TB_LIT("ticket_id"));
    tb_json_key(&w, "group_size");
    tb_json_int(&w, 1);
    tb_json_key(&w, "limit");
    tb_json_int(&w, (int64_t)limit);
    tb_json_key(&w, "with_payload");
    tb_json_raw(&w, TB_LIT("[\"ticket_id\",\"kind\",\"comment_id\",\"chunk\"]"));
    tb_json_close(&w, '}');
    struct tb_dom *answer = NULL;
    enum tb_rc rc = body.failed ? tb_fail(err, TB_ENOMEM, "out of memory")
                                : tb_qdrant_call_on(q, "POST", "/points/query/groups",
                                                    tb_buf_str(&body), &answer, err);
    tb_buf_dispose(&body);
    rc = rc == TB_OK ? read_groups(answer, arena, ret, ret_n, err) : rc;
    tb_dom_free(answer);
    return rc;
}
