/* Tickets, boards and outcomes as a gateway tells them, in the columns of direct_*.c. */
#include <stdio.h>
#include <string.h>

#include "producer/ctl/direct.h"
#include "producer/ctl/served.h"
#include "producer/ctl/tickets.h"

#define MEMBERS(table) (table), TB_COUNT(table)
enum { PAGE_MAX = 1000 }; /* of the gateway */

/* ---- tickets ---- */

static void ticket_members(struct ctl_member out[CTL_COL_NEXT])
{
    out[CTL_COL_ID] = (struct ctl_member){"id", 's', "ticket_id"};
    out[CTL_COL_VERSION] = (struct ctl_member){"version", 'i', NULL};
    for (int f = 0; f < TB_TICKET_FIELDS_; f++) {
        int column = CTL_COL_FIELDS + f;
        out[column] = (struct ctl_member){tb_ticket_fields[f].name, ctl_ticket_kinds[column], NULL};
    }
}

static enum tb_rc read_tickets(struct ctl *ctl, const struct tb_tree *list, struct ctl_rows *ret,
                               struct tb_error *err)
{
    struct ctl_member members[CTL_COL_NEXT];
    ticket_members(members);
    return ctl_rows_read(ctl, list, members, CTL_COL_NEXT, ret, err);
}

static void add_all_fields(struct ctl_url *url)
{
    for (int f = 0; f < TB_TICKET_FIELDS_; f++) {
        ctl_url_add(url, "fields", tb_str_of(tb_ticket_fields[f].name));
    }
}

static void add_filters(struct ctl *ctl, struct ctl_url *url)
{
    static const char *const lists[] = {"status", "type", "priority", "tag"};
    ctl_url_add(url, "workflow_id", ctl_opt(&ctl->args, "workflow"));
    ctl_url_add(url, "assignee", ctl_opt(&ctl->args, "assignee"));
    for (size_t i = 0; i < TB_COUNT(lists); i++) {
        ctl_url_add_list(url, lists[i], ctl_opt_list(&ctl->args, lists[i], ctl->arena));
    }
}

enum tb_rc ctl_served_named(struct ctl *ctl, tb_str name, tb_str end, struct ctl_rows *ret,
                            struct tb_error *err)
{
    static const struct ctl_member members[] = {{"id", 's', "ticket_id"}};
    const struct tb_tree *root = NULL;
    struct ctl_url url;
    (void)end; /* the gateway sees for itself whether it may be one */
    ctl_url_init(&url, "/tickets/get");
    ctl_url_add(&url, "named", name);
    ctl_url_add(&url, "fields", TB_LIT("ticket_id"));
    ctl_url_add_bool(&url, "include_deleted", true);
    ctl_url_add_bool(&url, "total", false);
    ctl_url_add_int(&url, "limit", 6);
    enum tb_rc rc = ctl_server_get(ctl, &url, &root, err);
    return rc == TB_OK
               ? ctl_rows_read(ctl, tb_tree_get(root, "tickets"), MEMBERS(members), ret, err)
               : rc;
}

/* One page of at most PAGE_MAX; of the first one the total too. */
static enum tb_rc list_page(struct ctl *ctl, const struct ctl_page *page,
                            const struct ctl_page *now, tb_str cursor, struct ctl_listed *ret,
                            tb_str *ret_cursor, struct tb_error *err)
{
    const struct tb_tree *root = NULL;
    struct ctl_url url;
    bool first = now == page || now->limit == page->limit;
    ctl_url_init(&url, "/tickets/get");
    add_filters(ctl, &url);
    ctl_url_add(&url, "sort_by", tb_str_of(page->key));
    ctl_url_add(&url, "sort_order", page->descending ? TB_LIT("desc") : TB_LIT("asc"));
    ctl_url_add_bool(&url, "ready", page->ready);
    ctl_url_add_bool(&url, "include_completed", !page->unfinished);
    ctl_url_add_bool(&url, "include_deleted", page->deleted);
    ctl_url_add_int(&url, "limit", now->limit < PAGE_MAX ? now->limit : PAGE_MAX);
    if (now->offset > 0) {
        ctl_url_add_int(&url, "offset", now->offset);
    }
    ctl_url_add(&url, "cursor", cursor);
    ctl_url_add_bool(&url, "total", first);
    add_all_fields(&url);
    enum tb_rc rc = ctl_server_get(ctl, &url, &root, err);
    rc = rc == TB_OK ? read_tickets(ctl, tb_tree_get(root, "tickets"), &ret->tickets, err) : rc;
    const struct tb_tree *total = tb_tree_get(root, "total");
    const struct tb_tree *more = tb_tree_get(root, "has_more");
    ret->total = total ? total->integer : 0;
    ret->more = more && more->boolean;
    *ret_cursor = ctl_told_text(root, "next_cursor");
    return rc;
}

