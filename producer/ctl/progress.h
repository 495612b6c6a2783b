/* A line that counts while something long runs: rate and time left. Only on a terminal (stderr). */
#ifndef TB_CTL_PROGRESS_H
#define TB_CTL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"

struct ctl_progress {
    bool shown;
    const char *what;
    size_t total; /* 0: not known */
    int64_t started_us;
    int64_t drawn_us;
};

void ctl_progress_start(struct ctl_progress *p, const char *what, size_t total);
/* Draws at most ten times a second. */
void ctl_progress_at(struct ctl_progress *p, size_t done);
/* Clears the line. */
void ctl_progress_end(struct ctl_progress *p);

/* The line itself, without control characters; pure. */
void ctl_progress_line(const char *what, size_t done, size_t total, int64_t elapsed_us,
                       size_t width, tb_buf *out);

#endif
