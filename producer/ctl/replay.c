/* What a change of the stream means for a ticket. */
#include <string.h>

#include "producer/ctl/import_events.h"

static void put_str(struct tb_import_data *d, unsigned bit, tb_str *field, tb_str value)
{
    *field = value;
    tb_mark(&d->p, bit);
}

static void put_status(struct tb_import_data *d, tb_str status, int64_t at)
{
    bool closed = tb_str_eq_c(status, "closed") || tb_str_eq_c(status, "tombstone");
    put_str(d, TB_IMPORT_STATUS, &d->status, closed ? TB_LIT("closed") : status);
    d->is_resolved = closed;
    tb_mark(&d->p, TB_IMPORT_IS_RESOLVED);
    if (closed && at != TB_TIME_NONE) {
        d->completed_at = at;
        d->resolved_at = at;
        tb_mark(&d->p, TB_IMPORT_COMPLETED_AT);
        tb_mark(&d->p, TB_IMPORT_RESOLVED_AT);
    }
}

static void put_text(struct ctl_replay *t, struct tb_import_data *d, struct tb_arena *arena)
{
    put_str(d, TB_IMPORT_DESCRIPTION, &d->description, ctl_beads_text(&t->issue, arena));
}

static void put_assignee(struct tb_import_data *d, tb_str assignee)
{
    if (assignee.len) {
        put_str(d, TB_IMPORT_ASSIGNED_AGENT_ID, &d->assigned_agent_id, assignee);
    } else {
        tb_mark_null(&d->p, TB_IMPORT_ASSIGNED_AGENT_ID);
    }
}

static void put_comment(struct ctl_replay *t, const struct ctl_beads_change *c, tb_str text,
                        const char *type, struct tb_import_data *d, struct tb_arena *arena)
{
    if (text.len == 0 || (t->said.ptr && tb_str_eq(t->said, text))) {
        return;
    }
    t->said = text;
    put_str(d, TB_IMPORT_COMMENT_KEY, &d->comment_key,
            tb_arena_printf(arena, "event-%lld", (long long)c->id));
    put_str(d, TB_IMPORT_COMMENT_TEXT, &d->comment_text, text);
    put_str(d, TB_IMPORT_COMMENT_TYPE, &d->comment_type, tb_str_of(type));
}

/* The first change of a ticket makes it, with the first state the stream tells of it; a title that
 * is told nowhere becomes its id. */
static void put_first(struct ctl_replay *t, const struct ctl_beads_change *c,
                      struct tb_import_data *d, struct tb_arena *arena)
{
    const struct ctl_beads_issue *first = &t->issue;
    put_str(d, TB_IMPORT_EXTERNAL_ID, &d->external_id, c->issue_id);
    put_str(d, TB_IMPORT_TITLE, &d->title, first->title.len ? first->title : c->issue_id);
    put_text(t, d, arena);
    if (first->type.len) {
        put_str(d, TB_IMPORT_TICKET_TYPE, &d->ticket_type, first->type);
    }
    if (first->priority >= 0) {
        put_str(d, TB_IMPORT_PRIORITY, &d->priority, ctl_beads_priority(first, arena));
    }
    put_str(d, TB_IMPORT_CREATED_BY_AGENT_ID, &d->created_by_agent_id,
            first->created_by.len ? first->created_by
            : c->actor.len        ? c->actor
                                  : TB_LIT("unknown"));
    put_assignee(d, first->assignee);
    int64_t created = first->created_at != TB_TIME_NONE ? first->created_at : c->created_at;
    if (created != TB_TIME_NONE) {
        d->created_at = created;
        tb_mark(&d->p, TB_IMPORT_CREATED_AT);
    }
    put_status(d, first->status.len ? first->status : TB_LIT("open"), first->closed_at);
}

static void take_part(tb_str *part, tb_str value)
{
    if (!tb_str_is_null(value)) {
        *part = value;
    }
}

/* status_changed, updated and reopened name the fields they change. */
static void put_changed(struct ctl_replay *t, const struct ctl_beads_change *c,
                        struct tb_import_data *d, struct tb_arena *arena)
{
    const struct ctl_beads_issue *v = &c->changed;
    take_part(&t->issue.description, v->description);
    take_part(&t->issue.notes, v->notes);
    take_part(&t->issue.design, v->design);
    take_part(&t->issue.acceptance, v->acceptance);
    take_part(&t->issue.external_ref, v->external_ref);
    put_text(t, d, arena);
    if (v->title.len) {
        put_str(d, TB_IMPORT_TITLE, &d->title, v->title);
    }
    if (v->type.len) {
        put_str(d, TB_IMPORT_TICKET_TYPE, &d->ticket_type, v->type);
    }
    if (v->priority >= 0) {
        put_str(d, TB_IMPORT_PRIORITY, &d->priority, ctl_beads_priority(v, arena));
    }
    if (!tb_str_is_null(v->assignee)) {
        put_assignee(d, v->assignee);
    }
    if (v->status.len) {
        put_status(d, v->status, c->created_at);
    }
}