enum tb_rc ctl_served_list(struct ctl *ctl, const struct ctl_page *page, struct ctl_listed *ret,
                           struct tb_error *err)
{
    if (strcmp(page->key, "id") == 0) {
        return tb_fail(err, TB_EINVAL,
                       "--sort id is not for --server; ids sort as created_at does");
    }
    struct ctl_page now = *page;
    tb_str cursor = page->after;
    enum tb_rc rc = list_page(ctl, page, &now, cursor, ret, &cursor, err);
    while (rc == TB_OK && ret->more && ret->tickets.n < page->limit) {
        struct ctl_listed next = {0};
        now.offset = 0;
        now.limit = page->limit - ret->tickets.n;
        rc = list_page(ctl, page, &now, cursor, &next, &cursor, err);
        rc =
            rc == TB_OK ? ctl_rows_join(ctl, &ret->tickets, &next.tickets, &ret->tickets, err) : rc;
        ret->more = next.more;
    }
    return rc;
}

/* ---- one ticket ---- */

static const struct ctl_member history_members[] = {
    {"version", 'i', NULL},   {"change_type", 's', NULL}, {"field_name", 's', NULL},
    {"old_value", 's', NULL}, {"new_value", 's', NULL},   {"change_description", 's', NULL},
    {"metadata", 'j', NULL},  {"changed_at", 't', NULL},  {"agent_id", 's', NULL},
};

/* The rows the other way round, those of another field left out. */
static enum tb_rc reversed(struct ctl *ctl, const struct ctl_rows *rows, tb_str field,
                           struct ctl_rows *ret, struct tb_error *err)
{
    size_t columns = (size_t)rows->ncolumns;
    struct ctl_datum *data = TB_NEW_N(ctl->arena, struct ctl_datum, (size_t)rows->n * columns + 1);
    if (!data) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    *ret = *rows;
    ret->n = 0;
    for (int i = rows->n - 1; i >= 0; i--) {
        if (tb_str_is_null(field) || tb_str_eq(field, ctl_text(rows, i, 2))) {
            memcpy(data + (size_t)ret->n++ * columns, rows->data + (size_t)i * columns,
                   columns * sizeof *data);
        }
    }
    ret->data = data;
    return TB_OK;
}

enum tb_rc ctl_served_history(struct ctl *ctl, tb_str id, tb_str field, struct ctl_rows *ret,
                              struct tb_error *err)
{
    struct ctl_rows all = {0};
    tb_str cursor = TB_STR_NULL;
    enum tb_rc rc = TB_OK;
    do {
        struct ctl_rows page = {0};
        const struct tb_tree *root = NULL;
        struct ctl_url url;
        ctl_url_init(&url, "/tickets");
        ctl_url_segment(&url, id);
        ctl_url_segment(&url, TB_LIT("history"));
        ctl_url_add_int(&url, "limit", PAGE_MAX);
        ctl_url_add(&url, "cursor", cursor);
        rc = ctl_server_get(ctl, &url, &root, err);
        rc = rc == TB_OK ? ctl_rows_read(ctl, tb_tree_get(root, "history"),
                                         MEMBERS(history_members), &page, err)
                         : rc;
        all = all.names ? all
                        : (struct ctl_rows){
                              .kinds = page.kinds, .names = page.names, .ncolumns = page.ncolumns};
        rc = rc == TB_OK ? ctl_rows_join(ctl, &all, &page, &all, err) : rc;
        cursor = rc == TB_OK ? ctl_told_text(root, "next_cursor") : TB_STR_NULL;
    } while (!tb_str_is_null(cursor));
    return rc == TB_OK ? reversed(ctl, &all, field, ret, err) : rc;
}

