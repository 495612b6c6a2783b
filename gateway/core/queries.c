#include "gateway/core/queries.h"

#include "common/base/attr.h"
#include "common/model/limits.h"

const char *const tb_list_sort_keys[] = {"created_at", "updated_at", "priority",
                                         "status",     "title",      NULL};
const char *const tb_sort_orders[] = {"asc", "desc", NULL};
const char *const tb_search_types[] = {"hybrid", "semantic", "keyword", NULL};

/* clang-format off */
#define F_(rec, member, kind_, flags_, min_, max_, items_, choices_, record_, doc_)                \
    {.name = #member, .kind = (kind_), .flags = (flags_), .offset = offsetof(struct rec, member),  \
     .min = (min_), .max = (max_), .max_items = (items_), .choices = (choices_),                   \
     .record = (record_), .doc = (doc_)}
#define STRING(rec, m, fl, min, max, doc)  F_(rec, m, TB_KIND_STRING, fl, min, max, 0, NULL, NULL, doc)
#define ID(rec, m, fl, max, doc)           F_(rec, m, TB_KIND_ID, fl, 1, max, 0, NULL, NULL, doc)
#define TICKET(rec, m, fl, doc)            F_(rec, m, TB_KIND_TICKET_ID, fl, 0, 0, 0, NULL, NULL, doc)
#define CHOICE(rec, m, fl, ch, doc)        F_(rec, m, TB_KIND_ENUM, fl, 0, 0, 0, ch, NULL, doc)
#define BOOL(rec, m, doc)                  F_(rec, m, TB_KIND_BOOL, 0, 0, 0, 0, NULL, NULL, doc)
#define INT(rec, m, min, max, doc)         F_(rec, m, TB_KIND_INT, 0, min, max, 0, NULL, NULL, doc)
#define STRINGS(rec, m, max, items, doc)   F_(rec, m, TB_KIND_STRINGS, 0, 1, max, items, NULL, NULL, doc)
#define RECORD(rec, m, r, doc)             F_(rec, m, TB_KIND_RECORD, 0, 0, 0, 0, NULL, r, doc)
#define RECORD_OF(var, sname, rec, tab, doc_)                                                      \
    const struct tb_record var = {.name = sname, .size = sizeof(struct rec), .fields = tab,        \
                                  .nfields = TB_COUNT(tab), .doc = doc_}
#define REQ TB_REQUIRED

static const struct tb_field list_fields[] = {
    ID(tb_list_params, workflow_id, 0, TB_MAX_ID_CHARS, "Only tickets of this workflow."),
    STRINGS(tb_list_params, status, TB_MAX_TYPE_CHARS, TB_MAX_COLUMNS, "Only tickets in one of these columns."),
    STRINGS(tb_list_params, type, TB_MAX_TYPE_CHARS, TB_MAX_COLUMNS, "Only tickets of one of these types."),
    STRINGS(tb_list_params, priority, TB_MAX_PRIORITY_CHARS, TB_MAX_COLUMNS, "Only tickets of one of these priorities."),
    ID(tb_list_params, assignee, 0, TB_MAX_ID_CHARS, "Only tickets of this agent."),
    STRINGS(tb_list_params, tag, TB_MAX_TAG_CHARS, TB_MAX_TAGS, "Only tickets with all of these tags."),
    ID(tb_list_params, external_id, 0, TB_MAX_ID_CHARS, "Only the ticket with this id in another system."),
    ID(tb_list_params, named, 0, TB_MAX_ID_CHARS, "Only tickets called so: by their id in another system, or by the last four characters and more of their own."),
    BOOL(tb_list_params, ready, "Only what an agent could start now: open, unblocked, nobody's; most urgent first."),
    BOOL(tb_list_params, include_completed, "Tickets that are resolved or in a done column, too; true when left out."),
    BOOL(tb_list_params, include_deleted, "Deleted tickets, too; false when left out."),
    CHOICE(tb_list_params, sort_by, 0, tb_list_sort_keys, "Column to sort by; created_at when left out, priority with ready."),
    CHOICE(tb_list_params, sort_order, 0, tb_sort_orders, "Times come latest first, everything else ascending, when left out."),
    INT(tb_list_params, limit, 1, TB_LIST_LIMIT_MAX, "Most tickets of this page; 100 when left out."),
    INT(tb_list_params, offset, 0, 1000000, "Tickets to pass over; a cursor is quicker and does not shift."),
    STRING(tb_list_params, cursor, 0, 1, 200, "next_cursor of the page before, with the same filters and order."),
    STRINGS(tb_list_params, fields, 50, 30, "Columns to show; all but the description when left out."),
    BOOL(tb_list_params, total, "Whether to count all that match; true when left out."),
};
RECORD_OF(tb_list_record, "list", tb_list_params, list_fields, "Which tickets to list.");

