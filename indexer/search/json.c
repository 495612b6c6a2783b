/* Answers of a search as JSON. */
#include <stdio.h>

#include "common/base/attr.h"
#include "indexer/search/search.h"

static void add_number(struct tb_json *w, const char *name, double value)
{
    char number[40];
    int n = snprintf(number, sizeof number, "%.6g", value);
    tb_json_key(w, name);
    tb_json_raw(w, (tb_str){number, (size_t)n});
}

/* Places and shares of the legs, and the query's words in the passage. */
static void explain_json(struct tb_json *w, const struct tb_search_hit *h)
{
    tb_json_key(w, "ranks");
    tb_json_open(w, '{');
    for (size_t i = 0; i < TB_LEGS_; i++) {
        if (h->ranks[i]) {
            tb_json_key(w, tb_search_leg_names[i]);
            tb_json_int(w, (int64_t)h->ranks[i]);
        }
    }
    tb_json_close(w, '}');
    tb_json_key(w, "parts");
    tb_json_open(w, '{');
    for (size_t i = 0; i < TB_LEGS_; i++) {
        if (h->ranks[i]) {
            add_number(w, tb_search_leg_names[i], h->parts[i]);
        }
    }
    tb_json_close(w, '}');
    tb_json_key(w, "highlights");
    tb_json_open(w, '[');
    for (size_t i = 0; i < h->nmarks; i++) {
        tb_json_open(w, '[');
        tb_json_int(w, (int64_t)h->marks[i].from);
        tb_json_int(w, (int64_t)h->marks[i].to);
        tb_json_close(w, ']');
    }
    tb_json_close(w, ']');
}

void tb_search_hit_json(struct tb_json *w, const struct tb_search_hit *h, bool explain)
{
    const struct {
        const char *name;
        tb_str value;
    } texts[] = {
        {"ticket_id", h->ticket_id},     {"external_id", h->external_id},
        {"workflow_id", h->workflow_id}, {"title", h->title},
        {"status", h->status},           {"ticket_type", h->ticket_type},
        {"priority", h->priority},       {"assigned_agent_id", h->assignee},
        {"passage", h->passage},         {"passage_comment_id", h->passage_comment_id},
    };
    tb_json_open(w, '{');
    for (size_t i = 0; i < TB_COUNT(texts); i++) {
        tb_json_key(w, texts[i].name);
        tb_json_string(w, texts[i].value);
    }
    tb_json_key(w, "is_blocked");
    tb_json_bool(w, h->is_blocked);
    tb_json_key(w, "is_resolved");
    tb_json_bool(w, h->is_resolved);
    tb_json_key(w, "updated_at");
    tb_json_time(w, h->updated_at);
    add_number(w, "score", h->score);
    add_number(w, "similarity", h->similarity);
    if (explain) {
        explain_json(w, h);
    }
    tb_json_close(w, '}');
}

void tb_search_degraded_json(struct tb_json *w, const struct tb_search_answer *a)
{
    tb_json_key(w, "degraded");
    tb_json_open(w, '[');
    for (size_t i = 0; i < a->ndegraded; i++) {
        tb_json_open(w, '{');
        tb_json_key(w, "leg");
        tb_json_string(w, tb_str_of(a->degraded[i].leg));
        tb_json_key(w, "why");
        tb_json_string(w, tb_str_of(a->degraded[i].why));
        tb_json_close(w, '}');
    }
    tb_json_close(w, ']');
}
