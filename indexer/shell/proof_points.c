/* From the points to the tickets: whatever the store holds must be a chunk of a ticket. */
#include "indexer/shell/proof_internal.h"

enum {
    BATCH = 1000,
    SUSPECTS_MAX = 500000, /* of one pass: the next finds the rest */
};

/* What is to become of a point. */
enum fate { KEEP, EXTRA, DELETED_LIVE, ORPHAN, OLD_TOMBSTONE };

struct point {
    struct tb_uuid id;
    tb_str ticket_id;
    int64_t version;
    bool deleted;
    enum fate fate;
};

/* What the database says of a ticket. */
struct owner {
    int64_t version;
    int64_t state_version;
    bool deleted;
    bool state_deleted;
    bool settled; /* indexed long enough ago for its tombstones to go */
    tb_str keys;  /* of its chunks, by lines */
};

struct points {
    struct pass *pass;
    struct tb_arena *arena; /* of a batch */
    struct point *batch;
    size_t n;
    struct point *suspects; /* room for SUSPECTS_MAX, grown */
    size_t nsuspects;
    size_t room;
    enum tb_rc rc;
    struct tb_error *err;
};

static bool has_key(const struct points *ps, const struct owner *o, const struct point *pt)
{
    for (tb_str rest = o->keys; rest.len;) {
        size_t n = 0;
        while (n < rest.len && rest.ptr[n] != '\n') {
            n++;
        }
        struct tb_uuid id = tb_point_id(pt->ticket_id, (tb_str){rest.ptr, n}, ps->arena);
        if (memcmp(id.bytes, pt->id.bytes, sizeof id.bytes) == 0) {
            return true;
        }
        n += n < rest.len;
        rest = (tb_str){rest.ptr + n, rest.len - n};
    }
    return false;
}

static enum fate fate_of(const struct points *ps, const struct owner *o, const struct point *pt)
{
    if (!o) {
        return ORPHAN;
    }
    bool indexed = o->state_version == o->version;
    bool impossible = pt->version > o->version;
    if (!o->deleted) {
        bool judged = (indexed && pt->version <= o->state_version) || impossible;
        return judged && !has_key(ps, o, pt) ? EXTRA : KEEP;
    }
    if (!pt->deleted) {
        return (indexed && o->state_deleted) || impossible || o->state_version == 0 ? DELETED_LIVE
                                                                                    : KEEP;
    }
    return o->settled && indexed ? OLD_TOMBSTONE : KEEP;
}

static enum tb_rc load_owners(struct points *ps, struct tb_map *owners)
{
    static const char sql[] =
        "SELECT t.id, t.version, t.is_deleted, coalesce(s.version, 0), coalesce(s.is_deleted,"
        " false), coalesce(s.is_deleted AND s.indexed_at < now() - make_interval(secs => $3),"
        " false), array_to_string(ARRAY(SELECT jsonb_object_keys(s.chunk_hashes)), E'\\n')"
        " FROM tickets t LEFT JOIN index_state s ON s.ticket_id = t.id AND s.collection = $2"
        " WHERE t.id = ANY($1::text[])";
    struct tb_pg_params params;
    struct tb_pg_result *r;
    tb_str *ids = TB_NEW_N(ps->arena, tb_str, ps->n + 1);
    for (size_t i = 0; ids && i < ps->n; i++) {
        ids[i] = ps->batch[i].ticket_id;
    }
    if (!ids) {
        return tb_fail(ps->err, TB_ENOMEM, "out of memory");
    }
    tb_pg_params_init(&params, ps->arena);
    tb_pg_add_strs(&params, ids, ps->n);
    tb_pg_add_str(&params, ps->pass->p->ix->collection);
    tb_pg_add_int(&params, ps->pass->p->tombstone_s);
    enum tb_rc rc = tb_indexer_ask(ps->pass->p->ix, sql, &params, &r, ps->err);
    if (rc != TB_OK) {
        return rc;
    }
    tb_map_init(owners, ps->arena);
    for (int i = 0; i < tb_pg_rows(r) && rc == TB_OK; i++) {
        struct owner *o = TB_NEW(ps->arena, struct owner);
        if (!o || !tb_map_put(owners, tb_pg_str_in(r, i, 0, ps->arena), o)) {
            rc = tb_fail(ps->err, TB_ENOMEM, "out of memory");
            break;
        }
        *o = (struct owner){.version = tb_pg_int(r, i, 1),
                            .deleted = tb_pg_bool(r, i, 2),
                            .state_version = tb_pg_int(r, i, 3),
                            .state_deleted = tb_pg_bool(r, i, 4),
                            .settled = tb_pg_bool(r, i, 5),
                            .keys = tb_pg_str_in(r, i, 6, ps->arena)};
    }
    tb_pg_result_free(r);
    return rc;
}

/* Settles the fate of the points of a batch. */
static enum tb_rc settle(struct points *ps)
{
    struct tb_map owners;
    enum tb_rc rc = ps->n ? load_owners(ps, &owners) : TB_OK;
    for (size_t i = 0; i < ps->n && rc == TB_OK; i++) {
        struct point *pt = &ps->batch[i];
        pt->fate = fate_of(ps, tb_map_get(&owners, pt->ticket_id), pt);
    }
    return rc;
}

