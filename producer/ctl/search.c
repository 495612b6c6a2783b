/* search, index status, index verify: over the library of the indexer. */
#include <stdio.h>

#include "indexer/catalog/catalog.h"
#include "indexer/search/search.h"

#include "producer/ctl/backend.h"
#include "producer/ctl/grid.h"
#include "producer/ctl/tickets.h"
#include "producer/ctl/verbs.h"

static enum tb_rc read_query(struct ctl *ctl, struct tb_search_query *q, struct tb_error *err)
{
    tb_buf text;
    tb_buf_init(&text, TB_SEARCH_QUERY_BYTES);
    for (size_t i = 0; i < ctl->args.nargs; i++) {
        tb_buf_add_c(&text, i ? " " : "");
        tb_buf_add_str(&text, ctl->args.args[i]);
    }
    tb_str mode = ctl_opt(&ctl->args, "mode");
    int64_t limit = 10;
    int64_t offset = 0;
    enum tb_rc rc = ctl_opt_int(&ctl->args, "limit", 1, 100, 10, &limit, err);
    rc = rc == TB_OK ? ctl_opt_int(&ctl->args, "offset", 0, TB_SEARCH_DEPTH, 0, &offset, err) : rc;
    if (rc == TB_OK && text.failed) {
        rc = tb_fail(err, TB_EINVAL, "the query is longer than %d bytes", TB_SEARCH_QUERY_BYTES);
    }
    *q = (struct tb_search_query){
        .text = text.failed ? TB_LIT("") : tb_buf_take(&text, ctl->arena),
        .mode = tb_str_eq_c(mode, "semantic")  ? TB_SEARCH_SEMANTIC
                : tb_str_eq_c(mode, "keyword") ? TB_SEARCH_KEYWORD
                                               : TB_SEARCH_HYBRID,
        .workflow_id = ctl_opt(&ctl->args, "workflow"),
        .status = ctl_opt(&ctl->args, "status"),
        .ticket_type = ctl_opt(&ctl->args, "type"),
        .priority = ctl_opt(&ctl->args, "priority"),
        .assignee = ctl_opt(&ctl->args, "assignee"),
        .tag = ctl_opt(&ctl->args, "tag"),
        .include_comments = !ctl_flag(&ctl->args, "no-comments"),
        .limit = (size_t)limit,
        .offset = (size_t)offset,
    };
    tb_buf_dispose(&text);
    return rc;
}

static void print_json(struct ctl *ctl, const struct tb_search_answer *a)
{
    struct tb_json w = {.buf = &ctl->out};
    tb_json_open(&w, '{');
    tb_json_key(&w, "results");
    tb_json_open(&w, '[');
    for (size_t i = 0; i < a->n; i++) {
        tb_search_hit_json(&w, &a->hits[i], true);
    }
    tb_json_close(&w, ']');
    tb_json_key(&w, "has_more");
    tb_json_bool(&w, a->more);
    tb_search_degraded_json(&w, a);
    tb_json_close(&w, '}');
    tb_buf_add_char(&ctl->out, '\n');
}

static void print_parts(tb_buf *out, const struct tb_search_hit *h)
{
    tb_buf_printf(out, "    score %.3f", h->score);
    for (size_t i = 0; i < TB_LEGS_; i++) {
        if (h->ranks[i]) {
            tb_buf_printf(out, "  %s %.3f (%zu.)", tb_search_leg_names[i], h->parts[i],
                          h->ranks[i]);
        }
    }
    if (h->ranks[TB_LEG_SEMANTIC]) {
        tb_buf_printf(out, "  similarity %.3f", h->similarity);
    }
    tb_buf_add_char(out, '\n');
}

static void print_text(struct ctl *ctl, const struct tb_search_answer *a)
{
    bool explain = ctl_flag(&ctl->args, "explain");
    tb_buf *out = &ctl->out;
    for (size_t i = 0; i < a->n; i++) {
        const struct tb_search_hit *h = &a->hits[i];
        enum ctl_color color = h->is_resolved ? CTL_GREEN : h->is_blocked ? CTL_RED : CTL_PLAIN;
        ctl_text_cell(out, &ctl->term, CTL_CYAN,
                      ctl_ticket_short(ctl, h->ticket_id, h->external_id), 0, 0);
        tb_buf_add_c(out, "  ");
        ctl_text_cell(out, &ctl->term, color, h->status, 0, 0);
        tb_buf_printf(out, "  %.*s  ", TB_ARG(h->priority));
        ctl_text_cell(out, &ctl->term, CTL_BOLD, h->title, 0, 0);
        tb_buf_add_c(out, "\n    ");
        (void)ctl_text_add(out, h->passage, ctl->term.width > 20 ? ctl->term.width - 4 : 160);
        tb_buf_add_char(out, '\n');
        if (explain) {
            print_parts(out, h);
        }
    }
    if (a->n == 0) {
        ctl_say("nothing found");
    }
}

