#include "indexer/core/coalesce.h"

#include <stdlib.h>

enum { BUCKETS_MIN = 1024, QUIET_MAX = 8 };

/* One record of the log. */
struct slot {
    int64_t offset;
    bool done;
};

/* The records of a partition from the first that is not done; base is the number of the first. */
struct window {
    int32_t partition;
    struct slot *slots; /* ring of `room`, a power of two */
    size_t room;
    size_t first;
    size_t n;
    uint64_t base;     /* how many records have left the window */
    int64_t committed; /* next offset as last handed out, -1 for none */
    int64_t next;      /* next offset after the contiguous done ones, -1 for none */
};

/* A ticket's claim on a record: the record is done when the ticket is. */
struct claim {
    struct claim *next;
    uint64_t generation;
    uint64_t number; /* of the record in its partition's window */
    int32_t partition;
};

struct ticket {
    struct ticket *chain;          /* of its bucket */
    struct ticket *older, *newer;  /* among those that wait */
    struct claim *waiting, *taken; /* claims of the work that waits, and of that under way */
    int64_t sequence;
    int64_t since_us;
    int64_t last_us; /* latest event of the work that waits */
    unsigned events; /* of it */
    bool waits;
    bool under_way;
    size_t hash;
    size_t len;
    char id[];
};

struct tb_coalesce {
    struct ticket **buckets;
    size_t nbuckets;
    size_t ntickets;
    struct ticket *oldest, *newest;
    size_t nwaiting;
    struct window *windows;
    size_t nwindows;
    uint64_t generation;
    size_t held;
};

struct tb_coalesce *tb_coalesce_new(void)
{
    struct tb_coalesce *c = calloc(1, sizeof *c);
    if (c) {
        c->nbuckets = BUCKETS_MIN;
        c->buckets = calloc(c->nbuckets, sizeof(struct ticket *));
        if (!c->buckets) {
            free(c);
            return NULL;
        }
    }
    return c;
}

static void drop_claims(struct claim *claim)
{
    while (claim) {
        struct claim *next = claim->next;
        free(claim);
        claim = next;
    }
}

void tb_coalesce_free(struct tb_coalesce *c)
{
    if (!c) {
        return;
    }
    for (size_t i = 0; i < c->nbuckets; i++) {
        for (struct ticket *t = c->buckets[i]; t;) {
            struct ticket *next = t->chain;
            drop_claims(t->waiting);
            drop_claims(t->taken);
            free(t);
            t = next;
        }
    }
    free(c->buckets);
    for (size_t i = 0; i < c->nwindows; i++) {
        free(c->windows[i].slots);
    }
    free(c->windows);
    free(c);
}

void tb_coalesce_assign(struct tb_coalesce *c)
{
    c->generation++;
    for (size_t i = 0; i < c->nwindows; i++) {
        struct window *w = &c->windows[i];
        c->held -= w->n;
        w->first = w->n = 0;
        w->base = 0;
        w->committed = w->next = -1;
    }
}

/* ---- windows ---- */

static struct window *window_of(struct tb_coalesce *c, int32_t partition)
{
    for (size_t i = 0; i < c->nwindows; i++) {
        if (c->windows[i].partition == partition) {
            return &c->windows[i];
        }
    }
    struct window *grown = realloc(c->windows, (c->nwindows + 1) * sizeof *grown);
    if (!grown) {
        return NULL;
    }
    c->windows = grown;
    struct window *w = &c->windows[c->nwindows++];
    *w = (struct window){.partition = partition, .committed = -1, .next = -1};
    return w;
}

static bool window_grow(struct window *w)
{
    size_t room = w->room ? w->room * 2 : 256;
    struct slot *slots = malloc(room * sizeof *slots);
    if (!slots) {
        return false;
    }
    for (size_t i = 0; i < w->n; i++) {
        slots[i] = w->slots[(w->first + i) & (w->room - 1)];
    }
    free(w->slots);
    w->slots = slots;
    w->room = room;
    w->first = 0;
    return true;
}

