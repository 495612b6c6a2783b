#include "indexer/embed/embed.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/utf8.h"
#include "common/http/http.h"
#include "indexer/core/tokens.h"
#include "indexer/embed/answer.h"
#include "indexer/embed/provider.h"

enum {
    REQUEST_MAX = 64 * 1024 * 1024,
    ANSWER_MAX = 256 * 1024 * 1024,
    ROUND_MAX = 64, /* requests handed to the HTTP client at once */
    HALVINGS_MAX = 6,
    TEXT_MIN = 16,            /* bytes: shorter texts are not halved */
    GROUP_BYTES = 256 * 1024, /* of one request's texts: answers are to come in reasonable time */
    BROKE_MS = 60 * 1000,     /* how long to leave a service alone that wants money */
};

struct tb_embedder {
    struct tb_embed_options opt;
    const struct tb_provider *provider;
    struct tb_http *http;
    char *url;
    char *api_key;
    bool floats;        /* the server does not take encoding_format=base64 */
    int64_t size_max;   /* inputs of one request: configured, and what the service allows */
    int64_t size;       /* at most that: what the server manages in time */
    int64_t tokens_max; /* of one request */
    int64_t bytes_max;  /* of one request's texts */
    struct tb_embed_stats stats;
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void set_limits(struct tb_embedder *e)
{
    const struct tb_provider *p = e->provider;
    e->size_max = least(e->opt.batch, p->inputs_max);
    e->size = e->size_max;
    e->tokens_max = p->request_tokens ? p->request_tokens : INT64_MAX;
    e->bytes_max = p->request_bytes ? least(p->request_bytes, GROUP_BYTES) : GROUP_BYTES;
    if (e->opt.gate) {
        e->tokens_max = least(e->tokens_max, tb_pace_request_tokens(&e->opt.gate->pace));
    }
}

enum tb_rc tb_embedder_new(const struct tb_embed_options *opt, struct tb_embedder **ret,
                           struct tb_error *err)
{
    *ret = NULL;
    const struct tb_provider *provider = tb_provider_of(opt->provider);
    if (!provider) {
        return tb_fail_field(err, TB_EINVAL, "EMBEDDING_PROVIDER",
                             "EMBEDDING_PROVIDER must be openai, ollama, tei, vllm or local, "
                             "it is \"%s\"",
                             opt->provider);
    }
    struct tb_embedder *e = calloc(1, sizeof *e);
    if (!e) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    size_t len = strlen(opt->url);
    while (len && opt->url[len - 1] == '/') {
        len--;
    }
    e->opt = *opt;
    e->provider = provider;
    set_limits(e);
    bool ok = asprintf(&e->url, "%.*s/embeddings", (int)len, opt->url) > 0;
    if (ok && opt->api_key && opt->api_key[0]) {
        ok = asprintf(&e->api_key, "Bearer %s", opt->api_key) > 0;
    }
    struct tb_http_options http = {.timeout_ms = opt->timeout_ms,
                                   .parallel = opt->parallel,
                                   .max_answer = ANSWER_MAX,
                                   .stop = opt->stop};
    enum tb_rc rc =
        ok ? tb_http_new(&http, &e->http, err) : tb_fail(err, TB_ENOMEM, "out of memory");
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
        free(e);
    }
}

const struct tb_embed_stats *tb_embed_stats(const struct tb_embedder *e)
{
    return &e->stats;
}

int64_t tb_embedder_batch(const struct tb_embedder *e)
{
    return e->size_max;
}

/* A run of inputs that travels in one request. */
struct group {
    struct tb_embed_input **inputs;
    size_t n;
    int64_t tokens;   /* estimated */
    int64_t began_us; /* when it was sent */
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
    return e->provider->dimensions && tb_str_starts(e->opt.model->name, "text-embedding-3");
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

/* Groups that may begin (see pick_groups). */
static enum tb_rc send_groups(struct run *r, struct group *groups, size_t n,
                              struct tb_http_answer *answers, struct tb_error *err)
{
    struct tb_http_request requests[ROUND_MAX];
    int64_t now = tb_clock_mono_us();
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
        groups[i].began_us = now;
        r->e->stats.inputs += groups[i].n;
    }
    r->e->stats.requests += n;
    return tb_http_run(r->e->http, requests, n, r->arena, answers, err);
}

