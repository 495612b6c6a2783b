/* ticketctl: finds the command, checks what was typed, runs it. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "producer/ctl/ctl.h"
#include "producer/ctl/docs.h"
#include "producer/ctl/server.h"
#include "ticketbus/ticketbus.h"

/* Commands about this program work whatever the settings are. */
static bool needs_settings(const struct ctl_command *c)
{
    return strcmp(c->group, "This program") != 0 || strcmp(c->name, "settings") == 0;
}

/* What libraries say about connections is said by our errors too: shown when asked for. */
static void set_log_level(const struct tb_config *cfg)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (size_t i = 0; i < TB_COUNT(names); i++) {
        if (strcmp(tb_config_str(cfg, TB_CFG(LOG_LEVEL)), names[i]) == 0) {
            tb_log_init("ticketctl", (enum tb_log_level)i, false);
        }
    }
}

/* Help is wrapped whether anybody looks or not. */
static struct ctl_term help_term(const struct ctl *ctl)
{
    struct ctl_term t = ctl->term;
    t.width = t.width > 100 || t.width == 0 ? 100 : t.width;
    return t;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    struct tb_error err = {0};
    if (argc == 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        struct ctl_term term = help_term(ctl);
        ctl_docs_overview(&term, &ctl->out);
        return argc == 0 ? CTL_USAGE : CTL_DONE;
    }
    if (strcmp(argv[0], "--version") == 0) {
        tb_buf_add_c(&ctl->out, "ticketctl " TB_VERSION "\n");
        return CTL_DONE;
    }
    if (ctl_args_parse(argc, argv, ctl->arena, &ctl->args, &err) != TB_OK) {
        return err.rc == TB_EINVAL ? ctl_usage(ctl, "%s", err.text) : ctl_fail(&err);
    }
    const struct ctl_command *c = ctl->args.command;
    if (ctl_flag(&ctl->args, "help")) {
        struct ctl_term term = help_term(ctl);
        ctl_docs_command(c, ctl->arena, &term, &ctl->out);
        return CTL_DONE;
    }
    ctl->json = ctl_flag(&ctl->args, "json");
    tb_str config = ctl_opt(&ctl->args, "config");
    if (!tb_str_is_null(config) && setenv("TICKETBUS_CONFIG", config.ptr, 1) != 0) {
        return CTL_REJECTED;
    }
    if (needs_settings(c) && tb_config_load('C', &ctl->cfg, &err) != TB_OK) {
        return ctl_fail(&err);
    }
    if (ctl->cfg && tb_config_given(ctl->cfg, TB_CFG(LOG_LEVEL))) {
        set_log_level(ctl->cfg);
    }
    enum tb_rc rc = ctl->cfg ? ctl_server_choose(ctl, &err) : TB_OK;
    if (rc != TB_OK) {
        return rc == TB_EINVAL ? ctl_usage(ctl, "%s", err.text) : ctl_fail(&err);
    }
    return c->run(ctl);
}

int main(int argc, char **argv)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    (void)signal(SIGPIPE, SIG_IGN);
    tb_log_init("ticketctl", TB_LOG_ERROR, false);
    struct ctl ctl = {.arena = tb_arena_new(0), .term = ctl_term_of(STDOUT_FILENO)};
    if (!ctl.arena) {
        (void)fputs("ticketctl: out of memory\n", stderr);
        return CTL_REJECTED;
    }
    tb_buf_init(&ctl.out, CTL_OUT_MAX);
    int code = run(&ctl, argc > 0 ? argc - 1 : 0, argv + 1);
    if (!ctl_flush(&ctl) && code == CTL_DONE) {
        code = CTL_REJECTED;
    }
    tb_buf_dispose(&ctl.out);
    ticketbus_outcome_free(ctl.outcome);
    ctl_server_free(ctl.server);
    tb_pg_free(ctl.pg);
    tb_config_free(ctl.cfg);
    tb_arena_free(ctl.arena);
    return code;
}
