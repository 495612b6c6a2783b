#include "worker/shell/gather.h"

#include "common/base/json_write.h"
#include "worker/shell/keys.h"

#define METADATA_MAX ((size_t)256 * 1024)

/* A field's value as history's text. */
static tb_str value_text(struct tb_batch *b, struct tb_value v)
{
    if (tb_value_is_null(v)) {
        return TB_STR_NULL;
    }
    switch (v.kind) {
    case TB_VALUE_STR:
        return v.as.str;
    case TB_VALUE_BOOL:
        return v.as.boolean ? TB_LIT("true") : TB_LIT("false");
    case TB_VALUE_TIME: {
        char when[TB_TIME_TEXT_MAX];
        size_t n = tb_time_format(v.as.time, when);
        return tb_arena_str(b->arena, (tb_str){when, n});
    }
    case TB_VALUE_STRS: {
        tb_buf buf;
        tb_buf_init(&buf, (size_t)16 * 1024 * 1024);
        struct tb_json w = {.buf = &buf};
        tb_json_strings(&w, v.as.strs);
        tb_str text = tb_buf_take(&buf, b->arena);
        tb_buf_dispose(&buf);
        return text;
    }
    }
    return TB_STR_NULL;
}

static void edges_json(struct tb_json *w, const char *key, const struct tb_edge *edges, size_t n)
{
    if (n == 0) {
        return;
    }
    tb_json_key(w, key);
    tb_json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        tb_json_open(w, '{');
        tb_json_key(w, "depends_on");
        tb_json_string(w, edges[i].depends_on);
        tb_json_key(w, "dependency_type");
        tb_json_string(w, edges[i].type);
        tb_json_close(w, '}');
    }
    tb_json_close(w, ']');
}

static void similar_json(struct tb_json *w, const struct tb_change *change)
{
    if (change->nsimilar == 0) {
        return;
    }
    tb_json_key(w, "similar");
    tb_json_open(w, '[');
    for (size_t i = 0; i < change->nsimilar; i++) {
        tb_json_open(w, '{');
        tb_json_key(w, "ticket_id");
        tb_json_string(w, change->similar[i].ticket_id);
        tb_json_key(w, "score");
        tb_json_int(w, change->similar[i].score);
        tb_json_close(w, '}');
    }
    tb_json_close(w, ']');
}

/* What the change's rows are, and why it was made; null when there is nothing to say. */
static tb_str metadata(struct tb_batch *b, const struct tb_command *cmd,
                       const struct tb_change *change)
{
    if (!change->comment && !change->commit && !change->nedges_added && !change->nedges_removed &&
        !change->nsimilar && tb_str_is_null(cmd->rationale)) {
        return TB_STR_NULL;
    }
    tb_buf buf;
    tb_buf_init(&buf, METADATA_MAX);
    struct tb_json w = {.buf = &buf};
    tb_json_open(&w, '{');
    if (change->comment) {
        tb_json_key(&w, "comment_id");
        tb_json_string(&w, change->comment->id);
    }
    if (change->commit) {
        tb_json_key(&w, "commit_sha");
        tb_json_string(&w, change->commit->sha);
    }
    edges_json(&w, "added", change->edges_added, change->nedges_added);
    edges_json(&w, "removed", change->edges_removed, change->nedges_removed);
    similar_json(&w, change);
    if (!tb_str_is_null(cmd->rationale)) {
        tb_json_key(&w, "rationale");
        tb_json_string(&w, cmd->rationale);
    }
    tb_json_close(&w, '}');
    tb_str text = tb_buf_take(&buf, b->arena);
    tb_buf_dispose(&buf);
    return text;
}

static struct tb_history_row *history_row(struct tb_batch *b, const struct tb_command *cmd,
                                          const struct tb_change *change, int64_t version)
{
    struct tb_history_row *row =
        tb_grow(b->arena, (void **)&b->history, &b->nhistory, &b->history_room, sizeof *row);
    if (row) {
        *row = (struct tb_history_row){
            .ticket_id = cmd->subject,
            .agent_id = change->agent_id,
            .change_type = tb_event_types[change->event].name + strlen("ticket."),
            .old_value = TB_STR_NULL,
            .new_value = TB_STR_NULL,
            .description = change->description,
            .metadata = TB_STR_NULL,
            .at = change->at,
            .version = version,
        };
    }
    return row;
}

