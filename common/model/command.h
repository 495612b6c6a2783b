/* Commands: the envelope (CloudEvents attributes) and one record of data per type.
 * The table of types is the registry a new kind of command is added to. */
#ifndef TB_MODEL_COMMAND_H
#define TB_MODEL_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/model/schema.h"

enum tb_command_kind {
    TB_CMD_CREATE,
    TB_CMD_UPDATE,
    TB_CMD_CHANGE_STATUS,
    TB_CMD_COMMENT,
    TB_CMD_EDIT_COMMENT,
    TB_CMD_ASSIGN,
    TB_CMD_UNASSIGN,
    TB_CMD_LINK_COMMIT,
    TB_CMD_RESOLVE,
    TB_CMD_REOPEN,
    TB_CMD_DELETE,
    TB_CMD_RESTORE,
    TB_CMD_BLOCK,
    TB_CMD_UNBLOCK,
    TB_CMD_LINK,
    TB_CMD_UNLINK,
    TB_CMD_IMPORT,
    TB_CMD_BOARD_PUT,
    TB_CMD_WATCH,   /* internal: the subject is (or will be) a blocker of data.dependent_id */
    TB_CMD_RECHECK, /* internal: look again whether the subject is blocked */
    TB_CMD_REPLAY,  /* operator: try a parked ticket's waiting commands again, in order */
    TB_CMD_DROP,    /* operator: give up the first waiting command of a parked ticket */
    TB_CMD_EXPIRE,  /* internal: a wait for a reference has lasted long enough */
    TB_CMD_SIMILAR, /* internal, of the indexer: tickets about the same thing as the new subject */
    TB_CMD_COUNT_,
};

/* Facts a type's decision may look at; the shell loads just these. */
enum {
    TB_NEED_BLOCKERS = 1 << 0,   /* edges out of the subject, with the blockers' state */
    TB_NEED_DEPENDENTS = 1 << 1, /* edges into the subject */
    TB_NEED_REACH = 1 << 2,      /* adds edges: workflow's edge lock, closure of both ends */
    TB_NEED_PARENTS = 1 << 3,    /* sets a parent: edge lock, the parent and its ancestors */
    TB_NEED_COMMENT = 1 << 4,    /* the comment named by data.comment_id */
    TB_NEED_COMMITS = 1 << 5,    /* whether data.commit_sha is linked already */
    TB_NEED_WIP = 1 << 6,        /* enters a column: counts of columns with a limit, board lock */
    TB_NEED_USAGE = 1 << 7,      /* changes a board: counts by status and type, board lock */
};

/* Who handles a type. A family decides, evolves and stores its own kinds of state. */
enum tb_family { TB_FAMILY_TICKET, TB_FAMILY_BOARD, TB_FAMILY_PARKING };

struct tb_command_type {
    enum tb_command_kind kind;
    const char *name; /* CloudEvents type, e.g. "ticket.create" */
    enum tb_family family;
    bool internal; /* only accepted with a valid signature */
    unsigned needs;
    const struct tb_record *record; /* of data */
    const char *doc;
};

/* Indexed by kind. */
extern const struct tb_command_type tb_command_types[TB_CMD_COUNT_];
const struct tb_command_type *tb_command_type_find(tb_str name); /* NULL when unknown */

/* Actor types of seed 004 (ticket_events.actor_type). NULL-terminated. */
extern const char *const tb_actor_types[];
extern const char *const tb_search_formulas[];   /* score, rank */
extern const char *const tb_column_categories[]; /* open, active, done */
extern const char *const tb_admin_operations[];  /* what settings.admin_on_blocked may list */

#define TB_EXPECTED_NONE (-1)

struct tb_command {
    const struct tb_command_type *type;
    tb_str id;
    tb_str source;
    tb_str subject; /* ticket id, or workflow id for boards; derived when a create gives none */
    tb_str actor;
    tb_str actor_type;        /* null when not given */
    int64_t time_us;          /* envelope's time, TB_TIME_NONE when not given */
    int64_t stable_time;      /* age counts from here: time inside a UUIDv7 id, else time */
    int64_t expected_version; /* TB_EXPECTED_NONE when not given */
    tb_str correlation_id;
    tb_str causation_id;
    tb_str traceparent;
    tb_str tracestate;
    tb_str rationale;  /* data.rationale, null when not given */
    tb_str extensions; /* attributes we do not know, as JSON members: "a":1,"b":"x"; or null */
    unsigned char body_hash[32];
    const void *data; /* struct of type->record */
};

/* ---- data of each type; enumerators are the field numbers for tb_has() ---- */

enum { TB_DEP_DEPENDS_ON, TB_DEP_TYPE };
struct tb_dependency_data {
    struct tb_present p;
    tb_str depends_on;
    tb_str dependency_type;
};

