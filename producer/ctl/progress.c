#include "producer/ctl/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "producer/ctl/term.h"

#define REDRAW_US 100000
#define BAR_MAX   30

static void add_duration(tb_buf *out, int64_t seconds)
{
    if (seconds >= 3600) {
        tb_buf_printf(out, "%lldh%02lldm", (long long)(seconds / 3600),
                      (long long)(seconds / 60 % 60));
    } else if (seconds >= 60) {
        tb_buf_printf(out, "%lldm%02llds", (long long)(seconds / 60), (long long)(seconds % 60));
    } else {
        tb_buf_printf(out, "%llds", (long long)seconds);
    }
}

void ctl_progress_line(const char *what, size_t done, size_t total, int64_t elapsed_us,
                       size_t width, tb_buf *out)
{
    double seconds = (double)elapsed_us / 1e6;
    double rate = seconds > 0 ? (double)done / seconds : 0;
    tb_buf_printf(out, "%s ", what);
    if (total > 0 && width >= 60) {
        size_t filled = done >= total ? BAR_MAX : BAR_MAX * done / total;
        tb_buf_add_char(out, '[');
        for (size_t i = 0; i < BAR_MAX; i++) {
            tb_buf_add_char(out, i < filled ? '#' : '.');
        }
        tb_buf_add_c(out, "] ");
    }
    if (total > 0) {
        tb_buf_printf(out, "%zu/%zu %zu%%", done, total, done >= total ? 100 : done * 100 / total);
    } else {
        tb_buf_printf(out, "%zu", done);
    }
    tb_buf_printf(out, " %.0f/s", rate);
    if (total > done && rate > 0) {
        tb_buf_add_c(out, " ");
        add_duration(out, (int64_t)((double)(total - done) / rate + 0.5));
        tb_buf_add_c(out, " left");
    }
}

static void draw(struct ctl_progress *p, size_t done, int64_t now)
{
    struct ctl_term term = ctl_term_of(STDERR_FILENO);
    tb_buf line;
    tb_buf_init(&line, 1000);
    ctl_progress_line(p->what, done, p->total, now - p->started_us, term.width, &line);
    tb_buf cut;
    tb_buf_init(&cut, 1000);
    (void)ctl_text_add(&cut, tb_buf_str(&line), term.width > 1 ? term.width - 1 : 0);
    (void)fprintf(stderr, "\r\033[K%.*s", TB_ARG(tb_buf_str(&cut)));
    (void)fflush(stderr);
    tb_buf_dispose(&cut);
    tb_buf_dispose(&line);
}

void ctl_progress_start(struct ctl_progress *p, const char *what, size_t total)
{
    int64_t now = tb_clock_mono_us();
    *p = (struct ctl_progress){
        .shown = ctl_term_of(STDERR_FILENO).tty, .what = what, .total = total, .started_us = now};
}

void ctl_progress_at(struct ctl_progress *p, size_t done)
{
    int64_t now = tb_clock_mono_us();
    if (p->shown && now - p->drawn_us >= REDRAW_US) {
        p->drawn_us = now;
        draw(p, done, now);
    }
}

void ctl_progress_end(struct ctl_progress *p)
{
    if (p->shown && p->drawn_us) {
        (void)fputs("\r\033[K", stderr);
        (void)fflush(stderr);
    }
}
