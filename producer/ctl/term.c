#include "producer/ctl/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "common/base/attr.h"
#include "common/base/clock.h"

#define DEFAULT_WIDTH 100

struct ctl_term ctl_term_of(int fd)
{
    struct ctl_term t = {.tty = isatty(fd) == 1};
    if (t.tty) {
        const char *no_color = getenv("NO_COLOR");
        const char *kind = getenv("TERM");
        t.color = !(no_color && no_color[0]) && !(kind && strcmp(kind, "dumb") == 0);
        struct winsize size;
        bool known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
        t.width = known ? size.ws_col : DEFAULT_WIDTH;
    }
    return t;
}

static const struct {
    const char *name;
    const char *code;
} colors[] = {
    [CTL_PLAIN] = {"", ""},      [CTL_BOLD] = {"bold", "1"},        [CTL_DIM] = {"dim", "2"},
    [CTL_RED] = {"red", "31"},   [CTL_GREEN] = {"green", "32"},     [CTL_YELLOW] = {"yellow", "33"},
    [CTL_BLUE] = {"blue", "34"}, [CTL_MAGENTA] = {"magenta", "35"}, [CTL_CYAN] = {"cyan", "36"},
    [CTL_GRAY] = {"gray", "90"},
};

enum ctl_color ctl_color_named(tb_str name)
{
    for (size_t i = 1; i < TB_COUNT(colors); i++) {
        if (tb_str_eq_c(name, colors[i].name)) {
            return (enum ctl_color)i;
        }
    }
    if (tb_str_eq_c(name, "orange")) {
        return CTL_YELLOW;
    }
    return tb_str_eq_c(name, "purple") ? CTL_MAGENTA : CTL_PLAIN;
}

/* One character of valid UTF-8: its bytes and code point; a stray byte counts as one character. */
static size_t next_char(tb_str text, size_t at, uint32_t *ret)
{
    unsigned char c = (unsigned char)text.ptr[at];
    size_t len = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
    if (at + len > text.len) {
        len = 1;
    }
    uint32_t code = len == 1 ? c : c & (0xFFU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        code = code << 6 | ((unsigned char)text.ptr[at + i] & 0x3F);
    }
    *ret = code;
    return len;
}

/* C0, DEL, C1, and the marks that turn the direction of the text around. */
static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069);
}

static size_t char_width(uint32_t code)
{
    if (is_control(code)) {
        return 1;
    }
    if (code < 0x300) {
        return 1;
    }
    int width = wcwidth((wchar_t)code);
    return width < 0 ? 1 : (size_t)width;
}

size_t ctl_text_width(tb_str text)
{
    size_t width = 0;
    for (size_t at = 0; at < text.len;) {
        uint32_t code;
        at += next_char(text, at, &code);
        width += char_width(code);
    }
    return width;
}

size_t ctl_text_add(tb_buf *out, tb_str text, size_t width)
{
    bool cut = width > 0 && ctl_text_width(text) > width;
    size_t room = cut ? width - 1 : (size_t)-1;
    size_t used = 0;
    for (size_t at = 0; at < text.len;) {
        uint32_t code;
        size_t len = next_char(text, at, &code);
        size_t w = char_width(code);
        if (used + w > room) {
            break;
        }
        if (is_control(code)) {
            tb_buf_add_char(out, ' ');
        } else {
            tb_buf_add(out, text.ptr + at, len);
        }
        used += w;
        at += len;
    }
    if (cut) {
        tb_buf_add_c(out, "…");
        used++;
    }
    return used;
}

void ctl_text_cell(tb_buf *out, const struct ctl_term *term, enum ctl_color color, tb_str text,
                   size_t width, size_t pad)
{
    bool colored = term->color && color != CTL_PLAIN;
    if (colored) {
        tb_buf_printf(out, "\033[%sm", colors[color].code);
    }
    size_t used = ctl_text_add(out, text, width);
    if (colored) {
        tb_buf_add_c(out, "\033[0m");
    }
    for (; used < pad; used++) {
        tb_buf_add_char(out, ' ');
    }
}

