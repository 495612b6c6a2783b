/* Hostile messages in number, through the decoder of commands: good ones, mutated by a seeded
 * generator, each accounted for: decoded, answered with a rejection, a dead letter, or left to a
 * newer version. What comes out of each is held to the checks of fuzz_command_decode.c.
 *
 *   hostile [-n MESSAGES] [-s SEED] FILE|FOLDER...      the good messages to start from
 *
 * Prints one JSON object; fails when too few of the messages get past the parser, for then the run
 * shows little. The same seed gives the same messages. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/json/command.h"
#include "common/json/dom.h"
#include "tests/fuzz/fuzz.h"

enum { SEEDS_MAX = 256, SPANS_MAX = 1024, SIZE_MAX_BYTES = 1 << 16 };

static struct sample {
    char *text;
    size_t len;
} seeds[SEEDS_MAX];
static size_t nseeds;
static uint64_t state;

/* SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014). */
static uint64_t dice(void)
{
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static size_t below(size_t n)
{
    return n ? (size_t)(dice() % n) : 0;
}

/* ---- a message under work ---- */

struct message {
    char text[SIZE_MAX_BYTES];
    size_t len;
};

/* Replaces [at, at + len) by other bytes; does nothing when there is no room. */
static void replace(struct message *m, size_t at, size_t len, const char *by, size_t by_len)
{
    if (m->len - len + by_len > sizeof m->text) {
        return;
    }
    memmove(m->text + at + by_len, m->text + at + len, m->len - at - len);
    memcpy(m->text + at, by, by_len);
    m->len += by_len - len;
}

struct span {
    size_t at;
    size_t len;
    bool key;
};

/* Keys and scalar values of JSON text. */
static size_t spans_of(const struct message *m, struct span *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < m->len && n < SPANS_MAX;) {
        size_t from = i;
        if (m->text[i] == '"') {
            for (i++; i < m->len && m->text[i] != '"'; i++) {
                i += m->text[i] == '\\';
            }
            i = i < m->len ? i + 1 : m->len;
            size_t next = i;
            while (next < m->len && strchr(" \n\r\t", m->text[next])) {
                next++;
            }
            ret[n++] = (struct span){from, i - from, next < m->len && m->text[next] == ':'};
        } else if (m->text[i] && strchr("-0123456789truefalsn", m->text[i])) {
            while (i < m->len && m->text[i] && !strchr(",:]}[{\" \n\r\t", m->text[i])) {
                i++;
            }
            ret[n++] = (struct span){from, i - from, false};
        } else {
            i++;
        }
    }
    return n;
}

/* ---- mutations ---- */

static const char *const values[] = {
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1",
    "2",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "1e400",
    "1.5",
    "1E-7",
    "-0",
    "\"\"",
    "\" \"",
    "\"0\"",
    "[]",
    "{}",
    "[[]]",
    "[null]",
    "[\"ticket-1\"]",
    "[\"a\",\"a\"]",
    "{\"a\":1}",
    "{\"a\":{\"b\":[1,{}]}}",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\\u202e\"",
    "\"'; DROP TABLE tickets; --\"",
    "\"../../etc/passwd\"",
    "\"%s%n\"",
    "\"open\"",
    "\"high\"",
    "\"ticket.create\"",
    "\"ticket.recheck\"",
    "\"ticket.expire\"",
    "\"board.put\"",
    "\"2026-02-30T00:00:00Z\"",
    "\"2026-01-01T00:00:00.123456789Z\"",
    "\"9999-12-31T23:59:60+14:00\"",
    "\"1.0\"",
    "\"ticket-00000000-0000-0000-0000-000000000000\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\xc3\xa9\"",
};
static const char *const bytes[] = {"{",
                                    "}",
                                    "[",
                                    "]",
                                    "\"",
                                    ":",
                                    ",",
                                    "\\",
                                    "\\u",
                                    "\xff",
                                    "\xc0\xaf",
                                    "\xed\xa0\x80",
                                    "\xef\xbb\xbf",
                                    "\x00",
                                    "\n",
                                    "//",
                                    "NaN"};

