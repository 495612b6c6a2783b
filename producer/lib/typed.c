/* One function per type of command, with its required fields. */
#include "common/base/json_write.h"
#include "producer/lib/internal.h"

static struct ticketbus_command *make(enum tb_command_kind kind, const char *subject,
                                      struct ticketbus_error *err)
{
    struct ticketbus_command *cmd = NULL;
    (void)ticketbus_command_new(tb_command_types[kind].name, subject, &cmd, err);
    return cmd;
}

/* cmd, or NULL after freeing it when rc says so. */
static struct ticketbus_command *keep(struct ticketbus_command *cmd, enum ticketbus_rc rc)
{
    if (rc != TICKETBUS_OK) {
        ticketbus_command_free(cmd);
        return NULL;
    }
    return cmd;
}

static struct ticketbus_command *with(struct ticketbus_command *cmd, const char *field,
                                      const char *value, struct ticketbus_error *err)
{
    return cmd ? keep(cmd, ticketbus_command_set(cmd, field, value, err)) : NULL;
}

static struct ticketbus_command *with_optional(struct ticketbus_command *cmd, const char *field,
                                               const char *value, struct ticketbus_error *err)
{
    return value ? with(cmd, field, value, err) : cmd;
}

struct ticketbus_command *ticketbus_create(const char *workflow_id, const char *title,
                                           struct ticketbus_error *err)
{
    return with(with(make(TB_CMD_CREATE, NULL, err), "workflow_id", workflow_id, err), "title",
                title, err);
}

struct ticketbus_command *ticketbus_update(const char *ticket_id, struct ticketbus_error *err)
{
    return make(TB_CMD_UPDATE, ticket_id, err);
}

struct ticketbus_command *ticketbus_change_status(const char *ticket_id, const char *new_status,
                                                  struct ticketbus_error *err)
{
    return with(make(TB_CMD_CHANGE_STATUS, ticket_id, err), "new_status", new_status, err);
}

struct ticketbus_command *ticketbus_comment(const char *ticket_id, const char *text,
                                            struct ticketbus_error *err)
{
    return with(make(TB_CMD_COMMENT, ticket_id, err), "comment_text", text, err);
}

struct ticketbus_command *ticketbus_edit_comment(const char *ticket_id, const char *comment_id,
                                                 const char *text, struct ticketbus_error *err)
{
    return with(with(make(TB_CMD_EDIT_COMMENT, ticket_id, err), "comment_id", comment_id, err),
                "comment_text", text, err);
}

struct ticketbus_command *ticketbus_assign(const char *ticket_id, const char *agent_id,
                                           bool exclusive, struct ticketbus_error *err)
{
    struct ticketbus_command *cmd =
        with_optional(make(TB_CMD_ASSIGN, ticket_id, err), "assigned_agent_id", agent_id, err);
    return exclusive ? with(cmd, "exclusive", "true", err) : cmd;
}

struct ticketbus_command *ticketbus_unassign(const char *ticket_id, struct ticketbus_error *err)
{
    return make(TB_CMD_UNASSIGN, ticket_id, err);
}

struct ticketbus_command *ticketbus_link_commit(const char *ticket_id, const char *commit_sha,
                                                struct ticketbus_error *err)
{
    return with(make(TB_CMD_LINK_COMMIT, ticket_id, err), "commit_sha", commit_sha, err);
}

struct ticketbus_command *ticketbus_resolve(const char *ticket_id, const char *resolution_comment,
                                            struct ticketbus_error *err)
{
    return with(make(TB_CMD_RESOLVE, ticket_id, err), "resolution_comment", resolution_comment,
                err);
}

struct ticketbus_command *ticketbus_reopen(const char *ticket_id, const char *new_status,
                                           struct ticketbus_error *err)
{
    return with_optional(make(TB_CMD_REOPEN, ticket_id, err), "new_status", new_status, err);
}

struct ticketbus_command *ticketbus_delete(const char *ticket_id, struct ticketbus_error *err)
{
    return make(TB_CMD_DELETE, ticket_id, err);
}

