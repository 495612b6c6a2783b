/* The latest events in the order they were passed on, so that a reader that was away for a moment
 * is served from memory. Not thread-safe: the hub's lock guards it. */
#ifndef TB_STREAM_RING_H
#define TB_STREAM_RING_H

#include <stdbool.h>

#include "gateway/stream/note.h"

struct tb_ring_entry {
    int32_t partition;
    int64_t offset;
    struct tb_note note;
    tb_str frame; /* tb_frame_write's */
};

struct tb_ring {
    struct tb_ring_entry **entries; /* each one block of memory */
    size_t room;                    /* a power of two */
    uint64_t first, end;            /* numbers of the first one held and of the next */
    size_t bytes, max_bytes;
    int64_t *low; /* per partition: nothing at or after it is missing */
    size_t npartitions;
};

bool tb_ring_init(struct tb_ring *ring, size_t max_bytes, size_t npartitions) TB_MUST_USE;
void tb_ring_dispose(struct tb_ring *ring);
/* Empties it; it starts at these offsets. */
void tb_ring_reset(struct tb_ring *ring, const int64_t *low);
/* Adds a copy, lets old ones go. False: out of memory (nothing added). */
bool tb_ring_add(struct tb_ring *ring, const struct tb_ring_entry *entry) TB_MUST_USE;
static inline const struct tb_ring_entry *tb_ring_at(const struct tb_ring *ring, uint64_t number)
{
    return ring->entries[number & (ring->room - 1)];
}

#endif
