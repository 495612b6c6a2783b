#include "common/model/command.h"

#include "common/base/attr.h"
#include "common/model/limits.h"

const char *const tb_actor_types[] = {
    "human", "design_agent", "worker_agent", "review_agent", "orchestrator", "system", NULL};
const char *const tb_column_categories[] = {"open", "active", "done", NULL};

const char *const tb_search_formulas[] = {"score", "rank", NULL};
const char *const tb_admin_operations[] = {"change_status", "resolve", NULL};

/* clang-format off */
#define F_(rec, member, kind_, flags_, min_, max_, items_, choices_, record_, doc_)                \
    {.name = #member, .kind = (kind_), .flags = (flags_), .offset = offsetof(struct rec, member),  \
     .min = (min_), .max = (max_), .max_items = (items_), .choices = (choices_),                   \
     .record = (record_), .doc = (doc_)}
#define STRING(rec, m, fl, min, max, doc)  F_(rec, m, TB_KIND_STRING, fl, min, max, 0, NULL, NULL, doc)
#define ID(rec, m, fl, max, doc)           F_(rec, m, TB_KIND_ID, fl, 1, max, 0, NULL, NULL, doc)
#define TICKET(rec, m, fl, doc)            F_(rec, m, TB_KIND_TICKET_ID, fl, 0, 0, 0, NULL, NULL, doc)
#define CHOICE(rec, m, fl, ch, doc)        F_(rec, m, TB_KIND_ENUM, fl, 0, 0, 0, ch, NULL, doc)
#define BOOL(rec, m, fl, doc)              F_(rec, m, TB_KIND_BOOL, fl, 0, 0, 0, NULL, NULL, doc)
#define INT(rec, m, fl, min, max, doc)     F_(rec, m, TB_KIND_INT, fl, min, max, 0, NULL, NULL, doc)
#define TIME(rec, m, fl, doc)              F_(rec, m, TB_KIND_TIME, fl, 0, 0, 0, NULL, NULL, doc)
#define STRINGS(rec, m, fl, max, items, doc) F_(rec, m, TB_KIND_STRINGS, fl, 1, max, items, NULL, NULL, doc)
#define TICKETS(rec, m, fl, doc)           F_(rec, m, TB_KIND_TICKET_IDS, fl, 0, 0, TB_MAX_LIST, NULL, NULL, doc)
#define RECORD(rec, m, fl, r, doc)         F_(rec, m, TB_KIND_RECORD, fl, 0, 0, 0, NULL, r, doc)
#define RECORDS(rec, m, fl, r, items, doc) F_(rec, m, TB_KIND_RECORDS, fl, 0, 0, items, NULL, r, doc)
#define MAP(rec, m, fl, max, items, doc)   F_(rec, m, TB_KIND_STRINGS_MAP, fl, 1, max, items, NULL, NULL, doc)
#define RECORD_OF(var, sname, rec, tab, doc_)                                                      \
    const struct tb_record var = {.name = sname, .size = sizeof(struct rec), .fields = tab,        \
                                  .nfields = TB_COUNT(tab), .doc = doc_}
#define REQ TB_REQUIRED
#define NIL TB_NULLABLE

static const struct tb_field dependency_fields[] = {
    TICKET(tb_dependency_data, depends_on, REQ, "The ticket depended on."),
    ID(tb_dependency_data, dependency_type, REQ, TB_MAX_TYPE_CHARS,
       "Kind of edge; \"blocks\" is the only one that blocks."),
};
static RECORD_OF(dependency_record, "dependency", tb_dependency_data, dependency_fields,
                 "An edge from the ticket to one it depends on.");

