#include "worker/shell/keys.h"

#include "common/base/buf.h"
#include "common/crypto/crypto.h"

bool tb_keyset_add(struct tb_keyset *set, struct tb_arena *arena, tb_str s)
{
    if (tb_str_is_null(s)) {
        return true;
    }
    if (!set->map.arena) {
        tb_map_init(&set->map, arena);
    }
    if (tb_map_get(&set->map, s)) {
        return true;
    }
    tb_str *slot = tb_grow(arena, (void **)&set->items, &set->n, &set->room, sizeof *slot);
    if (!slot) {
        return false;
    }
    *slot = s;
    return tb_map_put(&set->map, s, set);
}

bool tb_keyset_has(const struct tb_keyset *set, tb_str s)
{
    return set->n > 0 && tb_map_get(&set->map, s);
}

tb_str tb_pair(struct tb_arena *arena, tb_str a, tb_str b)
{
    char *p = tb_arena_alloc(arena, a.len + b.len + 1);
    if (!p) {
        return TB_STR_NULL;
    }
    if (a.len) {
        memcpy(p, a.ptr, a.len);
    }
    if (b.len) {
        memcpy(p + a.len + 1, b.ptr, b.len);
    }
    return (tb_str){p, a.len + b.len + 1};
}

tb_str tb_command_derived_id(const struct tb_command *cmd, const char *prefix, const char *purpose,
                             struct tb_arena *arena)
{
    tb_str base = tb_pair(arena, cmd->source, cmd->id);
    tb_str name = tb_pair(arena, base, tb_str_of(purpose));
    if (tb_str_is_null(name)) {
        return TB_STR_NULL;
    }
    struct tb_uuid uuid = tb_uuid_v5(&tb_uuid_namespace, name.ptr, name.len);
    char text[TB_UUID_TEXT_LEN + 1];
    tb_uuid_format(&uuid, text);
    return tb_arena_printf(arena, "%s-%s", prefix, text);
}

/* The same comment of the source must not be added twice, whatever command brings it. */
static tb_str imported_comment_id(const struct tb_command *cmd, tb_str key, struct tb_arena *arena)
{
    tb_str name = tb_pair(arena, cmd->subject, key);
    if (tb_str_is_null(name)) {
        return TB_STR_NULL;
    }
    struct tb_uuid uuid = tb_uuid_v5(&tb_uuid_namespace, name.ptr, name.len);
    char text[TB_UUID_TEXT_LEN + 1];
    tb_uuid_format(&uuid, text);
    return tb_arena_printf(arena, "comment-%s", text);
}

tb_str tb_command_comment_id(const struct tb_command *cmd, struct tb_arena *arena)
{
    if (cmd->type->kind == TB_CMD_EDIT_COMMENT) {
        return ((const struct tb_edit_comment_data *)cmd->data)->comment_id;
    }
    if (cmd->type->kind == TB_CMD_IMPORT) {
        const struct tb_import_data *d = cmd->data;
        if (tb_has(&d->p, TB_IMPORT_COMMENT_KEY)) {
            return imported_comment_id(cmd, d->comment_key, arena);
        }
    }
    return tb_command_derived_id(cmd, "comment", "comment", arena);
}

/* What one command says of other tickets. */
struct mention {
    tb_strs blockers;
    struct tb_records dependencies;
    tb_str parent;
    bool adds_edges;
};

static struct mention mentions(const struct tb_command *cmd)
{
    struct mention m = {.parent = TB_STR_NULL};
    if (cmd->type->kind == TB_CMD_CREATE) {
        const struct tb_create_data *d = cmd->data;
        m.blockers = tb_has(&d->p, TB_CREATE_BLOCKED_BY) ? d->blocked_by_ticket_ids : m.blockers;
        m.parent = tb_has(&d->p, TB_CREATE_PARENT_TICKET_ID) ? d->parent_ticket_id : m.parent;
    } else if (cmd->type->kind == TB_CMD_UPDATE) {
        const struct tb_updates_data *d = &((const struct tb_update_data *)cmd->data)->updates;
        m.blockers = tb_has(&d->p, TB_UPDATES_BLOCKED_BY) ? d->blocked_by_ticket_ids : m.blockers;
        m.parent = tb_has(&d->p, TB_UPDATES_PARENT_TICKET_ID) ? d->parent_ticket_id : m.parent;
    } else if (cmd->type->kind == TB_CMD_BLOCK || cmd->type->kind == TB_CMD_UNBLOCK) {
        m.blockers = ((const struct tb_block_data *)cmd->data)->blocked_by_ticket_ids;
    } else if (cmd->type->kind == TB_CMD_LINK || cmd->type->kind == TB_CMD_UNLINK) {
        m.dependencies = ((const struct tb_link_data *)cmd->data)->dependencies;
    } else if (cmd->type->kind == TB_CMD_IMPORT) {
        const struct tb_import_data *d = cmd->data;
        m.dependencies = tb_has(&d->p, TB_IMPORT_DEPENDENCIES) ? d->dependencies : m.dependencies;
        m.parent = tb_has(&d->p, TB_IMPORT_PARENT_TICKET_ID) ? d->parent_ticket_id : m.parent;
    }
    m.adds_edges = m.blockers.n > 0 || m.dependencies.n > 0;
    return m;
}