enum {
    TB_CREATE_WORKFLOW_ID,
    TB_CREATE_TITLE,
    TB_CREATE_DESCRIPTION,
    TB_CREATE_TICKET_TYPE,
    TB_CREATE_PRIORITY,
    TB_CREATE_INITIAL_STATUS,
    TB_CREATE_ASSIGNED_AGENT_ID,
    TB_CREATE_PARENT_TICKET_ID,
    TB_CREATE_BLOCKED_BY,
    TB_CREATE_TAGS,
    TB_CREATE_RELATED_TASK_IDS,
    TB_CREATE_RELATED_TICKET_IDS,
    TB_CREATE_EXTERNAL_ID,
};
struct tb_create_data {
    struct tb_present p;
    tb_str workflow_id;
    tb_str title;
    tb_str description;
    tb_str ticket_type;
    tb_str priority;
    tb_str initial_status;
    tb_str assigned_agent_id;
    tb_str parent_ticket_id;
    tb_strs blocked_by_ticket_ids;
    tb_strs tags;
    tb_strs related_task_ids;
    tb_strs related_ticket_ids;
    tb_str external_id;
};

enum {
    TB_UPDATES_TITLE,
    TB_UPDATES_DESCRIPTION,
    TB_UPDATES_TICKET_TYPE,
    TB_UPDATES_PRIORITY,
    TB_UPDATES_ASSIGNED_AGENT_ID,
    TB_UPDATES_PARENT_TICKET_ID,
    TB_UPDATES_TAGS,
    TB_UPDATES_RELATED_TASK_IDS,
    TB_UPDATES_RELATED_TICKET_IDS,
    TB_UPDATES_BLOCKED_BY,
};
struct tb_updates_data {
    struct tb_present p;
    tb_str title;
    tb_str description;
    tb_str ticket_type;
    tb_str priority;
    tb_str assigned_agent_id;
    tb_str parent_ticket_id;
    tb_strs tags;
    tb_strs related_task_ids;
    tb_strs related_ticket_ids;
    tb_strs blocked_by_ticket_ids;
};

enum { TB_UPDATE_UPDATES, TB_UPDATE_COMMENT, TB_UPDATE_COMMIT_SHA };
struct tb_update_data {
    struct tb_present p;
    struct tb_updates_data updates;
    tb_str update_comment;
    tb_str commit_sha;
};

enum { TB_STATUS_NEW_STATUS, TB_STATUS_COMMENT, TB_STATUS_COMMIT_SHA };
struct tb_change_status_data {
    struct tb_present p;
    tb_str new_status;
    tb_str comment;
    tb_str commit_sha;
};

enum { TB_COMMENT_TEXT, TB_COMMENT_TYPE, TB_COMMENT_MENTIONS, TB_COMMENT_ATTACHMENTS };
struct tb_comment_data {
    struct tb_present p;
    tb_str comment_text;
    tb_str comment_type;
    tb_strs mentions;
    tb_strs attachments;
};

enum { TB_EDIT_COMMENT_ID, TB_EDIT_TEXT, TB_EDIT_MENTIONS, TB_EDIT_ATTACHMENTS };
struct tb_edit_comment_data {
    struct tb_present p;
    tb_str comment_id;
    tb_str comment_text;
    tb_strs mentions;
    tb_strs attachments;
};

enum { TB_ASSIGN_AGENT_ID, TB_ASSIGN_EXCLUSIVE };
struct tb_assign_data {
    struct tb_present p;
    tb_str assigned_agent_id; /* the actor when not given */
    bool exclusive;
};

struct tb_empty_data {
    struct tb_present p;
};

enum {
    TB_COMMIT_SHA,
    TB_COMMIT_MESSAGE,
    TB_COMMIT_TIMESTAMP,
    TB_COMMIT_FILES_CHANGED,
    TB_COMMIT_INSERTIONS,
    TB_COMMIT_DELETIONS,
    TB_COMMIT_FILES_LIST,
};
struct tb_link_commit_data {
    struct tb_present p;
    tb_str commit_sha;
    tb_str commit_message;
    int64_t commit_timestamp;
    int64_t files_changed;
    int64_t insertions;
    int64_t deletions;
    tb_strs files_list;
};

enum { TB_RESOLVE_COMMENT, TB_RESOLVE_COMMIT_SHA };
struct tb_resolve_data {
    struct tb_present p;
    tb_str resolution_comment;
    tb_str commit_sha;
};

enum { TB_REOPEN_STATUS, TB_REOPEN_COMMENT };
struct tb_reopen_data {
    struct tb_present p;
    tb_str new_status; /* the board's initial status when not given */
    tb_str comment;
};

enum { TB_BLOCK_BY };
struct tb_block_data { /* also unblock */
    struct tb_present p;
    tb_strs blocked_by_ticket_ids;
};

enum { TB_LINK_DEPENDENCIES };
struct tb_link_data { /* also unlink; edges of any type but "blocks" */
    struct tb_present p;
    struct tb_records dependencies; /* of struct tb_dependency_data */
};

