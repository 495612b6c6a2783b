/* search, similar: over the library of the indexer, or a gateway. */
#include <stdio.h>

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
        ctl_text_marked(out, &ctl->term, h->passage, h->marks, h->nmarks,
                        ctl->term.width > 20 ? ctl->term.width - 4 : 160);
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
