/* Shape of everything that crosses the wire, as tables.
 *
 * One table per record drives decoding, encoding, hashing, the JSON Schemas, docs/commands.md, the
 * command line's options and the tools of the gateway. A record is a plain struct whose first
 * member is struct tb_present; a field is a row that says where it lives and what it accepts. */
#ifndef TB_MODEL_SCHEMA_H
#define TB_MODEL_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

/* First member of every record: bit i speaks of field i of its table. */
struct tb_present {
    uint64_t set;  /* the field was given, as a value or as null */
    uint64_t null; /* it was given as null */
};

/* C type at the field's offset in brackets. Lengths count characters. */
enum tb_kind {
    TB_KIND_STRING,      /* [tb_str] min..max characters */
    TB_KIND_ID,          /* [tb_str] 1..max characters, no control characters or outer blanks */
    TB_KIND_TICKET_ID,   /* [tb_str] ticket-<lower-case uuid> */
    TB_KIND_COMMENT_ID,  /* [tb_str] comment-<lower-case uuid> */
    TB_KIND_ENUM,        /* [tb_str] one of field.choices */
    TB_KIND_BOOL,        /* [bool] */
    TB_KIND_INT,         /* [int64_t] min..max */
    TB_KIND_TIME,        /* [int64_t] RFC 3339, microseconds since 1970 */
    TB_KIND_STRINGS,     /* [tb_strs] at most max_items of min..max characters, no duplicates */
    TB_KIND_TICKET_IDS,  /* [tb_strs] at most max_items ticket ids, no duplicates */
    TB_KIND_RECORD,      /* [struct of field.record, inline] */
    TB_KIND_RECORDS,     /* [struct tb_records] at most max_items of field.record */
    TB_KIND_STRINGS_MAP, /* [struct tb_strings_map] object of lists of strings, both capped by max
                          */
};

struct tb_records {
    const void *items; /* array of field.record's struct */
    size_t n;
};

struct tb_strings_map {
    const tb_str *keys;
    const tb_strs *values;
    size_t n;
};

enum { TB_REQUIRED = 1, TB_NULLABLE = 2 };

struct tb_record;

struct tb_field {
    const char *name;
    enum tb_kind kind;
    unsigned flags; /* TB_REQUIRED, TB_NULLABLE */
    size_t offset;
    int64_t min;
    int64_t max;
    size_t max_items;
    const char *const *choices; /* TB_KIND_ENUM: NULL-terminated */
    const struct tb_record *record;
    const char *doc; /* one sentence */
};

struct tb_record {
    const char *name;
    size_t size;
    const struct tb_field *fields;
    size_t nfields; /* at most 64 */
    const char *doc;
};

/* Index of the named field, -1 when the record has none. */
int tb_record_find(const struct tb_record *record, tb_str name);

/* Given and not null. record_data points at a struct of this record. */
static inline bool tb_has(const struct tb_present *p, unsigned field)
{
    return (p->set & ~p->null) >> field & 1;
}

static inline bool tb_given(const struct tb_present *p, unsigned field)
{
    return p->set >> field & 1;
}

static inline bool tb_given_null(const struct tb_present *p, unsigned field)
{
    return (p->set & p->null) >> field & 1;
}

static inline void tb_mark(struct tb_present *p, unsigned field)
{
    p->set |= UINT64_C(1) << field;
    p->null &= ~(UINT64_C(1) << field);
}

static inline void tb_mark_null(struct tb_present *p, unsigned field)
{
    p->set |= UINT64_C(1) << field;
    p->null |= UINT64_C(1) << field;
}

#endif
