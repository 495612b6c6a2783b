/* The rows of ctl_served, one file each. */
#ifndef TB_CTL_SERVED_H
#define TB_CTL_SERVED_H

#include "producer/ctl/backend.h"
#include "producer/ctl/server.h"

enum tb_rc ctl_served_named(struct ctl *ctl, tb_str name, tb_str end, struct ctl_rows *ret,
                            struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_served_list(struct ctl *ctl, const struct ctl_page *page, struct ctl_listed *ret,
                           struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_served_ticket(struct ctl *ctl, tb_str id, bool history, struct ctl_whole_ticket *ret,
                             struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_served_history(struct ctl *ctl, tb_str id, tb_str field, struct ctl_rows *ret,
                              struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_served_boards(struct ctl *ctl, struct ctl_rows *ret,
                             struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_served_board(struct ctl *ctl, tb_str workflow, int64_t limit,
                            struct ctl_board_view *ret, struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_served_outcome(struct ctl *ctl, tb_str command, tb_str source, struct ctl_rows *ret,
                              struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_served_search(struct ctl *ctl, const struct tb_search_query *query,
                             struct tb_search_answer *ret, struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_served_similar(struct ctl *ctl, const struct tb_similar_query *query,
                              struct tb_search_answer *ret, struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_served_events(struct ctl *ctl, const struct ctl_event_query *query, ctl_event_fn *fn,
                             void *arg, struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_served_hook(struct ctl *ctl, const struct ctl_hook_call *call, tb_buf *out,
                           struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_served_run(struct ctl *ctl, struct ticketbus_command *cmd,
                          const struct ticketbus_outcome **ret, struct tb_error *err) TB_MUST_USE;
extern const struct ctl_flight_kind ctl_served_flight;

/* One command as the gateway takes it (served_run.c). */
struct tb_operation;
struct ctl_order {
    const struct tb_operation *op;
    const char *id; /* of the command, its Idempotency-Key */
    tb_str subject; /* of others than create: ticket or workflow */
    tb_str version; /* If-Match's number, or null */
    const struct tb_tree *envelope;
    tb_str agent; /* null: the token's */
};
/* TB_EINVAL, TB_ELIMIT: the command cannot be sent. */
enum tb_rc ctl_order_read(struct ctl *ctl, struct ticketbus_command *cmd, struct ctl_order *ret,
                          struct tb_error *err) TB_MUST_USE;
/* Its members, into an open object; path: without what stands in the path. */
void ctl_order_members(const struct ctl_order *order, bool path, struct tb_json *w);
/* What became of it: a result or a problem, of an answer with that status. TB_OK also when it was
 * rejected; otherwise it never became a command. */
enum tb_rc ctl_order_told(struct ctl *ctl, const struct ctl_told *told,
                          struct ticketbus_outcome *ret, struct tb_error *err) TB_MUST_USE;
/* Asks again until there is an outcome or the time is over. */
enum tb_rc ctl_order_send(struct ctl *ctl, const struct ctl_order *order, int timeout_ms,
                          bool past_parked, struct ticketbus_outcome *ret,
                          struct tb_error *err) TB_MUST_USE;

#endif