static int show(struct ctl *ctl, enum tb_rc rc, const struct tb_search_answer *answer,
                const struct tb_error *err)
{
    for (size_t i = 0; rc == TB_OK && i < answer->ndegraded; i++) {
        ctl_say("without the %s leg: %s", answer->degraded[i].leg, answer->degraded[i].why);
    }
    if (rc == TB_OK && ctl->json) {
        print_json(ctl, answer);
    } else if (rc == TB_OK) {
        print_text(ctl, answer);
    }
    return rc == TB_OK ? CTL_DONE : ctl_fail(err);
}

int ctl_run_search(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_search_query q;
    struct tb_search_answer answer = {0};
    enum tb_rc rc = read_query(ctl, &q, &err);
    rc = rc == TB_OK ? ctl->backend->search(ctl, &q, &answer, &err) : rc;
    return show(ctl, rc, &answer, &err);
}

int ctl_run_similar(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_search_answer answer = {0};
    int64_t limit = 10;
    int64_t offset = 0;
    enum tb_rc rc = ctl_opt_int(&ctl->args, "limit", 1, 100, 10, &limit, &err);
    rc = rc == TB_OK ? ctl_opt_int(&ctl->args, "offset", 0, TB_SEARCH_DEPTH, 0, &offset, &err) : rc;
    const struct tb_similar_query q = {.ticket_id = ctl->args.args[0],
                                       .anywhere = ctl_flag(&ctl->args, "anywhere"),
                                       .limit = (size_t)limit,
                                       .offset = (size_t)offset};
    rc = rc == TB_OK ? ctl->backend->similar(ctl, &q, &answer, &err) : rc;
    return show(ctl, rc, &answer, &err);
}

/* ---- the index ---- */

static void status_line(struct ctl *ctl, struct tb_json *w, const char *name, int64_t n)
{
    if (ctl->json) {
        tb_json_key(w, name);
        tb_json_int(w, n);
    } else {
        tb_buf_printf(&ctl->out, "%-18s %lld\n", name, (long long)n);
    }
}

static void status_text(struct ctl *ctl, struct tb_json *w, const char *name, tb_str text)
{
    if (ctl->json) {
        tb_json_key(w, name);
        tb_json_string(w, text);
    } else if (text.len) {
        tb_buf_printf(&ctl->out, "%-18s %.*s\n", name, TB_ARG(text));
    }
}

static void status_time(struct ctl *ctl, struct tb_json *w, const char *name, int64_t at)
{
    if (ctl->json) {
        tb_json_key(w, name);
        tb_json_time(w, at);
    } else {
        tb_buf_printf(&ctl->out, "%-18s ", name);
        ctl_time_add(&ctl->out, at);
        tb_buf_add_char(&ctl->out, '\n');
    }
}

static void print_collections(struct ctl *ctl, struct tb_json *w, const struct tb_index_status *s)
{
    if (ctl->json) {
        tb_json_key(w, "collections");
        tb_json_open(w, '[');
    }
    for (size_t i = 0; i < s->ncollections; i++) {
        const struct tb_collection *c = &s->collections[i];
        const char *state = tb_collection_states[c->state];
        if (ctl->json) {
            tb_json_open(w, '{');
            tb_json_key(w, "name");
            tb_json_string(w, c->name);
            tb_json_key(w, "state");
            tb_json_string(w, tb_str_of(state));
            tb_json_key(w, "model");
            tb_json_string(w, c->model.name);
            tb_json_key(w, "dimensions");
            tb_json_int(w, c->model.dim);
            tb_json_key(w, "since");
            tb_json_time(w, c->since);
            tb_json_close(w, '}');
        } else {
            tb_buf_printf(&ctl->out, "%-18s %.*s: model %.*s, %lld dimensions, since ", state,
                          TB_ARG(c->name), TB_ARG(c->model.name), (long long)c->model.dim);
            ctl_time_add(&ctl->out, c->since);
            tb_buf_add_char(&ctl->out, '\n');
        }
    }
    if (ctl->json) {
        tb_json_close(w, ']');
    }
}

