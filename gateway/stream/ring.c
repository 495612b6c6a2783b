#include "gateway/stream/ring.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 1024 };

bool tb_ring_init(struct tb_ring *ring, size_t max_bytes, size_t npartitions)
{
    *ring = (struct tb_ring){.room = ROOM_FIRST, .max_bytes = max_bytes};
    ring->entries = calloc(ring->room, sizeof(struct tb_ring_entry *));
    ring->low = calloc(npartitions, sizeof *ring->low);
    ring->npartitions = npartitions;
    if (!ring->entries || !ring->low) {
        tb_ring_dispose(ring);
        return false;
    }
    return true;
}

static size_t size_of(const struct tb_ring_entry *e)
{
    return sizeof *e + e->note.type.len + e->note.subject.len + e->note.workflow.len + e->frame.len;
}

static void let_go(struct tb_ring *ring)
{
    struct tb_ring_entry *e = ring->entries[ring->first++ & (ring->room - 1)];
    ring->low[e->partition] = e->offset + 1;
    ring->bytes -= size_of(e);
    free(e);
}

void tb_ring_dispose(struct tb_ring *ring)
{
    while (ring->entries && ring->low && ring->first < ring->end) {
        let_go(ring);
    }
    free(ring->entries);
    free(ring->low);
    *ring = (struct tb_ring){0};
}

void tb_ring_reset(struct tb_ring *ring, const int64_t *low)
{
    while (ring->first < ring->end) {
        let_go(ring);
    }
    memcpy(ring->low, low, ring->npartitions * sizeof *low);
}

static tb_str put(char **at, tb_str s)
{
    if (!s.ptr) {
        return s;
    }
    tb_str copy = {*at, s.len};
    memcpy(*at, s.ptr, s.len);
    *at += s.len;
    return copy;
}

static bool grow(struct tb_ring *ring)
{
    size_t room = ring->room * 2;
    struct tb_ring_entry **entries = calloc(room, sizeof(struct tb_ring_entry *));
    if (!entries) {
        return false;
    }
    for (uint64_t i = ring->first; i < ring->end; i++) {
        entries[i & (room - 1)] = ring->entries[i & (ring->room - 1)];
    }
    free(ring->entries);
    ring->entries = entries;
    ring->room = room;
    return true;
}

bool tb_ring_add(struct tb_ring *ring, const struct tb_ring_entry *entry)
{
    size_t size = size_of(entry);
    struct tb_ring_entry *e = malloc(size);
    if (!e || (ring->end - ring->first == ring->room && !grow(ring))) {
        free(e);
        return false;
    }
    char *at = (char *)(e + 1);
    *e = (struct tb_ring_entry){.partition = entry->partition, .offset = entry->offset};
    e->note.sequence = entry->note.sequence;
    e->note.type = put(&at, entry->note.type);
    e->note.subject = put(&at, entry->note.subject);
    e->note.workflow = put(&at, entry->note.workflow);
    e->frame = put(&at, entry->frame);
    ring->entries[ring->end++ & (ring->room - 1)] = e;
    ring->bytes += size;
    while (ring->bytes > ring->max_bytes && ring->end - ring->first > 1) {
        let_go(ring);
    }
    return true;
}
