/* Webhooks, in Postgres by the manager that the gateway has too. */
#include "gateway/hooks/manage.h"
#include "producer/ctl/direct.h"

enum tb_rc ctl_direct_hook(struct ctl *ctl, const struct ctl_hook_call *call, tb_buf *out,
                           struct tb_error *err)
{
    enum tb_rc rc = ctl_need_pg(ctl, err);
    if (rc != TB_OK) {
        return rc;
    }
    tb_str actor = tb_str_of(tb_config_str(ctl->cfg, TB_CFG(ACTOR)));
    const struct tb_hooks_manager m = {.pg = ctl->pg,
                                       .cfg = ctl->cfg,
                                       .arena = ctl->arena,
                                       .actor = actor.len ? actor : TB_LIT("ticketctl")};
    switch (call->verb) {
    case CTL_HOOK_CREATE:
        return tb_hooks_create(&m, call->fields, out, err);
    case CTL_HOOK_LIST:
        return tb_hooks_list(&m, out, err);
    case CTL_HOOK_SHOW:
        return tb_hooks_show(&m, call->id, out, err);
    case CTL_HOOK_UPDATE:
        return tb_hooks_update(&m, call->id, call->fields, out, err);
    case CTL_HOOK_ROTATE:
        return tb_hooks_rotate(&m, call->id, call->number, out, err);
    case CTL_HOOK_TEST:
        return tb_hooks_test(&m, call->id, out, err);
    case CTL_HOOK_DELIVERIES:
        return tb_hooks_deliveries(&m, call->id, call->text, TB_STR_NULL, call->number, out, err);
    case CTL_HOOK_REDRIVE:
        return tb_hooks_redrive(&m, call->id, call->text, out, err);
    case CTL_HOOK_DELETE:
        return tb_hooks_delete(&m, call->id, err);
    }
    return tb_fail(err, TB_EFATAL, "an unknown verb");
}
