/* Guarded writes.
 *
 * Qdrant applies an upsert to a point that exists only where update_filter matches it, so the guard
 * is written per version: points of this version's tickets that are not newer. Points without a
 * version are ours to replace. In payload operations a list of points would override the filter,
 * so ids are conditions of the filter. Each operation of a batch is applied in its order. */
#include <stdlib.h>

#include "indexer/core/floats.h"
#include "indexer/store/qdrant_internal.h"

enum { POINTS_OF_A_REQUEST = 1000, CHANGES_OF_A_REQUEST = 256 };

static void write_payload_fields(struct tb_json *w, const struct tb_store_payload *p)
{
    tb_json_key(w, "ticket_id");
    tb_json_string(w, p->ticket_id);
    tb_json_key(w, "version");
    tb_json_int(w, p->version);
    tb_json_key(w, "workflow_id");
    tb_json_string(w, p->workflow_id);
    tb_json_key(w, "is_deleted");
    tb_json_bool(w, p->is_deleted);
    tb_json_key(w, "updated_at");
    tb_json_int(w, p->updated_at);
    if (p->is_deleted) {
        tb_json_key(w, "deleted");
        tb_json_bool(w, true);
        return;
    }
    tb_json_key(w, "status");
    tb_json_string(w, p->status);
    tb_json_key(w, "ticket_type");
    tb_json_string(w, p->ticket_type);
    tb_json_key(w, "priority");
    tb_json_string(w, p->priority);
    tb_json_key(w, "assigned_agent_id");
    tb_json_string(w, p->assignee);
    tb_json_key(w, "tags");
    tb_json_raw(w, p->tags_json);
    tb_json_key(w, "is_blocked");
    tb_json_bool(w, p->is_blocked);
    tb_json_key(w, "is_resolved");
    tb_json_bool(w, p->is_resolved);
    tb_json_key(w, "created_at");
    tb_json_int(w, p->created_at);
}

static void write_point(struct tb_json *w, const struct tb_store_point *p, int64_t dim)
{
    tb_json_open(w, '{');
    tb_json_key(w, "id");
    tb_qdrant_write_id(w, &p->id);
    tb_json_key(w, "vector");
    tb_json_open(w, '{');
    if (p->vector) {
        tb_json_key(w, TB_QDRANT_VECTOR);
        tb_floats_json(w->buf, p->vector, (size_t)dim);
        w->comma = true;
    }
    tb_json_close(w, '}');
    tb_json_key(w, "payload");
    tb_json_open(w, '{');
    write_payload_fields(w, p->ticket);
    if (p->vector) {
        tb_json_key(w, "kind");
        tb_json_string(w, tb_str_of(p->kind));
        tb_json_key(w, "comment_id");
        tb_json_string(w, p->comment_id);
        tb_json_key(w, "chunk");
        tb_json_int(w, p->number);
        tb_json_key(w, "hash");
        tb_json_string(w, tb_str_of(p->hash));
    }
    tb_json_close(w, '}');
    tb_json_close(w, '}');
}

static void write_not_newer(struct tb_json *w, int64_t version)
{
    tb_json_open(w, '{');
    tb_json_key(w, "key");
    tb_json_string(w, TB_LIT("version"));
    tb_json_key(w, "range");
    tb_json_open(w, '{');
    tb_json_key(w, "lte");
    tb_json_int(w, version);
    tb_json_close(w, '}');
    tb_json_close(w, '}');
}

/* A point, for sorting by version. */
struct entry {
    const struct tb_store_point *point;
    int64_t version;
};

static int by_version(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    return (x->version > y->version) - (x->version < y->version);
}

/* {"should": [no version, {"must": [has_id of the points of a version, version <= it]}, …]} */
static void write_guard(struct tb_json *w, const struct entry *sorted, size_t n)
{
    tb_json_open(w, '{');
    tb_json_key(w, "should");
    tb_json_open(w, '[');
    tb_json_raw(w, TB_LIT("{\"is_empty\":{\"key\":\"version\"}}"));
    for (size_t i = 0; i < n;) {
        int64_t version = sorted[i].version;
        tb_json_open(w, '{');
        tb_json_key(w, "must");
        tb_json_open(w, '[');
        tb_json_open(w, '{');
        tb_json_key(w, "has_id");
        tb_json_open(w, '[');
        for (; i < n && sorted[i].version == version; i++) {
            tb_qdrant_write_id(w, &sorted[i].point->id);
        }
        tb_json_close(w, ']');
        tb_json_close(w, '}');
        write_not_newer(w, version);
        tb_json_close(w, ']');
        tb_json_close(w, '}');
    }
    tb_json_close(w, ']');
    tb_json_close(w, '}');
}

