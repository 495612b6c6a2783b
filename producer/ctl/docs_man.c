/* Man pages (roff) and docs/ticketctl.md. */
#include <ctype.h>
#include <string.h>

#include "producer/ctl/ctl.h"
#include "producer/ctl/docs.h"

/* ---- roff ---- */

/* Text in a roff paragraph: backslashes and leading dots escaped, hyphens kept as typed. */
static void roff(tb_buf *out, tb_str text)
{
    bool start = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (start && (c == '.' || c == '\'')) {
            tb_buf_add_c(out, "\\&");
        }
        if (c == '\\') {
            tb_buf_add_c(out, "\\e");
        } else if (c == '-') {
            tb_buf_add_c(out, "\\-");
        } else {
            tb_buf_add_char(out, c);
        }
        start = c == '\n';
    }
}

static void roff_paragraphs(tb_buf *out, const char *text)
{
    while (*text) {
        const char *end = strchr(text, '\n');
        size_t len = end ? (size_t)(end - text) : strlen(text);
        tb_buf_add_c(out, ".PP\n");
        roff(out, (tb_str){text, len});
        tb_buf_add_char(out, '\n');
        text += len + (end ? 1 : 0);
    }
}

static void roff_head(tb_buf *out, const char *title, const char *name, const char *summary)
{
    tb_buf_add_c(out, ".TH ");
    for (const char *c = title; *c; c++) {
        tb_buf_add_char(out, (char)toupper((unsigned char)*c));
    }
    tb_buf_printf(out, " 1 \"\" \"ticketbus %s\" \"Ticketbus\"\n.SH NAME\n", TB_VERSION);
    roff(out, tb_str_of(name));
    tb_buf_add_c(out, " \\- ");
    roff(out, tb_str_of(summary));
    tb_buf_add_c(out, "\n.SH SYNOPSIS\n");
}

static void roff_options(const struct ctl_option *options, size_t n, tb_buf *out)
{
    tb_buf_add_c(out, ".SH OPTIONS\n");
    for (size_t i = 0; i < n; i++) {
        tb_buf text;
        tb_buf_init(&text, 4000);
        ctl_docs_option_names(&options[i], &text);
        tb_buf_add_c(out, ".TP\n.B ");
        roff(out, tb_buf_str(&text));
        tb_buf_add_char(out, '\n');
        tb_buf_clear(&text);
        ctl_docs_option_text(&options[i], &text);
        roff(out, tb_buf_str(&text));
        tb_buf_add_char(out, '\n');
        tb_buf_dispose(&text);
    }
}

void ctl_docs_man_command(const struct ctl_command *c, struct tb_arena *arena, tb_buf *out)
{
    const struct ctl_option *options;
    size_t n;
    tb_str title = tb_arena_printf(arena, "ticketctl-%s", c->name);
    if (tb_str_is_null(title) || !ctl_command_options(c, arena, &options, &n)) {
        return;
    }
    char *name = tb_arena_alloc(arena, title.len + 1);
    for (size_t i = 0; name && i < title.len; i++) {
        name[i] = title.ptr[i] == ' ' ? '-' : title.ptr[i];
    }
    roff_head(out, name ? name : "", name ? name : "", c->summary);
    tb_buf_add_c(out, ".B ");
    roff(out, tb_arena_printf(arena, "ticketctl %s", c->name));
    tb_buf_add_c(out, "\n");
    roff(out, tb_arena_printf(arena, "%s%s[options]", c->args, c->args[0] ? " " : ""));
    tb_buf_add_c(out, "\n.SH DESCRIPTION\n");
    roff(out, tb_str_of(c->summary));
    tb_buf_add_char(out, '\n');
    if (c->details) {
        roff_paragraphs(out, c->details);
    }
    if (strstr(c->args, "TICKET")) {
        roff_paragraphs(out, CTL_DOCS_TICKET);
    }
    if (c->kind != CTL_NO_KIND) {
        roff_paragraphs(out, CTL_DOCS_TEXT);
    }
    roff_options(options, n, out);
    tb_buf_add_c(out, ".SH EXIT STATUS\n");
    roff(out, TB_LIT(CTL_EXIT_CODES));
    tb_buf_add_c(out, "\n.SH SEE ALSO\n.BR ticketctl (1)\n");
}