static bool window_push(struct tb_coalesce *c, struct window *w, int64_t offset, bool done)
{
    if (done && w->n == 0) {
        w->next = offset + 1;
        w->base++;
        return true;
    }
    if (w->n == w->room && !window_grow(w)) {
        return false;
    }
    w->slots[(w->first + w->n) & (w->room - 1)] = (struct slot){offset, done};
    w->n++;
    c->held++;
    return true;
}

static void window_done(struct tb_coalesce *c, struct window *w, uint64_t number)
{
    if (number < w->base || number - w->base >= w->n) {
        return;
    }
    w->slots[(w->first + (size_t)(number - w->base)) & (w->room - 1)].done = true;
    while (w->n && w->slots[w->first].done) {
        w->next = w->slots[w->first].offset + 1;
        w->first = (w->first + 1) & (w->room - 1);
        w->base++;
        w->n--;
        c->held--;
    }
}

/* ---- tickets ---- */

static struct ticket **find(struct tb_coalesce *c, tb_str id, size_t hash)
{
    struct ticket **at = &c->buckets[hash & (c->nbuckets - 1)];
    while (*at && !((*at)->hash == hash && tb_str_eq((tb_str){(*at)->id, (*at)->len}, id))) {
        at = &(*at)->chain;
    }
    return at;
}

static void rehash(struct tb_coalesce *c)
{
    size_t n = c->nbuckets * 2;
    struct ticket **buckets = calloc(n, sizeof(struct ticket *));
    if (!buckets) {
        return; /* longer chains until memory is there again */
    }
    for (size_t i = 0; i < c->nbuckets; i++) {
        for (struct ticket *t = c->buckets[i]; t;) {
            struct ticket *next = t->chain;
            t->chain = buckets[t->hash & (n - 1)];
            buckets[t->hash & (n - 1)] = t;
            t = next;
        }
    }
    free(c->buckets);
    c->buckets = buckets;
    c->nbuckets = n;
}

static struct ticket *ticket_of(struct tb_coalesce *c, tb_str id)
{
    size_t hash = tb_str_hash(id);
    struct ticket **at = find(c, id, hash);
    if (*at) {
        return *at;
    }
    struct ticket *t = calloc(1, sizeof *t + id.len);
    if (!t) {
        return NULL;
    }
    t->hash = hash;
    t->len = id.len;
    memcpy(t->id, id.ptr, id.len);
    *at = t;
    if (++c->ntickets > c->nbuckets) {
        rehash(c);
    }
    return t;
}

/* A ticket is listed once it waits, and leaves the list when it is taken. */
static void enlist(struct tb_coalesce *c, struct ticket *t, int64_t now_us)
{
    t->since_us = now_us;
    t->waits = true;
    c->nwaiting++;
    t->older = c->newest;
    t->newer = NULL;
    if (c->newest) {
        c->newest->newer = t;
    } else {
        c->oldest = t;
    }
    c->newest = t;
}

static void unlist(struct tb_coalesce *c, struct ticket *t)
{
    *(t->older ? &t->older->newer : &c->oldest) = t->newer;
    *(t->newer ? &t->newer->older : &c->newest) = t->older;
    t->older = t->newer = NULL;
    t->waits = false;
    c->nwaiting--;
}

static struct ticket *want(struct tb_coalesce *c, tb_str id, int64_t sequence, int64_t now_us)
{
    struct ticket *t = ticket_of(c, id);
    if (!t) {
        return NULL;
    }
    if (!t->waits) {
        t->sequence = 0;
        t->events = 0;
        enlist(c, t, now_us);
    }
    t->events++;
    t->last_us = now_us;
    if (sequence > t->sequence) {
        t->sequence = sequence;
    }
    return t;
}

enum tb_rc tb_coalesce_event(struct tb_coalesce *c, int32_t partition, int64_t offset,
                             tb_str ticket_id, int64_t sequence, int64_t now_us,
                             struct tb_error *err)
{
    struct window *w = window_of(c, partition);
    struct claim *claim = calloc(1, sizeof *claim);
    struct ticket *t = w && claim ? want(c, ticket_id, sequence, now_us) : NULL;
    if (!t || !window_push(c, w, offset, false)) {
        free(claim);
        return tb_fail(err, TB_ENOMEM, "out of memory queueing a ticket");
    }
    *claim = (struct claim){.next = t->waiting,
                            .generation = c->generation,
                            .number = w->base + w->n - 1,
                            .partition = partition};
    t->waiting = claim;
    return TB_OK;
}