unsigned tb_command_needs(const struct tb_command *cmd)
{
    unsigned needs = cmd->type->needs;
    struct mention m = mentions(cmd);
    if (!m.adds_edges) {
        needs &= ~(unsigned)TB_NEED_REACH;
    }
    if (tb_str_is_null(m.parent)) {
        needs &= ~(unsigned)TB_NEED_PARENTS;
    }
    return needs;
}

tb_str tb_command_workflow(const struct tb_command *cmd)
{
    if (!cmd->data) {
        return TB_STR_NULL;
    }
    if (cmd->type->kind == TB_CMD_CREATE) {
        return ((const struct tb_create_data *)cmd->data)->workflow_id;
    }
    if (cmd->type->kind == TB_CMD_IMPORT) {
        return ((const struct tb_import_data *)cmd->data)->workflow_id;
    }
    return cmd->type->kind == TB_CMD_BOARD_PUT ? cmd->subject : TB_STR_NULL;
}

static void gather_references(struct tb_keys *k, const struct tb_command *cmd, unsigned needs)
{
    struct mention m = mentions(cmd);
    bool ok = true;
    for (size_t i = 0; i < m.blockers.n; i++) {
        ok = ok && tb_keyset_add(&k->refs, k->arena, m.blockers.items[i]);
        if (needs & TB_NEED_REACH) {
            ok = ok && tb_keyset_add(&k->closure, k->arena, m.blockers.items[i]);
        }
    }
    const struct tb_dependency_data *deps = m.dependencies.items;
    for (size_t i = 0; i < m.dependencies.n; i++) {
        ok = ok && tb_keyset_add(&k->refs, k->arena, deps[i].depends_on);
        if (needs & TB_NEED_REACH) {
            ok = ok && tb_keyset_add(&k->closure, k->arena, deps[i].depends_on);
        }
    }
    ok = ok && tb_keyset_add(&k->parents, k->arena, m.parent);
    k->failed = k->failed || !ok;
}

static void gather_one(struct tb_keys *k, const struct tb_command *cmd)
{
    struct tb_arena *a = k->arena;
    unsigned needs = tb_command_needs(cmd);
    enum tb_command_kind kind = cmd->type->kind;
    bool fresh = kind == TB_CMD_CREATE || kind == TB_CMD_IMPORT;
    bool ok = true;
    tb_str workflow = tb_command_workflow(cmd);
    if (cmd->type->family != TB_FAMILY_BOARD) {
        ok = ok && tb_keyset_add(&k->subjects, a, cmd->subject);
    }
    ok = ok && tb_keyset_add(&k->workflows, a, workflow);
    if (kind == TB_CMD_BOARD_PUT) {
        ok = ok && tb_keyset_add(&k->put_boards, a, workflow);
    }
    if (kind == TB_CMD_UPDATE || kind == TB_CMD_IMPORT) {
        ok = ok && tb_keyset_add(&k->with_text, a, cmd->subject);
    }
    if (fresh) {
        ok = ok && tb_keyset_add(&k->created, a, cmd->subject);
    }
    if (needs & TB_NEED_WIP) {
        ok = ok && tb_keyset_add(&k->entering, a, cmd->subject);
        ok = ok && tb_keyset_add(&k->entering_workflows, a, workflow);
    }
    if (needs & (TB_NEED_REACH | TB_NEED_PARENTS)) {
        ok = ok && tb_keyset_add(&k->edge_tickets, a, cmd->subject);
        ok = ok && tb_keyset_add(&k->edge_workflows, a, workflow);
    }
    if (needs & TB_NEED_REACH) {
        ok = ok && tb_keyset_add(&k->closure, a, cmd->subject);
    }
    if (needs & TB_NEED_BLOCKERS) {
        ok = ok && tb_keyset_add(&k->blockers, a, cmd->subject);
    }
    if (needs & TB_NEED_DEPENDENTS) {
        ok = ok && tb_keyset_add(&k->dependents, a, cmd->subject);
    }
    if (needs & TB_NEED_COMMENT) {
        ok = ok && tb_keyset_add(&k->comments, a, tb_command_comment_id(cmd, a));
    }
    if (needs & TB_NEED_COMMITS) {
        ok = ok && tb_keyset_add(&k->commit_tickets, a, cmd->subject);
    }
    k->failed = k->failed || !ok;
    gather_references(k, cmd, needs);
}

bool tb_keys_gather(struct tb_keys *k, const struct tb_batch *b)
{
    k->arena = b->arena;
    for (size_t i = 0; i < b->n; i++) {
        const struct tb_item *item = &b->items[i];
        if (item->kind == TB_ITEM_DEAD) {
            continue;
        }
        if (item->kind == TB_ITEM_COMMAND) {
            gather_one(k, &item->cmd);
        } else {
            k->failed = k->failed || !tb_keyset_add(&k->subjects, k->arena, item->cmd.subject);
        }
        for (size_t j = 0; j < item->nwaiting; j++) {
            if (item->waiting[j].decoded) {
                gather_one(k, &item->waiting[j].cmd);
            }
        }
    }
    return !k->failed && !tb_arena_failed(k->arena);
}