static const struct tb_field create_fields[] = {
    ID(tb_create_data, workflow_id, REQ, TB_MAX_ID_CHARS, "Workflow whose board the ticket is on."),
    STRING(tb_create_data, title, REQ, 1, TB_MAX_TITLE_CHARS, "One line that names the work."),
    STRING(tb_create_data, description, NIL, 0, TB_MAX_DESCRIPTION_CHARS, "The work in full."),
    ID(tb_create_data, ticket_type, NIL, TB_MAX_TYPE_CHARS, "One of the board's types; its default when left out."),
    ID(tb_create_data, priority, NIL, TB_MAX_PRIORITY_CHARS, "One of the board's priorities; its default when left out."),
    ID(tb_create_data, initial_status, NIL, TB_MAX_TYPE_CHARS, "Column to start in; the board's initial one when null."),
    ID(tb_create_data, assigned_agent_id, NIL, TB_MAX_ID_CHARS, "Agent to assign at once."),
    TICKET(tb_create_data, parent_ticket_id, NIL, "Parent ticket, of the same workflow."),
    TICKETS(tb_create_data, blocked_by_ticket_ids, NIL, "Tickets that must be resolved first."),
    STRINGS(tb_create_data, tags, NIL, TB_MAX_TAG_CHARS, TB_MAX_TAGS, "Free labels."),
    STRINGS(tb_create_data, related_task_ids, NIL, TB_MAX_ID_CHARS, TB_MAX_LIST, "Tasks of the orchestrator."),
    TICKETS(tb_create_data, related_ticket_ids, NIL, "Tickets worth reading beside this one."),
    ID(tb_create_data, external_id, NIL, TB_MAX_ID_CHARS, "The ticket's id in another system."),
};
static RECORD_OF(create_record, "create", tb_create_data, create_fields, "A new ticket.");

static const struct tb_field updates_fields[] = {
    STRING(tb_updates_data, title, 0, 1, TB_MAX_TITLE_CHARS, "New title."),
    STRING(tb_updates_data, description, 0, 0, TB_MAX_DESCRIPTION_CHARS, "New description."),
    ID(tb_updates_data, ticket_type, 0, TB_MAX_TYPE_CHARS, "New type, one of the board's."),
    ID(tb_updates_data, priority, 0, TB_MAX_PRIORITY_CHARS, "New priority, one of the board's."),
    ID(tb_updates_data, assigned_agent_id, NIL, TB_MAX_ID_CHARS, "New assignee; null for none."),
    TICKET(tb_updates_data, parent_ticket_id, NIL, "New parent; null for none."),
    STRINGS(tb_updates_data, tags, 0, TB_MAX_TAG_CHARS, TB_MAX_TAGS, "The whole new list."),
    STRINGS(tb_updates_data, related_task_ids, 0, TB_MAX_ID_CHARS, TB_MAX_LIST, "The whole new list."),
    TICKETS(tb_updates_data, related_ticket_ids, 0, "The whole new list."),
    TICKETS(tb_updates_data, blocked_by_ticket_ids, 0, "The whole new list of blockers."),
};
static RECORD_OF(updates_record, "updates", tb_updates_data, updates_fields,
                 "Fields to change; anything not named stays.");

static const struct tb_field update_fields[] = {
    RECORD(tb_update_data, updates, REQ, &updates_record, "Fields to change."),
    STRING(tb_update_data, update_comment, NIL, 0, TB_MAX_COMMENT_CHARS, "Becomes a comment of the ticket."),
    ID(tb_update_data, commit_sha, NIL, TB_MAX_SHA_CHARS, "Commit to link."),
};
static RECORD_OF(update_record, "update", tb_update_data, update_fields, "Changes fields.");

static const struct tb_field change_status_fields[] = {
    ID(tb_change_status_data, new_status, REQ, TB_MAX_TYPE_CHARS, "Column of the board to move to."),
    STRING(tb_change_status_data, comment, NIL, 0, TB_MAX_COMMENT_CHARS, "Why; some boards require it."),
    ID(tb_change_status_data, commit_sha, NIL, TB_MAX_SHA_CHARS, "Commit to link."),
};
static RECORD_OF(change_status_record, "change_status", tb_change_status_data, change_status_fields,
                 "Moves the ticket to another column.");

static const struct tb_field comment_fields[] = {
    STRING(tb_comment_data, comment_text, REQ, 1, TB_MAX_COMMENT_CHARS, "The comment."),
    ID(tb_comment_data, comment_type, NIL, TB_MAX_TYPE_CHARS, "Kind of comment, \"general\" when left out."),
    STRINGS(tb_comment_data, mentions, NIL, TB_MAX_ID_CHARS, TB_MAX_LIST, "Agents or tickets mentioned."),
    STRINGS(tb_comment_data, attachments, NIL, TB_MAX_PATH_CHARS, TB_MAX_LIST, "References to files."),
};
static RECORD_OF(comment_record, "comment", tb_comment_data, comment_fields, "Adds a comment.");

