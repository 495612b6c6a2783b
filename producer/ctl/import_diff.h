/* What an import still has to send: wanted states against the rows that are there. */
#ifndef TB_CTL_IMPORT_DIFF_H
#define TB_CTL_IMPORT_DIFF_H

#include "common/base/map.h"
#include "common/model/command.h"
#include "common/model/ticket.h"

/* A ticket as it is. */
struct ctl_current {
    tb_str id;
    struct tb_value fields[TB_TICKET_FIELDS_];
    struct tb_dependency_data *edges;
    size_t nedges;
    size_t room;
};

/* A ticket with nothing in it. */
struct ctl_current *ctl_current_new(tb_str id, struct tb_arena *arena);
bool ctl_current_add_edge(struct ctl_current *c, tb_str depends_on, tb_str type,
                          struct tb_arena *arena);

/* Copies into *ret what of `want` differs from `now` (NULL: the ticket is not there, so everything
 * differs); workflow_id is always given, and updated_at, when something differs. agent_id,
 * occurred_at and comments are not looked at. Returns whether anything differs. Pure. */
bool ctl_import_diff(const struct ctl_current *now, const struct tb_import_data *want,
                     struct tb_import_data *ret);
/* Applies the fields given in `data` to the state, as the import of them will. Pure. */
void ctl_import_fold(struct ctl_current *now, const struct tb_import_data *data);

/* Id of the comment that an import of this key makes (see worker/shell/keys.c). */
tb_str ctl_import_comment_id(tb_str ticket_id, tb_str key, struct tb_arena *arena);

#endif