struct ticketbus_command *ticketbus_restore(const char *ticket_id, struct ticketbus_error *err)
{
    return make(TB_CMD_RESTORE, ticket_id, err);
}

static struct ticketbus_command *blockers_of(enum tb_command_kind kind, const char *ticket_id,
                                             const char *const *blockers, size_t n,
                                             struct ticketbus_error *err)
{
    struct ticketbus_command *cmd = make(kind, ticket_id, err);
    return cmd ? keep(cmd,
                      ticketbus_command_set_list(cmd, "blocked_by_ticket_ids", blockers, n, err))
               : NULL;
}

struct ticketbus_command *ticketbus_block(const char *ticket_id, const char *const *blockers,
                                          size_t n, struct ticketbus_error *err)
{
    return blockers_of(TB_CMD_BLOCK, ticket_id, blockers, n, err);
}

struct ticketbus_command *ticketbus_unblock(const char *ticket_id, const char *const *blockers,
                                            size_t n, struct ticketbus_error *err)
{
    return blockers_of(TB_CMD_UNBLOCK, ticket_id, blockers, n, err);
}

static struct ticketbus_command *edges_of(enum tb_command_kind kind, const char *ticket_id,
                                          const struct ticketbus_dependency *dependencies, size_t n,
                                          struct ticketbus_error *err)
{
    struct ticketbus_command *cmd = make(kind, ticket_id, err);
    if (!cmd) {
        return NULL;
    }
    tb_buf json;
    tb_buf_init(&json, TICKETBUS_JSON_MAX);
    struct tb_json w = {.buf = &json};
    tb_json_open(&w, '[');
    for (size_t i = 0; i < n; i++) {
        tb_json_open(&w, '{');
        tb_json_key(&w, "depends_on");
        tb_json_string(&w, tb_str_of(dependencies[i].depends_on));
        tb_json_key(&w, "dependency_type");
        tb_json_string(&w, tb_str_of(dependencies[i].type));
        tb_json_close(&w, '}');
    }
    tb_json_close(&w, ']');
    enum ticketbus_rc rc = json.failed
                               ? tb_lib_no_memory(err)
                               : ticketbus_command_set_json(cmd, "dependencies", json.ptr, err);
    tb_buf_dispose(&json);
    return keep(cmd, rc);
}

struct ticketbus_command *ticketbus_link(const char *ticket_id,
                                         const struct ticketbus_dependency *dependencies, size_t n,
                                         struct ticketbus_error *err)
{
    return edges_of(TB_CMD_LINK, ticket_id, dependencies, n, err);
}

struct ticketbus_command *ticketbus_unlink(const char *ticket_id,
                                           const struct ticketbus_dependency *dependencies,
                                           size_t n, struct ticketbus_error *err)
{
    return edges_of(TB_CMD_UNLINK, ticket_id, dependencies, n, err);
}

struct ticketbus_command *ticketbus_import(const char *ticket_id, const char *workflow_id,
                                           struct ticketbus_error *err)
{
    return with(make(TB_CMD_IMPORT, ticket_id, err), "workflow_id", workflow_id, err);
}

struct ticketbus_command *ticketbus_board_put(const char *workflow_id, const char *board_json,
                                              struct ticketbus_error *err)
{
    struct ticketbus_command *cmd = make(TB_CMD_BOARD_PUT, workflow_id, err);
    return cmd ? keep(cmd, ticketbus_command_set_data(cmd, board_json, err)) : NULL;
}

struct ticketbus_command *ticketbus_replay(const char *ticket_id, struct ticketbus_error *err)
{
    return make(TB_CMD_REPLAY, ticket_id, err);
}

struct ticketbus_command *ticketbus_drop(const char *ticket_id, const char *waiting_id,
                                         struct ticketbus_error *err)
{
    return with_optional(make(TB_CMD_DROP, ticket_id, err), "waiting_id", waiting_id, err);
}