#define EDGE_COLUMNS(kind)                                                                         \
    {kind, 's', "ticket_id"}, {"dependency_type", 's', NULL}, {"title", 's', NULL},                \
        {"status", 's', NULL}, {"is_resolved", 'b', NULL}, {"is_deleted", 'b', NULL},              \
    {                                                                                              \
        "blocks", 'b', NULL                                                                        \
    }

static const struct ctl_member dependency_members[] = {EDGE_COLUMNS("depends_on")};
static const struct ctl_member dependent_members[] = {EDGE_COLUMNS("ticket_id")};
static const struct ctl_member child_members[] = {
    {"id", 's', "ticket_id"}, {"dependency_type", 's', NULL}, {"title", 's', NULL},
    {"status", 's', NULL},    {"is_resolved", 'b', NULL},     {"is_deleted", 'b', NULL},
};
static const struct ctl_member similar_members[] = {
    {"id", 's', "ticket_id"}, {"score", 'i', NULL},       {"title", 's', NULL},
    {"status", 's', NULL},    {"is_resolved", 'b', NULL}, {"is_deleted", 'b', NULL},
};
static const struct ctl_member comment_members[] = {
    {"id", 's', "comment_id"},   {"agent_id", 's', NULL},   {"comment_type", 's', NULL},
    {"comment_text", 's', NULL}, {"ticket_id", 's', NULL},  {"mentions", 'j', NULL},
    {"attachments", 'j', NULL},  {"created_at", 't', NULL}, {"updated_at", 't', NULL},
    {"is_edited", 'b', NULL},
};
static const struct ctl_member commit_members[] = {
    {"commit_sha", 's', NULL},       {"agent_id", 's', NULL},      {"commit_message", 's', NULL},
    {"commit_timestamp", 't', NULL}, {"files_changed", 'i', NULL}, {"insertions", 'i', NULL},
    {"deletions", 'i', NULL},        {"files_list", 'j', NULL},    {"linked_at", 't', NULL},
    {"link_method", 's', NULL},
};

static const struct ctl_member parked_members[] = {
    {"reason", 's', NULL},    {"code", 's', NULL},     {"message", 's', NULL},
    {"parked_at", 't', NULL}, {"deadline", 't', NULL}, {"waits_for", 's', NULL},
    {"waiting", 'i', NULL},
};

/* A column that the gateway leaves out because it is the same in every row. */
static void fill_text(const struct ctl_rows *rows, int column, tb_str text)
{
    for (int i = 0; i < rows->n; i++) {
        struct ctl_datum *d = &rows->data[i * rows->ncolumns + column];
        *d = (struct ctl_datum){.text = text, .given = true};
    }
}

static void fill_bool(const struct ctl_rows *rows, int column, bool value)
{
    for (int i = 0; i < rows->n; i++) {
        struct ctl_datum *d = &rows->data[i * rows->ncolumns + column];
        *d = (struct ctl_datum){.text = TB_LIT(""), .number = value, .given = true};
    }
}

/* The links that go this way. */
static enum tb_rc read_links(struct ctl *ctl, const struct tb_tree *links, const char *direction,
                             const struct ctl_member *members, struct ctl_rows *ret,
                             struct tb_error *err)
{
    struct tb_tree *list = TB_NEW(ctl->arena, struct tb_tree);
    struct tb_tree **end = list ? &list->first : NULL;
    for (const struct tb_tree *l = links ? links->first : NULL; l && end; l = l->next) {
        struct tb_tree *copy = TB_NEW(ctl->arena, struct tb_tree);
        if (copy && tb_str_eq_c(ctl_told_text(l, "direction"), direction)) {
            *copy = *l;
            copy->next = NULL;
            *end = copy;
            end = &copy->next;
            list->n++;
        }
    }
    if (!list) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    list->kind = TB_TREE_ARRAY;
    enum tb_rc rc = ctl_rows_read(ctl, list, members, 7, ret, err);
    if (rc == TB_OK) {
        fill_bool(ret, 6, false);
    }
    return rc;
}

