/* Calls answered by a stream of server-sent events: an id to come back with, progress every second,
 * the answer. */
#include "common/base/clock.h"
#include "common/crypto/crypto.h"
#include "gateway/http/mcp_call.h"

#define ARENA_MAX  ((size_t)256 * 1024 * 1024)
#define STREAM_MAX ((size_t)64 * 1024 * 1024)
#define RETRY_MS   1000

void tb_mcp_event(tb_buf *out, struct tb_mcp_resume *resume, tb_str message)
{
    if (resume) {
        resume->event++;
        tb_buf_add_c(out, "id: ");
        tb_mcp_event_id(out, resume);
        tb_buf_add_char(out, '\n');
    }
    if (tb_str_is_null(message)) {
        tb_buf_printf(out, "retry: %d\ndata:\n\n", RETRY_MS);
        return;
    }
    tb_buf_add_c(out, "event: message\ndata: ");
    tb_buf_add_str(out, message);
    tb_buf_add_c(out, "\n\n");
}

static struct tb_mcp_resume *resume_of(struct tb_mcp_exchange *x)
{
    return tb_str_is_null(x->resume.command_id) ? NULL : &x->resume;
}

static void push(struct tb_mcp_exchange *x, const tb_buf *event)
{
    struct tb_httpd_bytes *bytes =
        event->failed ? NULL : tb_httpd_bytes_new(event->ptr, event->len);
    if (bytes) {
        (void)tb_httpd_stream_push(x->stream, bytes);
        tb_httpd_bytes_unref(bytes);
    }
}

/* ---- progress ---- */

static void add_progress(struct tb_mcp_exchange *x, int64_t now_us, tb_buf *out)
{
    int64_t waited_s = (now_us - x->started_us) / 1000000;
    int64_t total_s = tb_config_int(x->gw->cfg, TB_CFG(GATEWAY_WAIT_MS)) / 1000;
    const char *text = tb_str_is_null(x->resume.command_id)
                           ? "asked; the answer comes next"
                           : "sent; waiting for its outcome, which get_command knows as well";
    tb_buf message;
    tb_buf_init(&message, STREAM_MAX);
    tb_mcp_progress(&message, x->step.progress_token, waited_s,
                    total_s > waited_s ? total_s : waited_s + 1, text);
    tb_mcp_event(out, resume_of(x), tb_buf_str(&message));
    out->failed = out->failed || message.failed;
    tb_buf_dispose(&message);
}

void tb_gw_mcp_tick(struct tb_gateway *gw)
{
    int64_t now_us = tb_clock_mono_us();
    (void)pthread_mutex_lock(&gw->mcp.lock);
    for (struct tb_mcp_exchange *x = gw->mcp.first; x; x = x->next) {
        if (!tb_str_is_null(x->step.progress_token) && now_us - x->started_us >= 1000000) {
            tb_buf event;
            tb_buf_init(&event, STREAM_MAX);
            add_progress(x, now_us, &event);
            push(x, &event);
            tb_buf_dispose(&event);
        }
    }
    (void)pthread_mutex_unlock(&gw->mcp.lock);
}

static void enlist(struct tb_mcp_exchange *x)
{
    struct tb_gateway *gw = x->gw;
    (void)pthread_mutex_lock(&gw->mcp.lock);
    x->prev = NULL;
    x->next = gw->mcp.first;
    if (x->next) {
        x->next->prev = x;
    }
    gw->mcp.first = x;
    (void)pthread_mutex_unlock(&gw->mcp.lock);
}

static void delist(struct tb_mcp_exchange *x)
{
    struct tb_gateway *gw = x->gw;
    (void)pthread_mutex_lock(&gw->mcp.lock);
    if (x->prev) {
        x->prev->next = x->next;
    } else {
        gw->mcp.first = x->next;
    }
    if (x->next) {
        x->next->prev = x->prev;
    }
    (void)pthread_mutex_unlock(&gw->mcp.lock);
}

/* ---- beginning and end ---- */

/* A command can be found again by its id, which must be known before it is sent. One that has a key
 * of its caller's other than a UUID has none yet: the caller repeats the call with that key. */
