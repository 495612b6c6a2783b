#include "common/metrics/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

enum type { COUNTER, GAUGE, AGE, SECONDS, SIZES };

struct info {
    const char *name;
    enum type type;
    const char *label;
    const char *programs;
    const char *doc;
};

static const struct info infos[TB_METRIC_COUNT_] = {
#define METRIC(symbol, name, type, label, programs, doc) {name, type, label, programs, doc},
#include "common/tbl/metrics.def"
#undef METRIC
};

#define BUCKETS 14
/* Upper bounds: microseconds, and whole numbers. */
static const int64_t second_bounds[BUCKETS] = {100,    250,     500,     1000,    2500,
                                               5000,   10000,   25000,   50000,   100000,
                                               500000, 1000000, 5000000, 30000000};
static const int64_t size_bounds[BUCKETS] = {1,   2,   5,    10,   20,   50,    100,
                                             200, 500, 1000, 2000, 5000, 10000, 100000};

struct series {
    char label[TB_METRIC_LABEL_MAX];
    atomic_bool shown;
    _Atomic int64_t value; /* of a histogram: the sum */
    _Atomic int64_t count;
    _Atomic int64_t buckets[BUCKETS];
};

/* Series are added under the lock and never go away; readers see those below n. */
static struct family {
    _Atomic(struct series *) series[TB_METRIC_SERIES_MAX];
    atomic_size_t n;
} families[TB_METRIC_COUNT_];
static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;

static struct series *find(struct family *f, const char *label)
{
    size_t n = atomic_load_explicit(&f->n, memory_order_acquire);
    for (size_t i = 0; i < n; i++) {
        struct series *s = atomic_load_explicit(&f->series[i], memory_order_relaxed);
        if (strncmp(s->label, label, sizeof s->label - 1) == 0) {
            return s;
        }
    }
    return NULL;
}

/* NULL only when memory is out: a number is lost, nothing else. */
static struct series *series_of(enum tb_metric metric, const char *label)
{
    struct family *f = &families[metric];
    label = label ? label : "";
    struct series *s = find(f, label);
    if (s) {
        return s;
    }
    (void)pthread_mutex_lock(&adding);
    s = find(f, label);
    size_t n = atomic_load(&f->n);
    if (!s && n >= TB_METRIC_SERIES_MAX - 1) { /* the last place is for all the rest */
        label = "other";
        s = find(f, label);
    }
    if (!s && n < TB_METRIC_SERIES_MAX && (s = calloc(1, sizeof *s)) != NULL) {
        (void)strncpy(s->label, label, sizeof s->label - 1);
        atomic_store(&f->series[n], s);
        atomic_store_explicit(&f->n, n + 1, memory_order_release);
    }
    (void)pthread_mutex_unlock(&adding);
    return s;
}

static struct series *shown(enum tb_metric metric, const char *label)
{
    struct series *s = series_of(metric, label);
    if (s && !atomic_load_explicit(&s->shown, memory_order_relaxed)) {
        atomic_store(&s->shown, true);
    }
    return s;
}

void tb_metric_add(enum tb_metric metric, const char *label, int64_t n)
{
    struct series *s = shown(metric, label);
    if (s) {
        (void)atomic_fetch_add_explicit(&s->value, n, memory_order_relaxed);
    }
}

void tb_metric_set(enum tb_metric metric, const char *label, int64_t value)
{
    struct series *s = shown(metric, label);
    if (s) {
        atomic_store_explicit(&s->value, value, memory_order_relaxed);
    }
}

static const int64_t *bounds_of(enum tb_metric metric)
{
    return infos[metric].type == SECONDS ? second_bounds : size_bounds;
}

void tb_metric_observe(enum tb_metric metric, const char *label, int64_t value)
{
    struct series *s = shown(metric, label);
    if (!s) {
        return;
    }
    const int64_t *bounds = bounds_of(metric);
    for (size_t i = 0; i < BUCKETS; i++) {
        if (value <= bounds[i]) {
            (void)atomic_fetch_add_explicit(&s->buckets[i], 1, memory_order_relaxed);
            break;
        }
    }
    (void)atomic_fetch_add_explicit(&s->value, value, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&s->count, 1, memory_order_relaxed);
}

void tb_metric_forget(enum tb_metric metric)
{
    struct family *f = &families[metric];
    size_t n = atomic_load(&f->n);
    for (size_t i = 0; i < n; i++) {
        struct series *s = atomic_load(&f->series[i]);
        atomic_store(&s->shown, false);
        atomic_store(&s->value, 0);
    }
}

int64_t tb_metric_value(enum tb_metric metric, const char *label)
{
    const struct series *s = find(&families[metric], label ? label : "");
    if (!s || !atomic_load(&s->shown)) {
        return 0;
    }
    return infos[metric].type >= SECONDS ? atomic_load(&s->count) : atomic_load(&s->value);
}

/* ---- text ---- */

static void add_number(tb_buf *out, bool micros, int64_t value)
{
    if (micros) {
        tb_buf_printf(out, "%lld.%06lld", (long long)(value / 1000000),
                      (long long)(value % 1000000));
    } else {
        tb_buf_printf(out, "%lld", (long long)value);
    }
}

/* name="value", with what Prometheus wants escaped. */
static void add_label(tb_buf *out, tb_str name, tb_str value)
{
    tb_buf_printf(out, "%.*s=\"", TB_ARG(name));
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\n') {
            tb_buf_add_c(out, "\\n");
            continue;
        }
        if (c == '"' || c == '\\') {
            tb_buf_add_char(out, '\\');
        }
        tb_buf_add_char(out, c);
    }
    tb_buf_add_char(out, '"');
}

