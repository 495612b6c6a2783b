/* What the gateway tells its operators: the program's rows of common/tbl/metrics.def, health and
 * readiness (common/probe). */
#ifndef TB_GATEWAY_WATCH_H
#define TB_GATEWAY_WATCH_H

#include <stdatomic.h>

#include "gateway/hooks/hooks.h"
#include "gateway/http/http.h"

struct tb_watch {
    struct tb_gateway *gw;
    const struct tb_hooks *hooks; /* NULL: this gateway sends none */
    struct tb_job job;            /* asks Postgres; its run is the heartbeat */
    atomic_bool asking;
};

/* To be called about once a second, from one thread; waits for nothing. What it begins ends with
 * the gateway's service, which must end before the watch. */
void tb_watch_round(struct tb_watch *watch);

#endif
