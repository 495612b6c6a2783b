/* From a beads file to the tickets it stands for: the state wanted, in an order in which parents
 * come before children and blockers before what they block wherever that is possible. Pure. */
#ifndef TB_CTL_PLAN_H
#define TB_CTL_PLAN_H

#include "common/base/buf.h"
#include "common/base/map.h"
#include "common/model/command.h"
#include "producer/ctl/beads.h"

struct ctl_plan_comment {
    tb_str key; /* comment's id at the source, or "close_reason", "delete_reason" */
    tb_str text;
    tb_str type;
    tb_str agent;
    int64_t at;
};

struct ctl_plan_ticket {
    const struct ctl_beads_issue *issue;
    tb_str id;
    struct tb_import_data want; /* the whole state */
    const struct ctl_plan_comment *comments;
    size_t ncomments;
    size_t rank; /* tickets of a lower rank come first; those of one rank in any order */
};

struct ctl_plan_count {
    tb_str type;
    size_t n;
};

struct ctl_plan {
    struct ctl_plan_ticket *tickets; /* by rank, then in the order of the file */
    size_t n;
    size_t ranks;
    struct ctl_plan_count *edges; /* by type as the file says, in order of appearance */
    size_t nedges;
    size_t comments; /* of the file; reasons are not counted */
    size_t reasons;
    size_t deleted;
    /* What cannot be taken over as it is, as sentences with the source's ids. */
    tb_strs dangling;   /* edges to issues that the file lacks: kept, as edges */
    tb_strs cycles;     /* edges that close a cycle: the last edge of each is left out */
    tb_strs duplicates; /* ids on more than one line: the last counts */
};

/* issues: those of the file, in its order. TB_ENOMEM, or TB_OK. */
enum tb_rc ctl_plan_make(const struct ctl_beads_issue *issues, size_t n, tb_str workflow,
                         struct tb_arena *arena, struct ctl_plan *ret,
                         struct tb_error *err) TB_MUST_USE;

/* The board for these statuses and types, as data of board.put: columns by category (open, active,
 * done), priorities P0 to P4 and what else is used, the actor as administrator. */
void ctl_plan_board(tb_strs statuses, tb_strs types, tb_strs priorities, tb_str workflow,
                    tb_str actor, tb_buf *out);

/* A list of different strings that grows in an arena. */
struct ctl_strings {
    struct tb_arena *arena;
    tb_str *items;
    size_t n;
    size_t room;
};
void ctl_strings_add(struct ctl_strings *list, tb_str s); /* repeats are kept */
void ctl_strings_put(struct ctl_strings *list, tb_str s); /* and here dropped */
static inline tb_strs ctl_strings_of(const struct ctl_strings *list)
{
    return (tb_strs){list->items, list->n};
}

#endif
