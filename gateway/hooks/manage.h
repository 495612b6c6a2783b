/* Webhooks as people manage them: the one place for ticketctl and the gateway. Each call is one or
 * two statements on the connection given; answers are JSON. */
#ifndef TB_HOOKS_MANAGE_H
#define TB_HOOKS_MANAGE_H

#include <stdbool.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/config/config.h"
#include "common/pg/pg.h"

struct tb_hooks_manager {
    struct tb_pg *pg;
    const struct tb_config *cfg;
    struct tb_arena *arena;
    tb_str actor;
    tb_strs
        workflows; /* what the caller may touch; none: everything. Others' webhooks are not there */
};

/* err->code of a TB_EINVAL that is a denial: another's workflow. */
#define TB_HOOKS_NOT_PERMITTED "workflow_not_permitted"

/* What a webhook is made of, or what to change of it: null means "as it is" (or the default). */
struct tb_hook_fields {
    tb_str url;
    tb_str description;
    bool has_workflows, has_tickets, has_types;
    tb_strs workflows;
    tb_strs tickets;
    tb_strs types;
    int64_t max_parallel; /* 0: as it is */
    int64_t max_per_second;
    tb_str status; /* active or paused */
};

/* The new webhook with its secret, which is shown this once. TB_EINVAL names the field. */
enum tb_rc tb_hooks_create(const struct tb_hooks_manager *m, const struct tb_hook_fields *fields,
                           tb_buf *out, struct tb_error *err) TB_MUST_USE;
enum tb_rc tb_hooks_list(const struct tb_hooks_manager *m, tb_buf *out,
                         struct tb_error *err) TB_MUST_USE;
/* With how many deliveries wait or are dead. TB_ENOTFOUND, as the next ones. */
enum tb_rc tb_hooks_show(const struct tb_hooks_manager *m, tb_str id, tb_buf *out,
                         struct tb_error *err) TB_MUST_USE;
enum tb_rc tb_hooks_update(const struct tb_hooks_manager *m, tb_str id,
                           const struct tb_hook_fields *fields, tb_buf *out,
                           struct tb_error *err) TB_MUST_USE;
enum tb_rc tb_hooks_delete(const struct tb_hooks_manager *m, tb_str id,
                           struct tb_error *err) TB_MUST_USE;
/* A new secret; the old one signs too for `hours`. */
enum tb_rc tb_hooks_rotate(const struct tb_hooks_manager *m, tb_str id, int64_t hours, tb_buf *out,
                           struct tb_error *err) TB_MUST_USE;
/* Puts a made-up event of type webhook.test into the webhook's queue. */
enum tb_rc tb_hooks_test(const struct tb_hooks_manager *m, tb_str id, tb_buf *out,
                         struct tb_error *err) TB_MUST_USE;
/* The latest deliveries with their attempts. status (may be null): only those. before (may be
 * null): the id of the last one of the page before. */
enum tb_rc tb_hooks_deliveries(const struct tb_hooks_manager *m, tb_str id, tb_str status,
                               tb_str before, int64_t limit, tb_buf *out,
                               struct tb_error *err) TB_MUST_USE;
/* Dead deliveries (all, or the one named) are tried again from the beginning of the schedule. */
enum tb_rc tb_hooks_redrive(const struct tb_hooks_manager *m, tb_str id, tb_str delivery,
                            tb_buf *out, struct tb_error *err) TB_MUST_USE;

#endif