void ctl_docs_man(struct tb_arena *arena, tb_buf *out)
{
    roff_head(out, "ticketctl", "ticketctl", "work with Ticketbus from a shell");
    tb_buf_add_c(out, ".B ticketctl\nCOMMAND [arguments] [options]\n.SH DESCRIPTION\n");
    roff(out, TB_LIT(CTL_DOCS_INTRO));
    tb_buf_add_char(out, '\n');
    roff_paragraphs(out, CTL_DOCS_TICKET);
    roff_paragraphs(out, CTL_DOCS_TEXT);
    for (size_t g = 0; ctl_docs_group(g); g++) {
        tb_buf_add_c(out, ".SH ");
        for (const char *c = ctl_docs_group(g); *c; c++) {
            tb_buf_add_char(out, (char)toupper((unsigned char)*c));
        }
        tb_buf_add_char(out, '\n');
        for (size_t i = 0; i < ctl_ncommands; i++) {
            const struct ctl_command *c = &ctl_commands[i];
            if (strcmp(c->group, ctl_docs_group(g)) == 0) {
                tb_buf_add_c(out, ".TP\n.B ");
                roff(out,
                     tb_arena_printf(arena, "%s%s%s", c->name, c->args[0] ? " " : "", c->args));
                tb_buf_add_char(out, '\n');
                roff(out, tb_str_of(c->summary));
                tb_buf_add_char(out, '\n');
            }
        }
    }
    tb_buf_add_c(out, ".SH EXIT STATUS\n");
    roff(out, TB_LIT(CTL_EXIT_CODES));
    tb_buf_add_c(out,
                 "\n.SH ENVIRONMENT\nSettings are environment variables, or lines NAME=value of "
                 "the file named by\n.BR TICKETBUS_CONFIG .\n");
    for (int i = 0; i < TB_SETTING_COUNT_; i++) {
        if (strchr(tb_settings[i].programs, 'C')) {
            tb_buf_printf(out, ".TP\n.B %s\n", tb_settings[i].name);
            roff(out, tb_str_of(tb_settings[i].doc));
            tb_buf_add_char(out, '\n');
        }
    }
}

/* ---- Markdown ---- */

static void cell(tb_buf *out, tb_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '|' || text.ptr[i] == '<') {
            tb_buf_add_char(out, '\\');
        }
        tb_buf_add_char(out, text.ptr[i]);
    }
}

static void markdown_command(const struct ctl_command *c, struct tb_arena *arena, tb_buf *out)
{
    const struct ctl_option *options;
    size_t n;
    if (!ctl_command_options(c, arena, &options, &n)) {
        return;
    }
    tb_buf_printf(out, "\n### %s\n\n```\nticketctl %s %s%s[options]\n```\n\n%s\n", c->name, c->name,
                  c->args, c->args[0] ? " " : "", c->summary);
    for (const char *p = c->details; p && *p;) {
        const char *end = strchr(p, '\n');
        size_t len = end ? (size_t)(end - p) : strlen(p);
        tb_buf_add_char(out, '\n');
        cell(out, (tb_str){p, len});
        tb_buf_add_char(out, '\n');
        p += len + (end ? 1 : 0);
    }
    tb_buf_add_c(out, "\n| option | |\n| --- | --- |\n");
    for (size_t i = 0; i < n; i++) {
        const char *name = options[i].name;
        if (strcmp(name, "help") == 0 || strcmp(name, "config") == 0) {
            continue; /* said once, for all */
        }
        tb_buf text;
        tb_buf_init(&text, 4000);
        tb_buf_add_c(out, "| `");
        ctl_docs_option_names(&options[i], out);
        tb_buf_add_c(out, "` | ");
        ctl_docs_option_text(&options[i], &text);
        cell(out, tb_buf_str(&text));
        tb_buf_add_c(out, " |\n");
        tb_buf_dispose(&text);
    }
}

void ctl_docs_markdown(struct tb_arena *arena, tb_buf *out)
{
    tb_buf_add_c(out, "# ticketctl\n\n<!-- Generated by `ticketctl help --markdown`; do not edit. "
                      "-->\n\n" CTL_DOCS_INTRO "\n\n");
    cell(out, TB_LIT(CTL_DOCS_TICKET " " CTL_DOCS_TEXT));
    tb_buf_add_c(out, "\n\nExit codes: " CTL_EXIT_CODES
                      "\n\nEvery command also takes `--help` and `--config FILE` (settings, see "
                      "`docs/configuration.md`). Colors and progress show on terminals only; "
                      "`NO_COLOR` turns colors off.\n");
    for (size_t g = 0; ctl_docs_group(g); g++) {
        tb_buf_printf(out, "\n## %s\n", ctl_docs_group(g));
        for (size_t i = 0; i < ctl_ncommands; i++) {
            if (strcmp(ctl_commands[i].group, ctl_docs_group(g)) == 0) {
                markdown_command(&ctl_commands[i], arena, out);
            }
        }
    }
}
