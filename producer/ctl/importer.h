/* Sending ticket.import commands, many in flight, and gathering what was refused. */
#ifndef TB_CTL_IMPORTER_H
#define TB_CTL_IMPORTER_H

#include "producer/ctl/flight.h"
#include "producer/ctl/import_state.h"
#include "producer/ctl/plan.h"

struct ctl_importer {
    struct ctl *ctl;
    tb_str workflow;
    tb_str actor;
    bool dry_run;
    struct ctl_flight *flight; /* NULL until something is sent */
    struct ctl_progress progress;
    size_t sent;
    size_t of_tickets; /* commands that were refused, of a ticket's fields */
    const char *board; /* "created", "kept", "would be created" */
    /* Touched by the client's thread while commands are under way. */
    size_t nrefused;
    tb_buf refused;      /* JSON lines, or sentences */
    bool *answers;       /* by tag: refused; NULL: not wanted */
    const tb_str *names; /* by tag: what people call it; NULL: ticket ids are shown */
};

enum tb_rc ctl_importer_init(struct ctl_importer *im, struct ctl *ctl, tb_str workflow,
                             struct tb_error *err) TB_MUST_USE;
void ctl_importer_dispose(struct ctl_importer *im);

/* Makes the workflow's board from these, unless there is one. */
enum tb_rc ctl_importer_board(struct ctl_importer *im, const struct ctl_state *state,
                              tb_strs statuses, tb_strs types, tb_strs priorities,
                              struct tb_error *err) TB_MUST_USE;

/* Sends data as a command of the ticket. tag: its place in answers and names. A command that cannot
 * be made or is too large counts as refused. */
enum tb_rc ctl_importer_send(struct ctl_importer *im, tb_str ticket_id,
                             const struct tb_import_data *data, tb_str rationale, uint64_t tag,
                             struct tb_error *err) TB_MUST_USE;
/* Waits until everything sent has its answer. */
void ctl_importer_wait(struct ctl_importer *im);

#endif
