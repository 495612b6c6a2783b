/* The floor of latency: what a message takes that is consumed, leads to one commit, and is sent on.
 * It does what no such program can do without, and nothing else. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "common/kafka/producer.h"
#include "common/pg/pg.h"
#include "tests/bench/tool/bench.h"

#define BATCH 500

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
    (void)sig;
    stop = 1;
}

static enum tb_rc pass_on(struct tb_pg *pg, struct tb_producer *p, const char *topic,
                          const struct tb_kafka_message *batch, size_t n, struct tb_arena *arena,
                          struct tb_error *err)
{
    struct tb_pg_params params;
    tb_arena_reset(arena);
    tb_pg_params_init(&params, arena);
    tb_pg_add_int(&params, (int64_t)n);
    enum tb_rc rc = tb_pg_pipeline_add(
        pg, "floor", "INSERT INTO bench_floor (messages) VALUES ($1::bigint)", &params, err);
    rc = rc != TB_OK ? rc : tb_pg_pipeline_run(pg, NULL, true, err);
    for (size_t i = 0; i < n && rc == TB_OK; i++) {
        do {
            rc = tb_producer_send(p, topic, batch[i].key, batch[i].value, NULL, 0, 0, err);
            (void)tb_producer_poll(p, rc == TB_ERETRY ? 10 : 0);
        } while (rc == TB_ERETRY);
    }
    return rc;
}

enum tb_rc bench_relay(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err)
{
    (void)argc;
    const struct sigaction sa = {.sa_handler = on_signal};
    const struct tb_producer_options opt = {.client_id = "ticketbus-bench-relay"};
    struct tb_kafka_message batch[BATCH];
    struct tb_consumer *c = NULL;
    struct tb_producer *p = NULL;
    struct tb_pg *pg = NULL;
    struct tb_arena *arena = tb_arena_new(0);
    int32_t partitions;
    (void)sigaction(SIGTERM, &sa, NULL);
    enum tb_rc rc = arena ? TB_OK : tb_fail(err, TB_ENOMEM, "out of memory");
    rc = rc != TB_OK ? rc : tb_pg_connect(cfg, "ticketbus-bench-relay", &pg, err);
    rc = rc != TB_OK ? rc : tb_producer_new(cfg, &opt, &p, err);
    rc = rc != TB_OK ? rc : bench_open(cfg, argv[0], TB_POSITION_END, &c, &partitions, err);
    if (rc == TB_OK) {
        (void)printf("ready\n");
        (void)fflush(stdout);
    }
    while (rc == TB_OK && !stop) {
        size_t n = 0;
        struct tb_error ignored;
        while (n < BATCH &&
               tb_consumer_poll(c, n ? 0 : 100, &batch[n], &ignored) == TB_POLL_MESSAGE) {
            n++;
        }
        rc = n ? pass_on(pg, p, argv[1], batch, n, arena, err) : TB_OK;
        (void)tb_producer_poll(p, 0);
        for (size_t i = 0; i < n; i++) {
            tb_kafka_message_free(&batch[i]);
        }
    }
    tb_consumer_free(c);
    tb_producer_free(p);
    tb_pg_free(pg);
    tb_arena_free(arena);
    return rc;
}
