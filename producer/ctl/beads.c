#include "producer/ctl/beads.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/crypto/crypto.h"
#include "common/json/dom.h"

#define TEXT_MAX ((size_t)64 * 1024 * 1024)

/* ---- reading ---- */

static tb_str text(const struct tb_node *object, const char *name, struct tb_arena *arena)
{
    return tb_arena_str(arena, tb_node_str(tb_node_get(object, name)));
}

static enum tb_rc time_of(const struct tb_node *object, const char *name, int64_t *ret,
                          struct tb_error *err)
{
    tb_str s = tb_node_str(tb_node_get(object, name));
    *ret = TB_TIME_NONE;
    if (s.len == 0 || tb_time_parse(s, ret)) {
        return TB_OK;
    }
    return tb_fail_field(err, TB_EINVAL, name, "%s is no time: \"%.40s\"", name, s.ptr);
}

static enum tb_rc read_edges(const struct tb_node *list, struct tb_arena *arena,
                             struct ctl_beads_issue *ret, struct tb_error *err)
{
    size_t n = tb_node_size(list);
    struct ctl_beads_edge *edges = TB_NEW_N(arena, struct ctl_beads_edge, n);
    for (size_t i = 0; edges && i < n; i++) {
        const struct tb_node *e = tb_node_at(list, i);
        edges[i].depends_on = text(e, "depends_on_id", arena);
        edges[i].type = text(e, "type", arena);
        if (edges[i].depends_on.len == 0 || edges[i].type.len == 0) {
            return tb_fail_field(err, TB_EINVAL, "dependencies",
                                 "dependency %zu names no ticket or no type", i);
        }
    }
    ret->edges = edges;
    ret->nedges = edges ? n : 0;
    return TB_OK;
}

static enum tb_rc read_comments(const struct tb_node *list, struct tb_arena *arena,
                                struct ctl_beads_issue *ret, struct tb_error *err)
{
    size_t n = tb_node_size(list);
    struct ctl_beads_comment *comments = TB_NEW_N(arena, struct ctl_beads_comment, n);
    for (size_t i = 0; comments && i < n; i++) {
        const struct tb_node *c = tb_node_at(list, i);
        const struct tb_node *id = tb_node_get(c, "id");
        comments[i].id = tb_node_kind(id) == TB_NODE_INT
                             ? tb_arena_printf(arena, "%lld", (long long)tb_node_int(id, 0))
                             : tb_arena_str(arena, tb_node_str(id));
        comments[i].author = text(c, "author", arena);
        comments[i].text = text(c, "text", arena);
        if (comments[i].id.len == 0 || comments[i].text.len == 0) {
            return tb_fail_field(err, TB_EINVAL, "comments", "comment %zu has no id or no text", i);
        }
        enum tb_rc rc = time_of(c, "created_at", &comments[i].created_at, err);
        if (rc != TB_OK) {
            return rc;
        }
    }
    ret->comments = comments;
    ret->ncomments = comments ? n : 0;
    return TB_OK;
}

static void read_labels(const struct tb_node *list, struct tb_arena *arena,
                        struct ctl_beads_issue *ret)
{
    size_t n = tb_node_size(list);
    tb_str *labels = TB_NEW_N(arena, tb_str, n);
    size_t used = 0;
    for (size_t i = 0; labels && i < n; i++) {
        tb_str label = tb_arena_str(arena, tb_node_str(tb_node_at(list, i)));
        if (label.len && !tb_strs_has((tb_strs){labels, used}, label)) {
            labels[used++] = label;
        }
    }
    ret->labels = (tb_strs){labels, used};
}

static enum tb_rc read_issue(const struct tb_node *o, struct tb_arena *arena,
                             struct ctl_beads_issue *ret, struct tb_error *err)
{
    *ret = (struct ctl_beads_issue){
        .id = text(o, "id", arena),
        .title = text(o, "title", arena),
        .description = text(o, "description", arena),
        .notes = text(o, "notes", arena),
        .design = text(o, "design", arena),
        .acceptance = text(o, "acceptance_criteria", arena),
        .status = text(o, "status", arena),
        .type = text(o, "issue_type", arena),
        .assignee = text(o, "assignee", arena),
        .owner = text(o, "owner", arena),
        .created_by = text(o, "created_by", arena),
        .external_ref = text(o, "external_ref", arena),
        .close_reason = text(o, "close_reason", arena),
        .deleted_by = text(o, "deleted_by", arena),
        .delete_reason = text(o, "delete_reason", arena),
        .priority = tb_node_int(tb_node_get(o, "priority"), CTL_BEADS_NO_PRIORITY),
    };
    enum tb_rc rc = time_of(o, "created_at", &ret->created_at, err);
    rc = rc == TB_OK ? time_of(o, "updated_at", &ret->updated_at, err) : rc;
    rc = rc == TB_OK ? time_of(o, "closed_at", &ret->closed_at, err) : rc;
    rc = rc == TB_OK ? time_of(o, "deleted_at", &ret->deleted_at, err) : rc;
    rc = rc == TB_OK ? read_edges(tb_node_get(o, "dependencies"), arena, ret, err) : rc;
    rc = rc == TB_OK ? read_comments(tb_node_get(o, "comments"), arena, ret, err) : rc;
    read_labels(tb_node_get(o, "labels"), arena, ret);
    if (rc == TB_OK && tb_arena_failed(arena)) {
        rc = tb_fail(err, TB_ENOMEM, "out of memory");
    }
    return rc;
}

