#include "tests/unit/json/samples.h"

#include "common/base/clock.h"

#define BLOCKER "ticket-01936a5d-b1e0-7c33-8d52-2f6c1f0a9e11"
#define NOW     INT64_C(1795464480123456) /* 2026-11-23T20:08:00.123456Z */

const char *sample_cause(enum tb_event_kind kind)
{
    static const char *const causes[TB_EVENT_COUNT_] = {
        [TB_EVENT_CREATED] = "ticket.create",
        [TB_EVENT_UPDATED] = "ticket.update",
        [TB_EVENT_STATUS_CHANGED] = "ticket.change_status",
        [TB_EVENT_COMMENTED] = "ticket.comment",
        [TB_EVENT_COMMENT_EDITED] = "ticket.edit_comment",
        [TB_EVENT_ASSIGNED] = "ticket.assign",
        [TB_EVENT_UNASSIGNED] = "ticket.unassign",
        [TB_EVENT_COMMIT_LINKED] = "ticket.link_commit",
        [TB_EVENT_RESOLVED] = "ticket.resolve",
        [TB_EVENT_REOPENED] = "ticket.reopen",
        [TB_EVENT_DELETED] = "ticket.delete",
        [TB_EVENT_RESTORED] = "ticket.restore",
        [TB_EVENT_DEPENDENCY_ADDED] = "ticket.block",
        [TB_EVENT_DEPENDENCY_REMOVED] = "ticket.unlink",
        [TB_EVENT_BLOCKED] = "ticket.block",
        [TB_EVENT_UNBLOCKED] = "ticket.unblock",
        [TB_EVENT_BLOCKERS_CHANGED] = "ticket.block",
        [TB_EVENT_IMPORTED] = "ticket.import",
        [TB_EVENT_SIMILAR_FOUND] = "ticket.create",
        [TB_EVENT_BOARD_PUT] = "board.put",
        [TB_EVENT_REJECTED] = "ticket.change_status",
        [TB_EVENT_UNCHANGED] = "ticket.assign",
        [TB_EVENT_PARKED] = "ticket.create",
        [TB_EVENT_DONE] = "ticket.replay",
    };
    return causes[kind];
}

static tb_strs strings(struct tb_arena *arena, size_t n, const char *const *list)
{
    tb_str *items = TB_NEW_N(arena, tb_str, n);
    assert_non_null(items);
    for (size_t i = 0; i < n; i++) {
        items[i] = tb_str_of(list[i]);
    }
    return (tb_strs){items, n};
}

/* ---- diffs ---- */

struct diffs {
    struct tb_diff *items;
    size_t n;
};

static void add(struct diffs *d, enum tb_ticket_field f, struct tb_value before,
                struct tb_value after)
{
    d->items[d->n++] = (struct tb_diff){f, before, after};
}

static void text(struct diffs *d, enum tb_ticket_field f, const char *before, const char *after)
{
    add(d, f, tb_value_str(tb_str_of(before)), tb_value_str(tb_str_of(after)));
}

static void flag(struct diffs *d, enum tb_ticket_field f, bool after)
{
    add(d, f, tb_value_bool(!after), tb_value_bool(after));
}

static void when(struct diffs *d, enum tb_ticket_field f, int64_t before, int64_t after)
{
    add(d, f, tb_value_time(before), tb_value_time(after));
}

static void blockers(struct diffs *d, struct tb_arena *arena, bool before, bool after)
{
    static const char *const list[] = {BLOCKER};
    add(d, TB_TICKET_BLOCKED_BY_TICKET_IDS, tb_value_strs(strings(arena, before, list)),
        tb_value_strs(strings(arena, after, list)));
}