/* Edges in the order of their types, "blocks" among the others. */
static enum tb_rc merge_edges(struct ctl *ctl, const struct ctl_rows *blocks,
                              const struct ctl_rows *links, struct ctl_rows *ret,
                              struct tb_error *err)
{
    size_t columns = (size_t)links->ncolumns;
    struct ctl_rows before = *links;
    struct ctl_rows after = *links;
    before.n = 0;
    while (before.n < links->n && tb_str_cmp(ctl_text(links, before.n, 1), TB_LIT("blocks")) < 0) {
        before.n++;
    }
    after.n = links->n - before.n;
    after.data = links->data + (size_t)before.n * columns;
    enum tb_rc rc = ctl_rows_join(ctl, &before, blocks, ret, err);
    return rc == TB_OK ? ctl_rows_join(ctl, ret, &after, ret, err) : rc;
}

static enum tb_rc read_edges(struct ctl *ctl, const struct tb_tree *root,
                             struct ctl_whole_ticket *ret, struct tb_error *err)
{
    struct ctl_rows blocks = {0};
    struct ctl_rows links = {0};
    const struct tb_tree *all = tb_tree_get(root, "links");
    bool open = !ctl_bool(&ret->ticket, 0, CTL_COL(IS_RESOLVED)) &&
                !ctl_bool(&ret->ticket, 0, CTL_COL(IS_DELETED));
    enum tb_rc rc = ctl_rows_read(ctl, tb_tree_get(root, "blocked_by"), MEMBERS(dependency_members),
                                  &blocks, err);
    rc = rc == TB_OK ? read_links(ctl, all, "out", dependency_members, &links, err) : rc;
    if (rc == TB_OK) {
        fill_text(&blocks, 1, TB_LIT("blocks"));
        rc = merge_edges(ctl, &blocks, &links, &ret->parts[CTL_DEPENDENCIES], err);
    }
    rc = rc == TB_OK ? ctl_rows_read(ctl, tb_tree_get(root, "blocks"), MEMBERS(dependent_members),
                                     &blocks, err)
                     : rc;
    rc = rc == TB_OK ? read_links(ctl, all, "in", dependent_members, &links, err) : rc;
    if (rc == TB_OK) {
        fill_text(&blocks, 1, TB_LIT("blocks"));
        fill_bool(&blocks, 6, open);
        rc = merge_edges(ctl, &blocks, &links, &ret->parts[CTL_DEPENDENTS], err);
    }
    return rc;
}

static const struct tb_tree *not_null(const struct tb_tree *tree)
{
    return tree && tree->kind != TB_TREE_NULL ? tree : NULL;
}

enum tb_rc ctl_served_ticket(struct ctl *ctl, tb_str id, bool history, struct ctl_whole_ticket *ret,
                             struct tb_error *err)
{
    const struct tb_tree *root = NULL;
    struct ctl_url url;
    ctl_url_init(&url, "/tickets");
    ctl_url_segment(&url, id);
    enum tb_rc rc = ctl_server_get(ctl, &url, &root, err);
    rc = rc == TB_OK ? read_tickets(ctl, tb_tree_get(root, "ticket"), &ret->ticket, err) : rc;
    if (rc == TB_OK && ret->ticket.n != 1) {
        rc = tb_fail(err, TB_EFATAL, "the gateway's answer has no ticket");
    }
    rc = rc == TB_OK ? read_edges(ctl, root, ret, err) : rc;
    rc = rc == TB_OK ? ctl_rows_read(ctl, tb_tree_get(root, "children"), MEMBERS(child_members),
                                     &ret->parts[CTL_CHILDREN], err)
                     : rc;
    rc = rc == TB_OK ? ctl_rows_read(ctl, tb_tree_get(root, "similar"), MEMBERS(similar_members),
                                     &ret->parts[CTL_SIMILAR], err)
                     : rc;
    rc = rc == TB_OK ? ctl_rows_read(ctl, tb_tree_get(root, "comments"), MEMBERS(comment_members),
                                     &ret->parts[CTL_COMMENTS], err)
                     : rc;
    rc = rc == TB_OK ? ctl_rows_read(ctl, tb_tree_get(root, "commits"), MEMBERS(commit_members),
                                     &ret->parts[CTL_COMMITS], err)
                     : rc;
    rc = rc == TB_OK ? ctl_rows_read(ctl, not_null(tb_tree_get(root, "parked")),
                                     MEMBERS(parked_members), &ret->parts[CTL_PARKED], err)
                     : rc;
    if (rc == TB_OK) {
        fill_text(&ret->parts[CTL_CHILDREN], 1, TB_LIT("child"));
        fill_text(&ret->parts[CTL_COMMENTS], 4, id);
        ret->nparts = CTL_HISTORY;
    }
    if (rc == TB_OK && history) {
        rc = ctl_served_history(ctl, id, TB_STR_NULL, &ret->parts[CTL_HISTORY], err);
        ret->nparts = CTL_PARTS;
    }
    return rc;
}

