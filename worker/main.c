/* ticketbus-worker: applies ticket commands from Kafka in Postgres and publishes the events. */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/daemon/daemon.h"
#include "common/probe/probe.h"
#include "worker/shell/worker.h"

static volatile sig_atomic_t g_stop;
static volatile sig_atomic_t g_stop_limit_s;

static void on_signal(int sig)
{
    (void)sig;
    if (g_stop) {
        _exit(1); /* the second signal hurries; nothing committed is lost */
    }
    g_stop = 1;
    (void)alarm((unsigned)g_stop_limit_s);
}

static void on_alarm(int sig)
{
    static const char text[] =
        "ticketbus-worker: not stopped within TICKETBUS_STOP_S; ending as if killed\n";
    (void)sig;
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(1);
}

static void usage(FILE *out)
{
    tb_buf text;
    tb_buf_init(&text, (size_t)256 * 1024);
    tb_config_help('W', &text);
    (void)fprintf(
        out,
        "usage: ticketbus-worker [--help] [--version]\n\n"
        "Applies ticket commands from Kafka in Postgres, exactly once, and publishes the "
        "events.\nAny number may run; the partitions of the topic are shared among them.\n"
        "SIGTERM stops after the batch at hand, a second one at once; SIGHUP reads the settings "
        "again.\n\nSettings:\n%s",
        text.ptr ? text.ptr : "");
    tb_buf_dispose(&text);
}

static void catch_signals(void)
{
    struct sigaction sa = {.sa_handler = on_signal};
    (void)sigaction(SIGTERM, &sa, NULL);
    (void)sigaction(SIGINT, &sa, NULL);
    sa.sa_handler = on_alarm;
    (void)sigaction(SIGALRM, &sa, NULL);
    sa.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &sa, NULL);
}

static void apply_settings(const struct tb_config *cfg)
{
    g_stop_limit_s = (sig_atomic_t)tb_config_int(cfg, TB_CFG(STOP_S));
}

/* Called between batches. */
static void on_round(void *arg)
{
    if (tb_daemon_round(arg, 'W')) {
        apply_settings(arg);
    }
}

/* The database may start after us: wait for it, unless told to stop. */
static enum tb_rc connect_patiently(struct tb_worker *w, struct tb_error *err)
{
    enum tb_rc rc;
    while ((rc = tb_worker_connect_pg(w, err)) != TB_OK && !g_stop) {
        tb_probe_beat();
        tb_log_warn("%s; trying again", err->text);
        on_round(w->on_round_arg);
        (void)sleep(1);
    }
    return g_stop ? TB_OK : rc;
}

static enum tb_rc run(struct tb_config *cfg, struct tb_error *err)
{
    struct tb_worker w = {
        .cfg = cfg,
        .on_round = on_round,
        .on_round_arg = cfg,
        .topic_commands = tb_config_str(cfg, TB_CFG(TOPIC_COMMANDS)),
        .topic_events = tb_config_str(cfg, TB_CFG(TOPIC_EVENTS)),
        .topic_dlq = tb_config_str(cfg, TB_CFG(TOPIC_DLQ)),
        .message_max = (size_t)tb_config_int(cfg, TB_CFG(MESSAGE_MAX_BYTES)),
    };
    (void)snprintf(w.client_id, sizeof w.client_id, "ticketbus-worker-%d", (int)getpid());
    w.started_us = tb_clock_wall_us();
    w.arena = tb_arena_new((size_t)1024 * 1024 * 1024);
    w.pending = tb_pending_new();
    const struct tb_consumer_options opt = {
        .group = tb_config_str(cfg, TB_CFG(WORKER_GROUP)),
        .topic = w.topic_commands,
        .client_id = w.client_id,
    };
    enum tb_rc rc = w.arena && w.pending ? TB_OK : tb_fail(err, TB_ENOMEM, "out of memory");
    struct tb_probe *probe = NULL;
    rc = rc != TB_OK ? rc
                     : tb_probe_start(tb_config_str(cfg, TB_CFG(ADMIN_LISTEN)), 'W', &probe, err);
    rc = rc != TB_OK ? rc : connect_patiently(&w, err);
    rc = rc != TB_OK || g_stop ? rc : tb_maintain_log(&w, err);
    rc = rc != TB_OK || g_stop ? rc : tb_consumer_new(cfg, &opt, &w.consumer, err);
    if (rc == TB_OK && !g_stop) {
        tb_log_info("worker %s started", TB_VERSION);
        rc = tb_worker_run(&w, &g_stop, err);
    }
    tb_probe_free(probe);
    tb_consumer_free(w.consumer);
    tb_producer_free(w.producer);
    tb_pg_free(w.pg);
    tb_pending_free(w.pending);
    tb_arena_free(w.arena);
    free(w.partitions);
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
            (void)printf("ticketbus-worker %s\n", TB_VERSION);
            return 0;
        }
        usage(stderr);
        return 2;
    }
    struct tb_error err = {.rc = TB_OK};
    struct tb_config *cfg = NULL;
    if (tb_config_load('W', &cfg, &err) != TB_OK) {
        (void)fprintf(stderr, "ticketbus-worker: %s: %s\n", err.field, err.text);
        return 2;
    }
    tb_daemon_begin("ticketbus-worker", cfg);
    apply_settings(cfg);
    catch_signals();
    /* Few heaps, since memory freed in one is of no use to another; and not back to the kernel and
     * forth with every batch. */
    (void)mallopt(M_ARENA_MAX, 2);
    (void)mallopt(M_TRIM_THRESHOLD, 8 << 20);
    enum tb_rc rc = run(cfg, &err);
    if (rc != TB_OK) {
        tb_log_error("%s", err.text);
    }
    tb_log_info("worker stopped");
    tb_log_tell_repeats(true);
    tb_config_free(cfg);
    return rc == TB_OK ? 0 : 3;
}
