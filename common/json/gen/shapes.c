/* What events carry besides ticket fields, as written by event_write.c. */
#include "common/json/gen/gen.h"

#include <string.h>

#define M(name_, kind_, required_, nullable_, shape_, doc_)                                        \
    {                                                                                              \
        .name = name_, .kind = TB_SHAPE_##kind_, .required = (required_), .nullable = (nullable_), \
        .shape = (shape_), .doc = doc_                                                             \
    }
#define SHAPE(name_, list)                                                                         \
    {                                                                                              \
        .name = name_, .members = list, .n = TB_COUNT(list)                                        \
    }

static const struct tb_shape_member comment_members[] = {
    M("id", STRING, true, false, NULL, "comment-<uuid>."),
    M("agent_id", STRING, true, false, NULL, "Who wrote it."),
    M("comment_text", STRING, true, false, NULL, "The text."),
    M("comment_type", STRING, true, false, NULL, "Kind of comment."),
    M("mentions", STRINGS, true, false, NULL, "Agents or tickets mentioned."),
    M("attachments", STRINGS, true, false, NULL, "References to files."),
    M("created_at", TIME, true, false, NULL, "When it was written."),
    M("updated_at", TIME, true, true, NULL, "When it was last changed; null until then."),
    M("is_edited", BOOL, true, false, NULL, "It was changed."),
};
static const struct tb_shape comment = SHAPE("comment", comment_members);

static const struct tb_shape_member commit_members[] = {
    M("id", STRING, true, false, NULL, "tc-<uuid>."),
    M("agent_id", STRING, true, false, NULL, "Who linked it."),
    M("commit_sha", STRING, true, false, NULL, "The commit's hash."),
    M("commit_message", STRING, true, true, NULL, "Its message."),
    M("commit_timestamp", TIME, true, true, NULL, "When it was made."),
    M("files_changed", INT, true, true, NULL, "Number of files changed."),
    M("insertions", INT, true, true, NULL, "Lines added."),
    M("deletions", INT, true, true, NULL, "Lines removed."),
    M("files_list", STRINGS, true, false, NULL, "Paths changed."),
    M("linked_at", TIME, true, false, NULL, "When it was linked."),
    M("link_method", STRING, true, false, NULL, "manual, or the command that linked it."),
};
static const struct tb_shape commit = SHAPE("commit", commit_members);

static const struct tb_shape_member edge_members[] = {
    M("depends_on", STRING, true, false, NULL, "The ticket depended on."),
    M("dependency_type", STRING, true, false, NULL, "Kind of edge; only \"blocks\" blocks."),
};
static const struct tb_shape edge = SHAPE("dependency", edge_members);

static const struct tb_shape_member similar_members[] = {
    M("ticket_id", STRING, true, false, NULL, "The ticket found."),
    M("score", INT, true, false, NULL, "How near in meaning, in thousandths: 1000 is the same."),
};
static const struct tb_shape similar = SHAPE("similar", similar_members);

static const struct tb_shape_member column_members[] = {
    M("id", STRING, true, false, NULL, "Status of the tickets in this column."),
    M("name", STRING, true, false, NULL, "Shown to people."),
    M("order", INT, true, false, NULL, "Place from the left, from 0."),
    M("color", STRING, true, true, NULL, "Shown to people."),
    M("category", STRING, true, false, NULL, "open, active or done."),
    M("wip_limit", INT, true, true, NULL, "Most tickets at a time; null: no limit."),
};
static const struct tb_shape column = SHAPE("column", column_members);

static const struct tb_shape_member settings_members[] = {
    M("transitions", STRINGS_MAP, true, false, NULL, "Allowed moves, from status to statuses."),
    M("priorities", STRINGS, true, false, NULL, "Allowed priorities, most urgent first."),
    M("default_priority", STRING, true, true, NULL, "For commands that give none."),
    M("admins", STRINGS, true, false, NULL, "Agents that administer the board."),
    M("admin_on_blocked", STRINGS, true, false, NULL, "What they may do to a blocked ticket."),
    M("require_comment_on_status_change", BOOL, true, false, NULL, "No move without a comment."),
    M("allow_reopen", BOOL, true, false, NULL, "Resolved tickets may be reopened."),
    M("search_formula", STRING, true, true, NULL,
      "How searches fuse their legs: score or rank; null: as configured."),
    M("search_weight_semantic", INT, true, true, NULL,
      "Percent that meaning has in a search; null: as configured."),
    M("similar_percent", INT, true, true, NULL,
      "How near a ticket must be for a new one to be told of it, 0: never; null: as configured."),
};
static const struct tb_shape settings = SHAPE("settings", settings_members);

