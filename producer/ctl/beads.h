/* The public beads tracker's files as plain data: its issues (one JSON object a line) and its
 * change stream. Pure; strings live in the arena. */
#ifndef TB_CTL_BEADS_H
#define TB_CTL_BEADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/str.h"

#define CTL_BEADS_NO_PRIORITY (-1)

struct ctl_beads_edge {
    tb_str depends_on; /* beads id */
    tb_str type;       /* "blocks", "parent-child" (depends_on is the parent), ... */
};

struct ctl_beads_comment {
    tb_str id;
    tb_str author;
    tb_str text;
    int64_t created_at;
};

/* Texts that are not given are null, times TB_TIME_NONE. */
struct ctl_beads_issue {
    tb_str id;
    tb_str title;
    tb_str description;
    tb_str notes;
    tb_str design;
    tb_str acceptance;
    tb_str status;
    tb_str type;
    tb_str assignee;
    tb_str owner;
    tb_str created_by;
    tb_str external_ref;
    tb_str close_reason;
    tb_str deleted_by;
    tb_str delete_reason;
    int64_t priority; /* 0 is the most urgent */
    int64_t created_at;
    int64_t updated_at;
    int64_t closed_at;
    int64_t deleted_at;
    tb_strs labels;
    const struct ctl_beads_edge *edges;
    size_t nedges;
    const struct ctl_beads_comment *comments;
    size_t ncomments;
};

/* TB_EINVAL: the line is not an issue; the error says why. */
enum tb_rc ctl_beads_issue_parse(tb_str line, struct tb_arena *arena, struct ctl_beads_issue *ret,
                                 struct tb_error *err) TB_MUST_USE;

struct ctl_beads_change {
    int64_t id;
    tb_str kind; /* "created", "closed", ... */
    tb_str issue_id;
    tb_str actor;   /* null when not told */
    tb_str comment; /* null when none */
    int64_t created_at;
    tb_str new_text;                /* new_value when it is no object */
    tb_str old_text;                /* old_value when it is no object */
    struct ctl_beads_issue changed; /* new_value: only what is given counts (not null) */
    bool has_changed;
    struct ctl_beads_issue before; /* old_value: the issue before the change */
    bool has_before;
};

enum tb_rc ctl_beads_change_parse(tb_str line, struct tb_arena *arena, struct ctl_beads_change *ret,
                                  struct tb_error *err) TB_MUST_USE;

/* Description with what else the issue says at length, under headings; "" when it says nothing. */
tb_str ctl_beads_text(const struct ctl_beads_issue *issue, struct tb_arena *arena);
/* "P2"; null without a priority. */
tb_str ctl_beads_priority(const struct ctl_beads_issue *issue, struct tb_arena *arena);
bool ctl_beads_is_deleted(const struct ctl_beads_issue *issue);
bool ctl_beads_is_closed(const struct ctl_beads_issue *issue);
/* The column an issue's status stands for: its own, "closed" for a deleted one. */
tb_str ctl_beads_status(const struct ctl_beads_issue *issue);
/* ticket-<uuid>, the same for the same workflow and id for ever. */
tb_str ctl_beads_ticket_id(tb_str workflow, tb_str id, struct tb_arena *arena);

#endif
