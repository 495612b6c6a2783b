/* help, completion, version, settings. */
#include <string.h>

#include "producer/ctl/ctl.h"
#include "producer/ctl/docs.h"
#include "producer/ctl/verbs.h"

static const struct ctl_command *find(const struct ctl_args *args)
{
    for (size_t i = 0; i < ctl_ncommands; i++) {
        const char *name = ctl_commands[i].name;
        const char *blank = strchr(name, ' ');
        tb_str first = {name, blank ? (size_t)(blank - name) : strlen(name)};
        bool two = args->nargs > 1;
        if (tb_str_eq(args->args[0], first) && two == (blank != NULL) &&
            (!two || tb_str_eq_c(args->args[1], blank + 1))) {
            return &ctl_commands[i];
        }
    }
    return NULL;
}

int ctl_run_help(struct ctl *ctl)
{
    const struct ctl_command *c = NULL;
    if (ctl->args.nargs > 0 && !(c = find(&ctl->args))) {
        return ctl_usage(ctl, "there is no command \"%.*s%s%.*s\"", TB_ARG(ctl->args.args[0]),
                         ctl->args.nargs > 1 ? " " : "",
                         TB_ARG(ctl->args.nargs > 1 ? ctl->args.args[1] : TB_STR_NULL));
    }
    if (ctl_flag(&ctl->args, "markdown")) {
        ctl_docs_markdown(ctl->arena, &ctl->out);
    } else if (ctl_flag(&ctl->args, "man") && c) {
        ctl_docs_man_command(c, ctl->arena, &ctl->out);
    } else if (ctl_flag(&ctl->args, "man")) {
        ctl_docs_man(ctl->arena, &ctl->out);
    } else if (ctl_flag(&ctl->args, "names")) {
        for (size_t i = 0; i < ctl_ncommands; i++) {
            tb_buf_printf(&ctl->out, "%s\n", ctl_commands[i].name);
        }
    } else if (c) {
        ctl_docs_command(c, ctl->arena, &ctl->term, &ctl->out);
    } else {
        ctl_docs_overview(&ctl->term, &ctl->out);
    }
    return CTL_DONE;
}

int ctl_run_completion(struct ctl *ctl)
{
    tb_str shell = ctl->args.args[0];
    if (tb_str_eq_c(shell, "bash")) {
        ctl_docs_bash(ctl->arena, &ctl->out);
    } else if (tb_str_eq_c(shell, "zsh")) {
        ctl_docs_zsh(ctl->arena, &ctl->out);
    } else {
        return ctl_usage(ctl, "completion exists for bash and zsh, not for \"%.*s\"",
                         TB_ARG(shell));
    }
    return CTL_DONE;
}

int ctl_run_version(struct ctl *ctl)
{
    if (ctl->json) {
        tb_buf_add_c(&ctl->out, "{\"version\":\"" TB_VERSION "\"}\n");
    } else {
        tb_buf_add_c(&ctl->out, "ticketctl " TB_VERSION "\n");
    }
    return CTL_DONE;
}

int ctl_run_settings(struct ctl *ctl)
{
    struct tb_json w = {.buf = &ctl->out};
    if (ctl->json) {
        tb_json_open(&w, '{');
    }
    for (int i = 0; i < TB_SETTING_COUNT_; i++) {
        const struct tb_setting_info *info = &tb_settings[i];
        if (!strchr(info->programs, 'C')) {
            continue;
        }
        bool given = tb_config_given(ctl->cfg, (enum tb_setting)i);
        const char *value = tb_config_str(ctl->cfg, (enum tb_setting)i);
        bool hidden = info->secret && value[0];
        if (ctl->json) {
            tb_json_key(&w, info->name);
            tb_json_string(&w, tb_str_of(hidden ? "(secret)" : value));
            continue;
        }
        tb_str line = tb_arena_printf(ctl->arena, "%s=%s", info->name, hidden ? "(secret)" : value);
        ctl_text_cell(&ctl->out, &ctl->term, given ? CTL_BOLD : CTL_PLAIN, line, 0,
                      ctl->term.tty ? 50 : 0);
        if (ctl->term.tty) {
            tb_buf_add_c(&ctl->out, "  ");
            ctl_text_cell(&ctl->out, &ctl->term, CTL_DIM, tb_str_of(info->doc),
                          ctl->term.width > 72 ? ctl->term.width - 52 : 20, 0);
        }
        tb_buf_add_char(&ctl->out, '\n');
    }
    if (ctl->json) {
        tb_json_close(&w, '}');
        tb_buf_add_char(&ctl->out, '\n');
    }
    return CTL_DONE;
}
