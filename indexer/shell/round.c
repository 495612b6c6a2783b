#include "indexer/shell/round.h"

#include "common/base/log.h"
#include "indexer/shell/deadletter.h"
#include "indexer/shell/rows.h"
#include "indexer/shell/state.h"

#define VERSION_END ((int64_t)1 << 53) /* above every version */

/* A chunk in the course of a round. */
struct piece {
    struct tb_embed_input input;
    bool embed;   /* its vector is made in this round */
    bool refresh; /* its point stands, only the payload changes */
};

struct item {
    struct tb_indexed out;
    struct tb_document doc;
    struct piece *pieces; /* by chunk of doc */
    bool *poison;
};

struct slice {
    struct tb_indexer *ix;
    struct tb_arena *arena;
    struct item *items;
    size_t n;
    size_t chunks; /* of all items */
};

static const struct tb_store_payload *payload(const struct item *it)
{
    return &it->out.row->payload;
}

/* ---- deciding what is to be done ---- */

static enum tb_rc plan_item(struct slice *s, const struct tb_row *row, struct item *it,
                            struct tb_error *err)
{
    it->out = (struct tb_indexed){.row = row};
    if (row->payload.is_deleted) {
        return TB_OK;
    }
    enum tb_rc rc = tb_document_build(&row->text, &s->ix->recipe, s->arena, &it->doc, err);
    if (rc != TB_OK) {
        return rc;
    }
    it->pieces = TB_NEW_N(s->arena, struct piece, it->doc.n);
    it->poison = TB_NEW_N(s->arena, bool, it->doc.n);
    if (!it->pieces || !it->poison) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    it->out.doc = &it->doc;
    it->out.poison = it->poison;
    it->out.texts_changed = !tb_str_eq_c(row->state_fingerprint, it->doc.fingerprint);
    for (size_t i = 0; i < it->doc.n; i++) {
        const struct tb_chunk *c = &it->doc.chunks[i];
        const struct tb_known_chunk *known = tb_map_get(&row->hashes, c->key);
        bool same = known && tb_str_eq_c(known->hash, c->hash);
        it->poison[i] = same && known->poison;
        it->pieces[i].refresh = same && !known->poison;
        it->pieces[i].embed = !same;
        it->pieces[i].input.text = c->text;
    }
    s->chunks += it->doc.n;
    return TB_OK;
}

/* ---- embedding ---- */

static enum tb_rc report_poison(struct tb_indexer *ix, const struct tb_index_letter *letter,
                                struct tb_error *err)
{
    tb_log_warn("%.*s at version %lld%s%.*s cannot be indexed (%s): %s", TB_ARG(letter->ticket_id),
                (long long)letter->version, letter->chunk.len ? ", part " : "",
                TB_ARG(letter->chunk), letter->stage, letter->reason);
    for (;;) {
        enum tb_rc rc = tb_index_letter_send(ix->producer, ix->dlq_topic, letter, err);
        if (rc == TB_OK) {
            tb_patience_over(&ix->kafka_patience);
        }
        if (rc != TB_EUNAVAILABLE && rc != TB_ERETRY) {
            return rc;
        }
        if (!tb_patience_wait(&ix->kafka_patience, err, 0)) {
            return tb_fail(err, TB_EUNAVAILABLE, "stopped");
        }
    }
}

static enum tb_rc embed_inputs(struct tb_indexer *ix, struct tb_embed_input *inputs, size_t n,
                               struct tb_arena *arena, struct tb_error *err)
{
    for (;;) {
        int64_t wait_ms = 0;
        enum tb_rc rc = tb_embed_run(ix->embedder, inputs, n, false, arena, &wait_ms, err);
        if (rc == TB_OK) {
            tb_patience_over(&ix->embed_patience);
            return TB_OK;
        }
        if (rc == TB_ENOMEM) {
            return rc;
        }
        if (!tb_patience_wait(&ix->embed_patience, err, wait_ms)) {
            return tb_fail(err, TB_EUNAVAILABLE, "stopped");
        }
    }
}

static enum tb_rc settle_piece(struct slice *s, struct item *it, size_t i,
                               const struct tb_embed_input *input, struct tb_error *err)
{
    it->pieces[i].input = *input;
    it->pieces[i].embed = false;
    it->out.tokens += (int64_t)it->doc.chunks[i].tokens;
    if (input->state == TB_INPUT_DONE) {
        s->ix->stats.embedded++;
        return TB_OK;
    }
    it->poison[i] = true;
    s->ix->stats.poison++;
    struct tb_index_letter letter = {.ticket_id = payload(it)->ticket_id,
                                     .version = payload(it)->version,
                                     .chunk = it->doc.chunks[i].key,
                                     .stage = "embed",
                                     .reason = input->reason};
    return report_poison(s->ix, &letter, err);
}

