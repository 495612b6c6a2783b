/* Arena: memory that lives as long as one batch or one request.
 *
 * Allocations are freed together by reset or free. On exhaustion (malloc failed or the cap is
 * reached) functions return NULL and the arena remembers it: tb_arena_failed lets a caller check
 * once at the end of a long construction. Not thread-safe. */
#ifndef TB_BASE_ARENA_H
#define TB_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct tb_arena;

/* cap: most bytes the arena may hold, 0 for no cap. NULL when out of memory. */
struct tb_arena *tb_arena_new(size_t cap);
void tb_arena_free(struct tb_arena *arena);
/* Forgets everything allocated, keeps up to one block of memory for reuse. */
void tb_arena_reset(struct tb_arena *arena);

/* Zeroed memory aligned for any object; NULL on exhaustion. size 0 gives a valid pointer. */
void *tb_arena_alloc(struct tb_arena *arena, size_t size) TB_MUST_USE;
/* The same for an array; guards against overflow. */
void *tb_arena_array(struct tb_arena *arena, size_t n, size_t size) TB_MUST_USE;
#define TB_NEW(arena, type)      ((type *)tb_arena_alloc((arena), sizeof(type)))
#define TB_NEW_N(arena, type, n) ((type *)tb_arena_array((arena), (n), sizeof(type)))

/* Copies s with a terminating NUL; a null slice stays null. */
tb_str tb_arena_str(struct tb_arena *arena, tb_str s);
tb_str tb_arena_printf(struct tb_arena *arena, const char *fmt, ...) TB_PRINTF(2, 3);

bool tb_arena_failed(const struct tb_arena *arena);
size_t tb_arena_used(const struct tb_arena *arena);

#endif
