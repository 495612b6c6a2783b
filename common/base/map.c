#include "common/base/map.h"

void tb_map_init(struct tb_map *map, struct tb_arena *arena)
{
    *map = (struct tb_map){.arena = arena};
}

/* The slot that holds key, or the free one where it belongs. */
static size_t find(const struct tb_map *map, tb_str key, size_t hash)
{
    size_t mask = map->nslots - 1;
    size_t i = hash & mask;
    while (map->slots[i]) {
        const struct tb_map_entry *e = &map->entries[map->slots[i] - 1];
        if (e->hash == hash && tb_str_eq(e->key, key)) {
            break;
        }
        i = (i + 1) & mask;
    }
    return i;
}

void *tb_map_get(const struct tb_map *map, tb_str key)
{
    if (!map->n) {
        return NULL;
    }
    size_t slot = map->slots[find(map, key, tb_str_hash(key))];
    return slot ? map->entries[slot - 1].value : NULL;
}

static bool grow(struct tb_map *map)
{
    size_t room = map->room ? map->room * 2 : 16;
    struct tb_map_entry *entries = TB_NEW_N(map->arena, struct tb_map_entry, room);
    size_t *slots = TB_NEW_N(map->arena, size_t, room * 2);
    if (!entries || !slots) {
        return false;
    }
    if (map->n) {
        memcpy(entries, map->entries, map->n * sizeof *entries);
    }
    map->entries = entries;
    map->room = room;
    map->slots = slots;
    map->nslots = room * 2;
    for (size_t i = 0; i < map->n; i++) {
        map->slots[find(map, entries[i].key, entries[i].hash)] = i + 1;
    }
    return true;
}

bool tb_map_put(struct tb_map *map, tb_str key, void *value)
{
    size_t hash = tb_str_hash(key);
    if (map->n) {
        size_t slot = map->slots[find(map, key, hash)];
        if (slot) {
            map->entries[slot - 1].value = value;
            return true;
        }
    }
    if (map->n == map->room && !grow(map)) {
        return false;
    }
    map->entries[map->n] = (struct tb_map_entry){key, value, hash};
    map->slots[find(map, key, hash)] = ++map->n;
    return true;
}
