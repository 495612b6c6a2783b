#include "indexer/embed/embed.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/json_write.h"
#include "common/base/utf8.h"
#include "common/http/http.h"
#include "indexer/embed/answer.h"

enum {
    REQUEST_MAX = 64 * 1024 * 1024,
    ANSWER_MAX = 256 * 1024 * 1024,
    ROUND_MAX = 64, /* requests handed to the HTTP client at once */
    HALVINGS_MAX = 6,
    TEXT_MIN = 16, /* bytes: shorter texts are not halved */
};

struct tb_embedder {
    struct tb_embed_options opt;
    struct tb_http *http;
    char *url;
    char *api_key;
    char *provider;
    bool floats;  /* the server does not take encoding_format=base64 */
    int64_t size; /* inputs of one request, at most opt.batch: what the server manages in time */
    struct tb_embed_stats stats;
};

enum tb_rc tb_embedder_new(const struct tb_embed_options *opt, struct tb_embedder **ret,
                           struct tb_error *err)
{
    *ret = NULL;
    struct tb_embedder *e = calloc(1, sizeof *e);
    if (!e) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    size_t len = strlen(opt->url);
    while (len && opt->url[len - 1] == '/') {
        len--;
    }
    e->opt = *opt;
    e->size = opt->batch;
    e->api_key = NULL;
    bool ok = asprintf(&e->url, "%.*s/embeddings", (int)len, opt->url) > 0;
    if (ok && opt->api_key && opt->api_key[0]) {
        ok = asprintf(&e->api_key, "Bearer %s", opt->api_key) > 0;
    }
    e->provider = strdup(opt->provider ? opt->provider : "openai");
    struct tb_http_options http = {.timeout_ms = opt->timeout_ms,
                                   .parallel = opt->parallel,
                                   .max_answer = ANSWER_MAX,
                                   .stop = opt->stop};
    enum tb_rc rc = ok && e->provider ? tb_http_new(&http, &e->http, err)
                                      : tb_fail(err, TB_ENOMEM, "out of memory");
    if (rc != TB_OK) {
        tb_embedder_free(e);
        return rc;
    }
    *ret = e;
    return TB_OK;
}

void tb_embedder_free(struct tb_embedder *e)
{
    if (e) {
        tb_http_free(e->http);
        free(e->url);
        free(e->api_key);
        free(e->provider);
        free(e);
    }
}

const struct tb_embed_stats *tb_embed_stats(const struct tb_embedder *e)
{
    return &e->stats;
}

/* A run of inputs that travels in one request. */
struct group {
    struct tb_embed_input **inputs;
    size_t n;
};

struct run {
    struct tb_embedder *e;
    struct tb_arena *arena;
    tb_str prefix;
    int64_t size;         /* inputs of a request, as the groups were cut */
    int64_t wait_ms;      /* longest that was asked for */
    struct tb_error away; /* why something is still open */
    int healthy;          /* of the probe: -1 not asked yet, 0 refused, 1 answered */
};

/* ---- requests ---- */

/* OpenAI's newer models shorten their vectors on demand. */
static bool wants_dimensions(const struct tb_embedder *e)
{
    return strcmp(e->provider, "openai") == 0 &&
           tb_str_starts(e->opt.model->name, "text-embedding-3");
}

static tb_str request_body(const struct run *r, const struct group *g)
{
    tb_buf buf;
    tb_buf_init(&buf, REQUEST_MAX);
    struct tb_json w = {.buf = &buf};
    tb_json_open(&w, '{');
    tb_json_key(&w, "model");
    tb_json_string(&w, r->e->opt.model->name);
    if (!r->e->floats) {
        tb_json_key(&w, "encoding_format");
        tb_json_string(&w, TB_LIT("base64"));
    }
    if (wants_dimensions(r->e)) {
        tb_json_key(&w, "dimensions");
        tb_json_int(&w, r->e->opt.model->dim);
    }
    tb_json_key(&w, "input");
    tb_json_open(&w, '[');
    for (size_t i = 0; i < g->n; i++) {
        tb_str text = g->inputs[i]->text;
        if (r->prefix.len) {
            text = tb_arena_printf(r->arena, "%.*s%.*s", TB_ARG(r->prefix), TB_ARG(text));
        }
        tb_json_string(&w, text);
    }
    tb_json_close(&w, ']');
    tb_json_close(&w, '}');
    tb_str body = tb_buf_take(&buf, r->arena);
    tb_buf_dispose(&buf);
    return body;
}