/* ---- boards ---- */

enum tb_rc ctl_served_boards(struct ctl *ctl, struct ctl_rows *ret, struct tb_error *err)
{
    static const struct ctl_member members[] = {
        {"workflow_id", 's', NULL}, {"name", 's', NULL},    {"version", 'i', NULL},
        {"columns", 's', NULL},     {"tickets", 'i', NULL}, {"resolved", 'i', NULL},
        {"blocked", 'i', NULL},
    };
    const struct tb_tree *root = NULL;
    struct ctl_url url;
    ctl_url_init(&url, "/workflows");
    ctl_url_add_bool(&url, "counts", true);
    enum tb_rc rc = ctl_server_get(ctl, &url, &root, err);
    return rc == TB_OK
               ? ctl_rows_read(ctl, tb_tree_get(root, "workflows"), MEMBERS(members), ret, err)
               : rc;
}

/* The board's columns in their order, with what they hold. */
static enum tb_rc read_columns(struct ctl *ctl, const struct tb_tree *root, struct ctl_rows *ret,
                               struct tb_error *err)
{
    static const struct ctl_member members[] = {
        {"id", 's', NULL},        {"name", 's', NULL},  {"color", 's', NULL},
        {"wip_limit", 'i', NULL}, {"count", 'i', NULL},
    };
    struct ctl_rows read = {0};
    const struct tb_tree *columns = tb_tree_get(root, "columns");
    const struct tb_tree *counts = tb_tree_get(root, "counts");
    enum tb_rc rc = ctl_rows_read(ctl, columns, MEMBERS(members), &read, err);
    size_t width = TB_COUNT(members);
    size_t n = (size_t)read.n;
    struct ctl_datum *data = TB_NEW_N(ctl->arena, struct ctl_datum, n * width + 1);
    int64_t *places = TB_NEW_N(ctl->arena, int64_t, n + 1);
    if (rc != TB_OK || !data || !places) {
        return rc != TB_OK ? rc : tb_fail(err, TB_ENOMEM, "out of memory");
    }
    size_t used = 0;
    for (const struct tb_tree *c = columns ? columns->first : NULL; c; c = c->next, used++) {
        const struct tb_tree *order = tb_tree_get(c, "order");
        int64_t place = order && order->kind == TB_TREE_INT ? order->integer : (int64_t)used + 1;
        size_t at = used;
        for (; at > 0 && places[at - 1] > place; at--) {
            places[at] = places[at - 1];
            memcpy(data + at * width, data + (at - 1) * width, width * sizeof *data);
        }
        places[at] = place;
        struct ctl_datum *row = data + at * width;
        memcpy(row, read.data + used * width, width * sizeof *data);
        row[1] = row[1].given ? row[1] : row[0];
        char id[300];
        (void)snprintf(id, sizeof id, "%.*s", TB_ARG(row[0].text));
        const struct tb_tree *count = tb_tree_get(counts, id);
        row[3].given = true;
        row[4] = (struct ctl_datum){
            .text = TB_LIT(""), .number = count ? count->integer : 0, .given = true};
    }
    read.data = data;
    *ret = read;
    return TB_OK;
}

