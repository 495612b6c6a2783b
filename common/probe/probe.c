#include "common/probe/probe.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/httpd/httpd.h"
#include "common/metrics/metrics.h"

#define EXPOSED_MAX ((size_t)4 * 1024 * 1024)

struct tb_probe {
    struct tb_httpd *httpd;
    char program;
};

static _Atomic int64_t last_beat_us;

void tb_probe_beat(void)
{
    atomic_store_explicit(&last_beat_us, tb_clock_mono_us(), memory_order_relaxed);
}

void tb_probe_ready(bool ready)
{
    tb_metric_set(TB_M(READY), NULL, ready);
}

static void measure_memory(void)
{
    long long size;
    long long resident;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f) {
        return;
    }
    if (fscanf(f, "%lld %lld", &size, &resident) == 2) { /* NOLINT(cert-err34-c): the kernel's */
        tb_metric_set(TB_M(RSS), NULL, resident * sysconf(_SC_PAGESIZE));
    }
    (void)fclose(f);
}

static void answer(struct tb_httpd_request *req, int status, tb_str body)
{
    tb_httpd_respond(req, &(struct tb_httpd_response){.status = status,
                                                      .content_type = "text/plain; charset=utf-8",
                                                      .body = body});
}

static void answer_metrics(const struct tb_probe *probe, struct tb_httpd_request *req)
{
    tb_buf text;
    tb_buf_init(&text, EXPOSED_MAX);
    measure_memory();
    tb_metrics_expose(probe->program, &text);
    if (text.failed) {
        answer(req, 500, TB_LIT("too many metrics, or out of memory\n"));
    } else {
        tb_httpd_respond(req,
                         &(struct tb_httpd_response){.status = 200,
                                                     .content_type = "text/plain; version=0.0.4",
                                                     .body = tb_buf_str(&text)});
    }
    tb_buf_dispose(&text);
}

static void handler(struct tb_httpd_request *req, void *arg)
{
    tb_str path = tb_httpd_path(req);
    tb_str method = tb_str_of(tb_httpd_method(req));
    if (!tb_str_eq(method, TB_LIT("GET")) && !tb_str_eq(method, TB_LIT("HEAD"))) {
        answer(req, 405, TB_LIT("GET only\n"));
    } else if (tb_str_eq(path, TB_LIT("/metrics"))) {
        answer_metrics(arg, req);
    } else if (tb_str_eq(path, TB_LIT("/healthz"))) {
        int64_t silent_us = tb_clock_mono_us() - atomic_load(&last_beat_us);
        bool alive = silent_us < (int64_t)TB_PROBE_SILENCE_S * 1000000;
        answer(req, alive ? 200 : 503, alive ? TB_LIT("ok\n") : TB_LIT("no progress\n"));
    } else if (tb_str_eq(path, TB_LIT("/readyz"))) {
        bool ready = tb_metric_value(TB_M(READY), NULL) != 0;
        answer(req, ready ? 200 : 503, ready ? TB_LIT("ready\n") : TB_LIT("waiting\n"));
    } else {
        answer(req, 404, TB_LIT("/metrics, /healthz, /readyz\n"));
    }
}

enum tb_rc tb_probe_start(const char *listen, char program, struct tb_probe **ret,
                          struct tb_error *err)
{
    *ret = NULL;
    tb_probe_beat();
    tb_metric_set(TB_M(BUILD_INFO), TB_VERSION, 1);
    tb_metric_set(TB_M(START_TIME), NULL, tb_clock_wall_us());
    if (!listen[0]) {
        return TB_OK;
    }
    struct tb_probe *probe = calloc(1, sizeof *probe);
    if (!probe) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    probe->program = program;
    const struct tb_httpd_options opt = {
        .listen = listen,
        .threads = 1,
        .max_connections = 32,
        .max_body = 1024,
        .receive_timeout_s = 10,
        .send_timeout_s = 10,
        .handler = handler,
        .arg = probe,
    };
    enum tb_rc rc = tb_httpd_start(&opt, &probe->httpd, err);
    if (rc != TB_OK) {
        free(probe);
        return rc;
    }
    *ret = probe;
    return TB_OK;
}

void tb_probe_free(struct tb_probe *probe)
{
    if (probe) {
        tb_httpd_free(probe->httpd);
        free(probe);
    }
}
