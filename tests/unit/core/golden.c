/* Compares the table of rules with the committed one.
 *
 *     golden FILE ACTUAL             compares; a difference is shown and leaves ACTUAL behind
 *     TB_GOLDEN_UPDATE=1 golden …    writes FILE anew
 *
 * Every rule of rules.def must appear. */
#include "tests/unit/core/golden.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char header[] =
    "# The table of rules, by tests/unit/core/golden.c: state x command x context -> decision.\n"
    "#\n"
    "# The subject is T. Around it: X open, R resolved, Z deleted, F of another workflow, P open,\n"
    "# Q a child of T and G a child of Q, V absent; Y waits for T, W waits for Y, N is related to "
    "T.\n"
    "# The actor is ann. After a command's name come its states in context \"plain\", then those "
    "of\n"
    "# other contexts where the decision differs from plain.\n"
    "# An event shows what changes as before>after (ticket.created: after alone), + and - what\n"
    "# comes and goes, who, and the time if it is not that of the command; ~: updated_at stays; => "
    "an internal "
    "command.\n";

/* ---- states ---- */

static struct tb_ticket subject;

static void with_note(struct kit *k)
{
    const struct tb_comment comments[] = {
        {.id = kit_comment_id('c'),
         .ticket_id = kit_id('T'),
         .agent_id = TB_LIT("ann"),
         .text = TB_LIT("said"),
         .type = TB_LIT("general"),
         .created_at = KIT_OLD,
         .mentions = kit_ids(k, "X"),
         .updated_at = TB_TIME_NONE},
        {.id = kit_comment_id('b'),
         .ticket_id = kit_id('T'),
         .agent_id = TB_LIT("bob"),
         .text = TB_LIT("said"),
         .type = TB_LIT("general"),
         .created_at = KIT_OLD,
         .updated_at = TB_TIME_NONE},
        {.id = kit_comment_id('x'),
         .ticket_id = kit_id('X'),
         .agent_id = TB_LIT("ann"),
         .text = TB_LIT("said"),
         .type = TB_LIT("general"),
         .created_at = KIT_OLD,
         .updated_at = TB_TIME_NONE},
        {.id = kit_comment_id('n'),
         .ticket_id = kit_id('T'),
         .agent_id = TB_LIT("ann"),
         .text = TB_LIT("old words"),
         .type = TB_LIT("general"),
         .created_at = KIT_OLD,
         .updated_at = TB_TIME_NONE},
    };
    for (size_t i = 0; i < TB_COUNT(comments); i++) {
        if (tb_world_add_comment(k->w, &comments[i]) != TB_OK) {
            abort();
        }
    }
    if (tb_world_add_commit(k->w, kit_id('T'), TB_LIT("abc")) != TB_OK) {
        abort();
    }
}

static void set_str(enum tb_ticket_field f, tb_str s)
{
    subject.fields[f] = tb_value_str(s);
}

static void set_flag(enum tb_ticket_field f, enum tb_ticket_field time, bool on)
{
    subject.fields[f] = tb_value_bool(on);
    subject.fields[time] = tb_value_time(on ? KIT_OLD + 2 : TB_TIME_NONE);
}

static void set_blocked(struct kit *k, const char *letters)
{
    subject.fields[TB_TICKET_IS_BLOCKED] = tb_value_bool(true);
    subject.fields[TB_TICKET_BLOCKED_BY_TICKET_IDS] = tb_value_strs(kit_ids(k, letters));
}

static void set_done(struct kit *k)
{
    (void)k;
    set_str(TB_TICKET_STATUS, TB_LIT("done"));
    subject.fields[TB_TICKET_COMPLETED_AT] = tb_value_time(KIT_OLD + 1);
}

static void absent(struct kit *k)
{
    (void)k;
    subject = tb_ticket_absent(kit_id('T'));
}

static void todo(struct kit *k)
{
    (void)k;
}

static void doing(struct kit *k)
{
    (void)k;
    set_str(TB_TICKET_STATUS, TB_LIT("doing"));
    subject.fields[TB_TICKET_STARTED_AT] = tb_value_time(KIT_OLD + 1);
}

static void resolved(struct kit *k)
{
    set_done(k);
    set_flag(TB_TICKET_IS_RESOLVED, TB_TICKET_RESOLVED_AT, true);
}

static void deleted(struct kit *k)
{
    (void)k;
    set_flag(TB_TICKET_IS_DELETED, TB_TICKET_DELETED_AT, true);
}

static void gone(struct kit *k)
{
    deleted(k);
    set_str(TB_TICKET_STATUS, TB_LIT("gone"));
}

static void taken(struct kit *k)
{
    (void)k;
    set_str(TB_TICKET_ASSIGNED_AGENT_ID, TB_LIT("bob"));
    set_str(TB_TICKET_PARENT_TICKET_ID, kit_id('P'));
}

static void blocked(struct kit *k)
{
    kit_edge(k, 'T', 'X', TB_EDGE_BLOCKS);
    set_blocked(k, "X");
}