/* Stays JSON: another value for one of the values, or another name. */
static void change_value(struct message *m)
{
    struct span spans[SPANS_MAX];
    size_t n = spans_of(m, spans);
    if (n == 0) {
        return;
    }
    if (below(50) == 0 && m->text[0] == '{') {
        static const char newer[] = "\"schemaversion\":2,";
        replace(m, 1, 0, newer, sizeof newer - 1);
        return;
    }
    struct span s = spans[below(n)];
    if (s.key) {
        struct span other = spans[below(n)];
        char name[256];
        if (other.key && other.len < sizeof name) {
            memcpy(name, m->text + other.at, other.len);
            replace(m, s.at, s.len, name, other.len);
        } else {
            replace(m, s.at + 1, 0, "x", 1);
        }
        return;
    }
    const char *value = values[below(TB_COUNT(values))];
    replace(m, s.at, s.len, value, strlen(value));
}

/* Stays JSON: a string of some length and depth in place of a value. */
static void blow_up(struct message *m)
{
    static char big[20000];
    struct span spans[SPANS_MAX];
    size_t n = spans_of(m, spans);
    struct span s = n ? spans[below(n)] : (struct span){0};
    if (n == 0 || s.key) {
        return;
    }
    size_t len = 0;
    if (below(2)) {
        size_t depth = 1 + below(below(4) ? 40 : 4000);
        memset(big, '[', depth);
        memset(big + depth, ']', depth);
        len = 2 * depth;
    } else {
        len = 2 + below(below(4) ? 300 : sizeof big - 2);
        memset(big, 'a' + (int)below(26), len);
        big[0] = big[len - 1] = '"';
    }
    replace(m, s.at, s.len, big, len);
}

static void damage(struct message *m)
{
    size_t at = below(m->len);
    size_t len = 1 + below(8);
    len = len < m->len - at ? len : m->len - at;
    switch (below(6)) {
    case 0:
        if (m->len) {
            m->text[at] = (char)(m->text[at] ^ (1 << below(8)));
        }
        break;
    case 1:
        replace(m, at, len, "", 0);
        break;
    case 2: {
        const char *b = bytes[below(TB_COUNT(bytes))];
        replace(m, at, 0, b, b[0] ? strlen(b) : 1);
        break;
    }
    case 3: {
        char copy[8];
        memcpy(copy, m->text + at, len);
        replace(m, at, 0, copy, len);
        break;
    }
    case 4:
        m->len = at;
        break;
    default: {
        const struct sample *other = &seeds[below(nseeds)];
        size_t from = below(other->len);
        replace(m, at, m->len - at, other->text + from, other->len - from);
        break;
    }
    }
}

static void noise(struct message *m)
{
    m->len = below(200);
    for (size_t i = 0; i < m->len; i++) {
        m->text[i] = (char)dice();
    }
}

static void make(struct message *m)
{
    const struct sample *seed = &seeds[below(nseeds)];
    memcpy(m->text, seed->text, seed->len);
    m->len = seed->len;
    size_t way = below(100);
    if (way < 2) {
        noise(m);
    } else if (way < 60) {
        for (size_t i = 1 + below(4); i > 0; i--) {
            change_value(m);
        }
    } else if (way < 68) {
        blow_up(m);
    } else {
        for (size_t i = 1 + below(3); i > 0; i--) {
            damage(m);
        }
    }
}

/* ---- accounts ---- */

struct accounts {
    uint64_t json, envelopes;
    uint64_t decoded, rejected, dead, newer, unaccounted;
    uint64_t codes[64]; /* by rejection, of rejected and dead */
};

static void account(struct accounts *a, const struct message *m)
{
    tb_str text = {m->text, m->len};
    struct tb_arena *arena = tb_arena_new((size_t)64 << 20);
    struct tb_command cmd;
    struct tb_decode_failure fail;
    struct tb_dom *dom = NULL;
    FUZZ_CHECK(arena);
    if (tb_dom_parse(text, 0, &dom, NULL) == TB_OK) {
        a->json++;
    }
    tb_dom_free(dom);
    enum tb_rc rc = tb_command_decode(text, NULL, arena, &cmd, &fail);
    bool refused = rc == TB_EINVAL;
    a->decoded += rc == TB_OK;
    a->rejected += refused && fail.kind == TB_DECODE_REJECT;
    a->dead += refused && fail.kind == TB_DECODE_DEAD_LETTER;
    a->newer += refused && fail.kind == TB_DECODE_NEWER_SCHEMA;
    a->unaccounted += rc != TB_OK && !refused;
    a->envelopes += rc == TB_OK || (refused && fail.kind == TB_DECODE_REJECT);
    if (refused && fail.kind != TB_DECODE_NEWER_SCHEMA) {
        FUZZ_CHECK((size_t)fail.rejection < TB_COUNT(a->codes));
        a->codes[fail.rejection]++;
    }
    tb_arena_free(arena);
}

