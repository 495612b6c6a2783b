/* Rendering events: straight into the buffer, in one order, so that the same event is always the
 * same bytes. */
#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/json/event.h"

static void text(struct tb_json *w, const char *name, tb_str value)
{
    tb_json_key(w, name);
    tb_json_string(w, value);
}

static void optional(struct tb_json *w, const char *name, tb_str value)
{
    if (value.ptr) {
        text(w, name, value);
    }
}

static void number(struct tb_json *w, const char *name, int64_t value)
{
    tb_json_key(w, name);
    tb_json_int(w, value);
}

static void boolean(struct tb_json *w, const char *name, bool value)
{
    tb_json_key(w, name);
    tb_json_bool(w, value);
}

static void list(struct tb_json *w, const char *name, tb_strs value)
{
    tb_json_key(w, name);
    tb_json_strings(w, value);
}

static void time_of(struct tb_json *w, const char *name, int64_t value)
{
    tb_json_key(w, name);
    tb_json_time(w, value);
}

/* ---- data of sequenced events ---- */

static void write_value(struct tb_json *w, struct tb_value v)
{
    switch (v.kind) {
    case TB_VALUE_STR:
        tb_json_string(w, v.as.str);
        return;
    case TB_VALUE_BOOL:
        tb_json_bool(w, v.as.boolean);
        return;
    case TB_VALUE_TIME:
        tb_json_time(w, v.as.time);
        return;
    case TB_VALUE_STRS:
        tb_json_strings(w, v.as.strs);
        return;
    }
}

static void write_side(struct tb_json *w, const char *name, const struct tb_change *c, bool after)
{
    tb_json_key(w, name);
    tb_json_open(w, '{');
    for (size_t i = 0; i < c->ndiffs; i++) {
        tb_json_key(w, tb_ticket_fields[c->diffs[i].field].name);
        write_value(w, after ? c->diffs[i].after : c->diffs[i].before);
    }
    tb_json_close(w, '}');
}

static void write_comment(struct tb_json *w, const char *name, const struct tb_comment *c)
{
    tb_json_key(w, name);
    tb_json_open(w, '{');
    text(w, "id", c->id);
    text(w, "agent_id", c->agent_id);
    text(w, "comment_text", c->text);
    text(w, "comment_type", c->type);
    list(w, "mentions", c->mentions);
    list(w, "attachments", c->attachments);
    time_of(w, "created_at", c->created_at);
    time_of(w, "updated_at", c->updated_at);
    boolean(w, "is_edited", c->is_edited);
    tb_json_close(w, '}');
}

/* Negative: not known. */
static void count(struct tb_json *w, const char *name, int64_t value)
{
    tb_json_key(w, name);
    if (value < 0) {
        tb_json_null(w);
    } else {
        tb_json_int(w, value);
    }
}

static void write_commit(struct tb_json *w, const struct tb_commit *c)
{
    tb_json_key(w, "commit");
    tb_json_open(w, '{');
    text(w, "id", c->id);
    text(w, "agent_id", c->agent_id);
    text(w, "commit_sha", c->sha);
    text(w, "commit_message", c->message);
    time_of(w, "commit_timestamp", c->timestamp);
    count(w, "files_changed", c->files_changed);
    count(w, "insertions", c->insertions);
    count(w, "deletions", c->deletions);
    list(w, "files_list", c->files_list);
    time_of(w, "linked_at", c->linked_at);
    text(w, "link_method", c->link_method);
    tb_json_close(w, '}');
}

static void write_edges(struct tb_json *w, const char *name, const struct tb_edge *edges, size_t n)
{
    if (!n) {
        return;
    }
    tb_json_key(w, name);
    tb_json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        tb_json_open(w, '{');
        text(w, "depends_on", edges[i].depends_on);
        text(w, "dependency_type", edges[i].type);
        tb_json_close(w, '}');
    }
    tb_json_close(w, ']');
}

static void write_similar(struct tb_json *w, const struct tb_similar *similar, size_t n)
{
    if (!n) {
        return;
    }
    tb_json_key(w, "similar");
    tb_json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        tb_json_open(w, '{');
        text(w, "ticket_id", similar[i].ticket_id);
        number(w, "score", similar[i].score);
        tb_json_close(w, '}');
    }
    tb_json_close(w, ']');
}

static void write_columns(struct tb_json *w, const struct tb_board *b)
{
    tb_json_key(w, "columns");
    tb_json_open(w, '[');
    for (size_t i = 0; i < b->ncolumns; i++) {
        const struct tb_column *c = &b->columns[i];
        tb_json_open(w, '{');
        text(w, "id", c->id);
        text(w, "name", c->name);
        number(w, "order", c->order);
        text(w, "color", c->color);
        text(w, "category", tb_str_of(tb_column_categories[c->category]));
        count(w, "wip_limit", c->wip_limit ? c->wip_limit : -1);
        tb_json_close(w, '}');
    }
    tb_json_close(w, ']');
}

static void write_settings(struct tb_json *w, const struct tb_board *b)
{
    tb_json_key(w, "settings");
    tb_json_open(w, '{');
    tb_json_key(w, "transitions");
    tb_json_open(w, '{');
    for (size_t i = 0; i < b->transitions.n; i++) {
        tb_json_key_str(w, b->transitions.keys[i]);
        tb_json_strings(w, b->transitions.values[i]);
    }
    tb_json_close(w, '}');
    list(w, "priorities", b->priorities);
    text(w, "default_priority", b->default_priority);
    list(w, "admins", b->admins);
    list(w, "admin_on_blocked", b->admin_on_blocked);
    boolean(w, "require_comment_on_status_change", b->require_comment_on_status_change);
    boolean(w, "allow_reopen", b->allow_reopen);
    text(w, "search_formula", b->search_formula);
    count(w, "search_weight_semantic", b->search_weight_semantic);
    count(w, "similar_percent", b->similar_percent);
    tb_json_close(w, '}');
}

