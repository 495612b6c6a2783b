#include "common/base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json_write.h"

#define LINE_MAX_BYTES 4096
#define KINDS_MAX      64
#define TRACE_DIGITS   32
#define TRACE_AT       3  /* behind "00-" */
#define TRACEPARENT    55 /* length of version 00 */

static const char *g_program = "ticketbus";
static _Atomic int g_level = TB_LOG_INFO;
static bool g_json;

static _Thread_local char t_trace[TRACE_DIGITS + 1];

/* Lines of one kind within one window. */
struct kind {
    uint64_t hash; /* 0: free */
    enum tb_log_level level;
    int64_t until_us; /* end of the window */
    unsigned written;
    unsigned left_out;
    char last[LINE_MAX_BYTES / 4]; /* of those left out */
};

static pthread_mutex_t kinds_lock = PTHREAD_MUTEX_INITIALIZER;
static struct kind kinds[KINDS_MAX];
static unsigned most_repeats; /* 0: no sampling */
static atomic_bool any_left_out;

void tb_log_init(const char *program, enum tb_log_level level, bool json)
{
    g_program = program;
    g_json = json;
    tb_log_level(level);
}

void tb_log_level(enum tb_log_level level)
{
    atomic_store_explicit(&g_level, (int)level, memory_order_relaxed);
}

bool tb_log_enabled(enum tb_log_level level)
{
    return (int)level <= atomic_load_explicit(&g_level, memory_order_relaxed);
}

void tb_log_trace(tb_str traceparent)
{
    t_trace[0] = '\0';
    if (traceparent.len < TRACEPARENT) {
        return;
    }
    for (size_t i = 0; i < TRACE_DIGITS; i++) {
        char c = traceparent.ptr[TRACE_AT + i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return;
        }
    }
    memcpy(t_trace, traceparent.ptr + TRACE_AT, TRACE_DIGITS);
    t_trace[TRACE_DIGITS] = '\0';
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

static void write_line(enum tb_log_level level, const char *text, unsigned left_out,
                       const char *trace)
{
    char when[TB_TIME_TEXT_MAX];
    (void)tb_time_format(tb_clock_wall_us(), when);
    tb_buf line;
    tb_buf_init(&line, (size_t)LINE_MAX_BYTES * 8);
    if (g_json) {
        tb_buf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"pid\":%d,",
                      when, level_name(level), g_program, (int)getpid());
        if (*trace) {
            tb_buf_printf(&line, "\"trace_id\":\"%s\",", trace);
        }
        if (left_out) {
            tb_buf_printf(&line, "\"left_out\":%u,", left_out);
        }
        tb_buf_add_c(&line, "\"message\":");
        tb_json_str(&line, tb_str_of(text));
        tb_buf_add_c(&line, "}\n");
    } else {
        tb_buf_printf(&line, "%s %-5s %s[%d] %s", when, level_name(level), g_program, (int)getpid(),
                      text);
        if (left_out) {
            tb_buf_printf(&line, " (the last of %u like it)", left_out);
        }
        tb_buf_printf(&line, "%s%s\n", *trace ? " trace_id=" : "", trace);
    }
    if (!line.failed && write(STDERR_FILENO, line.ptr, line.len) < 0) {
        /* Nowhere left to report it. */
    }
    tb_buf_dispose(&line);
}

/* ---- sampling ---- */

void tb_log_repeats(unsigned most)
{
    (void)pthread_mutex_lock(&kinds_lock);
    most_repeats = most;
    (void)pthread_mutex_unlock(&kinds_lock);
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
}

/* FNV-1a over the text without its words that hold a digit; never 0. */
static uint64_t kind_of(enum tb_log_level level, const char *text)
{
    uint64_t h = 14695981039346656037U ^ (uint64_t)level;
    while (*text) {
        size_t n = 0;
        bool digit = false;
        for (; is_word(text[n]); n++) {
            digit = digit || (text[n] >= '0' && text[n] <= '9');
        }
        size_t take = n ? n : 1;
        for (size_t i = 0; !digit && i < take; i++) {
            h = (h ^ (unsigned char)text[i]) * 1099511628211U;
        }
        text += take;
    }
    return h ? h : 1;
}

/* Under the lock. */
static void tell(struct kind *k)
{
    if (k->left_out) {
        write_line(k->level, k->last, k->left_out, "");
    }
    k->hash = 0;
    k->left_out = 0;
}

static void tell_over(int64_t now, bool all)
{
    bool more = false;
    for (size_t i = 0; i < KINDS_MAX; i++) {
        if (kinds[i].hash && (all || now >= kinds[i].until_us)) {
            tell(&kinds[i]);
        }
        more = more || kinds[i].left_out;
    }
    atomic_store_explicit(&any_left_out, more, memory_order_relaxed);
}

void tb_log_tell_repeats(bool all)
{
    if (!atomic_load_explicit(&any_left_out, memory_order_relaxed)) {
        return;
    }
    (void)pthread_mutex_lock(&kinds_lock);
    tell_over(tb_clock_mono_us(), all);
    (void)pthread_mutex_unlock(&kinds_lock);
}

/* Under the lock: of more kinds than there is room for, the one begun first makes room. */
static struct kind *find_kind(uint64_t hash)
{
    struct kind *oldest = &kinds[0];
    for (size_t i = 0; i < KINDS_MAX; i++) {
        if (kinds[i].hash == hash) {
            return &kinds[i];
        }
        bool better = oldest->hash && (!kinds[i].hash || kinds[i].until_us < oldest->until_us);
        oldest = better ? &kinds[i] : oldest;
    }
    tell(oldest);
    return oldest;
}

/* Whether the line is to be written; counts it when not. */
static bool is_due(enum tb_log_level level, const char *text)
{
    bool due = true;
    (void)pthread_mutex_lock(&kinds_lock);
    if (most_repeats && level != TB_LOG_DEBUG) {
        int64_t now = tb_clock_mono_us();
        tell_over(now, false);
        uint64_t hash = kind_of(level, text);
        struct kind *k = find_kind(hash);
        if (!k->hash) {
            *k = (struct kind){
                .hash = hash, .level = level, .until_us = now + (int64_t)TB_LOG_WINDOW_S * 1000000};
        }
        due = k->written < most_repeats;
        k->written += due;
        if (!due) {
            k->left_out++;
            (void)snprintf(k->last, sizeof k->last, "%s", text);
            atomic_store_explicit(&any_left_out, true, memory_order_relaxed);
        }
    }
    (void)pthread_mutex_unlock(&kinds_lock);
    return due;
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
    if (is_due(level, text)) {
        write_line(level, text, 0, t_trace);
    }
}
