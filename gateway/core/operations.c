#include "gateway/core/operations.h"

#include "common/base/attr.h"
#include "common/model/limits.h"
#include "gateway/core/queries.h"

#define READ  TB_SCOPE_READ
#define WRITE TB_SCOPE_WRITE
#define ADMIN TB_SCOPE_ADMIN
#define LOOK  (TB_HINT_READ_ONLY | TB_HINT_IDEMPOTENT)
#define AGAIN TB_HINT_IDEMPOTENT

#define COMMAND(op, name_, type, method_, path_, scope_, hints_, title_, doc_)                     \
    [op] = {.name = name_,                                                                         \
            .kind = TB_OP_COMMAND,                                                                 \
            .command = type,                                                                       \
            .method = method_,                                                                     \
            .path = path_,                                                                         \
            .scope = scope_,                                                                       \
            .hints = hints_,                                                                       \
            .title = title_,                                                                       \
            .doc = doc_}
#define QUERY(op, name_, record, method_, path_, title_, doc_)                                     \
    [op] = {.name = name_,                                                                         \
            .kind = TB_OP_QUERY,                                                                   \
            .params = record,                                                                      \
            .method = method_,                                                                     \
            .path = path_,                                                                         \
            .scope = READ,                                                                         \
            .hints = LOOK,                                                                         \
            .title = title_,                                                                       \
            .doc = doc_}

/* clang-format off */
const struct tb_operation tb_operations[TB_OP_COUNT_] = {
    COMMAND(TB_OP_CREATE_TICKET, "create_ticket", TB_CMD_CREATE, "POST", "/tickets/create", WRITE, 0,
            "Create a ticket", "Creates a ticket on a workflow's board."),
    COMMAND(TB_OP_UPDATE_TICKET, "update_ticket", TB_CMD_UPDATE, "POST", "/tickets/update", WRITE, AGAIN,
            "Update a ticket", "Changes fields of a ticket; what is not named stays."),
    COMMAND(TB_OP_CHANGE_STATUS, "change_ticket_status", TB_CMD_CHANGE_STATUS, "POST", "/tickets/change-status", WRITE, AGAIN,
            "Move a ticket", "Moves a ticket to another column of its board."),
    COMMAND(TB_OP_COMMENT, "comment_ticket", TB_CMD_COMMENT, "POST", "/tickets/comment", WRITE, 0,
            "Comment", "Adds a comment to a ticket."),
    COMMAND(TB_OP_EDIT_COMMENT, "edit_comment", TB_CMD_EDIT_COMMENT, "POST", "/tickets/edit-comment", WRITE, AGAIN,
            "Edit a comment", "Changes the text of a comment; its author or an administrator may."),
    COMMAND(TB_OP_LINK_COMMIT, "link_commit", TB_CMD_LINK_COMMIT, "POST", "/tickets/link-commit", WRITE, AGAIN,
            "Link a commit", "Links a commit to a ticket."),
    COMMAND(TB_OP_RESOLVE_TICKET, "resolve_ticket", TB_CMD_RESOLVE, "POST", "/tickets/resolve", WRITE, 0,
            "Resolve a ticket", "Resolves a ticket and unblocks what waits for it."),
    COMMAND(TB_OP_REOPEN_TICKET, "reopen_ticket", TB_CMD_REOPEN, "POST", "/tickets/reopen", WRITE, 0,
            "Reopen a ticket", "Opens a resolved ticket again and blocks what waits for it."),
    COMMAND(TB_OP_ASSIGN_TICKET, "assign_ticket", TB_CMD_ASSIGN, "POST", "/tickets/assign", WRITE, AGAIN,
            "Assign a ticket", "Assigns a ticket, to the caller unless another agent is named."),
    COMMAND(TB_OP_UNASSIGN_TICKET, "unassign_ticket", TB_CMD_UNASSIGN, "POST", "/tickets/unassign", WRITE, AGAIN,
            "Unassign a ticket", "Takes the assignee off a ticket."),
    COMMAND(TB_OP_DELETE_TICKET, "delete_ticket", TB_CMD_DELETE, "POST", "/tickets/delete", WRITE, TB_HINT_DESTRUCTIVE,
            "Delete a ticket", "Deletes a ticket; it can be restored."),
    COMMAND(TB_OP_RESTORE_TICKET, "restore_ticket", TB_CMD_RESTORE, "POST", "/tickets/restore", WRITE, 0,
            "Restore a ticket", "Brings a deleted ticket back."),
    COMMAND(TB_OP_BLOCK_TICKET, "block_ticket", TB_CMD_BLOCK, "POST", "/tickets/block", WRITE, AGAIN,
            "Block a ticket", "Adds tickets that must be resolved before this one."),
    COMMAND(TB_OP_UNBLOCK_TICKET, "unblock_ticket", TB_CMD_UNBLOCK, "POST", "/tickets/unblock", WRITE, AGAIN,
            "Unblock a ticket", "Removes blockers of a ticket."),
    COMMAND(TB_OP_LINK_TICKETS, "link_tickets", TB_CMD_LINK, "POST", "/tickets/link", WRITE, AGAIN,
            "Link tickets", "Adds links to other tickets that do not block."),
    COMMAND(TB_OP_UNLINK_TICKETS, "unlink_tickets", TB_CMD_UNLINK, "POST", "/tickets/unlink", WRITE, AGAIN,
            "Unlink tickets", "Removes links that do not block."),
    COMMAND(TB_OP_PUT_BOARD, "put_board", TB_CMD_BOARD_PUT, "PUT", "/tickets/board-config/{workflow_id}", ADMIN, AGAIN,
            "Configure a board", "Makes or replaces the board of a workflow."),
    QUERY(TB_OP_LIST_TICKETS, "list_tickets", &tb_list_record, "GET", "/tickets/get",
          "List tickets", "Lists tickets by filter, a page at a time; ready=true gives what could be started now."),
    QUERY(TB_OP_GET_BOARD, "get_board", &tb_board_record, "GET", "/tickets/board-config/{workflow_id}",
          "Show a board", "Shows a workflow's board: columns, types, rules and how many tickets each column holds."),
    QUERY(TB_OP_LIST_WORKFLOWS, "list_workflows", &tb_workflows_record, "GET", "/workflows",
          "List workflows", "Lists the workflows that have a board."),
    QUERY(TB_OP_SEARCH_TICKETS, "search_tickets", &tb_search_record, "POST", "/tickets/search",
          "Search tickets", "Finds tickets by meaning and by word, in titles, descriptions and comments."),
    QUERY(TB_OP_COMMIT_DIFF, "get_commit_diff", &tb_diff_record, "GET", "/tickets/commit-diff/{sha}",
          "Show a commit", "Shows what a commit changed, file by file."),
    QUERY(TB_OP_GET_TICKET, "get_ticket", &tb_ticket_record, "GET", "/tickets/{ticket_id}",
          "Show a ticket", "Shows a ticket with comments, commits, history, blockers both ways and children."),
    QUERY(TB_OP_TICKET_HISTORY, "get_ticket_history", &tb_history_record, "GET", "/tickets/{ticket_id}/history",
          "Show a ticket's history", "Shows who changed what and when, latest first."),
    QUERY(TB_OP_SIMILAR_TICKETS, "find_similar_tickets", &tb_similar_record, "GET", "/tickets/{ticket_id}/similar",
          "Find similar tickets", "Finds tickets that are about the same thing."),
    QUERY(TB_OP_GET_COMMAND, "get_command", &tb_outcome_record, "GET", "/commands/{command_id}",
          "Show a command's outcome", "Tells what became of a command sent earlier."),
    QUERY(TB_OP_LIST_AGENTS, "list_agents", &tb_agents_record, "GET", "/agents",
          "List agents", "Shows who is at work, on what and since when."),
    QUERY(TB_OP_GET_STATUS, "get_status", &tb_no_record, "GET", "/status",
          "Show the state of the system", "Shows how far workers and index are behind, and what is parked."),
};

