/* The two ways, side by side. */
#include "producer/ctl/bus.h"
#include "producer/ctl/direct.h"
#include "producer/ctl/served.h"

static enum tb_rc search(struct ctl *ctl, const struct tb_search_query *query,
                         struct tb_search_answer *ret, struct tb_error *err)
{
    struct tb_search *s = NULL;
    enum tb_rc rc = tb_search_open(ctl->cfg, &s, err);
    rc = rc == TB_OK ? tb_search_run(s, query, ctl->arena, ret, err) : rc;
    tb_search_free(s);
    return rc;
}

static enum tb_rc similar(struct ctl *ctl, const struct tb_similar_query *query,
                          struct tb_search_answer *ret, struct tb_error *err)
{
    struct tb_search *s = NULL;
    enum tb_rc rc = tb_search_open(ctl->cfg, &s, err);
    rc = rc == TB_OK ? tb_search_similar(s, query, ctl->arena, ret, err) : rc;
    tb_search_free(s);
    return rc;
}

const struct ctl_backend ctl_direct = {
    .named = ctl_direct_named,
    .list = ctl_direct_list,
    .ticket = ctl_direct_ticket,
    .history = ctl_direct_history,
    .boards = ctl_direct_boards,
    .board = ctl_direct_board,
    .outcome = ctl_direct_outcome,
    .search = search,
    .similar = similar,
    .events = ctl_direct_events,
    .hook = ctl_direct_hook,
    .run = ctl_bus_run,
    .flight = &ctl_bus_flight,
};

const struct ctl_backend ctl_served = {
    .named = ctl_served_named,
    .list = ctl_served_list,
    .ticket = ctl_served_ticket,
    .history = ctl_served_history,
    .boards = ctl_served_boards,
    .board = ctl_served_board,
    .outcome = ctl_served_outcome,
    .search = ctl_served_search,
    .similar = ctl_served_similar,
    .events = ctl_served_events,
    .hook = ctl_served_hook,
    .run = ctl_served_run,
    .flight = &ctl_served_flight,
};
