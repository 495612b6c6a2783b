/* get_commit_diff. */
#include "gateway/read/internal.h"

void tb_run_diff(const struct tb_read *read, struct tb_pool_thread *thread, struct tb_reply *ret)
{
    const struct tb_diff_params *p = read->params;
    (void)thread;
    tb_read_missing(read, ret, "sha", "commit", p->sha);
}