static void make_resumable(struct tb_mcp_exchange *x, struct tb_arena *arena)
{
    struct tb_uuid id;
    char text[TB_UUID_TEXT_LEN + 1];
    bool command = x->step.op && x->step.op->kind == TB_OP_COMMAND;
    x->resume = (struct tb_mcp_resume){.command_id = TB_STR_NULL};
    if ((x->step.op && !command) || x->step.id.len > TB_MCP_RESUME_ID_MAX) {
        return;
    }
    if (tb_str_is_null(x->step.idempotency_key)) {
        id = tb_uuid_v7_new();
    } else if (!tb_uuid_parse(x->step.idempotency_key, &id)) {
        return;
    }
    tb_uuid_format(&id, text);
    x->step.idempotency_key = tb_arena_str(arena, tb_str_of(text));
    x->resume.command_id = x->step.idempotency_key;
    x->resume.request_id = x->step.id;
    x->resume.since_s = tb_clock_wall_us() / 1000000;
}

static tb_str head_of(struct tb_mcp_exchange *x, struct tb_arena *arena)
{
    tb_buf head;
    tb_buf_init(&head, STREAM_MAX);
    if (x->primes && resume_of(x)) {
        tb_mcp_event(&head, &x->resume, TB_STR_NULL);
    }
    if (!tb_str_is_null(x->step.progress_token)) {
        add_progress(x, x->started_us, &head);
    }
    tb_str text = tb_buf_take(&head, arena);
    tb_buf_dispose(&head);
    return tb_str_is_null(text) ? TB_LIT("") : text;
}

struct tb_mcp_exchange *tb_mcp_stream_begin(const struct tb_mcp_exchange *from)
{
    struct tb_httpd_request *req = from->req;
    struct tb_arena *arena = tb_arena_new(ARENA_MAX);
    struct tb_mcp_exchange *x = arena ? TB_NEW(arena, struct tb_mcp_exchange) : NULL;
    if (!x) {
        tb_arena_free(arena);
        tb_gw_problem(req, 503, "unavailable", NULL, "out of memory");
        return NULL;
    }
    *x = *from;
    tb_str *const strings[] = {&x->step.id,
                               &x->step.uri,
                               &x->step.params,
                               &x->step.prefix,
                               &x->step.progress_token,
                               &x->step.idempotency_key,
                               &x->call.secret,
                               &x->call.agent,
                               &x->call.agent_type,
                               &x->call.traceparent};
    for (size_t i = 0; i < TB_COUNT(strings); i++) {
        *strings[i] = tb_str_is_null(*strings[i]) ? TB_STR_NULL : tb_arena_str(arena, *strings[i]);
    }
    x->req = NULL;
    x->call.arena = arena;
    x->call.arg = x;
    x->started_us = tb_clock_mono_us();
    make_resumable(x, arena);
    const struct tb_httpd_header headers[] = {{"Cache-Control", TB_LIT("no-store")},
                                              {"X-Accel-Buffering", TB_LIT("no")}};
    const struct tb_httpd_response res = {.status = 200,
                                          .content_type = "text/event-stream",
                                          .body = head_of(x, arena),
                                          .headers = headers,
                                          .nheaders = TB_COUNT(headers)};
    const struct tb_httpd_stream_options opt = {.max_pending = STREAM_MAX};
    x->stream = tb_httpd_stream_begin(req, &res, &opt);
    if (!x->stream) {
        tb_arena_free(arena);
        return NULL;
    }
    enlist(x);
    return x;
}

void tb_mcp_stream_end(struct tb_mcp_exchange *x, tb_str answer)
{
    tb_buf event;
    delist(x);
    tb_buf_init(&event, STREAM_MAX + STREAM_MAX / 8);
    tb_mcp_event(&event, resume_of(x), answer);
    push(x, &event);
    tb_buf_dispose(&event);
    tb_httpd_stream_end(x->stream);
    tb_httpd_stream_release(x->stream);
    tb_arena_free(x->call.arena); /* x too */
}
