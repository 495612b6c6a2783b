/* Reads a topic of events from its beginning to where it ends now. When events were appended is
 * told by the broker (message.timestamp.type=LogAppendTime), so nobody has to watch while workers
 * run. An event may have been published twice when partitions changed hands: the first one counts.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/bench/tool/bench.h"

#define MAX_TYPES    64
#define STEPS        20
#define MAX_COMMANDS INT64_C(100000000)

struct scan {
    tb_str source; /* of the commands that count; null: any */
    int64_t *done; /* append times of their last events by number of the command, 0: none yet */
    size_t ndone;  /* different commands */
    size_t room;
    int64_t *ends;
    int32_t open; /* partitions not yet read to their end */
    size_t records;
    size_t repeats; /* answers to commands sent again */
    size_t again;   /* commands whose last event is there more than once */
    size_t bytes;
    int64_t first;
    int64_t last;
    char types[MAX_TYPES][48];
    size_t counts[MAX_TYPES];
    size_t ntypes;
};

static void count_type(struct scan *s, tb_str type)
{
    size_t i = 0;
    while (i < s->ntypes && !tb_str_eq_c(type, s->types[i])) {
        i++;
    }
    if (i == s->ntypes && i < MAX_TYPES && type.len < sizeof s->types[0]) {
        memcpy(s->types[i], type.ptr, type.len);
        s->ntypes++;
    }
    if (i < s->ntypes) {
        s->counts[i]++;
    }
}

static int64_t int_field(tb_str m, const char *name)
{
    char pattern[64];
    int n = snprintf(pattern, sizeof pattern, "\"%s\":", name);
    const char *at = memmem(m.ptr, m.len < 1200 ? m.len : 1200, pattern, (size_t)n);
    return at ? strtoll(at + n, NULL, 10) : 0;
}

static bool make_room(struct scan *s, size_t number)
{
    size_t room = s->room ? s->room : 65536;
    while (number >= room) {
        room *= 2;
    }
    if (room > s->room) {
        int64_t *done = realloc(s->done, room * sizeof *done);
        if (!done) {
            return false;
        }
        memset(done + s->room, 0, (room - s->room) * sizeof *done);
        s->done = done;
        s->room = room;
    }
    return true;
}

static bool take(struct scan *s, const struct tb_kafka_message *m)
{
    s->records++;
    s->bytes += m->value.len;
    s->first = s->first && s->first < m->timestamp_us ? s->first : m->timestamp_us;
    s->last = s->last > m->timestamp_us ? s->last : m->timestamp_us;
    if (!tb_str_is_null(tb_kafka_message_header(m, "ticketbus-repeat"))) {
        s->repeats++;
        return true;
    }
    count_type(s, bench_field(m->value, "type"));
    tb_str source = bench_field(m->value, "causationsource");
    if (!tb_str_is_null(s->source) && !tb_str_eq(source, s->source)) {
        return true;
    }
    if (int_field(m->value, "causationindex") < int_field(m->value, "causationcount")) {
        return true;
    }
    int64_t number = bench_number(bench_field(m->value, "causationid"));
    if (number < 0 || number >= MAX_COMMANDS || !make_room(s, (size_t)number)) {
        return number < 0 || number >= MAX_COMMANDS;
    }
    if (s->done[number] != 0) {
        s->again++;
        return true;
    }
    s->done[number] = m->timestamp_us;
    s->ndone++;
    return true;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print(struct scan *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->room; i++) {
        if (s->done[i] != 0) {
            s->done[n++] = s->done[i];
        }
    }
    if (n > 1) {
        qsort(s->done, n, sizeof *s->done, by_value);
    }
    (void)printf("{\"records\":%zu,\"repeats\":%zu,\"again\":%zu,\"bytes\":%zu,\"commands\":%zu,"
                 "\"first_us\":%" PRId64 ",\"last_us\":%" PRId64 ",\"done_us\":[",
                 s->records, s->repeats, s->again, s->bytes, s->ndone, s->first, s->last);
    for (size_t i = 0; i <= STEPS && s->ndone > 0; i++) {
        size_t at = i * (s->ndone - 1) / STEPS;
        (void)printf("%s%" PRId64, i ? "," : "", s->done[at]);
    }
    (void)printf("],\"types\":{");
    for (size_t i = 0; i < s->ntypes; i++) {
        (void)printf("%s\"%s\":%zu", i ? "," : "", s->types[i], s->counts[i]);
    }
    (void)printf("}}\n");
}

enum tb_rc bench_scan(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err)
{
    struct scan s = {.source = argc > 1 ? tb_str_of(argv[1]) : TB_STR_NULL};
    struct tb_consumer *c = NULL;
    int32_t n = 0;
    enum tb_rc rc = bench_open(cfg, argv[0], TB_POSITION_BEGINNING, &c, &n, err);
    s.ends = calloc((size_t)n + 1, sizeof *s.ends);
    for (int32_t i = 0; i < n && rc == TB_OK && s.ends; i++) {
        int64_t low;
        rc = tb_consumer_watermarks(c, i, &low, &s.ends[i], 10000, err);
        s.open += s.ends[i] > low;
    }
    int64_t deadline = tb_clock_mono_us() + 120 * INT64_C(1000000);
    while (rc == TB_OK && s.open > 0) {
        struct tb_kafka_message m;
        enum tb_poll got = tb_consumer_poll(c, 100, &m, err);
        if (got == TB_POLL_FATAL || tb_clock_mono_us() > deadline) {
            rc = tb_fail(err, TB_EUNAVAILABLE, "%s cannot be read to its end", argv[0]);
        } else if (got == TB_POLL_MESSAGE) {
            if (m.offset < s.ends[m.partition] && !take(&s, &m)) {
                rc = tb_fail(err, TB_ENOMEM, "out of memory");
            }
            s.open -= m.offset + 1 == s.ends[m.partition];
            tb_kafka_message_free(&m);
        }
    }
    if (rc == TB_OK) {
        print(&s);
    }
    tb_consumer_free(c);
    free(s.ends);
    free(s.done);
    return rc;
}
