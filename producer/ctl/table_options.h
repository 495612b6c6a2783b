/* Options of single commands, for table.c alone. (Shared ones: options.c.) */
#ifndef TB_CTL_TABLE_OPTIONS_H
#define TB_CTL_TABLE_OPTIONS_H

#include "producer/ctl/table.h"

static const struct ctl_option migrate_options[] = {
    {.name = "to", .value = "N", .doc = "Stop at this migration; 0 is the empty database."},
};

static const struct ctl_option index_status_options[] = {
    {.name = "days",
     .value = "N",
     .doc = "Costs by workflow of the last N days, today included; else of all time."},
};

static const struct ctl_option verify_options[] = {
    {.name = "all", .doc = "Print every difference; else at most 20 of each kind."},
};

static const struct ctl_option index_ticket_options[] = {
    {.name = "fresh", .doc = "Embed all of it anew, also what is as it should be."},
};

static const struct ctl_option reconcile_options[] = {
    {.name = "dry-run", .letter = 'n', .doc = "Tell what is wrong; change nothing."},
    {.name = "all", .doc = "Print every difference; else at most 20 of each kind."},
};

static const struct ctl_option reindex_options[] = {
    {.name = "model", .value = "MODEL", .doc = "The new model (EMBEDDING_MODEL)."},
    {.name = "dim", .value = "N", .doc = "Dimensions of its vectors (EMBEDDING_DIM)."},
    {.name = "url",
     .value = "URL",
     .doc = "Where it is served (EMBEDDING_URL); its key, if that is elsewhere, is "
            "EMBEDDING_OTHER_API_KEY."},
    {.name = "provider", .value = "NAME", .doc = "Whose limits to expect (EMBEDDING_PROVIDER)."},
    {.name = "max-tokens", .value = "N", .doc = "Tokens of one chunk (EMBEDDING_MAX_TOKENS)."},
    {.name = "passage-prefix",
     .value = "TEXT",
     .doc = "Put before what is indexed; else as the model's card says."},
    {.name = "query-prefix",
     .value = "TEXT",
     .doc = "Put before what is searched; else as the model's card says."},
    {.name = "rollback", .doc = "Go back to the collection that was searched before."},
    {.name = "drop-old", .doc = "Remove the collections that are kept for going back."},
    {.name = "cancel", .doc = "Give up a reindex under way, and remove what it has filled."},
};

