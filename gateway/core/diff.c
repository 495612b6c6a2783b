#include "gateway/core/diff.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/json_write.h"
#include "common/base/utf8.h"

struct diff {
    tb_str rest;
    struct tb_json w;
    size_t lines;
    bool cut;
    int64_t files, insertions, deletions; /* of the commit */
};

/* One changed file, as its header tells. */
struct file {
    tb_str path;
    tb_str old_path; /* null unless renamed or copied */
    const char *status;
    bool binary;
    int64_t insertions, deletions;
};

static void add_text(struct tb_json *w, tb_str s)
{
    tb_buf clean;
    tb_buf_init(&clean, s.len * 3 + 1);
    while (s.len > 0) {
        size_t good = tb_utf8_valid_len(s);
        tb_buf_add(&clean, s.ptr, good);
        if (good < s.len) {
            tb_buf_add_c(&clean, "\xef\xbf\xbd");
            good++;
        }
        s = (tb_str){s.ptr + good, s.len - good};
    }
    tb_json_string(w, clean.len > 0 ? tb_buf_str(&clean) : TB_LIT(""));
    tb_buf_dispose(&clean);
}

static bool take_until(tb_str *rest, char end, tb_str *ret)
{
    const char *at = rest->len > 0 ? memchr(rest->ptr, end, rest->len) : NULL;
    if (!at) {
        return false;
    }
    *ret = (tb_str){rest->ptr, (size_t)(at - rest->ptr)};
    size_t step = ret->len + 1;
    *rest = (tb_str){rest->ptr + step, rest->len - step};
    return true;
}

static bool next_line(struct diff *d, tb_str *ret)
{
    if (d->rest.len == 0) {
        return false;
    }
    if (!take_until(&d->rest, '\n', ret)) {
        *ret = d->rest;
        d->rest = (tb_str){d->rest.ptr + d->rest.len, 0};
    }
    return true;
}

static tb_str peek_line(const struct diff *d)
{
    struct diff copy = *d;
    tb_str line = TB_STR_NULL;
    (void)next_line(&copy, &line);
    return line;
}

static tb_str after(tb_str line, const char *prefix)
{
    size_t n = strlen(prefix);
    return (tb_str){line.ptr + n, line.len - n};
}

/* A path as git writes it: in quotes with escapes where it holds odd characters. In place, for the
 * text is ours to shorten. */
static tb_str unquoted(tb_str path, char *room, size_t max)
{
    static const char escapes[] = "abtnvfr\"\\";
    static const char values[] = "\a\b\t\n\v\f\r\"\\";
    if (path.len < 2 || path.ptr[0] != '"') {
        return path;
    }
    size_t n = 0;
    for (size_t i = 1; i + 1 < path.len && n < max; i++) {
        char c = path.ptr[i];
        if (c == '\\' && i + 2 < path.len) {
            c = path.ptr[++i];
            const char *known = strchr(escapes, c);
            if (c >= '0' && c <= '3' && i + 3 < path.len) {
                c = (char)((c - '0') * 64 + (path.ptr[i + 1] - '0') * 8 + (path.ptr[i + 2] - '0'));
                i += 2;
            } else if (known) {
                c = values[known - escapes];
            }
        }
        room[n++] = c;
    }
    return (tb_str){room, n};
}

/* "a/x b/x" of a file that keeps its name. */
static tb_str same_path(tb_str both)
{
    if (both.len < 5) {
        return both;
    }
    size_t half = (both.len - 1) / 2;
    bool quoted = both.ptr[0] == '"';
    tb_str path = {both.ptr + half + 1, both.len - half - 1};
    return quoted ? path : (tb_str){path.ptr + 2, path.len > 2 ? path.len - 2 : 0};
}

static tb_str strip_side(tb_str path)
{
    return path.len > 2 && path.ptr[1] == '/' ? (tb_str){path.ptr + 2, path.len - 2} : path;
}

/* Lines from "diff --git" to the first hunk. */
static void read_header(struct diff *d, tb_str first, struct file *f)
{
    tb_str line;
    *f = (struct file){.path = same_path(after(first, "diff --git ")), .status = "modified"};
    for (line = peek_line(d); !tb_str_is_null(line); line = peek_line(d)) {
        if (tb_str_starts(line, "@@ ") || tb_str_starts(line, "diff --git ")) {
            return;
        }
        (void)next_line(d, &line);
        if (tb_str_starts(line, "new file mode")) {
            f->status = "added";
        } else if (tb_str_starts(line, "deleted file mode")) {
            f->status = "deleted";
        } else if (tb_str_starts(line, "rename from ") || tb_str_starts(line, "copy from ")) {
            f->status = line.ptr[0] == 'r' ? "renamed" : "copied";
            f->old_path = after(line, line.ptr[0] == 'r' ? "rename from " : "copy from ");
        } else if (tb_str_starts(line, "rename to ") || tb_str_starts(line, "copy to ")) {
            f->path = after(line, line.ptr[0] == 'r' ? "rename to " : "copy to ");
        } else if (tb_str_starts(line, "Binary files ") ||
                   tb_str_starts(line, "GIT binary patch")) {
            f->binary = true;
        } else if (tb_str_starts(line, "+++ b/") || tb_str_starts(line, "+++ \"b/")) {
            f->path = after(line, "+++ ");
            f->path = f->path.ptr[0] == '"' ? f->path : strip_side(f->path);
        }
        /* git ends a name with blanks by a tab */
        if (f->path.len > 0 && f->path.ptr[f->path.len - 1] == '\t') {
            f->path.len--;
        }
    }
}

