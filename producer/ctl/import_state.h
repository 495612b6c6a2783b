/* The rows of a workflow that an import compares with. */
#ifndef TB_CTL_IMPORT_STATE_H
#define TB_CTL_IMPORT_STATE_H

#include "producer/ctl/ctl.h"
#include "producer/ctl/import_diff.h"

struct ctl_state {
    bool has_board;
    struct tb_map tickets;  /* ticket id -> struct ctl_current */
    struct tb_map comments; /* comment id -> non-NULL */
    struct tb_map reasons;  /* ticket id, a blank, rationale of an applied command -> non-NULL */
};

/* reasons_like: rationales to look for in history (an SQL pattern), NULL for none. */
enum tb_rc ctl_state_read(struct ctl *ctl, tb_str workflow, const char *reasons_like,
                          struct ctl_state *ret, struct tb_error *err) TB_MUST_USE;
/* Key of struct ctl_state.reasons. */
tb_str ctl_state_reason_key(tb_str ticket_id, tb_str rationale, struct tb_arena *arena);

#endif
