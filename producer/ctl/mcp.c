/* mcp: the gateway's Model Context Protocol on stdin and stdout, for agents that start programs.
 * One message a line; each is handed to the gateway and its answer printed, so that there is one
 * implementation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json_write.h"
#include "common/http/http.h"
#include "common/json/tree.h"
#include "producer/ctl/server.h"
#include "producer/ctl/verbs.h"

#define LINE_MAX_BYTES   ((size_t)8 * 1024 * 1024)
#define ANSWER_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define INTERNAL_ERROR   (-32603)

struct bridge {
    struct tb_http *http;
    tb_str url;
    tb_str authorization;
    tb_str agent; /* null: the token's */
    char *line;
    size_t room;
};

static void print(tb_str text)
{
    (void)fwrite(text.ptr, 1, text.len, stdout);
    (void)putchar('\n');
    (void)fflush(stdout);
}

/* What the gateway could not answer itself. Notifications are not answered. */
static void print_failure(tb_str message, tb_str why, struct tb_arena *arena)
{
    const struct tb_tree *root = NULL;
    struct tb_error err = {.rc = TB_OK};
    if (tb_tree_parse(message, arena, &root, &err) != TB_OK || !tb_tree_get(root, "id")) {
        return;
    }
    tb_buf buf;
    tb_buf_init(&buf, (size_t)64 * 1024);
    struct tb_json w = {.buf = &buf};
    tb_json_open(&w, '{');
    tb_json_key(&w, "jsonrpc");
    tb_json_string(&w, TB_LIT("2.0"));
    tb_json_key(&w, "id");
    tb_json_raw(&w, tb_tree_get(root, "id")->raw);
    tb_json_key(&w, "error");
    tb_json_open(&w, '{');
    tb_json_key(&w, "code");
    tb_json_int(&w, INTERNAL_ERROR);
    tb_json_key(&w, "message");
    tb_json_string(&w, why);
    tb_json_close(&w, '}');
    tb_json_close(&w, '}');
    if (!buf.failed) {
        print(tb_buf_str(&buf));
    }
    tb_buf_dispose(&buf);
}

/* The gateway's problem (RFC 9457) in a sentence. */
static tb_str problem(const struct tb_http_answer *answer, struct tb_arena *arena)
{
    const struct tb_tree *root = NULL;
    struct tb_error err = {.rc = TB_OK};
    const struct tb_tree *detail = tb_tree_parse(answer->body, arena, &root, &err) == TB_OK
                                       ? tb_tree_get(root, "detail")
                                       : NULL;
    tb_str text = detail ? detail->text : TB_STR_NULL;
    return tb_arena_printf(arena, "the gateway answers %d: %.*s", answer->status, TB_ARG(text));
}

static enum tb_rc pass_on(const struct bridge *b, tb_str message, struct tb_error *err)
{
    struct tb_arena *arena = tb_arena_new(0);
    if (!arena) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    const struct tb_http_request request = {
        .method = "POST",
        .url = b->url.ptr,
        .body = message,
        .headers = {{"Authorization", b->authorization.ptr}, {"X-Agent-ID", b->agent.ptr}},
    };
    struct tb_http_answer answer = {0};
    enum tb_rc rc = tb_http_run(b->http, &request, 1, arena, &answer, err);
    if (rc != TB_OK) {
        tb_arena_free(arena);
        return rc;
    }
    bool message_back =
        answer.status == 200 || (answer.body.len > 0 && tb_str_starts(answer.body, "{\"jsonrpc\""));
    if (answer.rc != TB_OK) {
        print_failure(message, tb_str_of(answer.error), arena);
    } else if (message_back) {
        print(answer.body);
    } else if (answer.status != 202) {
        print_failure(message, problem(&answer, arena), arena);
    }
    tb_arena_free(arena);
    return TB_OK;
}

static enum tb_rc open_bridge(struct ctl *ctl, struct bridge *b, struct tb_error *err)
{
    tb_str server = ctl_server_address(ctl);
    tb_str actor = ctl_opt(&ctl->args, "actor");
    tb_str token;
    const char *set_actor = tb_config_str(ctl->cfg, TB_CFG(ACTOR));
    enum tb_rc rc = ctl_server_token(ctl, &token, err);
    if (rc != TB_OK) {
        return rc;
    }
    if (server.len == 0) {
        server = tb_str_of(tb_config_str(ctl->cfg, TB_CFG(URL)));
    }
    while (server.len > 0 && server.ptr[server.len - 1] == '/') {
        server.len--;
    }
    b->url = tb_arena_printf(ctl->arena, "%.*s/mcp", TB_ARG(server));
    b->authorization = tb_arena_printf(ctl->arena, "Bearer %.*s", TB_ARG(token));
    b->agent = actor.len > 0 || !set_actor[0] ? actor : tb_str_of(set_actor);
    const struct tb_http_options opt = {
        .timeout_ms = tb_config_int(ctl->cfg, TB_CFG(HTTP_TIMEOUT_MS)),
        .parallel = 1,
        .max_answer = ANSWER_MAX_BYTES,
        .ca_file = tb_config_str(ctl->cfg, TB_CFG(SERVER_CA)),
        .unverified = !tb_config_bool(ctl->cfg, TB_CFG(SERVER_VERIFY))};
    rc = tb_http_global_init(err);
    return rc == TB_OK ? tb_http_new(&opt, &b->http, err) : rc;
}

int ctl_run_mcp(struct ctl *ctl)
{
    struct bridge b = {0};
    struct tb_error err = {.rc = TB_OK};
    enum tb_rc rc = open_bridge(ctl, &b, &err);
    ssize_t n = 0;
    while (rc == TB_OK && (n = getline(&b.line, &b.room, stdin)) >= 0) {
        while (n > 0 && (b.line[n - 1] == '\n' || b.line[n - 1] == '\r')) {
            n--;
        }
        if ((size_t)n > LINE_MAX_BYTES) {
            rc = tb_fail(&err, TB_ELIMIT, "a message of more than %zu bytes", LINE_MAX_BYTES);
        } else if (n > 0) {
            rc = pass_on(&b, (tb_str){b.line, (size_t)n}, &err);
        }
    }
    free(b.line);
    tb_http_free(b.http);
    return rc == TB_OK ? 0 : ctl_fail(&err);
}