static const struct ctl_option mcp_options[] = {
    {.name = "actor", .value = "AGENT", .doc = "Who acts (TICKETBUS_ACTOR); else the token's."},
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

static const struct ctl_option edge_options[] = {
    {.name = "type",
     .letter = 't',
     .value = "TYPE",
     .doc = "Kind of edge, \"related\" unless said; anything but \"blocks\"."},
};

static const struct ctl_option board_put_options[] = {
    {.name = "workflow",
     .letter = 'w',
     .value = "ID",
     .doc = "Workflow of the board, where the file does not say."},
};

static const struct ctl_option send_options[] = {
    {.name = "in-order",
     .doc = "Wait for each outcome before sending the next line, also of other tickets."},
    {.name = "once",
     .doc = "Leave out what was sent before: commands whose outcome is known, and those of tickets "
            "that are there already though their first command is forgotten."},
    {.name = "actor",
     .value = "AGENT",
     .doc = "Who acts, for lines that do not say (TICKETBUS_ACTOR)."},
};

static const struct ctl_option import_options[] = {
    {.name = "workflow",
     .letter = 'w',
     .value = "ID",
     .doc = "Workflow to import into; \"beads\" or the file's name unless said."},
    {.name = "events",
     .value = "FILE",
     .doc = "Replay this change stream, in the workflow's own \"-events\" workflow unless only it "
            "is given with --workflow."},
    {.name = "dry-run", .letter = 'n', .doc = "Send nothing; tell what would be sent."},
    {.name = "actor", .value = "AGENT", .doc = "Who imports (TICKETBUS_ACTOR)."},
};

static const struct ctl_option events_options[] = {
    {.name = "follow", .letter = 'f', .doc = "Go on with what happens from now; end with Ctrl-C."},
    {.name = "from-beginning",
     .doc = "With --follow: begin with the oldest event the topic holds."},
    {.name = "ticket", .value = "TICKET", .doc = "Only of this ticket."},
    {.name = "workflow", .letter = 'w', .value = "ID", .doc = "Only of this workflow."},
    {.name = "type",
     .letter = 't',
     .value = "TYPE",
     .repeat = true,
     .doc = "Only of this type: ticket.created, or created for short."},
    {.name = "limit", .letter = 'n', .value = "N", .doc = "Stop after N events."},
};

static const char *const search_modes[] = {"hybrid", "semantic", "keyword", NULL};
static const struct ctl_option search_options[] = {
    {.name = "mode",
     .letter = 'm',
     .value = "MODE",
     .choices = search_modes,
     .doc = "How to search; hybrid unless said."},
    {.name = "workflow", .letter = 'w', .value = "ID", .doc = "Only of this workflow."},
    {.name = "status", .letter = 's', .value = "STATUS", .doc = "Only in this column."},
    {.name = "type", .letter = 't', .value = "TYPE", .doc = "Only of this type."},
    {.name = "priority", .letter = 'p', .value = "PRIORITY", .doc = "Only of this priority."},
    {.name = "assignee", .letter = 'a', .value = "AGENT", .doc = "Only of this agent."},
    {.name = "tag", .value = "TAG", .doc = "Only with this tag."},
    {.name = "no-comments", .doc = "Do not search in comments."},
    {.name = "limit",
     .letter = 'n',
     .value = "N",
     .doc = "Most results, 10 unless said, 100 at most."},
    {.name = "offset", .value = "N", .doc = "Leave out the first N."},
    {.name = "explain", .doc = "Show what each leg gave to the score."},
};

static const struct ctl_option similar_options[] = {
    {.name = "anywhere", .doc = "In all workflows, not only in the ticket's own."},
    {.name = "limit",
     .letter = 'n',
     .value = "N",
     .doc = "Most results, 10 unless said, 100 at most."},
    {.name = "offset", .value = "N", .doc = "Leave out the first N."},
    {.name = "explain", .doc = "Show what each leg gave to the score."},
};

static const char *const token_scopes[] = {"read", "write", "admin", NULL};
static const struct ctl_option token_create_options[] = {
    {.name = "scope",
     .letter = 's',
     .value = "SCOPE",
     .choices = token_scopes,
     .doc = "What it may do; write unless said. Each reaches what the one before it does."},
    {.name = "workflow",
     .letter = 'w',
     .value = "ID",
     .repeat = true,
     .doc = "Only for this workflow; all unless said."},
    {.name = "agent",
     .letter = 'a',
     .value = "AGENT",
     .doc = "Its holder acts as this agent only."},
    {.name = "days", .value = "N", .doc = "Ends after N days; never unless said."},
};

static const struct ctl_option token_list_options[] = {
    {.name = "all", .doc = "Revoked and expired ones too."},
};

static const struct ctl_option export_options[] = {
    {.name = "workflow", .letter = 'w', .value = "ID", .doc = "Only of this workflow."},
};

/* Which parked tickets are meant, and which dead letters. */
static const char *const parked_reasons[] = {"poison", "reference", NULL};
#define DLQ_FILTER_OPTIONS                                                                         \
    {.name = "reason",                                                                             \
     .value = "REASON",                                                                            \
     .choices = parked_reasons,                                                                    \
     .doc = "Only tickets parked for this reason."},                                               \
        {.name = "code", .value = "CODE", .doc = "Only with this code (docs/commands.md)."},       \
        {.name = "ticket", .value = "TICKET", .doc = "Only this ticket."},                         \
        {.name = "since", .value = "TIME", .doc = "Only from this time on (RFC 3339)."},           \
    {                                                                                              \
        .name = "until", .value = "TIME", .doc = "Only before this time (RFC 3339)."               \
    }

static const char *const dlq_topics[] = {"commands", "index", NULL};
static const struct ctl_option dlq_list_options[] = {
    DLQ_FILTER_OPTIONS,
    {.name = "topic",
     .value = "WHICH",
     .choices = dlq_topics,
     .doc = "Whose dead letters: of commands, unless said, or of tickets that could not be "
            "indexed."},
    {.name = "limit",
     .letter = 'n',
     .value = "N",
     .doc = "Most parked tickets, the first ones, and most dead letters of each partition, the "
            "last ones; 20 unless said, 0 for no letters and every ticket."},
};

static const struct ctl_option resume_options[] = {
    {.name = "all", .doc = "Every partition that has stopped."},
    {.name = "from",
     .value = "WHERE",
     .doc = "beginning of what the log holds, unless said; end, or an offset. What is left out is "
            "never applied."},
};

static const struct ctl_option dlq_settle_options[] = {
    {.name = "all", .doc = "Every parked ticket that fits; those parked by poison unless said."},
    {.name = "topic",
     .value = "WHICH",
     .choices = dlq_topics,
     .doc = "With replay: index tries again to index a ticket that could not be."},
    DLQ_FILTER_OPTIONS,
};

#endif