static const struct tb_field edit_comment_fields[] = {
    F_(tb_edit_comment_data, comment_id, TB_KIND_COMMENT_ID, REQ, 0, 0, 0, NULL, NULL, "The comment to change."),
    STRING(tb_edit_comment_data, comment_text, REQ, 1, TB_MAX_COMMENT_CHARS, "The new text."),
    STRINGS(tb_edit_comment_data, mentions, NIL, TB_MAX_ID_CHARS, TB_MAX_LIST, "The whole new list; kept when left out."),
    STRINGS(tb_edit_comment_data, attachments, NIL, TB_MAX_PATH_CHARS, TB_MAX_LIST, "The whole new list; kept when left out."),
};
static RECORD_OF(edit_comment_record, "edit_comment", tb_edit_comment_data, edit_comment_fields,
                 "Changes a comment; its author or an administrator may.");

static const struct tb_field assign_fields[] = {
    ID(tb_assign_data, assigned_agent_id, NIL, TB_MAX_ID_CHARS, "Agent to assign; the actor when left out."),
    BOOL(tb_assign_data, exclusive, NIL, "Refuse when another agent has the ticket."),
};
static RECORD_OF(assign_record, "assign", tb_assign_data, assign_fields, "Assigns the ticket.");

static const struct tb_record empty_record = {
    .name = "empty", .size = sizeof(struct tb_empty_data), .doc = "No data."};

static const struct tb_field link_commit_fields[] = {
    ID(tb_link_commit_data, commit_sha, REQ, TB_MAX_SHA_CHARS, "The commit's hash."),
    STRING(tb_link_commit_data, commit_message, NIL, 0, TB_MAX_COMMENT_CHARS, "Its message."),
    TIME(tb_link_commit_data, commit_timestamp, NIL, "When it was made."),
    INT(tb_link_commit_data, files_changed, NIL, 0, INT32_MAX, "Number of files changed."),
    INT(tb_link_commit_data, insertions, NIL, 0, INT32_MAX, "Lines added."),
    INT(tb_link_commit_data, deletions, NIL, 0, INT32_MAX, "Lines removed."),
    STRINGS(tb_link_commit_data, files_list, NIL, TB_MAX_PATH_CHARS, TB_MAX_FILES_LIST, "Paths changed."),
};
static RECORD_OF(link_commit_record, "link_commit", tb_link_commit_data, link_commit_fields,
                 "Links a commit; linking it again changes nothing.");

static const struct tb_field resolve_fields[] = {
    STRING(tb_resolve_data, resolution_comment, REQ, 1, TB_MAX_COMMENT_CHARS, "How it was resolved."),
    ID(tb_resolve_data, commit_sha, NIL, TB_MAX_SHA_CHARS, "Commit to link."),
};
static RECORD_OF(resolve_record, "resolve", tb_resolve_data, resolve_fields,
                 "Resolves the ticket, moves it to the board's done column and unblocks dependents.");

static const struct tb_field reopen_fields[] = {
    ID(tb_reopen_data, new_status, NIL, TB_MAX_TYPE_CHARS, "Column to return to; the board's initial one when left out."),
    STRING(tb_reopen_data, comment, NIL, 0, TB_MAX_COMMENT_CHARS, "Why."),
};
static RECORD_OF(reopen_record, "reopen", tb_reopen_data, reopen_fields,
                 "Opens a resolved ticket again and blocks its dependents again.");

static const struct tb_field block_fields[] = {
    F_(tb_block_data, blocked_by_ticket_ids, TB_KIND_TICKET_IDS, REQ, 1, 0, TB_MAX_LIST, NULL, NULL, "The blockers."),
};
static RECORD_OF(block_record, "block", tb_block_data, block_fields, "Adds or removes blockers.");

static const struct tb_field link_fields[] = {
    RECORDS(tb_link_data, dependencies, REQ, &dependency_record, TB_MAX_LIST, "The edges."),
};
static RECORD_OF(link_record, "link", tb_link_data, link_fields,
                 "Adds or removes edges of any type but \"blocks\".");

