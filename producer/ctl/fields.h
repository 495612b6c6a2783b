/* The data of a command from what was typed, by the record tables of the model. */
#ifndef TB_CTL_FIELDS_H
#define TB_CTL_FIELDS_H

#include "producer/ctl/ctl.h"

/* Data of ctl->args.command->kind from options and arguments, in the arena. Tickets are looked up
 * (ctl_ticket_id), texts of @FILE and - are read. TB_EINVAL names the option. */
enum tb_rc ctl_fields_read(struct ctl *ctl, void **ret_data, struct tb_error *err) TB_MUST_USE;

/* Sets one field of a record from text: the whole value, or one more part of a list. */
enum tb_rc ctl_field_set(struct ctl *ctl, const struct tb_record *record, void *data, size_t index,
                         tb_str text, struct tb_error *err) TB_MUST_USE;

#endif