/* A group, once the pace allows it. */
static enum tb_rc send_one(struct run *r, struct group *g, struct tb_http_answer *a,
                           struct tb_error *err)
{
    struct tb_embed_gate *gate = r->e->opt.gate;
    if (gate && !tb_embed_gate_begin(gate, g->tokens, true, r->e->opt.stop)) {
        return tb_fail(err, TB_EUNAVAILABLE, "stopped");
    }
    enum tb_rc rc = send_groups(r, g, 1, a, err);
    if (rc != TB_OK && gate) {
        tb_embed_gate_end(gate, g->began_us, TB_PACE_OTHER, 0);
    }
    return rc;
}

/* ---- answers ---- */

enum verdict { DONE, AWAY, REFUSED, TOO_MUCH };

/* Requests that time out are halved, else a slow server would be asked the same too much again and
 * again; each success of a full one lets the next be larger by a quarter. */
static void adapt(struct run *r, size_t n, bool in_time)
{
    struct tb_embedder *e = r->e;
    int64_t sent = (int64_t)n;
    if (!in_time && sent <= e->size) {
        e->size = sent / 2 < 1 ? 1 : sent / 2;
    } else if (in_time && sent >= least(r->size, e->size) && e->size < e->size_max) {
        e->size = least(e->size_max, e->size + e->size / 4 + 1);
    }
}

static void ended(struct run *r, const struct group *g, enum tb_pace_end how, int64_t wait_ms)
{
    if (r->e->opt.gate) {
        tb_embed_gate_end(r->e->opt.gate, g->began_us, how, wait_ms > 0 ? wait_ms * 1000 : 0);
    }
}

static void leave_open(struct run *r, const struct tb_http_answer *a, const char *why,
                       int64_t wait_ms)
{
    if (a->status) {
        tb_fail(&r->away, TB_EUNAVAILABLE, "the embedding service answered %d: %s", a->status, why);
        (void)snprintf(r->away.code, sizeof r->away.code, "%d", a->status);
    } else {
        tb_fail(&r->away, TB_EUNAVAILABLE, "%s", why);
    }
    r->wait_ms = wait_ms > r->wait_ms ? wait_ms : r->wait_ms;
}

/* Of what the server counted, or of our estimate where it does not count. Returns the sum. */
static uint64_t share_tokens(const struct group *g, uint64_t counted)
{
    uint64_t estimated = 0;
    uint64_t given = 0;
    for (size_t i = 0; i < g->n; i++) {
        estimated += g->inputs[i]->tokens;
    }
    for (size_t i = 0; counted && i < g->n; i++) {
        uint64_t share = i + 1 == g->n ? counted - given
                         : estimated   ? counted * g->inputs[i]->tokens / estimated
                                       : counted / g->n;
        g->inputs[i]->tokens = share;
        given += share;
    }
    return counted ? counted : estimated;
}

static enum verdict take_vectors(struct run *r, const struct group *g,
                                 const struct tb_http_answer *a)
{
    char why[160] = "out of memory";
    uint64_t tokens = 0;
    float **vectors = TB_NEW_N(r->arena, float *, g->n);
    size_t dim = (size_t)r->e->opt.model->dim;
    if (!vectors ||
        !tb_embed_read(a->body, g->n, dim, r->arena, vectors, &tokens, why, sizeof why)) {
        r->e->stats.failures++;
        ended(r, g, TB_PACE_OTHER, 0);
        leave_open(r, a, why, 0);
        return AWAY;
    }
    r->e->stats.tokens += share_tokens(g, tokens);
    ended(r, g, TB_PACE_FINE, 0);
    adapt(r, g->n, true);
    for (size_t i = 0; i < g->n; i++) {
        g->inputs[i]->vector = vectors[i];
        g->inputs[i]->state = TB_INPUT_DONE;
    }
    return DONE;
}

/* No answer: a server that could not be reached says nothing about the size of requests. */
static enum verdict no_answer(struct run *r, const struct group *g, const struct tb_http_answer *a)
{
    r->e->stats.failures++;
    if (!a->unreached) {
        adapt(r, g->n, false);
    }
    ended(r, g, a->unreached ? TB_PACE_OTHER : TB_PACE_OVERLOADED, 0);
    leave_open(r, a, a->error, 0);
    return AWAY;
}

/* The service takes less in one request than was sent: that holds from now on. */
static enum verdict learn_limit(struct run *r, const struct group *g, const struct tb_complaint *c)
{
    struct tb_embedder *e = r->e;
    int64_t half = (int64_t)g->n / 2 < 1 ? 1 : (int64_t)g->n / 2;
    if (c->kind == TB_ANSWER_MANY) {
        e->size_max = least(e->size_max, c->most && c->most < (int64_t)g->n ? c->most : half);
        e->size = least(e->size, e->size_max);
    } else if (g->n > 1) {
        e->tokens_max = least(e->tokens_max, g->tokens / 2 < 1 ? 1 : g->tokens / 2);
    }
    return TOO_MUCH;
}