static const struct tb_field import_fields[] = {
    ID(tb_import_data, workflow_id, REQ, TB_MAX_ID_CHARS, "Workflow whose board the ticket is on."),
    ID(tb_import_data, agent_id, NIL, TB_MAX_ID_CHARS, "Who made the change at the source; the actor when left out."),
    TIME(tb_import_data, occurred_at, NIL, "When it was made at the source."),
    STRING(tb_import_data, title, 0, 1, TB_MAX_TITLE_CHARS, "Title."),
    STRING(tb_import_data, description, NIL, 0, TB_MAX_DESCRIPTION_CHARS, "Description."),
    ID(tb_import_data, ticket_type, 0, TB_MAX_TYPE_CHARS, "Type, one of the board's."),
    ID(tb_import_data, priority, 0, TB_MAX_PRIORITY_CHARS, "Priority, one of the board's."),
    ID(tb_import_data, status, 0, TB_MAX_TYPE_CHARS, "Column."),
    ID(tb_import_data, assigned_agent_id, NIL, TB_MAX_ID_CHARS, "Assignee."),
    ID(tb_import_data, created_by_agent_id, 0, TB_MAX_ID_CHARS, "Creator."),
    TICKET(tb_import_data, parent_ticket_id, NIL, "Parent ticket."),
    STRINGS(tb_import_data, tags, 0, TB_MAX_TAG_CHARS, TB_MAX_TAGS, "The whole list of labels."),
    STRINGS(tb_import_data, related_task_ids, 0, TB_MAX_ID_CHARS, TB_MAX_LIST, "The whole list."),
    TICKETS(tb_import_data, related_ticket_ids, 0, "The whole list."),
    ID(tb_import_data, external_id, NIL, TB_MAX_ID_CHARS, "The ticket's id at the source."),
    RECORDS(tb_import_data, dependencies, 0, &dependency_record, TB_MAX_LIST, "The whole set of edges."),
    BOOL(tb_import_data, is_resolved, 0, "Whether it is resolved."),
    BOOL(tb_import_data, is_deleted, 0, "Whether it is deleted."),
    TIME(tb_import_data, created_at, 0, "When it was created."),
    TIME(tb_import_data, updated_at, 0, "When it was last changed."),
    TIME(tb_import_data, started_at, NIL, "When work began."),
    TIME(tb_import_data, completed_at, NIL, "When it was completed."),
    TIME(tb_import_data, resolved_at, NIL, "When it was resolved."),
    TIME(tb_import_data, deleted_at, NIL, "When it was deleted."),
    ID(tb_import_data, comment_key, NIL, TB_MAX_ID_CHARS, "The comment's id at the source; a known one is not added again."),
    STRING(tb_import_data, comment_text, NIL, 0, TB_MAX_COMMENT_CHARS, "A comment to add."),
    ID(tb_import_data, comment_type, NIL, TB_MAX_TYPE_CHARS, "Its kind."),
};
static RECORD_OF(import_record, "import", tb_import_data, import_fields,
                 "Sets the given fields as they were at the source, creating the ticket if need be.");

static const struct tb_field column_fields[] = {
    ID(tb_column_data, id, REQ, TB_MAX_TYPE_CHARS, "Status of the tickets in this column."),
    STRING(tb_column_data, name, NIL, 1, TB_MAX_BOARD_NAME_CHARS, "Shown to people; the id when left out."),
    INT(tb_column_data, order, NIL, 0, 10000, "Place from the left; place in the list when left out."),
    STRING(tb_column_data, color, NIL, 0, TB_MAX_TYPE_CHARS, "Shown to people."),
    CHOICE(tb_column_data, category, NIL, tb_column_categories, "open, active or done; by place when no column says."),
    INT(tb_column_data, wip_limit, NIL, 1, 1000000, "Most tickets at a time."),
};
static RECORD_OF(column_record, "column", tb_column_data, column_fields, "A column of a board.");

