/* search_tickets and find_similar_tickets, over the indexer's library. */
#include "indexer/search/search.h"
#include "gateway/read/internal.h"

static void answer_json(tb_buf *out, const struct tb_search_answer *a, bool explain)
{
    struct tb_json w = {.buf = out};
    tb_json_open(&w, '{');
    tb_json_key(&w, "results");
    tb_json_open(&w, '[');
    for (size_t i = 0; i < a->n; i++) {
        tb_search_hit_json(&w, &a->hits[i], explain);
    }
    tb_json_close(&w, ']');
    tb_json_key(&w, "more");
    tb_json_bool(&w, a->more);
    tb_search_degraded_json(&w, a);
    tb_json_close(&w, '}');
}

static void answer(const struct tb_read *read, const struct tb_search_answer *a, bool explain,
                   struct tb_reply *ret)
{
    tb_buf out;
    tb_buf_init(&out, TB_READ_MAX);
    answer_json(&out, a, explain);
    tb_read_done(&out, read->arena, ret);
    tb_buf_dispose(&out);
}

static void search(const struct tb_read *read, struct tb_pool_thread *thread,
                   const struct tb_search_query *q, bool explain, struct tb_reply *ret)
{
    struct tb_error err = {.rc = TB_OK};
    struct tb_search *s = NULL;
    struct tb_search_answer found = {0};
    enum tb_rc rc = tb_pool_search(thread, &s, &err);
    rc = rc == TB_OK ? tb_search_run(s, q, read->arena, &found, &err) : rc;
    if (rc != TB_OK) {
        tb_reply_from(ret, read->arena, &err);
        return;
    }
    answer(read, &found, explain, ret);
}

/* Search narrows by one workflow: a token that is for several must say which. */
static bool one_workflow(const struct tb_read *read, tb_str asked, tb_str *ret_workflow,
                         struct tb_reply *ret)
{
    tb_strs mine = read->caller->workflows;
    *ret_workflow = tb_str_is_null(asked) && mine.n == 1 ? mine.items[0] : asked;
    if (mine.n == 0 || (!tb_str_is_null(*ret_workflow) && tb_strs_has(mine, *ret_workflow))) {
        return true;
    }
    if (tb_str_is_null(*ret_workflow)) {
        tb_reply_error(ret, read->arena, TB_REPLY_INVALID, "validation_failed",
                       TB_LIT("workflow_id"), "is missing: the token is for some workflows only");
    } else {
        tb_reply_error(ret, read->arena, TB_REPLY_FORBIDDEN, "workflow_not_permitted",
                       TB_LIT("workflow_id"), "the token is not for workflow %.*s",
                       TB_ARG(*ret_workflow));
    }
    return false;
}

void tb_run_search(const struct tb_read *read, struct tb_pool_thread *thread, struct tb_reply *ret)
{
    const struct tb_search_params *p = read->params;
    struct tb_search_query q = {
        .text = p->query,
        .mode = tb_str_eq_c(p->search_type, "semantic")  ? TB_SEARCH_SEMANTIC
                : tb_str_eq_c(p->search_type, "keyword") ? TB_SEARCH_KEYWORD
                                                         : TB_SEARCH_HYBRID,
        .status = p->filters.status,
        .ticket_type = p->filters.ticket_type,
        .priority = p->filters.priority,
        .assignee = p->filters.assigned_agent_id,
        .tag = p->filters.tag,
        .include_comments = !tb_has(&p->p, TB_SEARCH_INCLUDE_COMMENTS) || p->include_comments,
        .limit = p->limit > 0 ? (size_t)p->limit : 10,
        .offset = (size_t)p->offset,
    };
    if (one_workflow(read, p->workflow_id, &q.workflow_id, ret)) {
        search(read, thread, &q, p->explain, ret);
    }
}

static void similar(const struct tb_read *read, struct tb_pool_thread *thread,
                    const struct tb_similar_query *q, bool explain, struct tb_reply *ret)
{
    struct tb_error err = {.rc = TB_OK};
    struct tb_search *s = NULL;
    struct tb_search_answer found = {0};
    enum tb_rc rc = tb_pool_search(thread, &s, &err);
    rc = rc == TB_OK ? tb_search_similar(s, q, read->arena, &found, &err) : rc;
    if (rc == TB_ENOTFOUND) { /* deleted: it has no text to search for */
        tb_read_missing(read, ret, "ticket_id", "ticket", q->ticket_id);
    } else if (rc != TB_OK) {
        tb_reply_from(ret, read->arena, &err);
    } else {
        answer(read, &found, explain, ret);
    }
}

void tb_run_similar(const struct tb_read *read, struct tb_pool_thread *thread, struct tb_reply *ret)
{
    const struct tb_similar_params *p = read->params;
    struct tb_error err = {.rc = TB_OK};
    struct tb_pg_params params;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&params, read->arena);
    tb_pg_add_str(&params, p->ticket_id);
    if (tb_pool_query(thread, "SELECT workflow_id FROM tickets WHERE id = $1 AND NOT is_deleted",
                      &params, &r, &err) != TB_OK) {
        tb_reply_from(ret, read->arena, &err);
        return;
    }
    bool there = tb_pg_rows(r) > 0;
    bool may = there && tb_caller_may_touch(read->caller, tb_pg_str(r, 0, 0));
    tb_pg_result_free(r);
    if (may && p->anywhere && read->caller->workflows.n > 0) {
        tb_reply_error(ret, read->arena, TB_REPLY_FORBIDDEN, "workflow_not_permitted",
                       TB_LIT("anywhere"), "the token is for some workflows only");
    } else if (may) {
        const struct tb_similar_query q = {.ticket_id = p->ticket_id,
                                           .anywhere = p->anywhere,
                                           .limit = p->limit > 0 ? (size_t)p->limit : 10,
                                           .offset = (size_t)p->offset};
        similar(read, thread, &q, p->explain, ret);
    } else {
        tb_read_missing(read, ret, "ticket_id", "ticket", p->ticket_id);
        ret->hidden = there;
    }
}
