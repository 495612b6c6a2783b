/* From the tickets to the points: each live ticket is cut as the indexer would cut it now, and its
 * points are read. */
#include "common/base/clock.h"
#include "common/json/dom.h"
#include "indexer/shell/proof_internal.h"

enum { PAGE = 256, LATE_MAX = 200000 };

/* A point that the store has. */
struct held {
    int64_t version;
    char hash[40];
    bool same_payload;
    bool same_place; /* kind, comment and number */
};

/* A ticket under examination. */
struct subject {
    struct tb_row *row;
    struct tb_document doc; /* of a live one */
    bool *good;             /* by chunk: its point may stay */
    bool keywords;
    bool moved; /* it changed while it was looked at */
    bool late;  /* behind, and nothing else is wrong */
    int64_t counts[TB_FLAWS_];
};

struct page {
    struct pass *pass;
    struct subject *subjects;
    size_t n;
    struct tb_map chunks;  /* id's bytes -> struct chunk_at */
    struct tb_map held;    /* the same -> struct held */
    struct tb_uuid *wrong; /* points that no guarded write can mend */
    size_t nwrong;
    bool failed;
};

struct chunk_at {
    const struct subject *subject;
    const struct tb_chunk *chunk;
};

static tb_str key_of(const struct tb_uuid *id)
{
    return (tb_str){(const char *)id->bytes, sizeof id->bytes};
}

