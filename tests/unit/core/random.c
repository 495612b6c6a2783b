#include "tests/unit/core/random.h"

#include <stdlib.h>

#define B(bit) (UINT64_C(1) << (bit))

/* xorshift64*, a generator of a few lines that is the same on every machine. */
static uint64_t next(struct random *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * UINT64_C(2685821657736338717);
}

uint64_t random_below(struct random *r, uint64_t n)
{
    return (next(r) >> 33) % n;
}

bool random_chance(struct random *r, unsigned percent)
{
    return random_below(r, 100) < percent;
}

static void *data(struct random *r, size_t size)
{
    void *p = tb_arena_alloc(r->arena, size);
    if (!p) {
        abort();
    }
    return p;
}

#define PICK(r, ...)                                                                               \
    pick(r, (const char *const[]){__VA_ARGS__},                                                    \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static tb_str pick(struct random *r, const char *const *choices, size_t n)
{
    return tb_str_of(choices[random_below(r, n)]);
}

/* Mostly one of a few, so that commands meet. */
static tb_str ticket(struct random *r)
{
    uint64_t n = random_chance(r, 60) ? 4 : STORE_TICKETS;
    return kit_id((char)('A' + (int)random_below(r, n)));
}

/* Sets a bit with the chance given, to ask whether the field is there at all. */
static bool given(struct random *r, struct tb_present *p, unsigned bit, unsigned percent)
{
    if (!random_chance(r, percent)) {
        return false;
    }
    tb_mark(p, bit);
    return true;
}

static tb_strs tickets(struct random *r)
{
    size_t n = random_below(r, 4);
    tb_str *ids = data(r, 4 * sizeof *ids);
    size_t made = 0;
    while (made < n) {
        tb_str id = ticket(r);
        if (!tb_strs_has((tb_strs){ids, made}, id)) {
            ids[made++] = id;
        } else {
            n--;
        }
    }
    return (tb_strs){ids, made};
}

static tb_strs words(struct random *r)
{
    tb_str *items = data(r, 2 * sizeof *items);
    items[0] = PICK(r, "x", "y");
    items[1] = TB_LIT("z");
    return (tb_strs){items, random_below(r, 3)};
}

static struct tb_records dependencies(struct random *r, bool any_type)
{
    struct tb_dependency_data *items = data(r, 3 * sizeof *items);
    size_t n = random_below(r, 3);
    for (size_t i = 0; i < n; i++) {
        items[i].depends_on = ticket(r);
        items[i].dependency_type = any_type && random_chance(r, 70) ? TB_LIT("blocks")
                                   : i                              ? TB_LIT("related")
                                                                    : TB_LIT("parent-child");
        if (i && tb_str_eq(items[0].depends_on, items[i].depends_on)) {
            n = i;
        }
    }
    return (struct tb_records){items, n};
}

static tb_str status(struct random *r)
{
    return random_chance(r, 4) ? TB_LIT("nowhere")
                               : PICK(r, "todo", "doing", "review", "done", "closed");
}

static tb_str type_name(struct random *r)
{
    return random_chance(r, 4) ? TB_LIT("epic") : PICK(r, "task", "bug");
}

static tb_str priority(struct random *r)
{
    return PICK(r, "low", "medium", "high");
}

static tb_str agent(struct random *r)
{
    return PICK(r, "ann", "bob", "root");
}

/* ---- data of each kind ---- */

static const void *make_create(struct random *r)
{
    struct tb_create_data *d = data(r, sizeof *d);
    d->p.set = B(TB_CREATE_WORKFLOW_ID) | B(TB_CREATE_TITLE);
    d->workflow_id = random_chance(r, 85) ? TB_LIT("wf") : PICK(r, "wf2", "wf3");
    d->title = PICK(r, "One", "Two");
    if (given(r, &d->p, TB_CREATE_TICKET_TYPE, 30)) {
        d->ticket_type = type_name(r);
    }
    if (given(r, &d->p, TB_CREATE_PRIORITY, 30)) {
        d->priority = priority(r);
    }
    if (given(r, &d->p, TB_CREATE_INITIAL_STATUS, 40)) {
        d->initial_status = status(r);
    }
    if (given(r, &d->p, TB_CREATE_ASSIGNED_AGENT_ID, 20)) {
        d->assigned_agent_id = agent(r);
    }
    if (given(r, &d->p, TB_CREATE_PARENT_TICKET_ID, 30)) {
        d->parent_ticket_id = ticket(r);
    }
    if (given(r, &d->p, TB_CREATE_BLOCKED_BY, 40)) {
        d->blocked_by_ticket_ids = tickets(r);
    }
    if (given(r, &d->p, TB_CREATE_TAGS, 20)) {
        d->tags = words(r);
    }
    return d;
}

static const void *make_update(struct random *r)
{
    struct tb_update_data *d = data(r, sizeof *d);
    struct tb_updates_data *u = &d->updates;
    d->p.set = B(TB_UPDATE_UPDATES);
    if (given(r, &u->p, TB_UPDATES_TITLE, 40)) {
        u->title = PICK(r, "One", "Two");
    }
    if (given(r, &u->p, TB_UPDATES_TICKET_TYPE, 20)) {
        u->ticket_type = type_name(r);
    }
    if (given(r, &u->p, TB_UPDATES_PRIORITY, 20)) {
        u->priority = priority(r);
    }
    if (random_chance(r, 10)) {
        tb_mark_null(&u->p, TB_UPDATES_ASSIGNED_AGENT_ID);
    }
    if (given(r, &u->p, TB_UPDATES_PARENT_TICKET_ID, 40)) {
        u->parent_ticket_id = ticket(r);
    }
    if (given(r, &u->p, TB_UPDATES_TAGS, 20)) {
        u->tags = words(r);
    }
    if (given(r, &u->p, TB_UPDATES_BLOCKED_BY, 30)) {
        u->blocked_by_ticket_ids = tickets(r);
    }
    if (given(r, &d->p, TB_UPDATE_COMMENT, 20)) {
        d->update_comment = PICK(r, "why", " ");
    }
    if (given(r, &d->p, TB_UPDATE_COMMIT_SHA, 20)) {
        d->commit_sha = PICK(r, "abc", "def");
    }
    return d;
}

static const void *make_change_status(struct random *r)
{
    struct tb_change_status_data *d = data(r, sizeof *d);
    d->p.set = B(TB_STATUS_NEW_STATUS);
    d->new_status = status(r);
    if (given(r, &d->p, TB_STATUS_COMMENT, 50)) {
        d->comment = PICK(r, "go", "");
    }
    if (given(r, &d->p, TB_STATUS_COMMIT_SHA, 20)) {
        d->commit_sha = PICK(r, "abc", "def");
    }
    return d;
}

static const void *make_comment(struct random *r)
{
    struct tb_comment_data *d = data(r, sizeof *d);
    d->p.set = B(TB_COMMENT_TEXT);
    d->comment_text = PICK(r, "hm", "aha");
    return d;
}

static const void *make_edit(struct random *r, const struct store *s)
{
    struct tb_edit_comment_data *d = data(r, sizeof *d);
    d->p.set = B(TB_EDIT_COMMENT_ID) | B(TB_EDIT_TEXT);
    d->comment_id =
        s->ncomments ? s->comments[random_below(r, s->ncomments)].id : kit_comment_id('u');
    d->comment_text = PICK(r, "hm", "aha");
    return d;
}

static const void *make_assign(struct random *r)
{
    struct tb_assign_data *d = data(r, sizeof *d);
    if (given(r, &d->p, TB_ASSIGN_AGENT_ID, 60)) {
        d->assigned_agent_id = agent(r);
    }
    if (given(r, &d->p, TB_ASSIGN_EXCLUSIVE, 50)) {
        d->exclusive = true;
    }
    return d;
}

static const void *make_link_commit(struct random *r)
{
    struct tb_link_commit_data *d = data(r, sizeof *d);
    d->p.set = B(TB_COMMIT_SHA);
    d->commit_sha = PICK(r, "abc", "def", "123");
    return d;
}

static const void *make_resolve(struct random *r)
{
    struct tb_resolve_data *d = data(r, sizeof *d);
    d->p.set = B(TB_RESOLVE_COMMENT);
    d->resolution_comment = random_chance(r, 95) ? TB_LIT("done so") : TB_LIT(" ");
    if (given(r, &d->p, TB_RESOLVE_COMMIT_SHA, 20)) {
        d->commit_sha = PICK(r, "abc", "def");
    }
    return d;
}

static const void *make_reopen(struct random *r)
{
    struct tb_reopen_data *d = data(r, sizeof *d);
    if (given(r, &d->p, TB_REOPEN_STATUS, 30)) {
        d->new_status = status(r);
    }
    if (given(r, &d->p, TB_REOPEN_COMMENT, 30)) {
        d->comment = TB_LIT("again");
    }
    return d;
}

static const void *make_block(struct random *r)
{
    struct tb_block_data *d = data(r, sizeof *d);
    d->p.set = B(TB_BLOCK_BY);
    d->blocked_by_ticket_ids = tickets(r);
    return d;
}

static const void *make_link(struct random *r)
{
    struct tb_link_data *d = data(r, sizeof *d);
    d->p.set = B(TB_LINK_DEPENDENCIES);
    d->dependencies = dependencies(r, false);
    return d;
}

static const void *make_import(struct random *r)
{
    struct tb_import_data *d = data(r, sizeof *d);
    d->p.set = B(TB_IMPORT_WORKFLOW_ID);
    d->workflow_id = random_chance(r, 90) ? TB_LIT("wf") : TB_LIT("wf2");
    if (given(r, &d->p, TB_IMPORT_OCCURRED_AT, 50)) {
        d->occurred_at = (int64_t)random_below(r, 50);
    }
    if (given(r, &d->p, TB_IMPORT_TITLE, 50)) {
        d->title = PICK(r, "One", "Two");
    }
    if (given(r, &d->p, TB_IMPORT_STATUS, 50)) {
        d->status = status(r);
    }
    if (given(r, &d->p, TB_IMPORT_PARENT_TICKET_ID, 20)) {
        d->parent_ticket_id = ticket(r);
    }
    if (given(r, &d->p, TB_IMPORT_DEPENDENCIES, 40)) {
        d->dependencies = dependencies(r, true);
    }
    if (given(r, &d->p, TB_IMPORT_IS_RESOLVED, 30)) {
        d->is_resolved = random_chance(r, 50);
    }
    if (given(r, &d->p, TB_IMPORT_IS_DELETED, 20)) {
        d->is_deleted = random_chance(r, 30);
    }
    if (given(r, &d->p, TB_IMPORT_UPDATED_AT, 30)) {
        d->updated_at = (int64_t)random_below(r, 50);
    }
    if (given(r, &d->p, TB_IMPORT_COMMENT_TEXT, 20)) {
        d->comment_text = TB_LIT("old words");
        tb_mark(&d->p, TB_IMPORT_COMMENT_KEY);
        d->comment_key = PICK(r, "k1", "k2");
    }
    return d;
}

/* The categories of the columns stay, so that times can be told from columns; review may go. */
static const void *make_board(struct random *r)
{
    static const char *const names[] = {"todo", "doing", "review", "done", "closed"};
    static const char *const categories[] = {"open", "active", "active", "done", "done"};
    struct tb_board_put_data *d = data(r, sizeof *d);
    struct tb_column_data *columns = data(r, 5 * sizeof *columns);
    tb_str *types = data(r, 2 * sizeof *types);
    tb_str *admins = data(r, sizeof *admins);
    tb_str *from = data(r, sizeof *from);
    tb_str *to = data(r, 2 * sizeof *to);
    tb_strs *lists = data(r, sizeof *lists);
    bool without_review = random_chance(r, 15);
    for (int i = 0; i < 5; i++) {
        if (i == 2 && without_review) {
            continue;
        }
        struct tb_column_data *c = &columns[d->columns.n++];
        c->p.set = B(TB_COL_ID) | B(TB_COL_CATEGORY);
        c->id = tb_str_of(names[i]);
        c->category = tb_str_of(categories[i]);
        if (given(r, &c->p, TB_COL_WIP_LIMIT, 25)) {
            c->wip_limit = 1 + (int64_t)random_below(r, 4);
        }
    }
    types[0] = TB_LIT("task");
    types[1] = TB_LIT("bug");
    admins[0] = TB_LIT("root");
    from[0] = TB_LIT("todo");
    to[0] = TB_LIT("doing");
    to[1] = TB_LIT("done");
    lists[0] = (tb_strs){to, 2};
    d->p.set = B(TB_BOARD_NAME) | B(TB_BOARD_COLUMNS) | B(TB_BOARD_TICKET_TYPES) |
               B(TB_BOARD_INITIAL_STATUS) | B(TB_BOARD_DEFAULT_TICKET_TYPE) | B(TB_BOARD_SETTINGS);
    d->name = PICK(r, "Board", "Wall");
    d->columns.items = columns;
    d->ticket_types = (tb_strs){types, random_chance(r, 90) ? 2 : 1};
    d->default_ticket_type = TB_LIT("task");
    d->initial_status = TB_LIT("todo");
    d->settings.p.set = B(TB_SET_ADMINS) | B(TB_SET_ADMIN_ON_BLOCKED);
    d->settings.admins = (tb_strs){admins, 1};
    d->settings.admin_on_blocked = (tb_strs){types, 0};
    if (random_chance(r, 50)) {
        admins = data(r, sizeof *admins);
        admins[0] = PICK(r, "change_status", "resolve");
        d->settings.admin_on_blocked = (tb_strs){admins, 1};
    }
    if (given(r, &d->settings.p, TB_SET_SEARCH_FORMULA, 20)) {
        d->settings.search_formula = PICK(r, "score", "rank");
    }
    if (given(r, &d->settings.p, TB_SET_SEARCH_WEIGHT, 20)) {
        d->settings.search_weight_semantic = random_chance(r, 50) ? 70 : 0;
    }
    if (given(r, &d->settings.p, TB_SET_SIMILAR, 20)) {
        d->settings.similar_percent = random_chance(r, 50) ? 80 : 0;
    }
    if (given(r, &d->settings.p, TB_SET_TRANSITIONS, 20)) {
        d->settings.transitions = (struct tb_strings_map){from, lists, 1};
    }
    if (given(r, &d->settings.p, TB_SET_REQUIRE_COMMENT, 20)) {
        d->settings.require_comment_on_status_change = true;
    }
    if (given(r, &d->settings.p, TB_SET_ALLOW_REOPEN, 30)) {
        d->settings.allow_reopen = random_chance(r, 30);
    }
    return d;
}

static const void *make_data(struct random *r, const struct store *s, enum tb_command_kind kind)
{
    struct tb_empty_data *nothing = data(r, sizeof *nothing);
    switch (kind) {
    case TB_CMD_CREATE:
        return make_create(r);
    case TB_CMD_UPDATE:
        return make_update(r);
    case TB_CMD_CHANGE_STATUS:
        return make_change_status(r);
    case TB_CMD_COMMENT:
        return make_comment(r);
    case TB_CMD_EDIT_COMMENT:
        return make_edit(r, s);
    case TB_CMD_ASSIGN:
        return make_assign(r);
    case TB_CMD_LINK_COMMIT:
        return make_link_commit(r);
    case TB_CMD_RESOLVE:
        return make_resolve(r);
    case TB_CMD_REOPEN:
        return make_reopen(r);
    case TB_CMD_BLOCK:
    case TB_CMD_UNBLOCK:
        return make_block(r);
    case TB_CMD_LINK:
    case TB_CMD_UNLINK:
        return make_link(r);
    case TB_CMD_IMPORT:
        return make_import(r);
    case TB_CMD_BOARD_PUT:
        return make_board(r);
    case TB_CMD_UNASSIGN:
    case TB_CMD_DELETE:
    case TB_CMD_RESTORE:
    case TB_CMD_WATCH:
    case TB_CMD_RECHECK:
    case TB_CMD_REPLAY:
    case TB_CMD_DROP:
    case TB_CMD_EXPIRE:
    case TB_CMD_SIMILAR:
    case TB_CMD_COUNT_:
        break;
    }
    return nothing;
}

/* ---- envelopes ---- */

static struct tb_command envelope(struct random *r, enum tb_command_kind kind, tb_str subject,
                                  const void *d, struct tb_context *ctx)
{
    r->n++;
    *ctx = (struct tb_context){
        .now_us = 1000 + r->n,
        .comment_id = tb_arena_printf(r->arena, "comment-%lld", (long long)r->n),
        .commit_id = tb_arena_printf(r->arena, "tc-%lld", (long long)r->n),
        .board_id = tb_arena_printf(r->arena, "board-%lld", (long long)r->n),
        .last_wait = random_chance(r, 50),
    };
    return (struct tb_command){
        .type = &tb_command_types[kind],
        .subject = subject,
        .actor = agent(r),
        .actor_type = PICK(r, "human", "system", "worker_agent"),
        .time_us = TB_TIME_NONE,
        .expected_version = TB_EXPECTED_NONE,
        .data = d,
    };
}

struct tb_command random_first_board(struct random *r, tb_str workflow_id)
{
    struct tb_context ctx;
    return envelope(r, TB_CMD_BOARD_PUT, workflow_id, make_board(r), &ctx);
}

struct tb_command random_command(struct random *r, const struct store *s, struct tb_context *ctx)
{
    static const enum tb_command_kind often[] = {
        TB_CMD_CREATE,  TB_CMD_CREATE,  TB_CMD_CHANGE_STATUS, TB_CMD_CHANGE_STATUS,
        TB_CMD_RESOLVE, TB_CMD_RESOLVE, TB_CMD_REOPEN,        TB_CMD_BLOCK,
        TB_CMD_BLOCK,   TB_CMD_UNBLOCK, TB_CMD_UPDATE,        TB_CMD_RESTORE};
    enum tb_command_kind kind = random_chance(r, 60)
                                    ? often[random_below(r, TB_COUNT(often))]
                                    : (enum tb_command_kind)random_below(r, TB_CMD_BOARD_PUT + 1);
    tb_str subject = kind == TB_CMD_BOARD_PUT ? PICK(r, "wf", "wf2") : ticket(r);
    struct tb_command cmd = envelope(r, kind, subject, make_data(r, s, kind), ctx);
    if (kind != TB_CMD_BOARD_PUT && random_chance(r, 10)) {
        cmd.expected_version =
            s->tickets[store_at(subject)].version + (random_chance(r, 50) ? 1 : 0);
    }
    if (kind == TB_CMD_IMPORT) {
        const struct tb_import_data *d = cmd.data;
        if (tb_has(&d->p, TB_IMPORT_COMMENT_KEY)) {
            ctx->comment_id = tb_arena_printf(r->arena, "comment-%.*s-%.*s", TB_ARG(subject),
                                              TB_ARG(d->comment_key));
        }
    }
    return cmd;
}

struct tb_command random_internal(struct random *r, const struct tb_message *message,
                                  struct tb_context *ctx)
{
    if (message->kind == TB_MESSAGE_WATCH) {
        struct tb_watch_data *d = data(r, sizeof *d);
        d->p.set = B(TB_WATCH_DEPENDENT_ID);
        d->dependent_id = message->dependent_id;
        return envelope(r, TB_CMD_WATCH, message->subject, d, ctx);
    }
    return envelope(r, TB_CMD_RECHECK, message->subject, data(r, sizeof(struct tb_empty_data)),
                    ctx);
}