static const struct tb_field settings_fields[] = {
    MAP(tb_settings_data, transitions, NIL, TB_MAX_TYPE_CHARS, TB_MAX_COLUMNS, "Allowed moves, from status to list of statuses; a status not named may go anywhere."),
    STRINGS(tb_settings_data, priorities, NIL, TB_MAX_PRIORITY_CHARS, TB_MAX_COLUMNS, "Allowed priorities, most urgent first; any when left out."),
    ID(tb_settings_data, default_priority, NIL, TB_MAX_PRIORITY_CHARS, "For commands that give none; the middle one when left out."),
    STRINGS(tb_settings_data, admins, NIL, TB_MAX_ID_CHARS, TB_MAX_LIST, "Agents that administer the board."),
    STRINGS(tb_settings_data, admin_on_blocked, NIL, TB_MAX_TYPE_CHARS, 2, "What administrators may do to a blocked ticket: change_status, resolve."),
    BOOL(tb_settings_data, require_comment_on_status_change, NIL, "Refuse a change of status without a comment."),
    BOOL(tb_settings_data, allow_reopen, NIL, "Whether resolved tickets may be reopened; true when left out."),
    CHOICE(tb_settings_data, search_formula, NIL, tb_search_formulas, "How a search of this board fuses its legs: score or rank; TICKETBUS_SEARCH_FORMULA when left out."),
    INT(tb_settings_data, search_weight_semantic, NIL, 0, 100, "Percent of a search's score that meaning has, the rest is the words'; TICKETBUS_SEARCH_WEIGHT_SEMANTIC when left out."),
    INT(tb_settings_data, similar_percent, NIL, 0, 100, "How near in meaning a ticket must be for a new one of this board to be told of it, 0: never; TICKETBUS_SIMILAR_PERCENT when left out."),
};
static RECORD_OF(settings_record, "settings", tb_settings_data, settings_fields,
                 "Rules of the board; every one is enforced.");

static const struct tb_field board_fields[] = {
    STRING(tb_board_put_data, name, REQ, 1, TB_MAX_BOARD_NAME_CHARS, "Shown to people."),
    RECORDS(tb_board_put_data, columns, REQ, &column_record, TB_MAX_COLUMNS, "The columns."),
    STRINGS(tb_board_put_data, ticket_types, REQ, TB_MAX_TYPE_CHARS, TB_MAX_COLUMNS, "Allowed types."),
    ID(tb_board_put_data, default_ticket_type, NIL, TB_MAX_TYPE_CHARS, "For commands that give none."),
    ID(tb_board_put_data, initial_status, REQ, TB_MAX_TYPE_CHARS, "Column new tickets start in."),
    RECORD(tb_board_put_data, settings, NIL, &settings_record, "Rules of the board."),
};
RECORD_OF(tb_record_board_put, "board_put", tb_board_put_data, board_fields,
          "Makes or replaces the board of a workflow.");

static const struct tb_field watch_fields[] = {
    TICKET(tb_watch_data, dependent_id, REQ, "The ticket that waits for the subject."),
};
static RECORD_OF(watch_record, "watch", tb_watch_data, watch_fields, "Answers with a recheck.");

static const struct tb_field expire_fields[] = {
    ID(tb_expire_data, waiting_id, NIL, TB_MAX_ID_CHARS, "Id of the waiting command."),
    ID(tb_expire_data, waiting_source, NIL, TB_MAX_ID_CHARS, "Its source."),
};
static RECORD_OF(expire_record, "expire", tb_expire_data, expire_fields, "A waiting command.");

static const struct tb_field similar_fields[] = {
    TICKET(tb_similar_data, ticket_id, REQ, "The ticket found."),
    INT(tb_similar_data, score, REQ, 0, 1000, "How near in meaning, in thousandths: 1000 is the same."),
};
static RECORD_OF(similar_record, "similar", tb_similar_data, similar_fields, "A ticket about the same thing.");

static const struct tb_field similars_fields[] = {
    RECORDS(tb_similars_data, similar, REQ, &similar_record, TB_MAX_SIMILAR, "The nearest first."),
};
static RECORD_OF(similars_record, "similars", tb_similars_data, similars_fields, "What the index has found.");

#define TYPE(kind_, name_, family_, internal_, needs_, record_, doc_)                              \
    [kind_] = {.kind = (kind_), .name = (name_), .family = TB_FAMILY_##family_,                    \
               .internal = (internal_), .needs = (needs_), .record = &record_, .doc = doc_}