/* An absent text and an empty one are the same to a filter that names neither. */
static bool same_text(tb_str a, tb_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static bool same_payload(const struct tb_store_payload *a, const struct tb_store_payload *b,
                         tb_str b_tags)
{
    return same_text(a->ticket_id, b->ticket_id) && same_text(a->workflow_id, b->workflow_id) &&
           same_text(a->status, b->status) && same_text(a->ticket_type, b->ticket_type) &&
           same_text(a->priority, b->priority) && same_text(a->assignee, b->assignee) &&
           same_text(a->tags_json, b_tags) && a->is_blocked == b->is_blocked &&
           a->is_resolved == b->is_resolved && a->is_deleted == b->is_deleted &&
           a->created_at == b->created_at && a->updated_at == b->updated_at;
}

static bool on_point(const struct tb_store_seen *seen, void *arg)
{
    struct page *page = arg;
    struct tb_arena *arena = page->pass->arena;
    const struct chunk_at *at = tb_map_get(&page->chunks, key_of(&seen->id));
    struct held *held = TB_NEW(arena, struct held);
    tb_str key = tb_arena_str(arena, key_of(&seen->id));
    if (!held || tb_str_is_null(key)) {
        page->failed = true;
        return false;
    }
    if (!at) {
        return true;
    }
    held->version = seen->version;
    memcpy(held->hash, seen->hash, sizeof held->hash);
    const struct tb_store_payload *expected = &at->subject->row->payload;
    held->same_payload =
        same_payload(seen->payload, expected, tb_json_compact(expected->tags_json, arena));
    held->same_place = same_text(seen->kind, tb_str_of(at->chunk->kind)) &&
                       same_text(seen->comment_id, at->chunk->comment_id) &&
                       seen->number == at->chunk->number;
    page->failed = !tb_map_put(&page->held, key, held);
    return !page->failed;
}

static const struct tb_known_chunk *poison_of(const struct subject *s, const struct tb_chunk *c)
{
    const struct tb_known_chunk *known = tb_map_get(&s->row->hashes, c->key);
    return known && known->poison && tb_str_eq_c(known->hash, c->hash) ? known : NULL;
}

/* ---- reading a page ---- */

static enum tb_rc load_rows(struct page *page, const tb_str *ids, size_t n, struct tb_error *err)
{
    struct pass *pass = page->pass;
    struct tb_indexer *ix = pass->p->ix;
    struct tb_row *rows;
    size_t nrows;
    for (;;) {
        enum tb_rc rc = tb_indexer_connect(ix, err);
        if (rc == TB_OK) {
            rc = tb_rows_load(ix->pg, ix->collection, ids, n, pass->arena, &rows, &nrows, err);
            if (rc == TB_OK) {
                break;
            }
            rc = tb_indexer_retry_pg(ix, rc, err);
        }
        if (rc != TB_OK) {
            return rc;
        }
    }
    page->n = nrows;
    page->subjects = TB_NEW_N(pass->arena, struct subject, nrows + 1);
    for (size_t i = 0; page->subjects && i < nrows; i++) {
        struct subject *s = &page->subjects[i];
        s->row = &rows[i];
        if (rows[i].payload.is_deleted) {
            continue;
        }
        enum tb_rc rc = tb_document_build(&rows[i].text, &ix->recipe, pass->arena, &s->doc, err);
        if (rc != TB_OK) {
            return rc;
        }
        s->good = TB_NEW_N(pass->arena, bool, s->doc.n + 1);
    }
    return tb_arena_failed(pass->arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}

static enum tb_rc load_points(struct page *page, struct tb_error *err)
{
    struct pass *pass = page->pass;
    size_t n = 0;
    size_t room = 0;
    for (size_t i = 0; i < page->n; i++) {
        room += page->subjects[i].doc.n;
    }
    struct tb_uuid *ids = TB_NEW_N(pass->arena, struct tb_uuid, room + 1);
    struct chunk_at *at = TB_NEW_N(pass->arena, struct chunk_at, room + 1);
    page->wrong = TB_NEW_N(pass->arena, struct tb_uuid, room + 1);
    page->nwrong = 0;
    tb_map_init(&page->chunks, pass->arena);
    for (size_t i = 0; ids && at && page->wrong && i < page->n; i++) {
        const struct subject *s = &page->subjects[i];
        for (size_t k = 0; k < s->doc.n; k++) {
            at[n] = (struct chunk_at){s, &s->doc.chunks[k]};
            ids[n] = s->doc.chunks[k].point;
            page->failed |= !tb_map_put(&page->chunks, key_of(&s->doc.chunks[k].point), &at[n]);
            n++;
        }
    }
    if (!ids || !at || !page->wrong || page->failed) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (;;) {
        tb_map_init(&page->held, pass->arena);
        enum tb_rc rc = tb_store_read(pass->p->ix->store, ids, n, on_point, page, err);
        if (rc == TB_OK) {
            tb_patience_over(&pass->p->ix->store_patience);
            return page->failed ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
        }
        rc = tb_pass_retry_store(pass, rc, err);
        if (rc != TB_OK) {
            return rc;
        }
    }
}

/* After the points: a ticket that has changed meanwhile is not judged by them. */
static enum tb_rc load_after(struct page *page, const tb_str *ids, size_t n, struct tb_error *err)
{
    struct pass *pass = page->pass;
    struct tb_pg_params params;
    struct tb_pg_result *r;
    struct tb_map map;
    tb_map_init(&map, pass->arena);
    tb_pg_params_init(&params, pass->arena);
    tb_pg_add_strs(&params, ids, n);
    enum tb_rc rc = tb_indexer_ask(pass->p->ix,
                                   "SELECT t.id, t.version, d.ticket_id IS NOT NULL FROM tickets t"
                                   " LEFT JOIN search_documents d ON d.ticket_id = t.id"
                                   " WHERE t.id = ANY($1::text[])",
                                   &params, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    for (size_t i = 0; i < page->n && rc == TB_OK; i++) {
        struct subject *s = &page->subjects[i];
        s->moved = true;
        if (!tb_map_put(&map, s->row->payload.ticket_id, s)) {
            rc = tb_fail(err, TB_ENOMEM, "out of memory");
        }
    }
    for (int i = 0; i < tb_pg_rows(r) && rc == TB_OK; i++) {
        struct subject *s = tb_map_get(&map, tb_pg_str(r, i, 0));
        if (s) {
            s->moved = tb_pg_int(r, i, 1) != s->row->payload.version;
            s->keywords = tb_pg_bool(r, i, 2);
        }
    }
    tb_pg_result_free(r);
    return rc;
}

/* ---- judging ---- */

static void judge_chunk(struct page *page, struct subject *s, size_t i)
{
    const struct tb_chunk *c = &s->doc.chunks[i];
    const struct held *held = tb_map_get(&page->held, key_of(&c->point));
    int64_t version = s->row->payload.version;
    if (!held) {
        s->counts[TB_FLAW_POINTS_MISSING] += !poison_of(s, c);
        return;
    }
    bool hash = strcmp(held->hash, c->hash) == 0 && held->same_place;
    bool reachable = held->version > 0 && held->version <= version;
    s->good[i] = hash && reachable;
    s->counts[TB_FLAW_POINT_HASH] += !hash;
    s->counts[TB_FLAW_POINT_VERSION] += hash && held->version != version;
    s->counts[TB_FLAW_POINT_PAYLOAD] += hash && held->version == version && !held->same_payload;
    if (!reachable && !s->moved) {
        page->wrong[page->nwrong++] = c->point;
    }
}

static bool state_tells_truth(const struct subject *s)
{
    if (s->row->payload.is_deleted) {
        return s->row->state_deleted || s->row->state_version == 0;
    }
    bool same = s->row->hashes.n == s->doc.n && !s->row->state_deleted;
    for (size_t i = 0; i < s->doc.n && same; i++) {
        const struct tb_known_chunk *known = tb_map_get(&s->row->hashes, s->doc.chunks[i].key);
        same = known && tb_str_eq_c(known->hash, s->doc.chunks[i].hash);
    }
    return same;
}

static bool is_flawed(const struct subject *s)
{
    for (size_t i = 0; i < TB_FLAWS_; i++) {
        if (s->counts[i]) {
            return true;
        }
    }
    return false;
}

static void judge(struct page *page, struct subject *s)
{
    const struct tb_row *row = s->row;
    memset(s->counts, 0, sizeof s->counts);
    for (size_t i = 0; i < s->doc.n; i++) {
        judge_chunk(page, s, i);
    }
    bool known = row->state_version != 0;
    s->late =
        s->moved || (known ? row->state_version != row->payload.version : !row->payload.is_deleted);
    if (s->late) { /* its points are those of another version */
        memset(s->counts, 0, sizeof s->counts);
        s->counts[known ? TB_FLAW_STALE : TB_FLAW_NOT_INDEXED] = 1;
        return;
    }
    s->counts[TB_FLAW_STATE] = !state_tells_truth(s);
    s->counts[TB_FLAW_NO_KEYWORDS] =
        !row->payload.is_deleted && !s->keywords && !page->pass->p->ix->secondary;
}

static enum tb_rc examine(struct page *page, const tb_str *ids, size_t n, struct tb_error *err)
{
    enum tb_rc rc = load_rows(page, ids, n, err);
    rc = rc == TB_OK ? load_points(page, err) : rc;
    rc = rc == TB_OK ? load_after(page, ids, n, err) : rc;
    for (size_t i = 0; i < page->n && rc == TB_OK; i++) {
        judge(page, &page->subjects[i]);
    }
    return rc;
}

/* ---- repair ---- */

/* What the indexer is to take for known: the points that may stay, as they were read. */
static enum tb_rc know_what_is(struct page *page, struct subject *s, bool fresh,
                               struct tb_error *err)
{
    struct tb_arena *arena = page->pass->arena;
    struct tb_map known;
    bool ok = true;
    tb_map_init(&known, arena);
    for (size_t i = 0; i < s->row->hashes.n && ok; i++) { /* so that what is no chunk goes */
        tb_str key = s->row->hashes.entries[i].key;
        size_t k = 0;
        while (k < s->doc.n && !tb_str_eq(s->doc.chunks[k].key, key)) {
            k++;
        }
        ok = k < s->doc.n || tb_map_put(&known, key, s->row->hashes.entries[i].value);
    }
    for (size_t i = 0; i < s->doc.n && ok && !fresh; i++) {
        const struct tb_chunk *c = &s->doc.chunks[i];
        struct tb_known_chunk *chunk = TB_NEW(arena, struct tb_known_chunk);
        const struct tb_known_chunk *poison = poison_of(s, c);
        ok = chunk != NULL;
        if (ok && (s->good[i] || poison)) {
            *chunk = (struct tb_known_chunk){.hash = tb_str_of(c->hash), .poison = !s->good[i]};
            ok = tb_map_put(&known, c->key, chunk);
        }
    }
    s->row->hashes = known;
    if (!s->keywords) {
        s->row->state_fingerprint = TB_LIT("");
    }
    return ok ? TB_OK : tb_fail(err, TB_ENOMEM, "out of memory");
}

/* A state ahead of its ticket would win over what is written now. */
static enum tb_rc forget_ahead(struct page *page, const struct tb_row *row, struct tb_error *err)
{
    struct tb_pg_params params;
    if (row->state_version <= row->payload.version) {
        return TB_OK;
    }
    tb_pg_params_init(&params, page->pass->arena);
    tb_pg_add_str(&params, page->pass->p->ix->collection);
    tb_pg_add_str(&params, row->payload.ticket_id);
    tb_pg_add_int(&params, row->payload.version);
    return tb_indexer_ask(page->pass->p->ix,
                          "DELETE FROM index_state s USING tickets t WHERE s.collection = $1"
                          " AND s.ticket_id = $2 AND t.id = $2 AND t.version = $3"
                          " AND s.version > t.version",
                          &params, NULL, err);
}

static void report(struct page *page, const struct subject *s)
{
    for (size_t f = 0; f < TB_FLAWS_; f++) {
        if (s->counts[f]) {
            tb_pass_flaw(page->pass, (enum tb_flaw)f, s->row->payload.ticket_id,
                         s->row->payload.version, s->counts[f]);
        }
    }
}

/* Of the subjects, those that are flawed; those without a flaw too when they are wanted fresh. */
static enum tb_rc repair(struct page *page, bool fresh, struct tb_error *err)
{
    struct tb_proof *p = page->pass->p;
    struct tb_row *rows = TB_NEW_N(page->pass->arena, struct tb_row, page->n + 1);
    size_t n = 0;
    enum tb_rc rc = rows ? TB_OK : tb_fail(err, TB_ENOMEM, "out of memory");
    for (size_t i = 0; i < page->n && rc == TB_OK; i++) {
        struct subject *s = &page->subjects[i];
        if (!is_flawed(s) && !fresh) {
            continue;
        }
        report(page, s);
        if (p->repair) {
            rc = forget_ahead(page, s->row, err);
            rc = rc == TB_OK ? know_what_is(page, s, fresh, err) : rc;
            rows[n++] = *s->row;
        }
    }
    if (rc == TB_OK && p->repair) {
        rc = tb_pass_remove(page->pass, page->wrong, page->nwrong, err);
        p->removed += (int64_t)page->nwrong;
    }
    if (rc == TB_OK && n) {
        uint64_t dead = p->ix->stats.dead;
        rc = tb_round_rows(p->ix, rows, n, err);
        dead = p->ix->stats.dead - dead;
        p->refused += (int64_t)dead;
        p->repaired += (int64_t)(n - dead);
    }
    return rc;
}

/* ---- the pass ---- */

struct late {
    tb_str id;
    int64_t state_version;
};

struct course {
    struct pass *pass;
    struct late *late; /* LATE_MAX */
    size_t nlate;
};

static enum tb_rc take_page(struct course *c, tb_str after, tb_str **ret, size_t *ret_n,
                            struct tb_error *err)
{
    struct pass *pass = c->pass;
    struct tb_pg_params params;
    struct tb_pg_result *r;
    tb_pg_params_init(&params, pass->arena);
    tb_pg_add_str(&params, after);
    tb_pg_add_int(&params, PAGE);
    enum tb_rc rc = tb_indexer_ask(pass->p->ix,
                                   "SELECT id, is_deleted FROM tickets WHERE id > $1"
                                   " ORDER BY id LIMIT $2::int",
                                   &params, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    *ret_n = (size_t)tb_pg_rows(r);
    *ret = TB_NEW_N(pass->arena, tb_str, *ret_n + 1);
    for (size_t i = 0; *ret && i < *ret_n; i++) {
        (*ret)[i] = tb_pg_str_in(r, (int)i, 0, pass->arena);
        pass->p->tickets += !tb_pg_bool(r, (int)i, 1);
    }
    tb_pg_result_free(r);
    return tb_arena_failed(pass->arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}

/* The ids of subjects that are flawed; those that are only behind wait for the end. */
static size_t suspects(struct course *c, const struct page *page, tb_str *ids)
{
    size_t n = 0;
    for (size_t i = 0; i < page->n; i++) {
        const struct subject *s = &page->subjects[i];
        if (s->late && c->nlate < LATE_MAX) {
            c->late[c->nlate++] = (struct late){
                tb_arena_str(c->pass->whole, s->row->payload.ticket_id), s->row->state_version};
        } else if (!s->late && is_flawed(s)) {
            ids[n++] = s->row->payload.ticket_id;
        }
    }
    return n;
}

static void acquit_late(struct page *page, int64_t *under_way)
{
    for (size_t i = 0; i < page->n; i++) {
        if (page->subjects[i].late) {
            memset(page->subjects[i].counts, 0, sizeof page->subjects[i].counts);
            (*under_way)++;
        }
    }
}

static enum tb_rc pass_page(struct course *c, const tb_str *ids, size_t n, struct tb_error *err)
{
    struct pass *pass = c->pass;
    struct page page = {.pass = pass};
    tb_str *again = TB_NEW_N(pass->arena, tb_str, n + 1);
    enum tb_rc rc = again ? examine(&page, ids, n, err) : tb_fail(err, TB_ENOMEM, "out of memory");
    size_t nagain = rc == TB_OK ? suspects(c, &page, again) : 0;
    if (rc != TB_OK || nagain == 0) {
        return rc;
    }
    if (!tb_pass_sleep(pass, TB_PROOF_AGAIN_MS)) {
        return tb_fail(err, TB_EUNAVAILABLE, "stopped");
    }
    page = (struct page){.pass = pass};
    rc = examine(&page, again, nagain, err);
    if (rc == TB_OK) { /* behind by now: it has just changed */
        acquit_late(&page, &pass->p->under_way);
        rc = repair(&page, false, err);
    }
    return rc;
}

/* Whether a ticket that was behind when it was met, and still is, is on its way. */
static bool is_on_its_way(const struct tb_proof *p, const struct subject *s,
                          const struct late *before)
{
    return s->late && ((before && before->state_version != s->row->state_version) ||
                       (p->leave_behind && s->row->state_version < s->row->payload.version));
}

/* Tickets that were behind when they were met. Whatever moved since is being indexed. */
static enum tb_rc pass_late(struct course *c, struct tb_error *err)
{
    struct pass *pass = c->pass;
    if (c->nlate && !tb_pass_sleep(pass, TB_PROOF_SETTLE_MS)) {
        return tb_fail(err, TB_EUNAVAILABLE, "stopped");
    }
    enum tb_rc rc = TB_OK;
    for (size_t from = 0; from < c->nlate && rc == TB_OK; from += PAGE) {
        size_t n = c->nlate - from < PAGE ? c->nlate - from : PAGE;
        tb_arena_reset(pass->arena);
        struct page page = {.pass = pass};
        struct tb_map before;
        tb_str *ids = TB_NEW_N(pass->arena, tb_str, n + 1);
        tb_map_init(&before, pass->arena);
        for (size_t i = 0; ids && i < n; i++) {
            ids[i] = c->late[from + i].id;
            if (!tb_map_put(&before, ids[i], &c->late[from + i])) {
                return tb_fail(err, TB_ENOMEM, "out of memory");
            }
        }
        rc = ids ? examine(&page, ids, n, err) : tb_fail(err, TB_ENOMEM, "out of memory");
        for (size_t i = 0; i < page.n && rc == TB_OK; i++) {
            struct subject *s = &page.subjects[i];
            const struct late *l = tb_map_get(&before, s->row->payload.ticket_id);
            if (!s->late || is_on_its_way(pass->p, s, l)) {
                pass->p->under_way += s->late;
                memset(s->counts, 0, sizeof s->counts);
            }
        }
        rc = rc == TB_OK ? repair(&page, false, err) : rc;
    }
    return rc;
}

enum tb_rc tb_pass_tickets(struct pass *pass, struct tb_error *err)
{
    struct course c = {.pass = pass, .late = TB_NEW_N(pass->whole, struct late, LATE_MAX)};
    tb_str after = TB_LIT("");
    if (!c.late) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    enum tb_rc rc = TB_OK;
    size_t n = PAGE;
    while (rc == TB_OK && n == PAGE) {
        tb_str *ids;
        tb_arena_reset(pass->arena);
        if (atomic_load(pass->p->ix->stop)) {
            return tb_fail(err, TB_EUNAVAILABLE, "stopped");
        }
        rc = take_page(&c, after, &ids, &n, err);
        if (rc == TB_OK && n) {
            after = tb_arena_str(pass->whole, ids[n - 1]);
            rc = pass_page(&c, ids, n, err);
            tb_pass_step(pass, n);
        }
    }
    return rc == TB_OK ? pass_late(&c, err) : rc;
}

enum tb_rc tb_pass_these(struct pass *pass, const tb_str *ids, size_t n, bool fresh,
                         struct tb_error *err)
{
    struct page page = {.pass = pass};
    enum tb_rc rc = examine(&page, ids, n, err);
    pass->p->tickets = (int64_t)page.n;
    return rc == TB_OK ? repair(&page, fresh, err) : rc;
}
