/* Logs: one JSON or plain line per event on stderr. Thread-safe (one write per line).
 * Only shells log; libraries return errors. Never pass a secret or a whole payload.
 *
 * Lines that repeat are sampled: of lines that differ in nothing but words with digits (offsets,
 * ids, times), so many are written within TB_LOG_WINDOW_S; the others are counted, and their number
 * is told with the last of them once the window is over. Debug lines are never left out. */
#ifndef TB_BASE_LOG_H
#define TB_BASE_LOG_H

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/str.h"

#define TB_LOG_WINDOW_S 10

enum tb_log_level { TB_LOG_ERROR, TB_LOG_WARN, TB_LOG_INFO, TB_LOG_DEBUG };

/* program: name shown on each line (kept by reference). Call once before threads start. */
void tb_log_init(const char *program, enum tb_log_level level, bool json);
/* May be called again at any time by the main thread. */
void tb_log_level(enum tb_log_level level);
/* Lines of a kind within a window; 0: all of them. Until called all are written. */
void tb_log_repeats(unsigned most);
/* Tells what windows that are over left out; all: of the others too (at the end). Called now and
 * then by the main loop; lines written tell it as well. */
void tb_log_tell_repeats(bool all);
/* What this thread does belongs to the trace of this W3C traceparent: its lines carry the trace id
 * until another is given. Null or malformed: none. */
void tb_log_trace(tb_str traceparent);
bool tb_log_enabled(enum tb_log_level level);
void tb_log(enum tb_log_level level, const char *fmt, ...) TB_PRINTF(2, 3);

#define tb_log_error(...) tb_log(TB_LOG_ERROR, __VA_ARGS__)
#define tb_log_warn(...)  tb_log(TB_LOG_WARN, __VA_ARGS__)
#define tb_log_info(...)  tb_log(TB_LOG_INFO, __VA_ARGS__)
#define tb_log_debug(...) tb_log(TB_LOG_DEBUG, __VA_ARGS__)

#endif
