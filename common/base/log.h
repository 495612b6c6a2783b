/* Logs: one JSON or plain line per event on stderr. Thread-safe (one write per line).
 * Only shells log; libraries return errors. Never pass a secret or a whole payload. */
#ifndef TB_BASE_LOG_H
#define TB_BASE_LOG_H

#include <stdbool.h>

#include "common/base/attr.h"

enum tb_log_level { TB_LOG_ERROR, TB_LOG_WARN, TB_LOG_INFO, TB_LOG_DEBUG };

/* program: name shown on each line (kept by reference). Call once before threads start. */
void tb_log_init(const char *program, enum tb_log_level level, bool json);
bool tb_log_enabled(enum tb_log_level level);
void tb_log(enum tb_log_level level, const char *fmt, ...) TB_PRINTF(2, 3);

#define tb_log_error(...) tb_log(TB_LOG_ERROR, __VA_ARGS__)
#define tb_log_warn(...)  tb_log(TB_LOG_WARN, __VA_ARGS__)
#define tb_log_info(...)  tb_log(TB_LOG_INFO, __VA_ARGS__)
#define tb_log_debug(...) tb_log(TB_LOG_DEBUG, __VA_ARGS__)

#endif