static void released(struct kit *k)
{
    kit_edge(k, 'T', 'R', TB_EDGE_BLOCKS);
    set_blocked(k, "R");
}

static void unseen(struct kit *k)
{
    kit_edge(k, 'T', 'X', TB_EDGE_BLOCKS);
    kit_edge(k, 'T', 'V', TB_EDGE_BLOCKS);
}

static void foreign(struct kit *k)
{
    kit_edge(k, 'T', 'F', TB_EDGE_BLOCKS);
    kit_edge(k, 'T', 'F', "related");
    kit_edge(k, 'T', 'X', TB_EDGE_BLOCKS);
    set_blocked(k, "FX");
}

static const struct state {
    const char *name;
    void (*make)(struct kit *k);
} states[] = {
    {"absent", absent},   {"todo", todo},         {"deleted", deleted},  {"doing", doing},
    {"done", set_done},   {"resolved", resolved}, {"gone column", gone}, {"bob's, of P", taken},
    {"blocked", blocked}, {"released", released}, {"unseen", unseen},    {"foreign", foreign},
    {"noted", with_note},
};

#define BRIEF 3 /* the states a brief context looks at: absent, todo, deleted */

/* ---- contexts ---- */

static void plain(struct kit *k)
{
    (void)k;
}

static void admin(struct kit *k)
{
    static const tb_str admins[] = {{"ann", 3}};
    k->board.admins = (tb_strs){admins, 1};
}

static void by_system(struct kit *k)
{
    k->actor_type = TB_LIT("system");
}

static void no_board(struct kit *k)
{
    k->board.workflow_id = TB_LIT("none");
}

static void stale(struct kit *k)
{
    k->expected_version = 99;
}

static void last_wait(struct kit *k)
{
    k->ctx.last_wait = true;
}

static void full(struct kit *k)
{
    static struct tb_column columns[5];
    memcpy(columns, k->board.columns, sizeof columns);
    for (int i = 0; i < 3; i++) {
        columns[i].wip_limit = 2;
        if (tb_world_set_count(k->w, TB_COUNT_WIP, TB_LIT("wf"), columns[i].id, 2) != TB_OK) {
            abort();
        }
    }
    k->board.columns = columns;
}

static void strict(struct kit *k)
{
    static const tb_str from[] = {{"todo", 4}};
    static const tb_str doing_only[] = {{"doing", 5}};
    static const tb_strs to[] = {{doing_only, 1}};
    k->board.transitions = (struct tb_strings_map){from, to, 1};
    k->board.require_comment_on_status_change = true;
    k->board.allow_reopen = false;
    k->board.admin_on_blocked = (tb_strs){NULL, 0};
}

static void strict_admin(struct kit *k)
{
    strict(k);
    admin(k);
}

static void bare(struct kit *k)
{
    static const tb_str priorities[] = {{"p0", 2}, {"p1", 2}, {"p2", 2}};
    k->board.default_ticket_type = TB_STR_NULL;
    k->board.priorities = (tb_strs){priorities, 3};
}

static const struct context {
    const char *name;
    void (*make)(struct kit *k);
    bool brief; /* looks at the first few states alone: it says the same of all */
} contexts[] = {
    {"plain", plain, false},      {"admin", admin, false},
    {"system", by_system, false}, {"no board", no_board, true},
    {"stale", stale, true},       {"last wait", last_wait, false},
    {"full", full, false},        {"strict", strict, false},
    {"bare", bare, false},        {"strict, admin", strict_admin, false},
};

/* ---- the table ---- */

static void surroundings(struct kit *k)
{
    kit_ref(k, 'X', 0, 0);
    kit_ref(k, 'R', KIT_RESOLVED, 0);
    kit_ref(k, 'Z', KIT_DELETED, 0);
    kit_ref(k, 'F', KIT_FOREIGN, 0);
    kit_ref(k, 'P', 0, 0);
    kit_ref(k, 'Q', 0, 'T');
    kit_ref(k, 'G', 0, 'Q');
    kit_edge(k, 'Y', 'T', TB_EDGE_BLOCKS);
    kit_edge(k, 'W', 'Y', TB_EDGE_BLOCKS);
    kit_edge(k, 'N', 'T', "related");
    kit_ref(k, 'Y', 0, 0);
    kit_ref(k, 'W', 0, 0);
    kit_ref(k, 'N', 0, 0);
}

void golden_note(struct golden *g, const struct tb_decision *decision)
{
    for (int r = 0; r < TB_RULE_COUNT_; r++) {
        g->hit[r] = g->hit[r] || strcmp(tb_rules[r].id, decision->rule) == 0;
    }
}

void golden_line(struct golden *g, const char *state, const char *context, const char *outcome)
{
    tb_buf_printf(g->out, "%s [%s]\n    %s\n", context, state, outcome);
}