static const struct tb_field ticket_fields[] = {
    TICKET(tb_ticket_params, ticket_id, REQ, "The ticket."),
};
RECORD_OF(tb_ticket_record, "ticket", tb_ticket_params, ticket_fields, "A ticket.");

static const struct tb_field history_fields[] = {
    TICKET(tb_ticket_params, ticket_id, REQ, "The ticket."),
    INT(tb_ticket_params, limit, 1, TB_HISTORY_LIMIT_MAX, "Most entries of this page; 100 when left out."),
    STRING(tb_ticket_params, cursor, 0, 1, 40, "next_cursor of the page before."),
};
RECORD_OF(tb_history_record, "history", tb_ticket_params, history_fields, "A page of a ticket's history.");

static const struct tb_field similar_fields[] = {
    TICKET(tb_similar_params, ticket_id, REQ, "The ticket."),
    BOOL(tb_similar_params, anywhere, "Of other workflows, too; false when left out."),
    INT(tb_similar_params, limit, 1, 100, "Most tickets to name; 10 when left out."),
    INT(tb_similar_params, offset, 0, 199, "Tickets to pass over."),
    BOOL(tb_similar_params, explain, "Say how each result was ranked."),
};
RECORD_OF(tb_similar_record, "similar", tb_similar_params, similar_fields, "Which ticket to compare with.");

static const struct tb_field board_fields[] = {
    ID(tb_board_params, workflow_id, REQ, TB_MAX_ID_CHARS, "The workflow."),
};
RECORD_OF(tb_board_record, "board", tb_board_params, board_fields, "A workflow.");

static const struct tb_field agents_fields[] = {
    ID(tb_board_params, workflow_id, 0, TB_MAX_ID_CHARS, "Only what happens in this workflow."),
};
RECORD_OF(tb_agents_record, "agents", tb_board_params, agents_fields, "Whose work to show.");

const struct tb_record tb_no_record = {
    .name = "none", .size = sizeof(struct tb_no_params), .doc = "Nothing."};

static const struct tb_field workflows_fields[] = {
    BOOL(tb_workflows_params, counts, "Count tickets, and name the columns; false when left out."),
};
RECORD_OF(tb_workflows_record, "workflows", tb_workflows_params, workflows_fields, "How much to say.");

static const struct tb_field outcome_fields[] = {
    ID(tb_command_params, command_id, REQ, TB_MAX_ID_CHARS, "The command's id."),
    STRING(tb_command_params, source, 0, 1, 200, "Only when it came from there; any source when left out, this gateway's first."),
    BOOL(tb_command_params, events, "Show its events whole; false when left out."),
};
RECORD_OF(tb_outcome_record, "outcome", tb_command_params, outcome_fields, "A command sent earlier.");

static const struct tb_field diff_fields[] = {
    STRING(tb_diff_params, sha, REQ, 4, TB_MAX_SHA_CHARS, "The commit's hash, whole or its beginning."),
    STRING(tb_diff_params, repository, 0, 1, TB_MAX_ID_CHARS, "Name of a configured repository; all are looked through when left out."),
};
RECORD_OF(tb_diff_record, "diff", tb_diff_params, diff_fields, "A commit.");

static const struct tb_field filter_fields[] = {
    ID(tb_search_filters, status, 0, TB_MAX_TYPE_CHARS, "Only tickets in this column."),
    ID(tb_search_filters, ticket_type, 0, TB_MAX_TYPE_CHARS, "Only tickets of this type."),
    ID(tb_search_filters, priority, 0, TB_MAX_PRIORITY_CHARS, "Only tickets of this priority."),
    ID(tb_search_filters, assigned_agent_id, 0, TB_MAX_ID_CHARS, "Only tickets of this agent."),
    ID(tb_search_filters, tag, 0, TB_MAX_TAG_CHARS, "Only tickets with this tag."),
};
static RECORD_OF(filters_record, "filters", tb_search_filters, filter_fields, "What to search in.");

static const struct tb_field search_fields[] = {
    STRING(tb_search_params, query, REQ, 1, 20000, "Any text: words, a sentence, an error message."),
    ID(tb_search_params, workflow_id, 0, TB_MAX_ID_CHARS, "Only tickets of this workflow."),
    CHOICE(tb_search_params, search_type, 0, tb_search_types, "By meaning, by word, or (when left out) both."),
    RECORD(tb_search_params, filters, &filters_record, "Narrow the search."),
    BOOL(tb_search_params, include_comments, "Search comments, too; true when left out."),
    INT(tb_search_params, limit, 1, 100, "Most results; 10 when left out."),
    INT(tb_search_params, offset, 0, 199, "Results to pass over."),
    BOOL(tb_search_params, explain, "Say how each result was ranked."),
};
RECORD_OF(tb_search_record, "search", tb_search_params, search_fields, "What to look for.");
