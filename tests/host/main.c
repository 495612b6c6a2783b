/* A gateway with nothing but events and webhooks, and no tokens: for tests. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/httpd/httpd.h"
#include "common/httpd/query.h"
#include "gateway/stream/hub.h"

static struct tb_hub *hub;

static void refuse(struct tb_httpd_request *req, int status, const char *code, const char *field,
                   const char *sentence)
{
    (void)field;
    tb_str body = tb_arena_printf(tb_httpd_arena(req), "%s: %s\n", code, sentence);
    tb_httpd_respond(req, &(struct tb_httpd_response){.status = status, .body = body});
}

static tb_strs values(const struct tb_query *query, const char *name, struct tb_arena *arena)
{
    tb_str *items = TB_NEW_N(arena, tb_str, query->n + 1);
    size_t n = 0;
    for (size_t i = 0; items && i < query->n; i++) {
        if (tb_str_eq_c(query->params[i].name, name)) {
            items[n++] = query->params[i].value;
        }
    }
    return (tb_strs){items, n};
}

static void stats(struct tb_httpd_request *req)
{
    const struct tb_hub_stats *s = tb_hub_stats(hub);
    tb_str body = tb_arena_printf(
        tb_httpd_arena(req),
        "{\"readers\":%llu,\"channels\":%llu,\"events\":%llu,\"repeats\":%llu,\"slow\":%llu,"
        "\"resumed_memory\":%llu,\"resumed_kafka\":%llu,\"gone\":%llu,\"catching_up\":%llu}",
        (unsigned long long)s->readers, (unsigned long long)s->channels,
        (unsigned long long)s->events, (unsigned long long)s->repeats, (unsigned long long)s->slow,
        (unsigned long long)s->resumed_memory, (unsigned long long)s->resumed_kafka,
        (unsigned long long)s->gone, (unsigned long long)s->catching_up);
    tb_httpd_respond(req, &(struct tb_httpd_response){
                              .status = 200, .content_type = "application/json", .body = body});
}

static void handler(struct tb_httpd_request *req, void *arg)
{
    (void)arg;
    struct tb_arena *arena = tb_httpd_arena(req);
    struct tb_query query = {0};
    struct tb_error err;
    if (tb_str_eq_c(tb_httpd_path(req), "/stats")) {
        stats(req);
        return;
    }
    if (tb_query_parse(tb_httpd_query_text(req), arena, &query, &err) != TB_OK) {
        refuse(req, 400, "bad_query", NULL, err.text);
        return;
    }
    const struct tb_filter filter = {.workflows = values(&query, "workflow_id", arena),
                                     .tickets = values(&query, "ticket_id", arena),
                                     .types = values(&query, "type", arena)};
    tb_hub_serve(hub, req, &filter, tb_httpd_header(req, "Last-Event-ID"));
}

int main(int argc, char **argv)
{
    struct tb_error err = {.rc = TB_OK};
    struct tb_config *cfg = NULL;
    struct tb_httpd *httpd = NULL;
    sigset_t stops;
    int sig;
    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGTERM);
    (void)sigaddset(&stops, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &stops, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    tb_log_init("host", TB_LOG_INFO, false);
    const struct tb_httpd_options opt = {.listen = argc > 1 ? argv[1] : "127.0.0.1:21408",
                                         .threads = 2,
                                         .max_connections = 20000,
                                         .max_body = 1 << 20,
                                         .receive_timeout_s = 30,
                                         .send_timeout_s = 60,
                                         .handler = handler};
    if (tb_config_load('G', &cfg, &err) != TB_OK ||
        tb_hub_start(cfg, refuse, &hub, &err) != TB_OK ||
        tb_httpd_start(&opt, &httpd, &err) != TB_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    (void)sigwait(&stops, &sig);
    tb_httpd_stop(httpd, 2000);
    tb_hub_free(hub);
    tb_httpd_free(httpd);
    tb_config_free(cfg);
    return 0;
}
