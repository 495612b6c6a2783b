/* A slice's part in the vector store. */
#include "common/base/log.h"
#include "indexer/shell/slice.h"

struct writes {
    struct tb_store_point *points;
    struct tb_store_refresh *refreshes;
    struct tb_store_purge *purges;
    struct tb_store_batch batch;
};

static void add_point(struct writes *w, const struct item *it, size_t i)
{
    const struct tb_chunk *c = &it->doc.chunks[i];
    w->points[w->batch.npoints++] = (struct tb_store_point){.id = c->point,
                                                            .ticket = payload(it),
                                                            .vector = it->pieces[i].input.vector,
                                                            .kind = c->kind,
                                                            .comment_id = c->comment_id,
                                                            .number = c->number,
                                                            .hash = c->hash};
}

static void add_refresh(struct slice *s, struct writes *w, const struct item *it)
{
    size_t n = 0;
    struct tb_uuid *ids = TB_NEW_N(s->arena, struct tb_uuid, it->doc.n);
    const char **hashes = TB_NEW_N(s->arena, const char *, it->doc.n);
    for (size_t i = 0; ids && hashes && i < it->doc.n; i++) {
        if (it->pieces[i].refresh) {
            ids[n] = it->doc.chunks[i].point;
            hashes[n++] = it->doc.chunks[i].hash;
        }
    }
    if (n) {
        w->refreshes[w->batch.nrefreshes++] =
            (struct tb_store_refresh){.ticket = payload(it), .ids = ids, .hashes = hashes, .n = n};
    }
}

static void add_purge(struct writes *w, tb_str ticket_id, int64_t before)
{
    w->purges[w->batch.npurges++] = (struct tb_store_purge){ticket_id, before};
}

/* A chunk that the store may hold is no longer part of the ticket, or nothing is known of it. */
static bool may_leave_points(const struct item *it)
{
    if (it->out.row->state_version == 0 || it->out.row->state_deleted) {
        return true;
    }
    for (size_t i = 0; i < it->out.row->hashes.n; i++) {
        tb_str key = it->out.row->hashes.entries[i].key;
        size_t k = 0;
        while (k < it->doc.n && !(tb_str_eq(it->doc.chunks[k].key, key) && !it->poison[k])) {
            k++;
        }
        if (k == it->doc.n) {
            return true;
        }
    }
    return false;
}

/* Tombstones for all points that are known, and for the first one in any case. */
static void add_tombstones(struct slice *s, struct writes *w, const struct item *it)
{
    const struct tb_map *known = &it->out.row->hashes;
    tb_str first = TB_LIT("body#0");
    for (size_t i = 0; i <= known->n; i++) {
        if (i == known->n && tb_map_get(known, first)) {
            break;
        }
        tb_str key = i < known->n ? known->entries[i].key : first;
        w->points[w->batch.npoints++] =
            (struct tb_store_point){.id = tb_point_id(payload(it)->ticket_id, key, s->arena),
                                    .ticket = payload(it),
                                    .hash = ""};
    }
    add_purge(w, payload(it)->ticket_id, payload(it)->version);
}

enum tb_rc tb_slice_apply(struct slice *s, const struct tb_store_batch *batch, struct tb_error *err)
{
    struct tb_indexer *ix = s->ix;
    for (;;) {
        enum tb_rc rc = tb_indexer_prepare_store(ix, err);
        if (rc != TB_OK) {
            return rc;
        }
        rc = tb_store_apply(ix->store, batch, err);
        if (rc == TB_OK) {
            tb_patience_over(&ix->store_patience);
            return TB_OK;
        }
        if (rc == TB_ENOMEM || rc == TB_EDATA) {
            return rc;
        }
        ix->store_ready = ix->store_ready && rc != TB_ENOTFOUND;
        if (rc == TB_ENOTFOUND && tb_indexer_is_retired(ix)) { /* removed: not to be made again */
            return tb_fail(err, TB_ECONFLICT, "the collection is retired");
        }
        if (!tb_patience_wait(&ix->store_patience, err, ix->store->wait_ms)) {
            return tb_fail(err, TB_EUNAVAILABLE, "stopped");
        }
    }
}

static bool writes_new(struct slice *s, struct writes *w)
{
    size_t points = s->chunks;
    for (size_t k = 0; k < s->n; k++) {
        points += s->items[k].out.row->hashes.n + 1;
    }
    *w = (struct writes){.points = TB_NEW_N(s->arena, struct tb_store_point, points),
                         .refreshes = TB_NEW_N(s->arena, struct tb_store_refresh, s->n),
                         .purges = TB_NEW_N(s->arena, struct tb_store_purge, s->n)};
    w->batch.points = w->points;
    w->batch.refreshes = w->refreshes;
    w->batch.purges = w->purges;
    return w->points && w->refreshes && w->purges;
}

