/* Sending commands through libticketbus, and telling what became of them. */
#ifndef TB_CTL_BUS_H
#define TB_CTL_BUS_H

#include "producer/ctl/ctl.h"
#include "ticketbus/ticketbus.h"

/* A failure of the library as one of ours. */
enum tb_rc ctl_bus_error(const struct ticketbus_error *from, struct tb_error *err);
enum tb_rc ctl_bus_client(struct ctl *ctl, struct ticketbus_client **ret,
                          struct tb_error *err) TB_MUST_USE;

/* Who acts: --actor, TICKETBUS_ACTOR, else the user's name. In the arena. */
tb_str ctl_actor(struct ctl *ctl);
/* The first two only; null when neither says. */
tb_str ctl_actor_given(struct ctl *ctl);
/* --timeout or TICKETBUS_WAIT_MS, in milliseconds. */
enum tb_rc ctl_wait_ms(const struct ctl *ctl, int *ret, struct tb_error *err) TB_MUST_USE;

/* A command of this type with its data (JSON), and the attributes given as options. */
enum tb_rc ctl_bus_command(struct ctl *ctl, const char *type, tb_str subject, tb_str data,
                           struct ticketbus_command **ret, struct tb_error *err) TB_MUST_USE;

/* Sends cmd (freed) and waits as the options say, through libticketbus. ctl_backend.run. */
enum tb_rc ctl_bus_run(struct ctl *ctl, struct ticketbus_command *cmd,
                       const struct ticketbus_outcome **ret, struct tb_error *err) TB_MUST_USE;
/* Sends cmd by the way chosen, prints what became of it, frees it. */
int ctl_send_one(struct ctl *ctl, struct ticketbus_command *cmd);

/* {"outcome": ..., "command_id": ..., "ticket_id": ..., ...}, left open when `open`. */
void ctl_outcome_json(struct tb_json *w, const struct ticketbus_outcome *outcome, bool open);
/* One line for people, without a newline. */
void ctl_outcome_line(const struct ctl_term *term, const struct ticketbus_outcome *outcome,
                      tb_buf *out);
int ctl_outcome_exit(const struct ticketbus_outcome *outcome);

#endif
