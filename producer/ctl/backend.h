/* What ticketctl asks of an installation, in two ways: of its Postgres and Kafka themselves
 * (direct_*.c), or of a gateway over HTTP (server_*.c), so that a sandbox needs one port. Verbs ask
 * through this table and print what comes back; none of them knows which way it was. */
#ifndef TB_CTL_BACKEND_H
#define TB_CTL_BACKEND_H

#include "indexer/search/search.h"
#include "producer/ctl/flight.h"
#include "producer/ctl/rows.h"

/* A page of a list; filters are read from ctl->args (--workflow, --status, …). */
struct ctl_page {
    int64_t limit;
    int64_t offset;
    const char *key; /* to sort by */
    bool descending;
    bool ready;
    bool unfinished; /* without resolved ones and those in a done column */
    bool deleted;    /* with deleted ones */
    tb_str after;    /* a ticket's id, or null */
};
struct ctl_listed {
    struct ctl_rows tickets; /* columns: CTL_COL_* of tickets.h */
    bool more;
    int64_t total;
};

/* What belongs to a ticket, in the order shown; columns as in direct_ticket.c. */
enum {
    CTL_DEPENDENCIES,
    CTL_DEPENDENTS,
    CTL_CHILDREN,
    CTL_SIMILAR, /* what a ticket.similar_found named */
    CTL_COMMENTS,
    CTL_COMMITS,
    CTL_PARKED, /* one row or none */
    CTL_HISTORY,
    CTL_PARTS
};
extern const char *const ctl_part_names[CTL_PARTS];
struct ctl_whole_ticket {
    struct ctl_rows ticket; /* columns: CTL_COL_* */
    struct ctl_rows parts[CTL_PARTS];
    size_t nparts; /* without the history where it was not asked for */
};

/* A board: its row, its columns (id, name, color, wip_limit, count) and the first tickets of
 * each. */
struct ctl_board_view {
    struct ctl_rows board;
    struct ctl_rows columns;
    struct ctl_rows cards; /* columns: CTL_COL_*, column by column */
};

/* Which events to hand out; types are for the reader to choose. */
struct ctl_event_query {
    tb_str ticket;
    tb_str workflow;
    bool follow;     /* go on until told to stop; else end where the topic ends */
    bool from_start; /* the oldest event first; else what happens from now on */
};
/* False: no more are wanted. e NULL: a pause, nothing is known to be waiting. */
typedef bool ctl_event_fn(const struct ticketbus_event *e, void *arg);

enum ctl_hook_verb {
    CTL_HOOK_CREATE,
    CTL_HOOK_LIST,
    CTL_HOOK_SHOW,
    CTL_HOOK_UPDATE,
    CTL_HOOK_ROTATE,
    CTL_HOOK_TEST,
    CTL_HOOK_DELIVERIES,
    CTL_HOOK_REDRIVE,
    CTL_HOOK_DELETE,
};
struct tb_hook_fields;
struct ctl_hook_call {
    enum ctl_hook_verb verb;
    tb_str id;
    const struct tb_hook_fields *fields; /* of create and update */
    int64_t number;                      /* hours of rotate, limit of deliveries */
    tb_str text; /* status of deliveries, delivery of redrive; may be null */
};

struct ctl_backend {
    /* Tickets called so: an external id, or (end, "" for none) the last characters of an id. At
     * most six rows of one column, the id. */
    enum tb_rc (*named)(struct ctl *ctl, tb_str name, tb_str end, struct ctl_rows *ret,
                        struct tb_error *err);
    enum tb_rc (*list)(struct ctl *ctl, const struct ctl_page *page, struct ctl_listed *ret,
                       struct tb_error *err);
    /* TB_ENOTFOUND when there is none, as the next ones. */
    enum tb_rc (*ticket)(struct ctl *ctl, tb_str id, bool history, struct ctl_whole_ticket *ret,
                         struct tb_error *err);
    /* field may be null. Columns as CTL_HISTORY. */
    enum tb_rc (*history)(struct ctl *ctl, tb_str id, tb_str field, struct ctl_rows *ret,
                          struct tb_error *err);
    /* workflow_id, name, version, columns, tickets, resolved, blocked. */
    enum tb_rc (*boards)(struct ctl *ctl, struct ctl_rows *ret, struct tb_error *err);
    enum tb_rc (*board)(struct ctl *ctl, tb_str workflow, int64_t limit, struct ctl_board_view *ret,
                        struct tb_error *err);
    /* What is known of a command; no row when nothing is. Columns as in direct_outcome.c. */
    enum tb_rc (*outcome)(struct ctl *ctl, tb_str command, tb_str source, struct ctl_rows *ret,
                          struct tb_error *err);
    enum tb_rc (*search)(struct ctl *ctl, const struct tb_search_query *query,
                         struct tb_search_answer *ret, struct tb_error *err);
    enum tb_rc (*similar)(struct ctl *ctl, const struct tb_similar_query *query,
                          struct tb_search_answer *ret, struct tb_error *err);
    enum tb_rc (*events)(struct ctl *ctl, const struct ctl_event_query *query, ctl_event_fn *fn,
                         void *arg, struct tb_error *err);
    /* Leaves JSON in out. */
    enum tb_rc (*hook)(struct ctl *ctl, const struct ctl_hook_call *call, tb_buf *out,
                       struct tb_error *err);
    /* Sends cmd and waits as the options say; *ret is NULL when nothing was to be waited for. What
     * it points to lives until the run ends. */
    enum tb_rc (*run)(struct ctl *ctl, struct ticketbus_command *cmd,
                      const struct ticketbus_outcome **ret, struct tb_error *err);
    /* Many commands: flight.h. */
    const struct ctl_flight_kind *flight;
};

extern const struct ctl_backend ctl_direct;
extern const struct ctl_backend ctl_served;

#endif
