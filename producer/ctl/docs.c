/* Help for people at a terminal. */
#include "producer/ctl/docs.h"

#include <string.h>

#include "common/base/attr.h"
#include "producer/ctl/ctl.h"

static const char *const groups[] = {"Tickets",     "Boards",    "Reading",
                                     "Moving data", "Operating", "This program"};

const char *ctl_docs_group(size_t i)
{
    return i < TB_COUNT(groups) ? groups[i] : NULL;
}

void ctl_docs_option_names(const struct ctl_option *o, tb_buf *out)
{
    if (o->letter) {
        tb_buf_printf(out, "-%c, ", o->letter);
    }
    tb_buf_printf(out, "--%s", o->name);
    if (o->alias) {
        tb_buf_printf(out, ", --%s", o->alias);
    }
    if (o->value) {
        tb_buf_printf(out, " %s", o->value);
    }
}

void ctl_docs_option_text(const struct ctl_option *o, tb_buf *out)
{
    tb_buf_add_c(out, o->doc);
    for (size_t i = 0; o->choices && o->choices[i]; i++) {
        tb_buf_printf(out, "%s%s", i ? ", " : " One of: ", o->choices[i]);
    }
    if (o->choices) {
        tb_buf_add_char(out, '.');
    }
}

static void heading(const struct ctl_term *term, const char *text, tb_buf *out)
{
    ctl_text_cell(out, term, CTL_BOLD, tb_str_of(text), 0, 0);
    tb_buf_add_char(out, '\n');
}

/* "  left   text", the text wrapped beside a column of its own. */
static void entry(const struct ctl_term *term, tb_str left, tb_str text, size_t column, tb_buf *out)
{
    char indent[64];
    tb_buf wrapped;
    tb_buf_init(&wrapped, 20000);
    memset(indent, ' ', sizeof indent);
    indent[column] = 0;
    tb_buf_add_c(out, "  ");
    tb_buf_add_str(out, left);
    if (left.len + 4 > column) {
        tb_buf_add_char(out, '\n');
        ctl_text_wrap(out, text, term->width, indent);
    } else {
        ctl_text_wrap(&wrapped, text, term->width, indent);
        tb_str rest = tb_buf_str(&wrapped);
        size_t skip = left.len + 2;
        tb_buf_add(out, rest.ptr + skip, rest.len - skip);
    }
    tb_buf_dispose(&wrapped);
}

void ctl_docs_overview(const struct ctl_term *term, tb_buf *out)
{
    tb_buf_add_c(out, "Usage: ticketctl COMMAND [arguments] [options]\n\n");
    ctl_text_wrap(out, TB_LIT(CTL_DOCS_INTRO), term->width, "");
    for (size_t g = 0; g < TB_COUNT(groups); g++) {
        tb_buf_add_char(out, '\n');
        heading(term, groups[g], out);
        for (size_t i = 0; i < ctl_ncommands; i++) {
            const struct ctl_command *c = &ctl_commands[i];
            if (strcmp(c->group, groups[g]) == 0) {
                entry(term, tb_str_of(c->name), tb_str_of(c->summary), 19, out);
            }
        }
    }
    tb_buf_add_c(out, "\nticketctl COMMAND --help shows a command's arguments and options.\n");
    ctl_text_wrap(out, TB_LIT("Exit codes: " CTL_EXIT_CODES), term->width, "");
    ctl_text_wrap(out,
                  TB_LIT("Settings come from the environment or the file named by "
                         "TICKETBUS_CONFIG; ticketctl settings lists them."),
                  term->width, "");
}

void ctl_docs_command(const struct ctl_command *c, struct tb_arena *arena,
                      const struct ctl_term *term, tb_buf *out)
{
    const struct ctl_option *options;
    size_t n;
    if (!ctl_command_options(c, arena, &options, &n)) {
        return;
    }
    tb_buf_printf(out, "Usage: ticketctl %s %s%s[options]\n\n", c->name, c->args,
                  c->args[0] ? " " : "");
    ctl_text_wrap(out, tb_str_of(c->summary), term->width, "");
    if (c->details) {
        tb_buf_add_char(out, '\n');
        ctl_text_wrap(out, tb_str_of(c->details), term->width, "");
    }
    if (strstr(c->args, "TICKET")) {
        tb_buf_add_char(out, '\n');
        ctl_text_wrap(out, TB_LIT(CTL_DOCS_TICKET), term->width, "");
    }
    tb_buf_add_char(out, '\n');
    heading(term, "Options", out);
    for (size_t i = 0; i < n; i++) {
        tb_buf names;
        tb_buf text;
        tb_buf_init(&names, 1000);
        tb_buf_init(&text, 4000);
        ctl_docs_option_names(&options[i], &names);
        ctl_docs_option_text(&options[i], &text);
        entry(term, tb_buf_str(&names), tb_buf_str(&text), 30, out);
        tb_buf_dispose(&text);
        tb_buf_dispose(&names);
    }
    if (c->kind != CTL_NO_KIND) {
        tb_buf_add_char(out, '\n');
        ctl_text_wrap(out, TB_LIT(CTL_DOCS_TEXT), term->width, "");
    }
    tb_buf_add_char(out, '\n');
    ctl_text_wrap(out, TB_LIT("Exit codes: " CTL_EXIT_CODES), term->width, "");
}
