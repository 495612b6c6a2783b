/* Which options a command takes. */
#include <string.h>

#include "producer/ctl/table.h"

#include "common/base/attr.h"

static const struct ctl_option json_option = {
    .name = "json", .letter = 'j', .doc = "Print JSON for scripts."};
static const struct ctl_option server_option = {
    .name = "server",
    .value = "URL",
    .doc = "Through this gateway instead of Kafka and Postgres (TICKETBUS_SERVER)."};
static const struct ctl_option common_options[] = {
    {.name = "config", .value = "FILE", .doc = "Read settings from this file (TICKETBUS_CONFIG)."},
    {.name = "help", .letter = 'h', .doc = "Show this help."},
};

static const struct ctl_option write_options[] = {
    {.name = "actor", .value = "AGENT", .doc = "Who acts (TICKETBUS_ACTOR)."},
    {.name = "actor-type",
     .value = "TYPE",
     .choices = tb_actor_types,
     .doc = "What kind of actor (TICKETBUS_ACTOR_TYPE)."},
    {.name = "id",
     .value = "ID",
     .doc =
         "Id of the command, for retries: the same id takes effect once. Made up when left out."},
    {.name = "source", .value = "URI", .doc = "Where the command comes from (TICKETBUS_SOURCE)."},
    {.name = "expected-version",
     .value = "N",
     .doc = "Refuse when the ticket's version is another."},
    {.name = "rationale", .value = "TEXT", .doc = "Why, kept with the events."},
};

static const struct ctl_option wait_options[] = {
    {.name = "no-wait", .doc = "Return once the broker has the command, without its outcome."},
    {.name = "timeout",
     .value = "SECONDS",
     .doc = "How long to wait for an outcome (TICKETBUS_WAIT_MS)."},
};

static const struct ctl_option filter_options[] = {
    {.name = "workflow", .letter = 'w', .value = "ID", .doc = "Only of this workflow."},
    {.name = "status",
     .letter = 's',
     .value = "STATUS",
     .repeat = true,
     .doc = "Only in this column."},
    {.name = "type", .letter = 't', .value = "TYPE", .repeat = true, .doc = "Only of this type."},
    {.name = "priority",
     .letter = 'p',
     .value = "PRIORITY",
     .repeat = true,
     .doc = "Only of this priority."},
    {.name = "assignee", .letter = 'a', .value = "AGENT", .doc = "Only of this agent."},
    {.name = "tag",
     .value = "TAG",
     .repeat = true,
     .doc = "Only with this tag; with all of them when given several times."},
};

/* Short names people expect beside the field's own. */
static const struct {
    const char *field;
    const char *alias;
    char letter;
} aliases[] = {
    {"ticket_type", "type", 't'},
    {"initial_status", "status", 's'},
    {"new_status", "status", 's'},
    {"assigned_agent_id", "assignee", 'a'},
    {"priority", NULL, 'p'},
    {"workflow_id", "workflow", 'w'},
    {"parent_ticket_id", "parent", 0},
    {"blocked_by_ticket_ids", "blocked-by", 'b'},
    {"update_comment", "comment", 'c'},
    {"comment", NULL, 'c'},
    {"resolution_comment", "comment", 'c'},
    {"commit_message", "message", 'm'},
    {"comment_text", "text", 0},
    {"comment_type", "type", 't'},
    {"description", NULL, 'd'},
    {"related_ticket_ids", "related", 0},
    {"tags", "tag", 0},
    {"files_list", "files", 0},
};

const char *ctl_option_name(const struct tb_field *field, struct tb_arena *arena)
{
    size_t len = strlen(field->name);
    char *name = tb_arena_alloc(arena, len + 1);
    for (size_t i = 0; name && i < len; i++) {
        name[i] = field->name[i] == '_' ? '-' : field->name[i];
    }
    return name;
}

