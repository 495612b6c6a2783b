/* What queries ask for: one record per query, as commands have theirs. Path, query string and body
 * of a request, and the arguments of a tool, are decoded by the same tables. */
#ifndef TB_GATEWAY_QUERIES_H
#define TB_GATEWAY_QUERIES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/schema.h"

enum {
    TB_LIST_WORKFLOW_ID,
    TB_LIST_STATUS,
    TB_LIST_TYPE,
    TB_LIST_PRIORITY,
    TB_LIST_ASSIGNEE,
    TB_LIST_TAG,
    TB_LIST_EXTERNAL_ID,
    TB_LIST_NAMED,
    TB_LIST_READY,
    TB_LIST_INCLUDE_COMPLETED,
    TB_LIST_INCLUDE_DELETED,
    TB_LIST_SORT_BY,
    TB_LIST_SORT_ORDER,
    TB_LIST_LIMIT,
    TB_LIST_OFFSET,
    TB_LIST_CURSOR,
    TB_LIST_FIELDS,
    TB_LIST_TOTAL,
};
struct tb_list_params {
    struct tb_present p;
    tb_str workflow_id;
    tb_strs status;
    tb_strs type;
    tb_strs priority;
    tb_str assignee;
    tb_strs tag;
    tb_str external_id;
    tb_str named;
    bool ready;
    bool include_completed; /* true when not given */
    bool include_deleted;
    tb_str sort_by;
    tb_str sort_order;
    int64_t limit;
    int64_t offset;
    tb_str cursor;
    tb_strs fields;
    bool total; /* true when not given */
};
extern const struct tb_record tb_list_record;

/* One thing named by an id, and a page of what belongs to it. */
enum { TB_TICKET_PARAMS_ID, TB_TICKET_PARAMS_LIMIT, TB_TICKET_PARAMS_CURSOR };
struct tb_ticket_params {
    struct tb_present p;
    tb_str ticket_id;
    int64_t limit;
    tb_str cursor;
};
extern const struct tb_record tb_ticket_record;
extern const struct tb_record tb_history_record;
extern const struct tb_record tb_similar_record;

enum { TB_BOARD_PARAMS_WORKFLOW_ID };
struct tb_board_params {
    struct tb_present p;
    tb_str workflow_id;
};
extern const struct tb_record tb_board_record;
extern const struct tb_record tb_agents_record;

struct tb_workflows_params {
    struct tb_present p;
    bool counts;
};
extern const struct tb_record tb_workflows_record;

struct tb_similar_params {
    struct tb_present p;
    tb_str ticket_id;
    bool anywhere;
    int64_t limit;
    int64_t offset;
    bool explain;
};

struct tb_no_params {
    struct tb_present p;
};
extern const struct tb_record tb_no_record;

struct tb_command_params {
    struct tb_present p;
    tb_str command_id;
    tb_str source;
    bool events;
};
extern const struct tb_record tb_outcome_record;

struct tb_diff_params {
    struct tb_present p;
    tb_str sha;
    tb_str repository;
};
extern const struct tb_record tb_diff_record;

struct tb_search_filters {
    struct tb_present p;
    tb_str status;
    tb_str ticket_type;
    tb_str priority;
    tb_str assigned_agent_id;
    tb_str tag;
};
enum {
    TB_SEARCH_QUERY,
    TB_SEARCH_WORKFLOW_ID,
    TB_SEARCH_TYPE,
    TB_SEARCH_FILTERS,
    TB_SEARCH_INCLUDE_COMMENTS,
    TB_SEARCH_LIMIT,
    TB_SEARCH_OFFSET,
    TB_SEARCH_EXPLAIN,
};
struct tb_search_params {
    struct tb_present p;
    tb_str query;
    tb_str workflow_id;
    tb_str search_type;
    struct tb_search_filters filters;
    bool include_comments; /* true when not given */
    int64_t limit;
    int64_t offset;
    bool explain;
};
extern const struct tb_record tb_search_record;

#define TB_LIST_LIMIT_MAX     1000
#define TB_LIST_LIMIT_DEFAULT 100
#define TB_HISTORY_LIMIT_MAX  1000

/* What `fields` may name, and lists show: the ticket's columns. NULL-terminated. */
extern const char *const tb_list_sort_keys[];
extern const char *const tb_sort_orders[];
extern const char *const tb_search_types[];

#endif
