#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/kafka/admin.h"
#include "common/kafka/producer.h"
#include "tests/bench/tool/bench.h"

#define MAX_SETTINGS 8

enum tb_rc bench_topic(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err)
{
    struct tb_topic_setting settings[MAX_SETTINGS];
    struct tb_topic_spec spec = {.name = argv[0],
                                 .partitions = (int32_t)strtol(argv[1], NULL, 10),
                                 .replication = 1,
                                 .settings = settings};
    for (int i = 2; i < argc && spec.nsettings < MAX_SETTINGS; i++) {
        char *eq = strchr(argv[i], '=');
        if (!eq) {
            return tb_fail(err, TB_EINVAL, "%s is not SETTING=VALUE", argv[i]);
        }
        *eq = '\0';
        settings[spec.nsettings++] = (struct tb_topic_setting){argv[i], eq + 1};
    }
    struct tb_admin *admin = NULL;
    bool created;
    enum tb_rc rc = tb_admin_new(cfg, "ticketbus-bench", &admin, err);
    rc = rc != TB_OK ? rc : tb_admin_ensure(admin, &spec, &created, 20000, err);
    tb_admin_free(admin);
    return rc;
}

struct sending {
    size_t failed;
};

static void on_delivery(const struct tb_delivery *d, void *arg)
{
    struct sending *s = arg;
    s->failed += d->rc != TB_OK;
}

enum tb_rc bench_produce(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err)
{
    (void)argc;
    static const struct tb_header content = {"content-type",
                                             TB_LIT("application/cloudevents+json")};
    struct sending s = {0};
    struct bench_file f = {0};
    const struct tb_producer_options opt = {
        .client_id = "ticketbus-bench", .timeout_ms = 60000, .on_delivery = on_delivery, .arg = &s};
    struct tb_producer *p = NULL;
    enum tb_rc rc = bench_read(argv[1], &f, err);
    rc = rc != TB_OK ? rc : tb_producer_new(cfg, &opt, &p, err);
    int64_t start = tb_clock_mono_us();
    for (size_t i = 0; i < f.n && rc == TB_OK; i++) {
        do {
            rc =
                tb_producer_send(p, argv[0], f.lines[i].key, f.lines[i].value, &content, 1, i, err);
            (void)tb_producer_poll(p, rc == TB_ERETRY ? 10 : 0);
        } while (rc == TB_ERETRY);
    }
    rc = rc != TB_OK ? rc : tb_producer_flush(p, 120000, err);
    if (rc == TB_OK && s.failed > 0) {
        rc = tb_fail(err, TB_EUNAVAILABLE, "%zu messages were not taken", s.failed);
    }
    if (rc == TB_OK) {
        (void)printf("{\"sent\":%zu,\"seconds\":%.3f}\n", f.n,
                     (double)(tb_clock_mono_us() - start) / 1e6);
    }
    tb_producer_free(p);
    bench_file_free(&f);
    return rc;
}