static void write_upsert(struct tb_json *w, const struct entry *sorted, size_t n, int64_t dim)
{
    tb_json_open(w, '{');
    tb_json_key(w, "upsert");
    tb_json_open(w, '{');
    tb_json_key(w, "points");
    tb_json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        write_point(w, sorted[i].point, dim);
    }
    tb_json_close(w, ']');
    tb_json_key(w, "update_filter");
    write_guard(w, sorted, n);
    tb_json_close(w, '}');
    tb_json_close(w, '}');
}

static void write_refresh(struct tb_json *w, const struct tb_store_refresh *r)
{
    tb_json_open(w, '{');
    tb_json_key(w, "set_payload");
    tb_json_open(w, '{');
    tb_json_key(w, "payload");
    tb_json_open(w, '{');
    write_payload_fields(w, r->ticket);
    tb_json_close(w, '}');
    tb_json_key(w, "filter");
    tb_json_open(w, '{');
    tb_json_key(w, "must");
    tb_json_open(w, '[');
    write_not_newer(w, r->ticket->version);
    tb_json_close(w, ']');
    tb_json_key(w, "should");
    tb_json_open(w, '[');
    for (size_t i = 0; i < r->n; i++) {
        tb_json_open(w, '{');
        tb_json_key(w, "must");
        tb_json_open(w, '[');
        tb_json_open(w, '{');
        tb_json_key(w, "has_id");
        tb_json_open(w, '[');
        tb_qdrant_write_id(w, &r->ids[i]);
        tb_json_close(w, ']');
        tb_json_close(w, '}');
        tb_qdrant_write_match(w, "hash", tb_str_of(r->hashes[i]));
        tb_json_close(w, ']');
        tb_json_close(w, '}');
    }
    tb_json_close(w, ']');
    tb_json_close(w, '}');
    tb_json_close(w, '}');
    tb_json_close(w, '}');
}

static void write_purges(struct tb_json *w, const struct tb_store_purge *purges, size_t n)
{
    tb_json_open(w, '{');
    tb_json_key(w, "delete");
    tb_json_open(w, '{');
    tb_json_key(w, "filter");
    tb_json_open(w, '{');
    tb_json_key(w, "should");
    tb_json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        tb_json_open(w, '{');
        tb_json_key(w, "must");
        tb_json_open(w, '[');
        tb_qdrant_write_match(w, "ticket_id", purges[i].ticket_id);
        write_not_newer(w, purges[i].before_version - 1);
        tb_json_close(w, ']');
        tb_json_close(w, '}');
    }
    tb_json_close(w, ']');
    tb_json_close(w, '}');
    tb_json_close(w, '}');
    tb_json_close(w, '}');
}

/* ---- requests of bounded size ---- */

struct sender {
    struct tb_qdrant *q;
    tb_buf body;
    struct tb_json w;
    size_t operations;
};

static void begin(struct sender *s)
{
    tb_buf_clear(&s->body);
    s->w = (struct tb_json){.buf = &s->body};
    s->operations = 0;
    tb_json_open(&s->w, '{');
    tb_json_key(&s->w, "operations");
    tb_json_open(&s->w, '[');
}

static enum tb_rc flush(struct sender *s, struct tb_error *err)
{
    if (s->operations == 0) {
        return TB_OK;
    }
    tb_json_close(&s->w, ']');
    tb_json_close(&s->w, '}');
    if (s->body.failed) {
        return tb_fail(err, TB_ENOMEM, "out of memory writing points");
    }
    struct tb_dom *answer = NULL;
    enum tb_rc rc = tb_qdrant_call_on(s->q, "POST", "/points/batch?wait=true&ordering=medium",
                                      tb_buf_str(&s->body), &answer, err);
    rc = rc == TB_OK ? tb_qdrant_check_applied(answer, err) : rc;
    tb_dom_free(answer);
    begin(s);
    return rc;
}

