/* A ticket's state, one row of `tickets`, and the table of its fields.
 *
 * Fields are what events speak of (before, after), what history records one by one and what columns
 * store: the table is the one list of them. Values point into the batch's arena. */
#ifndef TB_MODEL_TICKET_H
#define TB_MODEL_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/str.h"

enum tb_value_kind { TB_VALUE_STR, TB_VALUE_BOOL, TB_VALUE_TIME, TB_VALUE_STRS };

/* Null: a string with ptr NULL, a time of TB_TIME_NONE. Booleans and lists are never null. */
struct tb_value {
    enum tb_value_kind kind;
    union {
        tb_str str;
        bool boolean;
        int64_t time;
        tb_strs strs;
    } as;
};

enum tb_ticket_field {
    TB_TICKET_WORKFLOW_ID,
    TB_TICKET_EXTERNAL_ID,
    TB_TICKET_CREATED_BY_AGENT_ID,
    TB_TICKET_ASSIGNED_AGENT_ID,
    TB_TICKET_TITLE,
    TB_TICKET_DESCRIPTION,
    TB_TICKET_TICKET_TYPE,
    TB_TICKET_PRIORITY,
    TB_TICKET_STATUS,
    TB_TICKET_PARENT_TICKET_ID,
    TB_TICKET_RELATED_TASK_IDS,
    TB_TICKET_RELATED_TICKET_IDS,
    TB_TICKET_TAGS,
    TB_TICKET_BLOCKED_BY_TICKET_IDS, /* blockers open as of the ticket's last turn */
    TB_TICKET_IS_BLOCKED,            /* a blocking episode is open */
    TB_TICKET_IS_RESOLVED,
    TB_TICKET_IS_DELETED,
    TB_TICKET_CREATED_AT,
    TB_TICKET_UPDATED_AT,
    TB_TICKET_STARTED_AT,
    TB_TICKET_COMPLETED_AT,
    TB_TICKET_RESOLVED_AT,
    TB_TICKET_DELETED_AT,
    TB_TICKET_FIELDS_, /* number of fields */
};

struct tb_ticket {
    tb_str id;
    int64_t version; /* number of sequenced events so far; 0: there is no ticket */
    struct tb_value fields[TB_TICKET_FIELDS_];
};

struct tb_ticket_field_info {
    const char *name; /* in events, history and as the column's name */
    enum tb_value_kind kind;
    const char *doc;
};

/* Indexed by field. */
extern const struct tb_ticket_field_info tb_ticket_fields[TB_TICKET_FIELDS_];

/* A ticket that is not there yet: version 0, every field null, false or empty. */
struct tb_ticket tb_ticket_absent(tb_str id);
bool tb_value_eq(struct tb_value a, struct tb_value b);
bool tb_value_is_null(struct tb_value v);

static inline struct tb_value tb_value_str(tb_str s)
{
    return (struct tb_value){.kind = TB_VALUE_STR, .as.str = s};
}

static inline struct tb_value tb_value_bool(bool b)
{
    return (struct tb_value){.kind = TB_VALUE_BOOL, .as.boolean = b};
}

static inline struct tb_value tb_value_time(int64_t t)
{
    return (struct tb_value){.kind = TB_VALUE_TIME, .as.time = t};
}

static inline struct tb_value tb_value_strs(tb_strs list)
{
    return (struct tb_value){.kind = TB_VALUE_STRS, .as.strs = list};
}

static inline bool tb_ticket_exists(const struct tb_ticket *t)
{
    return t->version > 0;
}

static inline tb_str tb_ticket_str(const struct tb_ticket *t, enum tb_ticket_field f)
{
    return t->fields[f].as.str;
}

static inline bool tb_ticket_bool(const struct tb_ticket *t, enum tb_ticket_field f)
{
    return t->fields[f].as.boolean;
}

static inline int64_t tb_ticket_time(const struct tb_ticket *t, enum tb_ticket_field f)
{
    return t->fields[f].as.time;
}

static inline tb_strs tb_ticket_strs(const struct tb_ticket *t, enum tb_ticket_field f)
{
    return t->fields[f].as.strs;
}

/* ---- rows that belong to a ticket ---- */

struct tb_comment {
    tb_str id; /* comment-<uuid> */
    tb_str ticket_id;
    tb_str agent_id;
    tb_str text;
    tb_str type;
    tb_strs mentions;
    tb_strs attachments;
    int64_t created_at;
    int64_t updated_at; /* TB_TIME_NONE until edited */
    bool is_edited;
};

struct tb_commit {
    tb_str id; /* tc-<uuid> */
    tb_str ticket_id;
    tb_str agent_id;
    tb_str sha;
    tb_str message;        /* may be null */
    int64_t timestamp;     /* TB_TIME_NONE when not known */
    int64_t files_changed; /* -1 when not known, as the next two */
    int64_t insertions;
    int64_t deletions;
    tb_strs files_list;
    int64_t linked_at;
    tb_str link_method; /* manual, update, change_status, resolve */
};

struct tb_edge {
    tb_str ticket_id;
    tb_str depends_on;
    tb_str type;
};

#define TB_EDGE_BLOCKS "blocks"

struct tb_similar {
    tb_str ticket_id;
    int64_t score; /* thousandths */
};

#endif
