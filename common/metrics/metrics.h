/* Counters, gauges and histograms of this process, from the one table common/tbl/metrics.def, shown
 * in the text format of Prometheus.
 *
 * As with logs there is one set per process. Thread-safe; the hot path takes no lock: an update is
 * an atomic addition, after a look through the label values known so far (so keep those few: a
 * metric with more than TB_METRIC_SERIES_MAX of them counts the rest under "other"). */
#ifndef TB_METRICS_METRICS_H
#define TB_METRICS_METRICS_H

#include <stdint.h>

#include "common/base/buf.h"

enum tb_metric {
#define METRIC(symbol, name, type, label, programs, doc) TB_METRIC_##symbol##_,
#include "common/tbl/metrics.def"
#undef METRIC
    TB_METRIC_COUNT_,
};
/* Short form for call sites: TB_M(RETRIES). */
#define TB_M(symbol) TB_METRIC_##symbol##_

#define TB_METRIC_SERIES_MAX 256
#define TB_METRIC_LABEL_MAX  64 /* bytes of a label value with its end; longer ones are cut */

/* label: the value of the metric's label, NULL when it has none; of two "first,second". */

/* COUNTER, GAUGE. */
void tb_metric_add(enum tb_metric metric, const char *label, int64_t n);
/* GAUGE, AGE (microseconds); COUNTER when the count is kept elsewhere. */
void tb_metric_set(enum tb_metric metric, const char *label, int64_t value);
/* SECONDS (microseconds), SIZES. */
void tb_metric_observe(enum tb_metric metric, const char *label, int64_t value);
/* All series of the metric disappear until they are set again (lag of partitions given up). */
void tb_metric_forget(enum tb_metric metric);
/* Current value of COUNTER, GAUGE or AGE; number of observations of the others. 0 when absent. */
int64_t tb_metric_value(enum tb_metric metric, const char *label);

/* Appends the metrics of one program (its letter), text format 0.0.4. */
void tb_metrics_expose(char program, tb_buf *out);
/* docs/metrics.md. */
void tb_metrics_markdown(tb_buf *out);

#endif
