#include "producer/ctl/table.h"

#include "common/base/attr.h"
#include "producer/ctl/verbs.h"

static const struct ctl_option migrate_options[] = {
    {.name = "to", .value = "N", .doc = "Stop at this migration; 0 is the empty database."},
};

static const struct ctl_option help_options[] = {
    {.name = "man", .doc = "Print it as a man page."},
    {.name = "markdown", .doc = "Print docs/ticketctl.md."},
    {.name = "names", .doc = "Print the names of all commands."},
};

#define NO_FIELDS      .kind = CTL_NO_KIND
#define OPTIONS(table) .options = table, .noptions = TB_COUNT(table)

const struct ctl_command ctl_commands[] = {
    {.group = "Operating",
     .name = "migrate up",
     .args = "",
     NO_FIELDS,
     OPTIONS(migrate_options),
     .has_json = true,
     .summary = "Bring the database to the newest schema.",
     .details =
         "Applies the numbered migrations that are missing, each in one transaction, under an "
         "advisory lock. Refuses when an applied one was changed since, when the database is "
         "newer than this program, not UTF-8, or older than Postgres 14.\n",
     .run = ctl_run_migrate_up},
    {.group = "Operating",
     .name = "migrate down",
     .args = "",
     NO_FIELDS,
     OPTIONS(migrate_options),
     .has_json = true,
     .summary = "Take the last migration back, with the data it holds.",
     .run = ctl_run_migrate_down},
    {.group = "Operating",
     .name = "migrate status",
     .args = "",
     NO_FIELDS,
     .has_json = true,
     .summary = "Show which migrations the database has; exit code 1 unless all.",
     .run = ctl_run_migrate_status},
    {.group = "This program",
     .name = "settings",
     .args = "",
     NO_FIELDS,
     .has_json = true,
     .summary = "Print the settings in force; secrets are not shown.",
     .run = ctl_run_settings},
    {.group = "This program",
     .name = "help",
     .args = "[COMMAND]",
     .max_args = 2,
     NO_FIELDS,
     OPTIONS(help_options),
     .summary = "Explain a command.",
     .run = ctl_run_help},
    {.group = "This program",
     .name = "completion",
     .args = "bash|zsh",
     .min_args = 1,
     .max_args = 1,
     NO_FIELDS,
     .summary = "Print a completion script for a shell.",
     .run = ctl_run_completion},
    {.group = "This program",
     .name = "version",
     .args = "",
     NO_FIELDS,
     .has_json = true,
     .summary = "Print the version.",
     .run = ctl_run_version},
};
const size_t ctl_ncommands = TB_COUNT(ctl_commands);
