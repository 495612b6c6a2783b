/* Gathers from decisions the rows a batch writes, folding several changes of one thing into one. */
#ifndef TB_WORKER_SHELL_GATHER_H
#define TB_WORKER_SHELL_GATHER_H

#include "worker/shell/batch.h"

/* Call after tb_world_commit. version: of the subject before the decision. */
enum tb_rc tb_gather(struct tb_batch *b, const struct tb_command *cmd,
                     const struct tb_decision *decision, int64_t version) TB_MUST_USE;

#endif
