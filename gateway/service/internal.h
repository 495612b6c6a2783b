/* What the sources of the service share. */
#ifndef TB_GATEWAY_SERVICE_INTERNAL_H
#define TB_GATEWAY_SERVICE_INTERNAL_H

#include <ticketbus/ticketbus.h>

#include "gateway/service/service.h"

struct tb_tokens;

struct tb_service {
    const struct tb_config *cfg;
    struct tb_pool *pool;
    struct ticketbus_client *client;
    struct tb_tokens *tokens;
    int64_t wait_ms;
    int64_t rate; /* calls per second of one token, 0: no limit */
    struct tb_service_stats stats;
    _Atomic int64_t limited_said_s; /* when the log last said so */
};

/* ---- tokens ---- */

struct tb_tokens *tb_tokens_new(void);
void tb_tokens_free(struct tb_tokens *tokens);
/* TB_OK; TB_ENOTFOUND; TB_ERETRY with *ret_retry_s: too many calls; or why it could not be found
 * out. rate 0: no limit. */
enum tb_rc tb_tokens_find(struct tb_tokens *tokens, struct tb_pool_thread *thread, tb_str secret,
                          int64_t rate, struct tb_arena *arena, struct tb_caller *ret,
                          struct tb_error *err) TB_MUST_USE;
void tb_tokens_forget(struct tb_tokens *tokens);

/* ---- commands ---- */

/* Builds and sends it, in order with what this thread sends before and after. */
void tb_command_run(struct tb_call *call, struct tb_pool_thread *thread);
/* The call is answered: tells its owner, and must not be touched afterwards. */
void tb_call_done(struct tb_call *call);

#endif