static void write_board(struct tb_json *w, const char *name, const struct tb_board *b)
{
    tb_json_key(w, name);
    tb_json_open(w, '{');
    text(w, "id", b->id);
    text(w, "workflow_id", b->workflow_id);
    number(w, "version", b->version);
    text(w, "name", b->name);
    write_columns(w, b);
    list(w, "ticket_types", b->ticket_types);
    text(w, "default_ticket_type", b->default_ticket_type);
    text(w, "initial_status", b->initial_status);
    write_settings(w, b);
    time_of(w, "created_at", b->created_at);
    time_of(w, "updated_at", b->updated_at);
    tb_json_close(w, '}');
}

static void write_change(struct tb_json *w, const struct tb_change *c, int64_t sequence)
{
    if (c->board) {
        if (c->board_before) {
            write_board(w, "board_before", c->board_before);
        }
        write_board(w, "board", c->board);
    } else {
        /* Nothing was before the first event of a ticket. */
        if (sequence == 1) {
            tb_json_key(w, "before");
            tb_json_null(w);
        } else {
            write_side(w, "before", c, false);
        }
        write_side(w, "after", c, true);
    }
    if (c->comment_before) {
        write_comment(w, "comment_before", c->comment_before);
    }
    if (c->comment) {
        write_comment(w, "comment", c->comment);
    }
    if (c->commit) {
        write_commit(w, c->commit);
    }
    write_edges(w, "dependencies_added", c->edges_added, c->nedges_added);
    write_edges(w, "dependencies_removed", c->edges_removed, c->nedges_removed);
    write_similar(w, c->similar, c->nsimilar);
    text(w, "agent_id", c->agent_id);
    time_of(w, "occurred_at", c->at);
    optional(w, "description", c->description);
}

/* ---- data of the others: what became of the command ---- */

static void write_outcome(struct tb_json *w, const struct tb_event_args *a)
{
    text(w, "command_type", tb_str_of(a->cmd->type ? a->cmd->type->name : NULL));
    tb_str message = a->message;
    if (a->rejection != TB_REJECT_NONE) {
        text(w, "code", tb_str_of(tb_rejection_code(a->rejection)));
        text(w, "field", a->field.len ? a->field : TB_STR_NULL);
        if (!message.ptr) {
            message = tb_str_of(tb_rejection_sentence(a->rejection));
        }
    }
    text(w, "message", message.ptr ? message : tb_str_of(tb_event_types[a->kind].doc));
    optional(w, "waits_for", a->waits_for);
}

/* ---- the envelope ---- */

static void write_envelope(struct tb_json *w, const struct tb_event_args *a)
{
    const struct tb_command *cmd = a->cmd;
    text(w, "specversion", TB_LIT("1.0"));
    text(w, "id", a->id);
    text(w, "source", TB_LIT(TB_EVENT_SOURCE));
    text(w, "type", tb_str_of(tb_event_types[a->kind].name));
    text(w, "subject", cmd->subject);
    time_of(w, "time", a->time_us);
    text(w, "datacontenttype", TB_LIT("application/json"));
    if (tb_event_types[a->kind].sequenced) {
        /* As a string, as the extension has it: CloudEvents' integers have 32 bits. */
        tb_json_key(w, "sequence");
        tb_buf_add_char(w->buf, '"');
        tb_buf_add_i64(w->buf, a->sequence);
        tb_buf_add_char(w->buf, '"');
        w->comma = true;
    }
    optional(w, "actor", cmd->actor);
    optional(w, "actortype", cmd->actor_type);
    optional(w, "correlationid", cmd->correlation_id);
    text(w, "causationid", cmd->id);
    text(w, "causationsource", cmd->source);
    number(w, "causationindex", a->index);
    number(w, "causationcount", a->count);
    optional(w, "traceparent", cmd->traceparent);
    optional(w, "tracestate", cmd->tracestate);
    if (cmd->extensions.len) {
        tb_json_raw(w, cmd->extensions);
    }
}

/* As given; else what the change or the command itself says. */
static tb_str workflow_of(const struct tb_event_args *a)
{
    const struct tb_command *cmd = a->cmd;
    if (a->workflow_id.ptr) {
        return a->workflow_id;
    }
    if (cmd->type && cmd->type->family == TB_FAMILY_BOARD) {
        return cmd->subject;
    }
    for (size_t i = 0; a->change && i < a->change->ndiffs; i++) {
        if (a->change->diffs[i].field == TB_TICKET_WORKFLOW_ID) {
            return a->change->diffs[i].after.as.str;
        }
    }
    if (cmd->type && cmd->data && cmd->type->kind == TB_CMD_CREATE) {
        return ((const struct tb_create_data *)cmd->data)->workflow_id;
    }
    if (cmd->type && cmd->data && cmd->type->kind == TB_CMD_IMPORT) {
        return ((const struct tb_import_data *)cmd->data)->workflow_id;
    }
    return TB_STR_NULL;
}

void tb_event_render(const struct tb_event_args *args, tb_buf *out)
{
    struct tb_json w = {.buf = out};
    tb_json_open(&w, '{');
    write_envelope(&w, args);
    tb_json_key(&w, "data");
    tb_json_open(&w, '{');
    text(&w, "workflow_id", workflow_of(args));
    text(&w, "rule", tb_str_of(args->rule));
    if (args->change) {
        write_change(&w, args->change, args->sequence);
    } else {
        write_outcome(&w, args);
    }
    optional(&w, "rationale", args->cmd->rationale);
    tb_json_close(&w, '}');
    tb_json_close(&w, '}');
}
