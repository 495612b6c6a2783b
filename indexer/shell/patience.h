/* Waiting for parts that are away: back-off with jitter, ended at once by a stop, told once. */
#ifndef TB_INDEXER_SHELL_PATIENCE_H
#define TB_INDEXER_SHELL_PATIENCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

struct tb_patience {
    const char *part; /* name for the log */
    const atomic_bool *stop;
    atomic_int *away; /* one more while waiting; NULL for nobody to know */
    int64_t max_ms;
    int64_t give_up_ms; /* waits no longer than this altogether; 0: for ever */
    int attempts;
    int64_t since_us; /* of what was told last */
    int64_t first_us;
    char why[200]; /* the last failure */
};

/* After a failure: logs the first one, then waits the longer of the back-off and wait_ms. False
 * when it is time to stop, or to give up. */
bool tb_patience_wait(struct tb_patience *p, const struct tb_error *err, int64_t wait_ms);
/* After success. */
void tb_patience_over(struct tb_patience *p);
/* The part is no longer needed. */
void tb_patience_forget(struct tb_patience *p);

#endif