/* Embeds every piece marked so. */
static enum tb_rc embed_marked(struct slice *s, struct tb_error *err)
{
    struct tb_embed_input *inputs = TB_NEW_N(s->arena, struct tb_embed_input, s->chunks + 1);
    size_t n = 0;
    for (size_t k = 0; inputs && k < s->n; k++) {
        for (size_t i = 0; s->items[k].out.doc && i < s->items[k].doc.n; i++) {
            if (s->items[k].pieces[i].embed) {
                inputs[n++] = (struct tb_embed_input){.text = s->items[k].doc.chunks[i].text};
            }
        }
    }
    if (!inputs) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    enum tb_rc rc = n ? embed_inputs(s->ix, inputs, n, s->arena, err) : TB_OK;
    size_t at = 0;
    for (size_t k = 0; rc == TB_OK && k < s->n; k++) {
        struct item *it = &s->items[k];
        for (size_t i = 0; rc == TB_OK && it->out.doc && i < it->doc.n; i++) {
            if (it->pieces[i].embed) {
                rc = settle_piece(s, it, i, &inputs[at++], err);
            }
        }
        if (it->out.doc && it->pieces[0].input.vector) {
            it->out.first_vector = it->pieces[0].input.vector;
        }
    }
    return rc;
}

/* ---- the vector store ---- */

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

static enum tb_rc apply(struct slice *s, const struct tb_store_batch *batch, struct tb_error *err)
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

static enum tb_rc write_points(struct slice *s, struct tb_error *err)
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
    return apply(s, &w.batch, err);
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

static enum tb_rc confirm(struct slice *s, struct tb_error *err)
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
    rc = embed_marked(s, err);
    return rc == TB_OK ? write_points(s, err) : rc;
}

/* ---- the database ---- */

static enum tb_rc write_state(struct slice *s, struct tb_error *err)
{
    struct tb_indexer *ix = s->ix;
    struct tb_indexed *items = TB_NEW_N(s->arena, struct tb_indexed, s->n + 1);
    if (!items) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t k = 0; k < s->n; k++) {
        items[k] = s->items[k].out;
    }
    for (size_t from = 0; from < s->n;) {
        size_t n = s->n - from < TB_STATE_BATCH ? s->n - from : TB_STATE_BATCH;
        enum tb_rc rc = tb_state_write(ix->pg, ix->collection, ix->recipe_name, ix->model.dim,
                                       items + from, n, s->arena, err);
        if (rc == TB_OK) {
            tb_patience_over(&ix->pg_patience);
            from += n;
            continue;
        }
        rc = tb_indexer_retry_pg(ix, rc, err);
        if (rc != TB_OK) {
            return rc;
        }
    }
    for (size_t k = 0; k < s->n; k++) {
        s->items[k].out = items[k];
    }
    return TB_OK;
}

/* Somebody has written down a newer version while this one was under way. What he could not know of
 * (chunks that only this version has) goes. */
static enum tb_rc yield_to_newer(struct slice *s, struct tb_error *err)
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
    return w.batch.npurges ? apply(s, &w.batch, err) : TB_OK;
}

/* ---- putting it together ---- */

static enum tb_rc run_slice(struct slice *s, struct tb_error *err)
{
    enum tb_rc rc = embed_marked(s, err);
    if (rc == TB_OK) {
        rc = write_points(s, err);
    }
    if (rc == TB_OK) {
        rc = confirm(s, err);
    }
    if (rc == TB_OK) {
        rc = write_state(s, err);
    }
    if (rc == TB_OK) {
        rc = yield_to_newer(s, err);
    }
    for (size_t k = 0; rc == TB_OK && k < s->n; k++) {
        s->ix->done(payload(&s->items[k])->ticket_id, s->ix->arg);
        s->ix->stats.tickets++;
        s->ix->stats.deleted += !s->items[k].out.doc;
    }
    return rc;
}

static enum tb_rc bury(struct tb_indexer *ix, const struct tb_row *row, const struct tb_error *why,
                       struct tb_error *err)
{
    struct tb_index_letter letter = {.ticket_id = row->payload.ticket_id,
                                     .version = row->payload.version,
                                     .stage = why->code[0] && strlen(why->code) == 5 ? "database"
                                                                                     : "store",
                                     .reason = why->text};
    ix->stats.dead++;
    return report_poison(ix, &letter, err);
}

/* Rows in slices of a bounded number of chunks. What is refused for its data is halved until the
 * ticket at fault stands alone. */
