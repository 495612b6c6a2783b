/* The next version's table of commands: ticket.remark is new, and does what ticket.comment does. */
#include "common/model/command.h"

const struct tb_command_type *tb_command_type_find_of_today(tb_str name);

const struct tb_command_type *tb_command_type_find(tb_str name)
{
    return tb_command_type_find_of_today(
        tb_str_eq_c(name, "ticket.remark") ? TB_LIT("ticket.comment") : name);
}