enum tb_rc ctl_beads_issue_parse(tb_str line, struct tb_arena *arena, struct ctl_beads_issue *ret,
                                 struct tb_error *err)
{
    struct tb_dom *dom = NULL;
    enum tb_rc rc = tb_dom_parse(line, 0, &dom, err);
    if (rc != TB_OK) {
        return rc;
    }
    rc = read_issue(tb_dom_root(dom), arena, ret, err);
    if (rc == TB_OK && (ret->id.len == 0 || ret->title.len == 0 || ret->status.len == 0)) {
        rc = tb_fail(err, TB_EINVAL, "an issue has an id, a title and a status");
    }
    tb_dom_free(dom);
    return rc;
}

/* A value of the stream is a text, or an issue (or a part of one) as JSON inside a string. */
static enum tb_rc read_value(tb_str value, struct tb_arena *arena, struct ctl_beads_issue *ret,
                             bool *ret_object, tb_str *ret_text, struct tb_error *err)
{
    struct tb_dom *dom = NULL;
    struct tb_error ignored;
    *ret_text = tb_arena_str(arena, value);
    *ret_object = false;
    if (!tb_str_starts(value, "{") || tb_dom_parse(value, 0, &dom, &ignored) != TB_OK) {
        return TB_OK;
    }
    enum tb_rc rc = read_issue(tb_dom_root(dom), arena, ret, err);
    *ret_object = true;
    *ret_text = TB_STR_NULL;
    tb_dom_free(dom);
    return rc;
}

enum tb_rc ctl_beads_change_parse(tb_str line, struct tb_arena *arena, struct ctl_beads_change *ret,
                                  struct tb_error *err)
{
    struct tb_dom *dom = NULL;
    enum tb_rc rc = tb_dom_parse(line, 0, &dom, err);
    if (rc != TB_OK) {
        return rc;
    }
    const struct tb_node *o = tb_dom_root(dom);
    *ret = (struct ctl_beads_change){
        .id = tb_node_int(tb_node_get(o, "id"), -1),
        .kind = text(o, "event_type", arena),
        .issue_id = text(o, "issue_id", arena),
        .actor = text(o, "actor", arena),
        .comment = text(o, "comment", arena),
    };
    rc = time_of(o, "created_at", &ret->created_at, err);
    if (rc == TB_OK && (ret->id < 0 || ret->kind.len == 0 || ret->issue_id.len == 0)) {
        rc = tb_fail(err, TB_EINVAL, "a change has an id, an event_type and an issue_id");
    }
    rc = rc == TB_OK ? read_value(tb_node_str(tb_node_get(o, "new_value")), arena, &ret->changed,
                                  &ret->has_changed, &ret->new_text, err)
                     : rc;
    rc = rc == TB_OK ? read_value(tb_node_str(tb_node_get(o, "old_value")), arena, &ret->before,
                                  &ret->has_before, &ret->old_text, err)
                     : rc;
    tb_dom_free(dom);
    return rc;
}

/* ---- what it stands for ---- */

static void section(tb_buf *out, const char *heading, tb_str content)
{
    if (content.len) {
        tb_buf_printf(out, "%s%s", out->len ? "\n\n" : "", heading);
        tb_buf_add_str(out, content);
    }
}

tb_str ctl_beads_text(const struct ctl_beads_issue *issue, struct tb_arena *arena)
{
    tb_buf out;
    tb_buf_init(&out, TEXT_MAX);
    section(&out, "", issue->description);
    section(&out, "## Design\n\n", issue->design);
    section(&out, "## Acceptance criteria\n\n", issue->acceptance);
    section(&out, "## Notes\n\n", issue->notes);
    section(&out, "External reference: ", issue->external_ref);
    tb_str taken = out.len ? tb_buf_take(&out, arena) : TB_LIT("");
    tb_buf_dispose(&out);
    return taken;
}

tb_str ctl_beads_priority(const struct ctl_beads_issue *issue, struct tb_arena *arena)
{
    return issue->priority < 0 ? TB_STR_NULL
                               : tb_arena_printf(arena, "P%lld", (long long)issue->priority);
}

bool ctl_beads_is_deleted(const struct ctl_beads_issue *issue)
{
    return tb_str_eq_c(issue->status, "tombstone");
}

bool ctl_beads_is_closed(const struct ctl_beads_issue *issue)
{
    return tb_str_eq_c(issue->status, "closed");
}

tb_str ctl_beads_status(const struct ctl_beads_issue *issue)
{
    return ctl_beads_is_deleted(issue) ? TB_LIT("closed") : issue->status;
}

tb_str ctl_beads_ticket_id(tb_str workflow, tb_str id, struct tb_arena *arena)
{
    tb_str name = tb_arena_printf(arena, "beads:%.*s:%.*s", TB_ARG(workflow), TB_ARG(id));
    if (tb_str_is_null(name)) {
        return TB_STR_NULL;
    }
    struct tb_uuid uuid = tb_uuid_v5(&tb_uuid_namespace, name.ptr, name.len);
    char out[TB_UUID_TEXT_LEN + 1];
    tb_uuid_format(&uuid, out);
    return tb_arena_printf(arena, "ticket-%s", out);
}