static void decide_case(struct golden *g, const struct state *state, const struct context *context,
                        enum tb_command_kind kind, const void *data, tb_buf *text)
{
    struct kit k;
    kit_open(&k);
    context->make(&k);
    subject = kit_ticket('T', "todo");
    state->make(&k);
    surroundings(&k);
    kit_add_board(&k);
    if (subject.version) {
        kit_add(&k, &subject);
    }
    struct tb_decision decision = kit_decide(&k, kind, 'T', data);
    golden_note(g, &decision);
    tb_buf_clear(text);
    kit_render(text, &decision);
    kit_close(&k);
}

/* The outcomes of one context, states of one outcome together; those equal to plain are left out.
 */
static void write_context(struct golden *g, size_t context, const tb_buf *outcomes,
                          const tb_buf *usual, size_t n)
{
    bool done[TB_COUNT(states)] = {false};
    for (size_t s = 0; s < n; s++) {
        if (done[s] || (usual && strcmp(outcomes[s].ptr, usual[s].ptr) == 0)) {
            continue;
        }
        tb_buf_printf(g->out, "%s [", contexts[context].name);
        for (size_t other = s; other < n; other++) {
            if (strcmp(outcomes[other].ptr, outcomes[s].ptr) == 0 &&
                (!usual || strcmp(outcomes[other].ptr, usual[other].ptr) != 0)) {
                tb_buf_printf(g->out, "%s%s", other == s ? "" : "; ", states[other].name);
                done[other] = true;
            }
        }
        tb_buf_printf(g->out, "]\n    %s\n", outcomes[s].ptr);
    }
}

void golden_command(struct golden *g, const char *name, enum tb_command_kind kind, const void *data)
{
    tb_buf_printf(g->out, "\n## %s%s%s\n", tb_command_types[kind].name, *name ? ": " : "", name);
    tb_buf outcomes[TB_COUNT(contexts)][TB_COUNT(states)];
    for (size_t c = 0; c < TB_COUNT(contexts); c++) {
        size_t n = contexts[c].brief ? BRIEF : TB_COUNT(states);
        for (size_t s = 0; s < n; s++) {
            tb_buf_init(&outcomes[c][s], 1 << 20);
            decide_case(g, &states[s], &contexts[c], kind, data, &outcomes[c][s]);
        }
        write_context(g, c, outcomes[c], c ? outcomes[0] : NULL, n);
    }
    for (size_t c = 0; c < TB_COUNT(contexts); c++) {
        for (size_t s = 0; s < (contexts[c].brief ? BRIEF : TB_COUNT(states)); s++) {
            tb_buf_dispose(&outcomes[c][s]);
        }
    }
}

/* ---- comparing ---- */

static bool write_file(const char *path, tb_str text)
{
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(text.ptr, 1, text.len, f) == text.len;
    return f && fclose(f) == 0 && ok;
}

static bool same_as_file(const char *path, tb_str text)
{
    FILE *f = fopen(path, "rb");
    char *have = malloc(text.len + 1);
    size_t n = f && have ? fread(have, 1, text.len + 1, f) : 0;
    bool same = have && n == text.len && memcmp(have, text.ptr, n) == 0;
    free(have);
    if (f) {
        (void)fclose(f);
    }
    return same;
}

static void show_difference(const char *path, const char *actual)
{
    char *const argv[] = {strdup("diff"), strdup("-u"), strdup(path), strdup(actual), NULL};
    pid_t pid = 0;
    int status = 0;
    if (posix_spawnp(&pid, "diff", NULL, NULL, argv, environ) != 0 ||
        waitpid(pid, &status, 0) != pid) {
        (void)fprintf(stderr, "could not run diff\n");
    }
    for (size_t i = 0; argv[i]; i++) {
        free(argv[i]);
    }
}

static int compare(const char *path, const char *actual, tb_str text)
{
    if (same_as_file(path, text)) {
        return 0;
    }
    if (write_file(actual, text)) {
        show_difference(path, actual);
    }
    (void)fprintf(stderr,
                  "\nThe rules differ from %s. If they should, run it again with "
                  "TB_GOLDEN_UPDATE=1 and commit the difference.\n",
                  path);
    return 1;
}

static int check_rules_hit(const struct golden *g)
{
    int missing = 0;
    for (int r = 0; r < TB_RULE_COUNT_; r++) {
        if (!g->hit[r]) {
            (void)fprintf(stderr, "rule %s is hit by no case\n", tb_rules[r].id);
            missing++;
        }
    }
    return missing;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: golden FILE ACTUAL\n");
        return 2;
    }
    tb_buf out;
    tb_buf_init(&out, (size_t)64 << 20);
    struct kit lists;
    kit_open(&lists);
    struct golden g = {.out = &out, .lists = &lists};
    tb_buf_add_c(&out, header);
    golden_tickets(&g);
    golden_boards(&g);
    golden_limits(&g);
    int failed = check_rules_hit(&g) != 0;
    if (out.failed) {
        failed = 1;
    } else if (getenv("TB_GOLDEN_UPDATE")) {
        failed |= !write_file(argv[1], tb_buf_str(&out));
    } else {
        failed |= compare(argv[1], argv[2], tb_buf_str(&out));
    }
    kit_close(&lists);
    tb_buf_dispose(&out);
    return failed;
}