static int64_t number(tb_str *s)
{
    int64_t n = 0;
    while (s->len > 0 && s->ptr[0] >= '0' && s->ptr[0] <= '9' && n < INT32_MAX) {
        n = n * 10 + (s->ptr[0] - '0');
        *s = (tb_str){s->ptr + 1, s->len - 1};
    }
    return n;
}

static void range(struct tb_json *w, tb_str *s, const char *start, const char *lines)
{
    while (s->len > 0 && (s->ptr[0] < '0' || s->ptr[0] > '9')) {
        *s = (tb_str){s->ptr + 1, s->len - 1};
    }
    int64_t first = number(s);
    int64_t count = 1;
    if (s->len > 0 && s->ptr[0] == ',') {
        *s = (tb_str){s->ptr + 1, s->len - 1};
        count = number(s);
    }
    tb_json_key(w, start);
    tb_json_int(w, first);
    tb_json_key(w, lines);
    tb_json_int(w, count);
}

static void write_line(struct diff *d, tb_str line)
{
    const char *kind = line.ptr[0] == '+' ? "added" : line.ptr[0] == '-' ? "removed" : "context";
    if (d->lines++ >= TB_DIFF_LINES_MAX) {
        d->cut = true;
        return;
    }
    tb_json_open(&d->w, '{');
    tb_json_key(&d->w, "kind");
    tb_json_string(&d->w, tb_str_of(kind));
    tb_json_key(&d->w, "text");
    add_text(&d->w, after(line, " "));
    tb_json_close(&d->w, '}');
}

static void write_hunk(struct diff *d, struct file *f)
{
    tb_str line = TB_LIT("");
    (void)next_line(d, &line);
    tb_str numbers = after(line, "@@ ");
    tb_json_open(&d->w, '{');
    tb_json_key(&d->w, "header");
    add_text(&d->w, line);
    range(&d->w, &numbers, "old_start", "old_lines");
    range(&d->w, &numbers, "new_start", "new_lines");
    tb_json_key(&d->w, "lines");
    tb_json_open(&d->w, '[');
    for (line = peek_line(d); line.len > 0 && strchr(" +-\\", line.ptr[0]); line = peek_line(d)) {
        (void)next_line(d, &line);
        f->insertions += line.ptr[0] == '+';
        f->deletions += line.ptr[0] == '-';
        if (line.ptr[0] != '\\') { /* "\ No newline at end of file" */
            write_line(d, line);
        }
    }
    tb_json_close(&d->w, ']');
    tb_json_close(&d->w, '}');
}

static void write_file(struct diff *d, tb_str first)
{
    struct file f;
    char room[4096];
    read_header(d, first, &f);
    tb_json_open(&d->w, '{');
    tb_json_key(&d->w, "path");
    tb_str path = unquoted(f.path, room, sizeof room);
    add_text(&d->w, f.path.len > 0 && f.path.ptr[0] == '"' ? strip_side(path) : path);
    tb_json_key(&d->w, "old_path");
    if (tb_str_is_null(f.old_path)) {
        tb_json_null(&d->w);
    } else {
        add_text(&d->w, unquoted(f.old_path, room, sizeof room));
    }
    tb_json_key(&d->w, "status");
    tb_json_string(&d->w, tb_str_of(f.status));
    tb_json_key(&d->w, "binary");
    tb_json_bool(&d->w, f.binary);
    tb_json_key(&d->w, "hunks");
    tb_json_open(&d->w, '[');
    while (tb_str_starts(peek_line(d), "@@ ")) {
        write_hunk(d, &f);
    }
    tb_json_close(&d->w, ']');
    tb_json_key(&d->w, "insertions");
    tb_json_int(&d->w, f.insertions);
    tb_json_key(&d->w, "deletions");
    tb_json_int(&d->w, f.deletions);
    tb_json_close(&d->w, '}');
    d->files++;
    d->insertions += f.insertions;
    d->deletions += f.deletions;
}

bool tb_diff_json(tb_str text, tb_str repository, bool cut, tb_buf *out)
{
    struct diff d = {.rest = text, .w = {.buf = out}, .cut = cut};
    static const char *const heads[] = {"sha", "author", "timestamp", "message"};
    tb_json_open(&d.w, '{');
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        tb_str value;
        if (!take_until(&d.rest, '\0', &value)) {
            return false;
        }
        while (value.len > 0 && value.ptr[value.len - 1] == '\n') {
            value.len--;
        }
        tb_json_key(&d.w, heads[i]);
        add_text(&d.w, value);
    }
    tb_json_key(&d.w, "repository");
    tb_json_string(&d.w, repository);
    tb_json_key(&d.w, "files");
    tb_json_open(&d.w, '[');
    tb_str line;
    while (next_line(&d, &line)) {
        if (tb_str_starts(line, "diff --git ")) {
            write_file(&d, line);
        }
    }
    tb_json_close(&d.w, ']');
    tb_json_key(&d.w, "files_changed");
    tb_json_int(&d.w, d.files);
    tb_json_key(&d.w, "insertions");
    tb_json_int(&d.w, d.insertions);
    tb_json_key(&d.w, "deletions");
    tb_json_int(&d.w, d.deletions);
    tb_json_key(&d.w, "truncated");
    tb_json_bool(&d.w, d.cut);
    tb_json_close(&d.w, '}');
    return !out->failed;
}