/* One row per changed field; one for the change as a whole when it changes no field, and for a new
 * ticket, whose first values are the row's own, less what later history says. */
static bool gather_history(struct tb_batch *b, const struct tb_command *cmd,
                           const struct tb_change *change, int64_t version)
{
    tb_str about = metadata(b, cmd, change);
    size_t rows = 0;
    for (size_t i = 0; i < change->ndiffs && change->event != TB_EVENT_CREATED; i++) {
        const struct tb_diff *d = &change->diffs[i];
        if (d->field == TB_TICKET_UPDATED_AT) {
            continue;
        }
        struct tb_history_row *row = history_row(b, cmd, change, version);
        if (!row) {
            return false;
        }
        row->field_name = tb_ticket_fields[d->field].name;
        row->old_value = value_text(b, d->before);
        row->new_value = value_text(b, d->after);
        row->metadata = about;
        rows++;
    }
    if (rows > 0) {
        return true;
    }
    struct tb_history_row *row = history_row(b, cmd, change, version);
    if (row) {
        row->metadata = about;
    }
    return row != NULL;
}

static bool gather_comment(struct tb_batch *b, const struct tb_change *change)
{
    struct tb_comment_write *write = tb_map_get(&b->comments, change->comment->id);
    if (write) {
        write->comment = *change->comment;
        return true;
    }
    write = TB_NEW(b->arena, struct tb_comment_write);
    if (!write) {
        return false;
    }
    write->comment = *change->comment;
    write->is_new = change->comment_before == NULL;
    return tb_map_put(&b->comments, write->comment.id, write);
}

static bool gather_edges(struct tb_batch *b, const struct tb_change *change,
                         const struct tb_edge *edges, size_t n, bool present)
{
    for (size_t i = 0; i < n; i++) {
        struct tb_edge_write *write = TB_NEW(b->arena, struct tb_edge_write);
        tb_str key = tb_pair(b->arena, tb_pair(b->arena, edges[i].ticket_id, edges[i].depends_on),
                             edges[i].type);
        if (!write || tb_str_is_null(key)) {
            return false;
        }
        *write = (struct tb_edge_write){edges[i], present, change->at};
        if (!tb_map_put(&b->edges, key, write)) {
            return false;
        }
    }
    return true;
}

static bool gather_commit(struct tb_batch *b, const struct tb_change *change)
{
    const struct tb_commit **slot = tb_grow(b->arena, (void **)&b->commits, &b->ncommits,
                                            &b->commits_room, sizeof(struct tb_commit *));
    if (slot) {
        *slot = change->commit;
    }
    return slot != NULL;
}

static bool gather_touched(struct tb_batch *b, const struct tb_command *cmd,
                           const struct tb_change *change)
{
    struct tb_touched *touched = tb_map_get(&b->touched, cmd->subject);
    if (!touched) {
        touched = TB_NEW(b->arena, struct tb_touched);
        if (!touched || !tb_map_put(&b->touched, cmd->subject, touched)) {
            return false;
        }
        touched->fields = 0;
    }
    for (size_t i = 0; i < change->ndiffs; i++) {
        touched->fields |= UINT64_C(1) << change->diffs[i].field;
    }
    return true;
}

static bool gather_change(struct tb_batch *b, const struct tb_command *cmd,
                          const struct tb_change *change, int64_t version)
{
    if (change->board) {
        return tb_map_put(&b->boards_touched, cmd->subject, b);
    }
    bool ok = gather_history(b, cmd, change, version);
    if (change->comment) {
        ok = ok && gather_comment(b, change);
    }
    if (change->commit) {
        ok = ok && gather_commit(b, change);
    }
    /* Removals first: a set that is replaced may keep an edge under another type only. */
    return ok && gather_edges(b, change, change->edges_removed, change->nedges_removed, false) &&
           gather_edges(b, change, change->edges_added, change->nedges_added, true) &&
           gather_touched(b, cmd, change);
}

enum tb_rc tb_gather(struct tb_batch *b, const struct tb_command *cmd,
                     const struct tb_decision *decision, int64_t version)
{
    for (size_t i = 0; i < decision->nchanges; i++) {
        if (!gather_change(b, cmd, &decision->changes[i], version + (int64_t)i + 1)) {
            return TB_ENOMEM;
        }
    }
    return tb_arena_failed(b->arena) ? TB_ENOMEM : TB_OK;
}