static enum tb_rc send_groups(struct run *r, const struct group *groups, size_t n,
                              struct tb_http_answer *answers, struct tb_error *err)
{
    struct tb_http_request requests[ROUND_MAX];
    for (size_t i = 0; i < n; i++) {
        requests[i] = (struct tb_http_request){
            .method = "POST",
            .url = r->e->url,
            .body = request_body(r, &groups[i]),
            .headers = {{"Authorization", r->e->api_key}},
        };
        if (tb_str_is_null(requests[i].body)) {
            return tb_fail(err, TB_ENOMEM, "out of memory asking for embeddings");
        }
        r->e->stats.inputs += groups[i].n;
    }
    r->e->stats.requests += n;
    return tb_http_run(r->e->http, requests, n, r->arena, answers, err);
}

/* ---- answers ---- */

enum verdict { DONE, AWAY, REFUSED };

/* Requests that time out are halved, else a slow server would be asked the same too much again and
 * again; each success of a full one lets the next be larger by one. */
static void adapt(struct run *r, size_t n, bool in_time)
{
    struct tb_embedder *e = r->e;
    int64_t sent = (int64_t)n;
    if (!in_time && sent <= e->size) {
        e->size = sent / 2 < 1 ? 1 : sent / 2;
    } else if (in_time && sent >= r->size && e->size < e->opt.batch) {
        e->size++;
    }
}

static void leave_open(struct run *r, const struct tb_http_answer *a, const char *why)
{
    if (a->status) {
        tb_fail(&r->away, TB_EUNAVAILABLE, "the embedding service answered %d: %s", a->status, why);
        (void)snprintf(r->away.code, sizeof r->away.code, "%d", a->status);
    } else {
        tb_fail(&r->away, TB_EUNAVAILABLE, "%s", why);
    }
    if (a->retry_after_ms > r->wait_ms) {
        r->wait_ms = a->retry_after_ms;
    }
}

static enum verdict judge(struct run *r, const struct group *g, const struct tb_http_answer *a)
{
    struct tb_embed_stats *stats = &r->e->stats;
    char why[160];
    if (a->rc != TB_OK) {
        stats->failures++;
        adapt(r, g->n, false);
        leave_open(r, a, a->error);
        return AWAY;
    }
    if (a->status == 200) {
        uint64_t tokens = 0;
        float **vectors = TB_NEW_N(r->arena, float *, g->n);
        size_t dim = (size_t)r->e->opt.model->dim;
        if (vectors &&
            tb_embed_read(a->body, g->n, dim, r->arena, vectors, &tokens, why, sizeof why)) {
            stats->tokens += tokens;
            adapt(r, g->n, true);
            for (size_t i = 0; i < g->n; i++) {
                g->inputs[i]->vector = vectors[i];
                g->inputs[i]->state = TB_INPUT_DONE;
            }
            return DONE;
        }
        stats->failures++;
        leave_open(r, a, why);
        return AWAY;
    }
    tb_embed_read_error(a->body, why, sizeof why);
    if (a->status == 400 || a->status == 413 || a->status == 422) {
        for (size_t i = 0; i < g->n; i++) {
            (void)snprintf(g->inputs[i]->reason, sizeof g->inputs[i]->reason, "%s", why);
        }
        return REFUSED;
    }
    stats->throttled += a->status == 429;
    stats->failures += a->status != 429;
    leave_open(r, a, why);
    return AWAY;
}

/* ---- what is refused ---- */

/* Whether the server takes a harmless text: else it refuses everything, and nothing is poison. */
static enum tb_rc probe(struct run *r, struct tb_error *err)
{
    struct tb_embed_input input = {.text = TB_LIT("ticket")};
    struct tb_embed_input *inputs[] = {&input};
    struct group g = {inputs, 1};
    struct tb_http_answer a = {.rc = TB_EUNAVAILABLE};
    for (;;) {
        enum tb_rc rc = send_groups(r, &g, 1, &a, err);
        if (rc != TB_OK) {
            return rc;
        }
        enum verdict v = judge(r, &g, &a);
        if (v == REFUSED && !r->e->floats) {
            r->e->floats = true; /* perhaps it is base64 that it does not know */
            continue;
        }
        r->healthy = v == DONE;
        if (v == REFUSED) {
            leave_open(r, &a, input.reason);
        }
        return TB_OK;
    }
}

/* An input alone is refused: too long for the model, or poison. Halves are embedded and their mean,
 * weighted by length, taken for the whole. */
