#include "producer/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/uuid.h"
#include "producer/ctl/backend.h"

void ctl_say(const char *fmt, ...)
{
    char text[2000];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)fprintf(stderr, "ticketctl: %s\n", text);
}

int ctl_exit_of(enum tb_rc rc)
{
    switch (rc) {
    case TB_OK:
        return CTL_DONE;
    case TB_EINVAL:
        return CTL_USAGE;
    case TB_ERETRY:
    case TB_EUNAVAILABLE:
    case TB_EUNKNOWN:
        return CTL_UNREACHABLE;
    case TB_ENOMEM:
    case TB_ELIMIT:
    case TB_ENOTFOUND:
    case TB_ECONFLICT:
    case TB_EDATA:
    case TB_EFATAL:
        break;
    }
    return CTL_REJECTED;
}

int ctl_fail(const struct tb_error *err)
{
    if (strcmp(err->code, "42P01") == 0) {
        ctl_say("%s. Has the schema been made? ticketctl migrate up", err->text);
    } else if (err->field[0] && !strstr(err->text, err->field)) {
        ctl_say("%s: %s", err->field, err->text);
    } else {
        ctl_say("%s", err->text);
    }
    return ctl_exit_of(err->rc);
}

int ctl_usage(const struct ctl *ctl, const char *fmt, ...)
{
    char text[1000];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const struct ctl_command *c = ctl->args.command;
    ctl_say("%s", text);
    ctl_say("more: ticketctl %s%s--help", c ? c->name : "", c ? " " : "");
    return CTL_USAGE;
}

bool ctl_flush(struct ctl *ctl)
{
    tb_str rest = tb_buf_str(&ctl->out);
    while (rest.len) {
        ssize_t n = write(STDOUT_FILENO, rest.ptr, rest.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            tb_buf_clear(&ctl->out);
            return false;
        }
        rest.ptr += n;
        rest.len -= (size_t)n;
    }
    bool whole = !ctl->out.failed;
    if (!whole) {
        ctl_say("the answer is too large; ask for less with --limit");
    }
    tb_buf_clear(&ctl->out);
    return whole;
}

enum tb_rc ctl_need_pg(struct ctl *ctl, struct tb_error *err)
{
    return ctl->pg ? TB_OK : tb_pg_connect(ctl->cfg, "ticketctl", &ctl->pg, err);
}

enum tb_rc ctl_query(struct ctl *ctl, const char *sql, const struct tb_pg_params *params,
                     struct tb_pg_result **ret, struct tb_error *err)
{
    enum tb_rc rc = ctl_need_pg(ctl, err);
    return rc != TB_OK ? rc : tb_pg_exec(ctl->pg, sql, params, ret, err);
}

enum tb_rc ctl_read_file(struct ctl *ctl, const char *path, tb_str *ret, struct tb_error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return tb_fail(err, TB_EINVAL, "%s: %s", path, strerror(errno));
    }
    tb_buf buf;
    tb_buf_init(&buf, CTL_INPUT_MAX);
    enum tb_rc rc = TB_OK;
    for (;;) {
        char block[65536];
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            rc = tb_fail(err, TB_EINVAL, "%s: %s", path, strerror(errno));
        }
        if (n <= 0) {
            break;
        }
        tb_buf_add(&buf, block, (size_t)n);
    }
    if (!is_stdin) {
        (void)close(fd);
    }
    if (rc == TB_OK) {
        tb_buf_add(&buf, "", 0);
        *ret = buf.len ? tb_buf_take(&buf, ctl->arena) : TB_LIT("");
        if (buf.failed || tb_str_is_null(*ret)) {
            rc = tb_fail(err, TB_ELIMIT, "%s: too large", path);
        }
    }
    tb_buf_dispose(&buf);
    return rc;
}

/* ---- which ticket is meant ---- */

bool ctl_is_ticket_id(tb_str text)
{
    struct tb_uuid uuid;
    if (!tb_str_starts(text, "ticket-") ||
        !tb_uuid_parse((tb_str){text.ptr + 7, text.len - 7}, &uuid)) {
        return false;
    }
    char lower[TB_UUID_TEXT_LEN + 1];
    tb_uuid_format(&uuid, lower);
    return memcmp(text.ptr + 7, lower, TB_UUID_TEXT_LEN) == 0;
}

enum tb_rc ctl_ticket_id(struct ctl *ctl, tb_str given, tb_str *ret, struct tb_error *err)
{
    struct tb_uuid uuid;
    if (ctl_is_ticket_id(given)) {
        *ret = given;
        return TB_OK;
    }
    if (tb_uuid_parse(given, &uuid)) {
        char text[TB_UUID_TEXT_LEN + 1];
        tb_uuid_format(&uuid, text);
        *ret = tb_arena_printf(ctl->arena, "ticket-%s", text);
        return TB_OK;
    }
    struct ctl_rows found = {0};
    tb_str end = tb_uuid_is_end(given) ? given : TB_LIT("");
    enum tb_rc rc = ctl->backend->named(ctl, given, end, &found, err);
    if (rc != TB_OK) {
        return rc;
    }
    if (found.n == 1) {
        *ret = ctl_text(&found, 0, 0);
        return TB_OK;
    }
    if (found.n == 0) {
        return tb_fail(err, TB_ENOTFOUND,
                       "no ticket is called \"%.*s\" (give a ticket id, its external id, or the "
                       "last characters of its id)",
                       TB_ARG(given));
    }
    char all[300] = "";
    for (int i = 0; i < found.n; i++) {
        size_t used = strlen(all);
        (void)snprintf(all + used, sizeof all - used, "%s%.*s", i ? ", " : "",
                       TB_ARG(ctl_text(&found, i, 0)));
    }
    return tb_fail(err, TB_ECONFLICT, "\"%.*s\" could be any of: %s", TB_ARG(given), all);
}
