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

static const char *const sort_keys[] = {"created_at", "updated_at", "priority", "status",
                                        "title",      "id",         NULL};
static const char *const orders[] = {"asc", "desc", NULL};
static const struct ctl_option list_options[] = {
    {.name = "ready",
     .letter = 'r',
     .doc = "Only what may be started: open, unblocked, nobody's; most urgent first."},
    {.name = "include-completed", .doc = "Also resolved tickets and those in a done column."},
    {.name = "include-deleted", .doc = "Also deleted tickets."},
    {.name = "limit", .letter = 'n', .value = "N", .doc = "Most tickets to show, 50 unless said."},
    {.name = "offset", .value = "N", .doc = "Leave out the first N."},
    {.name = "after",
     .value = "TICKET",
     .doc = "Go on after this ticket, in the same order: exact even while tickets change."},
    {.name = "sort", .value = "KEY", .choices = sort_keys, .doc = "Order; created_at unless said."},
    {.name = "order",
     .value = "WAY",
     .choices = orders,
     .doc = "Direction; times come newest first unless said."},
};

static const struct ctl_option show_options[] = {
    {.name = "history", .doc = "Also every change, field by field."},
};

static const struct ctl_option history_options[] = {
    {.name = "field", .value = "NAME", .doc = "Only changes of this field."},
};

static const struct ctl_option timeline_options[] = {
    {.name = "workflow", .letter = 'w', .value = "ID", .doc = "Only of this workflow."},
    {.name = "actor", .value = "AGENT", .doc = "Only what this agent did."},
    {.name = "since", .value = "TIME", .doc = "Only from this time on (RFC 3339)."},
    {.name = "limit", .letter = 'n', .value = "N", .doc = "Most entries, 50 unless said."},
};

static const struct ctl_option board_options[] = {
    {.name = "limit",
     .letter = 'n',
     .value = "N",
     .doc = "Most tickets of each column, 20 unless said."},
    {.name = "type", .letter = 't', .value = "TYPE", .repeat = true, .doc = "Only of this type."},
    {.name = "assignee", .letter = 'a', .value = "AGENT", .doc = "Only of this agent."},
    {.name = "priority",
     .letter = 'p',
     .value = "PRIORITY",
     .repeat = true,
     .doc = "Only of this priority."},
    {.name = "tag", .value = "TAG", .repeat = true, .doc = "Only with this tag."},
};

static const struct ctl_option outcome_options[] = {
    {.name = "source", .value = "URI", .doc = "Only from this source; any when left out."},
};

#define NO_FIELDS      .kind = CTL_NO_KIND
#define OPTIONS(table) .options = table, .noptions = TB_COUNT(table)

const struct ctl_command ctl_commands[] = {
    {.group = "Boards",
     .name = "board",
     .args = "[WORKFLOW]",
     .max_args = 1,
     NO_FIELDS,
     OPTIONS(board_options),
     .has_json = true,
     .summary = "Show a board with its tickets, column by column.",
     .details =
         "The workflow may be left out when there is only one. With --json it prints the board "
         "as board put takes it, and the tickets of each column.\n",
     .run = ctl_run_board},
    {.group = "Boards",
     .name = "boards",
     .args = "",
     NO_FIELDS,
     .has_json = true,
     .summary = "List the boards with their numbers of tickets.",
     .run = ctl_run_boards},
    {.group = "Reading",
     .name = "show",
     .args = "TICKET",
     .min_args = 1,
     .max_args = 1,
     NO_FIELDS,
     OPTIONS(show_options),
     .has_json = true,
     .summary = "Show a ticket with what it waits for, what waits for it, comments and commits.",
     .run = ctl_run_show},
    {.group = "Reading",
     .name = "list",
     .args = "",
     NO_FIELDS,
     OPTIONS(list_options),
     .sets = CTL_OPTS_FILTER,
     .has_json = true,
     .summary = "List tickets; unfinished ones unless told otherwise.",
     .details = "--ready shows what may be handed out: in an open column, not blocked, assigned to "
                "nobody.\nOn a terminal tickets show their external id or the last characters of "
                "their id, both of which every command takes; elsewhere the whole id.\n",
     .run = ctl_run_list},
    {.group = "Reading",
     .name = "history",
     .args = "TICKET",
     .min_args = 1,
     .max_args = 1,
     NO_FIELDS,
     OPTIONS(history_options),
     .has_json = true,
     .summary = "Show every change of a ticket, field by field.",
     .run = ctl_run_history},
    {.group = "Reading",
     .name = "timeline",
     .args = "[TICKET]",
     .max_args = 1,
     NO_FIELDS,
     OPTIONS(timeline_options),
     .has_json = true,
     .summary = "Show what happened, latest last: of one ticket or of all.",
     .run = ctl_run_timeline},
    {.group = "Reading",
     .name = "outcome",
     .args = "COMMAND-ID",
     .min_args = 1,
     .max_args = 1,
     NO_FIELDS,
     OPTIONS(outcome_options),
     .has_json = true,
     .summary = "Tell what became of a command; exit code 1 when it was rejected.",
     .run = ctl_run_outcome},
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
    {.group = "Operating",
     .name = "topics ensure",
     .args = "",
     NO_FIELDS,
     .has_json = true,
     .summary = "Make the Kafka topics that are missing.",
     .details = "Existing topics are left alone. A topic with another number of partitions is "
                "refused with the reason: a ticket's partition follows from their number, so that "
                "growing it needs the written procedure.\n",
     .run = ctl_run_topics_ensure},
    {.group = "Operating",
     .name = "topics describe",
     .args = "",
     NO_FIELDS,
     .has_json = true,
     .summary = "Show the Kafka topics and what is wrong with them.",
     .run = ctl_run_topics_describe},
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
