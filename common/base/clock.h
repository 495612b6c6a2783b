/* Clocks and RFC 3339 times. Times are microseconds since 1970-01-01T00:00:00Z. */
#ifndef TB_BASE_CLOCK_H
#define TB_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

#define TB_TIME_NONE     INT64_MIN /* no value */
#define TB_TIME_TEXT_MAX 40

int64_t tb_clock_wall_us(void);
/* Monotonic, for durations and deadlines. */
int64_t tb_clock_mono_us(void);

/* Writes e.g. 2026-11-23T20:08:00.123456Z, NUL-terminated; returns its length. Years 0001-9999. */
size_t tb_time_format(int64_t time_us, char out[TB_TIME_TEXT_MAX]);
/* Strict RFC 3339 with offset; digits past microseconds are cut. False when malformed. */
bool tb_time_parse(tb_str text, int64_t *ret_us);

#endif
