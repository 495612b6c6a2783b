/* Near-duplicates of a ticket: a search for its own text. */
#include "common/base/utf8.h"
#include "indexer/search/internal.h"

static enum tb_rc load_text(struct tb_search *s, tb_str id, struct tb_arena *arena,
                            struct tb_search_query *q, struct tb_error *err)
{
    static const char sql[] = "SELECT id, workflow_id, title, description FROM tickets"
                              " WHERE (id = $1 OR external_id = $1) AND NOT is_deleted"
                              " ORDER BY id = $1 DESC, id LIMIT 1";
    struct tb_pg_params p;
    struct tb_pg_result *r;
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, id);
    enum tb_rc rc = tb_search_exec(s, sql, &p, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    if (tb_pg_rows(r) == 0) {
        rc = tb_fail(err, TB_ENOTFOUND, "there is no ticket %.*s", TB_ARG(id));
    } else {
        tb_str title = tb_pg_str(r, 0, 2);
        tb_str text = tb_utf8_prefix(tb_pg_str(r, 0, 3), TB_SEARCH_QUERY_BYTES - title.len - 2);
        q->but = tb_pg_str_in(r, 0, 0, arena);
        q->workflow_id = tb_pg_str_in(r, 0, 1, arena);
        q->text = tb_arena_printf(arena, "%.*s\n\n%.*s", TB_ARG(title), TB_ARG(text));
        rc = tb_arena_failed(arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
    }
    tb_pg_result_free(r);
    return rc;
}

enum tb_rc tb_search_similar(struct tb_search *s, const struct tb_similar_query *query,
                             struct tb_arena *arena, struct tb_search_answer *ret,
                             struct tb_error *err)
{
    struct tb_search_query q = {
        .mode = TB_SEARCH_HYBRID, .limit = query->limit, .offset = query->offset};
    *ret = (struct tb_search_answer){.n = 0};
    enum tb_rc rc = load_text(s, query->ticket_id, arena, &q, err);
    if (rc != TB_OK) {
        return rc;
    }
    if (query->anywhere) {
        q.workflow_id = TB_STR_NULL;
    }
    return tb_search_run(s, &q, arena, ret, err);
}