static const struct tb_shape_member board_members[] = {
    M("id", STRING, true, false, NULL, "board-<uuid>."),
    M("workflow_id", STRING, true, false, NULL, "The workflow it is the board of."),
    M("version", INT, true, false, NULL, "Number of board.updated events so far."),
    M("name", STRING, true, false, NULL, "Shown to people."),
    M("columns", LIST, true, false, &column, "The columns, from the left."),
    M("ticket_types", STRINGS, true, false, NULL, "Allowed types."),
    M("default_ticket_type", STRING, true, true, NULL, "For commands that give none."),
    M("initial_status", STRING, true, false, NULL, "Column new tickets start in."),
    M("settings", OBJECT, true, false, &settings, "Rules of the board."),
    M("created_at", TIME, true, false, NULL, "When it was made."),
    M("updated_at", TIME, true, false, NULL, "When it was last put."),
};
static const struct tb_shape board = SHAPE("board", board_members);

static const struct tb_shape_member dead_letter_members[] = {
    M("code", STRING, true, false, NULL, "Why, one of the rejection codes."),
    M("field", STRING, true, true, NULL, "Attribute or field at fault."),
    M("message", STRING, true, false, NULL, "The reason for people."),
    M("topic", STRING, true, false, NULL, "Where the record was read."),
    M("partition", INT, true, false, NULL, "Its partition."),
    M("offset", INT, true, false, NULL, "Its offset."),
    M("key", STRING, false, true, NULL, "Its key; null when it had none."),
    M("key_base64", STRING, false, false, NULL, "The key when it is not UTF-8."),
    M("original_bytes", INT, true, false, NULL, "Length of the value."),
    M("original", STRING, false, true, NULL, "The record's value."),
    M("original_base64", STRING, false, false, NULL, "The value when it is not UTF-8."),
    M("truncated", BOOL, true, false, NULL, "The value did not fit and was cut."),
};
const struct tb_shape tb_shape_dead_letter = SHAPE("dead_letter", dead_letter_members);

const struct tb_shape *const tb_shapes[] = {&comment, &commit,   &edge,    &board,
                                            &column,  &settings, &similar, NULL};

struct list {
    struct tb_shape_member *items;
    size_t room;
    size_t n;
};

static void add(struct list *l, struct tb_shape_member m)
{
    if (l->n < l->room) {
        l->items[l->n++] = m;
    }
}

#define ADD(...) add(l, (struct tb_shape_member)M(__VA_ARGS__))

static void add_ticket_change(struct list *l, const struct tb_event_type *type)
{
    bool edited = type->kind == TB_EVENT_COMMENT_EDITED;
    ADD("before", FIELDS, true, true, NULL,
        "Fields that changed, as they were; null on the first event of a ticket.");
    ADD("after", FIELDS, true, false, NULL, "The same fields as they are now.");
    ADD("comment_before", OBJECT, edited, false, &comment, "The comment as it was.");
    ADD("comment", OBJECT, edited || type->kind == TB_EVENT_COMMENTED, false, &comment,
        "The comment.");
    ADD("commit", OBJECT, type->kind == TB_EVENT_COMMIT_LINKED, false, &commit, "The commit.");
    ADD("dependencies_added", LIST, type->kind == TB_EVENT_DEPENDENCY_ADDED, false, &edge,
        "Edges that came.");
    ADD("dependencies_removed", LIST, type->kind == TB_EVENT_DEPENDENCY_REMOVED, false, &edge,
        "Edges that went.");
    if (type->kind == TB_EVENT_SIMILAR_FOUND) {
        ADD("similar", LIST, true, false, &similar, "The tickets, nearest first.");
    }
}

static void add_change(struct list *l, const struct tb_event_type *type)
{
    if (type->kind == TB_EVENT_BOARD_PUT) {
        ADD("board_before", OBJECT, false, false, &board, "The board as it was, if there was one.");
        ADD("board", OBJECT, true, false, &board, "The board.");
    } else {
        add_ticket_change(l, type);
    }
    ADD("agent_id", STRING, true, true, NULL,
        "Who, for the history: the actor, or of an import the agent at the source.");
    ADD("occurred_at", TIME, true, false, NULL, "When, for the history.");
    ADD("description", STRING, false, false, NULL, "A short sentence for the history.");
}

static void add_outcome(struct list *l, const struct tb_event_type *type)
{
    bool rejected = type->kind == TB_EVENT_REJECTED;
    ADD("command_type", STRING, true, true, NULL, "Type of the command.");
    if (rejected || type->kind == TB_EVENT_PARKED) {
        ADD("code", STRING, rejected, false, NULL, "Why, one of the rejection codes.");
        ADD("field", STRING, rejected, true, NULL, "Attribute or field at fault.");
    }
    ADD("message", STRING, true, false, NULL, "The outcome for people.");
    if (type->kind == TB_EVENT_PARKED) {
        ADD("waits_for", STRING, false, false, NULL, "The ticket that is waited for.");
    }
}

void tb_shape_of_event(const struct tb_event_type *type, struct tb_shape_member *members,
                       size_t room, size_t *ret_n)
{
    struct list list = {members, room, 0};
    struct list *l = &list;
    ADD("workflow_id", STRING, true, true, NULL, "The workflow; null when it is not known.");
    ADD("rule", STRING, true, true, NULL, "Id of the rule that decided.");
    if (type->sequenced) {
        add_change(l, type);
    } else {
        add_outcome(l, type);
    }
    ADD("rationale", STRING, false, false, NULL, "Why, as the command gave it.");
    *ret_n = list.n;
}
