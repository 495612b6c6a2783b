/* A hash map from string slices to pointers, in an arena: for the lifetime of one batch.
 * Keys are kept by reference. Insertion order is kept and can be walked by index. */
#ifndef TB_BASE_MAP_H
#define TB_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/str.h"

struct tb_map_entry {
    tb_str key;
    void *value;
    size_t hash;
};

struct tb_map {
    struct tb_arena *arena;
    struct tb_map_entry *entries; /* in order of insertion */
    size_t n;
    size_t room;
    size_t *slots; /* index + 1 into entries, 0 for free */
    size_t nslots; /* a power of two */
};

void tb_map_init(struct tb_map *map, struct tb_arena *arena);
/* NULL when absent. */
void *tb_map_get(const struct tb_map *map, tb_str key);
/* Adds or replaces. False when the arena is exhausted. */
bool tb_map_put(struct tb_map *map, tb_str key, void *value) TB_MUST_USE;

#endif