static void print_status(struct ctl *ctl, const struct tb_index_status *s)
{
    struct tb_json w = {.buf = &ctl->out};
    if (ctl->json) {
        tb_json_open(&w, '{');
    }
    status_text(ctl, &w, "model", s->model);
    status_line(ctl, &w, "dimensions", s->dim);
    status_text(ctl, &w, "collection", s->collection);
    status_text(ctl, &w, "alias", s->alias);
    status_text(ctl, &w, "alias_target", s->alias_target);
    status_text(ctl, &w, "store_error",
                s->store_reachable ? TB_STR_NULL : tb_str_of(s->store_error));
    status_line(ctl, &w, "tickets_live", s->tickets_live);
    status_line(ctl, &w, "tickets_current", s->tickets_current);
    status_line(ctl, &w, "tickets_stale", s->tickets_stale);
    status_line(ctl, &w, "tickets_missing", s->tickets_missing);
    status_line(ctl, &w, "tickets_deleted", s->tickets_deleted);
    status_line(ctl, &w, "deletes_pending", s->deletes_pending);
    status_line(ctl, &w, "chunks_expected", s->chunks_expected);
    status_line(ctl, &w, "points_live", s->points_live);
    status_line(ctl, &w, "orphans", s->orphans);
    status_line(ctl, &w, "tombstones", s->tombstones);
    status_line(ctl, &w, "failed_chunks", s->failed_chunks);
    status_line(ctl, &w, "tokens", s->tokens);
    status_text(ctl, &w, "cost", s->cost);
    status_text(ctl, &w, "oldest_stale", s->oldest_stale_id);
    status_line(ctl, &w, "oldest_stale_ms", s->oldest_stale_age_us / 1000);
    status_time(ctl, &w, "proved_at", s->proved_at);
    status_line(ctl, &w, "proof_differences", s->proof_differences);
    print_collections(ctl, &w, s);
    if (ctl->json) {
        tb_json_close(&w, '}');
        tb_buf_add_char(&ctl->out, '\n');
    }
}

int ctl_run_index_status(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_search *s = NULL;
    struct tb_index_status status = {0};
    enum tb_rc rc = tb_search_open(ctl->cfg, &s, &err);
    rc = rc == TB_OK ? tb_index_status(s, ctl->arena, &status, &err) : rc;
    int code = CTL_DONE;
    if (rc == TB_OK) {
        print_status(ctl, &status);
        bool behind = status.tickets_stale || status.tickets_missing || status.deletes_pending;
        code = !status.store_reachable ? CTL_UNREACHABLE : behind ? CTL_REJECTED : CTL_DONE;
    }
    tb_search_free(s);
    return rc == TB_OK ? code : ctl_fail(&err);
}

/* Differences of one kind printed unless all are asked for: a lost collection has one per ticket.
 */
enum { DIFFERENCES_MAX = 20, KINDS_MAX = 16 };

struct differences {
    struct ctl *ctl;
    bool all;
    const char *kinds[KINDS_MAX];
    int64_t counts[KINDS_MAX];
};

static bool is_shown(struct differences *seen, const char *what)
{
    size_t i = 0;
    while (i < KINDS_MAX - 1 && seen->kinds[i] && strcmp(seen->kinds[i], what) != 0) {
        i++;
    }
    seen->kinds[i] = what;
    return ++seen->counts[i] <= DIFFERENCES_MAX || seen->all;
}

static void on_difference(const struct tb_index_difference *d, void *arg)
{
    struct differences *seen = arg;
    struct ctl *ctl = seen->ctl;
    if (!is_shown(seen, d->what)) {
        return;
    }
    if (ctl->json) {
        struct tb_json w = {.buf = &ctl->out};
        tb_json_open(&w, '{');
        tb_json_key(&w, "what");
        tb_json_string(&w, tb_str_of(d->what));
        tb_json_key(&w, "ticket_id");
        tb_json_string(&w, d->ticket_id);
        tb_json_key(&w, "expected");
        tb_json_int(&w, d->expected);
        tb_json_key(&w, "found");
        tb_json_int(&w, d->found);
        tb_json_close(&w, '}');
        tb_buf_add_char(&ctl->out, '\n');
    } else {
        tb_buf_printf(&ctl->out, "%s: %.*s, expected %lld, found %lld\n", d->what,
                      TB_ARG(d->ticket_id), (long long)d->expected, (long long)d->found);
    }
}

int ctl_run_index_verify(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_search *s = NULL;
    struct tb_index_verdict v = {0};
    struct differences seen = {.ctl = ctl, .all = ctl_flag(&ctl->args, "all")};
    enum tb_rc rc = tb_search_open(ctl->cfg, &s, &err);
    rc = rc == TB_OK ? tb_index_verify(s, on_difference, &seen, &v, &err) : rc;
    tb_search_free(s);
    if (rc != TB_OK) {
        return ctl_fail(&err);
    }
    for (size_t i = 0; i < KINDS_MAX && !ctl->json && !seen.all; i++) {
        if (seen.counts[i] > DIFFERENCES_MAX) {
            tb_buf_printf(&ctl->out, "%s: %lld more; --all prints them\n", seen.kinds[i],
                          (long long)(seen.counts[i] - DIFFERENCES_MAX));
        }
    }
    if (ctl->json) {
        struct tb_json w = {.buf = &ctl->out};
        tb_json_open(&w, '{');
        tb_json_key(&w, "tickets");
        tb_json_int(&w, v.tickets);
        tb_json_key(&w, "points");
        tb_json_int(&w, v.points);
        tb_json_key(&w, "differences");
        tb_json_int(&w, v.differences);
        tb_json_close(&w, '}');
        tb_buf_add_char(&ctl->out, '\n');
    } else {
        tb_buf_printf(&ctl->out, "%lld tickets, %lld points, %lld differences\n",
                      (long long)v.tickets, (long long)v.points, (long long)v.differences);
    }
    return v.differences ? CTL_REJECTED : CTL_DONE;
}
