/* The commands that change one ticket, and board put. */
#include <string.h>

#include "common/json/dom.h"
#include "common/json/record.h"
#include "producer/ctl/bus.h"
#include "producer/ctl/fields.h"
#include "producer/ctl/verbs.h"

int ctl_run_write(struct ctl *ctl)
{
    struct tb_error err = {0};
    enum tb_command_kind kind = ctl->args.command->kind;
    void *data = NULL;
    tb_str subject = TB_STR_NULL;
    enum tb_rc rc = TB_OK;
    if (kind != TB_CMD_CREATE) {
        rc = ctl_ticket_id(ctl, ctl->args.args[0], &subject, &err);
    }
    rc = rc == TB_OK ? ctl_fields_read(ctl, &data, &err) : rc;
    if (rc != TB_OK) {
        return err.rc == TB_EINVAL ? ctl_usage(ctl, "%s", err.text) : ctl_fail(&err);
    }
    tb_buf json;
    tb_buf_init(&json, CTL_OUT_MAX);
    struct tb_json w = {.buf = &json};
    tb_record_write(tb_command_types[kind].record, data, &w);
    struct ticketbus_command *cmd = NULL;
    rc = ctl_bus_command(ctl, tb_command_types[kind].name, subject,
                         json.len ? tb_buf_str(&json) : TB_LIT("{}"), &cmd, &err);
    tb_buf_dispose(&json);
    return rc == TB_OK ? ctl_send_one(ctl, cmd) : ctl_fail(&err);
}

/* ---- board put ---- */

/* What a printed board has beside its data. */
static bool is_board_field(tb_str name)
{
    return tb_record_find(&tb_record_board_put, name) >= 0;
}

static bool is_ignored(tb_str name)
{
    static const char *const ignored[] = {"id", "workflow_id", "version", "created_at",
                                          "updated_at"};
    for (size_t i = 0; i < TB_COUNT(ignored); i++) {
        if (tb_str_eq_c(name, ignored[i])) {
            return true;
        }
    }
    return false;
}

/* The file holds a board's data, a whole command, or what ticketctl board --json prints. */
static enum tb_rc read_board(struct ctl *ctl, const struct tb_node *root, tb_str *ret_workflow,
                             tb_buf *data, struct tb_error *err)
{
    const struct tb_node *board = tb_node_get(root, "data")    ? tb_node_get(root, "data")
                                  : tb_node_get(root, "board") ? tb_node_get(root, "board")
                                                               : root;
    tb_str workflow = ctl_opt(&ctl->args, "workflow");
    tb_str said = tb_node_str(tb_node_get(root, "subject"));
    said = tb_str_is_null(said) ? tb_node_str(tb_node_get(board, "workflow_id")) : said;
    *ret_workflow = tb_arena_str(ctl->arena, tb_str_is_null(workflow) ? said : workflow);
    if (tb_str_is_null(*ret_workflow)) {
        return tb_fail(err, TB_EINVAL, "of which workflow is the board? --workflow ID");
    }
    struct tb_json w = {.buf = data};
    void *at = NULL;
    tb_str name;
    const struct tb_node *value;
    tb_json_open(&w, '{');
    while (tb_node_next(board, &at, &name, &value)) {
        if (is_board_field(name) || !is_ignored(name)) {
            tb_json_key_str(&w, name);
            tb_node_write(value, &w);
        }
    }
    tb_json_close(&w, '}');
    return data->failed ? tb_fail(err, TB_ELIMIT, "the board is too large") : TB_OK;
}

int ctl_run_board_put(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_dom *dom = NULL;
    struct ticketbus_command *cmd = NULL;
    tb_str text;
    tb_str workflow;
    tb_buf data;
    tb_buf_init(&data, CTL_OUT_MAX);
    enum tb_rc rc = ctl_read_file(ctl, ctl->args.args[0].ptr, &text, &err);
    rc = rc == TB_OK ? tb_dom_parse(text, 0, &dom, &err) : rc;
    rc = rc == TB_OK ? read_board(ctl, tb_dom_root(dom), &workflow, &data, &err) : rc;
    rc = rc == TB_OK ? ctl_bus_command(ctl, "board.put", workflow, tb_buf_str(&data), &cmd, &err)
                     : rc;
    tb_buf_dispose(&data);
    tb_dom_free(dom);
    return rc == TB_OK ? ctl_send_one(ctl, cmd) : ctl_fail(&err);
}
