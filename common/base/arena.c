#include "common/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_SIZE ((size_t)64 * 1024)
#define ALIGNMENT  _Alignof(max_align_t)

struct block {
    struct block *next;
    size_t size;
    size_t used;
    max_align_t data[];
};

struct tb_arena {
    struct block *head; /* the block allocations come from; older ones behind it */
    size_t cap;
    size_t used;
    bool failed;
};

struct tb_arena *tb_arena_new(size_t cap)
{
    struct tb_arena *arena = calloc(1, sizeof *arena);
    if (arena) {
        arena->cap = cap;
    }
    return arena;
}

static void free_blocks(struct block *b)
{
    while (b) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
}

void tb_arena_free(struct tb_arena *arena)
{
    if (arena) {
        free_blocks(arena->head);
        free(arena);
    }
}

void tb_arena_reset(struct tb_arena *arena)
{
    struct block *keep = NULL;
    struct block *b = arena->head;
    while (b) {
        struct block *next = b->next;
        if (!keep && b->size == BLOCK_SIZE) {
            keep = b;
        } else {
            free(b);
        }
        b = next;
    }
    if (keep) {
        keep->next = NULL;
        keep->used = 0;
    }
    arena->head = keep;
    arena->used = 0;
    arena->failed = false;
}

static void *fail(struct tb_arena *arena)
{
    arena->failed = true;
    return NULL;
}

void *tb_arena_alloc(struct tb_arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT) {
        return fail(arena);
    }
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (arena->cap && size > arena->cap - arena->used) {
        return fail(arena);
    }
    struct block *b = arena->head;
    if (!b || b->size - b->used < size) {
        size_t want = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        if (want > SIZE_MAX - sizeof *b) {
            return fail(arena);
        }
        struct block *fresh = malloc(sizeof *fresh + want);
        if (!fresh) {
            return fail(arena);
        }
        fresh->size = want;
        fresh->used = 0;
        /* A large one-off goes behind the head, so that the head's free room is not lost. */
        if (b && want > BLOCK_SIZE) {
            fresh->next = b->next;
            b->next = fresh;
        } else {
            fresh->next = b;
            arena->head = fresh;
        }
        b = fresh;
    }
    char *p = (char *)b->data + b->used;
    b->used += size;
    arena->used += size;
    memset(p, 0, size);
    return p;
}

void *tb_arena_array(struct tb_arena *arena, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size) {
        return fail(arena);
    }
    return tb_arena_alloc(arena, n * size);
}

tb_str tb_arena_str(struct tb_arena *arena, tb_str s)
{
    if (!s.ptr || s.len == SIZE_MAX) {
        return TB_STR_NULL;
    }
    char *copy = tb_arena_alloc(arena, s.len + 1);
    if (!copy) {
        return TB_STR_NULL;
    }
    memcpy(copy, s.ptr, s.len);
    return (tb_str){copy, s.len};
}

tb_str tb_arena_printf(struct tb_arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) {
        arena->failed = true;
        return TB_STR_NULL;
    }
    char *out = tb_arena_alloc(arena, (size_t)n + 1);
    if (!out) {
        return TB_STR_NULL;
    }
    va_start(args, fmt);
    (void)vsnprintf(out, (size_t)n + 1, fmt, args);
    va_end(args);
    return (tb_str){out, (size_t)n};
}

bool tb_arena_failed(const struct tb_arena *arena)
{
    return arena->failed;
}

size_t tb_arena_used(const struct tb_arena *arena)
{
    return arena->used;
}
