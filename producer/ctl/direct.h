/* ticketctl's direct way: Postgres by SQL, Kafka by libticketbus (backend.h). */
#ifndef TB_CTL_DIRECT_H
#define TB_CTL_DIRECT_H

#include "producer/ctl/backend.h"

enum tb_rc ctl_direct_named(struct ctl *ctl, tb_str name, tb_str end, struct ctl_rows *ret,
                            struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_direct_list(struct ctl *ctl, const struct ctl_page *page, struct ctl_listed *ret,
                           struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_direct_ticket(struct ctl *ctl, tb_str id, bool history, struct ctl_whole_ticket *ret,
                             struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_direct_must_exist(struct ctl *ctl, tb_str id, struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_direct_history(struct ctl *ctl, tb_str id, tb_str field, struct ctl_rows *ret,
                              struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_direct_boards(struct ctl *ctl, struct ctl_rows *ret,
                             struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_direct_board(struct ctl *ctl, tb_str workflow, int64_t limit,
                            struct ctl_board_view *ret, struct tb_error *err) TB_MUST_USE;
#define CTL_OUTCOME_KINDS "sssssssssitsiij"
enum tb_rc ctl_direct_outcome(struct ctl *ctl, tb_str command, tb_str source, struct ctl_rows *ret,
                              struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_direct_events(struct ctl *ctl, const struct ctl_event_query *query, ctl_event_fn *fn,
                             void *arg, struct tb_error *err) TB_MUST_USE;
enum tb_rc ctl_direct_hook(struct ctl *ctl, const struct ctl_hook_call *call, tb_buf *out,
                           struct tb_error *err) TB_MUST_USE;

#endif