static enum tb_rc run_rows(struct tb_indexer *ix, const struct tb_row *rows, size_t n,
                           struct tb_arena *arena, struct tb_error *err)
{
    size_t at = 0;
    while (at < n) {
        if (atomic_load(ix->stop)) {
            return tb_fail(err, TB_EUNAVAILABLE, "stopped");
        }
        struct slice s = {.ix = ix, .arena = arena, .items = TB_NEW_N(arena, struct item, n - at)};
        if (!s.items) {
            return tb_fail(err, TB_ENOMEM, "out of memory");
        }
        size_t from = at;
        enum tb_rc rc = TB_OK;
        while (rc == TB_OK && at < n && s.chunks < ix->slice_chunks) {
            rc = plan_item(&s, &rows[at++], &s.items[s.n++], err);
        }
        rc = rc == TB_OK ? run_slice(&s, err) : rc;
        if (rc == TB_EDATA && s.n == 1) {
            struct tb_error why = *err;
            rc = bury(ix, &rows[from], &why, err);
            if (rc == TB_OK) {
                ix->done(rows[from].payload.ticket_id, ix->arg);
            }
        } else if (rc == TB_EDATA) {
            rc = run_rows(ix, rows + from, s.n / 2, arena, err);
            rc = rc == TB_OK ? run_rows(ix, rows + from + s.n / 2, s.n - s.n / 2, arena, err) : rc;
        }
        if (rc != TB_OK) {
            return rc;
        }
    }
    return TB_OK;
}

/* Tickets whose rows are gone for good: nothing of them stays. */
static enum tb_rc forget(struct tb_indexer *ix, const tb_str *ids, size_t n, struct tb_arena *arena,
                         struct tb_error *err)
{
    struct slice s = {.ix = ix, .arena = arena};
    struct tb_store_purge *purges = TB_NEW_N(arena, struct tb_store_purge, n + 1);
    if (!purges) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        purges[i] = (struct tb_store_purge){ids[i], VERSION_END};
    }
    struct tb_store_batch batch = {.purges = purges, .npurges = n};
    enum tb_rc rc = n ? apply(&s, &batch, err) : TB_OK;
    while (n && rc == TB_OK) {
        rc = tb_state_forget(ix->pg, ix->collection, ids, n, arena, err);
        if (rc == TB_OK) {
            break;
        }
        rc = tb_indexer_retry_pg(ix, rc, err);
    }
    for (size_t i = 0; i < n && rc == TB_OK; i++) {
        ix->done(ids[i], ix->arg);
    }
    return rc;
}

/* Sorts the work: ids that need their rows, ids without a row; those known already drop out. */
static enum tb_rc sort_out(struct tb_indexer *ix, const struct tb_work *work, size_t n,
                           struct tb_arena *arena, tb_str *due, size_t *ndue, tb_str *gone,
                           size_t *ngone, struct tb_error *err)
{
    tb_str *ids = TB_NEW_N(arena, tb_str, n + 1);
    struct tb_head *heads = TB_NEW_N(arena, struct tb_head, n + 1);
    if (!ids || !heads) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        ids[i] = work[i].ticket_id;
    }
    for (;;) {
        enum tb_rc rc = tb_indexer_connect(ix, err);
        if (rc == TB_OK) {
            rc = tb_rows_heads(ix->pg, ix->collection, ix->recipe_name, ids, n, arena, heads, err);
            if (rc == TB_OK) {
                break;
            }
            rc = tb_indexer_retry_pg(ix, rc, err);
        }
        if (rc != TB_OK) {
            return rc;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (heads[i].version == 0) {
            gone[(*ngone)++] = ids[i];
        } else if (heads[i].state_version < heads[i].version || !heads[i].same_recipe) {
            due[(*ndue)++] = ids[i];
        } else {
            ix->stats.skipped++;
            ix->done(ids[i], ix->arg);
        }
    }
    return TB_OK;
}

enum tb_rc tb_round_run(struct tb_indexer *ix, const struct tb_work *work, size_t n,
                        struct tb_arena *arena, struct tb_error *err)
{
    tb_str *due = TB_NEW_N(arena, tb_str, n + 1);
    tb_str *gone = TB_NEW_N(arena, tb_str, n + 1);
    size_t ndue = 0;
    size_t ngone = 0;
    if (!due || !gone) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    enum tb_rc rc = sort_out(ix, work, n, arena, due, &ndue, gone, &ngone, err);
    if (rc == TB_OK) {
        rc = forget(ix, gone, ngone, arena, err);
    }
    if (rc != TB_OK || ndue == 0) {
        return rc;
    }
    struct tb_row *rows;
    size_t nrows;
    for (;;) {
        rc = tb_rows_load(ix->pg, ix->collection, due, ndue, arena, &rows, &nrows, err);
        if (rc == TB_OK) {
            break;
        }
        rc = tb_indexer_retry_pg(ix, rc, err);
        if (rc != TB_OK) {
            return rc;
        }
    }
    return run_rows(ix, rows, nrows, arena, err);
}