enum tb_rc tb_slice_write_points(struct slice *s, struct tb_error *err)
{
    struct writes w;
    if (!writes_new(s, &w)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t k = 0; k < s->n; k++) {
        const struct item *it = &s->items[k];
        if (!it->out.doc) {
            add_tombstones(s, &w, it);
            continue;
        }
        for (size_t i = 0; i < it->doc.n; i++) {
            if (it->pieces[i].input.vector) {
                add_point(&w, it, i);
            }
        }
        add_refresh(s, &w, it);
        if (may_leave_points(it)) {
            add_purge(&w, payload(it)->ticket_id, payload(it)->version);
        }
    }
    return tb_slice_apply(s, &w.batch, err);
}

/* ---- checking that refreshed points are what they were taken for ---- */

struct found {
    int64_t version;
    char hash[40];
};

struct finding {
    struct tb_arena *arena;
    struct tb_map map; /* id's bytes -> struct found */
    bool failed;
};

static bool on_seen(const struct tb_store_seen *seen, void *arg)
{
    struct finding *f = arg;
    struct found *found = TB_NEW(f->arena, struct found);
    tb_str key = tb_arena_str(f->arena, (tb_str){(const char *)seen->id.bytes, 16});
    if (!found || tb_str_is_null(key)) {
        f->failed = true;
        return false;
    }
    found->version = seen->version;
    memcpy(found->hash, seen->hash, sizeof found->hash);
    f->failed = !tb_map_put(&f->map, key, found);
    return !f->failed;
}

static enum tb_rc look_up(struct slice *s, const struct tb_uuid *ids, size_t n, struct finding *f,
                          struct tb_error *err)
{
    struct tb_indexer *ix = s->ix;
    for (;;) {
        f->failed = false;
        tb_map_init(&f->map, s->arena);
        enum tb_rc rc = tb_store_seen(ix->store, ids, n, on_seen, f, err);
        if (rc == TB_OK) {
            return f->failed ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
        }
        if (rc == TB_ENOMEM) {
            return rc;
        }
        if (!tb_patience_wait(&ix->store_patience, err, ix->store->wait_ms)) {
            return tb_fail(err, TB_EUNAVAILABLE, "stopped");
        }
    }
}

/* Marks for embedding what is missing, older, or another text's vector. A newer one is right. */
static size_t mark_wrong(struct slice *s, const struct finding *f)
{
    size_t wrong = 0;
    for (size_t k = 0; k < s->n; k++) {
        struct item *it = &s->items[k];
        for (size_t i = 0; it->out.doc && i < it->doc.n; i++) {
            struct piece *p = &it->pieces[i];
            if (!p->refresh) {
                p->input.vector = NULL; /* written already */
                continue;
            }
            const struct tb_chunk *c = &it->doc.chunks[i];
            const struct found *found =
                tb_map_get(&f->map, (tb_str){(const char *)c->point.bytes, 16});
            int64_t version = payload(it)->version;
            p->refresh = false;
            p->embed = !found || found->version < version ||
                       (found->version == version && strcmp(found->hash, c->hash) != 0);
            wrong += p->embed;
        }
    }
    return wrong;
}

enum tb_rc tb_slice_confirm(struct slice *s, struct tb_error *err)
{
    struct tb_uuid *ids = TB_NEW_N(s->arena, struct tb_uuid, s->chunks + 1);
    size_t n = 0;
    for (size_t k = 0; ids && k < s->n; k++) {
        for (size_t i = 0; s->items[k].out.doc && i < s->items[k].doc.n; i++) {
            if (s->items[k].pieces[i].refresh) {
                ids[n++] = s->items[k].doc.chunks[i].point;
            }
        }
    }
    if (!ids) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    if (n == 0) {
        return TB_OK;
    }
    struct finding f = {.arena = s->arena};
    enum tb_rc rc = look_up(s, ids, n, &f, err);
    size_t wrong = rc == TB_OK ? mark_wrong(s, &f) : 0;
    s->ix->stats.refreshed += n - wrong;
    if (rc != TB_OK || wrong == 0) {
        return rc;
    }
    s->ix->stats.healed += wrong;
    tb_log_info("%zu points were not as they were left, writing them anew", wrong);
    rc = tb_slice_embed(s, err);
    return rc == TB_OK ? tb_slice_write_points(s, err) : rc;
}

/* ---- being late ---- */

enum tb_rc tb_slice_yield(struct slice *s, struct tb_error *err)
{
    struct writes w;
    if (!writes_new(s, &w)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t k = 0; k < s->n; k++) {
        if (s->items[k].out.superseded) {
            add_purge(&w, payload(&s->items[k])->ticket_id, s->items[k].out.newer_version);
            s->ix->stats.superseded++;
        }
    }
    return w.batch.npurges ? tb_slice_apply(s, &w.batch, err) : TB_OK;
}
