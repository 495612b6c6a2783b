/* ticketbus-gateway: tickets over HTTP. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/daemon/daemon.h"
#include "common/probe/probe.h"
#include "gateway/compat/compat.h"
#include "gateway/hooks/hooks.h"
#include "gateway/http/http.h"
#include "gateway/stream/hub.h"
#include "gateway/watch.h"

/* How long requests under way have when the gateway is told to stop. */
#define GRACE_MS 15000

static volatile sig_atomic_t g_stop;

static void on_signal(int sig)
{
    (void)sig;
    if (g_stop) {
        _exit(1); /* the second signal hurries; commands sent are applied all the same */
    }
    g_stop = 1;
}

static void usage(FILE *out)
{
    tb_buf text;
    tb_buf_init(&text, (size_t)256 * 1024);
    tb_config_help('G', &text);
    (void)fprintf(
        out,
        "usage: ticketbus-gateway [--help] [--version]\n\n"
        "Serves tickets over HTTP: commands go to Kafka and are answered with their outcome, reads "
        "come\nfrom Postgres. Any number may run behind a balancer.\n"
        "SIGTERM stops after the requests at hand; SIGHUP reads the settings "
        "again.\n\nSettings:\n%s",
        text.ptr ? text.ptr : "");
    tb_buf_dispose(&text);
}

static void catch_signals(void)
{
    struct sigaction sa = {.sa_handler = on_signal};
    (void)sigaction(SIGTERM, &sa, NULL);
    (void)sigaction(SIGINT, &sa, NULL);
    sa.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &sa, NULL);
}

static enum tb_rc run(struct tb_config *cfg, struct tb_error *err)
{
    struct tb_gateway gw = {.cfg = cfg, .mcp = {.lock = PTHREAD_MUTEX_INITIALIZER}};
    struct tb_probe *probe = NULL;
    enum tb_rc rc = tb_probe_start(tb_config_str(cfg, TB_CFG(ADMIN_LISTEN)), 'G', &probe, err);
    rc = rc == TB_OK ? tb_service_start(cfg, &gw.svc, err) : rc;
    rc = rc == TB_OK ? tb_gw_events_start(&gw, err) : rc;
    tb_gw_meter_init();
    struct tb_hooks *hooks = NULL;
    if (rc == TB_OK && tb_config_bool(cfg, TB_CFG(WEBHOOKS))) {
        rc = tb_hooks_start(cfg, &hooks, err);
    }
    struct tb_httpd *compat = NULL;
    rc = rc == TB_OK ? tb_compat_listen(&gw, &compat, err) : rc;
    rc = rc == TB_OK ? tb_gateway_listen(&gw, err) : rc;
    struct tb_watch watch = {.gw = &gw, .hooks = hooks};
    if (rc == TB_OK) {
        tb_log_info("gateway %s listens on %s", TB_VERSION,
                    tb_config_str(cfg, TB_CFG(GATEWAY_LISTEN)));
        while (!g_stop) {
            tb_watch_round(&watch);
            tb_gw_mcp_tick(&gw);
            (void)tb_daemon_round(cfg, 'G');
            (void)sleep(1); /* or until a signal comes */
        }
        gw.stopping = true;
        tb_probe_ready(false);
        tb_httpd_stop(gw.httpd, GRACE_MS);
        if (compat) {
            tb_httpd_stop(compat, GRACE_MS);
        }
    }
    tb_hooks_free(hooks);
    tb_hub_free(gw.hub);
    tb_service_free(gw.svc); /* whoever still waits is told now, and answered by nobody */
    tb_httpd_free(gw.httpd);
    tb_httpd_free(compat);
    tb_probe_free(probe);
    return rc;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
    int opt;
    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (opt == 'h') {
            usage(stdout);
            return 0;
        }
        if (opt == 'V') {
            (void)printf("ticketbus-gateway %s\n", TB_VERSION);
            return 0;
        }
        usage(stderr);
        return 2;
    }
    struct tb_error err = {.rc = TB_OK};
    struct tb_config *cfg = NULL;
    if (tb_config_load('G', &cfg, &err) != TB_OK) {
        (void)fprintf(stderr, "ticketbus-gateway: %s: %s\n", err.field, err.text);
        return 2;
    }
    tb_daemon_begin("ticketbus-gateway", cfg);
    catch_signals();
    enum tb_rc rc = run(cfg, &err);
    if (rc != TB_OK) {
        tb_log_error("%s", err.text);
    }
    tb_log_info("gateway stopped");
    tb_log_tell_repeats(true);
    tb_config_free(cfg);
    return rc == TB_OK ? 0 : 3;
}