/* Where a line of this width begins: at a word, so that the first mark is on it. */
static size_t line_start(tb_str text, const struct tb_mark *first, size_t width)
{
    tb_str before = {text.ptr, first->from};
    size_t room = width / 2;
    if (ctl_text_width((tb_str){text.ptr, first->to}) < width) {
        return 0;
    }
    size_t at = before.len;
    while (at > 0 && ctl_text_width((tb_str){text.ptr + at, before.len - at}) < room) {
        at--;
    }
    while (at < before.len && text.ptr[at] != ' ' && text.ptr[at] != '\n') {
        at++;
    }
    return at < before.len ? at + 1 : before.len;
}

/* Bytes of the beginning that takes so many columns at most. */
static size_t bytes_in(tb_str text, size_t room)
{
    size_t used = 0;
    size_t at = 0;
    while (at < text.len) {
        uint32_t code;
        size_t len = next_char(text, at, &code);
        used += char_width(code);
        if (used > room) {
            break;
        }
        at += len;
    }
    return at;
}

void ctl_text_marked(tb_buf *out, const struct ctl_term *term, tb_str text,
                     const struct tb_mark *marks, size_t n, size_t width)
{
    size_t at = n && width > 2 ? line_start(text, &marks[0], width) : 0;
    size_t room = at > 0 ? width - 1 : width;
    tb_str rest = {text.ptr + at, text.len - at};
    bool cut = width > 0 && ctl_text_width(rest) > room;
    size_t stop = cut ? at + bytes_in(rest, room - 1) : text.len;
    tb_buf_add_c(out, at > 0 ? "…" : "");
    for (size_t i = 0; at < stop;) {
        bool marked = i < n && marks[i].from <= at;
        size_t end = marked ? marks[i].to : i < n ? marks[i].from : stop;
        end = end < stop ? end : stop;
        ctl_text_cell(out, term, marked ? CTL_YELLOW : CTL_PLAIN, (tb_str){text.ptr + at, end - at},
                      0, 0);
        at = end;
        i += marked;
    }
    tb_buf_add_c(out, cut ? "…" : "");
}

/* The longest beginning of line that fits, cut at a blank where there is one. */
static size_t fit(tb_str line, size_t width)
{
    size_t used = 0;
    size_t blank = 0;
    for (size_t at = 0; at < line.len;) {
        uint32_t code;
        size_t len = next_char(line, at, &code);
        used += char_width(code);
        if (used > width) {
            return blank ? blank : at ? at : len;
        }
        if (code == ' ') {
            blank = at;
        }
        at += len;
    }
    return line.len;
}

static void wrap_line(tb_buf *out, tb_str line, size_t width, const char *indent)
{
    do {
        size_t n = width ? fit(line, width) : line.len;
        tb_buf_add_c(out, n ? indent : "");
        (void)ctl_text_add(out, (tb_str){line.ptr, n}, 0);
        tb_buf_add_char(out, '\n');
        line.ptr += n;
        line.len -= n;
        while (line.len && line.ptr[0] == ' ') {
            line.ptr++;
            line.len--;
        }
    } while (line.len);
}

void ctl_text_wrap(tb_buf *out, tb_str text, size_t width, const char *indent)
{
    size_t taken = strlen(indent);
    size_t room = width == 0 ? 0 : width > taken + 20 ? width - taken : 20;
    for (size_t start = 0; start < text.len;) {
        const char *end = memchr(text.ptr + start, '\n', text.len - start);
        size_t len = end ? (size_t)(end - text.ptr) - start : text.len - start;
        size_t shown = len && text.ptr[start + len - 1] == '\r' ? len - 1 : len;
        wrap_line(out, (tb_str){text.ptr + start, shown}, room, indent);
        start += len + 1;
    }
}

void ctl_time_add(tb_buf *out, int64_t time_us)
{
    char text[TB_TIME_TEXT_MAX];
    if (time_us == TB_TIME_NONE) {
        tb_buf_add_c(out, "-");
        return;
    }
    (void)tb_time_format(time_us, text);
    text[10] = ' ';
    tb_buf_add(out, text, 16);
}
