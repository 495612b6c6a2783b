/* Search through a gateway: its answer as the library gives it. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "producer/ctl/served.h"

static int64_t integer(const struct tb_tree *tree, const char *name)
{
    const struct tb_tree *m = tb_tree_get(tree, name);
    return m && m->kind == TB_TREE_INT ? m->integer : 0;
}

static bool boolean(const struct tb_tree *tree, const char *name)
{
    const struct tb_tree *m = tb_tree_get(tree, name);
    return m && m->kind == TB_TREE_BOOL && m->boolean;
}

static double number(const struct tb_tree *tree, const char *name)
{
    const struct tb_tree *m = tb_tree_get(tree, name);
    char text[40] = "";
    if (m && (m->kind == TB_TREE_INT || m->kind == TB_TREE_REAL)) {
        (void)snprintf(text, sizeof text, "%.*s", TB_ARG(m->raw));
    }
    return strtod(text, NULL);
}

static void read_marks(struct ctl *ctl, const struct tb_tree *list, struct tb_search_hit *h)
{
    size_t n = list && list->kind == TB_TREE_ARRAY ? list->n : 0;
    h->marks = TB_NEW_N(ctl->arena, struct tb_mark, n + 1);
    for (const struct tb_tree *m = h->marks && n ? list->first : NULL; m; m = m->next) {
        if (m->n == 2 && m->first->integer >= 0 && m->first->next->integer >= 0) {
            h->marks[h->nmarks].from = (size_t)m->first->integer;
            h->marks[h->nmarks++].to = (size_t)m->first->next->integer;
        }
    }
}

static void read_hit(struct ctl *ctl, const struct tb_tree *from, struct tb_search_hit *h)
{
    const struct {
        const char *name;
        tb_str *to;
    } texts[] = {
        {"ticket_id", &h->ticket_id},     {"external_id", &h->external_id},
        {"workflow_id", &h->workflow_id}, {"title", &h->title},
        {"status", &h->status},           {"ticket_type", &h->ticket_type},
        {"priority", &h->priority},       {"assigned_agent_id", &h->assignee},
        {"passage", &h->passage},         {"passage_comment_id", &h->passage_comment_id},
    };
    for (size_t i = 0; i < TB_COUNT(texts); i++) {
        *texts[i].to = ctl_told_text(from, texts[i].name);
    }
    h->is_blocked = boolean(from, "is_blocked");
    h->is_resolved = boolean(from, "is_resolved");
    h->updated_at = TB_TIME_NONE;
    (void)tb_time_parse(ctl_told_text(from, "updated_at"), &h->updated_at);
    h->score = number(from, "score");
    h->similarity = number(from, "similarity");
    for (size_t leg = 0; leg < TB_LEGS_; leg++) {
        h->ranks[leg] = (size_t)integer(tb_tree_get(from, "ranks"), tb_search_leg_names[leg]);
        h->parts[leg] = number(tb_tree_get(from, "parts"), tb_search_leg_names[leg]);
    }
    read_marks(ctl, tb_tree_get(from, "highlights"), h);
}

static void read_degraded(const struct tb_tree *list, struct tb_search_answer *ret)
{
    static const char *const legs[] = {"semantic", "keyword"};
    for (const struct tb_tree *d = list ? list->first : NULL;
         d && ret->ndegraded < TB_COUNT(ret->degraded); d = d->next) {
        struct tb_search_degraded *to = &ret->degraded[ret->ndegraded++];
        to->leg = legs[tb_str_eq_c(ctl_told_text(d, "leg"), legs[1])];
        (void)snprintf(to->why, sizeof to->why, "%.*s", TB_ARG(ctl_told_text(d, "why")));
    }
}

static enum tb_rc read_answer(struct ctl *ctl, const struct tb_tree *root,
                              struct tb_search_answer *ret, struct tb_error *err)
{
    const struct tb_tree *list = tb_tree_get(root, "results");
    size_t n = list && list->kind == TB_TREE_ARRAY ? list->n : 0;
    ret->hits = TB_NEW_N(ctl->arena, struct tb_search_hit, n + 1);
    if (!ret->hits) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (const struct tb_tree *h = n ? list->first : NULL; h; h = h->next) {
        read_hit(ctl, h, &ret->hits[ret->n++]);
    }
    ret->more = boolean(root, "more");
    read_degraded(tb_tree_get(root, "degraded"), ret);
    return TB_OK;
}

static void text(struct tb_json *w, const char *name, tb_str value)
{
    if (!tb_str_is_null(value)) {
        tb_json_key(w, name);
        tb_json_string(w, value);
    }
}

static void query_json(struct tb_json *w, const struct tb_search_query *q)
{
    static const char *const modes[] = {[TB_SEARCH_HYBRID] = "hybrid",
                                        [TB_SEARCH_SEMANTIC] = "semantic",
                                        [TB_SEARCH_KEYWORD] = "keyword"};
    tb_json_open(w, '{');
    text(w, "query", q->text);
    text(w, "workflow_id", q->workflow_id);
    text(w, "search_type", tb_str_of(modes[q->mode]));
    tb_json_key(w, "filters");
    tb_json_open(w, '{');
    text(w, "status", q->status);
    text(w, "ticket_type", q->ticket_type);
    text(w, "priority", q->priority);
    text(w, "assigned_agent_id", q->assignee);
    text(w, "tag", q->tag);
    tb_json_close(w, '}');
    tb_json_key(w, "include_comments");
    tb_json_bool(w, q->include_comments);
    tb_json_key(w, "limit");
    tb_json_int(w, (int64_t)q->limit);
    tb_json_key(w, "offset");
    tb_json_int(w, (int64_t)q->offset);
    tb_json_key(w, "explain");
    tb_json_bool(w, true);
    tb_json_close(w, '}');
}

enum tb_rc ctl_served_search(struct ctl *ctl, const struct tb_search_query *query,
                             struct tb_search_answer *ret, struct tb_error *err)
{
    struct ctl_url url;
    struct ctl_told told = {0};
    tb_buf body;
    tb_buf_init(&body, 1 << 20);
    struct tb_json w = {.buf = &body};
    query_json(&w, query);
    ctl_url_init(&url, "/tickets/search");
    const struct ctl_asking asking = {.method = "POST", .url = &url, .body = tb_buf_str(&body)};
    enum tb_rc rc = ctl_server_ask(ctl, &asking, &told, err);
    rc = rc == TB_OK ? read_answer(ctl, told.root, ret, err) : rc;
    ctl_url_dispose(&url);
    tb_buf_dispose(&body);
    return rc;
}

enum tb_rc ctl_served_similar(struct ctl *ctl, const struct tb_similar_query *query,
                              struct tb_search_answer *ret, struct tb_error *err)
{
    tb_str id;
    struct ctl_url url;
    const struct tb_tree *root = NULL;
    enum tb_rc rc = ctl_ticket_id(ctl, query->ticket_id, &id, err);
    if (rc != TB_OK) {
        return rc;
    }
    ctl_url_init(&url, "/tickets");
    ctl_url_segment(&url, id);
    ctl_url_segment(&url, TB_LIT("similar"));
    ctl_url_add_int(&url, "limit", (int64_t)query->limit);
    ctl_url_add_int(&url, "offset", (int64_t)query->offset);
    ctl_url_add_bool(&url, "anywhere", query->anywhere);
    ctl_url_add_bool(&url, "explain", true);
    rc = ctl_server_get(ctl, &url, &root, err);
    return rc == TB_OK ? read_answer(ctl, root, ret, err) : rc;
}