/* {label="value",le="bound"}; of two labels the first value ends with the last comma. */
static void add_labels(tb_buf *out, const struct info *info, const char *label, const char *le)
{
    if (!info->label[0] && !le) {
        return;
    }
    tb_buf_add_char(out, '{');
    if (info->label[0]) {
        const char *second = strchr(info->label, ',');
        tb_str value = tb_str_of(label);
        size_t comma = value.len;
        while (second && comma > 0 && value.ptr[--comma] != ',') {
        }
        size_t name = second ? (size_t)(second - info->label) : strlen(info->label);
        add_label(out, (tb_str){info->label, name}, (tb_str){value.ptr, comma});
        if (second) {
            size_t rest = comma < value.len ? comma + 1 : comma;
            tb_buf_add_char(out, ',');
            add_label(out, tb_str_of(second + 1), (tb_str){value.ptr + rest, value.len - rest});
        }
    }
    if (le) {
        tb_buf_printf(out, "%sle=\"%s\"", info->label[0] ? "," : "", le);
    }
    tb_buf_add_char(out, '}');
}

static void add_histogram(tb_buf *out, enum tb_metric metric, const struct series *s)
{
    const struct info *info = &infos[metric];
    const int64_t *bounds = bounds_of(metric);
    bool micros = info->type == SECONDS;
    int64_t below = 0;
    /* The count first: what is observed meanwhile may then be in a bucket and not in the count,
     * never the other way round. */
    int64_t count = atomic_load(&s->count);
    for (size_t i = 0; i < BUCKETS; i++) {
        char le[32];
        tb_buf text;
        tb_buf_init(&text, sizeof le);
        add_number(&text, micros, bounds[i]);
        tb_buf_printf(out, "%s_bucket", info->name);
        below += atomic_load(&s->buckets[i]);
        (void)memcpy(le, text.ptr ? text.ptr : "", text.ptr ? text.len : 0);
        le[text.ptr ? text.len : 0] = '\0';
        tb_buf_dispose(&text);
        add_labels(out, info, s->label, le);
        tb_buf_printf(out, " %lld\n", (long long)below);
    }
    count = count > below ? count : below;
    tb_buf_printf(out, "%s_bucket", info->name);
    add_labels(out, info, s->label, "+Inf");
    tb_buf_printf(out, " %lld\n%s_sum", (long long)count, info->name);
    add_labels(out, info, s->label, NULL);
    tb_buf_add_char(out, ' ');
    add_number(out, micros, atomic_load(&s->value));
    tb_buf_printf(out, "\n%s_count", info->name);
    add_labels(out, info, s->label, NULL);
    tb_buf_printf(out, " %lld\n", (long long)count);
}

static const char *type_name(enum type type)
{
    switch (type) {
    case COUNTER:
        return "counter";
    case GAUGE:
    case AGE:
        return "gauge";
    case SECONDS:
    case SIZES:
        return "histogram";
    }
    return "?";
}

void tb_metrics_expose(char program, tb_buf *out)
{
    for (size_t m = 0; m < TB_METRIC_COUNT_; m++) {
        const struct info *info = &infos[m];
        if (!strchr(info->programs, program)) {
            continue;
        }
        if (!info->label[0] && info->type != AGE) { /* what has no label is there from the start */
            (void)shown((enum tb_metric)m, NULL);
        }
        tb_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", info->name, info->doc, info->name,
                      type_name(info->type));
        size_t n = atomic_load(&families[m].n);
        for (size_t i = 0; i < n; i++) {
            const struct series *s = atomic_load(&families[m].series[i]);
            if (!atomic_load(&s->shown)) {
                continue;
            }
            if (info->type >= SECONDS) {
                add_histogram(out, (enum tb_metric)m, s);
                continue;
            }
            tb_buf_add_c(out, info->name);
            add_labels(out, info, s->label, NULL);
            tb_buf_add_char(out, ' ');
            add_number(out, info->type == AGE, atomic_load(&s->value));
            tb_buf_add_char(out, '\n');
        }
    }
}

static void add_programs(tb_buf *out, const char *letters)
{
    const char *comma = "";
    for (const char *c = letters; *c; c++) {
        tb_buf_printf(out, "%s%s", comma, *c == 'W' ? "worker" : *c == 'I' ? "indexer" : "gateway");
        comma = ", ";
    }
}

void tb_metrics_markdown(tb_buf *out)
{
    tb_buf_add_c(
        out,
        "# Metrics\n\n"
        "Made from `common/tbl/metrics.def`; do not edit.\n\n"
        "Each program shows its own at `http://ADDRESS/metrics` in the text format of "
        "Prometheus, where\n`TICKETBUS_ADMIN_LISTEN` names the address (off by default). "
        "Beside them `/healthz` answers 200 while the\nprocess makes progress and 503 when "
        "it hangs, and `/readyz` 200 while it does its work and 503 while it\nwaits for "
        "a part that is away.\n\n"
        "Label values are few by design: outcomes, codes, phases, partitions, routes. What comes "
        "after the first 255 of\na metric is counted under `other`.\n\n"
        "| metric | type | label | of | meaning |\n| --- | --- | --- | --- | --- |\n");
    for (size_t m = 0; m < TB_METRIC_COUNT_; m++) {
        const struct info *info = &infos[m];
        tb_buf_printf(out, "| `%s` | %s | %s%s%s | ", info->name, type_name(info->type),
                      info->label[0] ? "`" : "", info->label, info->label[0] ? "`" : "");
        add_programs(out, info->programs);
        tb_buf_printf(out, " | %s |\n", info->doc);
    }
}