static void put_label(const struct ctl_replay *t, tb_str comment, struct tb_import_data *d,
                      struct tb_arena *arena)
{
    static const char said[] = "Added label: ";
    tb_str label = comment;
    if (tb_str_starts(comment, said)) {
        label.ptr += sizeof said - 1;
        label.len -= sizeof said - 1;
    }
    tb_strs now = t->now->fields[TB_TICKET_TAGS].as.strs;
    tb_str *tags = TB_NEW_N(arena, tb_str, now.n + 1);
    if (!tags || label.len == 0 || tb_strs_has(now, label)) {
        return;
    }
    for (size_t i = 0; i < now.n; i++) {
        tags[i] = now.items[i];
    }
    tags[now.n] = label;
    d->tags = (tb_strs){tags, now.n + 1};
    tb_mark(&d->p, TB_IMPORT_TAGS);
}

static bool put_change(struct ctl_replay *t, const struct ctl_beads_change *c,
                       struct tb_import_data *d, struct tb_arena *arena, const char **ret_reason)
{
    tb_str kind = c->kind;
    if (tb_str_eq_c(kind, "created")) {
        return true; /* the ticket itself, if it is not there */
    }
    if (tb_str_eq_c(kind, "status_changed") || tb_str_eq_c(kind, "updated") ||
        tb_str_eq_c(kind, "reopened")) {
        if (!c->has_changed) {
            *ret_reason = "its new value is not readable";
            return false;
        }
        put_changed(t, c, d, arena);
    } else if (tb_str_eq_c(kind, "closed")) {
        bool was = t->exists && t->now->fields[TB_TICKET_IS_RESOLVED].as.boolean;
        put_status(d, TB_LIT("closed"), was ? TB_TIME_NONE : c->created_at);
        put_comment(t, c, c->new_text, "resolution", d, arena);
    } else if (tb_str_eq_c(kind, "label_added")) {
        put_label(t, c->comment, d, arena);
    } else if (tb_str_eq_c(kind, "commented")) {
        put_comment(t, c, c->comment, "general", d, arena);
    } else if (tb_str_eq_c(kind, "renamed")) {
        put_comment(t, c,
                    tb_arena_printf(arena, "Renamed from %.*s to %.*s", TB_ARG(c->old_text),
                                    TB_ARG(c->new_text)),
                    "rename", d, arena);
    } else {
        *ret_reason = "a kind of change that is not known";
        return false;
    }
    return true;
}

enum ctl_replayed ctl_replay_change(struct ctl_replay *t, const struct ctl_beads_change *c,
                                    tb_str workflow, struct tb_arena *arena,
                                    struct tb_import_data *ret, const char **ret_reason)
{
    struct tb_import_data want = {0};
    if (!t->exists) {
        put_first(t, c, &want, arena);
    }
    if (!put_change(t, c, &want, arena, ret_reason)) {
        return CTL_REPLAY_SKIPPED;
    }
    put_str(&want, TB_IMPORT_WORKFLOW_ID, &want.workflow_id, workflow);
    bool differs = ctl_import_diff(t->exists ? t->now : NULL, &want, ret);
    if (tb_has(&want.p, TB_IMPORT_COMMENT_TEXT)) {
        put_str(ret, TB_IMPORT_COMMENT_KEY, &ret->comment_key, want.comment_key);
        put_str(ret, TB_IMPORT_COMMENT_TEXT, &ret->comment_text, want.comment_text);
        put_str(ret, TB_IMPORT_COMMENT_TYPE, &ret->comment_type, want.comment_type);
        differs = true;
    }
    if (!differs) {
        return CTL_REPLAY_MERGED;
    }
    if (c->actor.len) {
        put_str(ret, TB_IMPORT_AGENT_ID, &ret->agent_id, c->actor);
    }
    if (c->created_at != TB_TIME_NONE) {
        ret->occurred_at = c->created_at;
        tb_mark(&ret->p, TB_IMPORT_OCCURRED_AT);
    }
    ctl_import_fold(t->now, ret);
    t->exists = true;
    return CTL_REPLAY_APPLY;
}
