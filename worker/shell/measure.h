/* What the worker tells its operators: common/tbl/metrics.def. */
#ifndef TB_WORKER_SHELL_MEASURE_H
#define TB_WORKER_SHELL_MEASURE_H

#include "worker/shell/worker.h"

/* Ends a phase of the batch that began at start (monotonic); returns the time now. */
int64_t tb_measure_phase(const char *phase, int64_t start_us);
/* A committed batch: what became of its records. */
void tb_measure_batch(const struct tb_batch *b);
/* Gauges, from what we know ourselves; to be called about once a second. */
void tb_measure_state(struct tb_worker *w);
/* How much is parked, asked from the database. */
enum tb_rc tb_measure_parked(struct tb_worker *w, struct tb_error *err) TB_MUST_USE;

#endif