static enum verdict judge(struct run *r, const struct group *g, const struct tb_http_answer *a)
{
    struct tb_embed_stats *stats = &r->e->stats;
    char why[160];
    if (a->rc != TB_OK) {
        return no_answer(r, g, a);
    }
    if (a->status == 200) {
        return take_vectors(r, g, a);
    }
    struct tb_complaint c = tb_provider_complaint(a->status, a->body, why, sizeof why);
    int64_t wait_ms = a->retry_after_ms;
    switch (c.kind) {
    case TB_ANSWER_MANY:
    case TB_ANSWER_MUCH:
    case TB_ANSWER_LONG:
    case TB_ANSWER_REFUSED:
        stats->refused++;
        ended(r, g, TB_PACE_OTHER, wait_ms);
        for (size_t i = 0; i < g->n; i++) {
            (void)snprintf(g->inputs[i]->reason, sizeof g->inputs[i]->reason, "%s", why);
        }
        return c.kind == TB_ANSWER_MANY || c.kind == TB_ANSWER_MUCH ? learn_limit(r, g, &c)
               : c.kind == TB_ANSWER_LONG                           ? TOO_MUCH
                                                                    : REFUSED;
    case TB_ANSWER_BUSY:
    case TB_ANSWER_BROKE:
        stats->throttled++;
        wait_ms = c.kind == TB_ANSWER_BROKE && wait_ms < BROKE_MS ? BROKE_MS : wait_ms;
        ended(r, g, TB_PACE_OVERLOADED, wait_ms);
        break;
    case TB_ANSWER_BROKEN:
    case TB_ANSWER_SETTINGS:
        stats->failures++;
        ended(r, g, TB_PACE_OTHER, wait_ms);
        break;
    }
    leave_open(r, a, why, wait_ms);
    return AWAY;
}

/* ---- what is refused ---- */

