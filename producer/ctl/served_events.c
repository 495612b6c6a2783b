/* Events from a gateway's stream (server-sent events), resumed where it broke off. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/http/http.h"
#include "common/json/event.h"
#include "producer/ctl/served.h"

#define LINE_MAX_BYTES ((size_t)16 * 1024 * 1024)
#define REFUSAL_MAX    ((size_t)64 * 1024)
#define QUIET_US       1500000 /* without following: nothing for this long is the end */
#define FIRST_WAIT_US  8000000 /* and so long until the first event */
#define BEGINNING      "0=0"   /* partitions an id does not name stand at their beginning */
enum { SILENT_MS = 60000, AGAIN_MS = 500, AGAIN_MAX = 20 };

struct stream {
    const struct ctl_event_query *query;
    ctl_event_fn *fn;
    void *arg;
    tb_buf line; /* as far as it has come */
    tb_buf data; /* of the event under way */
    tb_buf id;
    tb_buf last_id; /* of the last whole event, or heartbeat */
    struct tb_arena *scratch;
    int64_t last_us;
    bool any; /* an event was handed out */
    bool ended;
};

/* The event as libticketbus hands it out. */
static bool hand_out(struct stream *s)
{
    tb_str bytes = tb_buf_str(&s->data);
    struct tb_event e = {.time_us = TB_TIME_NONE};
    const struct tb_tree *data = NULL;
    struct tb_error why = {0};
    tb_arena_reset(s->scratch);
    if (tb_event_decode(bytes, s->scratch, &e, &why) != TB_OK ||
        tb_tree_parse(e.data, s->scratch, &data, &why) != TB_OK) {
        ctl_say("an event that cannot be read: %s", why.text);
        return true;
    }
    const struct ticketbus_event event = {
        .type = tb_arena_str(s->scratch, e.type_name).ptr,
        .id = tb_arena_str(s->scratch, e.id).ptr,
        .subject = tb_arena_str(s->scratch, e.subject).ptr,
        .sequence = e.sequence,
        .time_us = e.time_us,
        .actor = tb_arena_str(s->scratch, e.actor).ptr,
        .workflow_id = ctl_told_text(data, "workflow_id").ptr,
        .code = e.sequence ? NULL : ctl_told_text(data, "code").ptr,
        .message = e.sequence ? NULL : ctl_told_text(data, "message").ptr,
        .data = e.data.ptr,
        .data_len = e.data.len,
        .json = bytes.ptr,
        .json_len = bytes.len,
    };
    s->any = true;
    return s->fn(&event, s->arg);
}

static bool is_field(tb_str line, const char *name, tb_str *ret)
{
    size_t n = strlen(name);
    if (!tb_str_starts(line, name) || line.len <= n || line.ptr[n] != ':') {
        return false;
    }
    size_t skip = n + 1 < line.len && line.ptr[n + 1] == ' ' ? n + 2 : n + 1;
    *ret = (tb_str){line.ptr + skip, line.len - skip};
    return true;
}

static bool take_line(struct stream *s, tb_str line)
{
    tb_str value;
    if (line.len > 0) {
        if (is_field(line, "data", &value)) {
            tb_buf_add_c(&s->data, s->data.len ? "\n" : "");
            tb_buf_add_str(&s->data, value);
        } else if (is_field(line, "id", &value)) {
            tb_buf_clear(&s->id);
            tb_buf_add_str(&s->id, value);
        }
        return true;
    }
    bool more = s->data.len == 0 || hand_out(s);
    if (s->id.len > 0) {
        tb_buf_clear(&s->last_id);
        tb_buf_add_str(&s->last_id, tb_buf_str(&s->id));
    }
    tb_buf_clear(&s->data);
    return more;
}

static bool take(tb_str piece, void *arg)
{
    struct stream *s = arg;
    int64_t now = tb_clock_mono_us();
    if (piece.len == 0) {
        bool quiet = now - s->last_us > (s->any ? QUIET_US : FIRST_WAIT_US);
        s->ended = !s->fn(NULL, s->arg) || (quiet && !s->query->follow);
        return !s->ended;
    }
    for (size_t i = 0; i < piece.len && !s->ended; i++) {
        char c = piece.ptr[i];
        if (c == '\r') {
            continue;
        }
        if (c != '\n') {
            tb_buf_add_char(&s->line, c);
            continue;
        }
        size_t had = s->data.len;
        s->ended = !take_line(s, tb_buf_str(&s->line));
        s->last_us = had > 0 ? now : s->last_us;
        tb_buf_clear(&s->line);
    }
    return !s->ended;
}