/* ---- the good messages ---- */

static void load(const char *path)
{
    DIR *folder = opendir(path);
    if (folder) {
        const struct dirent *entry;
        while ((entry = readdir(folder)) != NULL) {
            char inner[4096];
            if (entry->d_name[0] != '.' &&
                snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) < (int)sizeof inner) {
                load(inner);
            }
        }
        (void)closedir(folder);
        return;
    }
    FILE *f = fopen(path, "rbe");
    char *text = malloc(SIZE_MAX_BYTES / 2);
    if (!f || !text || nseeds == SEEDS_MAX) {
        (void)fprintf(stderr, "hostile: cannot read %s\n", path);
        exit(2);
    }
    size_t len = fread(text, 1, SIZE_MAX_BYTES / 2, f);
    (void)fclose(f);
    if (len) {
        seeds[nseeds++] = (struct sample){text, len};
    } else {
        free(text);
    }
}

static int by_text(const void *a, const void *b)
{
    const struct sample *x = a;
    const struct sample *y = b;
    int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static void report(const struct accounts *a, uint64_t n, uint64_t seed, int64_t us)
{
    const char *comma = "";
    (void)printf("{\"messages\":%" PRIu64 ",\"seed\":%" PRIu64 ",\"valid_json\":%" PRIu64
                 ",\"valid_envelopes\":%" PRIu64 ",\"decoded\":%" PRIu64 ",\"rejected\":%" PRIu64
                 ",\"dead_letters\":%" PRIu64 ",\"newer_schema\":%" PRIu64
                 ",\"unaccounted\":%" PRIu64 ",\"seconds\":%.1f,\"codes\":{",
                 n, seed, a->json, a->envelopes, a->decoded, a->rejected, a->dead, a->newer,
                 a->unaccounted, (double)us / 1e6);
    for (size_t i = 0; i < TB_COUNT(a->codes); i++) {
        if (a->codes[i]) {
            (void)printf("%s\"%s\":%" PRIu64, comma, tb_rejection_code((enum tb_rejection)i),
                         a->codes[i]);
            comma = ",";
        }
    }
    (void)printf("}}\n");
}

int main(int argc, char **argv)
{
    uint64_t n = 20000;
    uint64_t seed = 1;
    int opt;
    while ((opt = getopt(argc, argv, "n:s:")) != -1) {
        if (opt == 'n') {
            n = strtoull(optarg, NULL, 10);
        } else if (opt == 's') {
            seed = strtoull(optarg, NULL, 10);
        } else {
            return 2;
        }
    }
    for (int i = optind; i < argc; i++) {
        load(argv[i]);
    }
    if (nseeds == 0 || n == 0) {
        (void)fprintf(stderr, "usage: hostile [-n MESSAGES] [-s SEED] FILE|FOLDER...\n");
        return 2;
    }
    qsort(seeds, nseeds, sizeof *seeds, by_text); /* a folder has no order of its own */
    state = seed;
    static struct message m;
    struct accounts a = {0};
    int64_t start = tb_clock_mono_us();
    for (uint64_t i = 0; i < n; i++) {
        make(&m);
        account(&a, &m);
        (void)LLVMFuzzerTestOneInput((const uint8_t *)m.text, m.len);
    }
    report(&a, n, seed, tb_clock_mono_us() - start);
    for (size_t i = 0; i < nseeds; i++) {
        free(seeds[i].text);
    }
    uint64_t counted = a.decoded + a.rejected + a.dead + a.newer;
    bool telling = a.json * 100 >= n * 30 && a.envelopes * 100 >= n * 10;
    return counted == n && a.unaccounted == 0 && telling ? 0 : 1;
}
