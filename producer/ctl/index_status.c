/* index status, index verify: how the index stands, over the library of the indexer. */
#include <string.h>

#include "indexer/catalog/catalog.h"
#include "indexer/search/search.h"

#include "producer/ctl/ctl.h"
#include "producer/ctl/verbs.h"

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

enum { USAGE_SHOWN = 20, USAGE_MAX = 1000, DAYS_MAX = 36500 };

struct usage {
    struct tb_index_usage *rows;
    size_t n;
};

static void print_usage(struct ctl *ctl, struct tb_json *w, const struct usage *u)
{
    if (ctl->json) {
        tb_json_key(w, "usage");
        tb_json_open(w, '[');
    }
    for (size_t i = 0; i < u->n && (ctl->json || i < USAGE_SHOWN); i++) {
        const struct tb_index_usage *row = &u->rows[i];
        if (ctl->json) {
            tb_json_open(w, '{');
            tb_json_key(w, "workflow_id");
            tb_json_string(w, row->workflow_id);
            tb_json_key(w, "model");
            tb_json_string(w, row->model);
            tb_json_key(w, "chunks");
            tb_json_int(w, row->chunks);
            tb_json_key(w, "tokens");
            tb_json_int(w, row->tokens);
            tb_json_key(w, "cost");
            tb_json_string(w, row->cost);
            tb_json_close(w, '}');
        } else {
            tb_buf_printf(&ctl->out, "%-18s ", "usage");
            ctl_text_cell(&ctl->out, &ctl->term, CTL_PLAIN, row->workflow_id, 0, 0);
            tb_buf_printf(&ctl->out, ": model %.*s, %lld chunks, %lld tokens, cost %.*s\n",
                          TB_ARG(row->model), (long long)row->chunks, (long long)row->tokens,
                          TB_ARG(row->cost));
        }
    }
    if (ctl->json) {
        tb_json_close(w, ']');
    } else if (u->n > USAGE_SHOWN) {
        tb_buf_printf(&ctl->out, "%-18s more; --json has them\n", "usage");
    }
}

static void print_status(struct ctl *ctl, const struct tb_index_status *s, const struct usage *u)
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
    status_line(ctl, &w, "tickets_refused", s->tickets_refused);
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
    print_usage(ctl, &w, u);
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
    struct usage usage = {0};
    int64_t days = 0;
    enum tb_rc rc = ctl_opt_int(&ctl->args, "days", 1, DAYS_MAX, 0, &days, &err);
    rc = rc == TB_OK ? tb_search_open(ctl->cfg, &s, &err) : rc;
    rc = rc == TB_OK ? tb_index_status(s, ctl->arena, &status, &err) : rc;
    rc = rc == TB_OK
             ? tb_index_usage_read(s, days, USAGE_MAX, ctl->arena, &usage.rows, &usage.n, &err)
             : rc;
    int code = CTL_DONE;
    if (rc == TB_OK) {
        print_status(ctl, &status, &usage);
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
