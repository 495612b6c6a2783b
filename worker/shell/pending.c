#include "worker/shell/pending.h"

#include <stdbool.h>
#include <stdlib.h>

/* A tag is the partition's slot (high 16 bits) and the entry's number within it. Numbers are never
 * used twice, so a tag from before a reset is recognised by being too low. */
#define SLOT_SHIFT 48
#define MAX_SLOTS  65536

struct entry {
    int64_t next;
    uint32_t left;
};

struct slot {
    int32_t partition;
    int64_t published;
    uint64_t first; /* number of ring[head] */
    uint64_t end;   /* number the next entry gets */
    struct entry *ring;
    size_t room; /* power of two */
};

struct tb_pending {
    struct slot *slots;
    size_t nslots;
    size_t count;
};

struct tb_pending *tb_pending_new(void)
{
    return calloc(1, sizeof(struct tb_pending));
}

void tb_pending_free(struct tb_pending *p)
{
    if (p) {
        for (size_t i = 0; i < p->nslots; i++) {
            free(p->slots[i].ring);
        }
        free(p->slots);
        free(p);
    }
}

static struct slot *find(const struct tb_pending *p, int32_t partition)
{
    for (size_t i = 0; i < p->nslots; i++) {
        if (p->slots[i].partition == partition) {
            return &p->slots[i];
        }
    }
    return NULL;
}

static struct entry *at(const struct slot *s, uint64_t number)
{
    return &s->ring[number & (s->room - 1)];
}

enum tb_rc tb_pending_reset(struct tb_pending *p, int32_t partition, int64_t published)
{
    struct slot *s = find(p, partition);
    if (!s) {
        if (p->nslots == MAX_SLOTS) {
            return TB_ELIMIT;
        }
        struct slot *slots = realloc(p->slots, (p->nslots + 1) * sizeof *slots);
        if (!slots) {
            return TB_ENOMEM;
        }
        p->slots = slots;
        s = &slots[p->nslots++];
        *s = (struct slot){.partition = partition};
    }
    for (; s->first < s->end; s->first++) {
        p->count -= at(s, s->first)->left;
    }
    s->published = published;
    return TB_OK;
}

static bool grow(struct slot *s)
{
    size_t room = s->room ? s->room * 2 : 256;
    struct entry *ring = calloc(room, sizeof *ring);
    if (!ring) {
        return false;
    }
    for (uint64_t n = s->first; n < s->end; n++) {
        ring[n & (room - 1)] = *at(s, n);
    }
    free(s->ring);
    s->ring = ring;
    s->room = room;
    return true;
}

static void advance(struct slot *s)
{
    while (s->first < s->end && at(s, s->first)->left == 0) {
        s->published = at(s, s->first)->next;
        s->first++;
    }
}

enum tb_rc tb_pending_add(struct tb_pending *p, int32_t partition, int64_t next, uint32_t n,
                          uint64_t *ret_tag)
{
    struct slot *s = find(p, partition);
    if (!s) {
        return TB_ENOTFOUND;
    }
    if (s->end - s->first == s->room && !grow(s)) {
        return TB_ENOMEM;
    }
    *at(s, s->end) = (struct entry){next, n};
    *ret_tag = (uint64_t)(s - p->slots) << SLOT_SHIFT | s->end;
    s->end++;
    p->count += n;
    advance(s);
    return TB_OK;
}

void tb_pending_ack(struct tb_pending *p, uint64_t tag)
{
    size_t i = tag >> SLOT_SHIFT;
    uint64_t number = tag & ((UINT64_C(1) << SLOT_SHIFT) - 1);
    if (i >= p->nslots || number < p->slots[i].first || number >= p->slots[i].end) {
        return;
    }
    struct entry *e = at(&p->slots[i], number);
    if (e->left > 0) {
        e->left--;
        p->count--;
    }
#ifdef TB_PLANT_WATERMARK_BY_MAXIMUM
    if (e->left == 0 && e->next > p->slots[i].published) {
        p->slots[i].published = e->next;
        return;
    }
#endif
    advance(&p->slots[i]);
}

int64_t tb_pending_published(const struct tb_pending *p, int32_t partition)
{
    const struct slot *s = find(p, partition);
    return s ? s->published : -1;
}

size_t tb_pending_count(const struct tb_pending *p)
{
    return p->count;
}