static enum tb_rc split_input(struct run *r, struct tb_embed_input *input, int depth,
                              struct tb_error *err)
{
    size_t half = tb_utf8_prefix(input->text, input->text.len / 2).len;
    struct tb_embed_input parts[2] = {
        {.text = {input->text.ptr, half}},
        {.text = {input->text.ptr + half, input->text.len - half}},
    };
    if (depth == HALVINGS_MAX || input->text.len < TEXT_MIN || half == 0) {
        input->state = TB_INPUT_POISON;
        return TB_OK;
    }
    for (size_t i = 0; i < 2; i++) {
        struct tb_embed_input *one[] = {&parts[i]};
        struct group g = {one, 1};
        struct tb_http_answer a = {.rc = TB_EUNAVAILABLE};
        enum tb_rc rc = send_groups(r, &g, 1, &a, err);
        enum verdict v = rc == TB_OK ? judge(r, &g, &a) : AWAY;
        if (rc == TB_OK && v == REFUSED) {
            rc = split_input(r, &parts[i], depth + 1, err);
        }
        if (rc != TB_OK || parts[i].state == TB_INPUT_OPEN) {
            return rc; /* the whole stays open */
        }
    }
    if (parts[0].state != TB_INPUT_DONE || parts[1].state != TB_INPUT_DONE) {
        input->state = TB_INPUT_POISON;
        return TB_OK;
    }
    size_t dim = (size_t)r->e->opt.model->dim;
    float share = (float)half / (float)input->text.len;
    for (size_t d = 0; d < dim; d++) {
        parts[0].vector[d] = parts[0].vector[d] * share + parts[1].vector[d] * (1 - share);
    }
    input->vector = parts[0].vector;
    input->state = TB_INPUT_DONE;
    return TB_OK;
}

static enum tb_rc settle_single(struct run *r, struct tb_embed_input *input, struct tb_error *err)
{
    if (tb_embed_is_length_error(input->reason)) {
        return split_input(r, input, 0, err);
    }
    input->state = TB_INPUT_POISON;
    return TB_OK;
}

/* ---- the whole ---- */

struct stack {
    struct group *groups;
    size_t n;
};

static enum tb_rc handle(struct run *r, struct stack *st, const struct group *g,
                         const struct tb_http_answer *a, struct tb_error *err)
{
    bool floats = r->e->floats;
    if (judge(r, g, a) != REFUSED) {
        return TB_OK;
    }
    enum tb_rc rc = r->healthy < 0 ? probe(r, err) : TB_OK;
    if (rc != TB_OK || r->healthy != 1) {
        return rc;
    }
    if (floats != r->e->floats) {
        st->groups[st->n++] = *g; /* it was refused for its form */
        return TB_OK;
    }
    if (g->n > 1) {
        size_t half = g->n / 2;
        st->groups[st->n++] = (struct group){g->inputs, half};
        st->groups[st->n++] = (struct group){g->inputs + half, g->n - half};
        return TB_OK;
    }
    return settle_single(r, g->inputs[0], err);
}

/* Groups are cut by number and by bytes: servers limit tokens, which bytes bound. */
static size_t cut_groups(const struct run *r, struct tb_embed_input **open, size_t n,
                         struct group *groups)
{
    enum { GROUP_BYTES = 256 * 1024 };
    size_t ngroups = 0;
    for (size_t i = 0; i < n;) {
        size_t bytes = 0;
        size_t from = i;
        while (i < n && (int64_t)(i - from) < r->size &&
               (i == from || bytes + open[i]->text.len <= GROUP_BYTES)) {
            bytes += open[i++]->text.len;
        }
        groups[ngroups++] = (struct group){open + from, i - from};
    }
    return ngroups;
}

enum tb_rc tb_embed_run(struct tb_embedder *e, struct tb_embed_input *inputs, size_t n, bool query,
                        struct tb_arena *arena, int64_t *ret_wait_ms, struct tb_error *err)
{
    const struct tb_embedding_model *model = e->opt.model;
    struct run r = {.e = e,
                    .arena = arena,
                    .prefix = query ? model->query_prefix : model->passage_prefix,
                    .size = e->size,
                    .healthy = -1};
    struct tb_embed_input **open = TB_NEW_N(arena, struct tb_embed_input *, n + 1);
    /* Each refusal takes one group away and adds two. */
    struct stack st = {TB_NEW_N(arena, struct group, 2 * n + 2), 0};
    size_t nopen = 0;
    if (!open || !st.groups) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        if (inputs[i].state == TB_INPUT_OPEN) {
            open[nopen++] = &inputs[i];
        }
    }
    st.n = cut_groups(&r, open, nopen, st.groups);
    while (st.n && r.away.rc == TB_OK) {
        struct group now[ROUND_MAX];
        struct tb_http_answer answers[ROUND_MAX] = {0};
        size_t most = e->opt.parallel < ROUND_MAX ? e->opt.parallel : ROUND_MAX;
        size_t k = st.n < most ? st.n : most;
        for (size_t i = 0; i < k; i++) {
            now[i] = st.groups[--st.n];
        }
        enum tb_rc rc = send_groups(&r, now, k, answers, err);
        for (size_t i = 0; i < k && rc == TB_OK; i++) {
            rc = handle(&r, &st, &now[i], &answers[i], err);
        }
        if (rc != TB_OK) {
            return rc;
        }
    }
    *ret_wait_ms = r.wait_ms;
    if (r.away.rc != TB_OK) {
        if (err) {
            *err = r.away;
        }
        return TB_EUNAVAILABLE;
    }
    return TB_OK;
}