static const char *value_name(const struct tb_field *field)
{
    switch (field->kind) {
    case TB_KIND_STRING:
        return "TEXT";
    case TB_KIND_TICKET_ID:
        return "TICKET";
    case TB_KIND_COMMENT_ID:
        return "COMMENT";
    case TB_KIND_ENUM:
        return "CHOICE";
    case TB_KIND_BOOL:
        return NULL;
    case TB_KIND_INT:
        return "N";
    case TB_KIND_TIME:
        return "TIME";
    case TB_KIND_STRINGS:
        return "NAME,...";
    case TB_KIND_TICKET_IDS:
        return "TICKET,...";
    case TB_KIND_ID:
    case TB_KIND_RECORD:
    case TB_KIND_RECORDS:
    case TB_KIND_STRINGS_MAP:
        return "NAME";
    }
    return "VALUE";
}

/* Nested records have no option of their own: updates is flattened, edges have arguments. */
static bool has_option(const struct tb_field *field)
{
    return field->kind != TB_KIND_RECORD && field->kind != TB_KIND_RECORDS &&
           field->kind != TB_KIND_STRINGS_MAP;
}

static void add_field(struct ctl_option *items, size_t *n, const struct tb_field *field,
                      bool in_updates, struct tb_arena *arena)
{
    struct ctl_option o = {.name = ctl_option_name(field, arena),
                           .value = value_name(field),
                           .repeat =
                               field->kind == TB_KIND_STRINGS || field->kind == TB_KIND_TICKET_IDS,
                           .choices = field->choices,
                           .doc = field->doc,
                           .field = field,
                           .in_updates = in_updates};
    for (size_t i = 0; i < TB_COUNT(aliases); i++) {
        if (strcmp(aliases[i].field, field->name) == 0) {
            o.alias = aliases[i].alias;
            o.letter = aliases[i].letter;
        }
    }
    items[(*n)++] = o;
}

static void add_record(struct ctl_option *items, size_t *n, const struct tb_record *record,
                       bool in_updates, struct tb_arena *arena)
{
    for (size_t i = 0; i < record->nfields; i++) {
        const struct tb_field *field = &record->fields[i];
        if (field->kind == TB_KIND_RECORD && !in_updates) {
            add_record(items, n, field->record, true, arena);
        } else if (has_option(field)) {
            add_field(items, n, field, in_updates, arena);
        }
    }
}

static void add_set(struct ctl_option *items, size_t *n, const struct ctl_option *set, size_t nset)
{
    if (nset) {
        memcpy(items + *n, set, nset * sizeof *set);
    }
    *n += nset;
}

/* A name given twice would make the second unreachable: the earlier option keeps it. */
static void drop_clashes(struct ctl_option *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (items[i].alias &&
                (strcmp(items[i].alias, items[k].name) == 0 ||
                 (items[k].alias && strcmp(items[i].alias, items[k].alias) == 0))) {
                items[i].alias = NULL;
            }
            if (items[i].letter && items[i].letter == items[k].letter) {
                items[i].letter = 0;
            }
        }
    }
}

bool ctl_command_options(const struct ctl_command *command, struct tb_arena *arena,
                         const struct ctl_option **ret, size_t *ret_n)
{
    struct ctl_option *items = TB_NEW_N(arena, struct ctl_option, command->noptions + 160);
    size_t n = 0;
    if (!items) {
        return false;
    }
    add_set(items, &n, command->options, command->noptions);
    if (command->kind != CTL_NO_KIND) {
        const struct tb_record *record = tb_command_types[command->kind].record;
        bool edges = command->kind == TB_CMD_LINK || command->kind == TB_CMD_UNLINK ||
                     command->kind == TB_CMD_BOARD_PUT;
        if (!edges) {
            add_record(items, &n, record, false, arena);
        }
    }
    if (command->sets & CTL_OPTS_FILTER) {
        add_set(items, &n, filter_options, TB_COUNT(filter_options));
    }
    if (command->sets & CTL_OPTS_WRITE) {
        add_set(items, &n, write_options, TB_COUNT(write_options));
    }
    if (command->sets & (CTL_OPTS_WRITE | CTL_OPTS_WAIT)) {
        add_set(items, &n, wait_options, TB_COUNT(wait_options));
    }
    add_set(items, &n, &json_option, command->has_json ? 1 : 0);
    add_set(items, &n, &server_option, command->reach == CTL_EITHER ? 1 : 0);
    add_set(items, &n, common_options, TB_COUNT(common_options));
    drop_clashes(items, n);
    *ret = items;
    *ret_n = n;
    return !tb_arena_failed(arena);
}
