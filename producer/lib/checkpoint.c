#include "producer/lib/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD     "ticketbus-checkpoint 1"
#define FILE_MAX ((off_t)4 * 1024 * 1024 * 1024)

void tb_lib_checkpoint_write(const char *topic, int32_t partition,
                             const struct ticketbus_progress *progress,
                             const struct tb_sequencer *s, tb_buf *out)
{
    size_t from = out->len;
    tb_buf_printf(out, HEAD "\ntopic %s\npartition %d\noffset %lld\n", topic, (int)partition,
                  (long long)progress->offset);
    if (progress->last_offset >= 0) {
        tb_buf_printf(out, "last %lld %s\n", (long long)progress->last_offset, progress->last_id);
    }
    tb_sequencer_write(s, out);
    int64_t lines = 0;
    for (size_t i = from; i < out->len; i++) {
        lines += out->ptr[i] == '\n';
    }
    tb_buf_printf(out, "end %lld\n", (long long)lines);
}

/* ---- reading ---- */

struct reader {
    tb_str rest;
    int64_t lines;
};

static bool next_line(struct reader *r, tb_str *ret)
{
    const char *end = r->rest.len ? memchr(r->rest.ptr, '\n', r->rest.len) : NULL;
    if (!end) {
        return false;
    }
    *ret = (tb_str){r->rest.ptr, (size_t)(end - r->rest.ptr)};
    r->rest = (tb_str){end + 1, r->rest.len - ret->len - 1};
    r->lines++;
    return true;
}

/* "WORD NUMBER[ TEXT]"; text NULL: nothing may follow. */
static bool number_line(tb_str line, const char *word, int64_t *ret, tb_str *text)
{
    size_t len = strlen(word);
    if (!tb_str_starts(line, word)) {
        return false;
    }
    int64_t n = 0;
    size_t i = len;
    for (; i < line.len && i < len + 18 && line.ptr[i] >= '0' && line.ptr[i] <= '9'; i++) {
        n = n * 10 + (line.ptr[i] - '0');
    }
    *ret = n;
    if (i == len) {
        return false;
    }
    if (!text) {
        return i == line.len;
    }
    *text = (tb_str){line.ptr + i + 1, i < line.len ? line.len - i - 1 : 0};
    return i < line.len && line.ptr[i] == ' ';
}

static bool read_head(struct reader *r, const char *topic, int32_t partition,
                      struct ticketbus_progress *ret)
{
    tb_str line;
    int64_t number = -1;
    return next_line(r, &line) && tb_str_eq_c(line, HEAD) && next_line(r, &line) &&
           tb_str_starts(line, "topic ") &&
           tb_str_eq_c((tb_str){line.ptr + 6, line.len - 6}, topic) && next_line(r, &line) &&
           number_line(line, "partition ", &number, NULL) && number == partition &&
           next_line(r, &line) && number_line(line, "offset ", &ret->offset, NULL);
}

static enum tb_rc read_body(struct reader *r, struct ticketbus_progress *ret,
                            struct tb_sequencer *s)
{
    tb_str line;
    tb_str text;
    int64_t number;
    while (next_line(r, &line)) {
        if (number_line(line, "end ", &number, NULL)) {
            return number == r->lines - 1 && r->rest.len == 0 ? TB_OK : TB_EINVAL;
        }
        if (number_line(line, "last ", &number, &text)) {
            if (text.len >= sizeof ret->last_id) {
                return TB_EINVAL;
            }
            ret->last_offset = number;
            (void)snprintf(ret->last_id, sizeof ret->last_id, "%.*s", TB_ARG(text));
            continue;
        }
        enum tb_rc rc = tb_sequencer_read_line(s, line);
        if (rc != TB_OK) {
            return rc;
        }
    }
    return TB_EINVAL;
}

enum ticketbus_rc tb_lib_checkpoint_read(tb_str bytes, const char *topic, int32_t partition,
                                         struct ticketbus_progress *ret, struct tb_sequencer *s,
                                         struct ticketbus_error *err)
{
    *ret = (struct ticketbus_progress){.offset = -1, .last_offset = -1};
    struct reader r = {.rest = bytes};
    enum tb_rc rc = read_head(&r, topic, partition, ret) ? read_body(&r, ret, s) : TB_EINVAL;
    if (rc == TB_ENOMEM) {
        return tb_lib_no_memory(err);
    }
    if (rc != TB_OK) {
        return tb_lib_fail_with(err, TICKETBUS_EINVAL, "checkpoint", NULL,
                                "line %lld: not a whole checkpoint of %s, partition %d",
                                (long long)r.lines, topic, (int)partition);
    }
    return TICKETBUS_OK;
}

/* ---- files ---- */

static char *path_of(const char *dir, const char *topic, int32_t partition, const char *suffix)
{
    char *path = NULL;
    /* A topic's name holds no slash. */
    if (strchr(topic, '/') ||
        asprintf(&path, "%s/%s-%d.checkpoint%s", dir, topic, (int)partition, suffix) < 0) {
        return NULL;
    }
    return path;
}

static bool read_all(int fd, char *to, size_t len)
{
    for (size_t got = 0; got < len;) {
        ssize_t n = read(fd, to + got, len - got);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return false;
        }
        got += n > 0 ? (size_t)n : 0;
    }
    return true;
}

enum ticketbus_rc tb_lib_checkpoint_load_file(const char *topic, int32_t partition, char **ret,
                                              size_t *ret_len, void *arg)
{
    *ret = NULL;
    *ret_len = 0;
    char *path = path_of(arg, topic, partition, "");
    if (!path) {
        return TICKETBUS_ENOMEM;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    if (fd < 0) {
        return errno == ENOENT ? TICKETBUS_OK : TICKETBUS_EINVAL;
    }
    struct stat st;
    enum ticketbus_rc rc = TICKETBUS_EINVAL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX) {
        char *bytes = malloc((size_t)st.st_size + 1);
        rc = bytes ? TICKETBUS_EINVAL : TICKETBUS_ENOMEM;
        if (bytes && read_all(fd, bytes, (size_t)st.st_size)) {
            *ret = bytes;
            *ret_len = (size_t)st.st_size;
            rc = TICKETBUS_OK;
        } else {
            free(bytes);
        }
    }
    (void)close(fd);
    return rc;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, bytes + done, len - done);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return fsync(fd) == 0;
}

/* The rename itself must survive a power cut too. */
static void sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

enum ticketbus_rc tb_lib_checkpoint_save_file(const char *topic, int32_t partition,
                                              const char *bytes, size_t len, void *arg)
{
    char *path = path_of(arg, topic, partition, "");
    char *draft = path_of(arg, topic, partition, ".new");
    enum ticketbus_rc rc = TICKETBUS_EINVAL;
    int fd = path && draft ? open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
    if (fd >= 0) {
        bool written = write_all(fd, bytes, len);
        written = close(fd) == 0 && written;
        if (written && rename(draft, path) == 0) {
            sync_folder(arg);
            rc = TICKETBUS_OK;
        } else {
            (void)unlink(draft);
        }
    }
    free(path);
    free(draft);
    return rc;
}
