/* The admin listener of a process: /metrics, /healthz and /readyz over HTTP, for operators and
 * orchestrators of containers. No authentication: it belongs on loopback or a closed network.
 *
 * Health is a heartbeat: the main loop calls tb_probe_beat more often than every
 * TB_PROBE_SILENCE_S, whatever it waits for; when it does not, /healthz answers 503 and whoever
 * watches may restart the process. The functions are thread-safe and work without a listener. */
#ifndef TB_PROBE_PROBE_H
#define TB_PROBE_PROBE_H

#include <stdbool.h>

#include "common/base/err.h"

/* Longer than any one step of ours: a statement at its timeout, tries at a lock. */
#define TB_PROBE_SILENCE_S 120

struct tb_probe;

/* listen: numeric address:port as of tb_httpd_options; "": no listener, *ret is NULL. program: the
 * letter of its metrics (common/tbl/metrics.def). Also sets build info and start time. */
enum tb_rc tb_probe_start(const char *listen, char program, struct tb_probe **ret,
                          struct tb_error *err) TB_MUST_USE;
void tb_probe_free(struct tb_probe *probe);

void tb_probe_beat(void);
/* The process does its work (true), or waits for a part that is away. */
void tb_probe_ready(bool ready);

#endif
