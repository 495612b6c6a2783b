/* One ticket with everything that belongs to it, and its history, by SQL. */
#include "producer/ctl/direct.h"
#include "producer/ctl/tickets.h"

/* What belongs to a ticket, in the order shown. $1 is its id. */
static const struct part {
    const char *kinds;
    const char *sql;
} parts[CTL_PARTS] = {
    [CTL_DEPENDENCIES] =
        {"ssssbbb",
         "SELECT d.depends_on, d.dependency_type, o.title, o.status, o.is_resolved, o.is_deleted,"
         "  d.dependency_type = 'blocks' AND NOT COALESCE(o.is_resolved OR o.is_deleted, false) AS "
         "blocks"
         " FROM ticket_dependencies d LEFT JOIN tickets o ON o.id = d.depends_on"
         " WHERE d.ticket_id = $1 ORDER BY d.dependency_type, d.created_at, d.depends_on"},
    [CTL_DEPENDENTS] =
        {"ssssbbb",
         "SELECT d.ticket_id, d.dependency_type, o.title, o.status, o.is_resolved, o.is_deleted,"
         "  d.dependency_type = 'blocks' AND NOT (b.is_resolved OR b.is_deleted) AS blocks"
         " FROM ticket_dependencies d JOIN tickets o ON o.id = d.ticket_id"
         " JOIN tickets b ON b.id = d.depends_on"
         " WHERE d.depends_on = $1 ORDER BY d.dependency_type, d.created_at, d.ticket_id"},
    [CTL_CHILDREN] =
        {"ssssbb",
         "SELECT o.id, 'child' AS dependency_type, o.title, o.status, o.is_resolved, o.is_deleted"
         " FROM tickets o WHERE o.parent_ticket_id = $1 ORDER BY o.created_at, o.id"},
    [CTL_SIMILAR] =
        {"sissbb",
         "SELECT s.value->>'ticket_id' AS id, (s.value->>'score')::int AS score, o.title, o.status,"
         " o.is_resolved, o.is_deleted FROM ticket_history h,"
         " jsonb_path_query(h.metadata, '$.similar[*]') WITH ORDINALITY s(value, place)"
         " LEFT JOIN tickets o ON o.id = s.value->>'ticket_id'"
         " WHERE h.ticket_id = $1 AND h.change_type = 'similar_found'"
         " ORDER BY h.version, s.place LIMIT 10"},
    [CTL_COMMENTS] =
        {"sssssjjttb",
         "SELECT id, agent_id, comment_type, comment_text, ticket_id, mentions, attachments, "
         "created_at,"
         "  updated_at, is_edited FROM ticket_comments WHERE ticket_id = $1 ORDER BY created_at, "
         "id"},
    [CTL_COMMITS] =
        {"ssstiiijts",
         "SELECT commit_sha, agent_id, commit_message, commit_timestamp, files_changed, insertions,"
         "  deletions, files_list, linked_at, link_method FROM ticket_commits WHERE ticket_id = $1"
         " ORDER BY linked_at, commit_sha"},
    [CTL_PARKED] = {"sssttsi",
                    "SELECT reason, code, message, parked_at, deadline, waits_for,"
                    "  (SELECT count(*) FROM parked_commands c WHERE c.ticket_id = $1) AS waiting"
                    " FROM parked_tickets WHERE ticket_id = $1"},
    [CTL_HISTORY] =
        {"isssssjts",
         "SELECT version, change_type, field_name, old_value, new_value, change_description, "
         "metadata,"
         "  changed_at, agent_id FROM ticket_history WHERE ticket_id = $1 ORDER BY version, id"},
};

/* A ticket whose create waits is not there yet. */
static enum tb_rc not_there(struct ctl *ctl, tb_str id, const struct tb_pg_params *p,
                            struct tb_error *err)
{
    struct ctl_rows r = {0};
    enum tb_rc rc = ctl_rows_query(ctl, parts[CTL_PARKED].sql, p, parts[CTL_PARKED].kinds, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    return r.n == 0
               ? tb_fail(err, TB_ENOTFOUND, "there is no ticket %.*s", TB_ARG(id))
               : tb_fail(err, TB_ENOTFOUND,
                         "there is no ticket %.*s yet, %.*s commands wait (%.*s): ticketctl dlq "
                         "show %.*s",
                         TB_ARG(id), TB_ARG(ctl_text(&r, 0, 6)), TB_ARG(ctl_text(&r, 0, 1)),
                         TB_ARG(id));
}

enum tb_rc ctl_direct_ticket(struct ctl *ctl, tb_str id, bool history, struct ctl_whole_ticket *ret,
                             struct tb_error *err)
{
    struct tb_pg_params p;
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_str(&p, id);
    tb_str sql =
        tb_arena_printf(ctl->arena, "SELECT %s FROM tickets t WHERE t.id = $1", ctl_ticket_columns);
    enum tb_rc rc = ctl_rows_query(ctl, sql.ptr, &p, ctl_ticket_kinds, &ret->ticket, err);
    if (rc == TB_OK && ret->ticket.n == 0) {
        rc = not_there(ctl, id, &p, err);
    }
    size_t n = history ? CTL_PARTS : CTL_HISTORY;
    while (rc == TB_OK && ret->nparts < n) {
        const struct part *part = &parts[ret->nparts];
        rc = ctl_rows_query(ctl, part->sql, &p, part->kinds, &ret->parts[ret->nparts], err);
        ret->nparts += rc == TB_OK;
    }
    return rc;
}

enum tb_rc ctl_direct_must_exist(struct ctl *ctl, tb_str id, struct tb_error *err)
{
    struct tb_pg_params p;
    struct ctl_rows found = {0};
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_str(&p, id);
    enum tb_rc rc =
        ctl_rows_query(ctl, "SELECT 1 FROM tickets WHERE id = $1", &p, "i", &found, err);
    return rc == TB_OK && found.n == 0
               ? tb_fail(err, TB_ENOTFOUND, "there is no ticket %.*s", TB_ARG(id))
               : rc;
}

enum tb_rc ctl_direct_history(struct ctl *ctl, tb_str id, tb_str field, struct ctl_rows *ret,
                              struct tb_error *err)
{
    struct tb_pg_params p;
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_str(&p, id);
    tb_pg_add_str(&p, field);
    enum tb_rc rc = ctl_direct_must_exist(ctl, id, err);
    return rc != TB_OK
               ? rc
               : ctl_rows_query(
                     ctl,
                     "SELECT version, change_type, field_name, old_value, new_value,"
                     "  change_description, metadata, changed_at, agent_id FROM ticket_history"
                     " WHERE ticket_id = $1 AND ($2::text IS NULL OR field_name = $2)"
                     " ORDER BY version, id",
                     &p, parts[CTL_HISTORY].kinds, ret, err);
}