static void created(struct diffs *d, struct tb_arena *arena, const struct tb_command *cmd)
{
    const struct tb_create_data *data = cmd->data;
    struct tb_ticket none = tb_ticket_absent(cmd->subject);
    for (int f = 0; f < TB_TICKET_FIELDS_; f++) {
        add(d, (enum tb_ticket_field)f, none.fields[f], none.fields[f]);
    }
    d->items[TB_TICKET_WORKFLOW_ID].after = tb_value_str(data->workflow_id);
    d->items[TB_TICKET_EXTERNAL_ID].after = tb_value_str(data->external_id);
    d->items[TB_TICKET_CREATED_BY_AGENT_ID].after = tb_value_str(cmd->actor);
    d->items[TB_TICKET_TITLE].after = tb_value_str(data->title);
    d->items[TB_TICKET_DESCRIPTION].after = tb_value_str(data->description);
    d->items[TB_TICKET_TICKET_TYPE].after = tb_value_str(data->ticket_type);
    d->items[TB_TICKET_PRIORITY].after = tb_value_str(data->priority);
    d->items[TB_TICKET_STATUS].after = tb_value_str(TB_LIT("todo"));
    d->items[TB_TICKET_PARENT_TICKET_ID].after = tb_value_str(data->parent_ticket_id);
    d->items[TB_TICKET_RELATED_TASK_IDS].after = tb_value_strs(data->related_task_ids);
    d->items[TB_TICKET_TAGS].after = tb_value_strs(data->tags);
    d->items[TB_TICKET_CREATED_AT].after = tb_value_time(NOW);
    d->items[TB_TICKET_UPDATED_AT].after = tb_value_time(NOW);
    (void)arena;
}

static void change_fields(struct diffs *d, enum tb_event_kind kind, struct tb_arena *arena)
{
    static const char *const tags[] = {"checkout", "voucher", "regression"};
    int64_t none = TB_TIME_NONE;
    switch ((int)kind) {
    case TB_EVENT_UPDATED:
        text(d, TB_TICKET_TITLE, "Checkout fails when the basket holds a voucher",
             "Checkout fails with a voucher in the basket");
        add(d, TB_TICKET_TAGS, tb_value_strs(strings(arena, 2, tags)),
            tb_value_strs(strings(arena, 3, tags)));
        break;
    case TB_EVENT_STATUS_CHANGED:
        text(d, TB_TICKET_STATUS, "todo", "in_progress");
        when(d, TB_TICKET_STARTED_AT, none, NOW);
        break;
    case TB_EVENT_ASSIGNED:
        text(d, TB_TICKET_ASSIGNED_AGENT_ID, NULL, "agent-worker-12");
        break;
    case TB_EVENT_UNASSIGNED:
        text(d, TB_TICKET_ASSIGNED_AGENT_ID, "agent-worker-12", NULL);
        break;
    case TB_EVENT_RESOLVED:
        text(d, TB_TICKET_STATUS, "in_progress", "done");
        flag(d, TB_TICKET_IS_RESOLVED, true);
        when(d, TB_TICKET_COMPLETED_AT, none, NOW);
        when(d, TB_TICKET_RESOLVED_AT, none, NOW);
        break;
    case TB_EVENT_REOPENED:
        text(d, TB_TICKET_STATUS, "done", "todo");
        flag(d, TB_TICKET_IS_RESOLVED, false);
        when(d, TB_TICKET_COMPLETED_AT, NOW - 5000000, none);
        when(d, TB_TICKET_RESOLVED_AT, NOW - 5000000, none);
        break;
    case TB_EVENT_DELETED:
        flag(d, TB_TICKET_IS_DELETED, true);
        when(d, TB_TICKET_DELETED_AT, none, NOW);
        break;
    case TB_EVENT_RESTORED:
        flag(d, TB_TICKET_IS_DELETED, false);
        when(d, TB_TICKET_DELETED_AT, NOW - 5000000, none);
        break;
    case TB_EVENT_BLOCKED:
        flag(d, TB_TICKET_IS_BLOCKED, true);
        blockers(d, arena, false, true);
        break;
    case TB_EVENT_UNBLOCKED:
        flag(d, TB_TICKET_IS_BLOCKED, false);
        blockers(d, arena, true, false);
        break;
    case TB_EVENT_BLOCKERS_CHANGED:
        blockers(d, arena, false, true);
        break;
    default:
        break;
    }
    when(d, TB_TICKET_UPDATED_AT, NOW - 60000000, NOW);
}

/* ---- rows ---- */

