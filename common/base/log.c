#include "common/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json_write.h"

#define LINE_MAX_BYTES 4096

static const char *g_program = "ticketbus";
static enum tb_log_level g_level = TB_LOG_INFO;
static bool g_json;

void tb_log_init(const char *program, enum tb_log_level level, bool json)
{
    g_program = program;
    g_level = level;
    g_json = json;
}

bool tb_log_enabled(enum tb_log_level level)
{
    return level <= g_level;
}

static const char *level_name(enum tb_log_level level)
{
    switch (level) {
    case TB_LOG_ERROR:
        return "error";
    case TB_LOG_WARN:
        return "warn";
    case TB_LOG_INFO:
        return "info";
    case TB_LOG_DEBUG:
        return "debug";
    }
    return "?";
}

void tb_log(enum tb_log_level level, const char *fmt, ...)
{
    if (!tb_log_enabled(level)) {
        return;
    }
    char text[LINE_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);

    char when[TB_TIME_TEXT_MAX];
    (void)tb_time_format(tb_clock_wall_us(), when);
    tb_buf line;
    tb_buf_init(&line, (size_t)LINE_MAX_BYTES * 8);
    if (g_json) {
        tb_buf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"pid\":%d,",
                      when, level_name(level), g_program, (int)getpid());
        tb_buf_add_c(&line, "\"message\":");
        tb_json_str(&line, tb_str_of(text));
        tb_buf_add_c(&line, "}\n");
    } else {
        tb_buf_printf(&line, "%s %-5s %s[%d] %s\n", when, level_name(level), g_program,
                      (int)getpid(), text);
    }
    if (!line.failed && write(STDERR_FILENO, line.ptr, line.len) < 0) {
        /* Nowhere left to report it. */
    }
    tb_buf_dispose(&line);
}