static const struct tb_field envelope_fields[] = {
    {.name = "ticket_id", .kind = TB_KIND_TICKET_ID,
     .offset = offsetof(struct tb_envelope_params, ticket_id), .doc = "The ticket."},
    {.name = "workflow_id", .kind = TB_KIND_ID, .min = 1, .max = TB_MAX_ID_CHARS,
     .offset = offsetof(struct tb_envelope_params, workflow_id), .doc = "The workflow."},
    {.name = "agent_id", .kind = TB_KIND_ID, .min = 1, .max = TB_MAX_ID_CHARS,
     .offset = offsetof(struct tb_envelope_params, agent_id),
     .doc = "Who acts; the token's agent, or its name, when left out."},
    {.name = "agent_type", .kind = TB_KIND_ENUM, .choices = tb_actor_types,
     .offset = offsetof(struct tb_envelope_params, agent_type), .doc = "What kind of actor that is."},
    {.name = "rationale", .kind = TB_KIND_STRING, .flags = TB_NULLABLE, .max = TB_MAX_RATIONALE_CHARS,
     .offset = offsetof(struct tb_envelope_params, rationale), .doc = "Why; copied to the events."},
};
const struct tb_record tb_envelope_record = {.name = "envelope",
    .size = sizeof(struct tb_envelope_params), .fields = envelope_fields,
    .nfields = TB_COUNT(envelope_fields), .doc = "Who acts, on what and why."};
/* clang-format on */

const struct tb_operation *tb_operation_find(tb_str name)
{
    for (size_t i = 0; i < TB_OP_COUNT_; i++) {
        if (tb_str_eq_c(name, tb_operations[i].name)) {
            return &tb_operations[i];
        }
    }
    return NULL;
}

const struct tb_record *tb_operation_params(const struct tb_operation *op)
{
    return op->kind == TB_OP_COMMAND ? tb_command_types[op->command].record : op->params;
}

bool tb_operation_takes(const struct tb_operation *op, unsigned envelope_field)
{
    switch (envelope_field) {
    case TB_ENVELOPE_TICKET_ID:
        return op->command != TB_CMD_CREATE && op->command != TB_CMD_BOARD_PUT;
    case TB_ENVELOPE_WORKFLOW_ID:
        return op->command == TB_CMD_BOARD_PUT;
    default:
        return true;
    }
}
