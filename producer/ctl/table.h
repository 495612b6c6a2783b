/* The one table of commands. It drives parsing, --help, the man pages, shell completion and
 * docs/ticketctl.md; options of the ticket commands come from the record tables of the model. */
#ifndef TB_CTL_TABLE_H
#define TB_CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/model/command.h"
#include "common/model/schema.h"

struct ctl;

struct ctl_option {
    const char *name;  /* without dashes */
    const char *alias; /* a second name, may be NULL */
    char letter;       /* -x, 0 for none */
    const char *value; /* what stands for the value in help; NULL: a flag */
    bool repeat;       /* may be given several times */
    const char *const *choices;
    const char *doc;
    const struct tb_field *field; /* the field of the command's data it sets, or NULL */
    bool in_updates;              /* of the record `updates` inside the data */
};

/* Options shared by several commands. */
enum {
    CTL_OPTS_WRITE = 1 << 0,  /* sends a command: who, ids, waiting */
    CTL_OPTS_FILTER = 1 << 1, /* picks tickets */
    CTL_OPTS_WAIT = 1 << 2,   /* waits for outcomes */
};

/* Which way a command can go (backend.h). */
enum ctl_reach {
    CTL_DIRECT, /* to Postgres and Kafka themselves only */
    CTL_EITHER, /* through a gateway too */
    CTL_LOCAL,  /* needs neither */
};

#define CTL_NO_KIND TB_CMD_COUNT_
#define CTL_MANY    (-1)

struct ctl_command {
    const char *group;
    const char *name; /* one or two words */
    const char *args; /* arguments as shown in help */
    int min_args;
    int max_args;              /* CTL_MANY: no limit */
    enum tb_command_kind kind; /* the command sent, whose fields become options; CTL_NO_KIND */
    const char *fields[2];     /* fields the arguments after the ticket stand for */
    const struct ctl_option *options;
    size_t noptions;
    unsigned sets;
    bool has_json;
    enum ctl_reach reach;
    const char *summary; /* one sentence */
    const char *details; /* more for the man page, may be NULL; paragraphs end in a newline */
    int (*run)(struct ctl *ctl);
};

extern const struct ctl_command ctl_commands[];
extern const size_t ctl_ncommands;

/* Every option of a command, its own first, in the order of the help. False without memory. */
bool ctl_command_options(const struct ctl_command *command, struct tb_arena *arena,
                         const struct ctl_option **ret, size_t *ret_n);

/* Name on the command line of a field of the data: blocked_by_ticket_ids, --blocked-by-ticket-ids.
 */
const char *ctl_option_name(const struct tb_field *field, struct tb_arena *arena);

#endif