static enum tb_rc refused(struct ctl *ctl, const struct tb_http_answer *answer,
                          struct tb_error *err)
{
    struct ctl_told told = {.status = answer->status, .body = answer->body};
    struct tb_error ignored;
    if (tb_tree_parse(answer->body, ctl->arena, &told.root, &ignored) != TB_OK) {
        told.root = NULL;
    }
    return ctl_server_refused(&told, err);
}

/* One connection. TB_EUNAVAILABLE: worth another. */
static enum tb_rc connect_once(struct ctl *ctl, struct stream *s, const char *url,
                               struct tb_error *err)
{
    struct tb_http_answer answer = {0};
    tb_str last = s->last_id.len ? tb_arena_str(s->scratch, tb_buf_str(&s->last_id)) : TB_STR_NULL;
    const struct tb_http_options opt = {
        .timeout_ms = tb_config_int(ctl->cfg, TB_CFG(HTTP_TIMEOUT_MS)),
        .max_answer = REFUSAL_MAX,
        .ca_file = tb_config_str(ctl->cfg, TB_CFG(SERVER_CA)),
        .unverified = !tb_config_bool(ctl->cfg, TB_CFG(SERVER_VERIFY)),
    };
    char *last_id = last.ptr ? strndup(last.ptr, last.len) : NULL; /* scratch is reset meanwhile */
    const struct tb_http_request request = {
        .method = "GET",
        .url = url,
        .headers = {{"Authorization", ctl_server_authorization(ctl)}, {"Last-Event-ID", last_id}},
    };
    tb_buf_clear(&s->line);
    tb_buf_clear(&s->data);
    enum tb_rc rc = tb_http_follow(&opt, &request, SILENT_MS, take, s, ctl->arena, &answer, err);
    free(last_id);
    if (rc != TB_OK || s->ended) {
        return rc;
    }
    if (answer.status >= 400) {
        return refused(ctl, &answer, err);
    }
    if (answer.rc == TB_OK) { /* its time was over, or the gateway is going */
        return tb_fail(err, TB_EUNAVAILABLE, "the stream ended");
    }
    return tb_fail(err, answer.rc, "%s", answer.error);
}

static const char *stream_url(struct ctl *ctl, const struct ctl_event_query *query)
{
    struct ctl_url url;
    ctl_url_init(&url, "/events");
    ctl_url_add(&url, "ticket_id", query->ticket);
    ctl_url_add(&url, "workflow_id", query->workflow);
    const char *text = url.text.failed ? NULL : ctl_server_url(ctl, tb_buf_str(&url.text));
    ctl_url_dispose(&url);
    return text;
}

enum tb_rc ctl_served_events(struct ctl *ctl, const struct ctl_event_query *query, ctl_event_fn *fn,
                             void *arg, struct tb_error *err)
{
    struct stream s = {.query = query, .fn = fn, .arg = arg, .last_us = tb_clock_mono_us()};
    const char *url = stream_url(ctl, query);
    int failures = 0;
    s.scratch = tb_arena_new(0);
    if (!s.scratch || !url) {
        tb_arena_free(s.scratch);
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    tb_buf_init(&s.line, LINE_MAX_BYTES);
    tb_buf_init(&s.data, LINE_MAX_BYTES);
    tb_buf_init(&s.id, REFUSAL_MAX);
    tb_buf_init(&s.last_id, REFUSAL_MAX);
    tb_buf_add_c(&s.last_id, query->from_start ? BEGINNING : "");
    enum tb_rc rc = TB_OK;
    while (!s.ended) {
        int64_t began = tb_clock_mono_us();
        rc = connect_once(ctl, &s, url, err);
        failures = tb_clock_mono_us() - began > 5000000 ? 0 : failures + 1;
        if (rc != TB_EUNAVAILABLE || failures > (query->follow ? AGAIN_MAX : 2)) {
            break;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = AGAIN_MS * 1000000L}, NULL);
        s.ended = s.ended || !fn(NULL, arg);
        rc = TB_OK;
    }
    tb_buf_dispose(&s.line);
    tb_buf_dispose(&s.data);
    tb_buf_dispose(&s.id);
    tb_buf_dispose(&s.last_id);
    tb_arena_free(s.scratch);
    return rc;
}