enum tb_rc tb_coalesce_skip(struct tb_coalesce *c, int32_t partition, int64_t offset,
                            struct tb_error *err)
{
    struct window *w = window_of(c, partition);
    if (!w || !window_push(c, w, offset, true)) {
        return tb_fail(err, TB_ENOMEM, "out of memory queueing an event");
    }
    return TB_OK;
}

enum tb_rc tb_coalesce_want(struct tb_coalesce *c, tb_str ticket_id, int64_t sequence,
                            int64_t now_us, struct tb_error *err)
{
    return want(c, ticket_id, sequence, now_us)
               ? TB_OK
               : tb_fail(err, TB_ENOMEM, "out of memory queueing a ticket");
}

/* The more often a ticket changes, the longer it is waited for that it stops. */
static int64_t due(const struct ticket *t, int64_t wait_us)
{
    int64_t quiet = t->last_us + wait_us * (t->events < QUIET_MAX ? t->events : QUIET_MAX);
    int64_t most = t->since_us + wait_us * TB_COALESCE_MOST;
    return quiet < most ? quiet : most;
}

enum tb_rc tb_coalesce_take(struct tb_coalesce *c, int64_t now_us, int64_t wait_us, size_t max,
                            struct tb_arena *arena, struct tb_work **ret, size_t *ret_n,
                            struct tb_error *err)
{
    size_t most = max < c->nwaiting ? max : c->nwaiting;
    struct tb_work *work = TB_NEW_N(arena, struct tb_work, most + 1);
    size_t n = 0;
    for (struct ticket *t = c->oldest; work && t && n < most && t->since_us + wait_us <= now_us;) {
        struct ticket *newer = t->newer;
        if (!t->under_way && due(t, wait_us) <= now_us) {
            tb_str id = tb_arena_str(arena, (tb_str){t->id, t->len});
            if (tb_str_is_null(id)) {
                break;
            }
            work[n++] = (struct tb_work){id, t->sequence};
            unlist(c, t);
            t->under_way = true;
            t->taken = t->waiting;
            t->waiting = NULL;
        }
        t = newer;
    }
    *ret = work;
    *ret_n = n;
    return work ? TB_OK : tb_fail(err, TB_ENOMEM, "out of memory taking work");
}

void tb_coalesce_done(struct tb_coalesce *c, tb_str ticket_id)
{
    struct ticket **at = find(c, ticket_id, tb_str_hash(ticket_id));
    struct ticket *t = *at;
    if (!t || !t->under_way) {
        return;
    }
    for (struct claim *claim = t->taken; claim; claim = claim->next) {
        struct window *w = window_of(c, claim->partition);
        if (w && claim->generation == c->generation) {
            window_done(c, w, claim->number);
        }
    }
    drop_claims(t->taken);
    t->taken = NULL;
    t->under_way = false;
    if (!t->waits) {
        *at = t->chain;
        c->ntickets--;
        free(t);
    }
}

int64_t tb_coalesce_due(const struct tb_coalesce *c, int64_t wait_us)
{
    int64_t first = INT64_MAX;
    for (const struct ticket *t = c->oldest; t && t->since_us + wait_us < first; t = t->newer) {
        int64_t at = t->under_way ? INT64_MAX : due(t, wait_us);
        first = at < first ? at : first;
    }
    return first;
}

size_t tb_coalesce_waiting(const struct tb_coalesce *c)
{
    return c->nwaiting;
}

size_t tb_coalesce_held(const struct tb_coalesce *c)
{
    return c->held;
}

size_t tb_coalesce_commits(struct tb_coalesce *c, struct tb_commit_at *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < c->nwindows && n < room; i++) {
        struct window *w = &c->windows[i];
        if (w->next >= 0 && w->next != w->committed) {
            out[n++] = (struct tb_commit_at){w->partition, w->next};
            w->committed = w->next;
        }
    }
    return n;
}
