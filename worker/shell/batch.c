#include "worker/shell/batch.h"

const char *tb_outcome_name(enum tb_outcome outcome)
{
    switch (outcome) {
    case TB_OUTCOME_APPLIED:
        return "applied";
    case TB_OUTCOME_UNCHANGED:
        return "unchanged";
    case TB_OUTCOME_REJECTED:
        return "rejected";
    case TB_OUTCOME_PARKED:
        return "parked";
    case TB_OUTCOME_FORWARDED:
        return "forwarded";
    case TB_OUTCOME_REPEAT:
        return "repeat";
    case TB_OUTCOME_DEAD:
        return "dead";
    case TB_OUTCOME_INTERNAL:
        return "internal";
    }
    return "?";
}

void *tb_grow(struct tb_arena *arena, void **array, size_t *n, size_t *room, size_t size)
{
    if (*n == *room) {
        size_t more = *room ? *room * 2 : 16;
        char *fresh = tb_arena_array(arena, more, size);
        if (!fresh) {
            return NULL;
        }
        if (*n) {
            memcpy(fresh, *array, *n * size);
        }
        *array = fresh;
        *room = more;
    }
    return (char *)*array + (*n)++ * size;
}
