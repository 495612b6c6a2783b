/* What standard output is: width, colors. And text made fit for it. */
#ifndef TB_CTL_TERM_H
#define TB_CTL_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/str.h"
#include "indexer/core/passage.h"

struct ctl_term {
    bool tty;
    bool color; /* a terminal, and NO_COLOR is not set */
    size_t width;
};

/* Looks at a file descriptor. Colors and widths of what is no terminal: none, 0 (no limit). */
struct ctl_term ctl_term_of(int fd);

enum ctl_color {
    CTL_PLAIN,
    CTL_BOLD,
    CTL_DIM,
    CTL_RED,
    CTL_GREEN,
    CTL_YELLOW,
    CTL_BLUE,
    CTL_MAGENTA,
    CTL_CYAN,
    CTL_GRAY,
};
/* CTL_PLAIN when the name (of a board's column) is no color we know. */
enum ctl_color ctl_color_named(tb_str name);

/* Columns that the text takes on a terminal; control characters count as they are shown. */
size_t ctl_text_width(tb_str text);
/* Adds one line of text: control characters shown as blanks (what others wrote must not command
 * the terminal), cut to `width` columns with "…" where it is longer (0: not cut). Returns the
 * columns taken. */
size_t ctl_text_add(tb_buf *out, tb_str text, size_t width);
/* The same in a color, padded with blanks to `pad` columns. */
void ctl_text_cell(tb_buf *out, const struct ctl_term *term, enum ctl_color color, tb_str text,
                   size_t width, size_t pad);
/* Adds one line of text, cut as by ctl_text_add, in which the marked places (in order, none in
 * another) stand out. Where the first of them would be cut off, it begins shortly before it. */
void ctl_text_marked(tb_buf *out, const struct ctl_term *term, tb_str text,
                     const struct tb_mark *marks, size_t n, size_t width);
/* Adds a text of several lines, wrapped at words to width columns (0: not wrapped), each line
 * behind indent. */
void ctl_text_wrap(tb_buf *out, tb_str text, size_t width, const char *indent);
/* "2026-11-23 20:08" in UTC; "-" for no time. */
void ctl_time_add(tb_buf *out, int64_t time_us);

#endif