static struct tb_comment *comment_of(const struct tb_command *cmd, struct tb_arena *arena,
                                     const char *value, bool edited)
{
    static const char *const mentions[] = {"agent-review-2"};
    struct tb_comment *c = TB_NEW(arena, struct tb_comment);
    assert_non_null(c);
    *c = (struct tb_comment){
        .id = TB_LIT("comment-5d0e3b8c-7a44-5c1b-9d0e-0f2f6f3c9a10"),
        .ticket_id = cmd->subject,
        .agent_id = cmd->actor,
        .text = tb_str_of(value),
        .type = TB_LIT("general"),
        .mentions = strings(arena, 1, mentions),
        .created_at = NOW - 60000000,
        .updated_at = edited ? NOW : TB_TIME_NONE,
        .is_edited = edited,
    };
    return c;
}

static struct tb_commit *commit_of(const struct tb_command *cmd, struct tb_arena *arena)
{
    const struct tb_link_commit_data *data = cmd->data;
    struct tb_commit *c = TB_NEW(arena, struct tb_commit);
    assert_non_null(c);
    *c = (struct tb_commit){
        .id = TB_LIT("tc-7d1c2f60-31a4-5b7e-8f00-5a1b2c3d4e5f"),
        .ticket_id = cmd->subject,
        .agent_id = cmd->actor,
        .sha = data->commit_sha,
        .message = data->commit_message,
        .timestamp = data->commit_timestamp,
        .files_changed = data->files_changed,
        .insertions = -1,
        .deletions = -1,
        .files_list = data->files_list,
        .linked_at = NOW,
        .link_method = TB_LIT("manual"),
    };
    return c;
}

static struct tb_edge *edge_of(const struct tb_command *cmd, struct tb_arena *arena,
                               const char *type)
{
    struct tb_edge *e = TB_NEW(arena, struct tb_edge);
    assert_non_null(e);
    *e = (struct tb_edge){cmd->subject, TB_LIT(BLOCKER), tb_str_of(type)};
    return e;
}

static struct tb_board *board_of(const struct tb_command *cmd, struct tb_arena *arena)
{
    const struct tb_board_put_data *data = cmd->data;
    const struct tb_column_data *from = data->columns.items;
    struct tb_column *columns = TB_NEW_N(arena, struct tb_column, data->columns.n);
    struct tb_board *b = TB_NEW(arena, struct tb_board);
    assert_non_null(columns);
    assert_non_null(b);
    for (size_t i = 0; i < data->columns.n; i++) {
        columns[i] = (struct tb_column){from[i].id,    from[i].name,        (int64_t)i,
                                        from[i].color, (enum tb_category)i, from[i].wip_limit};
    }
    *b = (struct tb_board){
        .id = TB_LIT("board-0c1d2e3f-4a5b-5c6d-8e9f-0a1b2c3d4e5f"),
        .workflow_id = cmd->subject,
        .version = 1,
        .name = data->name,
        .columns = columns,
        .ncolumns = data->columns.n,
        .ticket_types = data->ticket_types,
        .default_ticket_type = data->default_ticket_type,
        .initial_status = data->initial_status,
        .transitions = data->settings.transitions,
        .priorities = data->settings.priorities,
        .default_priority = data->settings.default_priority,
        .admins = data->settings.admins,
        .admin_on_blocked = data->settings.admin_on_blocked,
        .allow_reopen = true,
        .search_formula = TB_LIT("rank"),
        .search_weight_semantic = 60,
        .similar_percent = 85,
        .created_at = NOW,
        .updated_at = NOW,
    };
    return b;
}

static const struct tb_similar *similar_of(struct tb_arena *arena)
{
    struct tb_similar *list = TB_NEW_N(arena, struct tb_similar, 2);
    assert_non_null(list);
    list[0] = (struct tb_similar){TB_LIT("ticket-7d0e3b8c-7a44-5c1b-9d0e-0f2f6f3c9a10"), 987};
    list[1] = (struct tb_similar){TB_LIT("ticket-8d0e3b8c-7a44-5c1b-9d0e-0f2f6f3c9a10"), 921};
    return list;
}