static bool add_suspect(struct points *ps, const struct point *pt)
{
    if (ps->nsuspects == ps->room) {
        size_t room = ps->room ? ps->room * 2 : 1024;
        struct point *grown = TB_NEW_N(ps->pass->whole, struct point, room);
        if (!grown) {
            return false;
        }
        if (ps->nsuspects) {
            memcpy(grown, ps->suspects, ps->nsuspects * sizeof *grown);
        }
        ps->suspects = grown;
        ps->room = room;
    }
    struct point *to = &ps->suspects[ps->nsuspects++];
    *to = *pt;
    to->ticket_id = tb_arena_str(ps->pass->whole, pt->ticket_id);
    return !tb_str_is_null(to->ticket_id);
}

/* The batch that has gathered. */
static bool flush(struct points *ps)
{
    ps->rc = settle(ps);
    for (size_t i = 0; i < ps->n && ps->rc == TB_OK; i++) {
        if (ps->batch[i].fate != KEEP && ps->nsuspects < SUSPECTS_MAX &&
            !add_suspect(ps, &ps->batch[i])) {
            ps->rc = tb_fail(ps->err, TB_ENOMEM, "out of memory");
        }
    }
    ps->pass->p->points += (int64_t)ps->n;
    tb_pass_step(ps->pass, ps->n);
    ps->n = 0;
    tb_arena_reset(ps->arena);
    if (ps->rc == TB_OK && atomic_load(ps->pass->p->ix->stop)) {
        ps->rc = tb_fail(ps->err, TB_EUNAVAILABLE, "stopped");
    }
    return ps->rc == TB_OK;
}

static bool on_point(const struct tb_store_seen *seen, void *arg)
{
    struct points *ps = arg;
    tb_str id = tb_arena_str(ps->arena, seen->ticket_id);
    ps->batch[ps->n++] = (struct point){.id = seen->id,
                                        .ticket_id = tb_str_is_null(id) ? TB_LIT("") : id,
                                        .version = seen->version,
                                        .deleted = seen->deleted};
    return ps->n < BATCH || flush(ps);
}

/* A suspect that is still there, as it is now. */
static bool on_again(const struct tb_store_seen *seen, void *arg)
{
    return on_point(seen, arg);
}

static const enum tb_flaw flaws[] = {[EXTRA] = TB_FLAW_POINTS_EXTRA,
                                     [DELETED_LIVE] = TB_FLAW_DELETED_LIVE,
                                     [ORPHAN] = TB_FLAW_ORPHAN};

/* At most BATCH - 1 suspects, looked at again. */
static enum tb_rc convict(struct points *ps, const struct point *suspects, size_t n)
{
    struct tb_proof *p = ps->pass->p;
    struct tb_uuid ids[BATCH];
    for (size_t i = 0; i < n; i++) {
        ids[i] = suspects[i].id;
    }
    for (;;) {
        ps->n = 0;
        tb_arena_reset(ps->arena);
        enum tb_rc rc = tb_store_seen(p->ix->store, ids, n, on_again, ps, ps->err);
        if (rc == TB_OK) {
            break;
        }
        rc = tb_pass_retry_store(ps->pass, rc, ps->err);
        if (rc != TB_OK) {
            return rc;
        }
    }
    enum tb_rc rc = settle(ps);
    size_t gone = 0;
    for (size_t i = 0; i < ps->n && rc == TB_OK; i++) {
        const struct point *pt = &ps->batch[i];
        if (pt->fate == KEEP) {
            continue;
        }
        ids[gone++] = pt->id;
        if (pt->fate == OLD_TOMBSTONE) {
            p->tombstones += p->repair;
        } else {
            tb_pass_flaw(ps->pass, flaws[pt->fate], pt->ticket_id, 0, 1);
            p->removed += p->repair;
        }
    }
    return rc == TB_OK && p->repair ? tb_pass_remove(ps->pass, ids, gone, ps->err) : rc;
}

static enum tb_rc walk(struct points *ps)
{
    for (;;) {
        ps->rc = TB_OK;
        ps->n = 0;
        enum tb_rc rc = tb_store_walk(ps->pass->p->ix->store, on_point, ps, ps->err);
        if (rc == TB_OK && ps->rc == TB_OK && ps->n) {
            (void)flush(ps);
        }
        if (rc == TB_OK) {
            return ps->rc;
        }
        rc = tb_pass_retry_store(ps->pass, rc, ps->err); /* from the beginning */
        if (rc != TB_OK) {
            return rc;
        }
        ps->pass->p->points = 0;
        ps->nsuspects = 0;
    }
}

enum tb_rc tb_pass_points(struct pass *pass, struct tb_error *err)
{
    struct points ps = {.pass = pass,
                        .arena = tb_arena_new(0),
                        .batch = TB_NEW_N(pass->whole, struct point, BATCH + 1),
                        .err = err};
    enum tb_rc rc = ps.arena && ps.batch ? walk(&ps) : tb_fail(err, TB_ENOMEM, "out of memory");
    if (rc == TB_OK && ps.nsuspects && !tb_pass_sleep(pass, TB_PROOF_AGAIN_MS)) {
        rc = tb_fail(err, TB_EUNAVAILABLE, "stopped");
    }
    for (size_t from = 0; from < ps.nsuspects && rc == TB_OK; from += BATCH - 1) {
        size_t n = ps.nsuspects - from < BATCH - 1 ? ps.nsuspects - from : BATCH - 1;
        rc = convict(&ps, ps.suspects + from, n);
    }
    tb_arena_free(ps.arena);
    return rc;
}