enum {
    TB_IMPORT_WORKFLOW_ID,
    TB_IMPORT_AGENT_ID,
    TB_IMPORT_OCCURRED_AT,
    TB_IMPORT_TITLE,
    TB_IMPORT_DESCRIPTION,
    TB_IMPORT_TICKET_TYPE,
    TB_IMPORT_PRIORITY,
    TB_IMPORT_STATUS,
    TB_IMPORT_ASSIGNED_AGENT_ID,
    TB_IMPORT_CREATED_BY_AGENT_ID,
    TB_IMPORT_PARENT_TICKET_ID,
    TB_IMPORT_TAGS,
    TB_IMPORT_RELATED_TASK_IDS,
    TB_IMPORT_RELATED_TICKET_IDS,
    TB_IMPORT_EXTERNAL_ID,
    TB_IMPORT_DEPENDENCIES,
    TB_IMPORT_IS_RESOLVED,
    TB_IMPORT_IS_DELETED,
    TB_IMPORT_CREATED_AT,
    TB_IMPORT_UPDATED_AT,
    TB_IMPORT_STARTED_AT,
    TB_IMPORT_COMPLETED_AT,
    TB_IMPORT_RESOLVED_AT,
    TB_IMPORT_DELETED_AT,
    TB_IMPORT_COMMENT_KEY,
    TB_IMPORT_COMMENT_TEXT,
    TB_IMPORT_COMMENT_TYPE,
};
/* Sets the given fields as they were at the source; creates the ticket when it is not there.
 * Transitions, limits and blockers do not bind it. */
struct tb_import_data {
    struct tb_present p;
    tb_str workflow_id;
    tb_str agent_id;     /* who made the change at the source */
    int64_t occurred_at; /* when */
    tb_str title;
    tb_str description;
    tb_str ticket_type;
    tb_str priority;
    tb_str status;
    tb_str assigned_agent_id;
    tb_str created_by_agent_id;
    tb_str parent_ticket_id;
    tb_strs tags;
    tb_strs related_task_ids;
    tb_strs related_ticket_ids;
    tb_str external_id;
    struct tb_records dependencies; /* the whole set; edges not named are removed */
    bool is_resolved;
    bool is_deleted;
    int64_t created_at;
    int64_t updated_at;
    int64_t started_at;
    int64_t completed_at;
    int64_t resolved_at;
    int64_t deleted_at;
    tb_str comment_key; /* the comment's id at the source; a known one is not added again */
    tb_str comment_text;
    tb_str comment_type;
};

enum { TB_COL_ID, TB_COL_NAME, TB_COL_ORDER, TB_COL_COLOR, TB_COL_CATEGORY, TB_COL_WIP_LIMIT };
struct tb_column_data {
    struct tb_present p;
    tb_str id;
    tb_str name;
    int64_t order;
    tb_str color;
    tb_str category;
    int64_t wip_limit;
};

enum {
    TB_SET_TRANSITIONS,
    TB_SET_PRIORITIES,
    TB_SET_DEFAULT_PRIORITY,
    TB_SET_ADMINS,
    TB_SET_ADMIN_ON_BLOCKED,
    TB_SET_REQUIRE_COMMENT,
    TB_SET_ALLOW_REOPEN,
    TB_SET_SEARCH_FORMULA,
    TB_SET_SEARCH_WEIGHT,
    TB_SET_SIMILAR,
};
struct tb_settings_data {
    struct tb_present p;
    struct tb_strings_map transitions; /* from -> allowed to; a status not named may go anywhere */
    tb_strs priorities;                /* most urgent first */
    tb_str default_priority;           /* for commands that give none */
    tb_strs admins;                    /* agent ids */
    tb_strs admin_on_blocked;          /* of change_status, resolve */
    bool require_comment_on_status_change;
    bool allow_reopen;
    tb_str search_formula;          /* of score, rank */
    int64_t search_weight_semantic; /* percent */
    int64_t similar_percent;        /* 0: tells nobody */
};

enum {
    TB_BOARD_NAME,
    TB_BOARD_COLUMNS,
    TB_BOARD_TICKET_TYPES,
    TB_BOARD_DEFAULT_TICKET_TYPE,
    TB_BOARD_INITIAL_STATUS,
    TB_BOARD_SETTINGS,
};
struct tb_board_put_data {
    struct tb_present p;
    tb_str name;
    struct tb_records columns; /* of struct tb_column_data */
    tb_strs ticket_types;
    tb_str default_ticket_type;
    tb_str initial_status;
    struct tb_settings_data settings;
};
extern const struct tb_record tb_record_board_put;

enum { TB_WATCH_DEPENDENT_ID };
struct tb_watch_data {
    struct tb_present p;
    tb_str dependent_id;
};

enum { TB_EXPIRE_WAITING_ID, TB_EXPIRE_WAITING_SOURCE };
struct tb_expire_data { /* also drop: which waiting command, the first when not given */
    struct tb_present p;
    tb_str waiting_id;
    tb_str waiting_source;
};

enum { TB_SIMILAR_TICKET_ID, TB_SIMILAR_SCORE };
struct tb_similar_data {
    struct tb_present p;
    tb_str ticket_id;
    int64_t score; /* thousandths */
};

enum { TB_SIMILARS_SIMILAR };
struct tb_similars_data {
    struct tb_present p;
    struct tb_records similar; /* of struct tb_similar_data */
};

#endif