static void add_rows(struct tb_change *c, const struct tb_command *cmd, struct tb_arena *arena)
{
    switch ((int)c->event) {
    case TB_EVENT_COMMENTED:
        c->comment = comment_of(cmd, arena, "Reproduced on staging – see the trace. 🔍", false);
        break;
    case TB_EVENT_COMMENT_EDITED:
        c->comment_before =
            comment_of(cmd, arena, "Reproduced on staging – see the trace. 🔍", false);
        c->comment = comment_of(cmd, arena, "Reproduced on staging and locally.", true);
        break;
    case TB_EVENT_COMMIT_LINKED:
        c->commit = commit_of(cmd, arena);
        break;
    case TB_EVENT_DEPENDENCY_ADDED:
        c->edges_added = edge_of(cmd, arena, TB_EDGE_BLOCKS);
        c->nedges_added = 1;
        break;
    case TB_EVENT_DEPENDENCY_REMOVED:
        c->edges_removed = edge_of(cmd, arena, "related");
        c->nedges_removed = 1;
        break;
    case TB_EVENT_SIMILAR_FOUND:
        c->similar = similar_of(arena);
        c->nsimilar = 2;
        break;
    case TB_EVENT_BOARD_PUT:
        c->board = board_of(cmd, arena);
        break;
    default:
        break;
    }
}

static const struct tb_change *change_of(enum tb_event_kind kind, const struct tb_command *cmd,
                                         struct tb_arena *arena)
{
    struct tb_change *c = TB_NEW(arena, struct tb_change);
    struct diffs d = {.items = TB_NEW_N(arena, struct tb_diff, TB_TICKET_FIELDS_)};
    assert_non_null(c);
    assert_non_null(d.items);
    if (kind == TB_EVENT_CREATED) {
        created(&d, arena, cmd);
    } else if (kind != TB_EVENT_BOARD_PUT) {
        change_fields(&d, kind, arena);
    }
    *c = (struct tb_change){.event = kind,
                            .diffs = d.items,
                            .ndiffs = d.n,
                            .agent_id = cmd->actor,
                            .at = NOW,
                            .description =
                                tb_arena_printf(arena, "sample of %s", tb_event_types[kind].name)};
    add_rows(c, cmd, arena);
    return c;
}

void sample_event(enum tb_event_kind kind, const struct tb_command *cmd, struct tb_arena *arena,
                  struct tb_event_args *args)
{
    bool first = kind == TB_EVENT_CREATED || kind == TB_EVENT_BOARD_PUT;
    *args = (struct tb_event_args){
        .kind = kind,
        .id = TB_LIT("evt-3f2a9c1e-6b7d-5e8f-9a0b-1c2d3e4f5a6b"),
        .time_us = NOW,
        .cmd = cmd,
        .index = 1,
        .count = kind == TB_EVENT_DEPENDENCY_ADDED ? 2 : 1,
        .rule = "sample.rule",
        .workflow_id = first ? TB_STR_NULL : TB_LIT("workflow-shop"),
        .sequence = first ? 1 : 7,
    };
    if (tb_event_types[kind].sequenced) {
        args->change = change_of(kind, cmd, arena);
    } else if (kind == TB_EVENT_REJECTED) {
        args->rejection = TB_REJECT_TRANSITION_NOT_ALLOWED;
        args->field = TB_LIT("new_status");
        args->message = TB_LIT("the board allows no move from \"todo\" to \"in_progress\"");
    } else if (kind == TB_EVENT_PARKED) {
        args->rejection = TB_REJECT_REFERENCE_NOT_FOUND;
        args->field = TB_LIT("parent_ticket_id");
        args->waits_for = TB_LIT("ticket-01936a5c-0000-7000-8000-000000000001");
    }
}

struct tb_dead_letter sample_dead_letter(void)
{
    return (struct tb_dead_letter){
        .id = TB_LIT("dead:ticket.commands/3/4711"),
        .time_us = NOW,
        .rejection = TB_REJECT_MALFORMED,
        .field = TB_LIT("data.tags[1]"),
        .message = TB_LIT("data.tags[1]: not UTF-8, or U+0000 (at byte 33)"),
        .topic = TB_LIT("ticket.commands"),
        .partition = 3,
        .offset = 4711,
        .key = TB_LIT("ticket-01936a5d-ac96-774b-bcce-b302099a8057"),
        .original = {"{\"id\":\"a1\",\"data\":{\"tags\":[\"a\",\"b\xff\"]}}", 37},
    };
}