static enum tb_rc read_cards(struct ctl *ctl, tb_str workflow, tb_str column, int64_t limit,
                             struct ctl_rows *ret, struct tb_error *err)
{
    const struct tb_tree *root = NULL;
    struct ctl_url url;
    ctl_url_init(&url, "/tickets/get");
    add_filters(ctl, &url);
    ctl_url_add(&url, "workflow_id", workflow);
    ctl_url_add(&url, "status", column);
    ctl_url_add(&url, "sort_by", TB_LIT("priority"));
    ctl_url_add_bool(&url, "total", false);
    ctl_url_add_int(&url, "limit", limit < PAGE_MAX ? limit : PAGE_MAX);
    add_all_fields(&url);
    enum tb_rc rc = ctl_server_get(ctl, &url, &root, err);
    return rc == TB_OK ? read_tickets(ctl, tb_tree_get(root, "tickets"), ret, err) : rc;
}

enum tb_rc ctl_served_board(struct ctl *ctl, tb_str workflow, int64_t limit,
                            struct ctl_board_view *ret, struct tb_error *err)
{
    static const struct ctl_member members[] = {
        {"workflow_id", 's', NULL},
        {"id", 's', "board_id"},
        {"name", 's', NULL},
        {"version", 'i', NULL},
        {"columns", 'j', NULL},
        {"ticket_types", 'j', NULL},
        {"default_ticket_type", 's', NULL},
        {"initial_status", 's', NULL},
        {"settings", 'j', NULL},
        {"created_at", 't', NULL},
        {"updated_at", 't', NULL},
    };
    const struct tb_tree *root = NULL;
    struct ctl_url url;
    ctl_url_init(&url, "/tickets/board-config");
    ctl_url_segment(&url, workflow);
    enum tb_rc rc = ctl_server_get(ctl, &url, &root, err);
    if (rc == TB_ENOTFOUND) {
        return tb_fail(err, rc, "the workflow %.*s has no board (ticketctl boards)",
                       TB_ARG(workflow));
    }
    rc = rc == TB_OK ? ctl_rows_read(ctl, root, MEMBERS(members), &ret->board, err) : rc;
    rc = rc == TB_OK ? read_columns(ctl, root, &ret->columns, err) : rc;
    rc = rc == TB_OK ? read_tickets(ctl, NULL, &ret->cards, err) : rc;
    for (int c = 0; rc == TB_OK && limit > 0 && c < ret->columns.n; c++) {
        struct ctl_rows cards = {0};
        if (ctl_int(&ret->columns, c, 4) > 0) {
            rc = read_cards(ctl, workflow, ctl_text(&ret->columns, c, 0), limit, &cards, err);
            rc = rc == TB_OK ? ctl_rows_join(ctl, &ret->cards, &cards, &ret->cards, err) : rc;
        }
    }
    return rc;
}

/* ---- outcomes ---- */

enum tb_rc ctl_served_outcome(struct ctl *ctl, tb_str command, tb_str source, struct ctl_rows *ret,
                              struct tb_error *err)
{
    static const struct ctl_member members[] = {
        {"command_id", 's', NULL},
        {"source", 's', NULL},
        {"type", 's', NULL},
        {"ticket_id", 's', "subject"},
        {"actor", 's', NULL},
        {"outcome", 's', NULL},
        {"code", 's', NULL},
        {"rule", 's', NULL},
        {"message", 's', NULL},
        {"version", 'i', NULL},
        {"applied_at", 't', NULL},
        {"parked_because", 's', NULL},
        {"topic_partition", 'i', NULL},
        {"record_offset", 'i', NULL},
        {"events", 'j', NULL},
    };
    const struct tb_tree *root = NULL;
    struct ctl_url url;
    ctl_url_init(&url, "/commands");
    ctl_url_segment(&url, command);
    ctl_url_add(&url, "source", source);
    ctl_url_add_bool(&url, "events", true);
    enum tb_rc rc = ctl_server_get(ctl, &url, &root, err);
    if (rc == TB_ENOTFOUND) {
        *ret = (struct ctl_rows){.n = 0};
        return TB_OK;
    }
    return rc == TB_OK ? ctl_rows_read(ctl, root, MEMBERS(members), ret, err) : rc;
}
