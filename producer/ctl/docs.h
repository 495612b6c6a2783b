/* Texts made from the table of commands: help, man pages, docs/ticketctl.md, completion. Pure. */
#ifndef TB_CTL_DOCS_H
#define TB_CTL_DOCS_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "producer/ctl/table.h"
#include "producer/ctl/term.h"

/* Every command by group, or one command in full. width 0: not wrapped. */
void ctl_docs_overview(const struct ctl_term *term, tb_buf *out);
void ctl_docs_command(const struct ctl_command *command, struct tb_arena *arena,
                      const struct ctl_term *term, tb_buf *out);
/* roff. */
void ctl_docs_man(struct tb_arena *arena, tb_buf *out);
void ctl_docs_man_command(const struct ctl_command *command, struct tb_arena *arena, tb_buf *out);
/* docs/ticketctl.md. */
void ctl_docs_markdown(struct tb_arena *arena, tb_buf *out);
void ctl_docs_bash(struct tb_arena *arena, tb_buf *out);
void ctl_docs_zsh(struct tb_arena *arena, tb_buf *out);

/* The group at index i of all groups in the order of the help; NULL at the end. */
const char *ctl_docs_group(size_t i);
/* --name, -x, --alias with their value, as one text. */
void ctl_docs_option_names(const struct ctl_option *option, tb_buf *out);
/* What an option does, with its choices. */
void ctl_docs_option_text(const struct ctl_option *option, tb_buf *out);

#define CTL_DOCS_INTRO                                                                             \
    "ticketctl sends ticket commands over Kafka and waits for what became of them, reads tickets " \
    "and boards from Postgres, and looks after both."
#define CTL_DOCS_TICKET                                                                            \
    "TICKET is a ticket's id (ticket-<uuid>), its bare UUID, its external id, or the last "        \
    "characters of its id."
#define CTL_DOCS_TEXT                                                                              \
    "The value of an option that takes TEXT may be @FILE for the contents of a file, or - for "    \
    "standard input. Lists are comma separated or given by repeating the option; an empty value "  \
    "empties the list, or unsets a field that may be null."

#endif
