/* Files of messages, and the little of a message the benchmarks look at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/tool/bench.h"

#define HEAD_BYTES 1200 /* the envelope's attributes come before the data */
#define FILE_MAX   ((long)4 * 1024 * 1024 * 1024)

static enum tb_rc slurp(const char *path, char **ret, size_t *ret_len, struct tb_error *err)
{
    FILE *in = fopen(path, "rb");
    if (!in) {
        return tb_fail(err, TB_ENOTFOUND, "cannot open %s", path);
    }
    (void)fseek(in, 0, SEEK_END);
    long len = ftell(in);
    (void)fseek(in, 0, SEEK_SET);
    char *text = len >= 0 && len <= FILE_MAX ? malloc((size_t)len + 1) : NULL;
    if (!text || fread(text, 1, (size_t)len, in) != (size_t)len) {
        free(text);
        (void)fclose(in);
        return tb_fail(err, TB_ENOMEM, "cannot read %s", path);
    }
    (void)fclose(in);
    *ret = text;
    *ret_len = (size_t)len;
    return TB_OK;
}

enum tb_rc bench_read(const char *path, struct bench_file *ret, struct tb_error *err)
{
    size_t len = 0;
    enum tb_rc rc = slurp(path, &ret->text, &len, err);
    if (rc != TB_OK) {
        return rc;
    }
    size_t room = 0;
    for (size_t i = 0; i < len; i++) {
        room += ret->text[i] == '\n';
    }
    ret->lines = calloc(room + 1, sizeof *ret->lines);
    if (!ret->lines) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    const char *end = ret->text + len;
    for (const char *p = ret->text; p < end;) {
        const char *line_end = memchr(p, '\n', (size_t)(end - p));
        line_end = line_end ? line_end : end;
        const char *tab = memchr(p, '\t', (size_t)(line_end - p));
        if (!tab) {
            return tb_fail(err, TB_EINVAL, "%s, line %zu: no tab between key and value", path,
                           ret->n + 1);
        }
        ret->lines[ret->n++] =
            (struct bench_line){{p, (size_t)(tab - p)}, {tab + 1, (size_t)(line_end - tab - 1)}};
        p = line_end + 1;
    }
    return TB_OK;
}

void bench_file_free(struct bench_file *f)
{
    free(f->lines);
    free(f->text);
}

tb_str bench_field(tb_str message, const char *name)
{
    char pattern[64];
    int n = snprintf(pattern, sizeof pattern, "\"%s\":\"", name);
    size_t head = message.len < HEAD_BYTES ? message.len : HEAD_BYTES;
    const char *at = head ? memmem(message.ptr, head, pattern, (size_t)n) : NULL;
    if (!at) {
        return TB_STR_NULL;
    }
    at += n;
    const char *end = memchr(at, '"', (size_t)(message.ptr + message.len - at));
    return end ? (tb_str){at, (size_t)(end - at)} : TB_STR_NULL;
}

int64_t bench_number(tb_str id)
{
    if (id.len < 12) {
        return -1;
    }
    char digits[13];
    memcpy(digits, id.ptr + id.len - 12, 12);
    digits[12] = '\0';
    char *end;
    long long n = strtoll(digits, &end, 16);
    return *end ? -1 : n;
}

enum tb_rc bench_open(const struct tb_config *cfg, const char *topic, int64_t position,
                      struct tb_consumer **ret, int32_t *ret_partitions, struct tb_error *err)
{
    const struct tb_consumer_options opt = {
        .topic = topic, .client_id = "ticketbus-bench", .queue_kbytes = 65536};
    enum tb_rc rc = tb_consumer_new(cfg, &opt, ret, err);
    int32_t n = 0;
    rc = rc != TB_OK ? rc : tb_consumer_partitions(*ret, &n, 10000, err);
    struct tb_position *at = rc == TB_OK ? calloc((size_t)n, sizeof *at) : NULL;
    if (rc == TB_OK && !at) {
        rc = tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (int32_t i = 0; rc == TB_OK && at && i < n; i++) {
        at[i] = (struct tb_position){i, position};
        if (position == TB_POSITION_END) { /* where it ends now, not when fetching starts */
            int64_t low;
            rc = tb_consumer_watermarks(*ret, i, &low, &at[i].offset, 10000, err);
        }
    }
    rc = rc != TB_OK ? rc : tb_consumer_start(*ret, at, (size_t)n, err);
    free(at);
    *ret_partitions = n;
    return rc;
}