/* Whether the server takes a harmless text: else it refuses everything, and nothing is poison. */
static enum tb_rc probe(struct run *r, struct tb_error *err)
{
    struct tb_embed_input input = {.text = TB_LIT("ticket"), .tokens = 3};
    struct tb_embed_input *inputs[] = {&input};
    struct group g = {inputs, 1, 3, 0};
    struct tb_http_answer a = {.rc = TB_EUNAVAILABLE};
    for (;;) {
        enum tb_rc rc = send_one(r, &g, &a, err);
        if (rc != TB_OK) {
            return rc;
        }
        enum verdict v = judge(r, &g, &a);
        bool refused = v == REFUSED || v == TOO_MUCH;
        if (refused && !r->e->floats) {
            r->e->floats = true; /* perhaps it is base64 that it does not know */
            continue;
        }
        r->healthy = v == DONE;
        if (refused) {
            leave_open(r, &a, input.reason, 0);
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
    uint64_t tokens = input->tokens / 2;
    struct tb_embed_input parts[2] = {
        {.text = {input->text.ptr, half}, .tokens = tokens},
        {.text = {input->text.ptr + half, input->text.len - half},
         .tokens = input->tokens - tokens},
    };
    if (depth == HALVINGS_MAX || input->text.len < TEXT_MIN || half == 0) {
        input->state = TB_INPUT_POISON;
        return TB_OK;
    }
    for (size_t i = 0; i < 2; i++) {
        struct tb_embed_input *one[] = {&parts[i]};
        struct group g = {one, 1, (int64_t)parts[i].tokens, 0};
        struct tb_http_answer a = {.rc = TB_EUNAVAILABLE};
        enum tb_rc rc = send_one(r, &g, &a, err);
        enum verdict v = rc == TB_OK ? judge(r, &g, &a) : AWAY;
        if (rc == TB_OK && v == TOO_MUCH) {
            rc = split_input(r, &parts[i], depth + 1, err);
        } else if (v == REFUSED) {
            parts[i].state = TB_INPUT_POISON;
        }
        if (parts[i].state == TB_INPUT_POISON) {
            (void)snprintf(input->reason, sizeof input->reason, "%s", parts[i].reason);
            input->state = TB_INPUT_POISON;
        }
        if (rc != TB_OK || parts[i].state != TB_INPUT_DONE) {
            return rc; /* the whole stays open, or is poison */
        }
    }
    size_t dim = (size_t)r->e->opt.model->dim;
    float share = (float)half / (float)input->text.len;
    for (size_t d = 0; d < dim; d++) {
        parts[0].vector[d] = parts[0].vector[d] * share + parts[1].vector[d] * (1 - share);
    }
    input->vector = parts[0].vector;
    input->tokens = parts[0].tokens + parts[1].tokens;
    input->state = TB_INPUT_DONE;
    return TB_OK;
}

/* ---- the whole ---- */

struct stack {
    struct group *groups;
    size_t n;
};

static void push(struct stack *st, struct tb_embed_input **inputs, size_t n)
{
    struct group *g = &st->groups[st->n++];
    *g = (struct group){.inputs = inputs, .n = n};
    for (size_t i = 0; i < n; i++) {
        g->tokens += (int64_t)inputs[i]->tokens;
    }
}

static enum tb_rc handle(struct run *r, struct stack *st, const struct group *g,
                         const struct tb_http_answer *a, struct tb_error *err)
{
    bool floats = r->e->floats;
    enum verdict v = judge(r, g, a);
    if (v == DONE || v == AWAY) {
        return TB_OK;
    }
    if (v == REFUSED) {
        enum tb_rc rc = r->healthy < 0 ? probe(r, err) : TB_OK;
        if (rc != TB_OK || r->healthy != 1) {
            return rc;
        }
        if (floats != r->e->floats) {
            push(st, g->inputs, g->n); /* it was refused for its form */
            return TB_OK;
        }
    }
    if (g->n > 1) {
        size_t half = g->n / 2;
        push(st, g->inputs, half);
        push(st, g->inputs + half, g->n - half);
        return TB_OK;
    }
    if (v == TOO_MUCH) {
        return split_input(r, g->inputs[0], 0, err);
    }
    g->inputs[0]->state = TB_INPUT_POISON;
    return TB_OK;
}

/* Groups are cut by what one request may hold. */
static void cut_groups(const struct run *r, struct tb_embed_input **open, size_t n,
                       struct stack *st)
{
    const struct tb_embedder *e = r->e;
    for (size_t i = 0; i < n;) {
        size_t from = i;
        int64_t bytes = 0;
        int64_t tokens = 0;
        while (i < n && (int64_t)(i - from) < r->size) {
            bytes += (int64_t)(open[i]->text.len + r->prefix.len);
            tokens += (int64_t)open[i]->tokens;
            if (i > from && (bytes > e->bytes_max || tokens > e->tokens_max)) {
                break;
            }
            i++;
        }
        push(st, open + from, i - from);
    }
}

/* Groups that were cut before a limit was learnt are divided by it, not by more refusals. */
static void fit_top(const struct run *r, struct stack *st)
{
    const struct tb_embedder *e = r->e;
    for (;;) {
        struct group g = st->groups[st->n - 1];
        size_t keep = g.n;
        if ((int64_t)g.n > e->size_max) {
            keep = (size_t)e->size_max;
        } else if (g.tokens > e->tokens_max && g.n > 1) {
            keep = g.n / 2;
        }
        if (keep == g.n) {
            return;
        }
        st->n--;
        push(st, g.inputs + keep, g.n - keep);
        push(st, g.inputs, keep);
    }
}

/* Takes from the stack as many groups as may be asked for now; waits for the first. */
static size_t pick_groups(struct run *r, struct stack *st, struct group *now)
{
    const struct tb_embed_options *opt = &r->e->opt;
    size_t most = opt->parallel < ROUND_MAX ? opt->parallel : ROUND_MAX;
    size_t k = 0;
    while (st->n && k < most) {
        fit_top(r, st);
        const struct group *g = &st->groups[st->n - 1];
        if (opt->gate && !tb_embed_gate_begin(opt->gate, g->tokens, k == 0, opt->stop)) {
            break;
        }
        now[k++] = *g;
        st->n--;
    }
    return k;
}

static enum tb_rc run_groups(struct run *r, struct stack *st, struct tb_error *err)
{
    struct group now[ROUND_MAX];
    struct tb_http_answer answers[ROUND_MAX] = {0};
    size_t k = pick_groups(r, st, now);
    if (k == 0) {
        return tb_fail(err, TB_EUNAVAILABLE, "stopped");
    }
    enum tb_rc rc = send_groups(r, now, k, answers, err);
    for (size_t i = 0; i < k; i++) {
        if (rc == TB_OK) {
            rc = handle(r, st, &now[i], &answers[i], err);
        } else {
            ended(r, &now[i], TB_PACE_OTHER, 0);
        }
    }
    return rc;
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
            inputs[i].tokens =
                inputs[i].tokens ? inputs[i].tokens : tb_tokens_estimate(inputs[i].text) + 1;
            open[nopen++] = &inputs[i];
        }
    }
    cut_groups(&r, open, nopen, &st);
    while (st.n && r.away.rc == TB_OK) {
        enum tb_rc rc = run_groups(&r, &st, err);
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