const struct tb_command_type tb_command_types[TB_CMD_COUNT_] = {
    TYPE(TB_CMD_CREATE, "ticket.create", TICKET, false,
         TB_NEED_BLOCKERS | TB_NEED_DEPENDENTS | TB_NEED_REACH | TB_NEED_PARENTS | TB_NEED_WIP,
         create_record, "Creates a ticket."),
    TYPE(TB_CMD_UPDATE, "ticket.update", TICKET, false,
         TB_NEED_BLOCKERS | TB_NEED_REACH | TB_NEED_PARENTS | TB_NEED_COMMITS, update_record,
         "Changes fields of a ticket."),
    TYPE(TB_CMD_CHANGE_STATUS, "ticket.change_status", TICKET, false,
         TB_NEED_BLOCKERS | TB_NEED_COMMITS | TB_NEED_WIP, change_status_record,
         "Moves a ticket to another column."),
    TYPE(TB_CMD_COMMENT, "ticket.comment", TICKET, false, 0, comment_record, "Adds a comment."),
    TYPE(TB_CMD_EDIT_COMMENT, "ticket.edit_comment", TICKET, false, TB_NEED_COMMENT,
         edit_comment_record, "Changes a comment."),
    TYPE(TB_CMD_ASSIGN, "ticket.assign", TICKET, false, 0, assign_record, "Assigns a ticket."),
    TYPE(TB_CMD_UNASSIGN, "ticket.unassign", TICKET, false, 0, empty_record,
         "Takes the assignee off."),
    TYPE(TB_CMD_LINK_COMMIT, "ticket.link_commit", TICKET, false, TB_NEED_COMMITS,
         link_commit_record, "Links a commit."),
    TYPE(TB_CMD_RESOLVE, "ticket.resolve", TICKET, false,
         TB_NEED_BLOCKERS | TB_NEED_DEPENDENTS | TB_NEED_COMMITS, resolve_record,
         "Resolves a ticket and unblocks its dependents."),
    TYPE(TB_CMD_REOPEN, "ticket.reopen", TICKET, false,
         TB_NEED_BLOCKERS | TB_NEED_DEPENDENTS | TB_NEED_WIP, reopen_record,
         "Opens a resolved ticket again."),
    TYPE(TB_CMD_DELETE, "ticket.delete", TICKET, false, TB_NEED_DEPENDENTS, empty_record,
         "Deletes a ticket; it can be restored."),
    TYPE(TB_CMD_RESTORE, "ticket.restore", TICKET, false,
         TB_NEED_BLOCKERS | TB_NEED_DEPENDENTS | TB_NEED_WIP, empty_record,
         "Restores a deleted ticket."),
    TYPE(TB_CMD_BLOCK, "ticket.block", TICKET, false, TB_NEED_BLOCKERS | TB_NEED_REACH,
         block_record, "Adds blockers."),
    TYPE(TB_CMD_UNBLOCK, "ticket.unblock", TICKET, false, TB_NEED_BLOCKERS, block_record,
         "Removes blockers."),
    TYPE(TB_CMD_LINK, "ticket.link", TICKET, false, TB_NEED_BLOCKERS | TB_NEED_REACH, link_record,
         "Adds edges that do not block."),
    TYPE(TB_CMD_UNLINK, "ticket.unlink", TICKET, false, TB_NEED_BLOCKERS, link_record,
         "Removes edges that do not block."),
    TYPE(TB_CMD_IMPORT, "ticket.import", TICKET, false,
         TB_NEED_BLOCKERS | TB_NEED_DEPENDENTS | TB_NEED_REACH | TB_NEED_PARENTS | TB_NEED_COMMENT,
         import_record, "Sets a ticket as it was in another system."),
    TYPE(TB_CMD_BOARD_PUT, "board.put", BOARD, false, TB_NEED_USAGE, tb_record_board_put,
         "Makes or replaces the board of a workflow."),
    TYPE(TB_CMD_WATCH, "ticket.watch", TICKET, true, 0, watch_record,
         "Asks the subject to tell a dependent whether it blocks."),
    TYPE(TB_CMD_RECHECK, "ticket.recheck", TICKET, true, TB_NEED_BLOCKERS, empty_record,
         "Looks again whether the subject is blocked."),
    TYPE(TB_CMD_REPLAY, "ticket.replay", PARKING, false, 0, empty_record,
         "Tries the waiting commands of a parked ticket again, in order."),
    TYPE(TB_CMD_DROP, "ticket.drop", PARKING, false, 0, expire_record,
         "Gives up a waiting command of a parked ticket and goes on with the rest."),
    TYPE(TB_CMD_EXPIRE, "ticket.expire", PARKING, true, 0, expire_record,
         "Ends the wait of a command for a ticket it refers to."),
    TYPE(TB_CMD_SIMILAR, "ticket.similar", TICKET, true, 0, similars_record,
         "Tells which tickets are about the same thing as the subject."),
};
/* clang-format on */

const struct tb_command_type *tb_command_type_find(tb_str name)
{
    for (int i = 0; i < TB_CMD_COUNT_; i++) {
        if (tb_str_eq_c(name, tb_command_types[i].name)) {
            return &tb_command_types[i];
        }
    }
    return NULL;
}
