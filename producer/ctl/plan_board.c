/* The board an import makes where there is none. */
#include <string.h>

#include "common/base/json_write.h"
#include "producer/ctl/plan.h"

/* What beads calls its statuses; others count as work under way. */
static const char *category(tb_str status)
{
    static const char *const open[] = {"open", "blocked", "deferred", "backlog", "todo", "pinned"};
    static const char *const done[] = {"closed", "done", "resolved", "cancelled"};
    for (size_t i = 0; i < TB_COUNT(open); i++) {
        if (tb_str_eq_c(status, open[i])) {
            return "open";
        }
    }
    for (size_t i = 0; i < TB_COUNT(done); i++) {
        if (tb_str_eq_c(status, done[i])) {
            return "done";
        }
    }
    return "active";
}

static const char *color(const char *of)
{
    return strcmp(of, "open") == 0 ? "blue" : strcmp(of, "done") == 0 ? "green" : "yellow";
}

static void columns(struct tb_json *w, tb_strs statuses)
{
    static const char *const order[] = {"open", "active", "done"};
    tb_json_open(w, '[');
    for (size_t c = 0; c < TB_COUNT(order); c++) {
        for (size_t i = 0; i < statuses.n; i++) {
            if (strcmp(category(statuses.items[i]), order[c]) != 0) {
                continue;
            }
            tb_json_open(w, '{');
            tb_json_key(w, "id");
            tb_json_string(w, statuses.items[i]);
            tb_json_key(w, "category");
            tb_json_string(w, tb_str_of(order[c]));
            tb_json_key(w, "color");
            tb_json_string(w, tb_str_of(color(order[c])));
            tb_json_close(w, '}');
        }
    }
    tb_json_close(w, ']');
}

void ctl_plan_board(tb_strs statuses, tb_strs types, tb_strs priorities, tb_str workflow,
                    tb_str actor, tb_buf *out)
{
    static const tb_str common[] = {{"P0", 2}, {"P1", 2}, {"P2", 2}, {"P3", 2}, {"P4", 2}};
    struct tb_json w = {.buf = out};
    tb_str first = types.n ? types.items[0] : TB_LIT("task");
    tb_json_open(&w, '{');
    tb_json_key(&w, "name");
    tb_json_string(&w, workflow);
    tb_json_key(&w, "columns");
    columns(&w, statuses);
    tb_json_key(&w, "ticket_types");
    tb_json_strings(&w, types);
    tb_json_key(&w, "default_ticket_type");
    tb_json_string(&w, tb_strs_has(types, TB_LIT("task")) ? TB_LIT("task") : first);
    tb_json_key(&w, "initial_status");
    tb_json_string(&w, TB_LIT("open"));
    tb_json_key(&w, "settings");
    tb_json_open(&w, '{');
    tb_json_key(&w, "priorities");
    tb_json_open(&w, '[');
    for (size_t i = 0; i < TB_COUNT(common); i++) {
        tb_json_string(&w, common[i]);
    }
    for (size_t i = 0; i < priorities.n; i++) {
        if (!tb_strs_has((tb_strs){common, TB_COUNT(common)}, priorities.items[i])) {
            tb_json_string(&w, priorities.items[i]);
        }
    }
    tb_json_close(&w, ']');
    tb_json_key(&w, "default_priority");
    tb_json_string(&w, TB_LIT("P2"));
    tb_json_key(&w, "admins");
    tb_json_strings(&w, (tb_strs){&actor, 1});
    tb_json_key(&w, "allow_reopen");
    tb_json_bool(&w, true);
    tb_json_close(&w, '}');
    tb_json_close(&w, '}');
}
