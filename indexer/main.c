/* ticketbus-indexer: keeps the search index equal to the database. One thread reads events, some
 * index (shell/lane.h); docs/search.md. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/daemon/daemon.h"
#include "common/http/http.h"
#include "common/probe/probe.h"
#include "indexer/shell/intake.h"
#include "indexer/shell/keeper.h"
#include "indexer/shell/lane.h"

enum { EXIT_USAGE = 2, FINISH_MS = 8000, FOR_EVER_MS = 1000 * 1000 * 1000 };

static atomic_bool stop;
static atomic_bool give_up; /* also end what is under way */
static atomic_int away;
static atomic_bool reconcile_now;

struct program {
    struct tb_config *cfg;
    struct tb_queue queue;
    struct tb_embed_gates gates;
    struct tb_lanes lanes;
    struct tb_keeper keeper;
};

static void on_signal(int signal)
{
    (void)signal;
    atomic_store(&stop, true);
}

static void on_round(void *arg)
{
    struct program *p = arg;
    (void)tb_daemon_round(p->cfg, 'I');
}

/* What is under way may end well; what waits for a part that is away has ended by itself. */
static void finish(void *arg)
{
    struct program *p = arg;
    atomic_store(&stop, true);
    if (!tb_lanes_join(&p->lanes, FINISH_MS)) {
        atomic_store(&give_up, true);
        (void)tb_lanes_join(&p->lanes, FOR_EVER_MS);
    }
}

/* Until a stop. */
static enum tb_rc index_events(struct program *p, struct tb_error *err)
{
    p->lanes = (struct tb_lanes){.cfg = p->cfg,
                                 .queue = &p->queue,
                                 .gates = &p->gates,
                                 .stop = &stop,
                                 .give_up = &give_up,
                                 .away = &away,
                                 .reconcile = &reconcile_now};
    enum tb_rc rc = tb_lanes_start(&p->lanes, err);
    if (rc == TB_OK) {
        rc = tb_keeper_start(&p->keeper, p->cfg, &p->gates, &stop, err);
    }
    if (rc == TB_OK) {
        struct tb_intake in = {.cfg = p->cfg,
                               .queue = &p->queue,
                               .stop = &stop,
                               .away = &away,
                               .reconcile = &reconcile_now,
                               .round = on_round,
                               .finish = finish,
                               .arg = p};
        rc = tb_intake_run(&in, err);
    } else {
        finish(p);
    }
    struct tb_error why;
    enum tb_rc ended = tb_lanes_close(&p->lanes, &why);
    if (ended != TB_OK) {
        rc = ended;
        *err = why;
    }
    atomic_store(&stop, true);
    tb_keeper_join(&p->keeper);
    return rc;
}

static enum tb_rc run(struct program *p)
{
    struct tb_error err;
    struct tb_probe *probe = NULL;
    enum tb_rc rc = tb_queue_init(&p->queue, &err);
    rc = rc == TB_OK ? tb_embed_gates_init(&p->gates, &err) : rc;
    if (rc == TB_OK) {
        rc = tb_probe_start(tb_config_str(p->cfg, TB_CFG(ADMIN_LISTEN)), 'I', &probe, &err);
    }
    rc = rc == TB_OK ? index_events(p, &err) : rc;
    if (rc != TB_OK) {
        tb_log_error("%s", err.text);
    }
    tb_probe_free(probe);
    tb_embed_gates_dispose(&p->gates);
    tb_queue_dispose(&p->queue);
    return rc;
}

static int usage(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("ticketbus-indexer %s\n", TB_VERSION);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        tb_buf text;
        tb_buf_init(&text, 1 << 20);
        tb_config_help('I', &text);
        (void)printf(
            "Usage: ticketbus-indexer [--help | --version]\n\n"
            "Keeps the search index equal to the database. Settings, from the environment\n"
            "or the file named by TICKETBUS_CONFIG:\n\n%s",
            text.ptr ? text.ptr : "");
        tb_buf_dispose(&text);
        return 0;
    }
    (void)fprintf(stderr, "ticketbus-indexer: unknown argument. Try: ticketbus-indexer --help\n");
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        return usage(argc, argv);
    }
    struct tb_error err;
    struct tb_config *cfg;
    if (tb_config_load('I', &cfg, &err) != TB_OK) {
        (void)fprintf(stderr, "ticketbus-indexer: %s\n", err.text);
        return EXIT_USAGE;
    }
    tb_daemon_begin("ticketbus-indexer", cfg);
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    static struct program program;
    program.cfg = cfg;
    enum tb_rc rc = tb_http_global_init(&err) == TB_OK ? run(&program) : TB_EFATAL;
    tb_log_tell_repeats(true);
    tb_config_free(cfg);
    return rc == TB_OK ? 0 : 1;
}
