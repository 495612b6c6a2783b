#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "tests/bench/tool/bench.h"

static const struct {
    const char *name;
    int args;
    enum tb_rc (*run)(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err);
} verbs[] = {
    {"topic", 2, bench_topic},       {"produce", 2, bench_produce}, {"scan", 1, bench_scan},
    {"latency", 5, bench_latency},   {"relay", 2, bench_relay},     {"sse", 4, bench_sse},
    {"embedder", 3, bench_embedder}, {"sink", 2, bench_sink},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < TB_COUNT(verbs); i++) {
        if (argc < 2 || strcmp(argv[1], verbs[i].name) != 0 || argc < 2 + verbs[i].args) {
            continue;
        }
        struct tb_error err = {.rc = TB_OK};
        struct tb_config *cfg = NULL;
        (void)signal(SIGPIPE, SIG_IGN);
        tb_log_init("bench", TB_LOG_WARN, false);
        enum tb_rc rc = tb_config_load('W', &cfg, &err);
        rc = rc != TB_OK ? rc : verbs[i].run(cfg, argc - 2, argv + 2, &err);
        if (rc != TB_OK) {
            (void)fprintf(stderr, "bench %s: %s\n", argv[1], err.text);
        }
        tb_config_free(cfg);
        return rc == TB_OK ? 0 : 1;
    }
    (void)fprintf(stderr, "usage: ticketbus-bench topic NAME PARTITIONS [SETTING=VALUE…]\n"
                          "       ticketbus-bench produce TOPIC FILE\n"
                          "       ticketbus-bench scan TOPIC [SOURCE]\n"
                          "       ticketbus-bench latency COMMANDS EVENTS FILE RATE SKIP\n"
                          "       ticketbus-bench relay COMMANDS EVENTS\n"
                          "       ticketbus-bench sse PORT TOKEN READERS WORKFLOWS\n"
                          "       ticketbus-bench embedder PORT DIM LATENCY_MS\n"
                          "       ticketbus-bench sink PORT DIM\n");
    return 2;
}
