/* Arrays of one dimension in Postgres' binary format (array_send in its sources): number of
 * dimensions, whether NULLs occur, type of the elements, length and lower bound; then each
 * element's length, -1 for NULL, and bytes. Integers are in network order. */
#include <endian.h>
#include <limits.h>

#include "common/base/clock.h"
#include "common/pg/internal.h"

/* Types' numbers are the same in every server (pg_type.dat). */
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_BIGINT = 20, OID_TEXT = 25, OID_TIMESTAMPTZ = 1184 };

#define HEAD_BYTES  ((size_t)20)
#define LARGEST     ((size_t)1 << 30)        /* of a value in Postgres */
#define EPOCH_US    INT64_C(946684800000000) /* 2000-01-01, Postgres' zero */
#define NULL_LENGTH UINT32_MAX

static char *put32(char *out, uint32_t v)
{
    v = htobe32(v);
    memcpy(out, &v, sizeof v);
    return out + sizeof v;
}

static char *put64(char *out, uint64_t v)
{
    v = htobe64(v);
    memcpy(out, &v, sizeof v);
    return out + sizeof v;
}

/* Room for the array and its head; NULL when it is too large, or memory is short. */
static char *begin(struct tb_pg_params *p, uint32_t oid, size_t n, size_t bytes, bool has_null)
{
    char *out =
        bytes <= LARGEST && n <= INT_MAX ? tb_arena_alloc(p->arena, HEAD_BYTES + bytes) : NULL;
    p->failed = p->failed || !out;
    if (out) {
        char *w = put32(out, n ? 1 : 0);
        w = put32(w, has_null);
        w = put32(w, oid);
        w = put32(w, (uint32_t)n);
        (void)put32(w, 1);
    }
    return out;
}

static void end(struct tb_pg_params *p, const char *array, const char *at, size_t n)
{
    /* An empty array has no dimensions and nothing to say of them. */
    tb_pg_add_raw(p, array, array ? (int)(n ? at - array : 12) : 0, 1);
}

static void add_strings(struct tb_pg_params *p, uint32_t oid, const tb_str *items, size_t n)
{
    size_t bytes = 4 * n;
    bool has_null = false;
    for (size_t i = 0; i < n; i++) {
        bytes += items[i].len;
        has_null = has_null || tb_str_is_null(items[i]);
    }
    char *array = begin(p, oid, n, bytes, has_null);
    char *w = array ? array + HEAD_BYTES : NULL;
    for (size_t i = 0; w && i < n; i++) {
        if (tb_str_is_null(items[i])) {
            w = put32(w, NULL_LENGTH);
            continue;
        }
        w = put32(w, (uint32_t)items[i].len);
        memcpy(w, items[i].ptr, items[i].len);
        w += items[i].len;
    }
    end(p, array, w, n);
}

void tb_pg_add_texts(struct tb_pg_params *p, const tb_str *items, size_t n)
{
    add_strings(p, OID_TEXT, items, n);
}

void tb_pg_add_byteas(struct tb_pg_params *p, const tb_str *items, size_t n)
{
    add_strings(p, OID_BYTEA, items, n);
}

void tb_pg_add_bigints(struct tb_pg_params *p, const int64_t *items, size_t n)
{
    char *array = begin(p, OID_BIGINT, n, 12 * n, false);
    char *w = array ? array + HEAD_BYTES : NULL;
    for (size_t i = 0; w && i < n; i++) {
        w = put64(put32(w, 8), (uint64_t)items[i]);
    }
    end(p, array, w, n);
}

void tb_pg_add_bools(struct tb_pg_params *p, const int64_t *items, size_t n)
{
    char *array = begin(p, OID_BOOL, n, 5 * n, false);
    char *w = array ? array + HEAD_BYTES : NULL;
    for (size_t i = 0; w && i < n; i++) {
        w = put32(w, 1);
        *w++ = items[i] != 0;
    }
    end(p, array, w, n);
}

void tb_pg_add_times(struct tb_pg_params *p, const int64_t *items, size_t n)
{
    bool has_null = false;
    for (size_t i = 0; i < n; i++) {
        has_null = has_null || items[i] == TB_TIME_NONE;
    }
    char *array = begin(p, OID_TIMESTAMPTZ, n, 12 * n, has_null);
    char *w = array ? array + HEAD_BYTES : NULL;
    for (size_t i = 0; w && i < n; i++) {
        w = items[i] == TB_TIME_NONE ? put32(w, NULL_LENGTH)
                                     : put64(put32(w, 8), (uint64_t)(items[i] - EPOCH_US));
    }
    end(p, array, w, n);
}
