/* Logs by the settings, and settings read again at SIGHUP: the same for worker, indexer and
 * gateway. For the main thread. */
#ifndef TB_DAEMON_DAEMON_H
#define TB_DAEMON_DAEMON_H

#include <stdbool.h>

#include "common/config/config.h"

/* Begins the log of this program (kept by reference) as the settings say, and catches SIGHUP. Once,
 * before threads start. */
void tb_daemon_begin(const char *program, const struct tb_config *cfg);

/* Now and then, a second apart or less: tells which log lines were left out. After a SIGHUP it
 * reads the settings again, logs what has changed, and takes over what `letter` (see
 * tb_config_load) may change while it runs, the log's settings among it; then it returns true.
 * Settings that cannot be read are logged and change nothing. */
bool tb_daemon_round(struct tb_config *cfg, char letter);

#endif
