/* import beads --events FILE: a change stream, replayed in its order. */
#ifndef TB_CTL_IMPORT_EVENTS_H
#define TB_CTL_IMPORT_EVENTS_H

#include "producer/ctl/beads.h"
#include "producer/ctl/import_diff.h"

struct ctl;

int ctl_import_events(struct ctl *ctl, const char *path, tb_str workflow);

/* A ticket as the changes so far have made it. */
struct ctl_replay {
    tb_str id; /* ticket id */
    struct ctl_current *now;
    struct ctl_beads_issue issue; /* parts of its text; the first state known */
    bool exists;
    bool has_title; /* somewhere in the stream its title is told */
    tb_str said;    /* last reason or comment added, to tell repeats */
};

enum ctl_replayed { CTL_REPLAY_APPLY, CTL_REPLAY_MERGED, CTL_REPLAY_SKIPPED };

/* What one change means for a ticket: data to import, folded into the ticket's state. MERGED: it
 * leads to nothing new; SKIPPED: *ret_reason says why. Pure. */
enum ctl_replayed ctl_replay_change(struct ctl_replay *ticket, const struct ctl_beads_change *c,
                                    tb_str workflow, struct tb_arena *arena,
                                    struct tb_import_data *ret, const char **ret_reason);

#endif