static enum tb_rc send_points(struct sender *s, const struct tb_store_batch *batch,
                              struct tb_error *err)
{
    struct entry *sorted = calloc(batch->npoints + 1, sizeof *sorted);
    if (!sorted) {
        return tb_fail(err, TB_ENOMEM, "out of memory writing points");
    }
    for (size_t i = 0; i < batch->npoints; i++) {
        sorted[i] = (struct entry){&batch->points[i], batch->points[i].ticket->version};
    }
    qsort(sorted, batch->npoints, sizeof *sorted, by_version);
    /* A number takes at most 14 bytes, a payload a few kilobytes. */
    size_t size = (size_t)s->q->dim * 14 + 4096;
    size_t most = TB_QDRANT_REQUEST_MAX / 2 / size;
    most = most < 1 ? 1 : most > POINTS_OF_A_REQUEST ? POINTS_OF_A_REQUEST : most;
    enum tb_rc rc = TB_OK;
    for (size_t from = 0; from < batch->npoints && rc == TB_OK; from += most) {
        size_t n = batch->npoints - from < most ? batch->npoints - from : most;
        write_upsert(&s->w, sorted + from, n, s->q->dim);
        s->operations++;
        if (from + n < batch->npoints) {
            rc = flush(s, err);
        }
    }
    free(sorted);
    return rc;
}

enum tb_rc tb_qdrant_apply(struct tb_store *store, const struct tb_store_batch *batch,
                           struct tb_error *err)
{
    struct sender s = {.q = (struct tb_qdrant *)store};
    tb_buf_init(&s.body, TB_QDRANT_REQUEST_MAX * 4);
    begin(&s);
    enum tb_rc rc = send_points(&s, batch, err);
    for (size_t i = 0; i < batch->nrefreshes && rc == TB_OK; i++) {
        write_refresh(&s.w, &batch->refreshes[i]);
        if (++s.operations >= CHANGES_OF_A_REQUEST || s.body.len > TB_QDRANT_REQUEST_MAX / 2) {
            rc = flush(&s, err);
        }
    }
    for (size_t from = 0; from < batch->npurges && rc == TB_OK; from += CHANGES_OF_A_REQUEST) {
        size_t n = batch->npurges - from;
        n = n < CHANGES_OF_A_REQUEST ? n : CHANGES_OF_A_REQUEST;
        write_purges(&s.w, batch->purges + from, n);
        s.operations++;
    }
    rc = rc == TB_OK ? flush(&s, err) : rc;
    tb_buf_dispose(&s.body);
    return rc;
}

enum tb_rc tb_qdrant_remove(struct tb_store *store, const struct tb_uuid *ids, size_t n,
                            struct tb_error *err)
{
    struct tb_qdrant *q = (struct tb_qdrant *)store;
    tb_buf body;
    tb_buf_init(&body, TB_QDRANT_REQUEST_MAX);
    enum tb_rc rc = TB_OK;
    for (size_t from = 0; from < n && rc == TB_OK; from += POINTS_OF_A_REQUEST) {
        struct tb_json w = {.buf = &body};
        tb_buf_clear(&body);
        tb_json_open(&w, '{');
        tb_json_key(&w, "points");
        tb_json_open(&w, '[');
        for (size_t i = from; i < n && i < from + POINTS_OF_A_REQUEST; i++) {
            tb_qdrant_write_id(&w, &ids[i]);
        }
        tb_json_close(&w, ']');
        tb_json_close(&w, '}');
        struct tb_dom *answer = NULL;
        rc = body.failed ? tb_fail(err, TB_ENOMEM, "out of memory")
                         : tb_qdrant_call_on(q, "POST", "/points/delete?wait=true",
                                             tb_buf_str(&body), &answer, err);
        rc = rc == TB_OK ? tb_qdrant_check_applied(answer, err) : rc;
        tb_dom_free(answer);
    }
    tb_buf_dispose(&body);
    return rc;
}
