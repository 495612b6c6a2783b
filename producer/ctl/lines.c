#include "producer/ctl/lines.h"

#include <stdio.h>
#include <string.h>

#include "common/json/dom.h"
#include "producer/ctl/bus.h"

bool ctl_next_line(tb_str *rest, tb_str *ret, size_t *number)
{
    while (rest->len) {
        const char *end = memchr(rest->ptr, '\n', rest->len);
        size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
        tb_str line = {rest->ptr, len};
        rest->ptr += len + (end ? 1 : 0);
        rest->len -= len + (end ? 1 : 0);
        (*number)++;
        while (line.len && strchr(" \t\r", line.ptr[line.len - 1])) {
            line.len--;
        }
        while (line.len && strchr(" \t", line.ptr[0])) {
            line.ptr++;
            line.len--;
        }
        if (line.len) {
            *ret = line;
            return true;
        }
    }
    return false;
}

/* Attributes that the library sets itself, or that are no attributes. */
static bool is_structural(tb_str name)
{
    static const char *const names[] = {"type", "subject", "data", "specversion",
                                        "datacontenttype"};
    for (size_t i = 0; i < TB_COUNT(names); i++) {
        if (tb_str_eq_c(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* A C string of at most a few hundred bytes; longer attributes are refused by the library. */
static const char *text_of(const struct tb_node *value, char *room, size_t size)
{
    tb_str s = tb_node_str(value);
    if (tb_node_kind(value) == TB_NODE_INT) {
        (void)snprintf(room, size, "%lld", (long long)tb_node_int(value, 0));
        return room;
    }
    if (tb_str_is_null(s) || s.len >= size || memchr(s.ptr, 0, s.len)) {
        return NULL;
    }
    memcpy(room, s.ptr, s.len);
    room[s.len] = 0;
    return room;
}

static enum tb_rc fill(const struct tb_node *root, struct ticketbus_command *cmd,
                       struct tb_error *err)
{
    struct ticketbus_error why = {0};
    void *at = NULL;
    tb_str name;
    const struct tb_node *value;
    while (tb_node_next(root, &at, &name, &value)) {
        char key[100];
        char text[4096];
        if (is_structural(name) || tb_node_kind(value) == TB_NODE_NULL) {
            continue;
        }
        (void)snprintf(key, sizeof key, "%.*s", TB_ARG(name));
        if (name.len >= sizeof key || !text_of(value, text, sizeof text)) {
            return tb_fail_field(err, TB_EINVAL, key, "%.60s must be a short string", key);
        }
        if (ticketbus_command_attribute(cmd, key, text, &why) != TICKETBUS_OK) {
            return ctl_bus_error(&why, err);
        }
    }
    const struct tb_node *data = tb_node_get(root, "data");
    tb_buf json;
    tb_buf_init(&json, CTL_OUT_MAX);
    struct tb_json w = {.buf = &json};
    if (data) {
        tb_node_write(data, &w);
    } else {
        tb_buf_add_c(&json, "{}");
    }
    enum tb_rc rc = TB_OK;
    if (json.failed) {
        rc = tb_fail(err, TB_ENOMEM, "out of memory");
    } else if (ticketbus_command_set_data(cmd, json.ptr, &why) != TICKETBUS_OK) {
        rc = ctl_bus_error(&why, err);
    }
    tb_buf_dispose(&json);
    return rc;
}

enum tb_rc ctl_line_command(tb_str line, struct ticketbus_command **ret, struct tb_error *err)
{
    struct tb_dom *dom = NULL;
    struct ticketbus_command *cmd = NULL;
    struct ticketbus_error why = {0};
    char type[100];
    char subject[300];
    enum tb_rc rc = tb_dom_parse(line, 0, &dom, err);
    if (rc != TB_OK) {
        return rc;
    }
    const struct tb_node *root = tb_dom_root(dom);
    if (!text_of(tb_node_get(root, "type"), type, sizeof type)) {
        rc = tb_fail_field(err, TB_EINVAL, "type", "a command is an object with a \"type\"");
    }
    const char *about = text_of(tb_node_get(root, "subject"), subject, sizeof subject);
    if (rc == TB_OK && ticketbus_command_new(type, about, &cmd, &why) != TICKETBUS_OK) {
        rc = ctl_bus_error(&why, err);
    }
    rc = rc == TB_OK ? fill(root, cmd, err) : rc;
    tb_dom_free(dom);
    if (rc != TB_OK) {
        ticketbus_command_free(cmd);
        return rc;
    }
    *ret = cmd;
    return TB_OK;
}
