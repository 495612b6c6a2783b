/* Counts of requests by route and class of the answer. The counts are this file's, so that a
 * request pays for two additions; they are shown once a second (gateway/watch.c). */
#include <stdio.h>

#include "common/metrics/metrics.h"
#include "gateway/http/http.h"

enum {
    MARK_NONE, /* what nobody marked */
    MARK_COMPAT,
    MARK_OPERATIONS,
    MARK_ROUTES = MARK_OPERATIONS + TB_OP_COUNT_,
    MARKS = MARK_ROUTES + 32,
    CLASSES = 6, /* of hundreds */
};

static _Atomic uint64_t counts[MARKS][CLASSES];
static char names[MARKS][TB_METRIC_LABEL_MAX]; /* written before requests come */

void tb_gw_meter_init(void)
{
    (void)snprintf(names[MARK_NONE], sizeof names[0], "none");
    (void)snprintf(names[MARK_COMPAT], sizeof names[0], "compatibility");
    for (size_t i = 0; i < TB_OP_COUNT_; i++) {
        (void)snprintf(names[MARK_OPERATIONS + i], sizeof names[0], "%s %s",
                       tb_operations[i].method, tb_operations[i].path);
    }
    for (size_t i = 0; tb_gw_routes[i].method && MARK_ROUTES + i < MARKS; i++) {
        (void)snprintf(names[MARK_ROUTES + i], sizeof names[0], "%s %s", tb_gw_routes[i].method,
                       tb_gw_routes[i].pattern);
    }
}

void tb_gw_mark_operation(struct tb_httpd_request *req, const struct tb_operation *op)
{
    tb_httpd_mark(req, MARK_OPERATIONS + (unsigned)(op - tb_operations));
}

void tb_gw_mark_route(struct tb_httpd_request *req, const struct tb_gw_route *route)
{
    tb_httpd_mark(req, MARK_ROUTES + (unsigned)(route - tb_gw_routes));
}

void tb_gw_mark_compat(struct tb_httpd_request *req)
{
    tb_httpd_mark(req, MARK_COMPAT);
}

void tb_gw_meter(unsigned mark, int status, int64_t micros, void *arg)
{
    (void)arg;
    if (mark < MARKS && status >= 100 && status < CLASSES * 100) {
        counts[mark][status / 100]++;
        tb_metric_observe(TB_M(REQUEST_SECONDS), names[mark], micros);
    }
}

void tb_gw_meter_show(void)
{
    for (size_t i = 0; i < MARKS; i++) {
        for (unsigned k = 1; k < CLASSES; k++) {
            uint64_t n = counts[i][k];
            if (n > 0) {
                char label[TB_METRIC_LABEL_MAX + 8];
                (void)snprintf(label, sizeof label, "%s,%uxx", names[i], k);
                tb_metric_set(TB_M(REQUESTS), label, (int64_t)n);
            }
        }
    }
}
